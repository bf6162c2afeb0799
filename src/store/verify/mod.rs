//! Whether the tables hold what the journal says, and nothing else.
//!
//! The caller walks the journal ([`chain`]), executes its commands and feeds what each changed, and where batches end, to
//! [`Expected`]; [`compare`] then holds every row of every table of the exchange against it. Rows are made by the
//! functions the writer uses, so a column cannot be written and forgotten here. Quotes and users are outside the
//! exchange and not compared.

mod chain;
mod compare;
mod expected;

use std::fmt;

pub use chain::{Walk, chain};
pub use compare::{compare, integrity};
pub use expected::Expected;

use super::{Db, StoreError};
use crate::store::pending::log;
use crate::store::read::journal;

/// Returns the journal row up to which every state is in its table; nothing if that is not said, or cannot be.
///
/// # Errors
/// What the database said.
pub fn mark(db: &mut Db) -> Result<Option<i64>, StoreError> {
    let Some(mark) = log::mark(db)?.map(|mark| mark.sequence) else { return Ok(None) };
    Ok((mark == 0 || journal::ends_batch(db, mark)?).then_some(mark))
}

/// One place where the tables differ from the journal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mismatch {
    /// The last journal row that wrote there; the last of all for what no row wrote.
    pub sequence: i64,
    /// Which table.
    pub table: &'static str,
    /// Which row.
    pub key: String,
    /// Which column, if the row is there.
    pub column: &'static str,
    /// What differs.
    pub what: String,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sequence, table, key, column, what } = self;
        let dot = if column.is_empty() { "" } else { "." };
        write!(f, "sequence {sequence}: {table}{dot}{column} of row {key}: {what}")
    }
}
