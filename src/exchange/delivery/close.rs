//! Slots close: what was reported becomes GPU-minutes delivered and not delivered, for every leg of the chain.

use std::collections::BTreeMap;

use super::super::book::Book;
use super::super::{Event, Exchange, Failure, Reject};
use super::{Dispute, Month, gpu_minutes};
use crate::types::limits::MONTH_MINUTES;
use crate::types::{ContractId, Minute, Slot, Source, Window};

/// One piece of a contract that closes in one way.
struct Piece {
    window: Window,
    /// GPUs the buyer had kept.
    kept: u32,
    /// GPUs up, as the provider reports, from the acceptance on.
    up: u32,
    /// Fewer, as the renter reports.
    disputed: Option<u32>,
}

impl<B: Book> Exchange<B> {
    /// Closes every own slot of a contract whose time is over. What it does depends on the time alone, not on how often
    /// it is done.
    pub(super) fn close_slots(&mut self, id: ContractId) -> Result<(), Failure> {
        let contract = self.known(id)?;
        let covered = contract.covered();
        let line = self.closing_line(contract).map_err(|_: Reject| Failure::Invariant("terms_missing"))?;
        let until = line.min(covered.end);
        let from = self.deliveries.get(&id).ok_or(Failure::Invariant("delivery_missing"))?.closed_until;
        let window = Window::new(from, until);
        if !window.is_empty() {
            let pieces = self.pieces(id, window)?;
            let delivery = self.delivery_mut(id)?;
            delivery.closed_until = until;
            delivery.provider.forget_before(until);
            delivery.renter.forget_before(until);
            for piece in pieces {
                self.close_piece(id, &piece)?;
            }
        }
        self.close_disputes(id)
    }

    fn close_piece(&mut self, id: ContractId, piece: &Piece) -> Result<(), Failure> {
        let Piece { window, kept, up, disputed } = *piece;
        let Some(renter) = disputed else { return self.count(id, window, (up, kept)) };
        let dispute = Dispute { window, gpus: kept, provider: up, renter, evidence: None };
        self.delivery_mut(id)?.disputes.push(dispute);
        self.events.push(Event::DisputeOpened { contract: id, window });
        Ok(())
    }

    /// Cuts a window of a contract into pieces that close in one way.
    fn pieces(&self, id: ContractId, window: Window) -> Result<Vec<Piece>, Failure> {
        let contract = self.known(id)?;
        let delivery = self.deliveries.get(&id).ok_or(Failure::Invariant("delivery_missing"))?;
        let mut pieces = Vec::new();
        for (by_resale, resold) in delivery.resold.pieces(window) {
            let kept = contract.gpus.saturating_sub(resold);
            for (by_provider, up) in delivery.provider.pieces(by_resale) {
                for (by_renter, renter) in delivery.renter.pieces(by_provider) {
                    let paid =
                        delivery.accepted_from.map_or(by_renter.end, |from| from.clamp(by_renter.start, by_renter.end));
                    let unpaid = Window::new(by_renter.start, paid);
                    pieces.push(Piece { window: unpaid, kept, up: 0, disputed: None });
                    let up = up.unwrap_or(0).min(kept);
                    let disputed = renter.filter(|renter| *renter < up);
                    pieces.push(Piece { window: Window::new(paid, by_renter.end), kept, up, disputed });
                }
            }
        }
        pieces.retain(|piece| !piece.window.is_empty() && piece.kept > 0);
        Ok(pieces)
    }

    /// Closes disputes that nobody decided in time: the lower report counts.
    ///
    /// Without evidence that is when the time for it is over, with evidence when the time for a decision is.
    fn close_disputes(&mut self, id: ContractId) -> Result<(), Failure> {
        let terms = self.terms_of(self.known(id)?.terms)?;
        let line = |minutes: u32| {
            let minutes = terms.close_after_minutes.saturating_add(minutes);
            Slot::of(self.now().minute().minus(minutes)).start()
        };
        let (without, with) = (line(terms.evidence_minutes), line(terms.decision_minutes));
        let delivery = self.delivery_mut(id)?;
        let (mut open, mut over) = (Vec::new(), Vec::new());
        for dispute in std::mem::take(&mut delivery.disputes) {
            let line = if dispute.evidence.is_some() { with } else { without };
            let at = line.clamp(dispute.window.start, dispute.window.end);
            let (before, after) = dispute.split(at);
            over.extend(before);
            open.extend(after);
        }
        delivery.disputes = open;
        for dispute in over {
            self.close_dispute(id, &dispute, dispute.renter)?;
        }
        Ok(())
    }

    pub(super) fn close_dispute(&mut self, id: ContractId, dispute: &Dispute, gpus: u32) -> Result<(), Failure> {
        self.events.push(Event::DisputeClosed { contract: id, window: dispute.window, gpus });
        self.count(id, dispute.window, (gpus, dispute.gpus))
    }

    /// Counts GPU-minutes for a contract and for every contract above it in those minutes.
    fn count(&mut self, id: ContractId, window: Window, (up, kept): (u32, u32)) -> Result<(), Failure> {
        let contract = self.known(id)?;
        let (start, source) = (contract.window.start, contract.source);
        let delivered = gpu_minutes(up, window);
        let undelivered = gpu_minutes(kept, window).saturating_sub(delivered);
        let delivery = self.delivery_mut(id)?;
        delivery.delivered = delivery.delivered.saturating_add(delivered);
        delivery.undelivered = delivery.undelivered.saturating_add(undelivered);
        add_months(&mut delivery.months, start, window, (up, kept));
        for (piece, source) in delivery.sources(source, window) {
            let Source::Contract(parent) = source else { continue };
            if self.deliveries.get(&parent).is_some() {
                self.count(parent, piece, (up, kept))?;
            }
        }
        Ok(())
    }
}

impl Dispute {
    /// Cuts the dispute in two at a minute; what is empty is nothing.
    pub(super) fn split(self, at: Minute) -> (Option<Self>, Option<Self>) {
        let (start, end) = (self.window.start, self.window.end);
        let before = Self { window: Window::new(start, at), ..self.clone() };
        let after = Self { window: Window::new(at, end), ..self };
        let some = |dispute: Self| Some(dispute).filter(|dispute| !dispute.window.is_empty());
        (some(before), some(after))
    }
}

/// Adds GPU-minutes to the contract months they lie in.
fn add_months(months: &mut BTreeMap<u32, Month>, start: Minute, window: Window, (up, kept): (u32, u32)) {
    let mut left = window;
    while !left.is_empty() {
        let number = left.start.get().saturating_sub(start.get()).div_euclid(MONTH_MINUTES);
        let end = start.plus(number.saturating_add(1).saturating_mul(MONTH_MINUTES)).min(left.end);
        let piece = Window::new(left.start, end);
        let delivered = gpu_minutes(up, piece);
        let month = months.entry(number).or_default();
        month.delivered = month.delivered.saturating_add(delivered);
        month.undelivered = month.undelivered.saturating_add(gpu_minutes(kept, piece).saturating_sub(delivered));
        left = left.from_minute(end);
    }
}
