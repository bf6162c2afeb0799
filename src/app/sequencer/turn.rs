//! One turn of the writer: execute what is there, commit, publish, answer. Nothing in here waits.
//!
//! Invariant: no caller hears of success before the commit of its batch.
//! Invariant: after a failed commit or a broken invariant the state in memory is thrown away and rebuilt
//! from the store; until that succeeds every request is answered "not applied".

use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::{oneshot, watch};

use super::core::{Core, Stop};
use super::durable::{Durable, Moment};
use super::guard::{Guard, Jump};
use super::{BATCH_MAX, Before, Job, Receipt, Run, Side, SideJob, Submission};
use crate::app::clock::Clock;
use crate::app::{AppError, View};
use crate::exchange::Preview;
use crate::store::{Batch, Db, StoreError};

/// The state of the writer.
pub(crate) struct Turn<D> {
    durable: D,
    /// Nothing while the state has to be rebuilt.
    core: Option<Core>,
    guard: Guard,
    view: Arc<RwLock<View>>,
    published: watch::Sender<i64>,
    /// Whether nothing was committed since the last tick: the moment for upkeep.
    quiet: bool,
    /// Whether another process writes by now: this one must not go on.
    deposed: bool,
}

/// An answer that waits for the commit.
enum Waiting {
    Command(oneshot::Sender<Result<Receipt, AppError>>, Box<Result<Receipt, AppError>>),
    Preview(oneshot::Sender<Result<Preview, AppError>>, Box<Result<Preview, AppError>>),
}

/// A side write with what its command did.
struct SideRun<'a> {
    run: Run,
    receipt: Option<&'a Receipt>,
}

impl<D: Durable> Turn<D> {
    /// Rebuilds the exchange from what is durable.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if that is not what its digest says.
    pub(crate) fn new(mut durable: D, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let recovered = durable.load()?;
        let view = Arc::new(RwLock::new(View::of(recovered.snapshot.clone(), recovered.sequence)));
        let core = Core::restore(recovered)?;
        let (published, _) = watch::channel(core.sequence());
        Ok(Self::going_on(durable, clock, core, view, published))
    }

    /// Goes on with a state that is that of `durable`, before whoever looks at its view already.
    pub(crate) fn going_on(
        durable: D,
        clock: Arc<dyn Clock>,
        core: Core,
        view: Arc<RwLock<View>>,
        published: watch::Sender<i64>,
    ) -> Self {
        Self { durable, core: Some(core), guard: Guard::new(clock), view, published, quiet: true, deposed: false }
    }

    /// What hot reads see.
    pub(crate) fn view(&self) -> Arc<RwLock<View>> {
        Arc::clone(&self.view)
    }

    /// The last journal row the view reflects.
    pub(crate) fn as_of(&self) -> watch::Receiver<i64> {
        self.published.subscribe()
    }

    /// Shows there how far the clock has jumped.
    pub(crate) fn show(&mut self, jump: Jump) {
        self.guard.show(jump);
    }

    /// Tells whether the state has to be rebuilt before anything can be done.
    pub(crate) const fn is_broken(&self) -> bool {
        self.core.is_none()
    }

    /// Tells whether another process writes by now. Nothing but refusing is left to do then.
    pub(crate) const fn is_deposed(&self) -> bool {
        self.deposed
    }

    /// Executes a job and those that wait behind it, commits them together and answers.
    pub(crate) fn batch(&mut self, first: Job, mut next: impl FnMut() -> Option<Job>) {
        let Some(core) = &mut self.core else { return refuse(first) };
        let mut waiting = Vec::new();
        let mut job = Some(first);
        while let Some(now) = job {
            match take(core, now, &mut self.guard) {
                Ok(answer) => waiting.push(answer),
                Err((job, name)) => {
                    let error = self.broken(name);
                    fail(job, &error);
                    waiting.into_iter().for_each(|answer| answer.fail(&AppError::NotApplied));
                    return;
                }
            }
            job = if core.pending() < BATCH_MAX { next() } else { None };
        }
        match self.commit(None) {
            Ok(()) => waiting.into_iter().for_each(Waiting::answer),
            Err(error) => waiting.into_iter().for_each(|answer| answer.fail(&error)),
        }
        self.upkeep(Moment::Between);
    }

    /// Runs a side write alone: what must hold first, its command, then both in one transaction.
    pub(crate) fn side(&mut self, job: SideJob) {
        let SideJob { side: Side { submission, before }, run, reply } = job;
        let answer = self.side_answer(submission, before, run);
        // A caller that went away does not mind.
        drop(reply.send(answer));
        self.upkeep(Moment::Between);
    }

    fn side_answer(
        &mut self,
        submission: Option<Submission>,
        before: Option<Before>,
        run: Run,
    ) -> Result<(), AppError> {
        let Some(core) = &mut self.core else { return Err(AppError::NotApplied) };
        if let Some(before) = before {
            self.durable.check(before)?;
        }
        let mut receipt = None;
        if let Some(submission) = submission {
            let now = self.guard.now().ok_or(AppError::ClockJumped)?;
            match core.advance(now).and_then(|()| core.execute(submission, now)) {
                Ok(done) => receipt = Some(done),
                Err(Stop::Refused(refusal)) => {
                    self.commit(None)?;
                    return Err(refusal);
                }
                Err(Stop::Broken(name)) => return Err(self.broken(name)),
            }
        }
        self.commit(Some(SideRun { run, receipt: receipt.as_ref() }))
    }

    /// Lets time pass when nobody asks for anything.
    pub(crate) fn tick(&mut self) {
        if let (Some(core), Some(now)) = (&mut self.core, self.guard.now())
            && core.is_due(now)
        {
            let moved = core.advance(now);
            let done = match moved {
                Ok(()) | Err(Stop::Refused(_)) => self.commit(None),
                Err(Stop::Broken(name)) => Err(self.broken(name)),
            };
            if let Err(error) = done {
                tracing::error!(%error, "time could not be moved");
            }
        }
        self.upkeep(Moment::Now);
        if std::mem::replace(&mut self.quiet, true) {
            self.upkeep(Moment::Idle);
        }
    }

    /// Rebuilds the state and the view from the store; returns the last row there.
    ///
    /// # Errors
    /// What the store said; nothing can be done until it succeeds.
    pub(crate) fn reload(&mut self) -> Result<i64, StoreError> {
        self.core = None;
        let recovered = self.durable.load().inspect_err(|error| self.deposed |= matches!(error, StoreError::Fenced))?;
        let sequence = recovered.sequence;
        let view = View::of(recovered.snapshot.clone(), sequence);
        self.core = Some(Core::restore(recovered)?);
        *self.view.write().unwrap_or_else(PoisonError::into_inner) = view;
        self.published.send_replace(sequence);
        Ok(sequence)
    }

    /// Does work on the database whose failure loses nothing.
    pub(crate) fn upkeep(&mut self, moment: Moment) {
        match self.durable.upkeep(moment) {
            Ok(()) => {}
            Err(StoreError::Fenced) => self.depose(),
            Err(error) => tracing::warn!(%error, ?moment, "upkeep of the database failed"),
        }
    }

    /// Commits the rows collected so far, with a side write if there is one, and publishes them.
    fn commit(&mut self, side: Option<SideRun<'_>>) -> Result<(), AppError> {
        let Some(core) = &mut self.core else { return Err(AppError::NotApplied) };
        let batch = match core.batch() {
            Ok(batch) => batch,
            Err(Stop::Broken(name)) => return Err(self.broken(name)),
            Err(Stop::Refused(error)) => return Err(error),
        };
        match (batch, side) {
            (None, None) => Ok(()),
            (None, Some(side)) => match self.durable.side(&mut side.once()) {
                Err(AppError::Deposed) => {
                    self.depose();
                    Err(AppError::NotApplied)
                }
                done => done,
            },
            (Some(batch), side) => {
                let written = match side {
                    None => self.durable.commit(&batch, None),
                    Some(side) => self.durable.commit(&batch, Some(&mut side.once())),
                };
                match written {
                    Ok(()) => {
                        self.publish(batch);
                        Ok(())
                    }
                    Err(AppError::Deposed) => {
                        self.depose();
                        Err(AppError::NotApplied)
                    }
                    Err(error) => Err(self.commit_failed(error, &batch)),
                }
            }
        }
    }

    /// Finds out from the store what became of a batch whose commit failed.
    fn commit_failed(&mut self, error: AppError, batch: &Batch) -> AppError {
        tracing::error!(%error, "a commit failed; rebuilding the state from the store");
        let before = batch.journal.first().map_or(0, |row| row.sequence);
        match self.reload() {
            // The caller of a side write that refused hears its own reason; for the others nothing happened.
            Ok(sequence) if sequence < before => match error {
                AppError::Internal(_) => AppError::NotApplied,
                refused => refused,
            },
            Ok(_) => AppError::Unknown,
            Err(reload) => {
                tracing::error!(error = %reload, "the state could not be rebuilt yet");
                AppError::Unknown
            }
        }
    }

    fn depose(&mut self) {
        tracing::error!("another process writes by now");
        self.core = None;
        self.deposed = true;
    }

    fn broken(&mut self, name: String) -> AppError {
        tracing::error!(invariant = name, "the exchange is broken; rebuilding it from the store");
        self.core = None;
        AppError::Internal(name)
    }

    fn publish(&mut self, batch: Batch) {
        self.quiet = false;
        let Batch { journal, mut changes } = batch;
        let Some(last) = journal.last() else { return };
        self.view.write().unwrap_or_else(PoisonError::into_inner).apply(&mut changes, last.sequence);
        self.published.send_replace(last.sequence);
    }
}

impl SideRun<'_> {
    /// Returns it as a write that runs once.
    fn once(self) -> impl FnMut(&mut Db) -> Result<(), AppError> {
        let Self { run, receipt } = self;
        let mut run = Some(run);
        move |db| match run.take() {
            Some(run) => run(db, receipt),
            None => Err(AppError::Internal("a side write ran twice".to_owned())),
        }
    }
}

impl Waiting {
    /// Returns the answer of a job that is not executed.
    fn refusal(job: Job, error: AppError) -> Result<Self, (Job, String)> {
        match job {
            Job::Command(_, reply) | Job::AcceptClock(_, reply) => Ok(Self::Command(reply, Box::new(Err(error)))),
            Job::Preview(_, reply) => Ok(Self::Preview(reply, Box::new(Err(error)))),
            Job::Gone => Err((Job::Gone, "job_gone".to_owned())),
        }
    }

    fn answer(self) {
        // A caller that went away does not mind.
        match self {
            Self::Command(reply, answer) => drop(reply.send(*answer)),
            Self::Preview(reply, answer) => drop(reply.send(*answer)),
        }
    }

    fn fail(self, error: &AppError) {
        match self {
            Self::Command(reply, _) => drop(reply.send(Err(error.clone()))),
            Self::Preview(reply, _) => drop(reply.send(Err(AppError::NotApplied))),
        }
    }
}

/// Executes one job; gives it back with the name of the invariant if that broke the exchange.
fn take(core: &mut Core, job: Job, guard: &mut Guard) -> Result<Waiting, (Job, String)> {
    let in_doubt = match &job {
        Job::AcceptClock(..) => guard.accept().is_none().then_some(AppError::Conflict("clock_believed")),
        _ => guard.now().is_none().then_some(AppError::ClockJumped),
    };
    let now = match (in_doubt, guard.now()) {
        (None, Some(now)) => now,
        (error, _) => return Waiting::refusal(job, error.unwrap_or(AppError::ClockJumped)),
    };
    if let Err(Stop::Broken(name)) = core.advance(now) {
        return Err((job, name));
    }
    match job {
        Job::Preview(command, reply) => {
            let answer = core.preview(&command);
            Ok(Waiting::Preview(reply, Box::new(answer)))
        }
        Job::Command(submission, reply) | Job::AcceptClock(submission, reply) => match core.execute(*submission, now) {
            Ok(receipt) => Ok(Waiting::Command(reply, Box::new(Ok(receipt)))),
            Err(Stop::Refused(refusal)) => Ok(Waiting::Command(reply, Box::new(Err(refusal)))),
            Err(Stop::Broken(name)) => {
                drop(reply.send(Err(AppError::Internal(name.clone()))));
                Err((Job::Gone, name))
            }
        },
        Job::Gone => Err((Job::Gone, "job_gone".to_owned())),
    }
}

/// Answers that nothing was done.
pub(crate) fn refuse(job: Job) {
    fail(job, &AppError::NotApplied);
}

fn fail(job: Job, error: &AppError) {
    match job {
        Job::Command(_, reply) | Job::AcceptClock(_, reply) => drop(reply.send(Err(error.clone()))),
        Job::Preview(_, reply) => drop(reply.send(Err(error.clone()))),
        Job::Gone => {}
    }
}
