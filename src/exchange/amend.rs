//! Amending and cancelling orders.
//!
//! Fewer GPUs, or for an ask a window inside its old one, keep an order's place in the queue; any other
//! amendment is a new arrival under the same id.

use std::sync::Arc;

use super::book::{Book, Walk, WalkEnd};
use super::catalogue::next;
use super::entities::{Cause, Order};
use super::judge::{check_gpus, check_hold, check_lot_of_source, check_price};
use super::place::fills_something;
use super::trading::reservation;
use super::{AmendOrder, Event, Exchange, Failure, Made, Reject};
use crate::types::limits::FILLS_PER_COMMAND_MAX;
use crate::types::{
    AccountKind, Money, OrderId, OrderReason, OrderStatus, OrganizationId, ProductId, Side, Steps, Timestamp, Window,
};

/// An amendment that passed every check.
struct Amended {
    order: Order,
    /// Whether it keeps its place.
    keeps_sequence: bool,
    walk: Walk,
}

impl<B: Book> Exchange<B> {
    pub(super) fn amend_order(
        &mut self,
        at: Timestamp,
        amend: &AmendOrder,
    ) -> Result<(Made, Option<Arc<Order>>), Failure> {
        let Some(old) = self.open_order(amend.organization, amend.order)? else {
            return Err(judge_ended(amend).into());
        };
        let old = old.clone();
        let Amended { mut order, keeps_sequence, walk } = self.judge_amendment(&old, amend)?;
        self.take_out(old.id)?;
        if !keeps_sequence {
            order.sequence = next(&mut self.counters.sequence);
        }
        let order = Arc::new(order);
        self.events.push(Event::OrderAmended { order: Arc::clone(&order) });
        self.change_hold(at, &old, &order)?;
        self.change_bond(at, &old, &order)?;
        if let Some(source) = order.source {
            self.capacity.unreserve(source, &reservation(&old)?)?;
            self.capacity.reserve(source, &reservation(&order)?)?;
        }
        let order = self.trade(at, order, &walk)?;
        Ok((Made::Order(order.id), Some(order)))
    }

    pub(super) fn cancel_order(
        &mut self,
        at: Timestamp,
        organization: OrganizationId,
        id: OrderId,
    ) -> Result<(Made, Option<Arc<Order>>), Failure> {
        self.open_order(organization, id)?.ok_or(Reject::OrderNotOpen)?;
        let order = self.end_order(at, id, OrderStatus::Cancelled, Some(OrderReason::Requested))?;
        Ok((Made::Order(id), Some(order)))
    }

    pub(super) fn cancel_all(
        &mut self,
        at: Timestamp,
        organization: OrganizationId,
        product: Option<ProductId>,
        side: Option<Side>,
    ) -> Result<Made, Failure> {
        self.organizations.get(&organization).ok_or(Reject::NotFound)?;
        let wanted = |order: &&Order| {
            product.is_none_or(|product| order.product == product) && side.is_none_or(|side| order.side == side)
        };
        let ids = self.orders_of.of(organization);
        let ids: Vec<OrderId> =
            ids.filter_map(|id| self.orders.get(&id)).filter(wanted).map(|order| order.id).collect();
        for id in ids {
            self.end_order(at, id, OrderStatus::Cancelled, Some(OrderReason::Requested))?;
        }
        Ok(Made::Nothing)
    }

    /// Returns an organization's open order; nothing if a number was handed out but the order has ended.
    fn open_order(&self, organization: OrganizationId, id: OrderId) -> Result<Option<&Order>, Reject> {
        self.organizations.get(&organization).ok_or(Reject::NotFound)?;
        match self.orders.get(&id) {
            Some(order) if order.organization == organization => Ok(Some(order)),
            Some(_) => Err(Reject::NotFound),
            None if (1..self.counters.order).contains(&id.number()) => Ok(None),
            None => Err(Reject::NotFound),
        }
    }

    fn judge_amendment(&self, old: &Order, amend: &AmendOrder) -> Result<Amended, Failure> {
        let product = self.products.get(&old.product).ok_or(Failure::Invariant("product_missing"))?;
        let mut order = old.clone();
        order.gpus = amend.gpus.unwrap_or(old.gpus);
        order.lot = amend.lot.unwrap_or(old.lot);
        order.price = amend.price.unwrap_or(old.price);
        let asked = Window::new(amend.start.unwrap_or(old.window.start), amend.end.unwrap_or(old.window.end));
        check_gpus(order.gpus, order.lot)?;
        self.check_remainder(&order, asked)?;
        check_price(order.price, Some(product))?;
        let ahead = match old.side {
            Side::Bid => asked.start >= self.first_open(),
            Side::Ask => asked.end > self.first_open(),
        };
        self.check_window(asked, ahead)?;
        let open = match old.side {
            Side::Bid => asked,
            Side::Ask => asked.from_minute(self.first_open()),
        };
        order.window = open;
        let left = order.gpus.saturating_sub(if old.side == Side::Bid { old.filled_gpus } else { 0 });
        let worst = check_hold(order.price, left, open, order.funding)?;
        order.price.turnover(order.gpus, open.minutes()).map_err(|_| Reject::OutOfRange)?;
        order.held = if old.side == Side::Bid { worst } else { Money::ZERO };
        self.check_funding(order.funding, open)?;
        self.check_market(product, old.organization)?;
        match old.side {
            Side::Bid => check_bid_amendment(old, &order)?,
            Side::Ask => {
                self.check_ask_amendment(old, &order)?;
                order.bond = self.bond_for(&order)?;
            }
        }
        self.check_new_arrival(old, order)
    }

    /// What is left of an order must be a multiple of its lot, and a resale's lot one of its source's.
    fn check_remainder(&self, order: &Order, asked: Window) -> Result<(), Failure> {
        let on_lot = |sold: u32| order.gpus.saturating_sub(sold).checked_rem(order.lot) == Some(0);
        let fits = match order.side {
            Side::Bid => on_lot(order.filled_gpus),
            Side::Ask => order.sold.pieces(asked.from_minute(self.first_open())).all(|(_, sold)| on_lot(sold)),
        };
        if !fits {
            return Err(Reject::InvalidLot.into());
        }
        if let Some(source) = order.source {
            let backing = self.backing(order.organization, source)?.ok_or(Failure::Invariant("source_missing"))?;
            check_lot_of_source(order.lot, backing.lot)?;
        }
        Ok(())
    }

    fn check_ask_amendment(&self, old: &Order, order: &Order) -> Result<(), Failure> {
        let source = order.source.ok_or(Failure::Invariant("ask_without_source"))?;
        let backing = self.backing(order.organization, source)?.ok_or(Failure::Invariant("source_missing"))?;
        if !backing.window.contains(order.window) {
            return Err(Reject::OutsideSourceWindow.into());
        }
        let mut after = Steps::new();
        for (piece, sold) in order.sold.pieces(order.window) {
            let free = order.gpus.saturating_sub(sold);
            after.add(piece, free).map_err(|_| Failure::Invariant("reservation_range"))?;
        }
        self.check_capacity(source, &backing, &reservation(old)?, &after, order.window)?;
        if order.window.minutes() < order.min_minutes {
            return Err(Reject::BelowMinMinutes.into());
        }
        if order.sold.max_over(order.window) > order.gpus { Err(Reject::BelowSold.into()) } else { Ok(()) }
    }

    /// Plans the walk of an amendment that is a new arrival; one that keeps its place meets nobody new.
    fn check_new_arrival(&self, old: &Order, order: Order) -> Result<Amended, Failure> {
        let same_terms = order.price == old.price && order.lot == old.lot && order.gpus <= old.gpus;
        let keeps_sequence = same_terms
            && match old.side {
                Side::Bid => order.window == old.window,
                Side::Ask => old.window.contains(order.window),
            };
        let mut walk = Walk { steps: Vec::new(), end: WalkEnd::Done, complete: false };
        if !keeps_sequence {
            let mut arriving = order.clone();
            arriving.sequence = self.counters.sequence;
            walk = self.plan(&arriving, FILLS_PER_COMMAND_MAX)?;
            if order.post_only && fills_something(&walk) {
                return Err(Reject::PostOnlyWouldTrade.into());
            }
        }
        let more =
            order.held.minus(old.held).and_then(|more| more.plus(order.bonded())).map_err(|_| Reject::OutOfRange)?;
        let more = more.minus(old.bonded()).map_err(|_| Reject::OutOfRange)?;
        self.require_available(order.organization, more.max(Money::ZERO))?;
        Ok(Amended { order, keeps_sequence, walk })
    }

    fn change_hold(&mut self, at: Timestamp, old: &Order, order: &Order) -> Result<(), Failure> {
        let (available, held) = (AccountKind::Available, AccountKind::Held);
        let range = |_| Failure::Invariant("hold_range");
        if order.held >= old.held {
            let more = order.held.minus(old.held).map_err(range)?;
            self.move_within(at, order.organization, (available, held), more, Cause::Hold(order.id))
        } else {
            let less = old.held.minus(order.held).map_err(range)?;
            self.move_within(at, order.organization, (held, available), less, Cause::Release(order.id))
        }
    }
}

fn check_bid_amendment(old: &Order, order: &Order) -> Result<(), Reject> {
    if old.fills > 0 && order.window != old.window {
        return Err(Reject::WindowFixed);
    }
    if order.gpus < old.filled_gpus { Err(Reject::BelowSold) } else { Ok(()) }
}

/// Judges an amendment of an order that is no longer known: what can be told without it, then that it ended.
fn judge_ended(amend: &AmendOrder) -> Reject {
    let own = || -> Result<(), Reject> {
        if let Some(gpus) = amend.gpus {
            check_gpus(gpus, amend.lot.unwrap_or(1))?;
        }
        if amend.lot == Some(0) {
            return Err(Reject::InvalidLot);
        }
        amend.price.map_or(Ok(()), |price| check_price(price, None))
    };
    own().err().unwrap_or(Reject::OrderNotOpen)
}
