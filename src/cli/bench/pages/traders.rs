//! What the traders of a generated history do at each turn.
//!
//! Hosts offer a fortnight or a season around the price of the day, renters bid for hours to months, resellers sell on what
//! they bought for long. Whoever finds nothing is answered by a host: so there are as many trades as are wanted.

use std::collections::VecDeque;

use super::desk::Desk;
use super::plan::Plan;
use super::roll::Roll;
use super::scene::{Scene, product_id};
use crate::cli::Failure;
use crate::exchange::{AmendOrder, Command, Event, PlaceAsk, PlaceBid, Terms};
use crate::types::{ContractId, Minute, OrderId, OrganizationId, Price, Source, TimeInForce, Window};

const HOUR: u32 = 60;
const DAY: u32 = 24 * HOUR;
/// For one ask so many trades are hoped for.
const TRADES_PER_ASK: u64 = 8;
/// Bids at one turn, whatever comes of them.
const BIDS_PER_TRADE_MAX: u64 = 4;
/// Days before the end from which on orders are placed that stay.
const RESTING_DAYS: u32 = 30;
/// Days from the end within which those begin, after a few; and the most days they last.
const RESTING_AHEAD_DAYS: u32 = 90;
const RESTING_AFTER_DAYS: u32 = 3;
/// Orders and contracts that traders remember.
const REMEMBERED: usize = 4_000;

/// An order that somebody may come back to.
#[derive(Debug, Clone, Copy)]
struct Standing {
    organization: OrganizationId,
    order: OrderId,
    product: u32,
}

/// What a reseller holds.
#[derive(Debug, Clone, Copy)]
struct Holding {
    organization: OrganizationId,
    contract: ContractId,
    product: u32,
    gpus: u32,
    window: Window,
}

/// The traders, and what they remember.
#[derive(Default)]
pub(super) struct Traders {
    asks: VecDeque<Standing>,
    bids: VecDeque<Standing>,
    holdings: VecDeque<Holding>,
    /// Orders placed to stay.
    pub(super) resting: u64,
}

/// Where in the history it is.
pub(super) struct Turn<'a> {
    pub(super) plan: &'a Plan,
    pub(super) scene: &'a Scene,
    /// The day, from 0 on, and the turn, from 0 on, over all days.
    pub(super) day: u32,
    pub(super) number: u64,
}

impl Turn<'_> {
    fn price(&self, product: u32, percent: u32) -> Price {
        Scene::price(self.plan, product, self.day, percent)
    }

    /// Returns how many turns there are, from a day on.
    fn turns_from(&self, day: u32) -> u64 {
        u64::from(self.plan.size.days.saturating_sub(day)).saturating_mul(self.plan.turns().into())
    }
}

impl Traders {
    /// Lets everybody act.
    pub(super) fn act(&mut self, desk: &mut Desk, roll: &mut Roll, turn: &Turn<'_>) -> Result<(), Failure> {
        let all = turn.turns_from(0);
        let target = Plan::share(turn.plan.size.trades, turn.number.saturating_add(1), all);
        let due = target.saturating_sub(desk.trades);
        for _ in 0..due.div_ceil(TRADES_PER_ASK) {
            let product = turn.scene.product(roll);
            let window = offered(desk.minute(), roll);
            self.offer(desk, roll, turn, (product, window))?;
        }
        self.sell_on(desk, roll, turn)?;
        self.look_again(desk, roll, turn)?;
        let mut bids = due.saturating_mul(BIDS_PER_TRADE_MAX);
        while desk.trades < target && bids > 0 {
            bids = bids.saturating_sub(1);
            self.bid(desk, roll, turn)?;
        }
        self.stay(desk, roll, turn)
    }

    /// Lets a host offer GPUs.
    fn offer(
        &mut self,
        desk: &mut Desk,
        roll: &mut Roll,
        turn: &Turn<'_>,
        (product, window): (u32, Window),
    ) -> Result<(), Failure> {
        let Some(listed) = turn.scene.listing(roll, product) else { return Ok(()) };
        let price = turn.price(product, roll.between(96, 103));
        let (source, gpus) = (Source::Listing(listed.listing), roll.between(2, 8));
        let ask = PlaceAsk::plain(listed.organization, source, gpus, window, price);
        let placed = desk.ask(Command::PlaceAsk(ask))?.and_then(|outcome| outcome.order);
        if let Some(order) = placed.filter(|order| order.status.is_open()) {
            remember(&mut self.asks, Standing { organization: listed.organization, order: order.id, product });
        }
        Ok(())
    }

    /// Lets somebody bid; a host answers what found nothing.
    fn bid(&mut self, desk: &mut Desk, roll: &mut Roll, turn: &Turn<'_>) -> Result<(), Failure> {
        let (product, resells) = (turn.scene.product(roll), roll.happens(3));
        let Some(organization) = turn.scene.buyer(roll, resells) else { return Ok(()) };
        let minutes = if resells { 30 * DAY } else { roll.tenor() };
        let start = desk.minute().plus(roll.between(1, 72).saturating_mul(HOUR));
        let window = Window::new(start, start.plus(minutes));
        let waits = roll.happens(8);
        let percent = if waits { roll.between(90, 97) } else { roll.between(100, 105) };
        let gpus = if resells { roll.between(16, 32) } else { roll.between(1, 16) };
        let limit = turn.price(product, percent);
        let terms = match waits {
            true => Terms::default(),
            false => Terms { time_in_force: TimeInForce::Ioc, ..Terms::default() },
        };
        let before = desk.trades;
        let bid = PlaceBid::plain(organization, product_id(product), gpus, window, limit);
        let outcome = desk.ask(Command::PlaceBid(PlaceBid { terms, ..bid }))?;
        let Some(outcome) = outcome else { return Ok(()) };
        if let Some(order) = outcome.order.as_ref().filter(|order| order.status.is_open()) {
            remember(&mut self.bids, Standing { organization, order: order.id, product });
        }
        if resells {
            for event in &outcome.events {
                if let Event::Traded { contract, .. } = event {
                    let (gpus, window) = (contract.gpus, contract.window);
                    let holding = Holding { organization, contract: contract.id, product, gpus, window };
                    remember(&mut self.holdings, holding);
                }
            }
        }
        if desk.trades == before && !waits {
            let around = Window::new(start.minus(roll.below(24).saturating_mul(HOUR)), window.end.plus(DAY));
            let around = Window::new(around.start.max(desk.minute()), around.end);
            self.offer(desk, roll, turn, (product, around))?;
        }
        Ok(())
    }

    /// Lets a reseller offer a part of what it holds.
    fn sell_on(&mut self, desk: &mut Desk, roll: &mut Roll, turn: &Turn<'_>) -> Result<(), Failure> {
        let many = self.holdings.len().div_ceil(8);
        for _ in 0..many {
            let Some(held) = self.holdings.pop_front() else { break };
            let start = desk.minute().plus(roll.between(1, 48).saturating_mul(HOUR)).max(held.window.start);
            let window = Window::new(start, held.window.end);
            if window.minutes() < DAY {
                continue;
            }
            let price = turn.price(held.product, roll.between(88, 100));
            let source = Source::Contract(held.contract);
            let offer = PlaceAsk::plain(held.organization, source, held.gpus, window, price);
            let placed = desk.ask(Command::PlaceAsk(offer))?.and_then(|outcome| outcome.order);
            if let Some(order) = placed.filter(|order| order.status.is_open()) {
                let organization = held.organization;
                remember(&mut self.asks, Standing { organization, order: order.id, product: held.product });
            }
        }
        Ok(())
    }

    /// Lets sellers set prices anew, and buyers take bids back.
    fn look_again(&mut self, desk: &mut Desk, roll: &mut Roll, turn: &Turn<'_>) -> Result<(), Failure> {
        for _ in 0..self.asks.len().div_ceil(100) {
            let Some(standing) = self.asks.pop_front() else { break };
            let price = Some(turn.price(standing.product, roll.between(96, 103)));
            let amend = AmendOrder { price, ..AmendOrder::unchanged(standing.organization, standing.order) };
            desk.ask(Command::AmendOrder(amend))?;
        }
        for _ in 0..self.bids.len().div_ceil(100) {
            let Some(Standing { organization, order, .. }) = self.bids.pop_front() else { break };
            desk.ask(Command::CancelOrder { organization, order })?;
        }
        Ok(())
    }

    /// Places what is open at the end: asks and bids in turn, for windows after it, that meet nobody.
    fn stay(&mut self, desk: &mut Desk, roll: &mut Roll, turn: &Turn<'_>) -> Result<(), Failure> {
        let first = turn.plan.size.days.saturating_sub(RESTING_DAYS);
        if turn.day < first {
            return Ok(());
        }
        let of = turn.turns_from(first);
        let done = of.saturating_sub(turn.turns_from(0).saturating_sub(turn.number)).saturating_add(1);
        let target = Plan::share(turn.plan.size.orders, done, of);
        while self.resting < target {
            let (product, window) = (turn.scene.product(roll), after(turn.plan.until.minute(), roll));
            let is_ask = self.resting.is_multiple_of(2);
            self.resting = self.resting.saturating_add(1);
            let command = match (is_ask, turn.scene.listing(roll, product), turn.scene.buyer(roll, false)) {
                (true, Some(listed), _) => {
                    let price = turn.price(product, roll.between(106, 190));
                    let (organization, source) = (listed.organization, Source::Listing(listed.listing));
                    Command::PlaceAsk(PlaceAsk::plain(organization, source, roll.between(1, 64), window, price))
                }
                (_, _, Some(organization)) => {
                    let price = turn.price(product, roll.between(30, 88));
                    let gpus = roll.between(1, 8);
                    Command::PlaceBid(PlaceBid::plain(organization, product_id(product), gpus, window, price))
                }
                _ => continue,
            };
            desk.ask(command)?;
        }
        Ok(())
    }
}

fn remember<T>(all: &mut VecDeque<T>, one: T) {
    all.push_back(one);
    if all.len() > REMEMBERED {
        all.pop_front();
    }
}

/// Returns the window of a host's offer: a fortnight, or a season.
fn offered(now: Minute, roll: &mut Roll) -> Window {
    let start = now.plus(roll.below(6).saturating_mul(HOUR));
    let days = if roll.happens(12) { 130 } else { roll.between(7, 14) };
    Window::new(start, start.plus(days.saturating_mul(DAY)))
}

/// Returns a window after the history, of an hour to some months.
fn after(until: Minute, roll: &mut Roll) -> Window {
    let ahead = RESTING_AFTER_DAYS.saturating_mul(DAY).saturating_add(roll.below(RESTING_AHEAD_DAYS * DAY));
    let start = until.plus(ahead.div_euclid(HOUR).saturating_mul(HOUR));
    let longest = (RESTING_AHEAD_DAYS * 24).ilog2();
    let hours = 1_u32.checked_shl(roll.below(longest.saturating_add(1))).unwrap_or(1);
    Window::new(start, start.plus(hours.saturating_add(roll.below(hours)).saturating_mul(HOUR)))
}
