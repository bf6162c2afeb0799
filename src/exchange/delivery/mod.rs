//! What was promised becomes what was delivered, and what was delivered becomes due.
//!
//! Each contract made under terms has a [`Delivery`] from its first handshake or its start until every minute of it is
//! paid or refunded. It speaks for the GPUs its buyer has *kept*: what is resold over a minute is delivered through the
//! contracts sold out of it. When a slot closes, its GPU-minutes are counted for the contract whose GPUs they are and
//! for every contract above it, as the chain was in that minute: one delivered minute settles every leg.
//!
//! Invariant: delivered and undelivered GPU-minutes together never exceed what the contract covers; when they reach it,
//! and it has ended, its escrow is empty.

mod close;
mod credit;
mod dispute;
mod handshake;
mod legs;
mod meter;
mod notice;
pub(super) mod settle;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::book::Book;
use super::command::{Access, Requirements};
use super::entities::{Contract, Order};
use super::{Event, Exchange, Failure, Reject, life};
use crate::types::limits::MONTH_MINUTES;
use crate::types::{
    ContractId, ContractStatus, Minute, Money, OrganizationId, Price, Source, Steps, Timestamp, Window,
};
pub use legs::{Earlier, Leg};
pub use notice::{Notice, Recall};

/// What one side has reported and no slot has closed over: GPUs up by minute.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Reports(
    /// One more than reported, so that a report of none is told from no report.
    Steps,
);

impl Reports {
    /// Returns what was reported for a minute.
    pub fn at(&self, minute: Minute) -> Option<u32> {
        self.0.at(minute).checked_sub(1)
    }

    /// Returns a window cut into pieces of equal reports.
    pub fn pieces(&self, window: Window) -> impl Iterator<Item = (Window, Option<u32>)> + '_ {
        self.0.pieces(window).map(|(piece, value)| (piece, value.checked_sub(1)))
    }

    fn set(&mut self, window: Window, gpus: u32) {
        self.0.set(window, gpus.saturating_add(1));
    }

    fn forget_before(&mut self, minute: Minute) {
        self.0.set(Window::new(Minute::new(0), minute), 0);
    }
}

/// Slots whose reports differ, and that wait for a decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dispute {
    /// Which minutes.
    pub window: Window,
    /// GPUs the buyer had kept.
    pub gpus: u32,
    /// GPUs up, as the provider reports.
    pub provider: u32,
    /// GPUs up, as the renter reports; fewer.
    pub renter: u32,
    /// What the provider brought forward.
    pub evidence: Option<String>,
}

/// A contract month some of whose slots are open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Month {
    /// GPU-minutes closed as delivered.
    pub delivered: u64,
    /// GPU-minutes closed as not delivered.
    pub undelivered: u64,
}

/// What a bid wishes if the seller of a contract it made defaults, frozen at the trade.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cover {
    /// The limit of the bid that is then placed, USD micros per GPU-hour.
    pub limit: Price,
    /// What the capacity must be like.
    pub requirements: Requirements,
    /// Each fill is a multiple of it.
    pub lot: u32,
    /// All fills from one site.
    pub same_site: bool,
}

impl Cover {
    /// Returns the wish of a bid with a limit for it.
    pub(super) fn of(bid: &Order, limit: Price) -> Self {
        Self { limit, requirements: bid.requirements.clone(), lot: bid.lot, same_site: bid.same_site }
    }
}

/// What becomes of a contract made under terms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// When the provider said that the GPUs stand by.
    pub ready_at: Option<Timestamp>,
    /// What was handed over last, if it stands.
    pub access: Option<Arc<Access>>,
    /// The first slot after the access was handed over.
    pub delivered_at: Option<Minute>,
    /// The first paid minute.
    pub accepted_from: Option<Minute>,
    /// GPUs sold on or given up, by minute.
    pub resold: Steps,
    /// The sources before the present one, oldest first.
    pub earlier: Vec<Earlier>,
    /// What the provider reports.
    pub provider: Reports,
    /// What the buyer reports.
    pub renter: Reports,
    /// The end of the last slot with a GPU up, by the provider's reports.
    pub up_until: Minute,
    /// Own slots before it are closed or in dispute.
    pub closed_until: Minute,
    /// Slots in dispute past their time, in order.
    pub disputes: Vec<Dispute>,
    /// GPU-minutes closed as delivered, those sold on included.
    pub delivered: u64,
    /// GPU-minutes closed as not delivered, those sold on included.
    pub undelivered: u64,
    /// Months with open slots, by their place from the contract's start; those of earlier sellers included.
    pub months: BTreeMap<u32, Month>,
    /// What fell due and was paid out of escrow, the fee included.
    pub paid: Money,
    /// The fee in it.
    pub fee: Money,
    /// What went back to the buyer for what was not delivered.
    pub refunded: Money,
    /// Credits posted for what was promised and not delivered.
    pub credited: Money,
    /// Credits that the seller, and those before it, could not pay yet.
    pub owed: Money,
    /// What somebody who is no party of the contract got of it.
    pub claimed: Money,
    /// Notice that was given.
    pub notice: Option<Notice>,
    /// A recall that was proposed.
    pub recall: Option<Recall>,
    /// What its buyer wishes if the seller defaults.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cover: Option<Box<Cover>>,
}

/// A delivery as the store keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The delivery.
    pub delivery: Arc<Delivery>,
    /// Whether some of it is not settled.
    pub open: bool,
}

impl Delivery {
    /// Returns the delivery of a contract of which nothing is known but what was sold out of it.
    pub fn new(contract: &Contract, resold: Steps) -> Self {
        Self {
            ready_at: None,
            access: None,
            delivered_at: None,
            accepted_from: None,
            resold,
            earlier: Vec::new(),
            provider: Reports::default(),
            renter: Reports::default(),
            up_until: contract.window.start,
            closed_until: contract.window.start,
            disputes: Vec::new(),
            delivered: 0,
            undelivered: 0,
            months: BTreeMap::new(),
            paid: Money::ZERO,
            fee: Money::ZERO,
            refunded: Money::ZERO,
            credited: Money::ZERO,
            owed: Money::ZERO,
            claimed: Money::ZERO,
            notice: None,
            recall: None,
            cover: None,
        }
    }

    /// Returns the GPUs the buyer has kept at a minute of the contract.
    pub fn kept_at(&self, contract: &Contract, minute: Minute) -> u32 {
        contract.gpus.saturating_sub(self.resold.at(minute))
    }

    /// Tells whether both sides have reported differently for a slot that is not closed.
    fn is_disputed(&self, window: Window) -> bool {
        let differs = |(piece, renter): (Window, Option<u32>)| {
            let provider = |(_, provider): (Window, Option<u32>)| provider.unwrap_or(0);
            renter.is_some_and(|renter| self.provider.pieces(piece).map(provider).any(|up| up > renter))
        };
        !self.disputes.is_empty() || self.renter.pieces(window).any(differs)
    }
}

impl Contract {
    /// Returns the minutes the contract covers, up to its early end if it had one.
    pub fn covered(&self) -> Window {
        Window::new(self.window.start, self.ended_at.unwrap_or(self.window.end))
    }

    /// Returns the GPU-minutes the contract covers.
    pub fn covered_gpu_minutes(&self) -> u64 {
        self.held_gpu_minutes(self.covered())
    }

    /// Returns the minutes of a contract month that the contract covers.
    pub fn month(&self, month: u32) -> Window {
        let start = self.window.start.plus(month.saturating_mul(MONTH_MINUTES));
        let covered = self.covered();
        let until = start.plus(MONTH_MINUTES).min(covered.end);
        Window::new(start.min(until), until)
    }
}

pub(super) fn gpu_minutes(gpus: u32, window: Window) -> u64 {
    u64::from(gpus).saturating_mul(u64::from(window.minutes()))
}

impl<B: Book> Exchange<B> {
    /// Returns a contract that is live, or ended and not yet settled.
    pub fn contract(&self, id: ContractId) -> Option<&Contract> {
        self.contracts.get(&id).or_else(|| self.unsettled.get(&id))
    }

    /// Returns what becomes of a contract, once something has.
    pub fn delivery(&self, id: ContractId) -> Option<&Delivery> {
        self.deliveries.get(&id)
    }

    pub(super) fn known(&self, id: ContractId) -> Result<&Contract, Failure> {
        self.contract(id).ok_or(Failure::Invariant("contract_missing"))
    }

    pub(super) fn contract_mut(&mut self, id: ContractId) -> Result<&mut Contract, Failure> {
        match self.contracts.get(&id).is_some() {
            true => self.contracts.get_mut(&id),
            false => self.unsettled.get_mut(&id),
        }
        .ok_or(Failure::Invariant("contract_missing"))
    }

    /// Returns the delivery of a contract of which it has begun.
    fn begun(&self, id: ContractId) -> Result<&Delivery, Failure> {
        self.deliveries.get(&id).ok_or(Failure::Invariant("delivery_missing"))
    }

    pub(super) fn delivery_mut(&mut self, id: ContractId) -> Result<&mut Delivery, Failure> {
        self.deliveries.get_mut(&id).ok_or(Failure::Invariant("delivery_missing"))
    }

    /// Returns a contract under terms whose GPUs the organization's site provides.
    fn provided_by(&self, organization: OrganizationId, id: ContractId) -> Result<&Contract, Reject> {
        let contract = self.contract(id).ok_or(Reject::NotFound)?;
        let listing = self.listings.get(&contract.listing).filter(|row| row.organization == organization);
        listing.ok_or(Reject::NotFound)?;
        self.terms_for(contract).map(|_| contract)
    }

    /// Returns a contract under terms that the organization bought.
    fn bought_by(&self, organization: OrganizationId, id: ContractId) -> Result<&Contract, Reject> {
        let contract = self.contract(id).filter(|row| row.buyer == organization).ok_or(Reject::NotFound)?;
        self.terms_for(contract).map(|_| contract)
    }

    /// Begins the delivery of a live contract, unless it has begun.
    pub(super) fn begin_delivery(&mut self, id: ContractId) -> Result<(), Failure> {
        if self.deliveries.get(&id).is_some() {
            return Ok(());
        }
        let contract = self.known(id)?;
        let mut resold = contract.given_up().cloned().unwrap_or_default();
        for child in self.sold_out_of.of(id) {
            let child = self.known(child)?;
            resold.add(child.window, child.gpus).map_err(|_| Failure::Invariant("resold_range"))?;
        }
        let delivery = Delivery::new(contract, resold);
        self.deliveries.insert(id, delivery);
        self.delivery_ids.insert(id);
        self.rearm(id)
    }

    /// Notes that GPUs of a contract are sold on, or no longer are.
    pub(super) fn note_resold(&mut self, source: Source, window: Window, change: Resold) -> Result<(), Failure> {
        let Source::Contract(parent) = source else { return Ok(()) };
        let Some(delivery) = self.deliveries.get_mut(&parent) else { return Ok(()) };
        match change {
            Resold::More(gpus) => delivery.resold.add(window, gpus),
            Resold::Less(gpus) => delivery.resold.subtract(window, gpus),
        }
        .map_err(|_| Failure::Invariant("resold_range"))?;
        self.rearm(parent)
    }

    /// Gives a live contract the status its delivery implies, once its window has begun or something was handed over.
    pub(super) fn restate(&mut self, id: ContractId) -> Result<(), Failure> {
        let (Some(contract), Some(delivery)) = (self.contracts.get(&id), self.deliveries.get(&id)) else {
            return Ok(());
        };
        let now = self.now().minute();
        let started = contract.window.start <= now;
        let reported = delivery.provider.pieces(contract.window);
        let last_report = reported.filter_map(|(piece, up)| up.map(|up| (piece.end.minus(1), up))).last();
        let degraded = last_report.is_some_and(|(minute, up)| up < delivery.kept_at(contract, minute));
        let status = match delivery.accepted_from {
            Some(_) if started && delivery.is_disputed(contract.window) => ContractStatus::Disputed,
            Some(_) if started && degraded => ContractStatus::Degraded,
            Some(_) if started => ContractStatus::Active,
            _ if delivery.access.is_some() => ContractStatus::Delivered,
            _ if started => ContractStatus::Late,
            _ if delivery.ready_at.is_some() => ContractStatus::Ready,
            _ => ContractStatus::Scheduled,
        };
        self.move_contract(id, status)
    }

    /// Moves a live contract to another status, if the table allows it.
    pub(super) fn move_contract(&mut self, id: ContractId, status: ContractStatus) -> Result<(), Failure> {
        let contract = self.contracts.get(&id).ok_or(Failure::Invariant("contract_missing"))?;
        if contract.status == status {
            return Ok(());
        }
        life::ensure(contract.status, status)?;
        self.contract_mut(id)?.status = status;
        self.events.push(Event::ContractMoved { contract: id, status });
        Ok(())
    }

    /// Writes into the calendar when a contract defaults or its notice runs out, if nothing more happens.
    pub(super) fn rearm(&mut self, id: ContractId) -> Result<(), Failure> {
        let deadline = match (self.contracts.get(&id), self.deliveries.get(&id)) {
            (Some(contract), Some(delivery)) => {
                let default = deadline(contract, delivery, self.terms_of(contract.terms)?);
                let notice = delivery.notice.map(|notice| notice.ends_at);
                default.into_iter().chain(notice).min()
            }
            _ => None,
        };
        self.due.set_deadline(id, deadline);
        Ok(())
    }
}

/// A change of what is sold on.
pub(super) enum Resold {
    More(u32),
    Less(u32),
}

/// Returns the minute at which a contract defaults if nothing more happens: when GPUs its buyer has kept were neither
/// accepted nor up for too long without a break.
fn deadline(contract: &Contract, delivery: &Delivery, terms: &super::terms::ContractTerms) -> Option<Minute> {
    let (from, patience) = match delivery.accepted_from {
        Some(accepted) => (delivery.up_until.max(accepted), terms.outage_default_minutes),
        None => (contract.window.start, terms.default_after_minutes),
    };
    let mut run: Option<Minute> = None;
    for (piece, resold) in delivery.resold.pieces(contract.window.from_minute(from)) {
        if resold >= contract.gpus {
            run = None;
            continue;
        }
        let start = *run.get_or_insert(piece.start);
        let deadline = start.plus(patience);
        // A contract whose window ends first completes.
        if deadline <= piece.end && deadline < contract.window.end {
            return Some(deadline);
        }
    }
    None
}
