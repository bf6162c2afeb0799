//! The same streams on both databases and in memory alone: one digest, one content, whatever the batches and
//! wherever the program was restarted.

use std::sync::Arc;

use gpubourse::app::clock::ManualClock;
use gpubourse::app::sequencer;
use gpubourse::app::verify::verify;
use gpubourse::exchange::{Envelope, Exchange, parse_command};
use gpubourse::store::read::{Page, contracts, journal, orders};
use gpubourse::store::{JournalRow, Pace, Store};
use gpubourse::types::Timestamp;

use crate::backend::Backend;
use crate::catalogue::Raw;
use crate::course::{Course, block_on, execute, follow};
use crate::histories;
use crate::settings::in_ci;
use crate::streams::rng::Rng;

const COMMANDS: u32 = 300;
/// States are written all the time, a few with each batch.
const BRISK: Pace = Pace { generation: 12, slice: 3, idle: 2 };
/// What lies in the hash of a batch's last row, and thus depends on where batches end.
const OF_BATCHES: [&str; 3] = ["digest", "hash", "last_hash"];

fn streams() -> u64 {
    if in_ci() { 60 } else { 20 }
}

#[test]
fn one_stream_ends_alike_on_both_databases_and_in_memory() {
    let server = Backend::postgres().is_some();
    for seed in 1..=streams() {
        let course = Course::of(seed, COMMANDS);
        let sqlite = Backend::sqlite();
        let content = run(&sqlite, &course, seed);
        if server {
            let postgres = Backend::postgres().unwrap();
            let other = run(&postgres, &course, !seed);
            assert_eq!(content, other, "seed {seed}");
        }
    }
}

/// Runs a stream with restarts and batches that follow from a seed; returns what the tables hold then.
fn run(backend: &Backend, course: &Course, seed: u64) -> Vec<(String, Vec<String>)> {
    println!("seed {seed} on {}", backend.url);
    let clock = Arc::new(ManualClock::at(Timestamp::default()));
    let mut rng = Rng::new(seed);
    let middle = usize::try_from(rng.below(COMMANDS)).unwrap().min(course.steps.len());
    let (before, after) = course.steps.split_at(middle);
    for (part, together) in [(before, 24), (after, 6)] {
        // What waits is written at the end, in between or not at all: a kill leaves the last.
        let store = backend.open().with_pace(rng.pick(&[Pace::NEVER, BRISK, Pace::default()]));
        let running = sequencer::start(&store, clock.clone()).unwrap();
        block_on(follow(part, &running, &clock, &mut rng, together));
        running.join();
    }
    let store = backend.open();
    same_state(&store, course);
    histories::compare(&mut store.reader().unwrap(), course, &mut rng);
    assert!(verify(&store, None).unwrap().is_clean());
    store.writer().unwrap().write_waiting().unwrap();
    same_state(&store, course);
    histories::compare(&mut store.reader().unwrap(), course, &mut rng);
    assert!(verify(&store, None).unwrap().is_clean());
    same_journal(&store, course);
    let mut raw = Raw::open(backend);
    let mut tables = raw.tables();
    // How far the mark is depends on when there was time.
    tables.retain(|table| table.name != "states_mark");
    tables.iter().map(|table| (table.name.clone(), raw.rows(table, &OF_BATCHES))).collect()
}

/// The store gives back the state in memory, and pages of it show every order and contract as it stands.
fn same_state(store: &Store, course: &Course) {
    let mut writer = store.writer().unwrap();
    let recovered = writer.load().unwrap();
    assert_eq!(recovered.digest, course.rows.last().map(|row| row.2));
    assert_eq!(recovered.snapshot, course.snapshot());
    let mut restored = Exchange::<gpubourse::exchange::IndexedBook>::restore(recovered.snapshot).unwrap();
    assert_eq!(restored.settle().map(|changes| changes.digest), course.exchange.recomputed_digest());
    assert_eq!(restored.snapshot().orders, course.exchange.snapshot().orders);
    let mut reader = store.reader().unwrap();
    for (id, order) in &course.orders {
        assert_eq!(orders::get(&mut reader, *id).unwrap().as_ref(), Some(order));
    }
    let mut page = Page::first(50);
    let mut seen = Vec::new();
    loop {
        let listed = contracts::all(&mut reader, page).unwrap();
        seen.extend(listed.rows);
        match listed.next {
            Some(next) => page = page.after(next),
            None => break,
        }
    }
    seen.reverse();
    assert!(seen.iter().eq(course.contracts.values().map(|contract| &**contract)));
}

/// The journal holds what was expected and no more, and its rows alone make the same state again.
fn same_journal(store: &Store, course: &Course) {
    let rows = store.read(|db| journal::after(db, 0, u32::MAX)).unwrap();
    let mut exchange = Exchange::new();
    let mut batches = 0;
    for (row, (expected, outcome, digest)) in rows.iter().zip(&course.rows) {
        let envelope = envelope(row);
        assert_eq!((&envelope, &row.outcome), (expected, outcome));
        assert_eq!(execute(&mut exchange, &envelope).1, row.outcome);
        if let Some(stored) = row.digest {
            assert_eq!(stored, *digest, "after row {}", row.sequence);
            batches += 1;
        }
    }
    assert_eq!(rows.len(), course.rows.len());
    assert_eq!(rows.last().and_then(|row| row.digest), Some(exchange.settle().unwrap().digest));
    assert!(batches < rows.len(), "every row had a batch of its own");
}

fn envelope(row: &JournalRow) -> Envelope {
    Envelope {
        at: row.at,
        actor: row.actor.clone(),
        request_id: row.request_id.clone(),
        idempotency_key: row.idempotency_key.clone(),
        command: parse_command(&row.command).unwrap(),
    }
}
