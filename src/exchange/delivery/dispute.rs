//! Disputes: slots for which the renter reports fewer GPUs up than the provider.

use super::super::book::Book;
use super::super::{Exchange, Failure, Made, Reject};
use super::Dispute;
use crate::exchange::check_text;
use crate::types::{ContractId, OrganizationId, Window};

impl<B: Book> Exchange<B> {
    /// The provider brings something forward for slots in dispute.
    pub(in crate::exchange) fn add_evidence(
        &mut self,
        organization: OrganizationId,
        id: ContractId,
        window: Window,
        evidence: &str,
    ) -> Result<Made, Failure> {
        let contract = self.provided_by(organization, id)?;
        let evidence_minutes = self.terms_of(contract.terms)?.evidence_minutes;
        let line = self.closing_line(contract)?.minus(evidence_minutes);
        self.require_dispute(id, window)?;
        check_text(evidence)?;
        // Slots past the time for evidence may not be closed yet; they will be as if nothing had been said.
        if window.start < line {
            return Err(Reject::SlotClosed.into());
        }
        self.close_slots(id)?;
        let take = |dispute: &mut Dispute| dispute.evidence = Some(evidence.to_owned());
        self.change_disputes(id, window, |dispute, disputes| {
            take(&mut *dispute);
            disputes.push(dispute.clone());
        })?;
        Ok(Made::Contract(id))
    }

    /// An admin decides how many GPUs were up in slots in dispute; they close at once.
    pub(in crate::exchange) fn decide_dispute(
        &mut self,
        id: ContractId,
        window: Window,
        gpus_up: u32,
        reason: &str,
    ) -> Result<Made, Failure> {
        let contract = self.contract(id).ok_or(Reject::NotFound)?;
        if contract.terms == 0 {
            return Err(Reject::NoDeliveryTerms.into());
        }
        let disputes = self.require_dispute(id, window)?;
        check_text(reason)?;
        if disputes.iter().any(|dispute| !(dispute.renter..=dispute.provider).contains(&gpus_up)) {
            return Err(Reject::InvalidGpus.into());
        }
        self.close_slots(id)?;
        let mut decided = Vec::new();
        self.change_disputes(id, window, |dispute, _| decided.push(dispute.clone()))?;
        for dispute in decided {
            self.close_dispute(id, &dispute, gpus_up)?;
        }
        self.restate(id)?;
        Ok(Made::Contract(id))
    }

    /// Refuses a window that is not, minute by minute, in dispute and past its closing; returns the disputes it touches.
    fn require_dispute(&self, id: ContractId, window: Window) -> Result<Vec<Dispute>, Reject> {
        let delivery = self.deliveries.get(&id).ok_or(Reject::NotDisputed)?;
        let touched = delivery.disputes.iter().filter(|dispute| dispute.window.overlaps(window)).cloned();
        let touched: Vec<Dispute> = touched.collect();
        let mut covered = window.start;
        for dispute in &touched {
            if dispute.window.start > covered {
                return Err(Reject::NotDisputed);
            }
            covered = covered.max(dispute.window.end);
        }
        if window.is_empty() || covered < window.end { Err(Reject::NotDisputed) } else { Ok(touched) }
    }

    /// Hands the parts of disputes inside a window to `change`, which keeps what it pushes.
    fn change_disputes(
        &mut self,
        id: ContractId,
        window: Window,
        mut change: impl FnMut(&mut Dispute, &mut Vec<Dispute>),
    ) -> Result<(), Failure> {
        let delivery = self.delivery_mut(id)?;
        let mut kept = Vec::new();
        for dispute in std::mem::take(&mut delivery.disputes) {
            let (before, rest) = dispute.split_within(window.start);
            let (inside, after) = rest.map_or((None, None), |rest| rest.split_within(window.end));
            kept.extend(before);
            if let Some(mut inside) = inside {
                change(&mut inside, &mut kept);
            }
            kept.extend(after);
        }
        self.delivery_mut(id)?.disputes = kept;
        Ok(())
    }
}

impl Dispute {
    /// As [`Dispute::split`], wherever the minute lies.
    fn split_within(self, at: crate::types::Minute) -> (Option<Self>, Option<Self>) {
        let at = at.clamp(self.window.start, self.window.end);
        self.split(at)
    }
}
