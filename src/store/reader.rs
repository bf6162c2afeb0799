//! A connection that reads the exchange's tables with what is not in them yet.

use std::sync::{Arc, PoisonError, RwLock};

use diesel::r2d2::PooledConnection;

use super::connect::Readers;
use super::pending::{Pending, load};
use super::{Db, StoreError, db::Purpose};

/// Reads records. What it returned stays true: rows never change, and a state read later is never older.
///
/// There is no transaction around what it reads: a history is a chain from what stands, and a state is looked for among
/// those that wait before it is read from its table, so whatever is written in between only adds to what is seen.
#[allow(missing_debug_implementations)]
pub struct Reader {
    db: PooledConnection<Readers>,
    pending: Known,
}

/// The states that wait.
enum Known {
    /// Those of the writer in this process, as they come and go.
    Shared(Arc<RwLock<Pending>>),
    /// Those that were in the table when the reader was made.
    Loaded(Box<Pending>),
}

impl Reader {
    /// Returns a reader of what the writer of this process has committed.
    pub(super) const fn shared(db: PooledConnection<Readers>, pending: Arc<RwLock<Pending>>) -> Self {
        Self { db, pending: Known::Shared(pending) }
    }

    /// Returns a reader of what some other process has committed so far.
    pub(super) fn loaded(mut db: PooledConnection<Readers>) -> Result<Self, StoreError> {
        let pending = db.transaction(Purpose::Read, load::load)?;
        Ok(Self { db, pending: Known::Loaded(Box::new(pending)) })
    }

    /// Returns the connection, for what has no state that may wait.
    pub fn db(&mut self) -> &mut Db {
        &mut self.db
    }

    /// Looks at the states that wait. Read what is not among them afterwards, not before.
    pub(super) fn waiting<T>(&self, look: impl FnOnce(&Pending) -> T) -> T {
        match &self.pending {
            Known::Shared(pending) => look(&pending.read().unwrap_or_else(PoisonError::into_inner)),
            Known::Loaded(pending) => look(pending),
        }
    }
}
