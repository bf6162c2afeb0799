//! The journal.

use super::field::{Place, hash_text, text, u128_text};
use crate::store::row::{Word, row};
use crate::store::{JournalRow, StoreError};
use crate::types::Timestamp;

row! {
    /// A journal row as the table has it.
    JournalEntry in journal (sequence) Fail {
        sequence: i64,
        at: i64,
        actor: Word,
        request_id: Word,
        idempotency_key: Option<Word>,
        command: Word,
        outcome: Word,
        digest: Option<Word>,
        hash: Word,
    }
}

impl JournalEntry {
    pub(crate) fn of(row: &JournalRow) -> Self {
        Self {
            sequence: row.sequence,
            at: row.at.millis(),
            actor: text(row.actor.as_str()),
            request_id: text(row.request_id.as_str()),
            idempotency_key: row.idempotency_key.clone().map(text),
            command: text(row.command.as_str()),
            outcome: text(row.outcome.as_str()),
            digest: row.digest.map(u128_text),
            hash: hash_text(&row.hash),
        }
    }
}

impl TryFrom<JournalEntry> for JournalRow {
    type Error = StoreError;

    fn try_from(row: JournalEntry) -> Result<Self, StoreError> {
        let at = Place::new("journal", row.sequence);
        Ok(Self {
            sequence: row.sequence,
            at: Timestamp::from_millis(row.at),
            actor: row.actor.into_owned(),
            request_id: row.request_id.into_owned(),
            idempotency_key: row.idempotency_key.map(String::from),
            command: row.command.into_owned(),
            outcome: row.outcome.into_owned(),
            digest: row.digest.map(|digest| at.hex128("digest", &digest)).transpose()?,
            hash: at.hex256("hash", &row.hash)?,
        })
    }
}
