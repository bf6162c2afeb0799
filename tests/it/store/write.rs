//! Committing, failing to commit, and reading back.

use std::sync::Arc;

use gpubourse::exchange::entities::{ClientOrder, Counters, Order};
use gpubourse::exchange::{Changes, Snapshot};
use gpubourse::store::{Batch, Db, Recovered, StoreError, set_meta};
use gpubourse::types::{OrderId, OrderStatus};

use super::{commit, run, sample};
use crate::backend::for_each_backend;

fn expected(batch: &Batch) -> Recovered {
    let changes = &batch.changes;
    let last = batch.journal.last().unwrap();
    let bid = sample::bid(2);
    let named =
        ClientOrder { order: bid.id, fingerprint: bid.fingerprint.unwrap(), placed_at: bid.placed_at, ended: true };
    Recovered {
        snapshot: Snapshot {
            counters: changes.counters,
            organizations: changes.organizations.values().cloned().collect(),
            products: changes.products.values().cloned().collect(),
            sites: changes.sites.values().cloned().collect(),
            listings: changes.listings.values().cloned().collect(),
            orders: vec![changes.orders[&OrderId::new(1)].clone()],
            contracts: changes.contracts.values().cloned().collect(),
            unsettled: Vec::new(),
            deliveries: changes.deliveries.iter().map(|(id, row)| (*id, row.delivery.clone())).collect(),
            terms: changes.terms.iter().map(|(version, row)| (*version, row.clone())).collect(),
            purses: changes.purses.iter().map(|(id, purse)| (*id, *purse)).collect(),
            tapes: changes.tapes.iter().map(|(id, tape)| (*id, *tape)).collect(),
            client_orders: vec![((bid.organization, bid.client_order_id.unwrap()), named)],
            keys: changes.keys.iter().map(|(key, value)| (key.clone(), value.clone().unwrap())).collect(),
        },
        sequence: last.sequence,
        hash: last.hash,
        digest: Some(changes.digest),
        last_at: last.at,
    }
}

#[test]
fn a_new_database_is_empty() {
    for_each_backend(|backend| {
        let store = backend.open();
        assert_eq!(store.writer().unwrap().load().unwrap(), Recovered::default());
        assert_eq!(store.meta("demo").unwrap(), None);
        store.writer().unwrap().side(|db| set_meta(db, "demo", "0").and_then(|()| set_meta(db, "demo", "1"))).unwrap();
        assert_eq!(store.meta("demo").unwrap().as_deref(), Some("1"));
    });
}

#[test]
fn what_was_committed_is_loaded() {
    for_each_backend(|backend| {
        let batch = sample::first();
        let store = backend.open();
        let mut writer = store.writer().unwrap();
        commit(&mut writer, &batch).unwrap();
        writer.idle().unwrap();
        assert_eq!(writer.load().unwrap(), expected(&batch));
        drop(writer);
        assert_eq!(backend.open().writer().unwrap().load().unwrap(), expected(&batch));
    });
}

#[test]
fn rows_written_again_take_the_new_values() {
    for_each_backend(|backend| {
        let first = sample::first();
        let store = backend.open();
        let mut writer = store.writer().unwrap();
        commit(&mut writer, &first).unwrap();
        let mut changes =
            Changes { counters: Counters { now: sample::at(9), ..first.changes.counters }, ..Changes::default() };
        let order = (*first.changes.orders[&OrderId::new(1)]).clone();
        changes.orders.insert(order.id, Arc::new(Order { status: OrderStatus::Cancelled, ..order }));
        changes.keys.insert(("user:1".into(), "k".into()), None);
        let hash = first.journal.last().unwrap().hash;
        commit(&mut writer, &sample::batch(3, hash, &["{}"], changes)).unwrap();
        let loaded = writer.load().unwrap();
        assert!(loaded.snapshot.orders.is_empty() && loaded.snapshot.keys.is_empty());
        assert_eq!((loaded.sequence, loaded.snapshot.counters.now), (3, sample::at(9)));
    });
}

#[test]
fn many_rows_go_in_at_once() {
    for_each_backend(|backend| {
        let store = backend.open();
        let mut writer = store.writer().unwrap();
        let mut changes =
            Changes { counters: Counters { now: sample::at(0), ..Counters::default() }, ..Changes::default() };
        changes.placed = (1..=1_003).map(sample::ask).map(Arc::new).collect();
        changes.orders = changes.placed.iter().map(|order| (order.id, Arc::clone(order))).collect();
        let placed = changes.placed.clone();
        commit(&mut writer, &sample::batch(1, [0; 32], &["{}"], changes)).unwrap();
        assert_eq!(writer.load().unwrap().snapshot.orders, placed);
    });
}

#[test]
fn a_failed_commit_leaves_nothing() {
    for_each_backend(|backend| {
        let store = backend.open();
        let mut writer = store.writer().unwrap();
        let batch = sample::first();
        let mut refuse = |db: &mut Db| {
            set_meta(db, "side", "1")?;
            Err(StoreError::Connection("made to fail".into()))
        };
        assert!(writer.commit(&batch, Some(&mut refuse)).is_err());
        assert_eq!(writer.load().unwrap(), Recovered::default());
        assert_eq!(store.meta("side").unwrap(), None);
        let mut twice = batch.clone();
        twice.changes.trades.push(Arc::new(sample::trade()));
        assert!(matches!(commit(&mut writer, &twice), Err(StoreError::Database(_))));
        assert_eq!(writer.load().unwrap(), Recovered::default());
        let mut write = |db: &mut Db| set_meta(db, "side", "1");
        writer.commit(&batch, Some(&mut write)).unwrap();
        assert_eq!(writer.load().unwrap(), expected(&batch));
        assert_eq!(store.meta("side").unwrap().as_deref(), Some("1"));
    });
}

/// PostgreSQL answers a COMMIT of a failed transaction with a silent ROLLBACK.
#[test]
fn a_side_write_that_hides_its_failure_is_no_success() {
    for_each_backend(|backend| {
        let store = backend.open();
        let mut writer = store.writer().unwrap();
        let batch = sample::first();
        let mut hide = |db: &mut Db| {
            assert!(run(db, "INSERT INTO no_such_table VALUES (1)").is_err());
            Ok::<(), StoreError>(())
        };
        let committed = writer.commit(&batch, Some(&mut hide)).is_ok();
        let there = store.writer().is_err() && writer.load().unwrap() == expected(&batch);
        assert_eq!(committed, there);
    });
}

#[test]
fn there_is_one_writer() {
    for_each_backend(|backend| {
        let store = backend.open();
        let writer = store.writer().unwrap();
        assert!(matches!(store.writer().err(), Some(StoreError::Busy(_))));
        assert!(matches!(backend.open().writer().err(), Some(StoreError::Busy(_))));
        drop(writer);
        store.writer().unwrap();
    });
}

#[test]
fn readers_cannot_write() {
    for_each_backend(|backend| {
        let store = backend.open();
        assert!(store.read(|db| set_meta(db, "a", "b")).is_err());
        assert_eq!(store.meta("a").unwrap(), None);
    });
}
