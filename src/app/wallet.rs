//! Money as callers see it: balances, transfers, and what admins bring in and pay out.

use super::catalogue::{Accepted, made_nothing};
use super::face::{Mentioned, Mentions};
use super::reads::{Listed, Slice};
use super::{App, AppError, Scope, View, facade::Caller};
use crate::exchange::entities::{Cause, Organization, Purse, Transfer};
use crate::exchange::{Command, Made, check_text};
use crate::store::read;
use crate::types::{Kind, Money, OrganizationId, PublicId, TransferId};

/// A payment an admin books.
#[derive(Debug, Clone)]
pub struct Payment {
    /// Whose account.
    pub organization: PublicId,
    /// How much.
    pub amount: Money,
    /// The payment it stands for.
    pub reference: String,
}

/// Which way a payment goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Into the exchange.
    In,
    /// Out of it.
    Out,
}

impl App {
    /// Returns an organization's purse and the journal row it reflects.
    ///
    /// # Errors
    /// `role_required` for callers without an organization, `scope_required`.
    pub fn purse(&self, caller: &Caller) -> Result<(Purse, i64), AppError> {
        let organization = caller.member(Scope::Read)?;
        Ok(self.live().read(|view| (view.purses.get(&organization).copied().unwrap_or_default(), view.as_of)))
    }

    /// Returns the transfers from and to the caller's organization, newest first, with what they mention.
    ///
    /// # Errors
    /// `role_required`, `scope_required`, or if the store fails.
    pub async fn transfers(&self, caller: &Caller, slice: Slice) -> Result<(Listed<Transfer>, Mentioned), AppError> {
        let organization = caller.member(Scope::Read)?;
        self.read(move |reader| {
            let transfers = read::transfers::of_organization(reader, organization, slice)?;
            let mut mentions = Mentions::default();
            transfers.rows.iter().for_each(|transfer| mention_cause(&mut mentions, transfer.cause));
            let mentioned = mentions.look_up(reader)?;
            Ok((transfers, mentioned))
        })
        .await
    }

    /// Returns a transfer the caller may see, with what it mentions.
    ///
    /// # Errors
    /// [`AppError::NotFound`], `scope_required`, or if the store fails.
    pub async fn transfer(&self, caller: &Caller, id: PublicId) -> Result<(Transfer, Mentioned), AppError> {
        let of = caller.reader()?;
        let number = TransferId::new(id.number);
        let transfer = self.read(move |reader| read::transfers::get(reader, number)).await?;
        let theirs = |row: &Transfer| {
            of.is_none_or(|organization| [row.debit.organization, row.credit.organization].contains(&organization))
        };
        let same = |row: &Transfer| id.kind == Kind::Transfer && row.created_at == id.created_at;
        let transfer = transfer.filter(|row| same(row) && theirs(row)).ok_or(AppError::NotFound)?;
        let mut mentions = Mentions::default();
        mention_cause(&mut mentions, transfer.cause);
        Ok((transfer, self.look_up(mentions).await?))
    }

    /// Books a payment from or to the world outside.
    ///
    /// # Errors
    /// `role_required`, [`AppError::NotFound`], and what the exchange refuses.
    pub async fn book_payment(
        &self,
        caller: &Caller,
        key: String,
        direction: Direction,
        payment: Payment,
    ) -> Result<Accepted<Transfer>, AppError> {
        caller.admin()?;
        let organization = self.live().read(|view| organization_by_id(view, payment.organization).map(|row| row.id));
        let organization = organization.ok_or(AppError::NotFound)?;
        let Payment { amount, reference, .. } = payment;
        check_text(&reference)?;
        let command = match direction {
            Direction::In => Command::Deposit { organization, amount, reference },
            Direction::Out => Command::Withdraw { organization, amount, reference },
        };
        let receipt = self.submit(caller, Some(key), command).await?;
        let Made::Transfer(id, _) = receipt.outcome.made else { return Err(made_nothing("transfer")) };
        let value =
            self.read(move |reader| read::transfers::get(reader, id)).await?.ok_or_else(|| made_nothing("transfer"))?;
        Ok(Accepted { value, replayed: receipt.outcome.replayed })
    }
}

pub(super) fn organization_by_id(view: &View, id: PublicId) -> Option<&Organization> {
    let row = view.organizations.get(&OrganizationId::new(id.number))?;
    (id.kind == Kind::Organization && row.created_at == id.created_at).then_some(row)
}

pub(super) fn mention_cause(mentions: &mut Mentions, cause: Cause) {
    mentions.orders.extend(cause.order());
    mentions.contracts.extend(cause.contract());
}
