//! Money: every movement is one transfer, double entry in one row.
//!
//! Invariant: the sum over all accounts is zero; no customer's account is negative. Sufficient funds are
//! checked before a command changes anything, so a shortfall here is a broken invariant.

use super::book::Book;
use super::catalogue::next;
use super::entities::{Account, Cause, Purse, Transfer};
use super::{Event, Exchange, Failure, Reject};
use crate::types::{AccountKind, ContractId, Money, OrderId, OrganizationId, Timestamp, TransferId};

impl<B: Book> Exchange<B> {
    /// Moves money; nothing happens for an amount of zero.
    pub(super) fn transfer(
        &mut self,
        at: Timestamp,
        debit: Account,
        credit: Account,
        amount: Money,
        cause: Cause,
        reference: Option<String>,
    ) -> Result<Option<TransferId>, Failure> {
        if amount == Money::ZERO {
            return Ok(None);
        }
        if amount < Money::ZERO {
            return Err(Failure::Invariant("negative_transfer"));
        }
        let id = TransferId::new(next(&mut self.counters.transfer));
        let less = Money::ZERO.minus(amount).map_err(|_| Failure::Invariant("amount_range"))?;
        let debited = self.purse_mut(debit.organization)?;
        post(debited, debit.kind, less)?;
        let previous_of_debit = debited.last_transfer.replace(id);
        // A movement within an organization stands in its history once.
        let previous_of_credit = if credit.organization == debit.organization {
            post(debited, credit.kind, amount)?;
            previous_of_debit
        } else {
            let credited = self.purse_mut(credit.organization)?;
            post(credited, credit.kind, amount)?;
            credited.last_transfer.replace(id)
        };
        let transfer = Transfer {
            id,
            created_at: at,
            debit,
            credit,
            amount,
            cause,
            reference,
            previous_of_debit,
            previous_of_credit,
        };
        self.changes.transfers.push(transfer.clone());
        self.events.push(Event::Transferred { transfer });
        Ok(Some(id))
    }

    /// Moves money between two accounts of one organization.
    pub(super) fn move_within(
        &mut self,
        at: Timestamp,
        organization: OrganizationId,
        (from, to): (AccountKind, AccountKind),
        amount: Money,
        cause: Cause,
    ) -> Result<(), Failure> {
        let account = |kind| Account { organization, kind };
        self.transfer(at, account(from), account(to), amount, cause, None).map(drop)
    }

    /// Returns what an organization is free to spend.
    pub(super) fn available(&self, organization: OrganizationId) -> Money {
        self.purses.get(&organization).map_or(Money::ZERO, |purse| purse.available)
    }

    /// Refuses unless the organization is free to spend so much.
    pub(super) fn require_available(&self, organization: OrganizationId, amount: Money) -> Result<(), Reject> {
        if self.available(organization) < amount { Err(Reject::InsufficientFunds) } else { Ok(()) }
    }

    /// Returns an organization's purse to be changed.
    pub(super) fn purse_mut(&mut self, organization: OrganizationId) -> Result<&mut Purse, Failure> {
        if self.purses.get(&organization).is_none() {
            self.purses.insert(organization, Purse::default());
        }
        self.purses.get_mut(&organization).ok_or(Failure::Invariant("purse_missing"))
    }

    /// Money comes in from outside, or goes out.
    pub(super) fn move_outside(
        &mut self,
        at: Timestamp,
        organization: OrganizationId,
        amount: Money,
        reference: &str,
        cause: Cause,
    ) -> Result<TransferId, Failure> {
        self.organizations.get(&organization).ok_or(Reject::NotFound)?;
        super::catalogue::check_text(reference)?;
        if amount <= Money::ZERO {
            return Err(Reject::InvalidAmount.into());
        }
        let outside = Account { organization: OrganizationId::EXCHANGE, kind: AccountKind::External };
        let purse = Account { organization, kind: AccountKind::Available };
        let (debit, credit) = match cause {
            Cause::Withdrawal => {
                self.require_available(organization, amount)?;
                (purse, outside)
            }
            _ => {
                // All customers' money together is what came in from outside, so no other sum can leave the range.
                let external = self.purses.get(&OrganizationId::EXCHANGE).map_or(Money::ZERO, |purse| purse.external);
                external.minus(amount).map_err(|_| Reject::OutOfRange)?;
                (outside, purse)
            }
        };
        let moved = self.transfer(at, debit, credit, amount, cause, Some(reference.to_owned()))?;
        moved.ok_or(Failure::Invariant("nothing_moved"))
    }
}

/// Changes a balance.
fn post(purse: &mut Purse, kind: AccountKind, amount: Money) -> Result<(), Failure> {
    let balance = match kind {
        AccountKind::Available => &mut purse.available,
        AccountKind::Held => &mut purse.held,
        AccountKind::Escrow => &mut purse.escrow,
        AccountKind::Bond => &mut purse.bond,
        AccountKind::External => &mut purse.external,
    };
    *balance = balance.plus(amount).map_err(|_| Failure::Invariant("balance_range"))?;
    let may_be_negative = kind == AccountKind::External;
    if *balance < Money::ZERO && !may_be_negative {
        return Err(Failure::Invariant("negative_balance"));
    }
    Ok(())
}

impl Cause {
    /// Returns the one word for it, in tables and outside.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deposit => "deposit",
            Self::Withdrawal => "withdrawal",
            Self::Hold(_) => "hold",
            Self::Release(_) => "release",
            Self::Escrow(_) => "escrow",
            Self::Draw(_) => "draw",
            Self::Forfeit(_) => "forfeit",
            Self::Refund(_) => "refund",
            Self::Payment(_) => "payment",
            Self::Fee(_) => "fee",
            Self::Credit(_) => "credit",
            Self::PriceGap(_) => "price_gap",
            Self::NoticeFee(_) => "notice_fee",
            Self::OwnerShare(_) => "owner_share",
            Self::Royalty(_) => "royalty",
            Self::Novation(_) => "novation",
            Self::NovationRoyalty(_) => "novation_royalty",
            Self::Takeover(_) => "takeover",
            Self::Bond(_) => "bond",
            Self::BondRelease(_) => "bond_release",
            Self::BondReturn(_) => "bond_return",
            Self::BondCover(_) => "bond_cover",
        }
    }

    /// Returns the order it is for.
    pub const fn order(self) -> Option<OrderId> {
        match self {
            Self::Hold(order) | Self::Release(order) | Self::Bond(order) | Self::BondRelease(order) => Some(order),
            _ => None,
        }
    }

    /// Returns the contract it is for.
    pub const fn contract(self) -> Option<ContractId> {
        match self {
            Self::Deposit | Self::Withdrawal => None,
            Self::Hold(_) | Self::Release(_) | Self::Bond(_) | Self::BondRelease(_) => None,
            Self::Escrow(contract)
            | Self::Draw(contract)
            | Self::Forfeit(contract)
            | Self::Refund(contract)
            | Self::Payment(contract)
            | Self::Fee(contract)
            | Self::Credit(contract)
            | Self::PriceGap(contract)
            | Self::NoticeFee(contract)
            | Self::OwnerShare(contract)
            | Self::Royalty(contract)
            | Self::Novation(contract)
            | Self::NovationRoyalty(contract)
            | Self::Takeover(contract)
            | Self::BondReturn(contract)
            | Self::BondCover(contract) => Some(contract),
        }
    }
}
