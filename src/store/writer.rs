//! The one connection that writes.
//!
//! Invariant: a batch is wholly in the database or not at all. After a failed commit the caller must drop what it
//! has in memory, because whether the batch is there may not be known, and load again.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};

use diesel::{ExpressionMethods, QueryDsl, RunQueryDsl};

use super::checkpoint::Checkpoints;
use super::db::{Purpose, on, portable};
use super::lock::Lock;
use super::pending::load as waiting;
use super::pending::log::{self, MarkRow, PendingRow};
use super::pending::{Mark, Pace, Pending, Slice, StateRows};
use super::row::Row;
use super::rows::{JournalEntry, RowSet, Visit};
use super::schema::{meta, remembered_keys};
use super::statement::{Unnest, insert_sqlite};
use super::{Address, Batch, Db, JournalRow, Recovered, Store, StoreError, connect, load};

/// A write-ahead log larger than this is folded into the database when there is time.
const WAL_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// States written in one transaction when there is nothing else to do.
const STATES_TOGETHER: usize = 4_000;

/// A write outside the exchange that shares the transaction of a batch.
pub type SideWrite<'s, E> = &'s mut dyn FnMut(&mut Db) -> Result<(), E>;

/// The writer of a database. There is one at a time, whatever the process.
#[allow(missing_debug_implementations)]
pub struct Writer {
    db: Db,
    lock: Lock,
    wal: Option<PathBuf>,
    checkpoints: Option<Checkpoints>,
    /// Shared with the readers of this process.
    pending: Arc<RwLock<Pending>>,
    store: Store,
}

impl Writer {
    pub(super) fn open(store: Store) -> Result<Self, StoreError> {
        let address = store.address();
        let mut db = connect::writer(address)?;
        let lock = Lock::take(address, &mut db, store.tenure())?;
        Self::with_right(store, db, lock)
    }

    pub(super) fn try_open(store: Store) -> Result<Option<Self>, StoreError> {
        let address = store.address();
        let mut db = connect::writer(address)?;
        let lock = Lock::try_take(address, &mut db, store.tenure())?;
        lock.map(|lock| Self::with_right(store, db, lock)).transpose()
    }

    fn with_right(store: Store, mut db: Db, lock: Lock) -> Result<Self, StoreError> {
        let address = store.address();
        let wal = match address {
            Address::Sqlite(path) => {
                let mut path = path.clone().into_os_string();
                path.push("-wal");
                Some(PathBuf::from(path))
            }
            Address::Postgres(_) => None,
        };
        wal.as_deref().map_or(Ok(()), sync_log)?;
        let pending = Arc::new(RwLock::new(db.transaction(Purpose::Read, waiting::load)?));
        store.share(&pending);
        let checkpoints = Checkpoints::start(address)?;
        Ok(Self { db, lock, wal, checkpoints, pending, store })
    }

    /// Writes a batch and then whatever `side` writes, in one transaction.
    ///
    /// # Errors
    /// What the database or `side` said; nothing is written then, unless the commit itself was interrupted. The state
    /// must be loaded again before the next batch.
    pub fn commit<E: From<StoreError>>(&mut self, batch: &Batch, side: Option<SideWrite<'_, E>>) -> Result<(), E> {
        let Some(last) = batch.journal.last() else { return self.transaction(None, &Slice::default(), side) };
        let mut rows = rows_of(batch, last)?;
        let pace = self.store.pace();
        let slice = self.pending_mut().riding(rows.states.len(), pace);
        self.transaction(Some(&rows), &slice, side)?;
        let states = std::mem::take(&mut rows.states);
        let mut pending = self.pending_mut();
        pending.written(&slice);
        let trade = batch.changes.counters.trade.saturating_sub(1);
        pending.absorb(states, Mark { sequence: last.sequence, trade });
        Ok(())
    }

    fn transaction<E: From<StoreError>>(
        &mut self,
        rows: Option<&RowSet>,
        slice: &Slice,
        side: Option<SideWrite<'_, E>>,
    ) -> Result<(), E> {
        let states = slice.states.rows()?;
        let Self { db, lock, .. } = self;
        db.transaction(Purpose::Write, |db| {
            lock.fence(db)?;
            write(db, rows, &states, slice.mark)?;
            let Some(side) = side else { return Ok(()) };
            side(db)?;
            Ok(db.ensure_sound()?)
        })
    }

    /// Runs writes outside the exchange in a transaction of their own.
    ///
    /// # Errors
    /// What the database or `f` said; nothing is written then.
    pub fn side<T, E: From<StoreError>>(&mut self, f: impl FnOnce(&mut Db) -> Result<T, E>) -> Result<T, E> {
        let Self { db, lock, .. } = self;
        db.transaction(Purpose::Write, |db| {
            lock.fence(db)?;
            let value = f(db)?;
            db.ensure_sound()?;
            Ok(value)
        })
    }

    /// Returns the connection.
    pub const fn db(&mut self) -> &mut Db {
        &mut self.db
    }

    /// Reads back the state as of the last batch.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if the tables do not hold what the program writes there.
    pub fn load(&mut self) -> Result<Recovered, StoreError> {
        let (pending, recovered) = self.db.transaction(Purpose::Read, |db| {
            let pending = waiting::load(db)?;
            let recovered = load::load(db, &pending)?;
            Ok::<_, StoreError>((pending, recovered))
        })?;
        *self.pending_mut() = pending;
        Ok(recovered)
    }

    /// Does what can wait for a moment without work: writes states that wait, all unless there are very many, and folds
    /// a large write-ahead log into the database.
    ///
    /// # Errors
    /// What the database said.
    pub fn idle(&mut self) -> Result<(), StoreError> {
        self.write_states(self.store.pace().idle)?;
        self.fold_log()
    }

    /// Writes every state that waits, so that the tables say all by themselves.
    ///
    /// # Errors
    /// What the database said.
    pub fn write_waiting(&mut self) -> Result<(), StoreError> {
        self.write_states(usize::MAX)
    }

    /// Gives a sign of life when one is due.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] if the right to write is somebody else's by now.
    pub fn keep(&mut self) -> Result<(), StoreError> {
        if self.lock.is_due() { self.side(|_| Ok(())) } else { Ok(()) }
    }

    /// Does what is left to do before the writer goes.
    ///
    /// # Errors
    /// What the database said; nothing is lost then, the next writer reads more.
    pub fn finish(&mut self) -> Result<(), StoreError> {
        if self.store.pace() == Pace::NEVER { Ok(()) } else { self.write_waiting() }
    }

    fn write_states(&mut self, states_max: usize) -> Result<(), StoreError> {
        let mut left = states_max;
        while left > 0 {
            let slice = self.pending_mut().next(left.min(STATES_TOGETHER));
            if slice.is_empty() {
                break;
            }
            left = left.saturating_sub(slice.states.len().max(1));
            self.transaction::<StoreError>(None, &slice, None)?;
            self.pending_mut().written(&slice);
        }
        Ok(())
    }

    /// Does what must be done between two transactions, once their callers are answered: has the write-ahead log folded
    /// into the database when it is long.
    ///
    /// # Errors
    /// What the database said.
    pub fn between(&mut self) -> Result<(), StoreError> {
        let Self { checkpoints: Some(checkpoints), db, .. } = self else { return Ok(()) };
        checkpoints.call(db)?;
        checkpoints.tail(db)
    }

    fn pending_mut(&self) -> RwLockWriteGuard<'_, Pending> {
        self.pending.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn fold_log(&mut self) -> Result<(), StoreError> {
        let Some(wal) = &self.wal else { return Ok(()) };
        if std::fs::metadata(wal).is_ok_and(|file| file.len() > WAL_BYTES_MAX) {
            // A reader in the way ends the attempt, not the writer's turn.
            self.db.run("PRAGMA busy_timeout = 20")?;
            let done = self.db.run("PRAGMA wal_checkpoint(TRUNCATE)");
            self.db.run("PRAGMA busy_timeout = 5000")?;
            done?;
        }
        Ok(())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // Before another process may write: what this one knows of what waits is about to be old.
        self.store.unshare(&self.pending);
        if let Err(error) = self.lock.release(&mut self.db) {
            tracing::warn!(%error, "the right to write ends with the connection");
        }
    }
}

/// Makes durable what the log of the last writer holds: one that was killed before it had synced a commit leaves one
/// that is there, and that the next power cut could take back after somebody has read it.
fn sync_log(log: &Path) -> Result<(), StoreError> {
    match File::open(log).and_then(|file| file.sync_all()) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(StoreError::Connection(format!("{}: {error}", log.display())))
        }
        _ => Ok(()),
    }
}

/// Returns the rows of a batch that ends with `last`.
fn rows_of(batch: &Batch, last: &JournalRow) -> Result<RowSet, StoreError> {
    let mut rows = RowSet::of(&batch.changes, last)?;
    rows.journal = batch.journal.iter().map(JournalEntry::of).collect();
    rows.pending = PendingRow::of(&rows.states, last.sequence)?.into_iter().collect();
    Ok(rows)
}

/// Writes the rows of a batch and some of the states that wait.
fn write(db: &mut Db, rows: Option<&RowSet>, states: &StateRows, mark: Option<Mark>) -> Result<(), StoreError> {
    let marks: Vec<MarkRow> = mark.map(MarkRow::at).into_iter().collect();
    if let Some(mark) = mark {
        log::forget(db, mark)?;
    }
    for (actor, key) in rows.into_iter().flat_map(|rows| &rows.forgotten) {
        on!(db, |c, m| m::forget(c, actor, key))?;
    }
    match db {
        Db::Sqlite(conn) => show(rows, states, &marks, &mut ToSqlite(conn)),
        Db::Pg(conn) => {
            let mut statement = Unnest::default();
            show(rows, states, &marks, &mut statement)?;
            Ok(statement.run(conn)?)
        }
    }
}

fn show<'a>(
    rows: Option<&'a RowSet>,
    states: &'a StateRows,
    marks: &'a [MarkRow],
    visit: &mut impl Visit<'a>,
) -> Result<(), StoreError> {
    if let Some(rows) = rows {
        visit.rows(&rows.journal)?;
        rows.visit(visit)?;
        visit.rows(&rows.pending)?;
    }
    states.visit(visit)?;
    visit.rows(marks)
}

struct ToSqlite<'c>(&'c mut diesel::SqliteConnection);

impl<'a> Visit<'a> for ToSqlite<'_> {
    fn rows<R: Row>(&mut self, rows: &'a [R]) -> Result<(), StoreError> {
        Ok(insert_sqlite(self.0, rows)?)
    }
}

impl<'a> Visit<'a> for Unnest<'a> {
    fn rows<R: Row>(&mut self, rows: &'a [R]) -> Result<(), StoreError> {
        self.push(rows);
        Ok(())
    }
}

/// Sets a word about the database as a whole; for use in a side write.
///
/// # Errors
/// What the database said.
pub fn set_meta(db: &mut Db, key: &str, value: &str) -> Result<(), StoreError> {
    Ok(on!(db, |c, m| m::set_meta(c, key, value)).map(|_| ())?)
}

portable! {
    pub(crate) fn forget(c: &mut Conn, actor: &str, key: &str) -> diesel::QueryResult<usize> {
        diesel::delete(remembered_keys::table.find((actor, key))).execute(c)
    }

    pub(crate) fn set_meta(c: &mut Conn, key: &str, value: &str) -> diesel::QueryResult<usize> {
        let row = (meta::key.eq(key), meta::value.eq(value));
        diesel::insert_into(meta::table)
            .values(row)
            .on_conflict(meta::key)
            .do_update()
            .set(meta::value.eq(value))
            .execute(c)
    }
}
