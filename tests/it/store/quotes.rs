//! Imported prices.

use gpubourse::store::StoreError;
use gpubourse::store::quotes::{NewQuote, QuoteFilter, Series, insert, names, page, series};
use gpubourse::store::read::Page;
use gpubourse::types::Price;

use super::sample;
use crate::backend::for_each_backend;

fn quote(number: i64, kind: &str, region: Option<&str>) -> NewQuote {
    NewQuote {
        source: "gcp".into(),
        kind: kind.into(),
        term: "hour".into(),
        product: "h100-sxm-80gb".into(),
        region: region.map(str::to_owned),
        observed_at: sample::at(-number),
        fetched_at: (number % 2 == 0).then(|| sample::at(0)),
        raw_price: "61.92".into(),
        raw_unit: "machine".into(),
        raw_count: (number % 2 == 0).then_some(8),
        price: Price::from_micros(7_740_000 + number),
        stale: number == 1,
        outlier: number == 2,
        note: format!("note {number}"),
        content_key: format!("{kind}-{number}"),
    }
}

#[test]
fn importing_twice_changes_nothing() {
    for_each_backend(|backend| {
        let store = backend.open();
        let mut writer = store.writer().unwrap();
        let rows: Vec<_> = (0..500).map(|number| quote(number, "spot", Some("us-central1"))).collect();
        assert_eq!(writer.side(|db| insert(db, &rows)).unwrap(), 500);
        assert_eq!(writer.side(|db| insert(db, &rows)).unwrap(), 0);
        let more = [rows[3].clone(), quote(0, "ask", None), quote(0, "ask", None), rows[4].clone()];
        assert_eq!(writer.side(|db| insert(db, &more)).unwrap(), 1);
        let found = store.read(|db| page(db, &QuoteFilter::default(), Page::first(1_000))).unwrap().rows;
        assert_eq!(found.len(), 501);
        assert!(found.iter().zip(&found[1..]).all(|(a, b)| a.id > b.id));
        for (number, found) in found.iter().rev().take(500).enumerate() {
            assert_eq!(found.quote, rows[number]);
        }
        let many: Vec<_> = (0..501).map(|number| quote(number, "spot", None)).collect();
        assert!(matches!(writer.side(|db| insert(db, &many)), Err(StoreError::TooMany(501))));
        assert_eq!(writer.side(|db| insert(db, &[])).unwrap(), 0);
    });
}

#[test]
fn quotes_are_filtered_paged_and_put_in_order() {
    for_each_backend(|backend| {
        let store = backend.open();
        let mut rows: Vec<_> = (1..=5).map(|number| quote(number, "spot", Some("us-central1"))).collect();
        rows.extend((6..=7).map(|number| quote(number, "spot", None)));
        rows.push(NewQuote { source: "press".into(), product: "H100".into(), ..quote(8, "index", None) });
        assert_eq!(store.writer().unwrap().side(|db| insert(db, &rows)).unwrap(), 8);
        let find = |filter: QuoteFilter, before: Option<i64>| {
            let found = store.read(|db| page(db, &filter, Page { before, limit: 3 })).unwrap();
            found.rows.iter().map(|found| found.id).collect::<Vec<_>>()
        };
        let any = QuoteFilter::default();
        assert_eq!(find(any.clone(), None), [8, 7, 6]);
        assert_eq!(find(any.clone(), Some(3)), [2, 1]);
        assert_eq!(find(QuoteFilter { source: Some("press".into()), ..any.clone() }, None), [8]);
        assert_eq!(find(QuoteFilter { kind: Some("spot".into()), ..any.clone() }, None), [7, 6, 5]);
        assert_eq!(find(QuoteFilter { product: Some("H100".into()), ..any.clone() }, None), [8]);
        assert_eq!(find(QuoteFilter { region: Some("us-central1".into()), ..any.clone() }, None), [5, 4, 3]);
        let within = QuoteFilter { from: Some(sample::at(-3)), until: Some(sample::at(-1)), ..any };
        assert_eq!(find(within, None), [3, 2]);
        let all = store.read(names).unwrap();
        let name = |product: &str, source: &str, kind: &str, region: Option<&str>| Series {
            product: product.into(),
            source: source.into(),
            kind: kind.into(),
            term: "hour".into(),
            region: region.map(str::to_owned),
        };
        let central = name("h100-sxm-80gb", "gcp", "spot", Some("us-central1"));
        let nowhere = name("h100-sxm-80gb", "gcp", "spot", None);
        assert_eq!(all, [name("H100", "press", "index", None), nowhere.clone(), central.clone()]);
        let ids =
            |name: &Series| store.read(|db| series(db, name)).unwrap().iter().map(|found| found.id).collect::<Vec<_>>();
        // Another term is another series.
        assert_eq!(ids(&Series { term: "year".into(), ..central.clone() }), [0; 0]);
        // The oldest first, whatever the order of import.
        assert_eq!(ids(&central), [5, 4, 3, 2, 1]);
        assert_eq!(ids(&nowhere), [7, 6]);
    });
}
