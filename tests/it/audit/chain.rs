//! A journal that was rewritten or cut, with more care than one value takes.

use gpubourse::app::verify::{Anchor, Verdict, verify};
use gpubourse::exchange::{Command, Exchange, canonical_command, parse_command};
use gpubourse::store::{JournalRow, chain_hash};
use gpubourse::types::{Money, Timestamp};

use super::history::envelope;
use super::{Scene, for_each_scene};
use crate::course::execute;

/// Puts other rows in the place of the journal, with hashes that fit, and the head where the state keeps it.
fn rewrite(scene: &mut Scene, mut rows: Vec<JournalRow>) -> Vec<JournalRow> {
    let mut hash = [0; 32];
    let mut sql = "BEGIN; DELETE FROM journal;".to_owned();
    for row in &mut rows {
        hash = chain_hash(&hash, row);
        row.hash = hash;
        let text = |text: &str| format!("'{}'", text.replace('\'', "''"));
        let null = |value: Option<String>| value.map_or("NULL".to_owned(), |value| text(&value));
        sql += &format!(
            "INSERT INTO journal VALUES ({}, {}, {}, {}, {}, {}, {}, {}, '{}');",
            row.sequence,
            row.at.millis(),
            text(&row.actor),
            text(&row.request_id),
            null(row.idempotency_key.clone()),
            text(&row.command),
            text(&row.outcome),
            null(row.digest.map(|digest| format!("{digest:032x}"))),
            hex(&hash),
        );
    }
    sql += &format!("UPDATE exchange_state SET last_hash = '{}'; COMMIT;", hex(&hash));
    scene.raw.run(&sql);
    rows
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn put_back(scene: &mut Scene) {
    scene.restore("journal");
    scene.restore("exchange_state");
    assert!(scene.verdict().is_clean());
}

/// Gives every row the outcome and the digest that its commands have.
fn settle(rows: &mut [JournalRow]) {
    let mut exchange = Exchange::new();
    for row in rows {
        row.outcome = execute(&mut exchange, &envelope(row)).1;
        let digest = exchange.settle().unwrap().digest;
        row.digest = row.digest.map(|_| digest);
    }
}

/// Returns the journal with another amount in a deposit, and where that is.
fn richer(scene: &Scene) -> (Vec<JournalRow>, i64) {
    let mut rows = scene.history.rows.clone();
    // One without a key: of a remembered key the fingerprint would differ first.
    let plain = |row: &&mut JournalRow| row.outcome == "ok" && row.idempotency_key.is_none();
    let deposit = rows.iter_mut().filter(plain).find_map(|row| {
        let Command::Deposit { organization, amount, reference } = parse_command(&row.command).unwrap() else {
            return None;
        };
        let amount = Money::from_micros(amount.micros() + 1);
        row.command = canonical_command(&Command::Deposit { organization, amount, reference }).unwrap();
        Some(row.sequence)
    });
    (rows, deposit.unwrap())
}

fn first(verdict: &Verdict) -> (i64, &'static str, &'static str) {
    let first = verdict.mismatches.first().unwrap();
    (first.sequence, first.table, first.column)
}

#[test]
fn a_changed_command_with_new_hashes_is_found_by_replay() {
    for_each_scene(|scene| {
        let (rows, deposit) = richer(scene);
        rewrite(scene, rows);
        // The first digest after it is not what the changed command comes to.
        let batch = scene.history.rows.iter().find(|row| row.sequence >= deposit && row.digest.is_some()).unwrap();
        assert_eq!(first(&scene.verdict()), (batch.sequence, "journal", "digest"));
        put_back(scene);
    });
}

#[test]
fn a_journal_that_agrees_with_itself_is_held_against_the_tables() {
    for_each_scene(|scene| {
        let (mut rows, deposit) = richer(scene);
        settle(&mut rows);
        rewrite(scene, rows);
        let verdict = scene.verdict();
        assert_eq!(first(&verdict), (deposit, "transfers", "amount"), "{:?}", verdict.mismatches);
        assert!(verdict.mismatches.iter().any(|found| (found.table, found.column) == ("balances", "available")));
        put_back(scene);
    });
}

#[test]
fn a_changed_time_with_new_hashes_is_found_where_it_was_recorded() {
    for_each_scene(|scene| {
        let mut rows = scene.history.rows.clone();
        let placed = rows.iter_mut().filter(|row| row.outcome == "ok" && row.command.contains("\"place_bid\""));
        let row = placed.last().unwrap();
        row.at = Timestamp::from_millis(row.at.millis() + 1);
        let sequence = row.sequence;
        settle(&mut rows);
        rewrite(scene, rows);
        let verdict = scene.verdict();
        assert_eq!(first(&verdict).0, sequence, "{:?}", verdict.mismatches);
        assert!(verdict.mismatches.iter().any(|found| (found.table, found.column) == ("orders", "created_at")));
        put_back(scene);
    });
}

#[test]
fn a_chain_rewritten_as_a_whole_is_found_by_its_anchor_alone() {
    for_each_scene(|scene| {
        let anchors: Vec<_> =
            scene.history.rows.iter().map(|row| Anchor { sequence: row.sequence, hash: row.hash }).collect();
        let middle = anchors.len() / 2;
        let mut rows = scene.history.rows.clone();
        rows[middle].request_id.push('x');
        let rows = rewrite(scene, rows);
        let with = |anchor| verify(&scene.store, Some(anchor)).unwrap();
        // Nothing but the chain depends on a request's name.
        assert!(with(anchors[middle - 1]).is_clean());
        for anchor in [anchors[middle], *anchors.last().unwrap()] {
            assert_eq!(first(&with(anchor)), (anchor.sequence, "journal", "hash"));
        }
        let head = rows.last().unwrap();
        assert!(with(Anchor { sequence: head.sequence, hash: head.hash }).is_clean());
        assert!(scene.verdict().is_clean());
        put_back(scene);
    });
}

#[test]
fn an_anchor_whose_row_is_not_there_is_a_difference() {
    for_each_scene(|scene| {
        let head = scene.history.rows.last().unwrap();
        for sequence in [head.sequence + 1, i64::MAX, 0, -1] {
            let verdict = verify(&scene.store, Some(Anchor { sequence, hash: head.hash })).unwrap();
            assert_eq!(first(&verdict), (sequence, "journal", "sequence"));
        }
    });
}

#[test]
fn a_journal_without_its_last_rows_is_found() {
    for_each_scene(|scene| {
        let last = scene.history.last();
        for keep in [0, 1, last / 2, last - 3, last - 1] {
            scene.raw.run(&format!("DELETE FROM journal WHERE sequence > {keep}"));
            let verdict = scene.verdict();
            assert!(!verdict.mismatches.is_empty(), "{keep} rows kept");
            let state = |column| verdict.mismatches.iter().any(|found| found.column == column);
            assert!(state("last_sequence") || keep == 0, "{keep} rows kept: {:?}", verdict.mismatches);
            scene.restore("journal");
        }
        assert!(scene.verdict().is_clean());
    });
}

#[test]
fn a_chain_cut_at_its_beginning_or_emptied_in_the_middle_is_found() {
    for_each_scene(|scene| {
        let last = scene.history.last();
        for (from, to) in [(1, 1), (1, last - 1), (last / 3, last / 2)] {
            scene.raw.run(&format!("DELETE FROM journal WHERE sequence BETWEEN {from} AND {to}"));
            assert_eq!(first(&scene.verdict()), (from, "journal", "sequence"));
            scene.restore("journal");
        }
        // Two rows that trade places.
        let middle = last / 2;
        for (from, to) in [(middle, -middle), (middle + 1, middle), (-middle, middle + 1)] {
            scene.raw.run(&format!("UPDATE journal SET sequence = {to} WHERE sequence = {from}"));
        }
        assert_eq!(first(&scene.verdict()).0, middle);
        scene.restore("journal");
        assert!(scene.verdict().is_clean());
    });
}
