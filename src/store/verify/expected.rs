//! What every table must hold, collected batch by batch.

use std::collections::BTreeMap;

use crate::exchange::Changes;
use crate::store::row::{Cell, Row};
use crate::store::rows::{KeyRow, RowSet, Visit};
use crate::store::{JournalRow, StoreError};

/// A row that must be there, as compact bytes, and the last journal row that wrote it.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// The row; absent if it was deleted.
    pub(super) row: Option<Box<[u8]>>,
    pub(super) sequence: i64,
}

/// The complete content of the exchange's tables, the journal aside.
#[derive(Debug, Clone, Default)]
pub struct Expected {
    tables: BTreeMap<&'static str, BTreeMap<Box<[u8]>, Entry>>,
    last: i64,
}

impl Expected {
    /// Takes in what a batch changed; `last` is its last journal row.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] for a value that cannot be stored.
    pub fn take(&mut self, last: &JournalRow, changes: &Changes) -> Result<(), StoreError> {
        let rows = RowSet::of(changes, last)?;
        self.last = last.sequence;
        rows.visit(self)?;
        for (actor, key) in &rows.forgotten {
            let key = encode(KeyRow::TABLE.name, &[Cell::Text(actor.clone()), Cell::Text(key.clone())])?;
            let entry = Entry { row: None, sequence: self.last };
            self.tables.entry(KeyRow::TABLE.name).or_default().insert(key, entry);
        }
        Ok(())
    }

    /// Returns the last journal row taken in.
    pub const fn last(&self) -> i64 {
        self.last
    }

    /// Returns what a table must hold, by key.
    pub(super) fn table(&self, table: &str) -> Option<&BTreeMap<Box<[u8]>, Entry>> {
        self.tables.get(table)
    }
}

impl<'a> Visit<'a> for Expected {
    fn rows<R: Row>(&mut self, rows: &'a [R]) -> Result<(), StoreError> {
        let table = self.tables.entry(R::TABLE.name).or_default();
        for row in rows {
            let key = encode(R::TABLE.name, &row.key())?;
            let row = encode(R::TABLE.name, &row.cells())?;
            table.insert(key, Entry { row: Some(row), sequence: self.last });
        }
        Ok(())
    }
}

/// Returns cells as compact bytes; equal bytes are equal cells.
pub(super) fn encode(table: &'static str, cells: &[Cell]) -> Result<Box<[u8]>, StoreError> {
    let bytes = postcard::to_allocvec(cells).map_err(|error| unreadable(table, &error))?;
    Ok(bytes.into_boxed_slice())
}

/// Returns the cells behind bytes.
pub(super) fn decode(table: &'static str, bytes: &[u8]) -> Result<Vec<Cell>, StoreError> {
    postcard::from_bytes(bytes).map_err(|error| unreadable(table, &error))
}

fn unreadable(table: &'static str, error: &postcard::Error) -> StoreError {
    StoreError::Corrupt { table, key: "expected".to_owned(), what: error.to_string() }
}
