//! The reference book: the rules of [`Book`] written down once more, as plainly as they read.
//!
//! It keeps two lists and, for each ask, one number per minute; every walk copies and sorts them. It shares
//! nothing with the book in use but the types, so a mistake would have to be made twice to go unseen.
//! It is for tests: correct over any window, slow over long ones.

use std::collections::BTreeMap;

use super::{Arrival, Book, BookAsk, BookBid, Place, Rank, Requirements, Step, Walk, WalkEnd};
use crate::types::{Minute, OrderId, OrganizationId, OutOfRange, Price, SelfTrade, SiteId, Tier, Timestamp, Window};

const MS_PER_MINUTE: i128 = 60_000;

/// The obvious and slow book.
#[derive(Debug, Clone, Default)]
pub struct NaiveBook {
    asks: Vec<Offer>,
    bids: Vec<BookBid>,
    ranks: BTreeMap<OrganizationId, Rank>,
}

/// An ask with the GPUs sold in each of its minutes; the first number is for the first minute of its window.
#[derive(Debug, Clone)]
struct Offer {
    ask: BookAsk,
    sold: Vec<u32>,
}

/// What a walk needs of one order, whichever side it is on.
#[derive(Debug, Clone, Copy)]
struct Party {
    id: OrderId,
    organization: OrganizationId,
    sequence: i64,
    price: Price,
}

/// A walk with what choosing between sites needs.
struct Plan {
    walk: Walk,
    gpus: u64,
    cost: i128,
    first_sequence: i64,
}

impl Book for NaiveBook {
    fn set_rank(&mut self, host: OrganizationId, rank: Rank) {
        self.ranks.insert(host, rank);
    }

    fn insert_ask(&mut self, ask: BookAsk) {
        self.remove(ask.id);
        self.asks.push(Offer::new(ask));
    }

    fn insert_bid(&mut self, bid: BookBid) {
        self.remove(bid.id);
        self.bids.push(bid);
    }

    fn remove(&mut self, order: OrderId) {
        self.asks.retain(|offer| offer.ask.id != order);
        self.bids.retain(|bid| bid.id != order);
    }

    fn sell(&mut self, ask: OrderId, window: Window, gpus: u32) -> Result<(), OutOfRange> {
        let offer = self.asks.iter_mut().find(|offer| offer.ask.id == ask).ok_or(OutOfRange)?;
        if !offer.ask.window.contains(window) || offer.free(window) < gpus {
            return Err(OutOfRange);
        }
        offer.take(window, gpus);
        Ok(())
    }

    fn buy(&mut self, bid: OrderId, gpus: u32) -> Result<(), OutOfRange> {
        let bid = self.bids.iter_mut().find(|resting| resting.id == bid).ok_or(OutOfRange)?;
        bid.remaining = bid.remaining.checked_sub(gpus).ok_or(OutOfRange)?;
        Ok(())
    }

    fn walk_bid(&self, bid: &BookBid, arrival: Arrival) -> Walk {
        if !arrival.same_site {
            return self.plan_bid(bid, arrival, None).walk;
        }
        let mut sites: Vec<SiteId> = self.asks.iter().map(|offer| offer.ask.place.site).collect();
        sites.sort_unstable();
        sites.dedup();
        let plans = sites.into_iter().map(|site| self.plan_bid(bid, arrival, Some(site)));
        // An incomplete fok has no fills left in its plan, so "fills something" excludes it here.
        let filling = plans.filter(|plan| plan.gpus > 0);
        let best = filling.min_by_key(|plan| (std::cmp::Reverse(plan.gpus), plan.cost, plan.first_sequence));
        best.map_or_else(nothing, |plan| plan.walk)
    }

    fn walk_ask(&self, ask: &BookAsk, arrival: Arrival) -> Walk {
        let mut offer = Offer::new(ask.clone());
        let mut bids = self.bids.clone();
        bids.sort_by_key(|bid| (std::cmp::Reverse(bid.price), bid.sequence));
        let mut plan = Plan::new();
        for bid in &bids {
            let gpus = fill_size(&offer, bid, arrival.now);
            if gpus == 0 || !self.knows(ask, bid) {
                continue;
            }
            if !plan.meet(Party::of_ask(ask), Party::of_bid(bid), gpus, arrival) {
                break;
            }
            // A cancelled own bid took nothing.
            if plan.last_is_fill_with(bid.id) {
                offer.take(bid.window, gpus);
            }
        }
        plan.walk
    }

    fn bids(&self) -> Vec<OrderId> {
        let mut bids: Vec<&BookBid> = self.bids.iter().collect();
        bids.sort_by_key(|bid| (std::cmp::Reverse(bid.price), bid.sequence));
        bids.into_iter().map(|bid| bid.id).collect()
    }
}

impl NaiveBook {
    /// Tells whether the host of the ask is known as well, and has delivered as much, as the bid asks.
    fn knows(&self, ask: &BookAsk, bid: &BookBid) -> bool {
        let asked = &bid.requirements;
        let new = Rank { tier: Tier::Unverified, score_bps: 9_700 };
        let rank = *self.ranks.get(&ask.place.host).unwrap_or(&new);
        rank.tier >= asked.min_tier && rank.score_bps >= asked.min_score_bps.unwrap_or(0)
    }

    /// Plans a bid's walk over all asks, or over those of one site.
    fn plan_bid(&self, bid: &BookBid, arrival: Arrival, site: Option<SiteId>) -> Plan {
        let mut offers: Vec<&Offer> = self.asks.iter().collect();
        offers.retain(|offer| site.is_none_or(|site| offer.ask.place.site == site));
        for avoided in arrival.avoid.into_iter().flatten() {
            offers.retain(|offer| offer.ask.organization != avoided && offer.ask.place.host != avoided);
        }
        offers.sort_by_key(|offer| (offer.ask.price, offer.ask.sequence));
        let mut wanted = bid.clone();
        let mut plan = Plan::new();
        for offer in offers {
            let gpus = fill_size(offer, &wanted, arrival.now);
            if gpus == 0 || !self.knows(&offer.ask, bid) {
                continue;
            }
            if !plan.meet(Party::of_bid(bid), Party::of_ask(&offer.ask), gpus, arrival) {
                break;
            }
            if plan.last_is_fill_with(offer.ask.id) {
                wanted.remaining = wanted.remaining.saturating_sub(gpus);
            }
        }
        plan.walk.complete = wanted.remaining == 0;
        if arrival.fok && !plan.walk.complete { Plan::new() } else { plan }
    }
}

impl Offer {
    fn new(ask: BookAsk) -> Self {
        let minutes = ask.window.start.get()..ask.window.end.get();
        let sold = minutes.map(|minute| ask.sold.at(Minute::new(minute))).collect();
        Self { ask, sold }
    }

    /// Returns the GPUs free in every minute of the window.
    fn free(&self, window: Window) -> u32 {
        let most_sold = self.minutes(window).max().unwrap_or(0);
        self.ask.gpus.saturating_sub(most_sold)
    }

    fn take(&mut self, window: Window, gpus: u32) {
        let first = position(self.ask.window, window);
        let length = usize::try_from(window.minutes()).unwrap_or(usize::MAX);
        for sold in self.sold.iter_mut().skip(first).take(length) {
            *sold = sold.saturating_add(gpus);
        }
    }

    fn minutes(&self, window: Window) -> impl Iterator<Item = u32> + '_ {
        let first = position(self.ask.window, window);
        let length = usize::try_from(window.minutes()).unwrap_or(usize::MAX);
        self.sold.iter().skip(first).take(length).copied()
    }
}

impl Party {
    fn of_ask(ask: &BookAsk) -> Self {
        Self { id: ask.id, organization: ask.organization, sequence: ask.sequence, price: ask.price }
    }

    fn of_bid(bid: &BookBid) -> Self {
        Self { id: bid.id, organization: bid.organization, sequence: bid.sequence, price: bid.price }
    }
}

impl Plan {
    fn new() -> Self {
        Self { walk: nothing(), gpus: 0, cost: 0, first_sequence: i64::MAX }
    }

    /// Adds what happens where the taker meets an eligible maker; tells whether the walk goes on.
    fn meet(&mut self, taker: Party, maker: Party, gpus: u32, arrival: Arrival) -> bool {
        if taker.organization == maker.organization {
            return self.meet_own(taker, maker, arrival.self_trade);
        }
        if self.fills() >= arrival.fills_max {
            self.walk.end = WalkEnd::FillLimit;
            return false;
        }
        let price = if maker.sequence < taker.sequence { maker.price } else { taker.price };
        if self.fills() == 0 {
            self.first_sequence = maker.sequence;
        }
        self.gpus = self.gpus.saturating_add(u64::from(gpus));
        self.cost = self.cost.saturating_add(i128::from(price.micros()).saturating_mul(i128::from(gpus)));
        self.walk.steps.push(Step::Fill { maker: maker.id, gpus });
        true
    }

    fn meet_own(&mut self, taker: Party, maker: Party, mode: SelfTrade) -> bool {
        let maker_is_older = maker.sequence < taker.sequence;
        let (cancel_maker, cancel_taker) = match mode {
            SelfTrade::Skip => (false, false),
            SelfTrade::CancelOldest => (maker_is_older, !maker_is_older),
            SelfTrade::CancelNewest => (!maker_is_older, maker_is_older),
            SelfTrade::CancelBoth => (true, true),
        };
        if cancel_maker {
            self.walk.steps.push(Step::Cancel { maker: maker.id });
        }
        if cancel_taker {
            self.walk.end = WalkEnd::SelfTrade;
        }
        !cancel_taker
    }

    fn fills(&self) -> usize {
        self.walk.steps.iter().filter(|step| matches!(step, Step::Fill { .. })).count()
    }

    fn last_is_fill_with(&self, order: OrderId) -> bool {
        matches!(self.walk.steps.last(), Some(Step::Fill { maker, .. }) if *maker == order)
    }
}

fn nothing() -> Walk {
    Walk { steps: Vec::new(), end: WalkEnd::Done, complete: false }
}

fn position(whole: Window, part: Window) -> usize {
    usize::try_from(part.start.get().saturating_sub(whole.start.get())).unwrap_or(usize::MAX)
}

/// Returns the GPUs the ask would give the bid now; zero if it is not eligible.
fn fill_size(offer: &Offer, bid: &BookBid, now: Timestamp) -> u32 {
    let ask = &offer.ask;
    let notice_ms = i128::from(bid.window.start.start().millis()) - i128::from(now.millis());
    let eligible = ask.price <= bid.price
        && ask.window.contains(bid.window)
        && bid.window.minutes() >= ask.min_minutes
        && notice_ms >= i128::from(ask.lead_minutes) * MS_PER_MINUTE
        && meets(&ask.place, &bid.requirements)
        && !(bid.monthly && ask.place.novation);
    if !eligible {
        return 0;
    }
    let (small, large) = (ask.lot.min(bid.lot), ask.lot.max(bid.lot));
    if large.checked_rem(small) != Some(0) {
        return 0;
    }
    let most = bid.remaining.min(offer.free(bid.window));
    most - most.checked_rem(large).unwrap_or(most)
}

fn meets(place: &Place, asked: &Requirements) -> bool {
    let region = asked.regions.is_empty() || asked.regions.iter().any(|region| region == place.region.as_str());
    let country = asked.countries.is_empty() || asked.countries.iter().any(|country| country == place.country.as_str());
    let wiring = asked.interconnects.is_empty() || asked.interconnects.contains(&place.interconnect);
    let site = asked.site_ids.is_empty() || asked.site_ids.contains(&place.site);
    let promise = place.sla_class >= asked.min_sla_class;
    let title = place.primary || !asked.primary_only;
    region && country && wiring && site && promise && title
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Country, Interconnect, Region, SlaClass, Steps};
    use std::sync::Arc;

    const NOW: Timestamp = Timestamp::from_millis(0);

    fn window(start: u32, end: u32) -> Window {
        Window::new(Minute::new(start), Minute::new(end))
    }

    fn ask(id: i64, price: i64, gpus: u32) -> BookAsk {
        BookAsk {
            id: OrderId::new(id),
            organization: OrganizationId::new(1),
            sequence: id,
            price: Price::from_micros(price),
            gpus,
            window: window(10, 100),
            sold: Steps::new(),
            lot: 1,
            min_minutes: 1,
            lead_minutes: 0,
            place: Arc::new(Place {
                site: SiteId::new(id % 2),
                region: Region::new("r").unwrap(),
                country: Country::new("US").unwrap(),
                interconnect: Interconnect::Roce,
                sla_class: SlaClass::P99,
                primary: true,
                novation: false,
                host: OrganizationId::new(1),
            }),
        }
    }

    fn bid(id: i64, price: i64, gpus: u32) -> BookBid {
        BookBid {
            id: OrderId::new(id),
            organization: OrganizationId::new(2),
            sequence: id,
            price: Price::from_micros(price),
            remaining: gpus,
            window: window(20, 40),
            lot: 1,
            requirements: Arc::new(Requirements::default()),
            monthly: false,
        }
    }

    fn arrival() -> Arrival {
        Arrival { now: NOW, self_trade: SelfTrade::Skip, fills_max: 1_024, fok: false, same_site: false, avoid: None }
    }

    fn book(asks: Vec<BookAsk>) -> NaiveBook {
        let mut book = NaiveBook::default();
        asks.into_iter().for_each(|ask| book.insert_ask(ask));
        book
    }

    fn fills(walk: &Walk) -> Vec<(i64, u32)> {
        let fill = |step: &Step| match step {
            Step::Fill { maker, gpus } => Some((maker.number(), *gpus)),
            Step::Cancel { .. } => None,
        };
        walk.steps.iter().filter_map(fill).collect()
    }

    #[test]
    fn a_bid_takes_the_cheapest_then_the_earliest() {
        let book = book(vec![ask(3, 5, 4), ask(1, 7, 4), ask(2, 5, 4), ask(4, 9, 4)]);
        let walk = book.walk_bid(&bid(9, 8, 10), arrival());
        assert_eq!(fills(&walk), [(2, 4), (3, 4), (1, 2)]);
        assert!(walk.complete);
    }

    #[test]
    fn what_is_sold_in_one_minute_is_gone_for_windows_over_it() {
        let mut book = book(vec![ask(1, 5, 8)]);
        book.sell(OrderId::new(1), window(30, 31), 6).unwrap();
        assert_eq!(fills(&book.walk_bid(&bid(9, 5, 8), arrival())), [(1, 2)]);
        assert_eq!(book.sell(OrderId::new(1), window(25, 35), 3), Err(OutOfRange));
        assert_eq!(book.sell(OrderId::new(1), window(95, 101), 1), Err(OutOfRange));
    }

    #[test]
    fn a_site_that_fills_most_then_cheapest_wins() {
        let book = book(vec![ask(1, 5, 4), ask(2, 6, 4), ask(4, 6, 4), ask(3, 6, 4)]);
        let walk = book.walk_bid(&bid(9, 8, 8), Arrival { same_site: true, ..arrival() });
        assert_eq!(fills(&walk), [(1, 4), (3, 4)]);
    }

    #[test]
    fn an_incomplete_fok_does_nothing() {
        let book = book(vec![ask(1, 5, 4)]);
        assert_eq!(book.walk_bid(&bid(9, 8, 8), Arrival { fok: true, ..arrival() }), nothing());
        assert!(book.walk_bid(&bid(9, 8, 4), Arrival { fok: true, ..arrival() }).complete);
    }

    #[test]
    fn the_walk_ends_where_one_fill_too_many_would_follow() {
        let book = book(vec![ask(1, 5, 1), ask(2, 5, 1), ask(3, 5, 1)]);
        let most = Arrival { fills_max: 2, ..arrival() };
        assert_eq!(book.walk_bid(&bid(9, 8, 3), most).end, WalkEnd::FillLimit);
        assert_eq!(book.walk_bid(&bid(9, 8, 2), most).end, WalkEnd::Done);
    }

    #[test]
    fn own_orders_are_met_by_the_arriving_orders_mode() {
        let own = BookBid { organization: OrganizationId::new(1), ..bid(9, 8, 2) };
        let book = book(vec![ask(1, 5, 1), ask(2, 5, 1)]);
        for (mode, cancelled, end) in [
            (SelfTrade::Skip, 0, WalkEnd::Done),
            (SelfTrade::CancelOldest, 2, WalkEnd::Done),
            (SelfTrade::CancelNewest, 0, WalkEnd::SelfTrade),
            (SelfTrade::CancelBoth, 1, WalkEnd::SelfTrade),
        ] {
            let walk = book.walk_bid(&own, Arrival { self_trade: mode, ..arrival() });
            assert_eq!((walk.steps.len(), walk.end), (cancelled, end), "{mode}");
        }
    }

    #[test]
    fn an_ask_visits_bids_by_price_then_sequence_until_nothing_is_left() {
        let mut book = NaiveBook::default();
        [bid(1, 5, 3), bid(2, 7, 3), bid(3, 5, 3), bid(4, 4, 3)].into_iter().for_each(|bid| book.insert_bid(bid));
        assert_eq!(fills(&book.walk_ask(&ask(9, 5, 8), arrival())), [(2, 3), (1, 3), (3, 2)]);
        assert_eq!(book.bids().iter().map(|id| id.number()).collect::<Vec<_>>(), [2, 1, 3, 4]);
    }
}
