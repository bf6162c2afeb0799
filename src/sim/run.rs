//! One run: steps of traders, network, writer, faults and auditor.

use std::sync::Arc;

use sha2::{Digest, Sha256};
use tokio::sync::oneshot;

use super::audit::{Auditor, Facts, Reply, Rule, Violation, ensure};
use super::clients::{Clients, Delivery, request_id};
use super::disk::{Fate, Handle};
use super::report::Report;
use super::rng::Rng;
use super::sabotage::Sabotage;
use super::{Plan, facts, hosts, setup, traders};
use crate::app::sequencer::{Job, Turn};
use crate::app::{AppError, Clock, ManualClock, Receipt, Submission};
use crate::store::Store;

/// The auditor looks at the whole state every so many steps, and last.
const SCAN_EVERY: u32 = 40;
/// The first crash comes by this step.
const FIRST_CRASH_STEPS: u32 = 50;
/// In a thousand replies, how many are lost.
const LOST_REPLIES: u32 = 25;
/// In a thousand batches, how many are executed in part while the rest is in flight.
const IN_FLIGHT: u32 = 400;
/// After so long nothing is left to deliver.
const ALL_OVER_MS: i64 = 16 * 60 * 60 * 1_000;
/// Steps after which a run that does not come to its end is broken.
const STEPS_MAX: u32 = 100_000;

/// Where a caller's answer comes.
type Answer = oneshot::Receiver<Result<Receipt, AppError>>;

/// A run.
pub(super) struct Run {
    rng: Rng,
    plan: Plan,
    clock: Arc<ManualClock>,
    disk: Handle,
    turn: Turn<Handle>,
    clients: Clients,
    auditor: Auditor,
    hasher: Sha256,
    report: Report,
    crash_at: u32,
    pub(super) step: u32,
}

impl Run {
    pub(super) fn new(seed: u64, plan: Plan, store: Option<Store>) -> Result<Self, Violation> {
        let mut rng = Rng::new(seed);
        let clock = Arc::new(ManualClock::at(setup::BEGINNING));
        let disk = Handle::new(store, plan.sabotage);
        let turn = begin(&disk, &clock)?;
        let crash_at = rng.between(3, FIRST_CRASH_STEPS);
        Ok(Self {
            rng,
            plan,
            clock,
            disk,
            turn,
            clients: Clients::default(),
            auditor: Auditor::default(),
            hasher: Sha256::new(),
            report: Report::default(),
            crash_at,
            step: 0,
        })
    }

    /// Runs to the end.
    pub(super) fn run(&mut self) -> Result<Report, Violation> {
        self.set_up()?;
        while self.report.commands < u64::from(self.plan.commands) {
            self.live(true)?;
        }
        self.calm_down()?;
        if !self.disk.disk().fold.terms.is_empty() {
            self.settle_all()?;
        }
        self.crash()?;
        self.auditor.scan()?;
        let mut report = std::mem::take(&mut self.report);
        report.duplicates = self.clients.duplicates;
        report.market = self.auditor.tally().clone();
        let disk = self.disk.disk();
        self.hasher.update(disk.fold.hash);
        self.hasher.update(disk.fold.digest.unwrap_or_default().to_be_bytes());
        report.close(std::mem::take(&mut self.hasher).finalize().into());
        Ok(report)
    }

    /// Nobody asks for anything new, until everything is answered.
    fn calm_down(&mut self) -> Result<(), Violation> {
        while !self.clients.is_quiet() || self.turn.is_broken() {
            self.live(false)?;
        }
        Ok(())
    }

    /// All that was sold comes to its end and is settled.
    fn settle_all(&mut self) -> Result<(), Violation> {
        self.clock.advance_ms(ALL_OVER_MS);
        let admin = "user:0".to_owned();
        self.clients.send(&mut self.rng, self.step, (admin, hosts::settlement()));
        self.calm_down()
    }

    /// The admin makes the market, undisturbed.
    fn set_up(&mut self) -> Result<(), Violation> {
        let mut jobs = Vec::new();
        let mut answers = Vec::new();
        for (number, command) in setup::commands(&mut self.rng).into_iter().enumerate() {
            let (request_id, idempotency_key) = (format!("s{number}"), Some(format!("s{number}")));
            let submission = Submission { actor: "user:admin".to_owned(), request_id, idempotency_key, command };
            let (reply, answer) = oneshot::channel();
            answers.push((submission.request_id.clone(), answer));
            jobs.push(Job::Command(Box::new(submission), reply));
        }
        self.batch(jobs);
        self.audit()?;
        for (id, mut answer) in answers {
            let result = answer.try_recv().unwrap_or(Err(AppError::Unknown));
            let reply = facts::reply(&result);
            ensure(matches!(reply, Reply::Done { .. }), Rule::WronglyRefused, || format!("{id}: {reply:?}"))?;
            self.replied(&id, &reply)?;
        }
        // The market alone is no run.
        self.report.commands = 0;
        Ok(())
    }

    /// One step: time passes, requests arrive, are executed and answered.
    fn live(&mut self, busy: bool) -> Result<(), Violation> {
        self.step = self.step.saturating_add(1);
        ensure(self.step < STEPS_MAX, Rule::BrokenInvariant, || "the run does not end".to_owned())?;
        self.pass_time();
        if busy {
            for _ in 0..self.rng.between(1, 3) {
                let errand = traders::errand(&mut self.rng, &self.disk.disk().fold);
                self.clients.send(&mut self.rng, self.step, errand);
            }
        }
        if self.turn.is_broken() && self.rng.chance(700) {
            // One that fails is tried again in the next step.
            drop(self.turn.reload());
        }
        self.deal_fate();
        let arriving = self.clients.arriving(&mut self.rng, self.step);
        let answers = self.deliver(&arriving);
        if arriving.is_empty() || self.rng.chance(100) {
            self.turn.tick();
        }
        let met = self.disk.disk().met();
        self.audit()?;
        self.count(met);
        self.answer(answers, met)?;
        if self.disk.disk().dead {
            self.crash()?;
        }
        if self.step.is_multiple_of(SCAN_EVERY) { self.auditor.scan() } else { Ok(()) }
    }

    /// Most often some seconds, now and then the better part of an hour.
    fn pass_time(&mut self) {
        let ms = match self.rng.below(100) {
            0..2 => self.rng.between(600_000, 2_400_000),
            2..20 => 0,
            _ => self.rng.below(90_000),
        };
        self.clock.advance_ms(i64::from(ms));
    }

    fn deal_fate(&mut self) {
        let lies = self.plan.sabotage == Some(Sabotage::LoseAcknowledged);
        let crash_due = self.step >= self.crash_at;
        let fate = match self.rng.below(1_000) {
            0..12 => Fate::Failed,
            12..20 => Fate::Lost,
            20..32 => Fate::Unknown,
            32..40 => Fate::UnknownAndGone,
            40..46 => Fate::CrashBefore,
            46..52 => Fate::CrashAfter,
            number if crash_due && number.is_multiple_of(2) => Fate::CrashBefore,
            _ if crash_due => Fate::CrashAfter,
            _ => Fate::Written,
        };
        let fate = if lies && crash_due { Fate::Lied } else { fate };
        let deaf = match fate {
            Fate::Lost | Fate::UnknownAndGone => self.rng.between(1, 3),
            _ => 0,
        };
        if fate != Fate::Written {
            self.disk.disk().decide(fate, deaf);
        }
    }

    /// Puts what arrives before the writer, as one batch.
    fn deliver(&mut self, arriving: &[Delivery]) -> Vec<(Delivery, Answer)> {
        let mut jobs = Vec::new();
        let mut answers = Vec::new();
        for delivery in arriving {
            let Some(submission) = self.clients.submission(*delivery) else { continue };
            let (reply, answer) = oneshot::channel();
            answers.push((*delivery, answer));
            jobs.push(Job::Command(Box::new(submission), reply));
        }
        self.batch(jobs);
        answers
    }

    /// Executes, commits and answers; at times the rest is executed while the first of it is in flight.
    fn batch(&mut self, mut jobs: Vec<Job>) {
        if jobs.len() > 1 && self.rng.chance(IN_FLIGHT) {
            let rest = jobs.split_off(self.rng.place(jobs.len()).max(1));
            self.execute(jobs);
            let flight = self.turn.depart();
            self.execute(rest);
            if let Some(flight) = flight {
                self.turn.arrive(flight.land());
            }
        } else {
            self.execute(jobs);
        }
        self.turn.flush();
    }

    fn execute(&mut self, jobs: Vec<Job>) {
        let mut jobs = jobs.into_iter();
        if let Some(first) = jobs.next() {
            self.turn.take(first, || jobs.next());
        }
    }

    /// The auditor hears what is durable.
    fn audit(&mut self) -> Result<(), Violation> {
        let (committed, problem) = {
            let mut disk = self.disk.disk();
            (disk.facts(), disk.problem.take())
        };
        ensure(problem.is_none(), Rule::WrongRestart, || problem.unwrap_or_default())?;
        for facts in committed {
            let asked = |facts: &Facts| facts.rows.iter().filter(|row| !row.request_id.is_empty()).count();
            self.report.commands = self.report.commands.saturating_add(u64::try_from(asked(&facts)).unwrap_or(0));
            self.auditor.committed(facts)?;
        }
        Ok(())
    }

    fn count(&mut self, met: Option<Fate>) {
        let counter = match met {
            Some(Fate::Failed | Fate::Lost) => &mut self.report.failed_commits,
            Some(Fate::Unknown | Fate::UnknownAndGone) => &mut self.report.unknown_commits,
            _ => return,
        };
        *counter = counter.saturating_add(1);
    }

    /// Clients hear what became of their requests, unless the process died before it could tell them.
    fn answer(&mut self, answers: Vec<(Delivery, Answer)>, met: Option<Fate>) -> Result<(), Violation> {
        let died = matches!(met, Some(Fate::CrashBefore | Fate::CrashAfter));
        for (delivery, mut answer) in answers {
            let result = answer.try_recv().unwrap_or(Err(AppError::Unknown));
            if died || self.rng.chance(LOST_REPLIES) {
                self.report.lost_replies = self.report.lost_replies.saturating_add(1);
                self.clients.unanswered(&mut self.rng, self.step, delivery);
                continue;
            }
            let reply = facts::reply(&result);
            self.replied(&request_id(delivery), &reply)?;
            match reply {
                Reply::Done { .. } | Reply::Refused(_) => self.clients.settled(delivery),
                _ => self.clients.unanswered(&mut self.rng, self.step, delivery),
            }
        }
        Ok(())
    }

    fn replied(&mut self, request_id: &str, reply: &Reply) -> Result<(), Violation> {
        self.hasher.update(format!("{request_id}:{reply:?};"));
        self.auditor.replied(request_id, reply)
    }

    /// The process dies, and another begins with what is durable.
    fn crash(&mut self) -> Result<(), Violation> {
        self.report.crashes = self.report.crashes.saturating_add(1);
        self.crash_at = u32::MAX;
        self.disk.disk().revive();
        self.turn = begin(&self.disk, &self.clock)?;
        self.auditor.restarted(*self.turn.as_of().borrow())
    }
}

/// Begins a process; what it finds must be what was committed, which its digest tells.
fn begin(disk: &Handle, clock: &Arc<ManualClock>) -> Result<Turn<Handle>, Violation> {
    let clock: Arc<dyn Clock> = Arc::<ManualClock>::clone(clock);
    Turn::new(disk.clone(), clock).map_err(|error| Violation { rule: Rule::WrongRestart, detail: error.to_string() })
}
