//! What the writer commits at once, and the chain that makes the journal tamper-evident.

use sha2::{Digest, Sha256};

use crate::exchange::Changes;
use crate::types::Timestamp;

/// One executed or refused command in the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalRow {
    /// Its place; the first is 1 and there are no gaps.
    pub sequence: i64,
    /// When it was sequenced.
    pub at: Timestamp,
    /// Who asked.
    pub actor: String,
    /// Under which request.
    pub request_id: String,
    /// The caller's `Idempotency-Key`.
    pub idempotency_key: Option<String>,
    /// The command as canonical JSON.
    pub command: String,
    /// `ok`, `replayed` or the code of the refusal.
    pub outcome: String,
    /// The digest of the state after it, on the last row of each batch.
    pub digest: Option<u128>,
    /// See [`chain_hash`].
    pub hash: [u8; 32],
}

/// What one transaction writes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Batch {
    /// The commands, in order.
    pub journal: Vec<JournalRow>,
    /// What they changed in all.
    pub changes: Changes,
}

impl Batch {
    /// Returns the place of its first row; 0 without rows.
    pub fn first_sequence(&self) -> i64 {
        self.journal.first().map_or(0, |row| row.sequence)
    }
}

/// Returns `SHA-256(previous || canonical row)`: every column of the row but the hash, each with its length before
/// it and absent ones told from empty ones, so that no two rows are written alike. The first row follows zeros.
pub fn chain_hash(previous: &[u8; 32], row: &JournalRow) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(previous);
    hasher.update(row.sequence.to_be_bytes());
    hasher.update(row.at.millis().to_be_bytes());
    text(&mut hasher, &row.actor);
    text(&mut hasher, &row.request_id);
    hasher.update([u8::from(row.idempotency_key.is_some())]);
    text(&mut hasher, row.idempotency_key.as_deref().unwrap_or_default());
    text(&mut hasher, &row.command);
    text(&mut hasher, &row.outcome);
    hasher.update([u8::from(row.digest.is_some())]);
    hasher.update(row.digest.unwrap_or_default().to_be_bytes());
    hasher.finalize().into()
}

fn text(hasher: &mut Sha256, text: &str) {
    // A text is shorter than 2^64 bytes on every machine there is.
    hasher.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
    hasher.update(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> JournalRow {
        JournalRow {
            sequence: 1,
            at: Timestamp::from_millis(2),
            actor: "system".into(),
            request_id: "r".into(),
            idempotency_key: None,
            command: "{}".into(),
            outcome: "ok".into(),
            digest: None,
            hash: [0; 32],
        }
    }

    #[test]
    fn every_column_and_the_row_before_change_the_hash() {
        let first = chain_hash(&[0; 32], &row());
        let other = [
            chain_hash(&[1; 32], &row()),
            chain_hash(&[0; 32], &JournalRow { sequence: 2, ..row() }),
            chain_hash(&[0; 32], &JournalRow { at: Timestamp::from_millis(3), ..row() }),
            chain_hash(&[0; 32], &JournalRow { actor: "systemr".into(), request_id: String::new(), ..row() }),
            chain_hash(&[0; 32], &JournalRow { request_id: "s".into(), ..row() }),
            chain_hash(&[0; 32], &JournalRow { idempotency_key: Some(String::new()), ..row() }),
            chain_hash(&[0; 32], &JournalRow { command: "{ }".into(), ..row() }),
            chain_hash(&[0; 32], &JournalRow { outcome: "replayed".into(), ..row() }),
            chain_hash(&[0; 32], &JournalRow { digest: Some(0), ..row() }),
        ];
        assert!(other.iter().all(|hash| *hash != first));
        assert_eq!(chain_hash(&[0; 32], &JournalRow { hash: [9; 32], ..row() }), first);
    }
}
