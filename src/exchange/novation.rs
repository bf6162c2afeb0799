//! Novation: a resale after which the seller has left.
//!
//! The listing says what a resale makes of its seller ([`super::rights`]). With novation, whoever buys GPUs out of a
//! contract takes that contract over for them, over the window sold: it stands against the contract's own seller, at the
//! contract's price, fee and terms, with the part of its escrow and of its bond that is theirs. For the seller nothing
//! changes but its buyer. The resale price is what the position costs: the buyer pays all of it at the trade to the one who
//! leaves, less a royalty on the gain. So that one's gain or loss is settled at once, and whatever becomes of the GPUs is
//! no longer its business: no default, credit, notice or end of what is left of its own contract touches what was taken
//! over.
//!
//! A contract that was taken over in part covers the rest; where nothing is left it runs out by the calendar, and nothing
//! is delivered or due. The exchange takes no fee of a position, only of what is delivered. A royalty is
//! `floor(royalty * gpu_minutes / 60)`, where `royalty` is so many basis points of what the price is above what the leaving
//! seller paid. The escrow that moves is `floor(price * gpu_minutes / 60)`: what can fall due, so that both parts hold
//! enough. The seller of a position needs no bond: it promises nothing.
//!
//! All of the money moves at the trade, so neither side can be paid for by the month: a contract under monthly funding is
//! not resold ([`Reject::NovationNotAllowed`]), and a bid under monthly funding is not filled out of a contract that would
//! be taken over.
//!
//! A recall ends what was taken over like any contract; then the one who left gives back what the position cost above the
//! contract's price for the minutes not delivered, as far as it has that, or is given what it cost below: it stands as if
//! its own contract had been recalled.
//!
//! Invariant: what a contract holds and what was taken over from it are together what it was made for.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::book::Book;
use super::delivery::gpu_minutes;
use super::entities::{Cause, Contract};
use super::trading::account;
use super::{Event, Exchange, Failure, Reject};
use crate::types::{
    AccountKind, ContractId, Minute, Money, OrganizationId, OutOfRange, Price, ResaleForm, Source, Steps, Timestamp,
    Window,
};

/// Whom a contract was taken over from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakenOver {
    /// The contract it was a part of.
    pub contract: ContractId,
    /// Who held it and left.
    pub seller: OrganizationId,
    /// What the buyer paid for the position, USD micros per GPU-hour.
    pub price: Price,
}

/// What novation made of a contract.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Novation {
    /// Whom it was taken over from, if it was.
    pub taken_over: Option<TakenOver>,
    /// GPUs that others took over from its buyer, by minute.
    pub given_up: Steps,
}

impl Contract {
    /// Returns whom it was taken over from, if it was.
    pub fn taken_over(&self) -> Option<TakenOver> {
        self.novation.as_ref().and_then(|novation| novation.taken_over)
    }

    /// Returns what its buyer paid for it, to whoever sold it, per GPU-hour.
    pub fn bought_at(&self) -> Price {
        self.taken_over().map_or(self.price, |taken| taken.price)
    }

    /// Returns the GPUs that others took over from its buyer, by minute; nothing if none did.
    pub fn given_up(&self) -> Option<&Steps> {
        self.novation.as_ref().map(|novation| &novation.given_up).filter(|steps| !steps.is_zero())
    }

    /// Returns the GPU-minutes it covers of a window inside its own.
    pub fn held_gpu_minutes(&self, window: Window) -> u64 {
        let given_up = self.given_up().into_iter().flat_map(|steps| steps.pieces(window));
        let given_up = given_up.map(|(piece, gpus)| gpu_minutes(gpus, piece)).fold(0, u64::saturating_add);
        gpu_minutes(self.gpus, window).saturating_sub(given_up)
    }

    /// Returns the GPUs it covers in every minute of a window inside its own.
    pub fn held_over(&self, window: Window) -> u32 {
        self.gpus.saturating_sub(self.given_up().map_or(0, |steps| steps.max_over(window)))
    }

    /// Returns the GPUs it covers, by minute.
    ///
    /// # Errors
    /// [`OutOfRange`] if more was given up than there was.
    pub fn held(&self) -> Result<Steps, OutOfRange> {
        match self.given_up() {
            None => Ok(Steps::block(self.window, self.gpus)),
            Some(steps) => steps.complement(self.window, self.gpus),
        }
    }
}

/// What moves when a part of a contract is taken over.
struct Takeover {
    /// The contract it is taken from, as it stood.
    from: Arc<Contract>,
    /// Out of the escrow behind that.
    escrow: Money,
    /// Of the bond behind it.
    bond: Money,
    /// To whoever has the right to a royalty.
    royalty: Money,
    /// Who that is.
    titled: OrganizationId,
}

impl<B: Book> Exchange<B> {
    /// Tells whether a resale out of a source is a novation.
    pub(super) fn is_novation(&self, source: Source) -> bool {
        let Source::Contract(id) = source else { return false };
        let listing = self.contract(id).and_then(|contract| self.listings.get(&contract.listing));
        listing.is_some_and(|listing| listing.rights.resale == ResaleForm::Novation)
    }

    /// Refuses a resale of a position that is not paid for yet.
    pub(super) fn check_novation(&self, source: Source) -> Result<(), Reject> {
        let Source::Contract(id) = source else { return Ok(()) };
        let is_monthly = self.contract(id).is_some_and(|contract| contract.monthly.is_some());
        if is_monthly && self.is_novation(source) { Err(Reject::NovationNotAllowed) } else { Ok(()) }
    }

    /// Lets a contract just made out of another take that over for its GPUs, if the listing has it so.
    pub(super) fn novate(&mut self, at: Timestamp, id: ContractId) -> Result<(), Failure> {
        let contract = self.known(id)?;
        let (source, cost) = (contract.source, contract.escrow);
        let (Source::Contract(from), Some(taken)) = (source, contract.taken_over()) else { return Ok(()) };
        let (window, gpus, buyer) = (contract.window, contract.gpus, contract.buyer);
        let takeover = self.takeover(contract, from, taken)?;
        self.give_up(from, (window, gpus), &takeover)?;
        let row = self.contract_mut(id)?;
        (row.escrow, row.bond) = (takeover.escrow, takeover.bond);
        self.pay_takeover(at, (id, buyer), cost, &takeover)?;
        self.hand_on(at, &takeover.from, id)?;
        self.events.push(Event::ContractTakenOver { contract: id, from });
        Ok(())
    }

    fn takeover(&self, contract: &Contract, from: ContractId, taken: TakenOver) -> Result<Takeover, Failure> {
        let range = |_| Failure::Invariant("novation_range");
        let from = self.contracts.share(&from).ok_or(Failure::Invariant("source_missing"))?;
        let listing = self.listings.get(&contract.listing).ok_or(Failure::Invariant("listing_missing"))?;
        let amount = gpu_minutes(contract.gpus, contract.window);
        let whole = from.held_gpu_minutes(from.window);
        Ok(Takeover {
            escrow: from.price.due(amount).map_err(range)?,
            bond: from.bond.portion(amount.into(), whole.into()).map_err(range)?,
            royalty: listing.rights.royalty(taken.price, from.bought_at()).due(amount).map_err(range)?,
            titled: listing.titled(),
            from,
        })
    }

    /// Takes out of a contract what is taken over from it.
    fn give_up(&mut self, id: ContractId, (window, gpus): (Window, u32), takeover: &Takeover) -> Result<(), Failure> {
        let range = |_| Failure::Invariant("novation_range");
        let row = self.contract_mut(id)?;
        row.escrow = row.escrow.minus(takeover.escrow).map_err(range)?;
        row.bond = row.bond.minus(takeover.bond).map_err(range)?;
        row.novation.get_or_insert_default().given_up.add(window, gpus).map_err(range)?;
        if row.escrow < Money::ZERO { Err(Failure::Invariant("escrow_negative")) } else { Ok(()) }
    }

    /// Moves what lies behind the position to its buyer, and what it cost to whoever leaves.
    fn pay_takeover(
        &mut self,
        at: Timestamp,
        (id, buyer): (ContractId, OrganizationId),
        cost: Money,
        takeover: &Takeover,
    ) -> Result<(), Failure> {
        let left = takeover.from.buyer;
        let (escrow, free) = (AccountKind::Escrow, AccountKind::Available);
        self.move_within(at, left, (escrow, free), takeover.escrow, Cause::Refund(takeover.from.id))?;
        let (purse, behind) = (account(left, free), account(buyer, escrow));
        self.transfer(at, purse, behind, takeover.escrow, Cause::Takeover(id), None)?;
        let paid = cost.minus(takeover.royalty).map_err(|_| Failure::Invariant("novation_range"))?;
        self.transfer(at, behind, purse, paid, Cause::Novation(id), None)?;
        let titled = account(takeover.titled, free);
        self.transfer(at, behind, titled, takeover.royalty, Cause::NovationRoyalty(id), None).map(drop)
    }

    /// Returns what whoever left a contract owes its buyer when it is recalled from a minute on; below zero, what it is owed:
    /// what the position cost above or below its own price.
    pub(super) fn premium(&self, contract: &Contract, from: Minute) -> Result<Money, Failure> {
        let Some(taken) = contract.taken_over() else { return Ok(Money::ZERO) };
        let left = contract.held_gpu_minutes(contract.window.from_minute(from));
        let premium = taken.price.due(left).and_then(|paid| paid.minus(contract.price.due(left)?));
        premium.map_err(|_| Failure::Invariant("novation_range"))
    }

    /// Settles the premium of a contract that was recalled: what was kept of its buyer's escrow, or what whoever left has.
    pub(super) fn return_premium(
        &mut self,
        at: Timestamp,
        contract: &Contract,
        (premium, kept): (Money, Money),
    ) -> Result<(), Failure> {
        let Some(taken) = contract.taken_over() else { return Ok(()) };
        let purse = |organization| account(organization, AccountKind::Available);
        let behind = account(contract.buyer, AccountKind::Escrow);
        let cause = Cause::Novation(contract.id);
        self.transfer(at, behind, purse(taken.seller), kept, cause, None)?;
        let back = premium.max(Money::ZERO).min(self.available(taken.seller));
        self.transfer(at, purse(taken.seller), purse(contract.buyer), back, cause, None).map(drop)
    }
}
