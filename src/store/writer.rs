//! The one connection that writes.
//!
//! Invariant: a batch is wholly in the database or not at all. After a failed commit the caller must drop what it
//! has in memory, because whether the batch is there may not be known, and load again.

use std::path::PathBuf;

use diesel::{ExpressionMethods, QueryDsl, RunQueryDsl};

use super::db::{Purpose, on, portable};
use super::feed::pending::Slice;
use super::feed::{FeedRow, Pace, Pending, unwritten};
use super::lock::Lock;
use super::row::Row;
use super::rows::{JournalEntry, RowSet, Visit};
use super::schema::{meta, remembered_keys};
use super::statement::{Unnest, insert_sqlite};
use super::{Address, Batch, Db, Recovered, StoreError, connect, load};

/// A write-ahead log larger than this is folded into the database when there is time.
const WAL_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// Feed rows written in one moment without work: it must not be a long one.
const IDLE_ROWS_MAX: usize = 10_000;

/// A write outside the exchange that shares the transaction of a batch.
pub type SideWrite<'s, E> = &'s mut dyn FnMut(&mut Db) -> Result<(), E>;

/// The writer of a database. There is one at a time, whatever the process.
#[allow(missing_debug_implementations)]
pub struct Writer {
    db: Db,
    lock: Lock,
    wal: Option<PathBuf>,
    /// What the feed is owed; absent until it is looked up, and after a failure.
    pending: Option<Pending>,
    pace: Pace,
}

impl Writer {
    pub(super) fn open(address: &Address) -> Result<Self, StoreError> {
        let mut db = connect::writer(address)?;
        let lock = Lock::take(address, &mut db)?;
        let wal = match address {
            Address::Sqlite(path) => {
                let mut path = path.clone().into_os_string();
                path.push("-wal");
                Some(PathBuf::from(path))
            }
            Address::Postgres(_) => None,
        };
        Ok(Self { db, lock, wal, pending: None, pace: Pace::default() })
    }

    /// Writes a batch and then whatever `side` writes, in one transaction.
    ///
    /// # Errors
    /// What the database or `side` said; nothing is written then, unless the commit itself was interrupted.
    pub fn commit<E: From<StoreError>>(&mut self, batch: &Batch, side: Option<SideWrite<'_, E>>) -> Result<(), E> {
        let Some(mut rows) = rows_of(batch)? else { return self.transaction(None, side) };
        // The feed is paid later: what rides on this batch is owed by earlier ones.
        let owed = std::mem::take(&mut rows.feed);
        let pace = self.pace;
        let slice = self.pending()?.slice(owed.len(), pace);
        let written = slice.rows.len();
        rows.pay(slice);
        let done = self.transaction(Some(&rows), side);
        match (&done, &mut self.pending) {
            (Ok(()), Some(pending)) => {
                pending.written(written);
                pending.add(owed);
            }
            // Whether the batch is there may not be known.
            _ => self.pending = None,
        }
        done
    }

    fn transaction<E: From<StoreError>>(
        &mut self,
        rows: Option<&RowSet>,
        side: Option<SideWrite<'_, E>>,
    ) -> Result<(), E> {
        self.db.transaction(Purpose::Write, |db| {
            if let Some(rows) = rows {
                write(db, rows)?;
            }
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
        self.db.transaction(Purpose::Write, |db| {
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
        self.pending = None;
        let (recovered, pending) =
            self.db.transaction(Purpose::Read, |db| Ok::<_, StoreError>((load::load(db)?, unwritten::load(db)?)))?;
        self.pending = Some(pending);
        Ok(recovered)
    }

    /// Sets how many feed rows gather before they are written, and how many of them ride on a batch then.
    pub const fn set_feed_pace(&mut self, generation: usize, slice: usize) {
        self.pace = Pace { generation, slice };
    }

    fn pending(&mut self) -> Result<&mut Pending, StoreError> {
        let pending = match self.pending.take() {
            Some(pending) => pending,
            None => self.db.transaction(Purpose::Read, unwritten::load)?,
        };
        Ok(self.pending.insert(pending))
    }

    /// Does what can wait for a moment without work: writes feed rows, all unless there are very many, and folds a
    /// large write-ahead log into the database.
    ///
    /// # Errors
    /// What the database said.
    pub fn idle(&mut self) -> Result<(), StoreError> {
        self.write_feed(IDLE_ROWS_MAX)?;
        self.fold_log()
    }

    fn write_feed(&mut self, rows_max: usize) -> Result<(), StoreError> {
        let mut left = rows_max;
        while left > 0 {
            let slice = self.pending()?.take(left);
            let written = slice.rows.len();
            if written == 0 {
                break;
            }
            let mut rows = RowSet::default();
            rows.pay(slice);
            self.transaction::<StoreError>(Some(&rows), None)?;
            if let Some(pending) = &mut self.pending {
                pending.written(written);
            }
            left = left.saturating_sub(written);
        }
        Ok(())
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
        if let Err(error) = self.lock.release(&mut self.db) {
            tracing::warn!(%error, "the right to write ends with the connection");
        }
    }
}

/// Returns the rows of a batch; none for a batch without commands.
fn rows_of(batch: &Batch) -> Result<Option<RowSet>, StoreError> {
    let Some(last) = batch.journal.last() else { return Ok(None) };
    let mut rows = RowSet::of(&batch.changes, last)?;
    rows.journal = batch.journal.iter().map(JournalEntry::of).collect();
    Ok(Some(rows))
}

impl RowSet {
    /// Puts what is written of the feed beside what cannot be put off.
    fn pay(&mut self, slice: Slice) {
        let mut feed: Vec<FeedRow> = std::mem::take(&mut self.passed);
        feed.extend(slice.rows);
        self.feed = feed;
        self.feed_state = slice.mark.into_iter().collect();
    }
}

fn write(db: &mut Db, rows: &RowSet) -> Result<(), StoreError> {
    for (actor, key) in &rows.forgotten {
        on!(db, |c, m| m::forget(c, actor, key))?;
    }
    match db {
        Db::Sqlite(conn) => {
            insert_sqlite(conn, &rows.journal)?;
            rows.visit(&mut ToSqlite(conn))
        }
        Db::Pg(conn) => {
            let mut statement = Unnest::default();
            statement.push(&rows.journal);
            rows.visit(&mut statement)?;
            Ok(statement.run(conn)?)
        }
    }
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
