//! Heartbeats: how many GPUs were up, slot by slot, as either side reports it.
//!
//! A report replaces what the same side reported for the same slots before, until they close; so a repeat does nothing,
//! and the order of reports that speak of different slots does not matter.

use super::super::book::Book;
use super::super::command::{MeterReport, MeterRun};
use super::super::{Event, Exchange, Failure, Made, Reject};
use super::Delivery;
use crate::exchange::entities::Contract;
use crate::types::limits::{METER_REPORTS_MAX, METER_RUNS_MAX};
use crate::types::{ContractId, Minute, OrganizationId, Slot, Window};

/// So many minutes of heartbeats without an objection accept what was handed over.
const ACCEPTING_MINUTES: u32 = 15;

/// Which side a report is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reporter {
    Provider,
    Renter,
}

impl<B: Book> Exchange<B> {
    /// Takes in reports on many contracts; one that is refused is named by an event and changes nothing.
    ///
    /// The command is refused if there is no report in it, or none that can be taken: then with the first one's reason.
    pub(in crate::exchange) fn meter(
        &mut self,
        organization: OrganizationId,
        reports: &[MeterReport],
    ) -> Result<Made, Failure> {
        if reports.is_empty() || reports.len() > METER_REPORTS_MAX {
            return Err(Reject::InvalidCombination.into());
        }
        let judged: Vec<_> = reports.iter().map(|report| self.judge_report(organization, report)).collect();
        if let (true, Some(Err(reject))) = (judged.iter().all(Result::is_err), judged.first()) {
            return Err((*reject).into());
        }
        for (report, judged) in reports.iter().zip(judged) {
            match judged {
                Ok(reporter) => self.take_report(reporter, report)?,
                Err(reject) => {
                    self.events.push(Event::MeterRefused { contract: report.contract, code: reject.code().to_owned() })
                }
            }
        }
        Ok(Made::Nothing)
    }

    fn judge_report(&self, organization: OrganizationId, report: &MeterReport) -> Result<Reporter, Reject> {
        let contract = self.contract(report.contract).ok_or(Reject::NotFound)?;
        let provides = self.listings.get(&contract.listing).is_some_and(|row| row.organization == organization);
        let reporter = match (provides, contract.buyer == organization) {
            (true, _) => Reporter::Provider,
            (false, true) => Reporter::Renter,
            (false, false) => return Err(Reject::NotFound),
        };
        let terms = self.terms_for(contract)?;
        let delivery = self.deliveries.get(&contract.id).ok_or(Reject::NotDelivered)?;
        let since = delivery.delivered_at.ok_or(Reject::NotDelivered)?;
        if report.runs.is_empty() || report.runs.len() > METER_RUNS_MAX {
            return Err(Reject::InvalidCombination);
        }
        let closed = self.slot_line(terms.close_after_minutes);
        report.runs.iter().try_for_each(|run| self.judge_run(contract, run, since, closed))?;
        Ok(reporter)
    }

    fn judge_run(&self, contract: &Contract, run: &MeterRun, since: Minute, closed: Minute) -> Result<(), Reject> {
        let window = run.window();
        if window.is_empty() || window.end > self.now().minute() {
            return Err(Reject::SlotInFuture);
        }
        if run.gpus_up() > contract.gpus {
            return Err(Reject::InvalidGpus);
        }
        let from = since.min(Slot::of(contract.window.start).start());
        if window.start < from || window.end > Slot::end_of(contract.covered().end) {
            return Err(Reject::OutsideSourceWindow);
        }
        if window.start < closed { Err(Reject::SlotClosed) } else { Ok(()) }
    }

    fn take_report(&mut self, reporter: Reporter, report: &MeterReport) -> Result<(), Failure> {
        let delivery = self.delivery_mut(report.contract)?;
        let reports = match reporter {
            Reporter::Provider => &mut delivery.provider,
            Reporter::Renter => &mut delivery.renter,
        };
        report.runs.iter().for_each(|run| reports.set(run.window(), run.gpus_up()));
        if reporter == Reporter::Provider {
            let up = report.runs.iter().filter(|run| run.gpus_up() > 0).map(|run| run.window().end).max();
            delivery.up_until = up.map_or(delivery.up_until, |end| end.max(delivery.up_until));
            delivery.accepted_from = delivery.accepted_from.or_else(|| accepting_slot(delivery));
        }
        self.restate(report.contract)?;
        self.rearm(report.contract)?;
        self.events.push(Event::Metered { contract: report.contract });
        Ok(())
    }
}

/// Returns the first slot of so many up ones in a row after the access was handed over, if there are.
fn accepting_slot(delivery: &Delivery) -> Option<Minute> {
    let since = delivery.delivered_at.filter(|_| delivery.access.is_some())?;
    let mut run: Option<Window> = None;
    for (piece, up) in delivery.provider.pieces(Window::new(since, delivery.up_until)) {
        if up.is_none_or(|up| up == 0) {
            run = None;
            continue;
        }
        let run = run.get_or_insert(Window::new(piece.start, piece.start));
        run.end = piece.end;
        if run.minutes() >= ACCEPTING_MINUTES {
            return Some(run.start);
        }
    }
    None
}

impl MeterReport {
    /// Returns a report of one run.
    pub fn run(contract: ContractId, first: Slot, slots: u32, gpus_up: u32) -> Self {
        Self { contract, runs: vec![MeterRun(first.number(), slots, gpus_up)] }
    }
}
