//! A file that is no longer the database it was.

use std::fs::OpenOptions;
use std::io::{Read, Seek, SeekFrom, Write};

use gpubourse::app::verify::verify;
use gpubourse::store::Store;

use super::Scene;

const PAGE_BYTES: u64 = 4_096;

/// Turns over the bits of some bytes.
fn flip(path: &str, at: u64, count: usize) {
    let mut file = OpenOptions::new().read(true).write(true).open(path).unwrap();
    let mut bytes = vec![0; count];
    file.seek(SeekFrom::Start(at)).unwrap();
    file.read_exact(&mut bytes).unwrap();
    bytes.iter_mut().for_each(|byte| *byte = !*byte);
    file.seek(SeekFrom::Start(at)).unwrap();
    file.write_all(&bytes).unwrap();
}

/// Returns the path of a good database that nobody has open.
fn closed() -> (crate::backend::Backend, String) {
    let Scene { backend, store, mut raw, .. } = Scene::sqlite();
    raw.run("PRAGMA wal_checkpoint(TRUNCATE)");
    drop((store, raw));
    let path = backend.path.clone().unwrap();
    (backend, path)
}

/// Returns whether the damage was found; an error says so, too.
fn is_found(at: impl Fn(u64) -> u64) -> (bool, bool) {
    let (backend, path) = closed();
    assert!(verify(&backend.open(), None).unwrap().is_clean());
    let pages = std::fs::metadata(&path).unwrap().len() / PAGE_BYTES;
    assert!(pages > 20, "{pages} pages");
    flip(&path, at(pages), 8);
    match Store::open_existing(&backend.url).and_then(|store| verify(&store, None)) {
        Ok(verdict) => (!verdict.is_clean(), !verdict.damage.is_empty()),
        Err(error) => {
            println!("cannot be read: {error}");
            (true, false)
        }
    }
}

#[test]
fn a_damaged_page_is_found_or_cannot_be_read() {
    for part in 1..=8 {
        let (found, _) = is_found(|pages| pages * part / 9 * PAGE_BYTES);
        assert!(found, "the header of page {part} of 9");
    }
    // Where a page says its cells are: nothing is lost if it has none, but most have.
    let cells: Vec<_> = (1..=24).map(|part| is_found(|pages| pages * part / 25 * PAGE_BYTES + 8)).collect();
    assert!(cells.iter().filter(|(found, _)| *found).count() >= 12, "{cells:?}");
    assert!(cells.iter().any(|(_, told)| *told), "integrity_check never spoke: {cells:?}");
}

#[test]
fn an_index_that_disagrees_with_its_table_is_found() {
    let mut scene = Scene::sqlite();
    assert!(scene.verdict().is_clean());
    // The rows are as they must be; only what the index says of them is not.
    scene.raw.run(
        "PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = replace(sql, '''open''', '''filled''') WHERE name = 'order_states_open_index';
         PRAGMA writable_schema = RESET;",
    );
    let Scene { backend, store, raw, .. } = scene;
    drop((store, raw));
    let verdict = verify(&Store::open_existing(&backend.url).unwrap(), None).unwrap();
    assert!(verdict.damage.iter().any(|line| line.contains("order_states_open_index")), "{verdict:?}");
}

#[test]
fn text_that_is_not_utf_8_is_a_difference() {
    let mut scene = Scene::sqlite();
    for (table, sql) in [
        ("organizations", "UPDATE organizations SET name = CAST(x'ff41' AS TEXT) WHERE number = 3"),
        ("orders", "UPDATE orders SET side = CAST(x'6269ff' AS TEXT) WHERE number = 5"),
        ("journal", "UPDATE journal SET actor = CAST(x'ff' AS TEXT) WHERE sequence = 9"),
        ("organizations", "UPDATE organizations SET name = name || char(0) || 'x' WHERE number = 3"),
        ("journal", "UPDATE journal SET outcome = outcome || char(0) WHERE sequence = 9"),
    ] {
        let verdict = scene.changed(table, sql).unwrap();
        assert!(verdict.mismatches.iter().any(|found| found.table == table), "{sql}: {verdict:?}");
    }
    assert!(scene.verdict().is_clean());
}
