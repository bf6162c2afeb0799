//! One turn of the writer: execute what is there, commit, publish, answer. Nothing in here waits.
//!
//! A batch may be in flight, committed by another thread, while the next is executed on top of it.
//! Invariant: after a failed commit or a broken invariant the state in memory is thrown away, with all that was
//! executed since, and rebuilt from the store; until that succeeds every request is answered "not applied".
//! Invariant: after a failure of the disk nothing is written any more and nothing read back: pages that could not be
//! synced look as if they had been, so only a new process, which begins with what is durable, can tell what is there.

use std::sync::{Arc, RwLock};

use tokio::sync::watch;

use super::committer::{Committer, FailedCommit, Flight, Landed, Sealed};
use super::core::{Core, Stop};
use super::durable::{Durable, Moment};
use super::guard::{Guard, Jump};
use super::waiting::{Waiting, fail, refuse};
use super::{BATCH_MAX, Before, Job, Receipt, Run, Side, SideJob, Submission};
use crate::app::clock::Clock;
use crate::app::{AppError, View};
use crate::store::{Batch, Db, SideWrite, StoreError};

/// The state of the writer.
pub(crate) struct Turn<D> {
    /// Nothing while a batch is in flight.
    committer: Option<Box<Committer<D>>>,
    view: Arc<RwLock<View>>,
    as_of: watch::Receiver<i64>,
    /// Nothing while the state has to be rebuilt.
    core: Option<Core>,
    /// Those whose commands are executed but not in a closed batch.
    waiting: Vec<Waiting>,
    guard: Guard,
    /// Whether another process writes by now, or what the disk holds is in doubt: this one must not go on.
    must_end: bool,
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
        Ok(Self::going_on(Committer::new(durable, view, published), clock, core))
    }

    /// Goes on with a state that is that of the committer, before whoever looks at its view already.
    pub(crate) fn going_on(committer: Committer<D>, clock: Arc<dyn Clock>, core: Core) -> Self {
        Self {
            view: committer.view(),
            as_of: committer.as_of(),
            committer: Some(Box::new(committer)),
            core: Some(core),
            waiting: Vec::new(),
            guard: Guard::new(clock),
            must_end: false,
        }
    }

    /// What hot reads see.
    pub(crate) fn view(&self) -> Arc<RwLock<View>> {
        Arc::clone(&self.view)
    }

    /// The last journal row the view reflects.
    pub(crate) fn as_of(&self) -> watch::Receiver<i64> {
        self.as_of.clone()
    }

    /// Shows there how far the clock has jumped.
    pub(crate) fn show(&mut self, jump: Jump) {
        self.guard.show(jump);
    }

    /// Tells whether the state has to be rebuilt before anything can be done.
    pub(crate) const fn is_broken(&self) -> bool {
        self.core.is_none()
    }

    /// Tells whether this process must not write any more. Nothing but refusing is left to do then.
    pub(crate) const fn must_end(&self) -> bool {
        self.must_end
    }

    /// Tells whether no batch is in flight.
    pub(crate) const fn is_home(&self) -> bool {
        self.committer.is_some()
    }

    /// Tells whether the batch that is being executed takes more.
    pub(crate) fn has_room(&self) -> bool {
        self.core.as_ref().is_none_or(|core| core.pending() < BATCH_MAX)
    }

    /// Executes a job and those that wait behind it, as far as there is room.
    pub(crate) fn take(&mut self, first: Job, mut next: impl FnMut() -> Option<Job>) {
        let mut job = Some(first);
        while let Some(now) = job {
            let Some(core) = &mut self.core else { return refuse(now) };
            match Waiting::of(core, now, &mut self.guard) {
                Ok(answer) => self.waiting.push(answer),
                Err((job, name)) => {
                    let error = self.broken(name);
                    return fail(job, &error);
                }
            }
            job = if self.has_room() { next() } else { None };
        }
    }

    /// Closes the batch and gives it away with the committer, if there is anything to commit and no other in flight.
    pub(crate) fn depart(&mut self) -> Option<Flight<D>> {
        let committer = self.committer.take()?;
        match self.seal() {
            Some(sealed) => Some(Flight::new(committer, sealed)),
            None => {
                self.committer = Some(committer);
                None
            }
        }
    }

    /// Takes the committer back, and the consequences.
    pub(crate) fn arrive(&mut self, landed: Landed<D>) {
        let Landed { committer, failed, upkeep } = landed;
        self.committer = Some(committer);
        if let Some(FailedCommit { error, first, waiting }) = failed {
            let error = self.commit_failed(error, first);
            waiting.into_iter().for_each(|answer| answer.fail(&error));
        }
        self.heed(upkeep, Moment::Between);
    }

    /// Commits and answers what was executed.
    pub(crate) fn flush(&mut self) {
        if let Some(flight) = self.depart() {
            self.arrive(flight.land());
        }
    }

    /// Runs a side write alone: what must hold first, its command, then both in one transaction.
    pub(crate) fn side(&mut self, job: SideJob) {
        self.flush();
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
        let (Some(core), Some(committer)) = (&mut self.core, &mut self.committer) else {
            return Err(AppError::NotApplied);
        };
        if let Some(before) = before {
            committer.durable.check(before)?;
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

    /// Lets time pass when nobody asks for anything, and does upkeep.
    pub(crate) fn tick(&mut self) {
        if let (Some(core), Some(now)) = (&mut self.core, self.guard.now())
            && core.is_due(now)
            && let Err(Stop::Broken(name)) = core.advance(now)
        {
            let error = self.broken(name);
            tracing::error!(%error, "time could not be moved");
        }
        self.flush();
        self.upkeep(Moment::Now);
        if self.committer.as_mut().is_some_and(|committer| committer.was_quiet()) {
            self.upkeep(Moment::Idle);
        }
    }

    /// Rebuilds the state and the view from the store; returns the last row there.
    ///
    /// # Errors
    /// What the store said; nothing can be done until it succeeds.
    pub(crate) fn reload(&mut self) -> Result<i64, StoreError> {
        self.forget();
        let Some(committer) = &mut self.committer else {
            return Err(StoreError::Busy("a batch is in flight".to_owned()));
        };
        let loaded = committer.durable.load();
        let ends = |error: &StoreError| matches!(error, StoreError::Fenced | StoreError::Disk(_));
        let recovered = loaded.inspect_err(|error| self.must_end |= ends(error))?;
        let sequence = recovered.sequence;
        committer.show(&recovered);
        self.core = Some(Core::restore(recovered)?);
        Ok(sequence)
    }

    /// Does work on the database whose failure loses nothing. A sign of life that fails does not either, but without one
    /// nobody knows who writes and nobody sends anything here: whoever waited for a request to fail would wait for ever.
    pub(crate) fn upkeep(&mut self, moment: Moment) {
        if let Some(committer) = &mut self.committer {
            let done = committer.durable.upkeep(moment);
            self.heed(done, moment);
        }
    }

    fn heed(&mut self, upkeep: Result<(), StoreError>, moment: Moment) {
        match upkeep {
            Ok(()) => {}
            Err(StoreError::Fenced) => self.depose(),
            Err(StoreError::Disk(what)) => self.distrust_disk(&what),
            Err(error) if matches!(moment, Moment::Now) => {
                tracing::error!(%error, "no sign of life could be given; rebuilding the state from the store");
                self.forget();
            }
            Err(error) => tracing::warn!(%error, ?moment, "upkeep of the database failed"),
        }
    }

    /// Closes the batch. If there is nothing to commit, whoever waits is answered: it asked for nothing durable.
    fn seal(&mut self) -> Option<Sealed> {
        let core = self.core.as_mut()?;
        match core.batch() {
            Ok(Some(batch)) => Some(Sealed { batch, waiting: std::mem::take(&mut self.waiting) }),
            Ok(None) => {
                std::mem::take(&mut self.waiting).into_iter().for_each(Waiting::answer);
                None
            }
            Err(name) => {
                self.broken(name);
                None
            }
        }
    }

    /// Commits the rows of a side write's command and what it writes itself.
    fn commit(&mut self, side: Option<SideRun<'_>>) -> Result<(), AppError> {
        let (Some(core), Some(committer)) = (&mut self.core, &mut self.committer) else {
            return Err(AppError::NotApplied);
        };
        let batch = match core.batch() {
            Ok(batch) => batch,
            Err(name) => return Err(self.broken(name)),
        };
        let first = batch.as_ref().map(Batch::first_sequence);
        let mut run = side.map(SideRun::once);
        let side = run.as_mut().map(|run| -> SideWrite<'_, AppError> { run });
        let written = match (batch, side) {
            (None, None) => Ok(()),
            (None, Some(side)) => committer.durable.side(side),
            (Some(batch), side) => committer.commit(batch, side),
        };
        written.map_err(|error| match first {
            Some(first) => self.commit_failed(error, first),
            None => self.ending(&error).unwrap_or(error),
        })
    }

    /// Finds out from the store what became of a batch, from a first row on, whose commit failed.
    fn commit_failed(&mut self, error: AppError, first: i64) -> AppError {
        if let Some(answer) = self.ending(&error) {
            return answer;
        }
        tracing::error!(%error, "a commit failed; rebuilding the state from the store");
        match self.reload() {
            // The caller of a side write that refused hears its own reason; for the others nothing happened.
            Ok(sequence) if sequence < first => match error {
                AppError::Internal(_) | AppError::Outage(_) => AppError::NotApplied,
                refused => refused,
            },
            Ok(_) => AppError::Unknown,
            Err(reload) => {
                tracing::error!(error = %reload, "the state could not be rebuilt yet");
                AppError::Unknown
            }
        }
    }

    /// Ends the turn for good if a failure asks for it, and returns what its callers hear.
    fn ending(&mut self, error: &AppError) -> Option<AppError> {
        match error {
            AppError::Deposed => {
                self.depose();
                Some(AppError::NotApplied)
            }
            AppError::DiskFailed => {
                self.distrust_disk("a commit failed");
                Some(AppError::DiskFailed)
            }
            _ => None,
        }
    }

    fn distrust_disk(&mut self, what: &str) {
        tracing::error!(what, "the disk failed; what it holds is in doubt, so this process ends");
        self.forget();
        self.must_end = true;
    }

    fn depose(&mut self) {
        tracing::error!("another process writes by now");
        self.forget();
        self.must_end = true;
    }

    fn broken(&mut self, name: String) -> AppError {
        tracing::error!(invariant = name, "the exchange is broken; rebuilding it from the store");
        self.forget();
        AppError::Internal(name)
    }

    /// Throws the state away, with what was executed but not closed.
    fn forget(&mut self) {
        self.core = None;
        std::mem::take(&mut self.waiting).into_iter().for_each(|answer| answer.fail(&AppError::NotApplied));
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
