//! Whether a changed, missing or added value is found, whichever it is.

use std::collections::BTreeSet;
use std::sync::Arc;

use gpubourse::exchange::Changes;
use gpubourse::exchange::entities::{Counters, Order};
use gpubourse::store::verify::{Expected, Mismatch, chain, compare, integrity, mark};
use gpubourse::store::{Batch, Db, StoreError, Writer};
use gpubourse::types::{OrderId, OrderStatus};

use super::{columns, commit, run, sample, texts};
use crate::backend::{Backend, for_each_backend};

const APPEND_ONLY: [&str; 7] =
    ["journal", "orders", "trades", "contracts", "contract_passes", "index_fixes", "transfers"];

fn batches() -> [Batch; 2] {
    let first = sample::first();
    let mut changes =
        Changes { counters: Counters { now: sample::at(9), ..first.changes.counters }, ..Changes::default() };
    let order = (*first.changes.orders[&OrderId::new(1)]).clone();
    changes.orders.insert(order.id, Arc::new(Order { status: OrderStatus::Cancelled, ..order }));
    changes.keys.insert(("user:2".into(), "gone".into()), None);
    changes.digest = 0xdef;
    let second = sample::batch(3, first.journal.last().unwrap().hash, &["{\"kind\":\"c\",\"v\":1}"], changes);
    [first, second]
}

/// Commits the batches; their states wait, or are in their tables.
fn filled(backend: &Backend, waits: bool) -> (Writer, Expected) {
    let mut writer = backend.open().writer().unwrap();
    for batch in batches() {
        commit(&mut writer, &batch).unwrap();
    }
    if !waits {
        writer.write_waiting().unwrap();
    }
    let mut expected = Expected::since(mark(writer.db()).unwrap());
    for batch in batches() {
        expected.take(batch.journal.last().unwrap(), &batch.changes).unwrap();
        expected.end_batch().unwrap();
    }
    (writer, expected)
}

fn check(db: &mut Db, expected: &Expected) -> Vec<Mismatch> {
    let mut found: Vec<_> = chain(db, 0, [0; 32], 100).unwrap().broken.into_iter().collect();
    found.extend(compare(db, expected).unwrap());
    found
}

/// Lets somebody with the database's own tools change what the program never would.
fn disarm(db: &mut Db) {
    let sql = match db {
        Db::Sqlite(_) => {
            let drops = APPEND_ONLY
                .iter()
                .flat_map(|table| ["update", "delete"].map(|verb| format!("DROP TRIGGER {table}_refuse_{verb};")));
            drops.collect::<String>() + "PRAGMA ignore_check_constraints = ON;"
        }
        Db::Pg(_) => {
            let drops = APPEND_ONLY.iter().map(|table| format!("ALTER TABLE {table} DISABLE TRIGGER USER;"));
            drops.collect::<String>()
                + "ALTER TABLE transfers DROP CONSTRAINT transfers_amount_check;
                   ALTER TABLE balances DROP CONSTRAINT balances_negative_check;
                   ALTER TABLE states_mark DROP CONSTRAINT states_mark_id_check;
                   ALTER TABLE exchange_state DROP CONSTRAINT exchange_state_id_check;"
        }
    };
    run(db, &sql).unwrap();
}

/// Changes the tables, checks them, and takes the change back.
fn tampered(writer: &mut Writer, expected: &Expected, sql: &str) -> Vec<Mismatch> {
    let mut found = Vec::new();
    let undone = writer.side(|db| {
        run(db, sql)?;
        found = check(db, expected);
        Err::<(), _>(StoreError::Connection("undone".into()))
    });
    assert_eq!(undone.unwrap_err().to_string(), "connection: undone", "{sql}");
    found
}

fn key_of(table: &str) -> &'static str {
    match table {
        "journal" => "sequence",
        "balances" => "organization",
        "remembered_keys" => "actor, key",
        "exchange_state" | "states_mark" => "id",
        "pending_states" => "sequence",
        "tapes" => "product",
        "contract_terms" => "version",
        "deliveries" => "contract",
        _ => "number",
    }
}

#[test]
fn untouched_tables_are_found_sound() {
    for_each_backend(|backend| {
        for waits in [true, false] {
            let backend = backend.another();
            let (mut writer, expected) = filled(&backend, waits);
            assert_eq!(check(writer.db(), &expected), []);
            assert_eq!(integrity(writer.db()).unwrap(), Vec::<String>::new());
            assert_eq!(backend.open().read(|db| compare(db, &expected)).unwrap(), []);
        }
    });
}

#[test]
fn any_one_changed_value_is_found() {
    for_each_backend(|backend| {
        let mut tables = BTreeSet::new();
        for waits in [true, false] {
            let backend = backend.another();
            let (mut writer, expected) = filled(&backend, waits);
            let columns = columns(writer.db());
            disarm(writer.db());
            for column in &columns {
                let (name, kind) = column.split_once(' ').unwrap();
                let (table, column) = name.split_once('.').unwrap();
                let rows = texts(writer.db(), &format!("SELECT CAST(COUNT(*) AS TEXT) AS text FROM {table}"));
                let outside = ["meta", "lease", "quotes", "users", "refresh_tokens", "api_keys"].contains(&table);
                // What waits is not in its table yet, and what does not wait does so nowhere.
                if outside || rows == ["0"] {
                    continue;
                }
                tables.insert(table.to_owned());
                let other = other_value(column, kind, backend.path.is_some());
                let key = key_of(table);
                let last = key.replace(',', " DESC,") + " DESC";
                let place = format!("({key}) = (SELECT {key} FROM {table} ORDER BY {last} LIMIT 1)");
                let sql = format!("UPDATE {table} SET \"{column}\" = {other} WHERE {place}");
                let found = tampered(&mut writer, &expected, &sql);
                let first = found.first().unwrap_or_else(|| panic!("not found: {sql}"));
                assert_eq!(first.table, table, "{sql}: {found:?}");
                // Batch 1 ends with row 2 and wrote all but the only rows of the states and what is last.
                let last = ["journal", "exchange_state", "states_mark", "pending_states"].contains(&table);
                assert_eq!(first.sequence, if last { 3 } else { 2 }, "{sql}: {found:?}");
            }
        }
        assert_eq!(tables.len(), 21, "{tables:?}");
    });
}

fn other_value(column: &str, kind: &str, is_sqlite: bool) -> String {
    match kind.split(' ').next().unwrap() {
        "text" => format!("COALESCE(\"{column}\" || 'x', 'x')"),
        "bytea" if is_sqlite => format!("CAST(\"{column}\" || 'x' AS BLOB)"),
        "bytea" => format!("\"{column}\" || '\\x78'::bytea"),
        _ => format!("COALESCE(\"{column}\" + 1, 1)"),
    }
}

#[test]
fn a_missing_row_is_found() {
    for_each_backend(|backend| {
        let (mut writer, expected) = filled(backend, false);
        disarm(writer.db());
        for (table, sequence) in
            [("journal", 1), ("orders", 2), ("order_states", 2), ("exchange_state", 3), ("states_mark", 3)]
        {
            let key = key_of(table);
            let place = format!("({key}) = (SELECT {key} FROM {table} ORDER BY {key} LIMIT 1)");
            let found = tampered(&mut writer, &expected, &format!("DELETE FROM {table} WHERE {place}"));
            // Order 1 was written again by the second batch.
            let sequence = if table == "order_states" { 3 } else { sequence };
            assert_eq!((found.len(), found[0].table, found[0].sequence), (1, table, sequence), "{found:?}");
        }
    });
}

#[test]
fn a_journal_that_was_cut_off_is_found() {
    for_each_backend(|backend| {
        let (mut writer, expected) = filled(backend, false);
        disarm(writer.db());
        // The chain that is left is a good one; what the caller replays of it lacks the second batch.
        let [first, _] = batches();
        let mut shorter = Expected::since(Some(2));
        shorter.take(first.journal.last().unwrap(), &first.changes).unwrap();
        shorter.end_batch().unwrap();
        let found = tampered(&mut writer, &shorter, "DELETE FROM journal WHERE sequence = 3");
        assert!(found.iter().any(|found| found.table == "exchange_state" && found.column == "last_sequence"));
        assert_eq!(check(writer.db(), &expected), []);
    });
}

#[test]
fn an_added_row_is_found() {
    for_each_backend(|backend| {
        let (mut writer, expected) = filled(backend, false);
        for (sql, table, sequence) in [
            ("INSERT INTO tapes VALUES (9, 99)", "tapes", 3),
            ("INSERT INTO balances VALUES (9, 1, 0, 0, 0, 0, NULL, NULL, NULL)", "balances", 3),
            ("INSERT INTO remembered_keys VALUES ('user:2', 'gone', 'x', 1, '\"nothing\"')", "remembered_keys", 3),
            ("INSERT INTO organizations VALUES (9, 1, 'x', 'renter', 0, NULL, 'unverified', NULL)", "organizations", 3),
        ] {
            let found = tampered(&mut writer, &expected, sql);
            assert_eq!((found.len(), found[0].table, found[0].sequence), (1, table, sequence), "{found:?}");
        }
    });
}
