//! One changed value, one missing row, one row too many.

use std::collections::BTreeSet;
use std::time::Instant;

use gpubourse::app::verify::Verdict;

use super::{Scene, for_each_scene};
use crate::catalogue::{Column, Table};
use crate::settings::in_ci;

const TABLES: [&str; 21] = [
    "balances",
    "contract_passes",
    "contract_states",
    "contract_terms",
    "contracts",
    "deliveries",
    "exchange_state",
    "index_fixes",
    "journal",
    "listings",
    "order_states",
    "orders",
    "organizations",
    "pending_states",
    "products",
    "remembered_keys",
    "sites",
    "states_mark",
    "tapes",
    "trades",
    "transfers",
];

/// Columns that are empty only where somebody has bought back their own capacity, or has asks but never had money.
const MAY_BE_FULL: [&str; 2] = ["contract_passes.previous_of_seller", "balances.last_transfer"];

/// Columns that are filled in no row but those that still wait: the only contract that is paid for by the month is among
/// the last.
const MAY_WAIT: [&str; 1] = ["contract_states.monthly"];

#[test]
fn the_database_is_sound_and_has_rows_of_every_kind() {
    for_each_scene(|scene| {
        let verdict = scene.verdict();
        assert!(verdict.is_clean(), "{verdict:?}");
        assert_eq!(verdict.rows, scene.history.last());
        assert_eq!(verdict.head.unwrap().hash, scene.history.rows.last().unwrap().hash);
        let names: Vec<_> = scene.tables.iter().map(|table| table.name.as_str()).collect();
        assert_eq!(names, TABLES);
        for table in &scene.tables {
            for column in &table.columns {
                let count = |scene: &mut crate::catalogue::Raw, condition: &str| scene.keys(table, condition).len();
                let name = format!("{}.{}", table.name, column.name);
                let filled = count(&mut scene.raw, &format!("\"{}\" IS NOT NULL", column.name));
                assert!(filled > 0 || MAY_WAIT.contains(&name.as_str()), "{name} is never set");
                let empty = count(&mut scene.raw, &format!("\"{}\" IS NULL", column.name));
                let may_be_full = !column.is_nullable || MAY_BE_FULL.contains(&name.as_str());
                assert!(empty > 0 || may_be_full, "{name} is always set");
            }
        }
        for (sql, least) in [
            ("SELECT DISTINCT status AS text FROM order_states", 5),
            ("SELECT DISTINCT reason AS text FROM order_states WHERE reason IS NOT NULL", 5),
            ("SELECT DISTINCT status AS text FROM contract_states", 6),
            ("SELECT DISTINCT outcome AS text FROM journal", 12),
            ("SELECT DISTINCT cause AS text FROM transfers", 6),
            ("SELECT CAST(number AS TEXT) AS text FROM products WHERE halted = 1", 1),
            ("SELECT CAST(number AS TEXT) AS text FROM organizations WHERE suspended = 1", 1),
            (
                "SELECT CAST(c.number AS TEXT) AS text FROM contracts c
                 JOIN contract_states s ON s.number = c.number WHERE s.seller <> c.seller",
                1,
            ),
        ] {
            let found = scene.raw.texts(sql);
            assert!(found.len() >= least, "{sql}: {found:?}");
        }
    });
}

#[test]
fn any_one_changed_value_is_found_with_the_command_that_wrote_it() {
    for_each_scene(|scene| {
        let began = Instant::now();
        let mut changes = 0;
        scene.for_each_table(|scene, table| {
            for column in &table.columns {
                let found = change_column(scene, table, column);
                assert!(found > 0, "{}.{} could not be changed", table.name, column.name);
                changes += found;
            }
        });
        println!("{changes} changes in {:.1?}", began.elapsed());
        let verdict = scene.verdict();
        assert!(verdict.is_clean(), "a change was not taken back: {verdict:?}");
    });
}

/// Changes a column in a row in the middle, and in one where it is null; returns how many changes were tried.
fn change_column(scene: &mut Scene, table: &Table, column: &Column) -> usize {
    let mut tried = 0;
    for is_null in [false, true] {
        let condition = format!("\"{}\" IS {}NULL", column.name, if is_null { "" } else { "NOT " });
        let keys = scene.raw.keys(table, &condition);
        let Some(key) = keys.get(keys.len() / 2) else { continue };
        for value in values(table, column, is_null) {
            let name = &column.name;
            let sql = format!(
                "UPDATE {} SET \"{name}\" = {value} WHERE {} AND \"{name}\" IS DISTINCT FROM {value}",
                table.name,
                place(table, key)
            );
            if let Some(verdict) = scene.changed(&table.name, &sql) {
                judge(scene, table, key, Some(column), &verdict, &sql);
                tried += 1;
            }
        }
    }
    tried
}

/// Other values for a column: next to it, far from it, none, and one that is valid because another row has it.
fn values(table: &Table, column: &Column, is_null: bool) -> Vec<String> {
    let name = format!("\"{}\"", column.name);
    let others = format!("SELECT o.{name} FROM {0} AS o WHERE o.{name} <> {0}.{name}", table.name);
    let mut values: Vec<String> = match (is_null, column.is_text) {
        (false, false) => ["{} + 1", "-{} - 7", "9223372036854775807"].map(|value| value.replace("{}", &name)).into(),
        (false, true) => values_of_text(&name),
        (true, false) => vec!["0".to_owned(), "1".to_owned()],
        (true, true) => vec!["''".to_owned(), "'x'".to_owned()],
    };
    values.push(format!("({others} ORDER BY o.{name} LIMIT 1)"));
    values.push(format!("({others} ORDER BY o.{name} DESC LIMIT 1)"));
    if column.is_nullable && !is_null {
        values.push("NULL".to_owned());
    }
    if full() { values } else { values.into_iter().step_by(2).collect() }
}

/// Every change is made where machines have the time; elsewhere every second one.
fn full() -> bool {
    in_ci() || std::env::var_os("GPUBOURSE_AUDIT_FULL").is_some()
}

fn values_of_text(name: &str) -> Vec<String> {
    let templates = ["{} || 'x'", "''", "upper({})", "replace({}, '1', '2')", "' ' || {}"];
    templates.map(|value| value.replace("{}", name)).into()
}

/// Returns the condition that a row has this key.
fn place(table: &Table, key: &[String]) -> String {
    let text = |value: &String| format!("'{}'", value.replace('\'', "''"));
    let value = |column: &Column, value| if column.is_text { text(value) } else { value.clone() };
    let parts = table.keys().zip(key).map(|(column, part)| format!("\"{}\" = {}", column.name, value(column, part)));
    parts.collect::<Vec<_>>().join(" AND ")
}

/// The verdict must name the table and the last command that wrote the row; the column too, unless it names the row.
fn judge(scene: &Scene, table: &Table, key: &[String], column: Option<&Column>, verdict: &Verdict, sql: &str) {
    let writer = scene.history.writer(&table.name, key);
    let Verdict { mismatches, damage, .. } = verdict;
    // SQLite's own check looks at constraints, too.
    let constraint = format!("CHECK constraint failed in {}", table.name);
    assert!(damage.iter().all(|line| *line == constraint), "{sql}: {damage:?}");
    let first = mismatches.first().unwrap_or_else(|| panic!("not found: {sql}"));
    assert_eq!((first.table, first.sequence), (table.name.as_str(), writer), "{sql}: {mismatches:?}");
    match column {
        Some(column) if !column.is_key && table.name != "journal" => {
            assert_eq!((mismatches.len(), first.column), (1, column.name.as_str()), "{sql}: {mismatches:?}");
        }
        _ => assert!(mismatches.len() <= 2, "{sql}: {mismatches:?}"),
    }
}

#[test]
fn a_missing_row_is_found_in_every_table() {
    for_each_scene(|scene| {
        scene.for_each_table(|scene, table| {
            let keys = scene.raw.keys(table, "TRUE");
            let rows: BTreeSet<_> = [0, keys.len() / 2, keys.len() - 1].into();
            for key in rows.into_iter().map(|row| &keys[row]) {
                let sql = format!("DELETE FROM {} WHERE {}", table.name, place(table, key));
                scene.raw.run(&sql);
                let verdict = scene.verdict();
                if table.name == "journal" && scene.history.writer("journal", key) == scene.history.last() {
                    // What is left is a chain: the tables are ahead of it.
                    let first = verdict.mismatches.first().unwrap();
                    assert!(first.sequence < scene.history.last() && first.table != "journal", "{first}");
                    let ahead = |found: &gpubourse::store::verify::Mismatch| found.column == "last_sequence";
                    assert!(verdict.mismatches.iter().any(ahead), "{:?}", verdict.mismatches);
                } else {
                    judge(scene, table, key, None, &verdict, &sql);
                    assert_eq!(verdict.mismatches.len(), 1, "{:?}", verdict.mismatches);
                }
                scene.raw.run(&format!(
                    "INSERT INTO {0} SELECT * FROM saved_{0} WHERE {1}",
                    table.name,
                    place(table, key)
                ));
            }
        });
        assert!(scene.verdict().is_clean());
    });
}

#[test]
fn a_copied_row_is_found_in_every_table() {
    for_each_scene(|scene| {
        scene.for_each_table(|scene, table| {
            let keys = scene.raw.keys(table, "TRUE");
            let key = &keys[keys.len() / 2];
            let name = format!("\"{}\"", table.keys().last().unwrap().name);
            let is_text = table.keys().last().unwrap().is_text;
            let most = format!("(SELECT MAX({name}) FROM {})", table.name);
            let others = if is_text {
                vec![format!("{name} || 'x'"), "''".to_owned(), "'!'".to_owned()]
            } else {
                let far = ["-1", "-9223372036854775807", "9223372036854775807"];
                far.into_iter().map(str::to_owned).chain([format!("{most} + 1000")]).collect()
            };
            for other in others {
                let columns = table.columns.iter().map(|column| format!("\"{}\"", column.name));
                let columns = columns.map(|column| if column == name { other.clone() } else { column });
                let columns = columns.collect::<Vec<_>>().join(", ");
                let row = format!("SELECT {columns} FROM {} WHERE {}", table.name, place(table, key));
                let sql = format!("INSERT INTO {} {row}", table.name);
                let verdict = scene.changed(&table.name, &sql).unwrap_or_else(|| panic!("not written: {sql}"));
                let first = verdict.mismatches.first().unwrap_or_else(|| panic!("not found: {sql}"));
                assert_eq!((first.table, verdict.mismatches.len()), (table.name.as_str(), 1), "{sql}: {first}");
            }
        });
        assert!(scene.verdict().is_clean());
    });
}
