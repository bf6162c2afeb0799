//! The auditor's own market: what every accepted command must have done.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::delivery::Book;
use super::facts::{Amend, Contract, Facts, Flow, Listing, Place, Pocket, Purse, Request, Row, Terms, Trade};
use super::order::{self, Order};
use super::replies::Made;
use super::{Rule, Violation, ensure, violation};
use crate::types::{Minute, OrderReason, OrderStatus, Side, Source, Steps, Timestamp, Window};

/// What has happened, counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Trades.
    pub trades: u64,
    /// Trades out of a contract.
    pub resales: u64,
    /// Halts.
    pub halts: u64,
    /// Orders that expired.
    pub expiries: u64,
    /// Repeats that were known as such.
    pub repeats: u64,
    /// Contracts that were delivered, paid and settled.
    pub settled: u64,
    /// Contracts settled that had passed to another seller.
    pub settled_passed: u64,
}

#[derive(Debug)]
pub(super) struct Product {
    pub(super) fee_bps: u32,
    pub(super) halted: bool,
}

#[derive(Debug)]
struct Site {
    organization: i64,
    region: String,
    country: String,
}

/// What an ask needs to know of the title behind it.
pub(super) struct Title {
    pub(super) product: i64,
    pub(super) listing: i64,
    pub(super) window: Window,
    pub(super) gpus: u32,
    pub(super) lot: u32,
    pub(super) min_minutes: u32,
    /// Contracts above what is sold out of it.
    pub(super) depth: u8,
}

/// The market.
#[derive(Debug, Default)]
pub(super) struct Market {
    pub(super) now: Timestamp,
    pub(super) organizations: i64,
    pub(super) suspended: BTreeSet<i64>,
    pub(super) products: BTreeMap<i64, Product>,
    sites: BTreeMap<i64, Site>,
    pub(super) listings: BTreeMap<i64, Listing>,
    /// The open ones.
    pub(super) orders: BTreeMap<i64, Order>,
    /// The live ones.
    pub(super) contracts: BTreeMap<i64, Contract>,
    /// Those that are over.
    pub(super) over: BTreeSet<i64>,
    /// The terms of delivery, if there are.
    pub(super) terms: Option<Terms>,
    /// Every contract made under them.
    pub(super) books: BTreeMap<i64, Book>,
    /// What the transfers say left the escrow of contracts.
    pub(super) told: BTreeMap<(i64, Flow), i64>,
    pub(super) purses: BTreeMap<i64, Purse>,
    last_order: i64,
    last_sequence: i64,
    pub(super) last_contract: i64,
    /// What the transfers add up to.
    pub(super) ledger: BTreeMap<(i64, Pocket), i64>,
    pub(super) last_transfer: i64,
    // The transaction at hand.
    pub(super) touched: BTreeSet<i64>,
    pub(super) ended: BTreeMap<i64, Order>,
    pub(super) completed: Vec<i64>,
    pub(super) paid: BTreeSet<i64>,
    /// Contracts out of whose escrow something went.
    pub(super) told_of: BTreeSet<i64>,
    /// Contracts that were settled for good.
    pub(super) finished: Vec<i64>,
    /// Trades that are durable and not yet accounted for.
    pub(super) trades: VecDeque<Trade>,
    pub(super) tally: Tally,
}

impl Market {
    /// Begins a transaction.
    pub(super) fn begin(&mut self, facts: &Facts) {
        self.touched.clear();
        self.ended.clear();
        self.completed.clear();
        self.paid.clear();
        self.trades = facts.trades.iter().cloned().collect();
    }

    pub(super) fn first_open(&self) -> Minute {
        self.now.first_open_minute()
    }

    /// Does what an accepted command must have done; returns what it made.
    pub(super) fn accepted(&mut self, row: &Row) -> Result<Made, Violation> {
        let made = match &row.request {
            Request::Advance(now) => {
                self.advance(*now)?;
                None
            }
            Request::Register => Some(("organization", next(&mut self.organizations))),
            Request::Product { fee_bps } => {
                let id = number(self.products.len());
                self.products.insert(id, Product { fee_bps: *fee_bps, halted: false });
                Some(("product", id))
            }
            Request::Site { organization, region, country } => {
                let id = number(self.sites.len());
                let (region, country) = (region.clone(), country.clone());
                self.sites.insert(id, Site { organization: *organization, region, country });
                Some(("site", id))
            }
            Request::List(listing) => {
                let own = self.sites.get(&listing.site).is_some_and(|site| site.organization == listing.organization);
                ensure(own, Rule::WronglyAccepted, || format!("not their site: {listing:?}"))?;
                let id = number(self.listings.len());
                self.listings.insert(id, listing.clone());
                Some(("listing", id))
            }
            Request::Lower(lower) => {
                self.lower(lower)?;
                Some(("listing", lower.listing))
            }
            Request::EndContract { contract, fault } => {
                self.end_contract(*contract, *fault)?;
                Some(("contract", *contract))
            }
            Request::Place(place) => Some(("order", self.place(place)?)),
            Request::Amend(amend) => Some(("order", self.amend(amend)?)),
            Request::Cancel { organization, order } => {
                self.own(*organization, *order)?;
                self.finish(*order, OrderStatus::Cancelled, Some(OrderReason::Requested))?;
                Some(("order", *order))
            }
            Request::CancelAll { organization, product, side } => {
                let asked = |order: &Order| {
                    product.is_none_or(|product| order.product == product) && side.is_none_or(|side| order.side == side)
                };
                self.cancel(*organization, asked, OrderReason::Requested)?;
                None
            }
            Request::Suspend { organization, suspended: true } => {
                self.suspended.insert(*organization);
                self.cancel(*organization, |_| true, OrderReason::OrganizationSuspended)?;
                None
            }
            Request::Suspend { organization, suspended: false } => {
                self.suspended.remove(organization);
                None
            }
            Request::Halt { product, halted } => {
                self.halt(*product, *halted)?;
                None
            }
            Request::Money { organization, micros } => {
                self.move_outside(*organization, *micros)?;
                None
            }
            other => self.accepted_delivery(other)?,
        };
        Ok(made)
    }

    fn cancel(
        &mut self,
        organization: i64,
        asked: impl Fn(&Order) -> bool,
        reason: OrderReason,
    ) -> Result<(), Violation> {
        let own = self.orders.values().filter(|order| order.organization == organization && asked(order));
        let ids: Vec<i64> = own.map(|order| order.id).collect();
        ids.into_iter().try_for_each(|id| self.finish(id, OrderStatus::Cancelled, Some(reason)))
    }

    fn own(&self, organization: i64, order: i64) -> Result<&Order, Violation> {
        match self.orders.get(&order).filter(|row| row.organization == organization) {
            Some(row) => Ok(row),
            None => violation(Rule::WronglyAccepted, format!("order {order} of {organization} is not open")),
        }
    }

    /// Returns the title behind an ask, if it is live and theirs.
    pub(super) fn title(&self, organization: i64, source: Source) -> Option<Title> {
        match source {
            Source::Listing(id) => {
                let row = self.listings.get(&id.number()).filter(|row| row.organization == organization)?;
                let (product, window, gpus) = (row.product, row.window, row.gpus);
                Some(Title { product, listing: id.number(), window, gpus, lot: 1, min_minutes: 1, depth: 0 })
            }
            Source::Contract(id) => {
                let row = self.contracts.get(&id.number()).filter(|row| row.buyer == organization)?;
                let allowed = self.listings.get(&row.listing).is_some_and(|listing| listing.resale_allowed);
                allowed.then_some(Title {
                    product: row.product,
                    listing: row.listing,
                    window: row.window,
                    gpus: row.gpus,
                    lot: row.lot,
                    min_minutes: row.min_minutes,
                    depth: row.depth.saturating_add(1),
                })
            }
        }
    }

    fn place(&mut self, asked: &Place) -> Result<i64, Violation> {
        let told = || format!("{asked:?}");
        let title = asked.source.map(|source| self.title(asked.organization, source));
        let title = match title {
            Some(None) => return violation(Rule::WronglyAccepted, format!("no title: {asked:?}")),
            other => other.flatten(),
        };
        let product = title.as_ref().map_or(asked.product, |title| title.product);
        self.open_market(product, asked.organization)?;
        let first_open = self.first_open();
        let whole = title.as_ref().map_or(Window::new(first_open, first_open), |title| title.window);
        let window = match asked.minutes {
            Some(minutes) => Window::new(first_open, first_open.plus(minutes)),
            None => Window::new(asked.start.unwrap_or(whole.start), asked.end.unwrap_or(whole.end)),
        };
        let inside = title.as_ref().is_none_or(|title| title.window.contains(window));
        ensure(inside, Rule::BrokenChain, || format!("outside its source: {asked:?}"))?;
        let window = if asked.side == Side::Ask { window.from_minute(first_open) } else { window };
        let lot = asked.lot.or(title.as_ref().map(|title| title.lot)).unwrap_or(1);
        let place = title.as_ref().and_then(|title| self.stands(title.listing));
        let order = Order {
            id: next(&mut self.last_order),
            sequence: next(&mut self.last_sequence),
            organization: asked.organization,
            side: asked.side,
            product,
            source: asked.source,
            gpus: asked.gpus,
            window,
            price_micros: asked.price_micros,
            lot,
            min_minutes: asked.min_minutes.or(title.as_ref().map(|title| title.min_minutes)).unwrap_or(1),
            lead_minutes: asked.lead_minutes,
            wants: asked.wants.clone(),
            time_in_force: asked.time_in_force,
            expires_at: asked.expires_at,
            post_only: asked.post_only,
            self_trade: asked.self_trade,
            place,
            filled: 0,
            fills: 0,
            sold: Steps::new(),
            ended: None,
        };
        let whole_lots = order.gpus.checked_rem(lot) == Some(0) && order.gpus > 0;
        let fits = title
            .as_ref()
            .is_none_or(|title| order.lot.checked_rem(title.lot) == Some(0) && order.min_minutes >= title.min_minutes);
        let early = order.can_trade(first_open) && order.expires_at.is_none_or(|at| at > self.now);
        ensure(whole_lots && fits && early, Rule::WronglyAccepted, told)?;
        if let (Some(source), Some(title)) = (asked.source, &title) {
            let used = self.used(source)?.max_over(window);
            let fits = used.checked_add(order.gpus).is_some_and(|most| most <= title.gpus);
            ensure(fits, Rule::Oversold, || format!("{used} of {} GPUs are used: {asked:?}", title.gpus))?;
        }
        let id = order.id;
        self.set_aside(&order)?;
        self.arrive(order)?;
        Ok(id)
    }

    /// Returns where a listing's capacity stands.
    fn stands(&self, listing: i64) -> Option<order::Place> {
        let listing = self.listings.get(&listing)?;
        let site = self.sites.get(&listing.site)?;
        Some(order::Place {
            site: listing.site,
            region: site.region.clone(),
            country: site.country.clone(),
            interconnect: listing.interconnect,
            sla_class: listing.sla_class,
        })
    }

    fn open_market(&self, product: i64, organization: i64) -> Result<(), Violation> {
        let open = self.products.get(&product).is_some_and(|row| !row.halted);
        let welcome = !self.suspended.contains(&organization) && (1..=self.organizations).contains(&organization);
        ensure(open && welcome, Rule::WronglyAccepted, || format!("{organization} in product {product}"))
    }

    fn amend(&mut self, amend: &Amend) -> Result<i64, Violation> {
        let old = self.own(amend.organization, amend.order)?.clone();
        self.open_market(old.product, old.organization)?;
        let first_open = self.first_open();
        let mut order = old.clone();
        order.gpus = amend.gpus.unwrap_or(old.gpus);
        order.price_micros = amend.price_micros.unwrap_or(old.price_micros);
        order.lot = amend.lot.unwrap_or(old.lot);
        let asked = Window::new(amend.start.unwrap_or(old.window.start), amend.end.unwrap_or(old.window.end));
        order.window = if old.side == Side::Ask { asked.from_minute(first_open) } else { asked };
        let keeps_window = match old.side {
            Side::Bid => order.window == old.window,
            Side::Ask => old.window.contains(order.window),
        };
        let fixed = old.side == Side::Ask || old.fills == 0 || keeps_window;
        let sold = old.side == Side::Bid || order.sold.max_over(order.window) <= order.gpus;
        let rest = order.gpus >= order.filled && order.window.start >= first_open && !order.window.is_empty();
        ensure(fixed && sold && rest, Rule::WronglyAccepted, || format!("{amend:?} of {old:?}"))?;
        let stays =
            keeps_window && order.price_micros == old.price_micros && order.lot == old.lot && order.gpus <= old.gpus;
        self.orders.remove(&old.id);
        self.touched.insert(old.id);
        self.change_hold(&old, &order)?;
        if let Some(source) = order.source {
            let Some(title) = self.title(order.organization, source) else {
                return violation(Rule::WronglyAccepted, format!("no title: {amend:?}"));
            };
            let free = self.free_of(&order)?;
            let mut used = self.used(source)?;
            used.add_steps(&free).map_err(|_| out_of_range("an ask"))?;
            let fits = title.window.contains(order.window) && used.max_over(order.window) <= title.gpus;
            ensure(fits, Rule::Oversold, || format!("{amend:?} of {old:?}"))?;
        }
        if stays {
            self.settle(order, false)?;
        } else {
            order.sequence = next(&mut self.last_sequence);
            self.arrive(order)?;
        }
        Ok(old.id)
    }

    /// Returns the GPUs an ask has free, per minute.
    pub(super) fn free_of(&self, ask: &Order) -> Result<Steps, Violation> {
        match ask.sold.complement(ask.window, ask.gpus) {
            Ok(free) => Ok(free),
            Err(_) => violation(Rule::Oversold, format!("{ask:?}")),
        }
    }

    /// Returns the GPUs sold or resting out of a source, per minute.
    pub(super) fn used(&self, source: Source) -> Result<Steps, Violation> {
        let mut used = Steps::new();
        for contract in self.contracts.values().filter(|row| row.source == source) {
            used.add(contract.window, contract.gpus).map_err(|_| out_of_range("a source"))?;
        }
        for ask in self.orders.values().filter(|row| row.source == Some(source)) {
            used.add_steps(&self.free_of(ask)?).map_err(|_| out_of_range("a source"))?;
        }
        Ok(used)
    }
}

/// Hands out the next number.
pub(super) const fn next(last: &mut i64) -> i64 {
    *last = last.saturating_add(1);
    *last
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX).saturating_add(1)
}

/// The exchange must have refused this.
pub(super) fn out_of_range(what: &str) -> Violation {
    Violation { rule: Rule::WronglyAccepted, detail: format!("{what} leaves the range") }
}
