//! Makes batches durable, shows them to readers, and only then answers.
//!
//! Whoever holds the committer writes: while a batch is in flight on another thread, the turn does not have it and
//! cannot touch the database.
//! Invariant: no caller hears of success before the commit of its batch.

use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::watch;

use super::durable::{Durable, Moment};
use super::waiting::Waiting;
use crate::app::{AppError, View};
use crate::store::{Batch, Recovered, SideWrite, StoreError};

/// What is durable, and what readers see of it.
pub(crate) struct Committer<D> {
    pub(super) durable: D,
    view: Arc<RwLock<View>>,
    published: watch::Sender<i64>,
    /// Whether nothing was committed since the last tick: the moment for upkeep.
    quiet: bool,
}

/// A closed batch with those who wait for it.
pub(crate) struct Sealed {
    pub(super) batch: Batch,
    pub(super) waiting: Vec<Waiting>,
}

/// A batch in flight: the committer with what it is to commit. Dropping it drops the right to write.
pub(crate) struct Flight<D> {
    committer: Box<Committer<D>>,
    sealed: Sealed,
}

/// A batch that could not be committed.
pub(crate) struct FailedCommit {
    pub(super) error: AppError,
    /// Its first row: it is there or not.
    pub(super) first: i64,
    pub(super) waiting: Vec<Waiting>,
}

/// A flight that is over.
pub(crate) struct Landed<D> {
    pub(super) committer: Box<Committer<D>>,
    /// Nobody was answered then.
    pub(super) failed: Option<FailedCommit>,
    /// What upkeep after it said.
    pub(super) upkeep: Result<(), StoreError>,
}

impl<D: Durable> Committer<D> {
    pub(super) fn new(durable: D, view: Arc<RwLock<View>>, published: watch::Sender<i64>) -> Self {
        Self { durable, view, published, quiet: true }
    }

    pub(super) fn view(&self) -> Arc<RwLock<View>> {
        Arc::clone(&self.view)
    }

    pub(super) fn as_of(&self) -> watch::Receiver<i64> {
        self.published.subscribe()
    }

    /// Commits a batch with a side write, if there is one, and publishes it.
    ///
    /// # Errors
    /// What the store or the side write said; the batch may be there or not.
    pub(super) fn commit(&mut self, batch: Batch, side: Option<SideWrite<'_, AppError>>) -> Result<(), AppError> {
        self.durable.commit(&batch, side)?;
        self.publish(batch);
        Ok(())
    }

    /// Shows readers a state that was loaded.
    pub(super) fn show(&self, recovered: &Recovered) {
        let view = View::of(recovered.snapshot.clone(), recovered.sequence);
        *self.view.write().unwrap_or_else(PoisonError::into_inner) = view;
        self.published.send_replace(recovered.sequence);
    }

    /// Tells whether nothing was committed since this was last asked.
    pub(super) const fn was_quiet(&mut self) -> bool {
        std::mem::replace(&mut self.quiet, true)
    }

    fn publish(&mut self, batch: Batch) {
        self.quiet = false;
        let Batch { journal, mut changes } = batch;
        let Some(last) = journal.last() else { return };
        self.view.write().unwrap_or_else(PoisonError::into_inner).apply(&mut changes, last.sequence);
        self.published.send_replace(last.sequence);
    }
}

impl<D: Durable> Flight<D> {
    pub(super) const fn new(committer: Box<Committer<D>>, sealed: Sealed) -> Self {
        Self { committer, sealed }
    }

    /// Commits, publishes and answers; after a failure nobody is answered yet.
    pub(crate) fn land(self) -> Landed<D> {
        let Self { mut committer, sealed: Sealed { batch, waiting } } = self;
        let first = batch.first_sequence();
        match committer.commit(batch, None) {
            Ok(()) => {
                waiting.into_iter().for_each(Waiting::answer);
                let upkeep = committer.durable.upkeep(Moment::Between);
                Landed { committer, failed: None, upkeep }
            }
            Err(error) => Landed { committer, failed: Some(FailedCommit { error, first, waiting }), upkeep: Ok(()) },
        }
    }
}
