//! The one way to write: a bounded queue in front of one writer thread.
//!
//! The writer executes what is there in order against the pure exchange. As soon as the batch before is durable,
//! another thread commits what was executed since in one transaction, and only then answers; the next batch is
//! executed meanwhile. A full queue answers at once that nothing was applied.

mod committer;
mod core;
mod durable;
mod follower;
mod guard;
mod lead;
mod node;
mod stepper;
mod turn;
mod waiting;

use tokio::sync::{mpsc, oneshot};

pub(crate) use self::core::{Core, Stop};
pub(crate) use durable::{Durable, Moment};
pub use guard::{JUMP_MAX_MS, Jump};
pub use node::{Leading, Part, Running, start, start_as};
pub use stepper::Stepper;
pub(crate) use turn::Turn;

use super::AppError;
use crate::exchange::{Command, Outcome, Preview};
use crate::store::Db;
use crate::types::Timestamp;

/// Commands that may wait for the writer.
pub const QUEUE_MAX: usize = 8_192;
/// Journal rows in one transaction.
pub const BATCH_MAX: usize = 1_024;
/// Side writes that may wait for the writer.
pub const SIDE_QUEUE_MAX: usize = 256;

/// A command with who asked for it.
#[derive(Debug, Clone)]
pub struct Submission {
    /// Who, as the journal records it.
    pub actor: String,
    /// Under which request.
    pub request_id: String,
    /// The caller's `Idempotency-Key`.
    pub idempotency_key: Option<String>,
    /// What.
    pub command: Command,
}

/// An accepted and durable command.
#[derive(Debug, Clone)]
pub struct Receipt {
    /// Its place in the journal.
    pub sequence: i64,
    /// When it was sequenced.
    pub at: Timestamp,
    /// What it did.
    pub outcome: Outcome,
}

/// A check that runs alone on the writer, before a side write's command.
pub type Before = Box<dyn FnOnce(&mut Db) -> Result<(), AppError> + Send>;
/// A side write: runs inside the transaction of its own batch, which is rolled back if it fails.
pub type Run = Box<dyn FnOnce(&mut Db, Option<&Receipt>) -> Result<(), AppError> + Send>;

/// A write outside the exchange (users, keys, tokens, quotes), with the command it comes with, if any.
pub struct Side {
    /// Who and under which request, and with which command.
    pub submission: Option<Submission>,
    /// What must hold first.
    pub before: Option<Before>,
}

pub(crate) enum Job {
    Command(Box<Submission>, oneshot::Sender<Result<Receipt, AppError>>),
    Preview(Box<Command>, oneshot::Sender<Result<Preview, AppError>>),
    /// The clock shall be believed; the command notes it.
    AcceptClock(Box<Submission>, oneshot::Sender<Result<Receipt, AppError>>),
    /// Its caller has been answered already.
    Gone,
}

pub(crate) struct SideJob {
    pub(crate) side: Side,
    pub(crate) run: Run,
    pub(crate) reply: oneshot::Sender<Result<(), AppError>>,
}

/// The callers' end of the queue; cheap to clone.
#[derive(Clone)]
pub struct Sequencer {
    jobs: mpsc::Sender<Job>,
    sides: mpsc::Sender<SideJob>,
    jump: Jump,
}

impl Sequencer {
    pub(crate) const fn new(jobs: mpsc::Sender<Job>, sides: mpsc::Sender<SideJob>, jump: Jump) -> Self {
        Self { jobs, sides, jump }
    }

    /// Returns how far the clock has jumped, while nothing trades because of it.
    pub const fn jump(&self) -> &Jump {
        &self.jump
    }

    /// Returns how many commands wait for the writer.
    pub fn waiting(&self) -> usize {
        self.jobs.max_capacity().saturating_sub(self.jobs.capacity())
    }

    /// Waits until the writer has stopped for good.
    pub async fn closed(&self) {
        self.jobs.closed().await;
    }

    /// Tells whether the writer has stopped for good.
    pub fn is_closed(&self) -> bool {
        self.jobs.is_closed()
    }

    /// Executes a command and returns once it is durable.
    ///
    /// # Errors
    /// [`AppError::Reject`] if the exchange refuses; [`AppError::NotApplied`] if the queue is full or closed;
    /// [`AppError::Unknown`] if the commit failed.
    pub async fn submit(&self, submission: Submission) -> Result<Receipt, AppError> {
        self.queue(|reply| Job::Command(Box::new(submission), reply)).await
    }

    /// Believes a clock that has jumped; the command notes it.
    ///
    /// # Errors
    /// [`AppError::Conflict`] if it is not in doubt, or as [`Sequencer::submit`].
    pub async fn accept_clock(&self, note: Submission) -> Result<Receipt, AppError> {
        self.queue(|reply| Job::AcceptClock(Box::new(note), reply)).await
    }

    async fn queue(
        &self,
        job: impl FnOnce(oneshot::Sender<Result<Receipt, AppError>>) -> Job,
    ) -> Result<Receipt, AppError> {
        let (reply, answer) = oneshot::channel();
        self.jobs.try_send(job(reply)).map_err(|_| AppError::NotApplied)?;
        answer.await.map_err(|_| AppError::Unknown)?
    }

    /// Says what placing an order next would do; never trades.
    ///
    /// # Errors
    /// As [`Sequencer::submit`].
    pub async fn preview(&self, place: Command) -> Result<Preview, AppError> {
        let (reply, answer) = oneshot::channel();
        self.jobs.try_send(Job::Preview(Box::new(place), reply)).map_err(|_| AppError::NotApplied)?;
        answer.await.map_err(|_| AppError::NotApplied)?
    }

    /// Runs a side write between batches, in one transaction with its command, and returns what it returned.
    ///
    /// # Errors
    /// What `before`, the command or `run` refused with (nothing is written then), or as [`Sequencer::submit`].
    pub async fn side<T: Send + 'static>(
        &self,
        side: Side,
        run: impl FnOnce(&mut Db, Option<&Receipt>) -> Result<T, AppError> + Send + 'static,
    ) -> Result<T, AppError> {
        let (give, take) = std::sync::mpsc::channel();
        let run: Run = Box::new(move |db, receipt| {
            let value = run(db, receipt)?;
            give.send(value).map_err(|_| AppError::Unknown)
        });
        let (reply, answer) = oneshot::channel();
        self.sides.try_send(SideJob { side, run, reply }).map_err(|_| AppError::NotApplied)?;
        answer.await.map_err(|_| AppError::Unknown)??;
        take.try_recv().map_err(|_| AppError::Unknown)
    }
}
