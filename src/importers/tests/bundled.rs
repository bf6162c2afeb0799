//! What the bundled files give, figure by figure.

use super::*;
use crate::importers::bundled::{ALL, Bundled, GCP, GPU_SPECS_CSV, GPURENTALPRICES, PRESS, VAST};
use crate::importers::series::{keys, points};
use crate::types::Price;

#[test]
fn every_bundled_row_is_taken_or_refused_for_a_reason() {
    let read = |file: &Bundled| read(file.format, file.bytes, &Options::default());
    let got = read(&VAST);
    assert_eq!((got.rows, got.quotes.len(), got.offers.len(), got.merged, got.refused.len()), (248, 496, 161, 87, 0));
    let got = read(&GPURENTALPRICES);
    let codes = counts(got.refused.iter().map(|refused| refused.refusal.code));
    assert_eq!(codes, BTreeMap::from([(RefusalCode::Serverless, 49)]));
    assert_eq!((got.rows, got.quotes.len() + got.refused.len() + usize::try_from(got.repeated).unwrap()), (292, 292));
    let got = read(&GCP);
    assert_eq!((got.rows, got.refused.len(), got.offers.len()), (932, 0, 0));
    assert_eq!(counts(got.quotes.iter().map(|quote| quote.kind))[&QuoteKind::Spot], 801);
    let got = read(&PRESS);
    assert_eq!((got.rows, got.quotes.len(), got.refused.len()), (11, 11, 0));
}

#[test]
fn every_quote_belongs_to_one_series() {
    let quotes = read(GCP.format, GCP.bytes, &Options::default()).quotes;
    let h100: Vec<_> = keys(&quotes).into_iter().filter(|key| key.product.as_str().starts_with("h100")).collect();
    let named: Vec<_> = h100.iter().map(|key| (key.kind.as_str(), key.term.as_deref().unwrap_or_default())).collect();
    assert_eq!(named, [("on_demand", ""), ("spot", ""), ("committed", "1y"), ("committed", "3y")]);
    let in_series: usize = keys(&quotes).iter().map(|key| points(&quotes, key).len()).sum();
    assert_eq!(in_series, quotes.iter().filter(|quote| !quote.outlier).count());
}

#[test]
fn the_forty_dollar_a100_is_kept_and_flagged() {
    let got = read(VAST.format, VAST.bytes, &Options::default());
    let asks = got.quotes.iter().filter(|quote| quote.kind == QuoteKind::Ask);
    let dear: Vec<_> = asks.filter(|quote| quote.price > Price::from_micros(30_000_000)).collect();
    assert_eq!(dear.len(), 1);
    assert_eq!((dear[0].product.as_str(), dear[0].outlier), ("a100-pcie-80gb", true));
}

#[test]
fn the_same_file_has_the_same_keys_and_no_key_twice() {
    for file in ALL {
        let first = read(file.format, file.bytes, &Options::default());
        let second = import(file.format, "another/name", file.bytes, &Options::default()).unwrap();
        assert_eq!(first, second, "{}", file.name);
        let keys = counts(first.quotes.iter().map(|quote| &quote.content_key));
        assert_eq!(keys.len(), first.quotes.len(), "{}", file.name);
        let names = counts(first.offers.iter().map(|offer| &offer.external_id));
        assert_eq!(names.len(), first.offers.len(), "{}", file.name);
    }
}

#[test]
fn every_bundled_file_is_accounted_for() {
    let readme = include_str!("../../../data/README.md");
    for file in ALL {
        assert!(readme.contains(&format!("`{}`", file.name)), "{}", file.name);
        assert!(!file.attribution.is_empty());
    }
    assert!(GPU_SPECS_CSV.starts_with(b"manufacturer,name,"));
}
