//! Orders near the best price that were cancelled, against those that were filled.
//!
//! An order was placed **near** the best price if it was at most 5 % worse than the best that rested on its side then: an ask
//! at no more than 1.05 times the lowest ask, a bid at no less than 0.95 times the highest bid. One that met no other on
//! its side was the best itself. Prices are those at which orders stand or ended: an amended order counts with its last.

use std::collections::{BTreeMap, BTreeSet};

use crate::market::Ratio;
use crate::market::median::lower_median;
use crate::types::limits::BPS_WHOLE;
use crate::types::{OrderId, OrganizationId, Price, ProductId, Side, Timestamp};

/// How much worse than the best a price near it is at most, in basis points.
pub const NEAR_BPS: u32 = 500;
/// Cancelled orders from which on it is a hint.
pub const CANCELLED_MIN: u64 = 5;
/// Orders that a row names, the newest.
pub const NAMED_MAX: usize = 5;
const MS_PER_MINUTE: i128 = 60_000;

/// An order and what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed {
    /// Its number.
    pub order: OrderId,
    /// Whose.
    pub organization: OrganizationId,
    /// For what.
    pub product: ProductId,
    /// On which side.
    pub side: Side,
    /// At what price.
    pub price: Price,
    /// When it was placed.
    pub placed_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Whether its organization asked for that.
    pub is_cancelled: bool,
    /// Fills.
    pub fills: u32,
}

/// What became of an organization's orders near the best price of a product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cancelling {
    /// What was traded.
    pub product: ProductId,
    /// Whose orders.
    pub organization: OrganizationId,
    /// Orders that were placed near the best price.
    pub near: u64,
    /// Of them: cancelled by their organization, without a fill.
    pub cancelled: u64,
    /// Of them: with a fill.
    pub filled: u64,
    /// `cancelled / filled`.
    pub ratio: Option<Ratio>,
    /// The lower median of the minutes for which the cancelled ones stood.
    pub median_minutes: Option<Ratio>,
    /// The newest of those that were cancelled, newest first.
    pub orders: Vec<OrderId>,
}

#[derive(Default)]
struct Seen {
    near: u64,
    filled: u64,
    stood_ms: Vec<i64>,
    cancelled: Vec<OrderId>,
}

/// Returns who cancelled at least [`CANCELLED_MIN`] orders that were placed near the best price from a time on: those without any
/// fill first, then by the ratio, then by how many.
///
/// The orders come by number; those from before that time count as what rested.
pub fn cancellings(orders: &[Placed], since: Timestamp) -> Vec<Cancelling> {
    let mut seen: BTreeMap<(ProductId, OrganizationId), Seen> = BTreeMap::new();
    let mut book = Book::default();
    for order in orders {
        let is_near = book.is_near(order);
        book.rest(order);
        if is_near && order.placed_at >= since {
            seen.entry((order.product, order.organization)).or_default().add(order);
        }
    }
    let rows = seen.into_iter().map(|((product, organization), seen)| seen.shown(product, organization));
    let mut found: Vec<Cancelling> = rows.filter(|row| row.cancelled >= CANCELLED_MIN).collect();
    found.sort_by_key(|row| (row.ratio.is_some(), std::cmp::Reverse((row.ratio, row.cancelled))));
    found
}

/// What rests, as far as the orders say.
#[derive(Default)]
struct Book {
    prices: BTreeMap<(ProductId, Side), BTreeMap<Price, u32>>,
    /// When what rests will end.
    ends: BTreeSet<(Timestamp, OrderId, ProductId, Side, Price)>,
}

impl Book {
    /// Tells whether an order that arrives is near the best of its side.
    fn is_near(&mut self, order: &Placed) -> bool {
        while let Some((.., product, side, price)) = self.ends.first().copied().filter(|end| end.0 <= order.placed_at) {
            self.ends.pop_first();
            self.take_out(product, side, price);
        }
        let Some(prices) = self.prices.get(&(order.product, order.side)) else { return true };
        let best = match order.side {
            Side::Ask => prices.first_key_value(),
            Side::Bid => prices.last_key_value(),
        };
        best.is_none_or(|(best, _)| is_near(order.side, order.price, *best))
    }

    fn rest(&mut self, order: &Placed) {
        let Placed { order: id, product, side, price, placed_at, ended_at, .. } = *order;
        if let Some(at) = ended_at {
            // What ended as it arrived never rested.
            if at <= placed_at {
                return;
            }
            self.ends.insert((at, id, product, side, price));
        }
        let count = self.prices.entry((product, side)).or_default().entry(price).or_default();
        *count = count.saturating_add(1);
    }

    fn take_out(&mut self, product: ProductId, side: Side, price: Price) {
        if let Some(prices) = self.prices.get_mut(&(product, side))
            && let Some(count) = prices.get_mut(&price)
        {
            *count = count.saturating_sub(1);
            if *count == 0 {
                prices.remove(&price);
            }
        }
    }
}

fn is_near(side: Side, price: Price, best: Price) -> bool {
    let (price, best) = (i128::from(price.micros()), i128::from(best.micros()));
    let parts = |bps: u32| best.saturating_mul(i128::from(bps));
    let whole = price.saturating_mul(i128::from(BPS_WHOLE));
    match side {
        Side::Ask => whole <= parts(BPS_WHOLE.saturating_add(NEAR_BPS)),
        Side::Bid => whole >= parts(BPS_WHOLE.saturating_sub(NEAR_BPS)),
    }
}

impl Seen {
    fn add(&mut self, order: &Placed) {
        self.near = self.near.saturating_add(1);
        if order.fills > 0 {
            self.filled = self.filled.saturating_add(1);
        } else if order.is_cancelled
            && let Some(at) = order.ended_at
        {
            self.stood_ms.push(at.millis().saturating_sub(order.placed_at.millis()));
            self.cancelled.push(order.order);
        }
    }

    fn shown(self, product: ProductId, organization: OrganizationId) -> Cancelling {
        let cancelled = u64::try_from(self.cancelled.len()).unwrap_or(u64::MAX);
        let median = lower_median(self.stood_ms);
        Cancelling {
            product,
            organization,
            near: self.near,
            cancelled,
            filled: self.filled,
            ratio: Ratio::of(cancelled.into(), self.filled.into()),
            median_minutes: median.and_then(|ms| Ratio::of(ms.into(), MS_PER_MINUTE)),
            orders: self.cancelled.into_iter().rev().take(NAMED_MAX).collect(),
        }
    }
}
