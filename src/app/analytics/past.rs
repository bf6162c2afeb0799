//! What passed unsold in asks that had ended before the view was made: read from the store once, when first asked for.
//!
//! Invariant: an ended ask is counted either here or in [`View::ended`], never in both.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::app::ended::Ended;
use crate::app::view::Origin;
use crate::app::{App, AppError, View};
use crate::store::read::orders::numbered;
use crate::store::{Reader, StoreError};
use crate::types::{ListingId, OrderId, SiteId, Timestamp};

/// Orders that are read, the newest of those before the view.
pub const PAST_ORDERS_MAX: i64 = 500_000;
/// Orders read in one statement.
const STRETCH: i64 = 2_000;

/// What passed unsold before the view was made.
#[derive(Debug, Default)]
pub struct Past {
    /// The journal row of the view that it goes with.
    origin: i64,
    /// The sums.
    pub ended: Ended,
    /// Whether there were more orders than are read.
    pub truncated: bool,
}

impl App {
    /// Returns what passed unsold before the view was made.
    ///
    /// # Errors
    /// If the store fails.
    pub(in crate::app) async fn past(&self) -> Result<Arc<Past>, AppError> {
        let mut past = self.figures().past.lock().await;
        let origin = self.live().read(|view| Arc::clone(&view.origin));
        if let Some(past) = past.as_ref().filter(|past| past.origin == origin.as_of) {
            return Ok(Arc::clone(past));
        }
        let (sites, now) = self.live().read(|view| (sites(view), view.now));
        let read = Arc::new(self.read(move |reader| read(reader, &origin, &sites, now)).await?);
        *past = Some(Arc::clone(&read));
        Ok(read)
    }
}

fn sites(view: &View) -> BTreeMap<ListingId, SiteId> {
    view.listings.values().map(|listing| (listing.id, listing.site)).collect()
}

fn read(
    reader: &mut Reader,
    origin: &Origin,
    sites: &BTreeMap<ListingId, SiteId>,
    now: Timestamp,
) -> Result<Past, StoreError> {
    let first = origin.next_order.saturating_sub(PAST_ORDERS_MAX).max(1);
    let mut past = Past { origin: origin.as_of, truncated: first > 1, ..Past::default() };
    let mut number = first;
    while number < origin.next_order {
        let until = number.saturating_add(STRETCH).min(origin.next_order);
        let had_ended = |number: &i64| origin.open_asks.binary_search(&OrderId::new(*number)).is_err();
        let numbers: Vec<i64> = (number..until).filter(had_ended).collect();
        for ask in numbered(reader, &numbers)?.iter().filter(|order| !order.status.is_open()) {
            past.ended.add(ask, now, |listing| sites.get(&listing).copied());
        }
        number = until;
    }
    Ok(past)
}
