//! The book in use: two ordered maps by (price, sequence), walked from the best price on.
//!
//! Invariant: every order in `keys` is in exactly one of the two maps, under that key.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::{Arrival, Book, BookAsk, BookBid, Step, Walk, WalkEnd};
use crate::exchange::command::Requirements;
use crate::types::{OrderId, OutOfRange, Price, SelfTrade, SiteId, Steps, Timestamp, Window};

type AskKey = (Price, i64);
type BidKey = (Reverse<Price>, i64);

/// A book that walks from the best price on.
#[derive(Debug, Default)]
pub struct PriceTimeBook {
    asks: BTreeMap<AskKey, BookAsk>,
    bids: BTreeMap<BidKey, BookBid>,
    keys: BTreeMap<OrderId, Key>,
}

#[derive(Debug, Clone, Copy)]
enum Key {
    Ask(AskKey),
    Bid(BidKey),
}

impl Book for PriceTimeBook {
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
        let ask = self.asks.get_mut(key).ok_or(OutOfRange)?;
        if free_over(ask, window) < gpus {
            return Err(OutOfRange);
        }
        ask.sold.add(window, gpus)
    }

    fn buy(&mut self, bid: OrderId, gpus: u32) -> Result<(), OutOfRange> {
        let Some(Key::Bid(key)) = self.keys.get(&bid) else { return Err(OutOfRange) };
        let bid = self.bids.get_mut(key).ok_or(OutOfRange)?;
        bid.remaining = bid.remaining.checked_sub(gpus).ok_or(OutOfRange)?;
        Ok(())
    }

    fn walk_bid(&self, bid: &BookBid, arrival: Arrival) -> Walk {
        let reachable = self.asks.range(..=(bid.price, i64::MAX)).map(|(_, ask)| ask);
        let walk = if arrival.same_site {
            best_site_walk(bid, arrival, reachable)
        } else {
            plan_bid(bid, arrival, reachable).walk
        };
        if arrival.fok && !walk.complete { Walk::nothing() } else { walk }
    }

    fn walk_ask(&self, ask: &BookAsk, arrival: Arrival) -> Walk {
        let lowest = (Reverse(ask.price), i64::MAX);
        plan_ask(ask, arrival, self.bids.range(..=lowest).map(|(_, bid)| bid))
    }

    fn bids(&self) -> Vec<OrderId> {
        self.bids.values().map(|bid| bid.id).collect()
    }
}

impl Walk {
    const fn nothing() -> Self {
        Self { steps: Vec::new(), end: WalkEnd::Done, complete: false }
    }
}

/// A bid's walk with what `same_site` compares.
struct BidPlan {
    walk: Walk,
    filled: u32,
    cost: i128,
    first: i64,
}

/// Who is cancelled where an order meets an eligible one of its own organization.
struct OwnMeeting {
    resting: bool,
    arriving: bool,
}

fn own_meeting(mode: SelfTrade, arriving: i64, resting: i64) -> OwnMeeting {
    let resting_is_older = resting < arriving;
    match mode {
        SelfTrade::Skip => OwnMeeting { resting: false, arriving: false },
        SelfTrade::CancelBoth => OwnMeeting { resting: true, arriving: true },
        SelfTrade::CancelOldest => OwnMeeting { resting: resting_is_older, arriving: !resting_is_older },
        SelfTrade::CancelNewest => OwnMeeting { resting: !resting_is_older, arriving: resting_is_older },
    }
}

fn plan_bid<'a>(bid: &BookBid, arrival: Arrival, asks: impl Iterator<Item = &'a BookAsk>) -> BidPlan {
    let mut plan = BidPlan { walk: Walk::nothing(), filled: 0, cost: 0, first: i64::MAX };
    let mut fills = 0;
    for ask in asks {
        let remaining = bid.remaining.saturating_sub(plan.filled);
        if remaining == 0 {
            break;
        }
        let own = ask.organization == bid.organization;
        if own && arrival.self_trade == SelfTrade::Skip {
            continue;
        }
        let gpus = fill_size(ask, &ask.sold, bid, remaining, arrival.now);
        if gpus == 0 {
            continue;
        }
        if own {
            let meeting = own_meeting(arrival.self_trade, bid.sequence, ask.sequence);
            if meeting.resting {
                plan.walk.steps.push(Step::Cancel { maker: ask.id });
            }
            if meeting.arriving {
                plan.walk.end = WalkEnd::SelfTrade;
                return plan;
            }
            continue;
        }
        if fills == arrival.fills_max {
            plan.walk.end = WalkEnd::FillLimit;
            return plan;
        }
        fills += 1;
        if plan.filled == 0 {
            plan.first = ask.sequence;
        }
        plan.filled = plan.filled.saturating_add(gpus);
        plan.cost += i128::from(trade_price(ask, bid).micros()) * i128::from(gpus);
        plan.walk.steps.push(Step::Fill { maker: ask.id, gpus });
    }
    plan.walk.complete = plan.filled == bid.remaining;
    plan
}

/// Plans each site's walk alone and returns the best.
fn best_site_walk<'a>(bid: &BookBid, arrival: Arrival, asks: impl Iterator<Item = &'a BookAsk> + Clone) -> Walk {
    let sites: BTreeSet<SiteId> = asks.clone().map(|ask| ask.place.site).collect();
    let plans = sites.into_iter().map(|site| {
        let there = asks.clone().filter(|ask| ask.place.site == site);
        plan_bid(bid, arrival, there)
    });
    let counts = |plan: &BidPlan| plan.filled > 0 && (!arrival.fok || plan.walk.complete);
    let best = plans.filter(counts).min_by_key(|plan| (Reverse(plan.filled), plan.cost, plan.first));
    best.map_or_else(Walk::nothing, |plan| plan.walk)
}

fn plan_ask<'a>(ask: &BookAsk, arrival: Arrival, bids: impl Iterator<Item = &'a BookBid>) -> Walk {
    let mut walk = Walk::nothing();
    let mut sold = ask.sold.clone();
    let mut fills = 0;
    for bid in bids {
        let own = bid.organization == ask.organization;
        if own && arrival.self_trade == SelfTrade::Skip {
            continue;
        }
        let gpus = fill_size(ask, &sold, bid, bid.remaining, arrival.now);
        if gpus == 0 {
            continue;
        }
        if own {
            let meeting = own_meeting(arrival.self_trade, ask.sequence, bid.sequence);
            if meeting.resting {
                walk.steps.push(Step::Cancel { maker: bid.id });
            }
            if meeting.arriving {
                walk.end = WalkEnd::SelfTrade;
                return walk;
            }
            continue;
        }
        if fills == arrival.fills_max || sold.add(bid.window, gpus).is_err() {
            walk.end = WalkEnd::FillLimit;
            return walk;
        }
        fills += 1;
        walk.steps.push(Step::Fill { maker: bid.id, gpus });
    }
    walk
}

/// Returns `k`: how many GPUs the bid would take from the ask, 0 if the ask is not eligible. Cheapest tests first.
fn fill_size(ask: &BookAsk, sold: &Steps, bid: &BookBid, remaining: u32, now: Timestamp) -> u32 {
    if ask.price > bid.price || !ask.window.contains(bid.window) || bid.window.minutes() < ask.min_minutes {
        return 0;
    }
    let notice_ms = bid.window.start.start().millis().saturating_sub(now.millis());
    if notice_ms < i64::from(ask.lead_minutes).saturating_mul(60_000) {
        return 0;
    }
    let (small, large) = if ask.lot < bid.lot { (ask.lot, bid.lot) } else { (bid.lot, ask.lot) };
    if large.checked_rem(small) != Some(0) || !holds(&bid.requirements, ask) {
        return 0;
    }
    let most = remaining.min(ask.gpus.saturating_sub(sold.max_over(bid.window)));
    most.saturating_sub(most.checked_rem(large).unwrap_or(most))
}

fn holds(requirements: &Requirements, ask: &BookAsk) -> bool {
    let place = &ask.place;
    (requirements.regions.is_empty() || requirements.regions.iter().any(|region| region == place.region.as_str()))
        && (requirements.countries.is_empty()
            || requirements.countries.iter().any(|country| country == place.country.as_str()))
        && (requirements.interconnects.is_empty() || requirements.interconnects.contains(&place.interconnect))
        && (requirements.site_ids.is_empty() || requirements.site_ids.contains(&place.site))
        && place.sla_class >= requirements.min_sla_class
        && (place.primary || !requirements.primary_only)
}

fn free_over(ask: &BookAsk, window: Window) -> u32 {
    if ask.window.contains(window) { ask.gpus.saturating_sub(ask.sold.max_over(window)) } else { 0 }
}

fn trade_price(ask: &BookAsk, bid: &BookBid) -> Price {
    if ask.sequence < bid.sequence { ask.price } else { bid.price }
}
