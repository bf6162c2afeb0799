//! What commands print: plain tables.

use std::collections::BTreeMap;

use crate::app::ingest::Ingested;
use crate::importers::Imported;
use crate::importers::plan::Plan;

/// What became of one file.
pub(super) struct ImportLine {
    name: String,
    rows: u64,
    quotes: usize,
    new: usize,
    offers: usize,
    merged: u64,
    outliers: usize,
    refused: BTreeMap<&'static str, u64>,
}

impl ImportLine {
    pub(super) fn of(name: &str, file: &Imported, new: usize) -> Self {
        let mut refused = BTreeMap::new();
        for row in &file.refused {
            let count: &mut u64 = refused.entry(row.refusal.code.as_str()).or_default();
            *count = count.saturating_add(1);
        }
        Self {
            name: name.to_owned(),
            rows: file.rows,
            quotes: file.quotes.len(),
            new,
            offers: file.offers.len(),
            merged: file.merged,
            outliers: file.quotes.iter().filter(|quote| quote.outlier).count(),
            refused,
        }
    }
}

/// Prints what was imported and what was refused, with reasons.
pub(super) fn print_imports(lines: &[ImportLine]) {
    let mut table = Table::new(&["file", "rows", "quotes", "new", "offers", "merged", "outliers", "refused rows"]);
    for line in lines {
        let refused: Vec<String> = line.refused.iter().map(|(code, count)| format!("{count} {code}")).collect();
        let refused = if refused.is_empty() { "0".to_owned() } else { refused.join(", ") };
        let counts = [line.rows, count(line.quotes), count(line.new), count(line.offers), line.merged];
        let mut cells = vec![line.name.clone()];
        cells.extend(counts.iter().map(u64::to_string));
        cells.push(line.outliers.to_string());
        cells.push(refused);
        table.row(cells);
    }
    table.print();
}

/// Prints what became of the offers and what had to be assumed.
pub(super) fn print_plan(plan: &Plan, done: &Ingested, more: &[String]) {
    println!(
        "\n{} listings and {} asks posted by {} providers at {} sites for {} products ({} offers were there before)",
        done.listings,
        done.asks,
        plan.organizations.len(),
        plan.sites.len(),
        plan.products.len(),
        done.known
    );
    let used = plan.used;
    let assumed = [
        (used.gpus, "offers state no quantity: --assume-gpus"),
        (used.days, "offers state no end: --assume-days"),
        (used.rounded, "prices rounded up to the tick of $0.001"),
        (used.place_unstated, "offers state no region or country: region unspecified, country ZZ"),
        (used.node_unstated, "offers state no GPUs per machine: their lot stands in"),
    ];
    for (times, what) in assumed.into_iter().filter(|(times, _)| *times > 0) {
        println!("  assumed: {times} {what}");
    }
    for line in more {
        println!("  assumed: {line}");
    }
    let mut refused: BTreeMap<&str, u64> = BTreeMap::new();
    let codes = plan.refused.iter().map(|offer| offer.refusal.code.as_str());
    for code in codes.chain(done.refused.iter().map(|(_, code)| *code)) {
        let count = refused.entry(code).or_default();
        *count = count.saturating_add(1);
    }
    for (code, times) in refused {
        println!("  refused: {times} offers, {code}");
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// A table with columns as wide as their widest cell; numbers stand to the right.
pub(super) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(super) fn new(header: &[&str]) -> Self {
        Self { rows: vec![header.iter().map(|&cell| cell.to_owned()).collect()] }
    }

    pub(super) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    pub(super) fn print(&self) {
        print!("{}", self.render());
    }

    fn render(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or_default();
        let column = |index: usize| self.rows.iter().filter_map(move |row| row.get(index));
        let widths: Vec<usize> =
            (0..columns).map(|index| column(index).map(|cell| cell.chars().count()).max().unwrap_or(0)).collect();
        let numeric: Vec<bool> = (0..columns).map(|index| column(index).skip(1).all(|cell| is_number(cell))).collect();
        let mut text = String::new();
        for row in &self.rows {
            let cells = row.iter().zip(&widths).zip(&numeric).map(|((cell, &width), &right)| {
                if right { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
            });
            text.push_str("  ");
            text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
            text.push('\n');
        }
        text
    }
}

fn is_number(cell: &str) -> bool {
    cell.chars().all(|c| c.is_ascii_digit() || "+-.%".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(&["product", "price"]);
        table.row(vec!["h100".to_owned(), "12.00".to_owned()]);
        table.row(vec!["rtx-4090-24gb".to_owned(), "0.30".to_owned()]);
        let expected = "  product        price\n  h100           12.00\n  rtx-4090-24gb   0.30\n";
        assert_eq!(table.render(), expected);
    }
}
