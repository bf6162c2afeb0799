//! The exchange's clock and next numbers, and how far the journal goes.

use super::field::{Place, hash_text, u128_text};
use crate::exchange::entities::Counters;
use crate::store::row::{Word, row};
use crate::store::{JournalRow, StoreError};
use crate::types::Timestamp;

const AT: Place = Place::new("exchange_state", 0);

row! {
    /// The one row.
    StateRow in exchange_state (id) Replace {
        id: i64,
        now: i64,
        rules: i64,
        next_sequence: i64,
        next_organization: i64,
        next_product: i64,
        next_site: i64,
        next_listing: i64,
        next_order: i64,
        next_trade: i64,
        next_contract: i64,
        next_transfer: i64,
        next_pass: i64,
        next_fix: i64,
        last_sequence: i64,
        last_hash: Word,
        digest: Word,
    }
}

impl StateRow {
    /// Returns the row after a batch that ends with this journal row.
    pub(crate) fn of(counters: &Counters, digest: u128, last: &JournalRow) -> Self {
        Self {
            id: 0,
            now: counters.now.millis(),
            rules: i64::from(counters.rules),
            next_sequence: counters.sequence,
            next_organization: counters.organization,
            next_product: counters.product,
            next_site: counters.site,
            next_listing: counters.listing,
            next_order: counters.order,
            next_trade: counters.trade,
            next_contract: counters.contract,
            next_transfer: counters.transfer,
            next_pass: counters.pass,
            next_fix: counters.fix,
            last_sequence: last.sequence,
            last_hash: hash_text(&last.hash),
            digest: u128_text(digest),
        }
    }

    pub(crate) fn counters(&self) -> Result<Counters, StoreError> {
        Ok(Counters {
            now: Timestamp::from_millis(self.now),
            rules: AT.int("rules", self.rules)?,
            sequence: self.next_sequence,
            organization: self.next_organization,
            product: self.next_product,
            site: self.next_site,
            listing: self.next_listing,
            order: self.next_order,
            trade: self.next_trade,
            contract: self.next_contract,
            transfer: self.next_transfer,
            pass: self.next_pass,
            fix: self.next_fix,
        })
    }

    pub(crate) fn hash(&self) -> Result<[u8; 32], StoreError> {
        AT.hex256("last_hash", &self.last_hash)
    }

    pub(crate) fn digest(&self) -> Result<u128, StoreError> {
        AT.hex128("digest", &self.digest)
    }
}
