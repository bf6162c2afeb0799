//! The agent beside the GPUs: probes them, notes what it finds slot by slot, and reports to the exchange.
//!
//! What a probe finds is in a file before anything else happens, and leaves it when the exchange has taken or refused
//! it. So a restart, a lost connection or an answer that never came costs no slot; and as a report replaces what was
//! reported for its slots before, none counts twice. Of several probes in a slot the lowest counts.

mod exchange;
mod notebook;
mod probe;

use std::sync::Arc;

use crate::app::Clock;
use crate::types::{Slot, Timestamp};

pub use exchange::{Assignment, Exchange, HttpExchange, Trouble};
pub use notebook::{Notebook, NotebookError, beside};
pub use probe::{CommandProbe, Probe};

/// Slots of one report.
const REPORT_SLOTS_MAX: usize = 500;
/// Agents wait up to so many milliseconds after a slot, each its own time, so that they do not report all at once.
const JITTER_MS: u64 = 60_000;

/// An agent for one contract.
pub struct Agent<E, P> {
    exchange: E,
    probe: P,
    clock: Arc<dyn Clock>,
    notebook: Notebook,
    assignment: Assignment,
    jitter_ms: i64,
}

/// What a round came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Round {
    /// Slots that the exchange took.
    pub taken: usize,
    /// Slots that it will not take, with the code it refused them with.
    pub dropped: Vec<(Slot, String)>,
    /// Why the rest waits, if it does.
    pub waits: Option<String>,
    /// Whether the contract has ended and nothing is left to report.
    pub is_over: bool,
}

/// Slots in a row in which equally many GPUs were up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// The first.
    pub first: Slot,
    /// How many.
    pub slots: u32,
    /// GPUs up in each.
    pub gpus_up: u32,
}

/// What becomes of slots that were reported.
enum Fate {
    Taken,
    /// They must be reported in smaller pieces, or not at all.
    Refused(String),
    /// They must be reported again.
    Waits(String),
}

impl<E: Exchange, P: Probe> Agent<E, P> {
    /// Asks the exchange what the agent is for.
    ///
    /// # Errors
    /// [`Trouble`] if the exchange cannot be asked or does not know the contract.
    pub fn new(exchange: E, probe: P, clock: Arc<dyn Clock>, notebook: Notebook) -> Result<Self, Trouble> {
        let assignment = exchange.assignment()?;
        let jitter_ms = i64::try_from(notebook.number() % JITTER_MS).unwrap_or(0);
        Ok(Self { exchange, probe, clock, notebook, assignment, jitter_ms })
    }

    /// Probes, notes what was found, and reports the slots that have ended.
    ///
    /// # Errors
    /// If the notebook cannot be written: then nothing may be reported either.
    pub fn round(&mut self) -> Result<Round, NotebookError> {
        let slot = Slot::of(self.clock.now().minute());
        if slot.start() < self.assignment.end {
            let gpus_up = self.probe.gpus_up().min(self.assignment.gpus);
            // The probe takes time, and may end in the next slot: it speaks for both.
            let until = Slot::of(self.clock.now().minute()).start().min(self.assignment.end);
            self.notebook.note(slot, gpus_up)?;
            if slot.start() < until {
                self.notebook.note(Slot::of(until), gpus_up)?;
            }
        }
        let mut round = Round::default();
        let ended = self.ended(self.clock.now());
        for slots in ended.chunks(REPORT_SLOTS_MAX) {
            self.report(slots, &mut round)?;
        }
        if round.taken > 0 || !round.dropped.is_empty() {
            self.refresh();
        }
        let past = self.clock.now().minute() >= self.assignment.end;
        round.is_over = past && self.notebook.is_empty();
        Ok(round)
    }

    /// Returns the slots to report: those that ended, once the agent's own time after the last one has come.
    fn ended(&self, now: Timestamp) -> Vec<(Slot, u32)> {
        let line = Slot::of(now.plus_millis(self.jitter_ms.saturating_neg()).minute());
        self.notebook.before(line)
    }

    /// Reports slots; where some of them are refused, halves them until it is known which.
    fn report(&mut self, slots: &[(Slot, u32)], round: &mut Round) -> Result<(), NotebookError> {
        if slots.is_empty() || round.waits.is_some() {
            return Ok(());
        }
        match self.fate(slots) {
            Fate::Taken => {
                round.taken = round.taken.saturating_add(slots.len());
                self.notebook.forget(slots)
            }
            Fate::Waits(why) => {
                round.waits = Some(why);
                Ok(())
            }
            Fate::Refused(code) => match slots {
                [(slot, _)] => {
                    round.dropped.push((*slot, code));
                    self.notebook.forget(slots)
                }
                more => {
                    let (left, right) = more.split_at(more.len().div_euclid(2));
                    self.report(left, round)?;
                    self.report(right, round)
                }
            },
        }
    }

    fn fate(&self, slots: &[(Slot, u32)]) -> Fate {
        match self.exchange.report(&runs(slots)) {
            Ok(()) => Fate::Taken,
            Err(Trouble::Unreachable(why)) => Fate::Waits(why),
            Err(Trouble::Refused(code)) => match code.as_str() {
                "slot_closed" | "outside_source_window" | "invalid_gpus" => Fate::Refused(code),
                _ => Fate::Waits(code),
            },
        }
    }

    /// Looks whether the contract ends earlier by now; if nobody can say, what was known holds.
    fn refresh(&mut self) {
        if let Ok(assignment) = self.exchange.assignment() {
            self.assignment = assignment;
        }
    }
}

/// Returns slots as runs.
fn runs(slots: &[(Slot, u32)]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (slot, gpus_up) in slots {
        match runs.last_mut() {
            Some(run) if run.next() == *slot && run.gpus_up == *gpus_up => run.slots = run.slots.saturating_add(1),
            _ => runs.push(Run { first: *slot, slots: 1, gpus_up: *gpus_up }),
        }
    }
    runs
}

impl Run {
    const fn next(self) -> Slot {
        Slot::new(self.first.number().saturating_add(self.slots))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_neighbours_are_one_run() {
        let slot = Slot::new;
        let slots = [(slot(1), 8), (slot(2), 8), (slot(3), 7), (slot(5), 7)];
        let run = |first, slots, gpus_up| Run { first: slot(first), slots, gpus_up };
        assert_eq!(runs(&slots), [run(1, 2, 8), run(3, 1, 7), run(5, 1, 7)]);
    }
}
