//! The sequencer by hand: no thread and no queue, so whoever has it says what is executed together.
//!
//! A batch's digest is part of the hash chain, and which commands a running writer puts into one batch depends on when they
//! arrive. Where the same commands shall give the same chain, somebody has to say.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::durable::StoreDurable;
use super::{Job, Moment, Receipt, Submission, Turn};
use crate::app::AppError;
use crate::app::clock::Clock;
use crate::store::{Store, StoreError};

/// A writer that does nothing by itself.
pub struct Stepper {
    turn: Turn<StoreDurable>,
}

impl Stepper {
    /// Takes the right to write and rebuilds the exchange from the store.
    ///
    /// # Errors
    /// [`StoreError::Busy`] if another process writes; [`StoreError::Corrupt`] if the store is not what its digest says.
    pub fn open(store: &Store, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        Ok(Self { turn: Turn::new(StoreDurable::open(store.clone())?, clock)? })
    }

    /// Executes commands in this order and commits them, as one batch if there is room in it; returns what became of each.
    pub fn batch(&mut self, submissions: Vec<Submission>) -> Vec<Result<Receipt, AppError>> {
        let (mut jobs, mut answers) = (Vec::new(), Vec::new());
        for submission in submissions {
            let (reply, answer) = oneshot::channel();
            jobs.push(Job::Command(Box::new(submission), reply));
            answers.push(answer);
        }
        let mut jobs = jobs.into_iter();
        while let Some(first) = jobs.next() {
            self.turn.take(first, || jobs.next());
            self.turn.flush();
        }
        self.turn.upkeep(Moment::Now);
        answers.into_iter().map(|mut answer| answer.try_recv().unwrap_or(Err(AppError::Unknown))).collect()
    }
}

impl Drop for Stepper {
    fn drop(&mut self) {
        self.turn.upkeep(Moment::End);
    }
}
