//! Time and halts: what happens without anybody placing an order.

use super::book::{Book, Step, WalkEnd};
use super::cover::Lost;
use super::entities::Order;
use super::{Event, Exchange, Failure, Made, Reject};
use crate::types::limits::FILLS_PER_COMMAND_MAX;
use crate::types::{ContractId, ContractStatus, Minute, OrderId, OrderReason, OrderStatus, ProductId, Side, Timestamp};

use std::collections::BTreeSet;

impl<B: Book> Exchange<B> {
    /// Moves time: orders end first, by number, so that no contract ends under a living ask; then contracts
    /// start, are paid for by the month, default and complete, by minute and number, and what defaulted is covered; then old requests are
    /// forgotten.
    pub(super) fn advance(&mut self, at: Timestamp, now: Timestamp) -> Result<Made, Failure> {
        if now < self.counters.now {
            return Err(Reject::TimeBackwards.into());
        }
        self.counters.now = now;
        self.books.values_mut().for_each(|book| book.advance(now));
        self.events.push(Event::Advanced { now });
        for id in self.orders_due() {
            self.expire(at, id)?;
        }
        self.move_contracts(at)?;
        self.forget();
        Ok(Made::Nothing)
    }

    /// Tells when time next has something to do: an order that ends, a contract that starts, draws or completes.
    pub fn next_due(&self) -> Option<Timestamp> {
        let minute = |minute: Option<Minute>| minute.map(Minute::start);
        let dates = [
            self.due.expiries.first().map(|(at, _)| *at),
            minute(self.due.last_minutes.first().map(|(minute, _)| minute)),
            minute(self.due.starts.first().map(|(minute, _)| minute)),
            minute(self.due.ends.first().map(|(minute, _)| minute)),
            minute(self.due.deadlines.first().map(|(minute, _)| *minute)),
            minute(self.due.first_draw().map(|(minute, _)| minute)),
        ];
        dates.into_iter().flatten().min()
    }

    fn orders_due(&self) -> BTreeSet<OrderId> {
        let now = self.now();
        let by_minute = self.due.last_minutes.iter().take_while(|(minute, _)| *minute <= now.minute());
        let by_time = self.due.expiries.iter().take_while(|(at, _)| *at <= now);
        by_minute.map(|(_, id)| id).chain(by_time.map(|(_, id)| *id)).collect()
    }

    fn expire(&mut self, at: Timestamp, id: OrderId) -> Result<(), Failure> {
        let order = self.orders.get(&id).ok_or(Failure::Invariant("due_order_missing"))?;
        let expired = (OrderStatus::Expired, Some(OrderReason::Expired));
        let (status, reason) = match order.side {
            Side::Bid => expired,
            Side::Ask => self.exhausted(order).unwrap_or(expired),
        };
        self.end_order(at, id, status, reason).map(drop)
    }

    fn move_contracts(&mut self, at: Timestamp) -> Result<(), Failure> {
        let minute = self.now().minute();
        let mut lost = Vec::new();
        while let Some((start, id)) = self.due.starts.first() {
            if start > minute {
                break;
            }
            self.start_contract(id)?;
        }
        self.make_draws(at)?;
        while let Some((deadline, id)) = self.due.deadlines.first().copied() {
            if deadline > minute {
                break;
            }
            lost.extend(self.pass_deadline(at, id)?);
        }
        while let Some((end, id)) = self.due.ends.first() {
            if end > minute {
                break;
            }
            self.remove_contract(id, ContractStatus::Completed)?;
        }
        // Last, so that none buys out of what ends in this very minute.
        self.place_covers(at, lost)
    }

    /// Starts a contract: one under terms with what was handed over, one under none by the calendar.
    fn start_contract(&mut self, id: ContractId) -> Result<(), Failure> {
        let contract = self.contracts.get(&id).ok_or(Failure::Invariant("due_contract_missing"))?;
        self.due.start_contract(contract);
        if contract.terms == 0 {
            return self.move_contract(id, ContractStatus::Active);
        }
        self.begin_delivery(id)?;
        self.restate(id)
    }

    /// Ends a contract whose notice has run out, or that was not delivered in time or not for too long. One whose window
    /// is over completes instead. Returns what is to be covered.
    fn pass_deadline(&mut self, at: Timestamp, id: ContractId) -> Result<Vec<Lost>, Failure> {
        let contract = self.contracts.get(&id).ok_or(Failure::Invariant("due_contract_missing"))?;
        if let Some(notice) = self.expired_notice(id) {
            return self.end_by_notice(at, id, notice).map(|()| Vec::new());
        }
        if contract.window.end <= self.now().minute() {
            self.due.set_deadline(id, None);
            return Ok(Vec::new());
        }
        // The site's provider failed, whoever sold what it was to deliver.
        let host = self.listings.get(&contract.listing).ok_or(Failure::Invariant("listing_missing"))?.organization;
        self.end_by_default(at, id, host)
    }

    /// Halts a product, or lifts its halt and lets the resting bids walk in their order.
    pub(super) fn halt_product(&mut self, at: Timestamp, id: ProductId, halted: bool) -> Result<Made, Failure> {
        let product = self.products.get_mut(&id).ok_or(Reject::UnknownProduct)?;
        let was_halted = std::mem::replace(&mut product.halted, halted);
        self.events.push(Event::ProductHalted { product: id, halted });
        if was_halted && !halted {
            self.walk_resting_bids(at, id, |_| true)?;
        }
        Ok(Made::Product(id))
    }

    /// Lets some of the resting bids of a product walk in their order.
    pub(super) fn walk_resting_bids(
        &mut self,
        at: Timestamp,
        product: ProductId,
        walks: impl Fn(&Order) -> bool,
    ) -> Result<(), Failure> {
        let mut fills_left = FILLS_PER_COMMAND_MAX;
        for id in self.book(product)?.bids() {
            let Some(bid) = self.orders.get(&id).filter(|bid| walks(bid)) else { continue };
            let walk = self.plan(bid, fills_left)?;
            if walk.steps.is_empty() && walk.end == WalkEnd::Done {
                continue;
            }
            let fills = walk.steps.iter().filter(|step| matches!(step, Step::Fill { .. })).count();
            fills_left = fills_left.saturating_sub(fills);
            let bid = self.take_out(id)?;
            self.trade(at, bid, &walk)?;
        }
        Ok(())
    }
}
