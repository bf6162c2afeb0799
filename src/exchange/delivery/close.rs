//! Slots close: what was reported becomes GPU-minutes delivered and not delivered, for every leg of the chain.

use std::collections::BTreeMap;

use super::super::book::Book;
use super::super::terms::ContractTerms;
use super::super::{Event, Exchange, Failure};
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

impl Piece {
    /// Returns the dispute that the piece closes into, if the reports differ.
    fn dispute(&self) -> Option<Dispute> {
        let Self { window, kept, up, disputed } = *self;
        disputed.map(|renter| Dispute { window, gpus: kept, provider: up, renter, evidence: None })
    }
}

impl<B: Book> Exchange<B> {
    /// Closes every own slot of a contract whose time is over. What it does depends on the time alone, not on how often
    /// it is done.
    pub(super) fn close_slots(&mut self, id: ContractId) -> Result<(), Failure> {
        let window = self.closing_window(id)?;
        if !window.is_empty() {
            let pieces = self.pieces(id, window)?;
            let delivery = self.delivery_mut(id)?;
            delivery.closed_until = window.end;
            delivery.provider.forget_before(window.end);
            delivery.renter.forget_before(window.end);
            for piece in pieces {
                self.close_piece(id, &piece)?;
            }
        }
        self.close_disputes(id)
    }

    /// Returns the disputes of a contract that wait for a decision by now, those of slots that close with the next
    /// settlement among them.
    pub(super) fn open_disputes(&self, id: ContractId) -> Result<Vec<Dispute>, Failure> {
        let terms = self.terms_of(self.known(id)?.terms)?;
        let closing = self.pieces(id, self.closing_window(id)?)?;
        let known = self.begun(id)?.disputes.iter().cloned();
        let all = known.chain(closing.iter().filter_map(Piece::dispute));
        Ok(all.filter_map(|dispute| dispute.split(self.overdue_line(terms, &dispute)).1).collect())
    }

    /// Returns the first minute of the slot that so long ago lies in.
    pub(super) fn slot_line(&self, minutes_ago: u32) -> Minute {
        Slot::of(self.now().minute().minus(minutes_ago)).start()
    }

    /// Returns the minutes of a contract that are to be closed.
    fn closing_window(&self, id: ContractId) -> Result<Window, Failure> {
        let contract = self.known(id)?;
        let line = self.slot_line(self.terms_of(contract.terms)?.close_after_minutes);
        Ok(Window::new(self.begun(id)?.closed_until, line.min(contract.covered().end)))
    }

    /// Returns the minute before which a dispute is over: without evidence when the time for it is, with evidence when
    /// the time for a decision is.
    fn overdue_line(&self, terms: &ContractTerms, dispute: &Dispute) -> Minute {
        let minutes = if dispute.evidence.is_some() { terms.decision_minutes } else { terms.evidence_minutes };
        self.slot_line(terms.close_after_minutes.saturating_add(minutes))
    }

    fn close_piece(&mut self, id: ContractId, piece: &Piece) -> Result<(), Failure> {
        let Some(dispute) = piece.dispute() else { return self.count(id, piece.window, (piece.up, piece.kept)) };
        self.events.push(Event::DisputeOpened { contract: id, window: dispute.window });
        self.delivery_mut(id)?.disputes.push(dispute);
        Ok(())
    }

    /// Cuts a window of a contract into pieces that close in one way.
    fn pieces(&self, id: ContractId, window: Window) -> Result<Vec<Piece>, Failure> {
        let contract = self.known(id)?;
        let delivery = self.begun(id)?;
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
    fn close_disputes(&mut self, id: ContractId) -> Result<(), Failure> {
        let terms = self.terms_of(self.known(id)?.terms)?;
        let lines = self.begun(id)?.disputes.iter().map(|dispute| self.overdue_line(terms, dispute));
        let lines: Vec<Minute> = lines.collect();
        let delivery = self.delivery_mut(id)?;
        let (mut open, mut over) = (Vec::new(), Vec::new());
        for (dispute, line) in std::mem::take(&mut delivery.disputes).into_iter().zip(lines) {
            let (before, after) = dispute.split(line);
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
        for (piece, source) in delivery.count_legs((start, source), window, (up, kept)) {
            let Source::Contract(parent) = source else { continue };
            if self.deliveries.get(&parent).is_some() {
                self.count(parent, piece, (up, kept))?;
            }
        }
        Ok(())
    }
}

impl Dispute {
    /// Cuts the dispute in two at a minute, wherever that lies; what is empty is nothing.
    pub(super) fn split(&self, at: Minute) -> (Option<Self>, Option<Self>) {
        let Window { start, end } = self.window;
        let at = at.clamp(start, end);
        let part = |window: Window| (!window.is_empty()).then(|| Self { window, ..self.clone() });
        (part(Window::new(start, at)), part(Window::new(at, end)))
    }
}

/// Adds GPU-minutes to the contract months they lie in.
pub(super) fn add_months(months: &mut BTreeMap<u32, Month>, start: Minute, window: Window, (up, kept): (u32, u32)) {
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
