//! The journal as another process goes on writing it, and what waits of it, kept for the readers of this one.

use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};

use super::db::Purpose;
use super::pending::{Mark, Pending, States, load as waiting, log};
use super::verify::{Mismatch, chain};
use super::{JournalRow, Recovered, Store, StoreError, load};
use crate::exchange::Changes;

/// Journal rows read at a time.
const ROWS: u32 = 2_000;

/// A place in the journal. Invariant: what waits, for the readers of this process, is as of the last batch taken in.
pub struct Tail {
    store: Store,
    pending: Arc<RwLock<Pending>>,
    sequence: i64,
    hash: [u8; 32],
}

impl Tail {
    /// Reads the state as of the last batch and stands at its end.
    pub(super) fn open(store: Store) -> Result<(Recovered, Self), StoreError> {
        let (pending, recovered) = store.read(|db| {
            let pending = waiting::load(db)?;
            let recovered = load::load(db, &pending)?;
            Ok((pending, recovered))
        })?;
        let pending = Arc::new(RwLock::new(pending));
        store.share(&pending);
        let (sequence, hash) = (recovered.sequence, recovered.hash);
        Ok((recovered, Self { store, pending, sequence, hash }))
    }

    /// Returns the next rows, each checked to continue the chain; none at its end.
    ///
    /// # Errors
    /// What the database said; [`StoreError::Corrupt`] for a row that does not continue the chain.
    pub fn read(&mut self) -> Result<Vec<JournalRow>, StoreError> {
        let (sequence, hash) = (self.sequence, self.hash);
        let walk = self.store.connection()?.transaction(Purpose::Read, |db| chain(db, sequence, hash, ROWS))?;
        if let Some(last) = walk.rows.last() {
            (self.sequence, self.hash) = (last.sequence, last.hash);
        }
        match walk.broken {
            Some(Mismatch { key, what, .. }) => Err(StoreError::Corrupt { table: "journal", key, what }),
            None => Ok(walk.rows),
        }
    }

    /// Takes in what a batch changed that ends with a row.
    pub fn absorb(&mut self, changes: &Changes, sequence: i64) {
        let generation = self.store.pace().generation;
        let mut pending = self.pending_mut();
        let trade = changes.counters.trade.saturating_sub(1);
        pending.absorb(States::of(changes), Mark { sequence, trade });
        pending.freeze_if(generation);
    }

    /// Forgets what is in the tables by now.
    ///
    /// # Errors
    /// What the database said.
    pub fn trim(&mut self) -> Result<(), StoreError> {
        if !self.pending_mut().is_frozen() {
            return Ok(());
        }
        if let Some(mark) = self.store.read(log::mark)? {
            self.pending_mut().forget(mark);
        }
        Ok(())
    }

    fn pending_mut(&self) -> RwLockWriteGuard<'_, Pending> {
        self.pending.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        self.store.unshare(&self.pending);
    }
}
