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
        let terms = self.terms_for(contract)?;
        let line = self.slot_line(terms.close_after_minutes.saturating_add(terms.evidence_minutes));
        self.require_dispute(id, window)?;
        check_text(evidence)?;
        if window.start < line {
            return Err(Reject::SlotClosed.into());
        }
        self.close_slots(id)?;
        let mut inside = self.take_disputes(id, window)?;
        inside.iter_mut().for_each(|dispute| dispute.evidence = Some(evidence.to_owned()));
        let disputes = &mut self.delivery_mut(id)?.disputes;
        disputes.extend(inside);
        disputes.sort_unstable_by_key(|dispute| dispute.window.start);
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
        self.terms_for(self.contract(id).ok_or(Reject::NotFound)?)?;
        let disputes = self.require_dispute(id, window)?;
        check_text(reason)?;
        if disputes.iter().any(|dispute| !(dispute.renter..=dispute.provider).contains(&gpus_up)) {
            return Err(Reject::InvalidGpus.into());
        }
        self.close_slots(id)?;
        for dispute in self.take_disputes(id, window)? {
            self.close_dispute(id, &dispute, gpus_up)?;
        }
        self.restate(id)?;
        Ok(Made::Contract(id))
    }

    /// Refuses a window that is not, minute by minute, in dispute by now; returns the disputes it touches.
    fn require_dispute(&self, id: ContractId, window: Window) -> Result<Vec<Dispute>, Failure> {
        self.deliveries.get(&id).ok_or(Reject::NotDisputed)?;
        let mut touched = self.open_disputes(id)?;
        touched.retain(|dispute| dispute.window.overlaps(window));
        let mut covered = window.start;
        for dispute in &touched {
            if dispute.window.start > covered {
                return Err(Reject::NotDisputed.into());
            }
            covered = covered.max(dispute.window.end);
        }
        if window.is_empty() || covered < window.end { Err(Reject::NotDisputed.into()) } else { Ok(touched) }
    }

    /// Takes the parts of disputes inside a window out of those that wait.
    fn take_disputes(&mut self, id: ContractId, window: Window) -> Result<Vec<Dispute>, Failure> {
        let delivery = self.delivery_mut(id)?;
        let (mut taken, mut kept) = (Vec::new(), Vec::new());
        for dispute in std::mem::take(&mut delivery.disputes) {
            let (before, rest) = dispute.split(window.start);
            let (inside, after) = rest.map_or((None, None), |rest| rest.split(window.end));
            kept.extend(before.into_iter().chain(after));
            taken.extend(inside);
        }
        delivery.disputes = kept;
        Ok(taken)
    }
}
