mod bundled;
mod outliers;
mod plan;
mod traps_csv;
mod traps_json;

use std::collections::BTreeMap;

use super::*;

/// Reads a file, which must be readable.
fn read(format: Format, file: impl AsRef<[u8]>, options: &Options) -> Imported {
    import(format, "file.csv", file.as_ref(), options).unwrap()
}

fn fetched() -> Options {
    Options { fetched_at: Some(Timestamp::parse("2026-11-01T00:00:00Z").unwrap()), ..Options::default() }
}

fn codes(imported: &Imported) -> Vec<(u64, RefusalCode)> {
    imported.refused.iter().map(|refused| (refused.row, refused.refusal.code)).collect()
}

fn prices(imported: &Imported) -> Vec<String> {
    imported.quotes.iter().map(|quote| format!("{} {} {}", quote.product, quote.kind, quote.price)).collect()
}

fn counts<K: Ord>(keys: impl Iterator<Item = K>) -> BTreeMap<K, usize> {
    let mut counts = BTreeMap::new();
    keys.for_each(|key| *counts.entry(key).or_default() += 1);
    counts
}
