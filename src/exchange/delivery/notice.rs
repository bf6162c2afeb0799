//! Ending a contract that is not in default: by notice of either side, or by two admins who recall it.
//!
//! Notice runs for as long as the terms say; then the contract is terminated, with whoever gave notice at fault for what
//! becomes of the chain below (see [`super::super::contracts`]). The fee is
//! `floor(notice_fee_bps * floor(price * gpu_minutes_after_the_end / 60) / 10000)`: a seller pays it with the notice, a
//! buyer out of what its escrow gives back when the contract ends.

use serde::{Deserialize, Serialize};

use super::super::book::Book;
use super::super::contracts::Charge;
use super::super::entities::{Cause, Contract};
use super::super::trading::account;
use super::super::{Event, Exchange, Failure, Made, Reject};
use crate::exchange::check_text;
use crate::types::{
    AccountKind, ContractId, ContractStatus, Fault, Minute, Money, OrderId, OrderReason, OrderStatus, OrganizationId,
    Timestamp, Window,
};

/// Notice that was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// By whom.
    pub by: Fault,
    /// The first minute the contract no longer covers.
    pub ends_at: Minute,
    /// What it costs whoever gave it.
    pub fee: Money,
}

/// A recall that one admin proposes and another must confirm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recall {
    /// Who proposes it, as the journal names them.
    pub proposer: String,
    /// Why.
    pub reason: String,
}

impl<B: Book> Exchange<B> {
    /// Buyer or seller gives notice.
    pub(in crate::exchange) fn give_notice(
        &mut self,
        at: Timestamp,
        organization: OrganizationId,
        id: ContractId,
        reason: &str,
    ) -> Result<Made, Failure> {
        let notice = self.judge_notice(organization, id, reason)?;
        self.begin_delivery(id)?;
        self.delivery_mut(id)?.notice = Some(notice);
        if notice.by == Fault::Seller {
            let contract = self.known(id)?;
            let kind = AccountKind::Available;
            let (debit, credit) = (account(contract.seller, kind), account(contract.buyer, kind));
            self.transfer(at, debit, credit, notice.fee, Cause::NoticeFee(id), None)?;
        }
        let asks: Vec<OrderId> = self.asks_out_of.of(id).collect();
        for ask in asks {
            self.end_order(at, ask, OrderStatus::Cancelled, Some(OrderReason::SourceEnded))?;
        }
        self.rearm(id)?;
        self.shorten_draws(id)?;
        self.events.push(Event::NoticeGiven { contract: id, ends_at: notice.ends_at });
        Ok(Made::Contract(id))
    }

    fn judge_notice(&self, organization: OrganizationId, id: ContractId, reason: &str) -> Result<Notice, Failure> {
        let contract = self.contract(id).ok_or(Reject::NotFound)?;
        let by = match (contract.buyer == organization, contract.seller == organization) {
            (true, _) => Fault::Buyer,
            (false, true) => Fault::Seller,
            (false, false) => return Err(Reject::NotFound.into()),
        };
        if !contract.status.is_live() {
            return Err(Reject::ContractNotLive.into());
        }
        let terms = self.terms_for(contract)?;
        check_text(reason)?;
        if terms.notice_minutes == 0 {
            return Err(Reject::NoticeNotAllowed.into());
        }
        if self.deliveries.get(&id).is_some_and(|delivery| delivery.notice.is_some()) {
            return Err(Reject::NoticeGiven.into());
        }
        let ends_at = self.first_open().plus(terms.notice_minutes).max(contract.window.start);
        if ends_at >= contract.window.end {
            return Err(Reject::NoticeTooLate.into());
        }
        let fee = notice_fee(contract, ends_at, terms.notice_fee_bps)?;
        if by == Fault::Seller && self.available(contract.seller) < fee {
            return Err(Reject::InsufficientFunds.into());
        }
        Ok(Notice { by, ends_at, fee })
    }

    /// Ends a contract whose notice has run out.
    pub(in crate::exchange) fn end_by_notice(
        &mut self,
        at: Timestamp,
        id: ContractId,
        notice: Notice,
    ) -> Result<(), Failure> {
        let status = ContractStatus::Terminated;
        match notice.by {
            Fault::Seller => self.end_with_children(at, id, status, notice.ends_at),
            Fault::Buyer => self.end_by_buyer(at, id, status, (notice.ends_at, Charge::Notice(notice.fee))),
        }
    }

    /// Returns the notice that has run out by now.
    pub(in crate::exchange) fn expired_notice(&self, id: ContractId) -> Option<Notice> {
        let notice = self.deliveries.get(&id)?.notice?;
        (notice.ends_at <= self.now().minute()).then_some(notice)
    }

    /// Returns what a contract covers as far as is known now: no longer than its notice runs.
    pub(in crate::exchange) fn sure_window(&self, contract: &Contract) -> Window {
        let notice = self.deliveries.get(&contract.id).and_then(|delivery| delivery.notice);
        let end = notice.map_or(contract.window.end, |notice| notice.ends_at.min(contract.window.end));
        Window::new(contract.window.start, end)
    }

    /// An admin proposes that a contract be recalled; a later proposal takes the place of an earlier one.
    pub(in crate::exchange) fn propose_recall(
        &mut self,
        actor: &str,
        id: ContractId,
        reason: &str,
    ) -> Result<Made, Failure> {
        self.live_under_terms(id)?;
        check_text(reason)?;
        self.begin_delivery(id)?;
        let recall = Recall { proposer: actor.to_owned(), reason: reason.to_owned() };
        self.delivery_mut(id)?.recall = Some(recall);
        self.events.push(Event::RecallProposed { contract: id });
        Ok(Made::Contract(id))
    }

    /// Another admin confirms it: what is not delivered of the contract, and of all below it, goes back to the buyers.
    pub(in crate::exchange) fn confirm_recall(
        &mut self,
        at: Timestamp,
        actor: &str,
        id: ContractId,
    ) -> Result<Made, Failure> {
        self.live_under_terms(id)?;
        let recall = self.deliveries.get(&id).and_then(|delivery| delivery.recall.as_ref());
        if recall.ok_or(Reject::RecallNotProposed)?.proposer == actor {
            return Err(Reject::SamePerson.into());
        }
        self.end_with_children(at, id, ContractStatus::Recalled, self.first_open())?;
        Ok(Made::Contract(id))
    }

    fn live_under_terms(&self, id: ContractId) -> Result<(), Reject> {
        let contract = self.contract(id).ok_or(Reject::NotFound)?;
        if !contract.status.is_live() {
            return Err(Reject::ContractNotLive);
        }
        self.terms_for(contract).map(drop)
    }
}

fn notice_fee(contract: &Contract, ends_at: Minute, fee_bps: u32) -> Result<Money, Failure> {
    let rest = contract.held_gpu_minutes(contract.window.from_minute(ends_at));
    let worth = contract.price.due(rest).map_err(|_| Failure::Invariant("notice_range"))?;
    worth.share(fee_bps).map_err(|_| Failure::Invariant("notice_range"))
}
