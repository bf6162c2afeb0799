//! What every table must hold, collected command by command and batch by batch.

use std::collections::BTreeMap;

use crate::exchange::Changes;
use crate::store::pending::log::{MarkRow, PendingRow};
use crate::store::pending::{Mark, Pending};
use crate::store::row::{Cell, Row};
use crate::store::rows::{KeyRow, RowSet, Visit};
use crate::store::{JournalRow, StoreError};

/// A row that must be there, as compact bytes, and the last journal row that wrote it.
#[derive(Debug, Clone, Default)]
pub(super) struct Entry {
    /// The row; absent if it was deleted.
    pub(super) row: Option<Box<[u8]>>,
    pub(super) sequence: i64,
    /// What the table may say instead, because the row may still wait to be written.
    pub(super) older: Vec<Box<[u8]>>,
    /// Whether the row need not be there at all, for the same reason.
    pub(super) may_be_missing: bool,
}

/// The complete content of the exchange's tables, the journal aside.
#[derive(Debug, Default)]
pub struct Expected {
    tables: BTreeMap<&'static str, BTreeMap<Box<[u8]>, Entry>>,
    /// Up to this journal row every state is in its table; past it, it may wait. Nothing if nobody knows.
    mark: Option<i64>,
    /// What the mark must be, if a batch ends there.
    marked: Option<Mark>,
    /// The states that the batch at hand has changed so far.
    states: Pending,
    /// Which command changed which of them last.
    writers: BTreeMap<(&'static str, Box<[u8]>), i64>,
    taken: Mark,
    last: i64,
}

impl Expected {
    /// Begins with empty tables whose states are in place up to a journal row; see [`super::mark`]. Without one, a state
    /// may be any that ever was.
    pub fn since(mark: Option<i64>) -> Self {
        Self { mark, marked: (mark == Some(0)).then(Mark::default), ..Self::default() }
    }

    /// Takes in what a command changed; `last` is its journal row.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] for a value that cannot be stored.
    pub fn take(&mut self, last: &JournalRow, changes: &Changes) -> Result<(), StoreError> {
        let rows = RowSet::of(changes, last)?;
        self.last = last.sequence;
        rows.visit(self)?;
        rows.states.rows()?.visit(&mut Writers { writers: &mut self.writers, sequence: self.last })?;
        let trade = changes.counters.trade.saturating_sub(1);
        self.taken = Mark { sequence: self.last, trade };
        self.states.absorb(rows.states, self.taken);
        for (actor, key) in &rows.forgotten {
            let key = encode(KeyRow::TABLE.name, &[Cell::Text(actor.clone()), Cell::Text(key.clone())])?;
            let entry = Entry { sequence: self.last, ..Entry::default() };
            self.tables.entry(KeyRow::TABLE.name).or_default().insert(key, entry);
        }
        Ok(())
    }

    /// Ends the batch that the commands taken in since the last one made.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] for a value that cannot be stored.
    pub fn end_batch(&mut self) -> Result<(), StoreError> {
        let states = std::mem::take(&mut self.states).all();
        let writers = std::mem::take(&mut self.writers);
        let waits = self.mark.is_none_or(|mark| self.last > mark);
        if self.mark == Some(self.last) {
            self.marked = Some(self.taken);
        }
        if let Some(row) = PendingRow::of(&states, self.last)?.filter(|_| waits) {
            self.add(&[row])?;
        }
        states.rows()?.visit(&mut Standing { tables: &mut self.tables, writers: &writers, waits })
    }

    /// Returns the last journal row taken in.
    pub const fn last(&self) -> i64 {
        self.last
    }

    /// Returns what the mark must be, if a batch ends where it is.
    pub(super) fn mark(&self) -> Option<MarkRow> {
        self.marked.map(MarkRow::at)
    }

    /// Returns what a table must hold, by key.
    pub(super) fn table(&self, table: &str) -> Option<&BTreeMap<Box<[u8]>, Entry>> {
        self.tables.get(table)
    }
}

impl<'a> Visit<'a> for Expected {
    fn rows<R: Row>(&mut self, rows: &'a [R]) -> Result<(), StoreError> {
        self.add(rows)
    }
}

impl Expected {
    fn add<R: Row>(&mut self, rows: &[R]) -> Result<(), StoreError> {
        let table = self.tables.entry(R::TABLE.name).or_default();
        for row in rows {
            let key = encode(R::TABLE.name, &row.key())?;
            let row = encode(R::TABLE.name, &row.cells())?;
            table.insert(key, Entry { row: Some(row), sequence: self.last, ..Entry::default() });
        }
        Ok(())
    }
}

/// Notes which command changed a state.
struct Writers<'w> {
    writers: &'w mut BTreeMap<(&'static str, Box<[u8]>), i64>,
    sequence: i64,
}

impl<'a> Visit<'a> for Writers<'_> {
    fn rows<R: Row>(&mut self, rows: &'a [R]) -> Result<(), StoreError> {
        for row in rows {
            let key = encode(R::TABLE.name, &row.key())?;
            self.writers.insert((R::TABLE.name, key), self.sequence);
        }
        Ok(())
    }
}

/// Takes in the states at the end of a batch.
struct Standing<'e> {
    tables: &'e mut BTreeMap<&'static str, BTreeMap<Box<[u8]>, Entry>>,
    writers: &'e BTreeMap<(&'static str, Box<[u8]>), i64>,
    /// Whether they may not be in their tables yet.
    waits: bool,
}

impl<'a> Visit<'a> for Standing<'_> {
    fn rows<R: Row>(&mut self, rows: &'a [R]) -> Result<(), StoreError> {
        let table = self.tables.entry(R::TABLE.name).or_default();
        for row in rows {
            let key = encode(R::TABLE.name, &row.key())?;
            let sequence = self.writers.get(&(R::TABLE.name, key.clone())).copied().unwrap_or_default();
            let before = table.remove(&key);
            let mut entry = Entry { row: Some(encode(R::TABLE.name, &row.cells())?), sequence, ..Entry::default() };
            if self.waits {
                let before = before.unwrap_or(Entry { may_be_missing: true, ..Entry::default() });
                entry.may_be_missing = before.may_be_missing;
                entry.older = before.older;
                entry.older.extend(before.row);
            }
            table.insert(key, entry);
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
