//! Settlement: what closed since the last time becomes money, cumulatively, so that instalments add up to what one
//! settlement at the end would have paid.
//!
//! `due = floor(price * delivered_gpu_minutes / 60)` less what was paid before goes from the buyer's escrow to the seller,
//! less `floor(fee_bps * due / 10000)` and what an owner has a claim to ([`super::super::rights`]); `floor(price * undelivered_gpu_minutes / 60)` less what was refunded before goes back
//! to the buyer, and with the last slot what is left of the escrow does.
//!
//! A contract that passed to another seller is due to each for the minutes in which it sold, whenever they close: each of
//! these legs is cumulative by itself ([`super::legs`]).

use std::ops::Bound;
use std::sync::Arc;

use super::super::book::Book;
use super::super::entities::{Account, Cause, Contract};
use super::super::{Event, Exchange, Failure, Made, Reject};
use super::Leg;
use crate::types::limits::SETTLE_CONTRACTS_MAX;
use crate::types::{AccountKind, ContractId, ContractStatus, Money, OrganizationId, Source, Timestamp};

impl<B: Book> Exchange<B> {
    /// Settles the next contracts after a cursor, youngest first, so that the legs below a contract come before it.
    ///
    /// The event tells where the next command goes on. Settling twice is harmless: nothing has closed in between.
    pub(in crate::exchange) fn settle_contracts(
        &mut self,
        at: Timestamp,
        after: Option<ContractId>,
        limit: u32,
    ) -> Result<Made, Failure> {
        if limit == 0 || limit > SETTLE_CONTRACTS_MAX {
            return Err(Reject::InvalidCombination.into());
        }
        let count = usize::try_from(limit).map_err(|_| Failure::Invariant("limit_range"))?;
        let below = (Bound::Unbounded, after.map_or(Bound::Unbounded, Bound::Excluded));
        let ids: Vec<ContractId> = self.delivery_ids.range(below).rev().take(count).copied().collect();
        for id in &ids {
            self.settle_contract(at, *id)?;
        }
        let next = ids.last().copied().filter(|_| ids.len() >= count);
        self.events.push(Event::SettledThrough { next });
        Ok(Made::Nothing)
    }

    /// Settles one contract.
    pub(in crate::exchange) fn settle_contract(&mut self, at: Timestamp, id: ContractId) -> Result<(), Failure> {
        self.close_slots(id)?;
        let contract = self.known(id)?.clone();
        self.pay_delivered(at, &contract)?;
        self.refund_undelivered(at, &contract)?;
        self.post_credits(at, &contract)?;
        self.finish_delivery(at, &contract)
    }

    /// Pays each of the contract's sellers for what was delivered under it.
    fn pay_delivered(&mut self, at: Timestamp, contract: &Contract) -> Result<(), Failure> {
        let earlier = self.begun(contract.id)?.earlier.clone();
        for (place, row) in earlier.into_iter().enumerate() {
            let paid = self.pay_leg(at, contract, (row.seller, row.source), row.leg)?;
            if let Some(row) = self.delivery_mut(contract.id)?.earlier.get_mut(place) {
                row.leg = paid;
            }
        }
        let leg = self.begun(contract.id)?.present_leg().map_err(|_| Failure::Invariant("leg_range"))?;
        self.pay_leg(at, contract, (contract.seller, contract.source), leg).map(drop)
    }

    /// Pays one of them what fell due since the last time; returns how it stands then.
    fn pay_leg(
        &mut self,
        at: Timestamp,
        contract: &Contract,
        (seller, source): (OrganizationId, Source),
        leg: Leg,
    ) -> Result<Leg, Failure> {
        let range = |_| Failure::Invariant("settlement_range");
        let (due, fees) = leg.due(contract.price, contract.fee_bps).map_err(range)?;
        let claim = self.claim(contract, source)?;
        let net = due.minus(fees).map_err(range)?;
        let claimed = claim.map_or(Ok(Money::ZERO), |claim| claim.of(net)).map_err(range)?;
        let paid = Leg { paid: due, fee: fees, claimed, ..leg };
        let now = paid.minus(&leg).map_err(range)?;
        let delivery = self.delivery_mut(contract.id)?;
        delivery.paid = delivery.paid.plus(now.paid).map_err(range)?;
        delivery.fee = delivery.fee.plus(now.fee).map_err(range)?;
        delivery.claimed = delivery.claimed.plus(now.claimed).map_err(range)?;
        let net = now.paid.minus(now.fee).and_then(|net| net.minus(now.claimed)).map_err(range)?;
        // What is kept back comes right after its payment: a seller's statement finds it by that.
        self.pay_from_escrow(at, contract, seller, net, Cause::Payment(contract.id))?;
        self.pay_from_escrow(at, contract, OrganizationId::EXCHANGE, now.fee, Cause::Fee(contract.id))?;
        if let Some(claim) = claim {
            self.pay_from_escrow(at, contract, claim.organization, now.claimed, claim.cause)?;
        }
        Ok(paid)
    }

    fn refund_undelivered(&mut self, at: Timestamp, contract: &Contract) -> Result<(), Failure> {
        let range = |_| Failure::Invariant("settlement_range");
        let delivery = self.delivery_mut(contract.id)?;
        let worth = contract.price.due(delivery.undelivered).map_err(range)?;
        let refund = worth.minus(std::mem::replace(&mut delivery.refunded, worth)).map_err(range)?;
        self.pay_from_escrow(at, contract, contract.buyer, refund, Cause::Refund(contract.id))
    }

    /// Moves money out of a contract's escrow to somebody's purse.
    pub(in crate::exchange) fn pay_from_escrow(
        &mut self,
        at: Timestamp,
        contract: &Contract,
        to: OrganizationId,
        amount: Money,
        cause: Cause,
    ) -> Result<(), Failure> {
        if amount == Money::ZERO {
            return Ok(());
        }
        let row = self.contract_mut(contract.id)?;
        row.escrow = row.escrow.minus(amount).map_err(|_| Failure::Invariant("escrow_range"))?;
        if row.escrow < Money::ZERO {
            return Err(Failure::Invariant("escrow_negative"));
        }
        let debit = Account { organization: contract.buyer, kind: AccountKind::Escrow };
        let credit = Account { organization: to, kind: AccountKind::Available };
        self.transfer(at, debit, credit, amount, cause, None).map(drop)
    }

    /// Ends the delivery of a contract that has ended and of which every minute is closed.
    fn finish_delivery(&mut self, at: Timestamp, contract: &Contract) -> Result<(), Failure> {
        let delivery = self.delivery_mut(contract.id)?;
        let closed = delivery.delivered.saturating_add(delivery.undelivered);
        if contract.status.is_live() || closed < contract.covered_gpu_minutes() {
            return Ok(());
        }
        let rest = self.known(contract.id)?.escrow;
        self.pay_from_escrow(at, contract, contract.buyer, rest, Cause::Refund(contract.id))?;
        self.return_bond(at, contract.id)?;
        let mut row = self.unsettled.remove(&contract.id).ok_or(Failure::Invariant("unsettled_missing"))?;
        if row.status == ContractStatus::Completed {
            Arc::make_mut(&mut row).status = ContractStatus::Settled;
            self.events.push(Event::ContractMoved { contract: contract.id, status: ContractStatus::Settled });
        }
        self.changes.contracts.insert(contract.id, row);
        if let Some(delivery) = self.deliveries.remove(&contract.id) {
            self.delivery_ids.remove(&contract.id);
            self.changes.deliveries.insert(contract.id, super::Standing { delivery, open: false });
        }
        self.due.set_deadline(contract.id, None);
        Ok(())
    }
}

/// Returns what a contract that ends now must keep in escrow: all that can still fall due for what it covers.
pub(in crate::exchange) fn kept_in_escrow(contract: &Contract, delivery: &super::Delivery) -> Result<Money, Failure> {
    let range = |_| Failure::Invariant("escrow_range");
    let most = contract.price.due(contract.covered_gpu_minutes()).map_err(range)?;
    most.minus(delivery.paid).and_then(|rest| rest.minus(delivery.refunded)).map_err(range)
}
