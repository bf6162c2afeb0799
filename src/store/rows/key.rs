//! Idempotency keys the exchange remembers.

use super::field::{text, u128_text};
use crate::exchange::entities::RememberedKey;
use crate::store::StoreError;
use crate::store::row::{Word, row};
use crate::types::Timestamp;

const TABLE: &str = "remembered_keys";

row! {
    /// A remembered key.
    KeyRow in remembered_keys (actor, key) Replace {
        actor: Word,
        key: Word,
        fingerprint: Word,
        used_at: i64,
        made: Word,
    }
}

impl KeyRow {
    pub(crate) fn of(actor: &str, key: &str, remembered: &RememberedKey) -> Result<Self, StoreError> {
        let made = serde_json::to_string(&remembered.made).map_err(|_| corrupt(actor, key, "made"))?;
        Ok(Self {
            actor: text(actor),
            key: text(key),
            fingerprint: u128_text(remembered.fingerprint),
            used_at: remembered.used_at.millis(),
            made: text(made),
        })
    }

    pub(crate) fn remembered(self) -> Result<((String, String), RememberedKey), StoreError> {
        let fingerprint = u128::from_str_radix(&self.fingerprint, 16);
        let remembered = RememberedKey {
            fingerprint: fingerprint.map_err(|_| corrupt(&self.actor, &self.key, "fingerprint"))?,
            used_at: Timestamp::from_millis(self.used_at),
            made: serde_json::from_str(&self.made).map_err(|_| corrupt(&self.actor, &self.key, "made"))?,
        };
        Ok(((self.actor.into_owned(), self.key.into_owned()), remembered))
    }
}

fn corrupt(actor: &str, key: &str, column: &str) -> StoreError {
    StoreError::Corrupt { table: TABLE, key: format!("{actor},{key}"), what: format!("{column} is not valid") }
}
