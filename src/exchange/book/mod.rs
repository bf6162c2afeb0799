//! The order book: who trades with whom, and nothing else.
//!
//! A book keeps what matching needs of every resting order and answers one question for an arriving
//! order: which resting orders does it meet, in which order, for how many GPUs. It knows no money, no
//! contracts and no listings. A walk is a plan: it changes nothing until the exchange applies it.
//!
//! Two books stand behind [`Book`]: [`IndexedBook`], the one in use, and [`NaiveBook`], the obvious and
//! slow reference. Invariant: both give the same [`Walk`] for every arrival.
//! Invariant: a walk never depends on how an index is shaped, so a replay gives the same walk.

pub mod index;
pub mod naive;
pub mod ranks;
pub mod rules;

use std::sync::Arc;

pub use index::IndexedBook;
pub use naive::NaiveBook;
pub use ranks::Rank;

use super::command::Requirements;
use crate::types::{
    Country, Interconnect, OrderId, OrganizationId, OutOfRange, Price, Region, SelfTrade, SiteId, SlaClass, Steps,
    Timestamp, Window,
};

/// What a bid may ask of the capacity behind an ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Where it stands.
    pub site: SiteId,
    /// The site's region.
    pub region: Region,
    /// The site's country.
    pub country: Country,
    /// The listing's wiring.
    pub interconnect: Interconnect,
    /// The listing's promise.
    pub sla_class: SlaClass,
    /// Whether the ask sells out of a listing, not out of a contract.
    pub primary: bool,
    /// Whether it sells a contract that its buyer takes over, and pays for at once.
    pub novation: bool,
    /// Whose listing it is in the end.
    pub host: OrganizationId,
}

/// An ask as a book knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookAsk {
    /// The order.
    pub id: OrderId,
    /// Whose.
    pub organization: OrganizationId,
    /// Time priority; lower is earlier.
    pub sequence: i64,
    /// Price.
    pub price: Price,
    /// GPUs, those sold included.
    pub gpus: u32,
    /// Over when.
    pub window: Window,
    /// GPUs sold, per minute. Free over a window: `gpus` less the most sold in any of its minutes.
    pub sold: Steps,
    /// Fills come in multiples of it.
    pub lot: u32,
    /// The shortest rental.
    pub min_minutes: u32,
    /// A fill's window starts no earlier than this from now: `start_ms - now_ms >= lead_minutes * 60,000`.
    pub lead_minutes: u32,
    /// What it is.
    pub place: Arc<Place>,
}

/// A bid as a book knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookBid {
    /// The order.
    pub id: OrderId,
    /// Whose.
    pub organization: OrganizationId,
    /// Time priority; lower is earlier.
    pub sequence: i64,
    /// Limit price.
    pub price: Price,
    /// GPUs still wanted.
    pub remaining: u32,
    /// All of it.
    pub window: Window,
    /// Fills come in multiples of it.
    pub lot: u32,
    /// What the capacity must be like.
    pub requirements: Arc<Requirements>,
    /// Whether it pays by the month: it takes nothing over.
    pub monthly: bool,
}

/// How an order arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// The exchange's time.
    pub now: Timestamp,
    /// What happens where it meets an order of its own organization.
    pub self_trade: SelfTrade,
    /// Fills at most this many times.
    pub fills_max: usize,
    /// Bids: nothing counts unless the walk completes the bid.
    pub fok: bool,
    /// Bids: the walk is made once per site, over that site's asks alone. Comes with `SelfTrade::Skip` only.
    pub same_site: bool,
    /// Bids: asks of these organizations, and asks out of their listings, are passed over.
    pub avoid: Option<[OrganizationId; 2]>,
}

impl Arrival {
    /// Tells whether the arriving bid passes an ask over for whose it is, or whose capacity.
    pub fn avoids(&self, ask: &BookAsk) -> bool {
        self.avoid.is_some_and(|who| who.contains(&ask.organization) || who.contains(&ask.place.host))
    }
}

/// One step of a walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The arriving order trades with a resting one.
    Fill {
        /// The resting order.
        maker: OrderId,
        /// For so many GPUs, over the bid's window.
        gpus: u32,
    },
    /// A resting order of the same organization is cancelled.
    Cancel {
        /// The resting order.
        maker: OrderId,
    },
}

/// Why a walk ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WalkEnd {
    /// The arriving order is complete, or nothing else is eligible.
    Done,
    /// The arriving order met its own organization's and is cancelled.
    SelfTrade,
    /// One fill more than allowed would have followed.
    FillLimit,
}

/// What an arriving order would do, step by step.
///
/// A fok that does not complete, for whatever reason, has no steps and ends `Done` (`complete` is false).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Walk {
    /// In the order in which they happen.
    pub steps: Vec<Step>,
    /// Why it ended.
    pub end: WalkEnd,
    /// Whether the fills complete the arriving order (a bid's GPUs are all filled; asks: false).
    pub complete: bool,
}

/// A book of resting orders of one product.
///
/// The rules, normative (`k` is the size of a fill):
/// - An ask is *eligible* for a bid when ask price <= bid price; the bid's window lies in the ask's, is at least the
///   ask's `min_minutes` long and starts `lead_minutes` from `now` or later; the requirements hold, those of the
///   provider's rank by what the book was told last; the larger lot is a multiple of the smaller; and `k = min(bid remaining, free over the bid's window)`, rounded down to the
///   larger lot, is not zero.
/// - A bid walks asks by (price ascending, sequence ascending), an ask walks bids by (price descending, sequence
///   ascending); each resting order is met at most once; what the walk itself has filled counts as gone.
/// - Own orders: with `Skip` they are passed over. Otherwise, where the walk meets an *eligible* one,
///   `CancelOldest` cancels the order with the lower sequence, `CancelNewest` the other, `CancelBoth` both (the
///   resting one first). If the arriving order is cancelled the walk ends (`SelfTrade`); fills already made stand.
/// - Asks that the arriving bid is to `avoid` are passed over like those of its own organization with `Skip`.
/// - Where a fill beyond `fills_max` would follow, the walk ends (`FillLimit`).
/// - `same_site` (bids): each site's walk is planned alone. With fok only sites that complete the bid count; else
///   those that fill the most GPUs. Among them the lowest sum of trade price * k wins, where the trade price is
///   that of the order with the lower sequence; ties go to the lower sequence of the site's first fill.
pub trait Book: Default {
    /// Tells the book the time, so that an index can be fine where delivery windows are. Changes no walk.
    fn advance(&mut self, _now: Timestamp) {}

    /// Tells the book what is known of a provider from now on; one it was told nothing of is new.
    fn set_rank(&mut self, host: OrganizationId, rank: Rank);

    /// Adds a resting ask.
    fn insert_ask(&mut self, ask: BookAsk);

    /// Adds a resting bid.
    fn insert_bid(&mut self, bid: BookBid);

    /// Removes an order; one that is not there is ignored.
    fn remove(&mut self, order: OrderId);

    /// Takes GPUs out of a resting ask over a window.
    ///
    /// # Errors
    /// [`OutOfRange`] if the ask is not there or has fewer free.
    fn sell(&mut self, ask: OrderId, window: Window, gpus: u32) -> Result<(), OutOfRange>;

    /// Lowers what a resting bid still wants.
    ///
    /// # Errors
    /// [`OutOfRange`] if the bid is not there or wants fewer.
    fn buy(&mut self, bid: OrderId, gpus: u32) -> Result<(), OutOfRange>;

    /// Plans what an arriving bid would do. A bid that already rests here (a lifted halt) does not meet itself.
    fn walk_bid(&self, bid: &BookBid, arrival: Arrival) -> Walk;

    /// Plans what an arriving ask would do.
    fn walk_ask(&self, ask: &BookAsk, arrival: Arrival) -> Walk;

    /// Returns the resting bids in the order in which an ask would meet them.
    fn bids(&self) -> Vec<OrderId>;
}
