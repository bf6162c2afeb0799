//! The rival: two ordered maps by (price, sequence), walked from the best price on. The same rules judge each meeting.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use gpubourse::exchange::book::rules::{AskPlan, BidPlan, SitePlans};
use gpubourse::exchange::book::{Arrival, Book, BookAsk, BookBid, Rank, Walk};
use gpubourse::types::{OrderId, OrganizationId, OutOfRange, Price, Window};

type AskKey = (Price, i64);
type BidKey = (Reverse<Price>, i64);

/// A book that walks.
#[derive(Debug, Default)]
pub struct LinearBook {
    asks: BTreeMap<AskKey, BookAsk>,
    bids: BTreeMap<BidKey, BookBid>,
    keys: BTreeMap<OrderId, Key>,
}

#[derive(Debug, Clone, Copy)]
enum Key {
    Ask(AskKey),
    Bid(BidKey),
}

impl Book for LinearBook {
    /// No bid of the benches asks for a rank.
    fn set_rank(&mut self, _host: OrganizationId, _rank: Rank) {}

    fn insert_ask(&mut self, ask: BookAsk) {
        let key = (ask.price, ask.sequence);
        self.keys.insert(ask.id, Key::Ask(key));
        self.asks.insert(key, ask);
    }

    fn insert_bid(&mut self, bid: BookBid) {
        let key = (Reverse(bid.price), bid.sequence);
        self.keys.insert(bid.id, Key::Bid(key));
        self.bids.insert(key, bid);
    }

    fn remove(&mut self, order: OrderId) {
        match self.keys.remove(&order) {
            Some(Key::Ask(key)) => drop(self.asks.remove(&key)),
            Some(Key::Bid(key)) => drop(self.bids.remove(&key)),
            None => {}
        }
    }

    fn sell(&mut self, ask: OrderId, window: Window, gpus: u32) -> Result<(), OutOfRange> {
        let Some(Key::Ask(key)) = self.keys.get(&ask) else { return Err(OutOfRange) };
        self.asks.get_mut(key).ok_or(OutOfRange)?.sold.add(window, gpus)
    }

    fn buy(&mut self, bid: OrderId, gpus: u32) -> Result<(), OutOfRange> {
        let Some(Key::Bid(key)) = self.keys.get(&bid) else { return Err(OutOfRange) };
        let bid = self.bids.get_mut(key).ok_or(OutOfRange)?;
        bid.remaining = bid.remaining.checked_sub(gpus).ok_or(OutOfRange)?;
        Ok(())
    }

    fn walk_bid(&self, bid: &BookBid, arrival: Arrival) -> Walk {
        let mut reachable = self.asks.range(..=(bid.price, i64::MAX)).map(|(_, ask)| ask);
        if arrival.same_site {
            let mut plans = SitePlans::default();
            let _ = reachable.try_for_each(|ask| plans.meet(bid, ask, arrival));
            return plans.into_walk(arrival);
        }
        let mut plan = BidPlan::new(bid);
        let _ = reachable.try_for_each(|ask| plan.meet(bid, ask, arrival));
        plan.into_walk(arrival)
    }

    fn walk_ask(&self, ask: &BookAsk, arrival: Arrival) -> Walk {
        let mut plan = AskPlan::new(ask);
        for bid in self.bids.range(..=(Reverse(ask.price), i64::MAX)).map(|(_, bid)| bid) {
            let gpus = plan.size(ask, bid, arrival);
            if gpus > 0 && plan.meet(ask, bid, gpus, arrival).is_break() {
                break;
            }
        }
        plan.walk
    }

    fn bids(&self) -> Vec<OrderId> {
        self.bids.values().map(|bid| bid.id).collect()
    }
}
