//! The book in use: each side is an index in which an arriving order finds the next order it can meet without
//! looking at those it cannot.
//!
//! Whom a bid can meet is a question about two numbers: an ask whose free stretch starts at or before the bid's
//! start and ends at or after its end. For bids that rest it is the same question on time turned around: an ask's
//! stretch must start at or before their start and end at or after their end. So both sides are one kind of
//! `Tree`, over points (x, y) of which a search wants those with `x <= X` and `y >= Y`.
//!
//! Invariant: an index only proposes orders; [`rules`](super::rules) judge each one over exact minutes.
//! Invariant: every stretch of every ask is an entry, and every bid is one.
//! Not for empty windows: no order has one.

mod arena;
#[cfg(test)]
mod check;
mod free;
mod lanes;
mod leaf;
mod marks;
mod node;
mod search;
mod sketch;
#[cfg(test)]
mod tests;
mod tree;

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use super::ranks::Ranks;
use super::rules::{AskPlan, BidPlan, SitePlans};
use super::{Arrival, Book, BookAsk, BookBid, Rank, Walk};
use crate::exchange::paged::Paged;
use crate::types::{Minute, OrderId, OrganizationId, OutOfRange, Timestamp, Window};
use arena::Arena;
use free::{Stretch, around, stretches};
use leaf::{Entry, Key};
use marks::Wanted;
use search::Search;
use sketch::{BIN_MINUTES, BINS, Grid};
use tree::Tree;

/// The bins of a sketch before now, and how many may pass before sketches are made anew.
const BINS_BEHIND: u32 = 8;
const BINS_PASSED_MAX: u32 = 48;

/// An order's number in the arena of its side.
#[derive(Debug, Clone, Copy)]
enum Position {
    Ask(u32),
    Bid(u32),
}

/// A book that finds instead of walking. `LEAF` and `FAN` are how wide its trees are.
#[derive(Debug)]
pub struct IndexedBook<const LEAF: usize = 64, const FAN: usize = 16> {
    asks: Arena<BookAsk>,
    bids: Arena<BookBid>,
    asks_index: Tree<LEAF, FAN>,
    bids_index: Tree<LEAF, FAN>,
    /// Where each resting order is. Products share the numbering, so a page of neighbours may be nearly empty: it is small.
    positions: Paged<OrderId, Position>,
    /// What the sketches were last made for.
    origin: Option<Minute>,
    ranks: Ranks,
}

impl<const LEAF: usize, const FAN: usize> Default for IndexedBook<LEAF, FAN> {
    fn default() -> Self {
        Self {
            asks: Arena::new(),
            bids: Arena::new(),
            asks_index: Tree::new(),
            bids_index: Tree::new(),
            positions: Paged::default(),
            origin: None,
            ranks: Ranks::default(),
        }
    }
}

impl<const LEAF: usize, const FAN: usize> Book for IndexedBook<LEAF, FAN> {
    fn advance(&mut self, now: Timestamp) {
        let now = now.minute();
        let passed = |origin: Minute| now.get().saturating_sub(origin.get()) >= BINS_PASSED_MAX * BIN_MINUTES;
        if self.origin.is_none_or(passed) {
            self.origin = Some(now);
            let first = now.minus(BINS_BEHIND * BIN_MINUTES).get();
            let last = first.saturating_add(u32::try_from(BINS).unwrap_or(u32::MAX).saturating_mul(BIN_MINUTES));
            self.asks_index.set_grid(Grid { origin: first });
            self.bids_index.set_grid(Grid { origin: turned(last) });
        }
    }

    fn set_rank(&mut self, host: OrganizationId, rank: Rank) {
        self.ranks.set(host, rank);
    }

    fn insert_ask(&mut self, ask: BookAsk) {
        self.remove(ask.id);
        let id = ask.id;
        let order = self.asks.insert(ask);
        self.positions.insert(id, Position::Ask(order));
        let Some(ask) = self.asks.get(order) else { return };
        for stretch in stretches(ask, &ask.sold, ask.window) {
            self.asks_index.insert(&entry_of_ask(ask, order, stretch));
        }
    }

    fn insert_bid(&mut self, bid: BookBid) {
        self.remove(bid.id);
        let key = key_of_bid(&bid);
        let (id, y, gpus) = (bid.id, turned(bid.window.end.get()), bid.remaining);
        let order = self.bids.insert(bid);
        self.positions.insert(id, Position::Bid(order));
        self.bids_index.insert(&Entry { key, y, gpus, marks: 0, order });
    }

    fn remove(&mut self, order: OrderId) {
        match self.positions.remove(order) {
            None => {}
            Some(Position::Ask(order)) => {
                let Some(ask) = self.asks.remove(order) else { return };
                for stretch in stretches(&ask, &ask.sold, ask.window) {
                    let found = self.asks_index.remove(key_of_ask(&ask, stretch.window.start));
                    debug_assert!(found, "a stretch of {order} is not in the index");
                }
            }
            Some(Position::Bid(order)) => {
                let Some(bid) = self.bids.remove(order) else { return };
                let found = self.bids_index.remove(key_of_bid(&bid));
                debug_assert!(found, "{order} is not in the index");
            }
        }
    }

    fn sell(&mut self, ask: OrderId, window: Window, gpus: u32) -> Result<(), OutOfRange> {
        let Some(Position::Ask(order)) = self.positions.get(ask).copied() else { return Err(OutOfRange) };
        let ask = self.asks.get_mut(order).ok_or(OutOfRange)?;
        if !ask.window.contains(window) || ask.gpus.saturating_sub(ask.sold.max_over(window)) < gpus {
            return Err(OutOfRange);
        }
        // A sale changes the stretches it lies in and no other.
        let within = around(ask, window);
        let before = Few::of(stretches(ask, &ask.sold, within));
        ask.sold.add(window, gpus)?;
        let after = Few::of(stretches(ask, &ask.sold, within));
        replace(&mut self.asks_index, ask, order, &before, &after);
        Ok(())
    }

    fn buy(&mut self, bid: OrderId, gpus: u32) -> Result<(), OutOfRange> {
        let Some(Position::Bid(order)) = self.positions.get(bid).copied() else { return Err(OutOfRange) };
        let bid = self.bids.get_mut(order).ok_or(OutOfRange)?;
        bid.remaining = bid.remaining.checked_sub(gpus).ok_or(OutOfRange)?;
        let found = self.bids_index.lower(key_of_bid(bid), turned(bid.window.end.get()), bid.remaining);
        debug_assert!(found, "{order} is not in the index");
        Ok(())
    }

    fn walk_bid(&self, bid: &BookBid, arrival: Arrival) -> Walk {
        let wanted = Wanted::of(&bid.requirements);
        let search = Search {
            x: bid.window.start.get(),
            y: bid.window.end.get(),
            gpus: bid.lot,
            price_max: bid.price.micros(),
            wanted: &wanted,
            after: None,
        };
        if arrival.same_site {
            let mut plans = SitePlans::default();
            self.visit_asks(bid, &search, |ask| plans.meet(bid, ask, arrival));
            return plans.into_walk(arrival);
        }
        let mut plan = BidPlan::new(bid);
        self.visit_asks(bid, &search, |ask| plan.meet(bid, ask, arrival));
        plan.into_walk(arrival)
    }

    fn walk_ask(&self, ask: &BookAsk, arrival: Arrival) -> Walk {
        let mut plan = AskPlan::new(ask);
        // For each stretch that is left, the next bid in it: the best of them is met first.
        let mut next = BTreeMap::new();
        for stretch in stretches(ask, &plan.sold, ask.window) {
            next.extend(self.next_bid(ask, &plan, stretch.window, None, arrival));
        }
        while let Some((key, met)) = next.pop_first() {
            let Some(bid) = self.bids.get(met.bid) else { continue };
            if plan.meet(ask, bid, met.gpus, arrival).is_break() {
                break;
            }
            // A fill may have cut the stretch; its parts go on behind the bid.
            for stretch in stretches(ask, &plan.sold, met.within) {
                next.extend(self.next_bid(ask, &plan, stretch.window, Some(key), arrival));
            }
        }
        plan.walk
    }

    fn bids(&self) -> Vec<OrderId> {
        let mut bids = Vec::with_capacity(self.bids.len());
        let wanted = Wanted::anything();
        let all = Search { x: u32::MAX, y: 0, gpus: 0, price_max: i64::MAX, wanted: &wanted, after: None };
        self.bids_index.visit(&all, |_, order| {
            bids.extend(self.bids.get(order).map(|bid| bid.id));
            ControlFlow::Continue(())
        });
        bids
    }
}

/// A bid an arriving ask is about to meet.
struct Met {
    bid: u32,
    gpus: u32,
    /// The ask's stretch the bid lies in.
    within: Window,
}

impl<const LEAF: usize, const FAN: usize> IndexedBook<LEAF, FAN> {
    fn visit_asks(&self, bid: &BookBid, search: &Search, mut meet: impl FnMut(&BookAsk) -> ControlFlow<()>) {
        let suits = |ask: &&BookAsk| self.ranks.meet(&bid.requirements, ask.place.host);
        let show = |_, order| self.asks.get(order).filter(suits).map_or(ControlFlow::Continue(()), &mut meet);
        self.asks_index.visit(search, show);
    }

    /// Returns the first bid behind a key that lies in a stretch of the ask and is eligible.
    fn next_bid(
        &self,
        ask: &BookAsk,
        plan: &AskPlan,
        within: Window,
        after: Option<Key>,
        arrival: Arrival,
    ) -> Option<(Key, Met)> {
        let wanted = Wanted::anything();
        let search = Search {
            x: turned(within.start.get()),
            y: turned(within.end.get()),
            gpus: ask.lot,
            price_max: turned_price(ask.price.micros()),
            wanted: &wanted,
            after,
        };
        let mut found = None;
        self.bids_index.visit(&search, |key, order| {
            let Some(bid) = self.bids.get(order) else { return ControlFlow::Continue(()) };
            let gpus = plan.size(ask, bid, arrival);
            if gpus == 0 || !self.ranks.meet(&bid.requirements, ask.place.host) {
                return ControlFlow::Continue(());
            }
            found = Some((key, Met { bid: order, gpus, within }));
            ControlFlow::Break(())
        });
        found
    }
}

/// The stretches a sale lies in: one, as a rule, and seldom more than one after it.
struct Few {
    first: Option<Stretch>,
    rest: Vec<Stretch>,
}

impl Few {
    fn of(mut stretches: impl Iterator<Item = Stretch>) -> Self {
        let first = stretches.next();
        Self { first, rest: stretches.collect() }
    }

    fn iter(&self) -> impl Iterator<Item = &Stretch> {
        self.first.iter().chain(&self.rest)
    }
}

/// Brings the entries of an ask up to date after a sale, which makes stretches shorter, cuts them or ends them.
fn replace<const LEAF: usize, const FAN: usize>(
    index: &mut Tree<LEAF, FAN>,
    ask: &BookAsk,
    order: u32,
    before: &Few,
    after: &Few,
) {
    let at = |stretches: &Few, start| stretches.iter().copied().find(|other| other.window.start == start);
    for old in before.iter() {
        let key = key_of_ask(ask, old.window.start);
        let found = match at(after, old.window.start) {
            Some(new) if new == *old => true,
            Some(new) => index.lower(key, new.window.end.get(), new.gpus),
            None => index.remove(key),
        };
        debug_assert!(found, "a stretch of {order} is not in the index");
    }
    for new in after.iter().filter(|new| at(before, new.window.start).is_none()) {
        index.insert(&entry_of_ask(ask, order, *new));
    }
}

fn entry_of_ask(ask: &BookAsk, order: u32, stretch: Stretch) -> Entry {
    let key = key_of_ask(ask, stretch.window.start);
    Entry { key, y: stretch.window.end.get(), gpus: stretch.gpus, marks: marks::of_ask(ask), order }
}

fn key_of_ask(ask: &BookAsk, start: Minute) -> Key {
    Key { price: ask.price.micros(), sequence: ask.sequence, x: start.get() }
}

fn key_of_bid(bid: &BookBid) -> Key {
    Key { price: turned_price(bid.price.micros()), sequence: bid.sequence, x: turned(bid.window.start.get()) }
}

/// Turns time around.
const fn turned(minute: u32) -> u32 {
    !minute
}

/// Turns prices around.
const fn turned_price(micros: i64) -> i64 {
    !micros
}
