//! What a journal row says, for those who execute it again.

use crate::exchange::{Envelope, Failure, NotCommand, Outcome, parse_command};
use crate::store::JournalRow;

/// Returns the command of a row as it was executed.
///
/// # Errors
/// For a command that this program does not know: it must not guess what it did.
pub(super) fn envelope(row: &JournalRow) -> Result<Envelope, NotCommand> {
    Ok(Envelope {
        at: row.at,
        actor: row.actor.clone(),
        request_id: row.request_id.clone(),
        idempotency_key: row.idempotency_key.clone(),
        command: parse_command(&row.command)?,
    })
}

/// Returns the word of a row for what a command came to.
///
/// # Errors
/// The name of the invariant it broke: there is no such row.
pub(super) const fn outcome(result: &Result<Outcome, Failure>) -> Result<&'static str, &'static str> {
    match result {
        Ok(outcome) if outcome.replayed => Ok("replayed"),
        Ok(_) => Ok("ok"),
        Err(Failure::Reject(reject)) => Ok(reject.code()),
        Err(Failure::Invariant(name)) => Err(name),
    }
}
