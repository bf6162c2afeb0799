//! `gpubourse verify` as an operator runs it.

use std::process::{Command, Output};

use super::{Scene, for_each_scene};

fn run(scene: &Scene, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gpubourse"));
    command.arg("verify").arg("--database-url").arg(&scene.backend.url).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn a_sound_database_verifies_and_shows_its_head() {
    for_each_scene(|scene| {
        let done = run(scene, &[]);
        assert!(done.status.success(), "{done:?}");
        let head = scene.verdict().head.unwrap();
        let hash: String = head.hash.iter().map(|byte| format!("{byte:02x}")).collect();
        let anchor = format!("{}:{hash}", head.sequence);
        let told = text(&done.stdout);
        assert!(told.contains(&format!("{} journal rows, head {anchor}", head.sequence)), "{told}");
        assert!(told.contains("verified"), "{told}");
        assert!(run(scene, &["--anchor", &anchor, "--full"]).status.success());
        let other = anchor.replace(':', ":0").split_at(anchor.len()).0.to_owned();
        let refused = run(scene, &["--anchor", &other]);
        assert!(!refused.status.success());
        assert!(text(&refused.stderr).contains(&format!("first bad sequence: {}", head.sequence)), "{refused:?}");
    });
}

#[test]
fn a_changed_value_ends_it_with_the_first_bad_sequence() {
    for_each_scene(|scene| {
        for (table, key, change) in [
            ("journal", "sequence", "actor = 'user:other'"),
            ("transfers", "number", "amount = amount + 1"),
            ("contracts", "number", "price = price - 1"),
            ("order_states", "number", "filled_gpus = filled_gpus + 1"),
            ("balances", "organization", "available = available + 1"),
        ] {
            let keys = scene.raw.keys(scene.tables.iter().find(|row| row.name == table).unwrap(), "TRUE");
            let row = &keys[keys.len() / 2];
            let sequence = scene.history.writer(table, row);
            scene.raw.run(&format!("UPDATE {table} SET {change} WHERE {key} = {}", row[0]));
            let done = run(scene, &[]);
            assert_eq!(done.status.code(), Some(1), "{table}: {done:?}");
            let (told, why) = (text(&done.stdout), text(&done.stderr));
            assert!(told.contains(&format!("sequence {sequence}: {table}.")), "{told}");
            assert!(why.contains(&format!("first bad sequence: {sequence} (1 ")), "{why}");
            scene.restore(table);
        }
        assert!(run(scene, &[]).status.success());
    });
}

#[test]
fn a_database_that_is_not_there_is_not_made() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("none.db");
    let url = format!("sqlite:{}", path.display());
    let done = Command::new(env!("CARGO_BIN_EXE_gpubourse")).args(["verify", "--database-url", &url]).output().unwrap();
    assert!(!done.status.success() && !path.exists(), "{done:?}");
}
