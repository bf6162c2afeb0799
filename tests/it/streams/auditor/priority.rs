//! Who met whom: each arriving order's fills, judged from a copy of the book before it.

use gpubourse::exchange::Event;
use gpubourse::exchange::entities::{Contract, Order, Trade};
use gpubourse::types::{OrderId, OrderReason, OrderStatus, Price, SelfTrade, Side, Source, TimeInForce, Timestamp};

use super::super::view::View;
use super::floor::{Party, gives};
use super::{Rule, Violation, check};

/// Fills one command may make.
const FILLS_MAX: u32 = 1_024;

/// One arrival and the orders it may meet.
struct Arrival<'a> {
    party: Party<'a>,
    resting: Vec<Party<'a>>,
    now: Timestamp,
    first_open: u32,
    fills: u32,
    ended: Option<(OrderStatus, Option<OrderReason>)>,
    /// Whether an own order was cancelled just now, so that the arriving one may follow.
    met_own: bool,
}

/// No resting ask is eligible for a resting bid of another organization.
pub fn quiet(view: &View) -> Result<(), Violation> {
    // Ranks may have risen while a product was halted: its bids walk when that is over.
    let trades = |order: &&&Order| view.products.iter().any(|row| row.id == order.product && !row.halted);
    let orders = view.orders.iter().filter(trades).map(|order| Party::new(order, view));
    let (asks, bids): (Vec<_>, Vec<_>) = orders.partition(|party| party.order.side == Side::Ask);
    for ask in &asks {
        for bid in bids.iter().filter(|bid| bid.organization() != ask.organization()) {
            let gpus = gives(ask, bid, view.counters.now);
            check(gpus == 0, Rule::NotQuiet, || format!("ask {} would give bid {} {gpus} GPUs", ask.id(), bid.id()))?;
        }
    }
    Ok(())
}

/// Judges the trades of one command.
pub fn arrivals<'a>(before: &'a [Order], view: &View<'a>, events: &'a [Event]) -> Result<(), Violation> {
    let mut arrival: Option<Arrival> = None;
    for event in events {
        match event {
            Event::OrderPlaced { order } => arrival = Some(Arrival::new(order, before, view)),
            Event::OrderAmended { order } if is_new_arrival(order, before) => {
                arrival = Some(Arrival::new(order, before, view));
            }
            Event::Traded { trade, .. } => {
                let found = arrival.as_mut().filter(|found| {
                    found.party.id() == trade.ask.max(trade.bid) || {
                        [trade.ask, trade.bid].contains(&found.party.id())
                    }
                });
                match found {
                    Some(found) => found.take(event, view)?,
                    None => check(false, Rule::TradeWithoutArrival, || format!("{trade:?}"))?,
                }
            }
            Event::OrderEnded { .. } => {
                if let Some(found) = arrival.as_mut() {
                    found.take(event, view)?;
                }
            }
            _ => {}
        }
    }
    let Some(mut arrival) = arrival else { return Ok(()) };
    // A post-only order is refused when placed; amended, it must be refused as well.
    let post_only_trades = arrival.party.order.post_only && arrival.fills > 0;
    check(!post_only_trades, Rule::WrongEnd, || format!("{:?} traded", arrival.party.order))?;
    arrival.finish()
}

/// Judges the trades of a command that lets resting bids walk, all or those that ask for a rank: in their turn, each as if
/// it arrived among what the ones before it have left.
pub fn woken<'a>(before: &'a [Order], view: &View<'a>, events: &'a [Event]) -> Result<(), Violation> {
    let all = matches!(events.first(), Some(Event::ProductHalted { .. }));
    let mut events = events.iter().peekable();
    for product in view.products.iter().filter(|row| !row.halted) {
        let of_product = before.iter().filter(|row| row.product == product.id).map(|row| Party::new(row, view));
        let (mut asks, mut bids): (Vec<_>, Vec<_>) = of_product.partition(|party| party.order.side == Side::Ask);
        bids.retain(|bid| all || bid.order.requirements.ask_for_rank());
        bids.sort_by_key(Party::rank);
        for bid in bids {
            let mut arrival = Arrival::among(bid, asks, view);
            while let Some(event) = events.next_if(|event| arrival.is_about(event)) {
                arrival.take(event, view)?;
            }
            arrival.finish()?;
            asks = arrival.resting;
        }
    }
    let left = events.find(|event| matches!(event, Event::Traded { .. } | Event::OrderEnded { .. }));
    check(left.is_none(), Rule::TradeWithoutArrival, || format!("nobody's walk made {left:?}"))
}

/// An amendment that gave the order another place in the queue.
fn is_new_arrival(order: &Order, before: &[Order]) -> bool {
    before.iter().any(|old| old.id == order.id && old.sequence != order.sequence)
}

impl<'a> Arrival<'a> {
    fn new(order: &'a Order, before: &'a [Order], view: &View<'a>) -> Self {
        let other = |row: &&Order| row.side != order.side && row.product == order.product;
        let resting = before.iter().filter(other).map(|row| Party::new(row, view)).collect();
        Self::among(Party::new(order, view), resting, view)
    }

    fn among(party: Party<'a>, resting: Vec<Party<'a>>, view: &View<'a>) -> Self {
        Self {
            party,
            resting,
            now: view.counters.now,
            first_open: view.first_open().get(),
            fills: 0,
            ended: None,
            met_own: false,
        }
    }

    /// Tells whether an event may belong to its walk: not if another order trades, or ends that it does not meet next.
    fn is_about(&self, event: &Event) -> bool {
        match event {
            Event::Traded { trade, .. } => trade.bid == self.party.id(),
            Event::OrderEnded { order, reason: Some(OrderReason::SelfTrade), .. } if *order != self.party.id() => {
                self.first().is_some_and(|first| first.id() == *order && self.is_own(first))
            }
            Event::OrderEnded { order, .. } => *order == self.party.id() || self.fills > 0,
            _ => true,
        }
    }

    fn take(&mut self, event: &Event, view: &View) -> Result<(), Violation> {
        match event {
            Event::Traded { trade, contract } => self.trade(trade, contract, view),
            Event::OrderEnded { order, status, reason } => self.end(*order, *status, *reason),
            _ => Ok(()),
        }
    }

    fn gives(&self, resting: &Party) -> u32 {
        match self.party.order.side {
            Side::Bid => gives(resting, &self.party, self.now),
            Side::Ask => gives(&self.party, resting, self.now),
        }
    }

    fn is_own(&self, resting: &Party) -> bool {
        resting.organization() == self.party.organization()
    }

    /// Returns the first order it must deal with.
    fn first(&self) -> Option<&Party<'a>> {
        let skips = self.party.order.self_trade == SelfTrade::Skip;
        let dealt = self.resting.iter().filter(|row| !(skips && self.is_own(row)) && self.gives(row) > 0);
        dealt.min_by_key(|row| row.rank())
    }

    fn trade(&mut self, trade: &Trade, contract: &Contract, view: &View) -> Result<(), Violation> {
        let maker = if self.party.order.side == Side::Bid { trade.ask } else { trade.bid };
        let at = self.resting.iter().position(|row| row.id() == maker);
        check(at.is_some(), Rule::NotEligible, || format!("order {maker} did not rest: {trade:?}"))?;
        let met = &self.resting[at.unwrap()];
        check(!self.is_own(met), Rule::TradedWithItself, || format!("{trade:?}"))?;
        let gpus = self.gives(met);
        check(gpus > 0, Rule::NotEligible, || format!("{trade:?}"))?;
        if !self.party.order.same_site {
            let first = self.first().map(|first| first.id());
            check(first == Some(maker), Rule::PassedOver, || format!("{first:?} comes before {maker}: {trade:?}"))?;
        }
        check(gpus == trade.gpus, Rule::WrongSize, || format!("{gpus} GPUs are due: {trade:?}"))?;
        let price = self.price(met);
        check(price == trade.price, Rule::WrongPrice, || format!("the price is {price}: {trade:?}"))?;
        self.same_terms(met, trade, contract, view)?;
        self.apply(at.unwrap(), gpus)
    }

    fn price(&self, met: &Party) -> Price {
        let (one, other) = (self.party.order, met.order);
        if one.sequence < other.sequence { one.price } else { other.price }
    }

    fn same_terms(&self, met: &Party, trade: &Trade, contract: &Contract, view: &View) -> Result<(), Violation> {
        let (ask, bid) = match self.party.order.side {
            Side::Bid => (met, &self.party),
            Side::Ask => (&self.party, met),
        };
        let depth = match ask.order.source {
            Some(Source::Contract(id)) => view.contract(id).map_or(0, |parent| parent.depth + 1),
            _ => 0,
        };
        let minutes = bid.order.window.minutes();
        let says = (trade.window, trade.product, trade.seller, trade.buyer, trade.aggressor, trade.contract);
        let due = (
            bid.order.window,
            bid.order.product,
            ask.organization(),
            bid.organization(),
            self.party.order.side,
            contract.id,
        );
        let contracted = (contract.window, contract.gpus, contract.price, contract.seller, contract.buyer);
        let agreed = (trade.window, trade.gpus, trade.price, trade.seller, trade.buyer);
        let frozen = (contract.lot, contract.min_minutes, Some(contract.source), contract.depth, Some(contract.site));
        let asked = (ask.order.lot, ask.order.min_minutes, ask.order.source, depth, ask.site());
        let fee = view.product(trade.product).map(|product| product.fee_bps);
        let same = says == due && contracted == agreed && frozen == asked && fee == Some(contract.fee_bps);
        let escrow = trade.price.cost(trade.gpus, minutes).ok() == Some(contract.escrow);
        check(same && escrow, Rule::WrongTerms, || format!("{trade:?} of {:?} made {contract:?}", ask.order))
    }

    fn apply(&mut self, at: usize, gpus: u32) -> Result<(), Violation> {
        let detail = || "an ask sold more than it had".to_owned();
        match self.party.order.side {
            Side::Bid => {
                self.party.wanted -= gpus;
                let taken = self.resting[at].take(self.party.order, gpus);
                check(taken.is_some(), Rule::WrongSize, detail)?;
            }
            Side::Ask => {
                let bid = self.resting[at].order;
                self.resting[at].wanted -= gpus;
                check(self.party.take(bid, gpus).is_some(), Rule::WrongSize, detail)?;
            }
        }
        self.fills += 1;
        Ok(())
    }

    fn end(&mut self, id: OrderId, status: OrderStatus, reason: Option<OrderReason>) -> Result<(), Violation> {
        if id == self.party.id() {
            self.ended = Some((status, reason));
            return Ok(());
        }
        let Some(at) = self.resting.iter().position(|row| row.id() == id) else { return Ok(()) };
        let row = &self.resting[at];
        let mode = self.party.order.self_trade;
        if reason == Some(OrderReason::SelfTrade) {
            let by_mode = match mode {
                SelfTrade::Skip => false,
                SelfTrade::CancelBoth => true,
                SelfTrade::CancelOldest => row.order.sequence < self.party.order.sequence,
                SelfTrade::CancelNewest => row.order.sequence > self.party.order.sequence,
            };
            let first = self.first().map(|first| first.id());
            let right = by_mode && self.is_own(row) && first == Some(id);
            check(right, Rule::WrongSelfTrade, || format!("order {id} was cancelled, {first:?} comes first"))?;
            self.met_own = true;
        } else {
            let spent = match row.order.side {
                Side::Bid => row.wanted == 0 && status == OrderStatus::Filled,
                Side::Ask => !row.can_still_sell(self.first_open),
            };
            check(spent, Rule::WrongEnd, || format!("order {id} ended as {status} with something left"))?;
        }
        self.resting.swap_remove(at);
        Ok(())
    }

    fn finish(&mut self) -> Result<(), Violation> {
        let order = self.party.order;
        let reason = self.ended.and_then(|(_, reason)| reason);
        let quick = matches!(order.time_in_force, TimeInForce::Ioc | TimeInForce::Fok);
        let named = || format!("{:?} ended as {:?} after {} fills", order, self.ended, self.fills);
        check(!quick || self.ended.is_some(), Rule::WrongEnd, named)?;
        if order.time_in_force == TimeInForce::Fok {
            return self.finish_fok();
        }
        match reason {
            Some(OrderReason::FillLimit) => check(self.fills == FILLS_MAX, Rule::LeftOver, named),
            Some(OrderReason::SelfTrade) => {
                let next = self.first().filter(|first| self.is_own(first)).map(|first| first.order.sequence);
                // One that arrives is the newest; one that rested need not be.
                let is_chosen = match order.self_trade {
                    SelfTrade::Skip => false,
                    SelfTrade::CancelBoth => self.met_own,
                    SelfTrade::CancelNewest => next.is_some_and(|next| order.sequence > next),
                    SelfTrade::CancelOldest => next.is_some_and(|next| order.sequence < next),
                };
                check(is_chosen, Rule::WrongSelfTrade, named)
            }
            _ if order.same_site => Ok(()),
            _ => {
                let left = self.first().map(|first| first.id());
                check(left.is_none(), Rule::LeftOver, || format!("{left:?} is eligible: {}", named()))
            }
        }
    }

    fn finish_fok(&mut self) -> Result<(), Violation> {
        let order = self.party.order;
        let named = format!("{order:?} after {} fills", self.fills);
        if self.fills > 0 {
            return check(self.party.wanted == 0, Rule::WrongFok, || named);
        }
        if order.same_site {
            return Ok(());
        }
        // Walks as it should have: it must not complete within the fills it may make.
        while let Some(at) = self.first().map(|first| first.id()).filter(|_| self.fills < FILLS_MAX) {
            let at = self.resting.iter().position(|row| row.id() == at).unwrap();
            if !self.is_own(&self.resting[at]) {
                let gpus = self.gives(&self.resting[at]);
                self.apply(at, gpus)?;
            } else if order.self_trade != SelfTrade::CancelOldest {
                break;
            }
            self.resting.swap_remove(at);
        }
        check(self.party.wanted > 0, Rule::WrongFok, || format!("could have been completed: {named}"))
    }
}
