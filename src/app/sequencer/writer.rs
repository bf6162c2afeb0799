//! The writer thread: drain, execute, commit, publish, answer.
//!
//! Invariant: no caller hears of success before the commit of its batch.
//! Invariant: after a failed commit or a broken invariant the state in memory is thrown away and rebuilt
//! from the store; until that succeeds every request is answered "not applied".

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};

use super::core::{Core, Stop};
use super::{BATCH_MAX, Job, QUEUE_MAX, Receipt, SIDE_QUEUE_MAX, Sequencer, Side, SideJob};
use crate::app::clock::Clock;
use crate::app::{AppError, View};
use crate::exchange::Preview;
use crate::store::{Batch, Db, Recovered, Store, StoreError, Writer};

/// How often an idle writer looks whether time has something to do.
const TICK: Duration = Duration::from_millis(200);
/// How long a writer waits before it tries again to rebuild its state.
const RECOVERY_PAUSE: Duration = Duration::from_millis(250);

/// A running sequencer.
pub struct Running {
    /// The way in.
    pub sequencer: Sequencer,
    /// What hot reads see.
    pub view: Arc<RwLock<View>>,
    /// The last journal row the view reflects.
    pub as_of: watch::Receiver<i64>,
    thread: std::thread::JoinHandle<()>,
}

impl Running {
    /// Waits until everything accepted has been answered. Every clone of the sequencer must be gone by then.
    pub fn join(self) {
        let Self { sequencer, thread, .. } = self;
        drop(sequencer);
        if thread.join().is_err() {
            tracing::error!("the writer thread panicked");
        }
    }
}

/// Takes the write lock, rebuilds the exchange from the store and starts the writer thread.
///
/// # Errors
/// [`StoreError::Busy`] if another process writes; [`StoreError::Corrupt`] if the store is not what its
/// digest says.
pub fn start(store: &Store, clock: Arc<dyn Clock>) -> Result<Running, StoreError> {
    let mut writer = store.writer()?;
    let recovered = writer.load()?;
    let view = Arc::new(RwLock::new(View::of(recovered.snapshot.clone(), recovered.sequence)));
    let core = Core::restore(recovered)?;
    let (jobs, jobs_in) = mpsc::channel(QUEUE_MAX);
    let (sides, sides_in) = mpsc::channel(SIDE_QUEUE_MAX);
    let (published, as_of) = watch::channel(core.sequence());
    let state = Loop {
        store: store.clone(),
        writer: Some(writer),
        core: Some(core),
        clock,
        view: Arc::clone(&view),
        published,
        quiet: true,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .map_err(|error| StoreError::Connection(error.to_string()))?;
    let thread = std::thread::Builder::new()
        .name("sequencer".to_owned())
        .spawn(move || runtime.block_on(state.run(jobs_in, sides_in)))
        .map_err(|error| StoreError::Connection(error.to_string()))?;
    Ok(Running { sequencer: Sequencer::new(jobs, sides), view, as_of, thread })
}

/// An answer that waits for the commit.
enum Waiting {
    Command(oneshot::Sender<Result<Receipt, AppError>>, Box<Result<Receipt, AppError>>),
    Preview(oneshot::Sender<Result<Preview, AppError>>, Box<Result<Preview, AppError>>),
}

struct Loop {
    store: Store,
    /// Nothing while the connection has to be made anew.
    writer: Option<Writer>,
    /// Nothing while the state has to be rebuilt.
    core: Option<Core>,
    clock: Arc<dyn Clock>,
    view: Arc<RwLock<View>>,
    published: watch::Sender<i64>,
    /// Whether nothing was committed since the last tick: the moment for upkeep.
    quiet: bool,
}

impl Loop {
    async fn run(mut self, mut jobs: mpsc::Receiver<Job>, mut sides: mpsc::Receiver<SideJob>) {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                job = jobs.recv() => match job {
                    Some(job) => self.batch(job, &mut jobs),
                    None => break,
                },
                Some(side) = sides.recv() => self.side(side),
                _ = tick.tick() => self.tick(),
            }
            // A side write gets its turn after every batch, however long the other queue is.
            if let Ok(side) = sides.try_recv() {
                self.side(side);
            }
            if self.core.is_none() {
                self.recover(&mut jobs).await;
            }
        }
        while let Some(side) = sides.recv().await {
            self.side(side);
        }
        let finished = self.writer.as_mut().map_or(Ok(()), Writer::finish);
        if let Err(error) = finished {
            tracing::warn!(%error, "not all states are in their tables; the next start reads them");
        }
    }

    /// Executes what is there, commits it and answers.
    fn batch(&mut self, first: Job, jobs: &mut mpsc::Receiver<Job>) {
        let Some(core) = &mut self.core else { return refuse(first) };
        let mut waiting = Vec::new();
        let mut next = Some(first);
        while let Some(job) = next {
            match take(core, job, self.clock.as_ref()) {
                Ok(answer) => waiting.push(answer),
                Err((job, name)) => {
                    tracing::error!(invariant = name, "the exchange is broken; rebuilding it from the store");
                    fail(job, &AppError::Internal(name));
                    waiting.into_iter().for_each(|answer| answer.fail(&AppError::NotApplied));
                    self.core = None;
                    return;
                }
            }
            next = if core.pending() < BATCH_MAX { jobs.try_recv().ok() } else { None };
        }
        match self.commit(None) {
            Ok(()) => waiting.into_iter().for_each(Waiting::answer),
            Err(error) => waiting.into_iter().for_each(|answer| answer.fail(&error)),
        }
        self.upkeep(Writer::between);
    }

    /// Does work on the database whose failure loses nothing.
    fn upkeep(&mut self, work: impl FnOnce(&mut Writer) -> Result<(), StoreError>) {
        if let Err(error) = self.writer.as_mut().map_or(Ok(()), work) {
            tracing::warn!(%error, "upkeep of the database failed");
        }
    }

    /// Commits the rows collected so far, with a side write if there is one, and publishes them.
    fn commit(&mut self, run: Option<SideRun<'_>>) -> Result<(), AppError> {
        let (Some(core), Some(writer)) = (&mut self.core, &mut self.writer) else { return Err(AppError::NotApplied) };
        let batch = match core.batch() {
            Ok(batch) => batch,
            Err(Stop::Broken(name)) => return Err(self.broken(name)),
            Err(Stop::Refused(error)) => return Err(error),
        };
        let result = match (&batch, run) {
            (None, None) => return Ok(()),
            (Some(batch), None) => writer.commit::<AppError>(batch, None),
            (Some(batch), Some(SideRun { run, receipt })) => {
                let mut run = Some(run);
                let mut once = |db: &mut Db| match run.take() {
                    Some(run) => run(db, receipt),
                    None => Err(AppError::Internal("a side write ran twice".to_owned())),
                };
                writer.commit(batch, Some(&mut once))
            }
            (None, Some(SideRun { run, receipt })) => writer.side(|db| run(db, receipt)),
        };
        match (result, batch) {
            (Ok(()), batch) => {
                if let Some(batch) = batch {
                    self.publish(batch);
                }
                Ok(())
            }
            (Err(error), None) => Err(error),
            (Err(error), Some(batch)) => Err(self.commit_failed(error, &batch)),
        }
    }

    /// Finds out from the store what became of a batch whose commit failed.
    fn commit_failed(&mut self, error: AppError, batch: &Batch) -> AppError {
        tracing::error!(%error, "a commit failed; rebuilding the state from the store");
        self.core = None;
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

    /// Runs a side write alone: what must hold first, its command, then both in one transaction.
    fn side(&mut self, job: SideJob) {
        let SideJob { side: Side { submission, before }, run, reply } = job;
        let answer = self.side_answer(submission, before, run);
        // A caller that went away does not mind.
        drop(reply.send(answer));
        self.upkeep(Writer::between);
    }

    fn side_answer(
        &mut self,
        submission: Option<super::Submission>,
        before: Option<super::Before>,
        run: super::Run,
    ) -> Result<(), AppError> {
        let (Some(core), Some(writer)) = (&mut self.core, &mut self.writer) else { return Err(AppError::NotApplied) };
        if let Some(before) = before {
            before(writer.db())?;
        }
        let mut receipt = None;
        if let Some(submission) = submission {
            let now = self.clock.now();
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
    fn tick(&mut self) {
        let now = self.clock.now();
        if let Some(core) = &mut self.core
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
        if std::mem::replace(&mut self.quiet, true) {
            self.upkeep(Writer::idle);
        }
    }

    async fn recover(&mut self, jobs: &mut mpsc::Receiver<Job>) {
        while self.core.is_none() {
            match self.reload() {
                Ok(sequence) => tracing::info!(sequence, "the state is rebuilt"),
                Err(error) => {
                    tracing::error!(%error, "the state could not be rebuilt; trying again");
                    while let Ok(job) = jobs.try_recv() {
                        refuse(job);
                    }
                    if jobs.is_closed() {
                        return;
                    }
                    tokio::time::sleep(RECOVERY_PAUSE).await;
                }
            }
        }
    }

    /// Reads the state back, over a new connection if the old one no longer answers.
    fn load(&mut self) -> Result<Recovered, StoreError> {
        let mut writer = match self.writer.take() {
            Some(writer) => writer,
            None => self.store.writer()?,
        };
        let recovered = writer.load()?;
        self.writer = Some(writer);
        Ok(recovered)
    }

    /// Rebuilds the state and the view from the store; returns the last row there.
    fn reload(&mut self) -> Result<i64, StoreError> {
        let recovered = self.load()?;
        let sequence = recovered.sequence;
        let view = View::of(recovered.snapshot.clone(), sequence);
        self.core = Some(Core::restore(recovered)?);
        *self.view.write().unwrap_or_else(PoisonError::into_inner) = view;
        self.published.send_replace(sequence);
        Ok(sequence)
    }
}

struct SideRun<'a> {
    run: super::Run,
    receipt: Option<&'a Receipt>,
}

impl Waiting {
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
fn take(core: &mut Core, job: Job, clock: &dyn Clock) -> Result<Waiting, (Job, String)> {
    let now = clock.now();
    if let Err(Stop::Broken(name)) = core.advance(now) {
        return Err((job, name));
    }
    match job {
        Job::Preview(command, reply) => {
            let answer = core.preview(&command);
            Ok(Waiting::Preview(reply, Box::new(answer)))
        }
        Job::Command(submission, reply) => match core.execute(*submission, now) {
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

fn refuse(job: Job) {
    fail(job, &AppError::NotApplied);
}

fn fail(job: Job, error: &AppError) {
    match job {
        Job::Command(_, reply) => drop(reply.send(Err(error.clone()))),
        Job::Preview(_, reply) => drop(reply.send(Err(error.clone()))),
        Job::Gone => {}
    }
}
