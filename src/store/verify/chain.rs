//! The journal's chain, walked in pieces.

use diesel::result::Error::DeserializationError;

use super::Mismatch;
use crate::store::read::journal::{entries_after, lowest};
use crate::store::{Db, JournalRow, StoreError, chain_hash};

/// A piece of the journal whose chain was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Walk {
    /// The rows up to the first bad one; none at the journal's end.
    pub rows: Vec<JournalRow>,
    /// The first bad row, if there is one. The walk ends there.
    pub broken: Option<Mismatch>,
}

/// Reads the rows after `sequence` and checks that each continues the chain, whose last hash was `previous`.
///
/// A journal cut off at its end still is a chain: [`super::compare`] finds that in `exchange_state`. At the end, rows
/// numbered below the first are looked for: nothing else would ever read them.
///
/// # Errors
/// What the database said.
pub fn chain(db: &mut Db, sequence: i64, previous: [u8; 32], limit: u32) -> Result<Walk, StoreError> {
    let mut walk = Walk { rows: Vec::new(), broken: None };
    let (mut sequence, mut previous) = (sequence, previous);
    let entries = match entries_after(db, sequence, limit) {
        // One row cannot be read: walk in smaller pieces, down to that row.
        Err(DeserializationError(_)) if limit > 1 => return chain(db, sequence, previous, limit / 2),
        Err(DeserializationError(error)) => {
            walk.broken = Some(broken(sequence.saturating_add(1), "", format!("cannot be read: {error}")));
            return Ok(walk);
        }
        entries => entries?,
    };
    if entries.is_empty()
        && let Some(low) = lowest(db)?.filter(|low| *low < 1)
    {
        let what = "should not be there".to_owned();
        walk.broken = Some(Mismatch { key: low.to_string(), ..broken(sequence, "", what) });
    }
    for entry in entries {
        let due = sequence.saturating_add(1);
        match link(due, &previous, entry.sequence, JournalRow::try_from(entry)) {
            Ok(row) => {
                (sequence, previous) = (row.sequence, row.hash);
                walk.rows.push(row);
            }
            Err(mismatch) => {
                walk.broken = Some(mismatch);
                break;
            }
        }
    }
    Ok(walk)
}

fn link(
    due: i64,
    previous: &[u8; 32],
    found: i64,
    row: Result<JournalRow, StoreError>,
) -> Result<JournalRow, Mismatch> {
    if found != due {
        return Err(broken(due, "sequence", format!("missing; the next is {found}")));
    }
    let row = row.map_err(|error| broken(due, "", error.to_string()))?;
    if chain_hash(previous, &row) != row.hash {
        return Err(broken(due, "hash", "the row and the one before it do not give its hash".to_owned()));
    }
    Ok(row)
}

fn broken(sequence: i64, column: &'static str, what: String) -> Mismatch {
    Mismatch { sequence, table: "journal", key: sequence.to_string(), column, what }
}
