//! The price paths the bundled data tell: importers and market together.

use gpubourse::importers::bundled::{Bundled, GCP, PRESS};
use gpubourse::importers::series::{SeriesKey, points};
use gpubourse::importers::{Options, QuoteKind, import};
use gpubourse::market::drawdown::{Drawdown, daily, drawdown};
use gpubourse::types::{Price, Symbol, Timestamp};

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
    let quotes = import(file.format, file.name, text.as_bytes(), &Options::default()).unwrap().quotes;
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
