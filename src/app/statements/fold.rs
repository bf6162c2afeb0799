//! An organization's transfers folded into the figures of one month, newest first.
//!
//! Invariant: opening plus what the transfers of the month moved is closing, on every account, to the micro-USD: the
//! closing balances are today's with every later transfer taken back, the opening ones those with the month's too.

use std::collections::BTreeMap;

use crate::exchange::entities::{Cause, Purse, Transfer};
use crate::types::{AccountKind, ContractId, Money, OrganizationId, OutOfRange, Timestamp, TransferId};

/// What lies on an organization's accounts at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Balances {
    /// Free to spend.
    pub available: Money,
    /// Behind open bids.
    pub held: Money,
    /// Behind contracts.
    pub escrow: Money,
    /// Collateral.
    pub bond: Money,
    /// The world outside; of the exchange only.
    pub external: Money,
}

/// What moved for one cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flow {
    /// Transfers.
    pub transfers: u64,
    /// What came from others.
    pub received: Money,
    /// What went to others.
    pub paid: Money,
    /// What went from one of its own accounts to another.
    pub moved: Money,
}

/// What an organization is in a contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// It buys.
    Bought,
    /// It sells.
    Sold,
    /// It is the exchange, which takes a fee.
    Cleared,
    /// It owns what is sold or resold by others.
    Owned,
}

/// What a seller was not paid of what fell due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KeptBack {
    /// The exchange's fee.
    pub fee: Money,
    /// What the owner of the GPUs has.
    pub owner_share: Money,
}

/// What moved for one contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sums {
    /// What the buyer set aside.
    pub escrowed: Money,
    /// What fell due for GPU-minutes delivered, the fee included.
    pub due: Money,
    /// The exchange's fee in it, on the seller's side.
    pub fees: Money,
    /// What came back to the buyer.
    pub refunds: Money,
    /// What the seller paid the buyer for a promise it has not kept.
    pub credits: Money,
    /// What the buyer paid the seller for resales that earn less.
    pub price_gaps: Money,
    /// What was paid for ending a contract by notice.
    pub notice_fees: Money,
    /// What was left of the deposit of a contract that ended because its buyer missed a monthly draw, paid to the seller.
    pub forfeits: Money,
    /// What the owner of the GPUs has of what fell due: its share of a sale, its royalty on a resale.
    pub owner_shares: Money,
    /// What the seller's bond paid the buyer for having bought elsewhere what it defaulted on.
    pub covers: Money,
    /// What the buyer paid for taking the contract over: to whoever left, and the royalty in it. Below zero: what came back.
    pub novations: Money,
    /// What lay in escrow behind it, and passed from whoever left to the buyer.
    pub takeovers: Money,
}

/// The figures of one month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folded {
    /// As the month ended, or as it stands.
    pub closing: Balances,
    /// As it began.
    pub opening: Balances,
    /// What moved, by cause.
    pub causes: BTreeMap<&'static str, Flow>,
    /// What moved, by contract.
    pub contracts: BTreeMap<(ContractId, Part), Sums>,
    /// Transfers of the month.
    pub transfers: u64,
}

/// The fold.
#[derive(Debug, Clone)]
pub struct Fold {
    organization: OrganizationId,
    start: Timestamp,
    end: Timestamp,
    figures: Folded,
}

/// Where a transfer lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Time {
    /// Before the month: the fold needs no more.
    Before,
    /// In it.
    Within,
    /// After it.
    After,
}

impl Balances {
    fn of(purse: &Purse) -> Self {
        let Purse { available, held, escrow, bond, external, .. } = *purse;
        Self { available, held, escrow, bond, external }
    }

    /// Returns the sum of all accounts.
    ///
    /// # Errors
    /// [`OutOfRange`] beyond `i64`.
    pub fn total(&self) -> Result<Money, OutOfRange> {
        self.available.plus(self.held)?.plus(self.escrow)?.plus(self.bond)?.plus(self.external)
    }

    /// Takes a transfer back.
    fn undo(&mut self, organization: OrganizationId, transfer: &Transfer) -> Result<(), OutOfRange> {
        let Transfer { debit, credit, amount, .. } = *transfer;
        if debit.organization == organization {
            let account = self.account(debit.kind);
            *account = account.plus(amount)?;
        }
        if credit.organization == organization {
            let account = self.account(credit.kind);
            *account = account.minus(amount)?;
        }
        Ok(())
    }

    const fn account(&mut self, kind: AccountKind) -> &mut Money {
        match kind {
            AccountKind::Available => &mut self.available,
            AccountKind::Held => &mut self.held,
            AccountKind::Escrow => &mut self.escrow,
            AccountKind::Bond => &mut self.bond,
            AccountKind::External => &mut self.external,
        }
    }
}

impl Fold {
    /// Begins with what an organization has now; the month is `[start, end)`.
    pub fn new(organization: OrganizationId, purse: &Purse, (start, end): (Timestamp, Timestamp)) -> Self {
        let now = Balances::of(purse);
        let figures =
            Folded { closing: now, opening: now, causes: BTreeMap::new(), contracts: BTreeMap::new(), transfers: 0 };
        Self { organization, start, end, figures }
    }

    /// Tells where a transfer lies.
    pub fn time(&self, transfer: &Transfer) -> Time {
        match transfer.created_at {
            at if at < self.start => Time::Before,
            at if at < self.end => Time::Within,
            _ => Time::After,
        }
    }

    /// Tells whether the organization is paid by a transfer of the month for what it sold. What was kept back from that was
    /// transferred next, from the buyer: the fee, then the owner's part.
    pub fn is_earned(&self, transfer: &Transfer) -> bool {
        let earned = transfer.credit.organization == self.organization && matches!(transfer.cause, Cause::Payment(_));
        earned && self.time(transfer) == Time::Within
    }

    /// Folds in the transfer before those so far, with what was kept back from it if it [`Fold::is_earned`].
    ///
    /// # Errors
    /// [`OutOfRange`] beyond `i64`.
    pub fn add(&mut self, transfer: &Transfer, kept: KeptBack) -> Result<(), OutOfRange> {
        match self.time(transfer) {
            Time::Before => return Ok(()),
            Time::After => self.figures.closing.undo(self.organization, transfer)?,
            Time::Within => {
                self.figures.transfers = self.figures.transfers.saturating_add(1);
                self.add_flow(transfer)?;
                self.add_sums(transfer, kept)?;
            }
        }
        self.figures.opening.undo(self.organization, transfer)
    }

    fn add_flow(&mut self, transfer: &Transfer) -> Result<(), OutOfRange> {
        let flow = self.figures.causes.entry(transfer.cause.as_str()).or_default();
        flow.transfers = flow.transfers.saturating_add(1);
        let own = |organization| organization == self.organization;
        let part = match (own(transfer.debit.organization), own(transfer.credit.organization)) {
            (true, true) => &mut flow.moved,
            (true, false) => &mut flow.paid,
            _ => &mut flow.received,
        };
        *part = part.plus(transfer.amount)?;
        Ok(())
    }

    fn add_sums(&mut self, transfer: &Transfer, kept: KeptBack) -> Result<(), OutOfRange> {
        let Some(contract) = transfer.cause.contract() else { return Ok(()) };
        // From one account of the seller to another.
        if matches!(transfer.cause, Cause::BondReturn(_)) {
            return Ok(());
        }
        let amount = transfer.amount;
        for (part, is_debit) in self.parts(transfer) {
            let sums = self.figures.contracts.entry((contract, part)).or_default();
            let more = match transfer.cause {
                Cause::Escrow(_) | Cause::Draw(_) => Sums { escrowed: amount, ..Sums::default() },
                Cause::Refund(_) => Sums { refunds: amount, ..Sums::default() },
                Cause::Credit(_) => Sums { credits: amount, ..Sums::default() },
                Cause::PriceGap(_) => Sums { price_gaps: amount, ..Sums::default() },
                Cause::NoticeFee(_) => Sums { notice_fees: amount, ..Sums::default() },
                Cause::Forfeit(_) => Sums { forfeits: amount, ..Sums::default() },
                Cause::Novation(_) if transfer.debit.kind == AccountKind::Available => {
                    Sums { novations: Money::ZERO.minus(amount)?, ..Sums::default() }
                }
                Cause::Novation(_) | Cause::NovationRoyalty(_) => Sums { novations: amount, ..Sums::default() },
                Cause::Takeover(_) => Sums { takeovers: amount, ..Sums::default() },
                Cause::BondCover(_) if transfer.debit.kind == AccountKind::Bond => {
                    Sums { covers: amount, ..Sums::default() }
                }
                Cause::BondCover(_) => Sums { covers: Money::ZERO.minus(amount)?, ..Sums::default() },
                Cause::Fee(_) => Sums { due: amount, fees: amount, ..Sums::default() },
                Cause::OwnerShare(_) | Cause::Royalty(_) => {
                    Sums { due: amount, owner_shares: amount, ..Sums::default() }
                }
                Cause::Payment(_) if is_debit => Sums { due: amount, ..Sums::default() },
                Cause::Payment(_) => {
                    let KeptBack { fee, owner_share } = kept;
                    let due = amount.plus(fee)?.plus(owner_share)?;
                    Sums { due, fees: fee, owner_shares: owner_share, ..Sums::default() }
                }
                _ => Sums::default(),
            };
            *sums = sums.plus(&more)?;
        }
        Ok(())
    }

    /// Returns what the organization is in the contract of a transfer, and whether its account is the one debited. Whoever
    /// sold a contract that passed back to it is both.
    fn parts(&self, transfer: &Transfer) -> Vec<(Part, bool)> {
        // A buyer's notice is paid out of escrow, a seller's out of what it has.
        let by_seller = transfer.debit.kind == AccountKind::Available;
        // What taking over costs is paid out of escrow too; what a recall gives back of it is not.
        // What a cover bid did not need of a bond goes back the way it came.
        let back = transfer.credit.kind == AccountKind::Bond;
        let debtor = match transfer.cause {
            Cause::Credit(_) => Part::Sold,
            Cause::BondCover(_) if !back => Part::Sold,
            Cause::NoticeFee(_) | Cause::Novation(_) if by_seller => Part::Sold,
            Cause::Takeover(_) => Part::Sold,
            _ => Part::Bought,
        };
        let creditor = match transfer.cause {
            Cause::Payment(_) | Cause::PriceGap(_) | Cause::Forfeit(_) => Some(Part::Sold),
            Cause::BondCover(_) if back => Some(Part::Sold),
            Cause::Credit(_) | Cause::BondCover(_) => Some(Part::Bought),
            Cause::NoticeFee(_) | Cause::Novation(_) if by_seller => Some(Part::Bought),
            Cause::NoticeFee(_) | Cause::Novation(_) => Some(Part::Sold),
            Cause::Takeover(_) => Some(Part::Bought),
            Cause::NovationRoyalty(_) => Some(Part::Owned),
            Cause::Fee(_) => Some(Part::Cleared),
            Cause::OwnerShare(_) | Cause::Royalty(_) => Some(Part::Owned),
            // From one account of the buyer to another.
            _ => None,
        };
        let mut parts = Vec::with_capacity(2);
        if transfer.debit.organization == self.organization {
            parts.push((debtor, true));
        }
        if transfer.credit.organization == self.organization {
            parts.extend(creditor.map(|part| (part, false)));
        }
        parts
    }

    /// Returns the figures.
    pub fn figures(self) -> Folded {
        self.figures
    }
}

impl Sums {
    /// Returns the sum.
    ///
    /// # Errors
    /// [`OutOfRange`] beyond `i64`.
    pub fn plus(&self, other: &Self) -> Result<Self, OutOfRange> {
        Ok(Self {
            escrowed: self.escrowed.plus(other.escrowed)?,
            due: self.due.plus(other.due)?,
            fees: self.fees.plus(other.fees)?,
            refunds: self.refunds.plus(other.refunds)?,
            credits: self.credits.plus(other.credits)?,
            price_gaps: self.price_gaps.plus(other.price_gaps)?,
            notice_fees: self.notice_fees.plus(other.notice_fees)?,
            forfeits: self.forfeits.plus(other.forfeits)?,
            owner_shares: self.owner_shares.plus(other.owner_shares)?,
            covers: self.covers.plus(other.covers)?,
            novations: self.novations.plus(other.novations)?,
            takeovers: self.takeovers.plus(other.takeovers)?,
        })
    }
}

/// Returns the number of the transfer after one.
pub const fn next(transfer: TransferId) -> TransferId {
    TransferId::new(transfer.number().saturating_add(1))
}
