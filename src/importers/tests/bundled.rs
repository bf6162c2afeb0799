//! What the bundled files give, figure by figure.

use super::*;
use crate::importers::bundled::{ALL, Bundled, GCP, GPU_SPECS_CSV, GPURENTALPRICES, PRESS, VAST};
use crate::importers::series::{SeriesKey, keys, points};
use crate::market::Day;
use crate::market::drawdown::{Drawdown, daily, drawdown};
use crate::types::{Price, Symbol};

fn h100(source: &str, kind: QuoteKind, region: Option<&str>) -> SeriesKey {
    SeriesKey {
        source: source.to_owned(),
        kind,
        term: None,
        product: Symbol::new("h100-unspecified-80gb").unwrap(),
        region: region.map(str::to_owned),
    }
}

fn path(file: &Bundled, change: (&str, &str), key: &SeriesKey) -> Drawdown {
    let text = std::str::from_utf8(file.bytes).unwrap();
    assert!(change.0.is_empty() || text.contains(change.0));
    let text = if change.0.is_empty() { text.to_owned() } else { text.replace(change.0, change.1) };
    let quotes = read(file.format, text, &Options::default()).quotes;
    drawdown(&daily(&points(&quotes, key))).unwrap()
}

fn on(day: &str) -> Timestamp {
    Timestamp::parse(&format!("{day}T00:00:00Z")).unwrap()
}

/// Price to the cent, as people write it.
fn cents(price: Price) -> i64 {
    (price.micros() + 5_000).div_euclid(10_000)
}

#[test]
fn the_spot_price_of_an_h100_fell_and_came_back() {
    let key = h100("gcp", QuoteKind::Spot, Some("us-central1"));
    let found = path(&GCP, ("", ""), &key);
    assert_eq!((cents(found.first.price), found.first.at), (774, on("2024-05-17")));
    assert_eq!((cents(found.peak.price), found.peak.at), (782, on("2024-05-21")));
    assert_eq!((cents(found.current.price), found.current.at), (633, on("2026-07-30")));
    assert_eq!(found.days_since_peak, 800);
    assert_eq!(found.drawdown.unwrap().to_string(), "-0.1909"); // 6.326193 / 7.818416 - 1
    let trough = found.trough.unwrap();
    assert_eq!((trough.point.price.micros(), trough.point.at), (2_545_687, on("2025-09-25")));
    assert_eq!(cents(trough.point.price), 255);
    assert_eq!(trough.drawdown.unwrap().to_string(), "-0.6744"); // 2.545687 / 7.818416 - 1
    assert_eq!(trough.rebound.unwrap().to_string(), "1.4851"); // 6.326193 / 2.545687 - 1
}

#[test]
fn a_changed_row_moves_the_spot_path() {
    let key = h100("gcp", QuoteKind::Spot, Some("us-central1"));
    let plain = path(&GCP, ("", ""), &key);
    let higher = path(&GCP, ("62.5473249221918", "72.0"), &key);
    assert_eq!((higher.peak.price.micros(), higher.peak.at), (9_000_000, plain.peak.at));
    let first = path(&GCP, ("61.94814684", "64.0"), &key);
    assert_eq!((first.first.price.micros(), first.peak.at), (8_000_000, on("2024-05-17")));
    let last = path(&GCP, ("50.6095408219178", "4.0"), &key);
    assert_ne!(last.current, plain.current);
    assert_ne!(last.trough, plain.trough);
}

#[test]
fn the_press_saw_the_peak_at_eight() {
    let key = h100("press", QuoteKind::OnDemand, None);
    let found = path(&PRESS, ("", ""), &key);
    assert_eq!((found.peak.price.micros(), found.peak.at), (8_000_000, on("2023-01-01")));
    assert_eq!((found.current.price.micros(), found.current.at), (2_000_000, on("2024-10-01")));
    assert_eq!(found.drawdown.unwrap().to_string(), "-0.7500");
    let moved = path(&PRESS, ("H100,8.00,", "H100,9.00,"), &key);
    assert_eq!(moved.peak.price.micros(), 9_000_000);
    let committed = SeriesKey { term: Some("1y".to_owned()), kind: QuoteKind::Committed, ..key };
    let found = path(&PRESS, ("", ""), &committed);
    assert_eq!((found.first.price.micros(), found.current.price.micros()), (1_700_000, 2_650_000));
}

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
    assert!(Day::of(on("2026-07-29")).to_string() == "2026-07-29");
}
