//! How contracts end, in time and early, and what becomes of the chain below them.
//!
//! If the seller is at fault, or the contract is recalled, everything below ends with it, deepest first,
//! each refunded by its own terms. If the buyer is at fault, each child passes to the contract's seller on
//! the child's own terms; where the child pays less than the ended contract did, the gap for the minutes
//! left is charged to the buyer: to what its escrow gives back and, if the minutes left are not paid for yet, to what it
//! has available, as far as both go. What comes back is free in the source again.

use std::sync::Arc;

use super::book::Book;
use super::catalogue::{check_text, next};
use super::delivery::Resold;
use super::delivery::settle::kept_in_escrow;
use super::entities::{Cause, Contract, Holding, Pass};
use super::trading::account;
use super::{Event, Exchange, Failure, Made, Reject, life};
use crate::types::{
    AccountKind, ContractId, ContractStatus, Fault, Minute, Money, OrderId, OrderReason, OrderStatus, OrganizationId,
    OutOfRange, PassId, Source, Timestamp, Window,
};

/// What the end of a contract by its buyer's doing costs it beside the price gap.
#[derive(Debug, Clone, Copy)]
pub(super) enum Charge {
    /// Nothing more.
    Nothing,
    /// The fee of its notice.
    Notice(Money),
    /// Its deposit, of which the price gap is a part.
    Deposit,
}

/// What an end costs a buyer, out of what its escrow gives back and beyond.
struct EndCost {
    gap: Money,
    charge: Money,
    /// Both of them.
    kept: Money,
    /// What of the price gap is left; only where the minutes left are not paid for yet.
    beyond: Money,
}

impl Charge {
    /// Returns what is paid out of so much left in escrow: the price gap first.
    fn cost(self, ended: &Contract, gap: Money, left: Money) -> Result<EndCost, OutOfRange> {
        let paid = gap.min(left);
        let wanted = match self {
            Self::Nothing => Money::ZERO,
            Self::Notice(fee) => fee,
            Self::Deposit => ended.deposit()?.minus(paid)?,
        };
        let charge = wanted.min(left.minus(paid)?);
        Ok(EndCost { gap: paid, charge, kept: paid.plus(charge)?, beyond: gap.minus(paid)? })
    }

    const fn cause(self, contract: ContractId) -> Cause {
        match self {
            Self::Nothing | Self::Notice(_) => Cause::NoticeFee(contract),
            Self::Deposit => Cause::Forfeit(contract),
        }
    }
}

impl<B: Book> Exchange<B> {
    pub(super) fn end_contract(
        &mut self,
        at: Timestamp,
        id: ContractId,
        (status, fault): (ContractStatus, Option<Fault>),
        reason: &str,
    ) -> Result<Made, Failure> {
        if self.contracts.get(&id).is_none() {
            let known = (1..self.counters.contract).contains(&id.number());
            return Err(if known { Reject::ContractNotLive.into() } else { Reject::NotFound.into() });
        }
        let fits = match status {
            ContractStatus::Terminated | ContractStatus::Defaulted => fault.is_some(),
            ContractStatus::Recalled => fault.is_none(),
            _ => false,
        };
        if !fits {
            return Err(Reject::InvalidCombination.into());
        }
        check_text(reason)?;
        match fault {
            Some(Fault::Seller) if status == ContractStatus::Defaulted => self.default_now(at, id)?,
            Some(Fault::Buyer) => self.end_by_buyer(at, id, status, (self.first_open(), Charge::Nothing))?,
            _ => self.end_with_children(at, id, status, self.first_open())?,
        }
        Ok(Made::Contract(id))
    }

    /// Ends a contract and all below it from a minute on, deepest first.
    pub(super) fn end_with_children(
        &mut self,
        at: Timestamp,
        id: ContractId,
        status: ContractStatus,
        from: Minute,
    ) -> Result<(), Failure> {
        for child in self.children(id) {
            self.end_with_children(at, child, status, from)?;
        }
        if status == ContractStatus::Recalled {
            return self.recall_one(at, id, from);
        }
        self.end_one(at, id, status, (from, Money::ZERO)).map(drop)
    }

    /// Recalls one contract from a minute on. Whoever left it and its buyer settle anew what it cost.
    fn recall_one(&mut self, at: Timestamp, id: ContractId, from: Minute) -> Result<(), Failure> {
        let contract = self.known(id)?;
        let from = end_minute(contract, from);
        let premium = self.premium(contract, from)?;
        let owed = Money::ZERO.minus(premium).map_err(|_| Failure::Invariant("novation_range"))?;
        let kept = owed.max(Money::ZERO).min(self.unspent(contract, from, Money::ZERO)?);
        let ended = self.end_one(at, id, ContractStatus::Recalled, (from, kept))?;
        self.return_premium(at, &ended, (premium, kept))
    }

    /// Ends a contract alone from a minute on; its children pass to its seller, which is paid the price gap, and what else
    /// its end costs as far as its escrow goes.
    pub(super) fn end_by_buyer(
        &mut self,
        at: Timestamp,
        id: ContractId,
        status: ContractStatus,
        (from, charge): (Minute, Charge),
    ) -> Result<(), Failure> {
        let parent = self.contracts.get(&id).cloned().ok_or(Failure::Invariant("contract_missing"))?;
        let from = end_minute(&parent, from);
        let children = self.children(id);
        let mut gap = Money::ZERO;
        for child in &children {
            let child = self.contracts.get(child).ok_or(Failure::Invariant("contract_missing"))?;
            gap = gap.plus(price_gap(&parent, child, from)?).map_err(|_| Failure::Invariant("gap_range"))?;
        }
        for child in children {
            self.pass(at, &parent, child, from)?;
        }
        let left = self.unspent(&parent, from, Money::ZERO)?;
        let cost = charge.cost(&parent, gap, left).map_err(|_| Failure::Invariant("gap_range"))?;
        let ended = self.end_one(at, id, status, (from, cost.kept))?;
        let (debit, credit) =
            (account(ended.buyer, AccountKind::Escrow), account(ended.seller, AccountKind::Available));
        self.transfer(at, debit, credit, cost.gap, Cause::PriceGap(id), None)?;
        self.transfer(at, debit, credit, cost.charge, charge.cause(id), None)?;
        let beyond = cost.beyond.min(self.available(ended.buyer));
        let debit = account(ended.buyer, AccountKind::Available);
        self.transfer(at, debit, credit, beyond, Cause::PriceGap(id), None).map(drop)
    }

    /// Returns what a contract that ends at a minute gives back, less what is kept of it.
    fn unspent(&self, contract: &Contract, from: Minute, kept: Money) -> Result<Money, Failure> {
        let range = |_| Failure::Invariant("refund_range");
        let ended = Contract { ended_at: Some(from), ..contract.clone() };
        let due = match self.deliveries.get(&contract.id) {
            Some(delivery) => kept_in_escrow(&ended, delivery)?,
            None => contract.price.due(ended.covered_gpu_minutes()).map_err(range)?,
        };
        contract.escrow.minus(due).and_then(|rest| rest.minus(kept)).map_err(range)
    }

    /// Hands a child to the seller of the contract above it.
    fn pass(&mut self, at: Timestamp, parent: &Contract, id: ContractId, from: Minute) -> Result<(), Failure> {
        self.pass_bond(at, parent, id, from)?;
        let child = self.known(id)?;
        let (old, window, gpus) = (child.source, child.window, child.gpus);
        self.capacity.unreserve_block(old, window, gpus)?;
        self.capacity.reserve_block(parent.source, window, gpus)?;
        self.note_passed(parent, id, from)?;
        self.hand_on(at, parent, id)?;
        self.raise(id)
    }

    /// Lets a contract stand against the seller of another, out of that one's source.
    pub(super) fn hand_on(&mut self, at: Timestamp, parent: &Contract, id: ContractId) -> Result<(), Failure> {
        let child = self.contracts.get_mut(&id).ok_or(Failure::Invariant("contract_missing"))?;
        let old = std::mem::replace(&mut child.source, parent.source);
        child.seller = parent.seller;
        let buyer = child.buyer;
        self.sold_out_of.remove(old, id);
        self.sold_out_of.insert(parent.source, id);
        let pass = PassId::new(next(&mut self.counters.pass));
        let passed = Holding::Passed(pass);
        // Whoever bought it has it in their history already.
        let previous_of_seller = match parent.seller == buyer {
            true => None,
            false => self.purse_mut(parent.seller)?.last_holding.replace(passed),
        };
        let previous_of_parent = match parent.source {
            Source::Listing(_) => None,
            Source::Contract(above) => {
                let above = self.contracts.get_mut(&above).ok_or(Failure::Invariant("source_missing"))?;
                above.last_child.replace(passed)
            }
        };
        self.changes.passed.push(Pass {
            id: pass,
            created_at: at,
            contract: id,
            seller: parent.seller,
            source: parent.source,
            previous_of_seller,
            previous_of_parent,
        });
        self.events.push(Event::ContractPassed { contract: id, seller: parent.seller, source: parent.source });
        Ok(())
    }

    /// Moves a contract and all below it one step up the chain.
    fn raise(&mut self, id: ContractId) -> Result<(), Failure> {
        let contract = self.contracts.get_mut(&id).ok_or(Failure::Invariant("contract_missing"))?;
        contract.depth = contract.depth.saturating_sub(1);
        self.children(id).into_iter().try_for_each(|child| self.raise(child))
    }

    /// Ends one contract from a minute on: its resale asks end, the undelivered rest less `kept` goes back to its buyer,
    /// its capacity to its source.
    fn end_one(
        &mut self,
        at: Timestamp,
        id: ContractId,
        status: ContractStatus,
        (from, kept): (Minute, Money),
    ) -> Result<Contract, Failure> {
        let asks: Vec<OrderId> = self.asks_out_of.of(id).collect();
        for ask in asks {
            self.end_order(at, ask, OrderStatus::Cancelled, Some(OrderReason::SourceEnded))?;
        }
        let contract = self.contracts.get(&id).cloned().ok_or(Failure::Invariant("contract_missing"))?;
        let from = end_minute(&contract, from);
        let refund = self.unspent(&contract, from, kept)?;
        let range = |_| Failure::Invariant("refund_range");
        let due = contract.escrow.minus(refund).and_then(|rest| rest.minus(kept)).map_err(range)?;
        let rest = Window::new(from, contract.window.end);
        self.note_resold(contract.source, rest, Resold::Less(contract.gpus))?;
        if let Some(row) = self.contracts.get_mut(&id) {
            row.ended_at = Some(from);
            row.escrow = due;
            if let Some(monthly) = &mut row.monthly {
                monthly.next = None;
            }
        }
        let free = (AccountKind::Escrow, AccountKind::Available);
        self.move_within(at, contract.buyer, free, refund, Cause::Refund(id))?;
        if self.deliveries.get(&id).is_none() {
            self.return_bond(at, id)?;
        }
        self.remove_contract(id, status)?;
        Ok(contract)
    }

    /// Takes a contract out of the live ones.
    pub(super) fn remove_contract(&mut self, id: ContractId, status: ContractStatus) -> Result<(), Failure> {
        let contract = self.contracts.remove(&id).ok_or(Failure::Invariant("contract_missing"))?;
        life::ensure(contract.status, status)?;
        let contract = Contract { status, ..Arc::unwrap_or_clone(contract) };
        self.due.remove_contract(&contract);
        self.due.set_deadline(id, None);
        self.due.set_draw(id, None);
        let held = contract.held().map_err(|_| Failure::Invariant("novation_range"))?;
        // A parent completes no later than its child in the calendar's order; then there is nothing to give back to.
        if self.is_live(contract.source) {
            self.capacity.unreserve(contract.source, &held)?;
        }
        self.capacity.forget(Source::Contract(id));
        self.sold_out_of.remove(contract.source, id);
        self.events.push(Event::ContractMoved { contract: id, status });
        let contract = Arc::new(contract);
        match self.deliveries.get(&id) {
            Some(_) => self.unsettled.insert(id, contract),
            None => {
                self.changes.contracts.insert(id, contract);
            }
        }
        Ok(())
    }

    /// Tells the deliveries of a child, and of the contract it passes to, that it passes from the end of the parent on.
    fn note_passed(&mut self, parent: &Contract, id: ContractId, from: Minute) -> Result<(), Failure> {
        let child = self.contracts.get(&id).ok_or(Failure::Invariant("contract_missing"))?;
        let (rest, gpus, seller) = (child.window.from_minute(from), child.gpus, child.seller);
        if let Some(delivery) = self.deliveries.get_mut(&id) {
            let sold = (seller, Source::Contract(parent.id));
            delivery.pass(from, sold).map_err(|_| Failure::Invariant("leg_range"))?;
        }
        self.note_resold(parent.source, rest, Resold::More(gpus))
    }

    /// The seller says that it will not deliver: the contract ends with it at fault.
    pub(super) fn declare_default(
        &mut self,
        at: Timestamp,
        organization: OrganizationId,
        id: ContractId,
        reason: &str,
    ) -> Result<Made, Failure> {
        let contract = self.contract(id).filter(|row| row.seller == organization).ok_or(Reject::NotFound)?;
        if !contract.status.is_live() {
            return Err(Reject::ContractNotLive.into());
        }
        check_text(reason)?;
        self.default_now(at, id)?;
        Ok(Made::Contract(id))
    }

    /// Ends a contract by its seller's default, and covers what its buyers wish covered.
    fn default_now(&mut self, at: Timestamp, id: ContractId) -> Result<(), Failure> {
        let defaulter = self.known(id)?.seller;
        let lost = self.end_by_default(at, id, defaulter)?;
        self.place_covers(at, lost)
    }

    fn is_live(&self, source: Source) -> bool {
        match source {
            Source::Listing(id) => self.listings.get(&id).is_some(),
            Source::Contract(id) => self.contracts.get(&id).is_some(),
        }
    }

    pub(super) fn children(&self, id: ContractId) -> Vec<ContractId> {
        self.sold_out_of.of(id).collect()
    }
}

/// Returns the first minute a contract that ends at one no longer covers.
fn end_minute(contract: &Contract, from: Minute) -> Minute {
    from.max(contract.window.start).min(contract.window.end)
}

/// Returns what the ended contract's seller earns less from a passed child, over the minutes left.
fn price_gap(parent: &Contract, child: &Contract, from: Minute) -> Result<Money, Failure> {
    let left = child.window.from_minute(from).minutes();
    let gpu_minutes = u64::from(child.gpus).saturating_mul(u64::from(left));
    let range = |_| Failure::Invariant("gap_range");
    let due = parent.price.due(gpu_minutes).map_err(range)?;
    let gap = due.minus(child.price.due(gpu_minutes).map_err(range)?).map_err(range)?;
    Ok(gap.max(Money::ZERO))
}
