//! Bonds: the collateral behind asks, and behind the contracts they become.
//!
//! An ask needs `ceil(bond_bps * price * gpu_minutes / (60 * 10000))` for the GPU-minutes it has left to sell, at its own
//! price. The rate is that of its organization's tier under the terms in force when it is placed or amended, and stays
//! until it is amended again. What a fill takes off the ask's need moves with it to the contract: the shares and what is
//! left add up exactly. Minutes that pass unsold need nothing; what was set aside for them is set free where the ask is
//! touched next, by a fill, an amendment or its end, so that time alone costs no work.
//!
//! A contract keeps its share until it is settled, or until it ends if its delivery had not begun: credits and cover bids
//! are paid from it first. A contract that passes to the seller above takes its part of that seller's bond along, by
//! GPU-minutes, and the one who sold it has its own back.
//!
//! Invariant: an organization's bond account is the sum of the bonds of its open asks and of the contracts it sells.
//! Moving a share from an ask to a contract, or from a contract to another, stays on one account and is no transfer.

use serde::{Deserialize, Serialize};

use super::book::Book;
use super::delivery::gpu_minutes;
use super::entities::{Cause, Contract, Order};
use super::trading::account;
use super::{Exchange, Failure, Reject};
use crate::types::{
    AccountKind, ContractId, Minute, Money, OrderId, OrganizationId, OutOfRange, Price, Timestamp, Window,
};

/// The collateral behind an ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskBond {
    /// In basis points of what it is for.
    pub bps: u32,
    /// How much.
    pub amount: Money,
    /// What it is for: GPU-minutes not sold, from `from` on.
    pub gpu_minutes: u64,
    /// Minutes before it need nothing any more.
    pub from: Minute,
}

impl AskBond {
    /// Returns what an ask needs that has these GPU-minutes left.
    fn new(bps: u32, price: Price, gpu_minutes: u64, from: Minute) -> Result<Self, OutOfRange> {
        Ok(Self { bps, amount: price.collateral(bps, gpu_minutes)?, gpu_minutes, from })
    }

    /// Returns what is no longer needed with so many GPU-minutes fewer.
    fn freed(&self, price: Price, gpu_minutes: u64) -> Result<Money, OutOfRange> {
        let left = self.gpu_minutes.checked_sub(gpu_minutes).ok_or(OutOfRange)?;
        self.amount.minus(price.collateral(self.bps, left)?)
    }

    /// Needs so many GPU-minutes fewer; returns what is no longer needed.
    fn shrink(&mut self, price: Price, gpu_minutes: u64) -> Result<Money, OutOfRange> {
        let freed = self.freed(price, gpu_minutes)?;
        self.gpu_minutes = self.gpu_minutes.saturating_sub(gpu_minutes);
        self.amount = self.amount.minus(freed)?;
        Ok(freed)
    }
}

impl Order {
    /// Returns the collateral behind what an ask has left to sell.
    pub fn bonded(&self) -> Money {
        self.bond.map_or(Money::ZERO, |bond| bond.amount)
    }

    /// Returns the part of an ask's bond that moves with a fill.
    pub(super) fn bond_share(&self, gpus: u32, window: Window) -> Result<Money, OutOfRange> {
        self.bond.map_or(Ok(Money::ZERO), |bond| bond.freed(self.price, gpu_minutes(gpus, window)))
    }

    /// Gives a fill its part of the bond.
    pub(super) fn share_bond(&mut self, gpus: u32, window: Window) -> Result<(), OutOfRange> {
        let price = self.price;
        self.bond.as_mut().map_or(Ok(Money::ZERO), |bond| bond.shrink(price, gpu_minutes(gpus, window))).map(drop)
    }

    /// Lets go of what was set aside for minutes that passed unsold, and returns it.
    fn lapse_bond(&mut self, now: Timestamp) -> Result<Money, OutOfRange> {
        let Some(AskBond { from, .. }) = self.bond else { return Ok(Money::ZERO) };
        let until = now.first_open_minute().min(self.window.end);
        let passed = Window::new(from, until.max(from));
        let (price, unsold) = (self.price, self.unsold_gpu_minutes(passed));
        self.bond.as_mut().map_or(Ok(Money::ZERO), |bond| {
            bond.from = passed.end;
            bond.shrink(price, unsold)
        })
    }

    /// Returns the GPU-minutes of an ask that are not sold, over a window.
    fn unsold_gpu_minutes(&self, window: Window) -> u64 {
        self.unsold(window).map(|(piece, free)| gpu_minutes(free, piece)).fold(0, u64::saturating_add)
    }
}

impl<B: Book> Exchange<B> {
    /// Returns the bond that an ask needs from now on, over a window that has not begun.
    pub(super) fn bond_for(&self, ask: &Order) -> Result<Option<AskBond>, Failure> {
        // Who leaves with the sale promises nothing.
        if ask.source.is_some_and(|source| self.is_novation(source)) {
            return Ok(None);
        }
        let tier = self.organizations.get(&ask.organization).ok_or(Reject::NotFound)?.tier;
        let bps = self.terms().map_or(0, |terms| terms.bonds.of(tier));
        if bps == 0 {
            return Ok(None);
        }
        let bond = AskBond::new(bps, ask.price, ask.unsold_gpu_minutes(ask.window), ask.window.start);
        bond.map(Some).map_err(|_| Reject::OutOfRange.into())
    }

    /// Brings what lies on the account to what an amended ask needs.
    pub(super) fn change_bond(&mut self, at: Timestamp, old: &Order, order: &Order) -> Result<(), Failure> {
        let (available, bond) = (AccountKind::Available, AccountKind::Bond);
        let range = |_| Failure::Invariant("bond_range");
        let (before, after) = (old.bonded(), order.bonded());
        let more = after.minus(before).map_err(range)?.max(Money::ZERO);
        let less = before.minus(after).map_err(range)?.max(Money::ZERO);
        self.move_within(at, order.organization, (available, bond), more, Cause::Bond(order.id))?;
        self.move_within(at, order.organization, (bond, available), less, Cause::BondRelease(order.id))
    }

    /// Sets free what a resting ask holds for minutes that passed.
    pub(super) fn release_lapsed(&mut self, at: Timestamp, id: OrderId) -> Result<(), Failure> {
        let now = self.now();
        let order = self.orders.get_mut(&id).ok_or(Failure::Invariant("order_missing"))?;
        let freed = order.lapse_bond(now).map_err(|_| Failure::Invariant("bond_range"))?;
        let organization = order.organization;
        self.free_bond(at, organization, freed, Cause::BondRelease(id))
    }

    /// Sets free what an ask that ends still holds.
    pub(super) fn release_bond(&mut self, at: Timestamp, order: &Order) -> Result<(), Failure> {
        self.free_bond(at, order.organization, order.bonded(), Cause::BondRelease(order.id))
    }

    fn free_bond(
        &mut self,
        at: Timestamp,
        organization: OrganizationId,
        amount: Money,
        cause: Cause,
    ) -> Result<(), Failure> {
        self.move_within(at, organization, (AccountKind::Bond, AccountKind::Available), amount, cause)
    }

    /// Gives the bond of a contract back to its seller.
    pub(super) fn return_bond(&mut self, at: Timestamp, id: ContractId) -> Result<(), Failure> {
        let contract = self.known(id)?;
        let (seller, bond) = (contract.seller, contract.bond);
        if bond.is_zero() {
            return Ok(());
        }
        self.contract_mut(id)?.bond = Money::ZERO;
        self.free_bond(at, seller, bond, Cause::BondReturn(id))
    }

    /// Pays a contract's buyer out of its bond, as far as that goes; returns how much it was.
    pub(super) fn pay_from_bond(
        &mut self,
        at: Timestamp,
        id: ContractId,
        amount: Money,
        cause: Cause,
    ) -> Result<Money, Failure> {
        let contract = self.known(id)?;
        let paid = amount.min(contract.bond).max(Money::ZERO);
        if paid.is_zero() {
            return Ok(paid);
        }
        let (debit, credit) =
            (account(contract.seller, AccountKind::Bond), account(contract.buyer, AccountKind::Available));
        let row = self.contract_mut(id)?;
        row.bond = row.bond.minus(paid).map_err(|_| Failure::Invariant("bond_range"))?;
        self.transfer(at, debit, credit, paid, cause, None)?;
        Ok(paid)
    }

    /// Puts back what a contract's buyer had out of its bond and did not need.
    pub(super) fn refill_bond(
        &mut self,
        at: Timestamp,
        id: ContractId,
        amount: Money,
        cause: Cause,
    ) -> Result<(), Failure> {
        if amount.is_zero() {
            return Ok(());
        }
        let row = self.contract_mut(id)?;
        row.bond = row.bond.plus(amount).map_err(|_| Failure::Invariant("bond_range"))?;
        let (debit, credit) = (account(row.buyer, AccountKind::Available), account(row.seller, AccountKind::Bond));
        self.transfer(at, debit, credit, amount, cause, None).map(drop)
    }

    /// Hands a child that passes from a minute on its part of the bond of the contract above it, as that stood before any
    /// passed: `floor(bond * gpu_minutes_left_of_child / gpu_minutes_of_parent)`. Its own goes back to who sold it.
    pub(super) fn pass_bond(
        &mut self,
        at: Timestamp,
        parent: &Contract,
        child: ContractId,
        from: Minute,
    ) -> Result<(), Failure> {
        self.return_bond(at, child)?;
        if parent.bond.is_zero() {
            return Ok(());
        }
        let range = |_| Failure::Invariant("bond_range");
        let row = self.known(child)?;
        let left = gpu_minutes(row.gpus, row.window.from_minute(from));
        let whole = parent.held_gpu_minutes(parent.window);
        let share = parent.bond.portion(left.into(), whole.into()).map_err(range)?;
        let above = self.contract_mut(parent.id)?;
        above.bond = above.bond.minus(share).map_err(range)?;
        self.contract_mut(child)?.bond = share;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 0.001 USD an hour at 5 %: less than a micro-USD a GPU-minute.
    #[test]
    fn shares_and_what_is_left_add_up_to_what_was_set_aside() {
        let price = Price::from_micros(1_000);
        let mut bond = AskBond::new(500, price, 100, Minute::new(0)).unwrap();
        assert_eq!(bond.amount, Money::from_micros(84));
        let shares: Vec<i64> = [1, 6, 40, 53].map(|minutes| bond.shrink(price, minutes).unwrap().micros()).to_vec();
        assert_eq!(shares, [1, 5, 33, 45]);
        assert_eq!(bond.amount, Money::ZERO);
        assert_eq!(bond.shrink(price, 1), Err(OutOfRange));
    }
}
