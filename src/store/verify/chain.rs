//! The journal's chain, walked in pieces.

use super::Mismatch;
use crate::store::read::journal::entries_after;
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
/// A journal cut off at its end still is a chain: [`super::compare`] finds that in `exchange_state`.
///
/// # Errors
/// What the database said.
pub fn chain(db: &mut Db, sequence: i64, previous: [u8; 32], limit: u32) -> Result<Walk, StoreError> {
    let mut walk = Walk { rows: Vec::new(), broken: None };
    let (mut sequence, mut previous) = (sequence, previous);
    for entry in entries_after(db, sequence, limit)? {
        let due = sequence.saturating_add(1);
        match link(due, &previous, entry.sequence, JournalRow::try_from(entry)) {
            Ok(row) => {
                (sequence, previous) = (row.sequence, row.hash);
                walk.rows.push(row);
            }
            Err(broken) => {
                walk.broken = Some(broken);
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
    let broken =
        |column, what: String| Mismatch { sequence: due, table: "journal", key: due.to_string(), column, what };
    if found != due {
        return Err(broken("sequence", format!("missing; the next is {found}")));
    }
    let row = row.map_err(|error| broken("", error.to_string()))?;
    if chain_hash(previous, &row) != row.hash {
        return Err(broken("hash", "the row and the one before it do not give its hash".to_owned()));
    }
    Ok(row)
}
