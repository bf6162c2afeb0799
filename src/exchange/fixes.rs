//! Fixes of the index, as they were published: worked out outside, by the open rule of [`crate::market::index`], and kept
//! here for good, so that nobody can say later that another figure was shown.
//!
//! The exchange does not work them out and nothing here is judged by them; `verify` works out each again from the trades
//! and asks it was made of. A fix of the same slice and day is a new version of it: the old one stays where it is.

use serde::{Deserialize, Serialize};

use super::catalogue::next;
use super::{Book, Event, Exchange, Failure, Made, Reject};
use crate::types::limits::FIXES_MAX;
use crate::types::{FixId, FixOrigin, Price, ProductId, Region, Tenor, Timestamp};

/// The index of a slice of a product's trades on a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexFix {
    /// Of which product.
    pub product: ProductId,
    /// Where the GPUs stand; everywhere if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
    /// How long they are rented; any length if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenor: Option<Tenor>,
    /// Whether they were sold out of a listing, and not out of a contract; both if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary: Option<bool>,
    /// The UTC day, counted from 1970-01-01.
    pub day: u32,
    /// The index; nothing if the trades of a day were recalled and there is no earlier fix.
    pub price: Option<Price>,
    /// Whether there were too few trades.
    pub thin: bool,
    /// The rule it was made by.
    pub rule_version: u32,
    /// What it was made from.
    pub origin: FixOrigin,
    /// How many trades or asks are in it.
    pub inputs: u32,
    /// The least and the greatest number among these.
    pub between: Option<(i64, i64)>,
    /// The trades between these two that were too far from the median.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dropped: Vec<i64>,
    /// SHA-256 over the inputs, in lower-case hexadecimal digits.
    pub hash: String,
}

/// A fix, and when it was published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedFix {
    /// Its number.
    pub id: FixId,
    /// When.
    pub created_at: Timestamp,
    /// The journal row whose state it was made from.
    pub as_of: i64,
    /// The fix.
    pub fix: IndexFix,
}

impl<B: Book> Exchange<B> {
    /// Publishes fixes of days gone by.
    pub(super) fn publish_fixes(&mut self, at: Timestamp, as_of: i64, fixes: &[IndexFix]) -> Result<Made, Failure> {
        let is_digest = |text: &str| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if fixes.is_empty() || fixes.len() > FIXES_MAX || as_of < 0 {
            return Err(Reject::InvalidCombination.into());
        }
        if fixes.iter().any(|fix| self.products.get(&fix.product).is_none()) {
            return Err(Reject::UnknownProduct.into());
        }
        if fixes.iter().any(|fix| !is_digest(&fix.hash)) {
            return Err(Reject::InvalidText.into());
        }
        let today = self.counters.now.day();
        if fixes.iter().any(|fix| fix.day >= today) {
            return Err(Reject::InvalidWindow.into());
        }
        for fix in fixes {
            let id = FixId::new(next(&mut self.counters.fix));
            self.changes.fixes.push(PublishedFix { id, created_at: at, as_of, fix: fix.clone() });
            self.events.push(Event::IndexFixed { fix: id, product: fix.product, day: fix.day, price: fix.price });
        }
        Ok(Made::Nothing)
    }
}
