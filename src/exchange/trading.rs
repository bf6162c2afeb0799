//! Applying a walk: fills, trades, contracts, and what becomes of the orders that met.

use std::sync::Arc;

use super::book::{Book, Step, Walk, WalkEnd};
use super::catalogue::next;
use super::delivery::{Cover, Resold};
use super::due::last_minute;
use super::entities::{Account, Cause, Contract, Holding, Order, Trade};
use super::novation::{Novation, TakenOver};
use super::{Event, Exchange, Failure};
use crate::types::{
    AccountKind, ContractId, ContractStatus, Funding, ListingId, Minute, Money, OrderId, OrderReason, OrderStatus,
    OrganizationId, Price, ProductId, Side, Source, Steps, TimeInForce, Timestamp, TradeId, Window,
};

/// How an order ends.
type Ending = (OrderStatus, Option<OrderReason>);

/// One fill, with its price and cost worked out.
struct Fill {
    trade: TradeId,
    maker: OrderId,
    gpus: u32,
    window: Window,
    price: Price,
    /// What the buyer pays into escrow.
    cost: Money,
    /// What the buyer had set aside for it.
    set_aside: Money,
    /// What the seller has.
    bond: Money,
}

/// What stays as it is for as long as a contract lives.
struct Frozen {
    price: Price,
    fee_bps: u32,
    terms: u32,
    novation: Option<Box<Novation>>,
}

/// What a contract takes from one of the two orders that met.
pub(super) struct Party {
    order: OrderId,
    organization: OrganizationId,
    product: ProductId,
    source: Option<Source>,
    lot: u32,
    min_minutes: u32,
    last_trade: Option<TradeId>,
    /// How a bid pays for what it buys.
    funding: Funding,
    /// What a bid wishes if the seller defaults.
    pub(super) cover: Option<Box<Cover>>,
}

impl Party {
    fn of(order: &Order) -> Self {
        Self {
            order: order.id,
            organization: order.organization,
            product: order.product,
            source: order.source,
            lot: order.lot,
            min_minutes: order.min_minutes,
            last_trade: order.last_trade,
            funding: order.funding,
            cover: order.cover.map(|limit| Box::new(Cover::of(order, limit))),
        }
    }
}

impl<B: Book> Exchange<B> {
    /// Lets an order that is in no table trade as planned, then rest or end; returns it as it then stands.
    pub(super) fn trade(&mut self, at: Timestamp, mut taker: Arc<Order>, walk: &Walk) -> Result<Arc<Order>, Failure> {
        let mut improvement = Money::ZERO;
        for step in &walk.steps {
            match *step {
                Step::Cancel { maker } => {
                    self.end_order(at, maker, OrderStatus::Cancelled, Some(OrderReason::SelfTrade))?;
                }
                Step::Fill { maker, gpus } => {
                    let saved = self.fill(at, Arc::make_mut(&mut taker), maker, gpus)?;
                    improvement = improvement.plus(saved).map_err(|_| Failure::Invariant("improvement_range"))?;
                }
            }
        }
        match self.ending(&taker, walk.end) {
            Some(ending) => self.finish(at, taker, ending, improvement),
            None => {
                let free = (AccountKind::Held, AccountKind::Available);
                self.move_within(at, taker.organization, free, improvement, Cause::Release(taker.id))?;
                let status = if taker.fills > 0 { OrderStatus::PartiallyFilled } else { OrderStatus::Open };
                if taker.status != status {
                    Arc::make_mut(&mut taker).status = status;
                }
                self.rest(Arc::clone(&taker))?;
                Ok(taker)
            }
        }
    }

    /// Works out what a walk would make of an order, changing nothing else.
    pub(super) fn foresee(
        &self,
        taker: &mut Order,
        walk: &Walk,
        at: Timestamp,
    ) -> Result<Vec<(OrderId, u32, Price)>, Failure> {
        let mut fills = Vec::new();
        let mut trade = self.counters.trade;
        for step in &walk.steps {
            if let Step::Fill { maker, gpus } = *step {
                let fill = self.price_fill(TradeId::new(next(&mut trade)), taker, maker, gpus)?;
                taker.record(&fill)?;
                fills.push((maker, gpus, fill.price));
            }
        }
        match self.ending(taker, walk.end) {
            Some((status, reason)) => {
                (taker.status, taker.reason, taker.ended_at) = (status, reason, Some(at));
                (taker.held, taker.bond) = (Money::ZERO, None);
            }
            None if taker.fills > 0 => taker.status = OrderStatus::PartiallyFilled,
            None => {}
        }
        Ok(fills)
    }

    /// Tells whether and how an order ends after its walk.
    fn ending(&self, taker: &Order, end: WalkEnd) -> Option<Ending> {
        let cancelled = |reason| Some((OrderStatus::Cancelled, Some(reason)));
        match end {
            WalkEnd::SelfTrade => return cancelled(OrderReason::SelfTrade),
            WalkEnd::FillLimit => return cancelled(OrderReason::FillLimit),
            WalkEnd::Done => {}
        }
        if let Some(ending) = self.exhausted(taker) {
            return Some(ending);
        }
        match taker.time_in_force {
            TimeInForce::Gtc | TimeInForce::Gtd => None,
            TimeInForce::Ioc => cancelled(OrderReason::IocRemainder),
            TimeInForce::Fok => cancelled(OrderReason::FokIncomplete),
        }
    }

    /// Tells whether an order has nothing left to trade.
    ///
    /// An ask ends when no run of `min_minutes` with `lot` free GPUs is left: filled if it sold every minute
    /// it was left with, else expired.
    pub(super) fn exhausted(&self, order: &Order) -> Option<Ending> {
        exhausted(order, last_minute(order), self.now())
    }

    fn price_fill(&self, trade: TradeId, taker: &Order, maker: OrderId, gpus: u32) -> Result<Fill, Failure> {
        let resting = self.orders.get(&maker).ok_or(Failure::Invariant("maker_missing"))?;
        let (ask, bid) = if taker.side == Side::Bid { (resting, taker) } else { (taker, resting) };
        let price = if resting.sequence < taker.sequence { resting.price } else { taker.price };
        let minutes = bid.window.minutes();
        let range = |_| Failure::Invariant("fill_range");
        let cost = bid.funding.set_aside(price, gpus, minutes).map_err(range)?;
        let set_aside = bid.funding.set_aside(bid.price, gpus, minutes).map_err(range)?;
        let bond = ask.bond_share(gpus, bid.window).map_err(range)?;
        Ok(Fill { trade, maker, gpus, window: bid.window, price, cost, set_aside, bond })
    }

    /// Makes one fill; returns what an arriving bid saved against its limit.
    fn fill(&mut self, at: Timestamp, taker: &mut Order, maker: OrderId, gpus: u32) -> Result<Money, Failure> {
        let trade = TradeId::new(next(&mut self.counters.trade));
        let fill = self.price_fill(trade, taker, maker, gpus)?;
        let resting = Party::of(self.orders.get(&maker).ok_or(Failure::Invariant("maker_missing"))?);
        let arriving = Party::of(taker);
        let (ask, bid) = if taker.side == Side::Ask { (arriving, resting) } else { (resting, arriving) };
        let contract = self.contract_of(at, &ask, &bid, &fill, taker.side)?;
        let (id, buyer) = (contract.id, contract.buyer);
        let (debit, credit) = (AccountKind::Held, AccountKind::Escrow);
        self.move_within(at, buyer, (debit, credit), fill.cost, Cause::Escrow(id))?;
        self.add_contract(contract)?;
        self.keep_cover(id, bid)?;
        self.novate(at, id)?;
        taker.record(&fill)?;
        self.fill_maker(at, taker.product, &fill)?;
        let saved = fill.set_aside.minus(fill.cost).map_err(|_| Failure::Invariant("saving_range"))?;
        if taker.side == Side::Bid {
            return Ok(saved);
        }
        self.move_within(at, buyer, (AccountKind::Held, AccountKind::Available), saved, Cause::Release(maker))?;
        Ok(Money::ZERO)
    }

    /// Brings a resting order up to date after a fill and ends it if nothing is left.
    fn fill_maker(&mut self, at: Timestamp, product: ProductId, fill: &Fill) -> Result<(), Failure> {
        let now = self.now();
        let order = self.orders.get_mut(&fill.maker).ok_or(Failure::Invariant("maker_missing"))?;
        let before = last_minute(order);
        order.record(fill)?;
        order.status = OrderStatus::PartiallyFilled;
        let after = last_minute(order);
        self.due.move_order(order.id, before, after);
        // The book forgets an order that ends: no need to tell it of the last fill.
        if let Some((status, reason)) = exhausted(order, after, now) {
            return self.end_order(at, fill.maker, status, reason).map(drop);
        }
        let side = order.side;
        if order.bond.is_some() {
            self.release_lapsed(at, fill.maker)?;
        }
        let book = self.book_mut(product)?;
        let done = match side {
            Side::Ask => book.sell(fill.maker, fill.window, fill.gpus),
            Side::Bid => book.buy(fill.maker, fill.gpus),
        };
        done.map_err(|_| Failure::Invariant("book_disagrees"))
    }

    fn contract_of(
        &mut self,
        at: Timestamp,
        ask: &Party,
        bid: &Party,
        fill: &Fill,
        aggressor: Side,
    ) -> Result<Arc<Contract>, Failure> {
        let source = ask.source.ok_or(Failure::Invariant("ask_without_source"))?;
        let id = ContractId::new(next(&mut self.counters.contract));
        let made = Holding::Made(id);
        let (listing, depth, previous_of_parent) = self.title_of(source, made)?;
        let site = self.listings.get(&listing).ok_or(Failure::Invariant("listing_missing"))?.site;
        let Frozen { price, fee_bps, terms, novation } = self.frozen(ask.product, source, fill.price)?;
        let tape = self.tapes.get_mut(&ask.product).ok_or(Failure::Invariant("tape_missing"))?;
        let trade = Trade {
            id: fill.trade,
            created_at: at,
            product: ask.product,
            ask: ask.order,
            bid: bid.order,
            contract: id,
            seller: ask.organization,
            buyer: bid.organization,
            aggressor,
            gpus: fill.gpus,
            window: fill.window,
            price: fill.price,
            previous_of_ask: ask.last_trade,
            previous_of_bid: bid.last_trade,
            previous_of_product: tape.last_trade.replace(fill.trade),
        };
        let contract = Contract {
            id,
            created_at: at,
            trade: trade.id,
            product: ask.product,
            site,
            listing,
            source,
            seller: ask.organization,
            buyer: bid.organization,
            gpus: fill.gpus,
            window: fill.window,
            price,
            lot: ask.lot,
            min_minutes: ask.min_minutes,
            fee_bps,
            terms,
            depth,
            status: ContractStatus::Scheduled,
            ended_at: None,
            escrow: fill.cost,
            previous_of_seller: self.purse_mut(ask.organization)?.last_holding.replace(made),
            previous_of_buyer: self.purse_mut(bid.organization)?.last_holding.replace(made),
            previous_of_parent,
            last_child: None,
            monthly: self.first_month(bid.funding, fill.price, fill.gpus, fill.window)?,
            bond: fill.bond,
            novation,
        };
        let (trade, contract) = (Arc::new(trade), Arc::new(contract));
        self.changes.trades.push(Arc::clone(&trade));
        self.changes.contracted.push(Arc::clone(&contract));
        self.events.push(Event::Traded { trade, contract: Arc::clone(&contract) });
        Ok(contract)
    }

    /// Returns what a contract is made under: the terms of today at the price of the trade, or those of a contract that its
    /// buyer takes over.
    fn frozen(&self, product: ProductId, source: Source, price: Price) -> Result<Frozen, Failure> {
        if let (Source::Contract(id), true) = (source, self.is_novation(source)) {
            let from = self.known(id)?;
            let taken_over = Some(TakenOver { contract: id, seller: from.buyer, price });
            let novation = Some(Box::new(Novation { taken_over, ..Novation::default() }));
            return Ok(Frozen { price: from.price, fee_bps: from.fee_bps, terms: from.terms, novation });
        }
        let fee_bps = self.products.get(&product).ok_or(Failure::Invariant("product_missing"))?.fee_bps;
        Ok(Frozen { price, fee_bps, terms: self.terms_version(), novation: None })
    }

    /// Returns the listing, the depth and the child before it of a contract that is made out of a source.
    fn title_of(&mut self, source: Source, made: Holding) -> Result<(ListingId, u8, Option<Holding>), Failure> {
        match source {
            Source::Listing(id) => Ok((id, 0, None)),
            Source::Contract(id) => {
                let parent = self.contracts.get_mut(&id).ok_or(Failure::Invariant("source_missing"))?;
                Ok((parent.listing, parent.depth.saturating_add(1), parent.last_child.replace(made)))
            }
        }
    }

    fn add_contract(&mut self, contract: Arc<Contract>) -> Result<(), Failure> {
        // The ask's reservation shrinks by what the contract takes: what its source has used stays the same.
        self.due.add_contract(&contract, self.counters.now);
        self.note_resold(contract.source, contract.window, Resold::More(contract.gpus))?;
        self.sold_out_of.insert(contract.source, contract.id);
        let id = contract.id;
        self.contracts.insert(id, contract);
        self.arm_draw(id);
        Ok(())
    }

    /// Puts an order to rest.
    pub(super) fn rest(&mut self, order: Arc<Order>) -> Result<(), Failure> {
        match order.side {
            Side::Ask => {
                let ask = self.book_ask(&order)?;
                self.book_mut(order.product)?.insert_ask(ask);
            }
            Side::Bid => {
                let bid = self.book_bid(&order);
                self.book_mut(order.product)?.insert_bid(bid);
            }
        }
        self.index_order(&order);
        self.orders.insert(order.id, order);
        Ok(())
    }

    /// Writes an open order into what follows from the tables, the book aside.
    pub(super) fn index_order(&mut self, order: &Order) {
        self.due.add_order(order);
        self.orders_of.insert(order.organization, order.id);
        if let Some(source) = order.source {
            self.asks_out_of.insert(source, order.id);
        }
    }

    /// Takes a resting order out of every table; its money and capacity stay set aside.
    pub(super) fn take_out(&mut self, id: OrderId) -> Result<Arc<Order>, Failure> {
        let order = self.orders.remove(&id).ok_or(Failure::Invariant("order_missing"))?;
        self.due.remove_order(&order);
        self.orders_of.remove(order.organization, id);
        if let Some(source) = order.source {
            self.asks_out_of.remove(source, id);
        }
        self.book_mut(order.product)?.remove(id);
        Ok(order)
    }

    /// Ends a resting order.
    pub(super) fn end_order(
        &mut self,
        at: Timestamp,
        id: OrderId,
        status: OrderStatus,
        reason: Option<OrderReason>,
    ) -> Result<Arc<Order>, Failure> {
        let order = self.take_out(id)?;
        self.finish(at, order, (status, reason), Money::ZERO)
    }

    /// Closes an order that is in no table: frees what it still holds, and remembers how it ended.
    fn finish(
        &mut self,
        at: Timestamp,
        mut order: Arc<Order>,
        (status, reason): Ending,
        improvement: Money,
    ) -> Result<Arc<Order>, Failure> {
        let freed = order.held.plus(improvement).map_err(|_| Failure::Invariant("release_range"))?;
        let free = (AccountKind::Held, AccountKind::Available);
        self.move_within(at, order.organization, free, freed, Cause::Release(order.id))?;
        if let Some(source) = order.source {
            self.capacity.unreserve_rest(source, &order)?;
        }
        self.release_bond(at, &order)?;
        let ended = Arc::make_mut(&mut order);
        (ended.held, ended.bond) = (Money::ZERO, None);
        (ended.status, ended.reason, ended.ended_at) = (status, reason, Some(at));
        self.release_client_order(&order);
        self.events.push(Event::OrderEnded { order: order.id, status, reason });
        self.changes.orders.insert(order.id, Arc::clone(&order));
        Ok(order)
    }
}

/// Tells whether and how an order ends that can live until a minute.
fn exhausted(order: &Order, last_minute: Minute, now: Timestamp) -> Option<Ending> {
    match order.side {
        Side::Bid => (order.filled_gpus >= order.gpus).then_some((OrderStatus::Filled, None)),
        Side::Ask => {
            if last_minute > now.minute() {
                return None;
            }
            let left = order.open_window(now);
            let sold_out = !left.is_empty() && order.sold.min_over(left) >= order.gpus;
            Some(if sold_out {
                (OrderStatus::Filled, None)
            } else {
                (OrderStatus::Expired, Some(OrderReason::Expired))
            })
        }
    }
}

/// Returns what an ask keeps reserved in its source: what it has not sold, over its window.
pub(super) fn reservation(order: &Order) -> Result<Steps, Failure> {
    order.sold.complement(order.window, order.gpus).map_err(|_| Failure::Invariant("oversold_ask"))
}

impl Order {
    fn record(&mut self, fill: &Fill) -> Result<(), Failure> {
        let range = |_| Failure::Invariant("order_range");
        let gpu_minutes = u64::from(fill.gpus).saturating_mul(u64::from(fill.window.minutes()));
        self.fills = self.fills.saturating_add(1);
        self.last_trade = Some(fill.trade);
        self.filled_gpu_minutes = self.filled_gpu_minutes.saturating_add(gpu_minutes);
        let turnover = fill.price.turnover(fill.gpus, fill.window.minutes()).map_err(range)?;
        self.turnover = self.turnover.plus(turnover).map_err(range)?;
        match self.side {
            Side::Bid => {
                self.filled_gpus = self.filled_gpus.saturating_add(fill.gpus);
                self.held = self.held.minus(fill.set_aside).map_err(range)?;
            }
            Side::Ask => {
                self.share_bond(fill.gpus, fill.window).map_err(range)?;
                self.sold.add(fill.window, fill.gpus).map_err(range)?;
                self.filled_gpus = self.filled_gpus.max(self.sold.max_over(fill.window));
            }
        }
        Ok(())
    }
}

/// Returns the account of an organization.
pub(super) const fn account(organization: crate::types::OrganizationId, kind: AccountKind) -> Account {
    Account { organization, kind }
}
