//! Following the writer of another process: the same commands, executed again as they come.
//!
//! Invariant: the exchange in memory has the digest of every batch that was followed, and the chain has no gap. A
//! follower that finds anything else stops: it runs another program, or the journal is not what was executed.

use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::watch;

use super::committer::Committer;
use super::core::Core;
use super::durable::StoreDurable;
use super::turn::Turn;
use crate::app::View;
use crate::app::clock::Clock;
use crate::exchange::{Changes, Command};
use crate::store::{JournalRow, Store, StoreError, Tail};

/// Why following ends for now, or for good.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Lost {
    /// The database does not answer; it may again.
    #[error("{0}")]
    Store(StoreError),
    /// What was followed is not what was executed.
    #[error("this process and the journal disagree: {0}")]
    Diverged(String),
}

impl From<StoreError> for Lost {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Corrupt { .. } => Self::Diverged(error.to_string()),
            other => Self::Store(other),
        }
    }
}

/// The state of a process that does not write.
pub(crate) struct Follower {
    store: Store,
    tail: Tail,
    core: Core,
    view: Arc<RwLock<View>>,
    published: watch::Sender<i64>,
    noted: watch::Sender<i64>,
}

impl Follower {
    /// Reads the state as of the last batch.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if it is not what its digest says.
    pub(crate) fn open(store: Store) -> Result<Self, StoreError> {
        let (recovered, tail) = store.tail()?;
        let view = Arc::new(RwLock::new(View::of(recovered.snapshot.clone(), recovered.sequence)));
        let core = Core::restore(recovered)?;
        let (published, _) = watch::channel(core.sequence());
        let (noted, _) = watch::channel(core.sequence());
        Ok(Self { store, tail, core, view, published, noted })
    }

    /// What hot reads see.
    pub(crate) fn view(&self) -> Arc<RwLock<View>> {
        Arc::clone(&self.view)
    }

    /// The last journal row the view reflects.
    pub(crate) fn as_of(&self) -> watch::Receiver<i64> {
        self.published.subscribe()
    }

    /// The last journal row that notes a change outside the exchange.
    pub(crate) fn noted(&self) -> watch::Receiver<i64> {
        self.noted.subscribe()
    }

    /// Executes what the journal has by now.
    ///
    /// # Errors
    /// [`Lost`].
    pub(crate) fn catch_up(&mut self) -> Result<(), Lost> {
        loop {
            let rows = self.tail.read()?;
            if rows.is_empty() {
                return Ok(self.tail.trim()?);
            }
            for row in rows {
                self.follow(&row)?;
            }
        }
    }

    fn follow(&mut self, row: &JournalRow) -> Result<(), Lost> {
        let (command, changes) = self.core.repeat(row).map_err(Lost::Diverged)?;
        if let Some(changes) = changes {
            self.publish(changes, row.sequence);
        }
        if matches!(command, Command::Note { .. }) {
            self.noted.send_replace(row.sequence);
        }
        Ok(())
    }

    fn publish(&mut self, mut changes: Changes, sequence: i64) {
        self.tail.absorb(&changes, sequence);
        self.view.write().unwrap_or_else(PoisonError::into_inner).apply(&mut changes, sequence);
        self.published.send_replace(sequence);
    }

    /// Takes over if nobody writes: returns the state of a writer that goes on where the last one ended.
    ///
    /// # Errors
    /// [`Lost`]; nothing is taken over then. `self` stays as it is until it succeeds.
    pub(crate) fn take_over(&mut self) -> Result<Option<StoreDurable>, Lost> {
        let Some(writer) = self.store.try_writer()? else { return Ok(None) };
        // From here on nobody else commits: what the journal has now is all there is.
        self.catch_up()?;
        Ok(Some(StoreDurable::of(self.store.clone(), writer)))
    }

    /// Goes on as the writer.
    pub(crate) fn into_turn(self, durable: StoreDurable, clock: Arc<dyn Clock>) -> Turn<StoreDurable> {
        let Self { core, view, published, .. } = self;
        Turn::going_on(Committer::new(durable, view, published), clock, core)
    }
}
