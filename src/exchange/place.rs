//! Placing orders, and saying what placing one would do.

use std::sync::Arc;

use super::book::{Arrival, Book, Step, Walk};
use super::entities::{Cause, Order};
use super::judge::Draft;
use super::memory::ClientKey;
use super::{Command, Event, Exchange, Failure, Made, PlaceAsk, PlaceBid, Preview, Reject};
use crate::types::limits::FILLS_PER_COMMAND_MAX;
use crate::types::{AccountKind, OrganizationId, Side, TimeInForce, Timestamp};

impl<B: Book> Exchange<B> {
    pub(super) fn place_bid(&mut self, at: Timestamp, bid: &PlaceBid) -> Result<(Made, Option<Arc<Order>>), Failure> {
        let key = self.client_key(bid.organization, bid.terms.client_order_id.as_ref(), bid)?;
        if let ClientKey::Repeat(made) = key {
            return Ok(self.repeat(made));
        }
        let draft = self.judge_bid(at, bid)?;
        self.enter(at, draft, &key)
    }

    pub(super) fn place_ask(&mut self, at: Timestamp, ask: &PlaceAsk) -> Result<(Made, Option<Arc<Order>>), Failure> {
        let key = self.client_key(ask.organization, ask.terms.client_order_id.as_ref(), ask)?;
        if let ClientKey::Repeat(made) = key {
            return Ok(self.repeat(made));
        }
        let draft = self.judge_ask(at, ask)?;
        self.enter(at, draft, &key)
    }

    /// Says what placing an order next would do. Nothing changes.
    ///
    /// # Errors
    /// What placing it would be refused with; [`Reject::InvalidCombination`] for any other command.
    pub fn preview(&self, place: &Command) -> Result<Preview, Failure> {
        let at = self.now();
        let (key, draft) = match place {
            Command::PlaceBid(bid) => {
                let key = self.client_key(bid.organization, bid.terms.client_order_id.as_ref(), bid)?;
                (key, self.judge_bid(at, bid))
            }
            Command::PlaceAsk(ask) => {
                let key = self.client_key(ask.organization, ask.terms.client_order_id.as_ref(), ask)?;
                (key, self.judge_ask(at, ask))
            }
            _ => return Err(Reject::InvalidCombination.into()),
        };
        if let ClientKey::Repeat(Made::Order(id)) = key {
            let order = self.orders.get(&id).cloned().ok_or(Reject::OrderNotOpen)?;
            let (average_price, hold) = (order.average_price(), order.held.max(order.bonded()));
            return Ok(Preview { fills: Vec::new(), average_price, hold, order });
        }
        let Draft { mut order, hold, avoid } = draft?;
        let walk = self.plan(&order, FILLS_PER_COMMAND_MAX)?;
        self.check_arrival(&Draft { order: order.clone(), hold, avoid }, &walk, &key)?;
        let fills = self.foresee(&mut order, &walk, at)?;
        Ok(Preview { fills, average_price: order.average_price(), hold, order })
    }

    /// Plans what an order would do on arrival.
    pub(super) fn plan(&self, order: &Order, fills_max: usize) -> Result<Walk, Failure> {
        self.plan_avoiding(order, fills_max, None)
    }

    fn plan_avoiding(
        &self,
        order: &Order,
        fills_max: usize,
        avoid: Option<[OrganizationId; 2]>,
    ) -> Result<Walk, Failure> {
        let arrival = Arrival {
            now: self.now(),
            self_trade: order.self_trade,
            fills_max,
            fok: order.time_in_force == TimeInForce::Fok,
            same_site: order.same_site,
            avoid,
        };
        let book = self.book(order.product)?;
        Ok(match order.side {
            Side::Bid => book.walk_bid(&self.book_bid(order), arrival),
            Side::Ask => book.walk_ask(&self.book_ask(order)?, arrival),
        })
    }

    /// The refusals that need the book and the purse.
    fn check_arrival(&self, draft: &Draft, walk: &Walk, key: &ClientKey) -> Result<(), Reject> {
        if draft.order.post_only && fills_something(walk) {
            return Err(Reject::PostOnlyWouldTrade);
        }
        self.require_available(draft.order.organization, draft.hold)?;
        if matches!(key, ClientKey::Reused) { Err(Reject::ClientOrderIdReused) } else { Ok(()) }
    }

    /// Lets an order that was judged enter the book; the last refusals come before the first change.
    pub(super) fn enter(
        &mut self,
        at: Timestamp,
        draft: Draft,
        key: &ClientKey,
    ) -> Result<(Made, Option<Arc<Order>>), Failure> {
        let walk = self.plan_avoiding(&draft.order, FILLS_PER_COMMAND_MAX, draft.avoid)?;
        self.check_arrival(&draft, &walk, key)?;
        let Draft { mut order, hold, .. } = draft;
        if let ClientKey::New(fingerprint) = key {
            order.fingerprint = Some(*fingerprint);
        }
        let id = order.id;
        self.counters.order = self.counters.order.saturating_add(1);
        self.counters.sequence = self.counters.sequence.saturating_add(1);
        self.purse_mut(order.organization)?.last_order = Some(id);
        self.remember_order(&order);
        let order = Arc::new(order);
        self.changes.placed.push(Arc::clone(&order));
        self.events.reserve(walk.steps.len().saturating_mul(2).saturating_add(4));
        self.events.push(Event::OrderPlaced { order: Arc::clone(&order) });
        let (account, cause) = match order.side {
            Side::Bid => (AccountKind::Held, Cause::Hold(id)),
            Side::Ask => (AccountKind::Bond, Cause::Bond(id)),
        };
        self.move_within(at, order.organization, (AccountKind::Available, account), hold, cause)?;
        if let Some(source) = order.source {
            self.capacity.reserve_block(source, order.window, order.gpus)?;
        }
        let order = self.trade(at, order, &walk)?;
        Ok((Made::Order(id), Some(order)))
    }

    fn repeat(&mut self, made: Made) -> (Made, Option<Arc<Order>>) {
        self.events.push(Event::Replayed { made });
        let order = match made {
            Made::Order(id) => self.orders.share(&id),
            _ => None,
        };
        (made, order)
    }
}

pub(super) fn fills_something(walk: &Walk) -> bool {
    walk.steps.iter().any(|step| matches!(step, Step::Fill { .. }))
}
