//! The rules of [`Book`](super::Book) for one meeting of two orders, whatever finds the orders.
//!
//! A plan is fed the resting orders in the order in which the arriving one meets them, and says when to stop.
//! It may be fed orders that are not eligible; it must be fed every one that is.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::ControlFlow;

use super::{Arrival, BookAsk, BookBid, Step, Walk, WalkEnd};
use crate::exchange::command::Requirements;
use crate::types::{OrderId, Price, SelfTrade, SiteId, SlaClass, Steps, Timestamp};

impl Walk {
    /// Returns the walk of an order that meets nothing.
    pub const fn nothing() -> Self {
        Self { steps: Vec::new(), end: WalkEnd::Done, complete: false }
    }
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

impl Walk {
    /// Notes what happens where an order meets its own organization's.
    fn meet_own(&mut self, meeting: &OwnMeeting, maker: OrderId) -> ControlFlow<()> {
        if meeting.resting {
            self.steps.push(Step::Cancel { maker });
        }
        if meeting.arriving { self.stop(WalkEnd::SelfTrade) } else { ControlFlow::Continue(()) }
    }

    fn stop(&mut self, end: WalkEnd) -> ControlFlow<()> {
        self.end = end;
        ControlFlow::Break(())
    }
}

/// A bid's walk so far.
#[derive(Debug)]
pub struct BidPlan {
    walk: Walk,
    filled: u32,
    fills: usize,
    cost: i128,
    first: i64,
}

impl BidPlan {
    /// Returns the plan of a bid that has met nothing yet.
    pub const fn new(bid: &BookBid) -> Self {
        let walk = Walk { steps: Vec::new(), end: WalkEnd::Done, complete: bid.remaining == 0 };
        Self { walk, filled: 0, fills: 0, cost: 0, first: i64::MAX }
    }

    /// Meets the next ask; breaks when the walk is over.
    pub fn meet(&mut self, bid: &BookBid, ask: &BookAsk, arrival: Arrival) -> ControlFlow<()> {
        if self.walk.complete {
            return ControlFlow::Break(());
        }
        let own = ask.organization == bid.organization;
        if (own && arrival.self_trade == SelfTrade::Skip) || arrival.avoids(ask) {
            return ControlFlow::Continue(());
        }
        let remaining = bid.remaining.saturating_sub(self.filled);
        let gpus = fill_size(ask, &ask.sold, bid, remaining, arrival.now);
        if gpus == 0 {
            return ControlFlow::Continue(());
        }
        if own {
            return self.walk.meet_own(&own_meeting(arrival.self_trade, bid.sequence, ask.sequence), ask.id);
        }
        if self.fills == arrival.fills_max {
            return self.walk.stop(WalkEnd::FillLimit);
        }
        if self.fills == 0 {
            self.first = ask.sequence;
        }
        self.fills = self.fills.saturating_add(1);
        self.filled = self.filled.saturating_add(gpus);
        let cost = i128::from(trade_price(ask, bid).micros()).saturating_mul(i128::from(gpus));
        self.cost = self.cost.saturating_add(cost);
        self.walk.steps.push(Step::Fill { maker: ask.id, gpus });
        self.walk.complete = self.filled == bid.remaining;
        if self.walk.complete { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// Returns the walk.
    pub fn into_walk(self, arrival: Arrival) -> Walk {
        if arrival.fok && !self.walk.complete { Walk::nothing() } else { self.walk }
    }

    /// Returns the least that completing it can cost if everything it has yet to meet costs `price` or more.
    fn cost_at_least(&self, bid: &BookBid, price: Price) -> i128 {
        let missing = bid.remaining.saturating_sub(self.filled);
        self.cost.saturating_add(i128::from(price.micros()).saturating_mul(i128::from(missing)))
    }
}

/// The walks of a `same_site` bid, one a site, made side by side.
#[derive(Debug, Default)]
pub struct SitePlans {
    plans: BTreeMap<SiteId, SitePlan>,
    /// What the cheapest site that completes the bid costs.
    cheapest: Option<i128>,
    price: Option<Price>,
}

#[derive(Debug)]
struct SitePlan {
    plan: BidPlan,
    over: bool,
}

impl SitePlans {
    /// Meets the next ask; breaks when no other ask can change which site wins, or how.
    pub fn meet(&mut self, bid: &BookBid, ask: &BookAsk, arrival: Arrival) -> ControlFlow<()> {
        if self.price != Some(ask.price) {
            self.price = Some(ask.price);
            if self.is_settled(bid, ask.price) {
                return ControlFlow::Break(());
            }
        }
        let new = || SitePlan { plan: BidPlan::new(bid), over: false };
        let site = self.plans.entry(ask.place.site).or_insert_with(new);
        if !site.over {
            site.over = site.plan.meet(bid, ask, arrival).is_break();
            if site.over && site.plan.walk.complete {
                let cost = site.plan.cost;
                self.cheapest = Some(self.cheapest.map_or(cost, |cheapest| cheapest.min(cost)));
            }
        }
        ControlFlow::Continue(())
    }

    /// Asks come by rising price: a site that is not complete yet, or not seen yet, pays that price or more.
    fn is_settled(&self, bid: &BookBid, price: Price) -> bool {
        let Some(cheapest) = self.cheapest else { return false };
        let mut open = self.plans.values().filter(|site| !site.over);
        BidPlan::new(bid).cost_at_least(bid, price) > cheapest
            && open.all(|site| site.plan.cost_at_least(bid, price) > cheapest)
    }

    /// Returns the walk of the site that wins.
    pub fn into_walk(self, arrival: Arrival) -> Walk {
        let plans = self.plans.into_values().map(|site| site.plan);
        let counts = |plan: &BidPlan| plan.filled > 0 && (!arrival.fok || plan.walk.complete);
        let best = plans.filter(counts).min_by_key(|plan| (Reverse(plan.filled), plan.cost, plan.first));
        best.map_or_else(Walk::nothing, |plan| plan.walk)
    }
}

/// An ask's walk so far.
#[derive(Debug)]
pub struct AskPlan {
    /// The walk.
    pub walk: Walk,
    /// What the ask has sold, the walk's fills included.
    pub sold: Steps,
    fills: usize,
}

impl AskPlan {
    /// Returns the plan of an ask that has met nothing yet.
    pub fn new(ask: &BookAsk) -> Self {
        Self { walk: Walk::nothing(), sold: ask.sold.clone(), fills: 0 }
    }

    /// Returns how many GPUs a meeting with the bid is about; 0 if the ask passes it by.
    pub fn size(&self, ask: &BookAsk, bid: &BookBid, arrival: Arrival) -> u32 {
        if bid.organization == ask.organization && arrival.self_trade == SelfTrade::Skip {
            return 0;
        }
        fill_size(ask, &self.sold, bid, bid.remaining, arrival.now)
    }

    /// Meets an eligible bid about so many GPUs; breaks when the walk is over.
    pub fn meet(&mut self, ask: &BookAsk, bid: &BookBid, gpus: u32, arrival: Arrival) -> ControlFlow<()> {
        if bid.organization == ask.organization {
            return self.walk.meet_own(&own_meeting(arrival.self_trade, ask.sequence, bid.sequence), bid.id);
        }
        if self.fills == arrival.fills_max || self.sold.add(bid.window, gpus).is_err() {
            return self.walk.stop(WalkEnd::FillLimit);
        }
        self.fills = self.fills.saturating_add(1);
        self.walk.steps.push(Step::Fill { maker: bid.id, gpus });
        ControlFlow::Continue(())
    }
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
    if large.checked_rem(small) != Some(0) || !holds(&bid.requirements, ask) || (bid.monthly && ask.place.novation) {
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
        // Any class meets the lowest: the place, which is far away in memory, is not read for it.
        && (requirements.min_sla_class == SlaClass::None || place.sla_class >= requirements.min_sla_class)
        && (!requirements.primary_only || place.primary)
}

/// Returns the price of the order that was there first.
fn trade_price(ask: &BookAsk, bid: &BookBid) -> Price {
    if ask.sequence < bid.sequence { ask.price } else { bid.price }
}
