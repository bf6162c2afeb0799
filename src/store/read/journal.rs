//! The journal.

use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, QueryResult, RunQueryDsl, SelectableHelper};

use super::{Listed, Page, entities};
use crate::store::db::{on, portable};
use crate::store::rows::JournalEntry;
use crate::store::schema::journal;
use crate::store::{Db, JournalRow, StoreError};

/// Returns the first rows after a sequence, oldest first: for followers and for replay.
///
/// # Errors
/// What the database said.
pub fn after(db: &mut Db, sequence: i64, limit: u32) -> Result<Vec<JournalRow>, StoreError> {
    entities(entries_after(db, sequence, limit)?)
}

/// Returns a page of the journal, newest first.
///
/// # Errors
/// What the database said.
pub fn page(db: &mut Db, page: Page) -> Result<Listed<JournalRow>, StoreError> {
    let rows = on!(db, |c, m| m::page(c, page))?;
    Listed::of(rows, page, |row| row.sequence).try_map(JournalRow::try_from)
}

/// Returns the last row, if there is one.
///
/// # Errors
/// What the database said.
pub fn head(db: &mut Db) -> Result<Option<JournalRow>, StoreError> {
    on!(db, |c, m| m::head(c))?.map(JournalRow::try_from).transpose()
}

/// Returns rows as the table has them, for checks that must not stop at the first that is not valid.
pub(crate) fn entries_after(db: &mut Db, sequence: i64, limit: u32) -> QueryResult<Vec<JournalEntry>> {
    on!(db, |c, m| m::after(c, sequence, i64::from(limit)))
}

/// Returns the lowest sequence there is.
pub(crate) fn lowest(db: &mut Db) -> QueryResult<Option<i64>> {
    on!(db, |c, m| m::lowest(c))
}

/// Tells whether a batch ends with a row.
pub(crate) fn ends_batch(db: &mut Db, sequence: i64) -> QueryResult<bool> {
    let digest: Option<Option<String>> = on!(db, |c, m| m::digest(c, sequence))?;
    Ok(digest.flatten().is_some())
}

portable! {
    pub(crate) fn digest(c: &mut Conn, sequence: i64) -> QueryResult<Option<Option<String>>> {
        journal::table.find(sequence).select(journal::digest).first(c).optional()
    }

    pub(crate) fn lowest(c: &mut Conn) -> QueryResult<Option<i64>> {
        journal::table.select(journal::sequence).order(journal::sequence).first(c).optional()
    }

    pub(crate) fn after(c: &mut Conn, sequence: i64, limit: i64) -> QueryResult<Vec<JournalEntry>> {
        journal::table
            .filter(journal::sequence.gt(sequence))
            .order(journal::sequence)
            .limit(limit)
            .select(JournalEntry::as_select())
            .load(c)
    }

    pub(crate) fn page(c: &mut Conn, page: Page) -> QueryResult<Vec<JournalEntry>> {
        journal::table
            .filter(journal::sequence.lt(page.before()))
            .order(journal::sequence.desc())
            .limit(page.limit_and_one())
            .select(JournalEntry::as_select())
            .load(c)
    }

    pub(crate) fn head(c: &mut Conn) -> QueryResult<Option<JournalEntry>> {
        journal::table.order(journal::sequence.desc()).select(JournalEntry::as_select()).first(c).optional()
    }
}
