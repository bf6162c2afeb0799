//! What a restart finds, at its edges.

use std::sync::Arc;

use gpubourse::exchange::Changes;
use gpubourse::exchange::entities::{Counters, Order};
use gpubourse::store::{StoreError, quotes};
use gpubourse::types::limits::CLIENT_ORDER_ID_MS;
use gpubourse::types::{OrderStatus, Price};

use super::{commit, run, sample};
use crate::backend::{Backend, for_each_backend};

#[test]
fn client_order_ids_are_remembered_while_open_and_for_seven_days() {
    for_each_backend(|backend| {
        let placed = |number: i64, age_ms: i64, status: OrderStatus| Order {
            placed_at: sample::at(-age_ms),
            status,
            ..sample::bid(number)
        };
        let orders = [
            placed(1, CLIENT_ORDER_ID_MS + 5, OrderStatus::Open),
            placed(2, CLIENT_ORDER_ID_MS + 1, OrderStatus::Filled),
            placed(3, CLIENT_ORDER_ID_MS, OrderStatus::Filled),
            placed(4, CLIENT_ORDER_ID_MS - 1, OrderStatus::Cancelled),
            Order { client_order_id: None, fingerprint: None, ..placed(5, 9, OrderStatus::Filled) },
            placed(6, 1, OrderStatus::PartiallyFilled),
        ];
        let changes = Changes {
            placed: orders.iter().cloned().map(Arc::new).collect(),
            orders: orders.iter().map(|order| (order.id, Arc::new(order.clone()))).collect(),
            counters: Counters { now: sample::at(0), ..Counters::default() },
            ..Changes::default()
        };
        let mut writer = backend.open().writer().unwrap();
        commit(&mut writer, &sample::batch(1, [0; 32], &["{}"], changes)).unwrap();
        let snapshot = writer.load().unwrap().snapshot;
        let named: Vec<_> = snapshot
            .client_orders
            .iter()
            .map(|((_, id), named)| (id.as_str(), named.order.number(), named.ended))
            .collect();
        assert_eq!(named, [("bid-1 é", 1, false), ("bid-4 é", 4, true), ("bid-6 é", 6, false)]);
        assert_eq!(snapshot.orders, [Arc::new(orders[0].clone()), Arc::new(orders[5].clone())]);
    });
}

#[test]
fn a_state_that_does_not_fit_the_journal_is_not_loaded() {
    for_each_backend(|backend| {
        let mut writer = backend.open().writer().unwrap();
        commit(&mut writer, &sample::first()).unwrap();
        writer.write_waiting().unwrap();
        for sql in [
            "UPDATE exchange_state SET last_sequence = 1",
            "UPDATE exchange_state SET last_hash = 'x'",
            "DELETE FROM exchange_state",
            "UPDATE order_states SET sold = '5:5' WHERE number = 1",
            "UPDATE organizations SET suspended = 7",
        ] {
            let undone = writer.side(|db| run(db, sql));
            undone.unwrap();
            assert!(matches!(writer.load(), Err(StoreError::Corrupt { .. })), "{sql}");
            // Put it back for the next one.
            let rows = "UPDATE organizations SET suspended = 0; UPDATE order_states SET sold = '' WHERE number = 1;";
            writer.side(|db| run(db, rows)).unwrap();
            writer.side(|db| run(db, "DELETE FROM exchange_state")).unwrap();
            let next = sample::batch(next_sequence(&mut writer), [0; 32], &["{}"], Changes::default());
            commit(&mut writer, &next).unwrap();
            writer.load().unwrap();
        }
    });
}

fn next_sequence(writer: &mut gpubourse::store::Writer) -> i64 {
    gpubourse::store::read::journal::head(writer.db()).unwrap().unwrap().sequence + 1
}

#[test]
fn a_large_log_is_folded_in_when_there_is_time() {
    let backend = Backend::sqlite();
    let store = backend.open();
    let mut writer = store.writer().unwrap();
    let quote = |number: i64| quotes::NewQuote {
        source: "s".into(),
        kind: "spot".into(),
        term: "hour".into(),
        product: "p".into(),
        region: None,
        observed_at: sample::at(number),
        fetched_at: None,
        raw_price: "9".repeat(100_000),
        raw_unit: "gpu".into(),
        raw_count: None,
        price: Price::from_micros(1),
        stale: false,
        outlier: false,
        note: String::new(),
        content_key: number.to_string(),
    };
    let rows: Vec<_> = (0..400).map(quote).collect();
    assert_eq!(writer.side(|db| quotes::insert(db, &rows)).unwrap(), 400);
    let log = || std::fs::metadata(format!("{}-wal", backend.path.as_deref().unwrap())).unwrap().len();
    assert!(log() > 32 * 1024 * 1024);
    store
        .read(|db| {
            quotes::names(db)?;
            // A reader in the way puts it off.
            writer.idle()?;
            assert!(log() > 32 * 1024 * 1024);
            Ok(())
        })
        .unwrap();
    writer.idle().unwrap();
    assert_eq!(log(), 0);
    assert_eq!(store.read(quotes::names).unwrap().len(), 1);
}
