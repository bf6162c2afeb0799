//! The one connection that writes.
//!
//! Invariant: a batch is wholly in the database or not at all. After a failed commit the caller must drop what it
//! has in memory, because whether the batch is there may not be known, and load again.

use std::path::PathBuf;

use diesel::{ExpressionMethods, QueryDsl, RunQueryDsl};

use super::db::{Purpose, on, portable};
use super::lock::Lock;
use super::row::Row;
use super::rows::{JournalEntry, RowSet, Visit};
use super::schema::{meta, remembered_keys};
use super::statement::{Unnest, insert_sqlite};
use super::{Address, Batch, Db, Recovered, StoreError, connect, load};

/// A write-ahead log larger than this is folded into the database when there is time.
const WAL_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// A write outside the exchange that shares the transaction of a batch.
pub type SideWrite<'s, E> = &'s mut dyn FnMut(&mut Db) -> Result<(), E>;

/// The writer of a database. There is one at a time, whatever the process.
#[allow(missing_debug_implementations)]
pub struct Writer {
    db: Db,
    lock: Lock,
    wal: Option<PathBuf>,
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
        Ok(Self { db, lock, wal })
    }

    /// Writes a batch and then whatever `side` writes, in one transaction.
    ///
    /// # Errors
    /// What the database or `side` said; nothing is written then, unless the commit itself was interrupted.
    pub fn commit<E: From<StoreError>>(&mut self, batch: &Batch, side: Option<SideWrite<'_, E>>) -> Result<(), E> {
        let rows = rows_of(batch)?;
        self.db.transaction(Purpose::Write, |db| {
            if let Some(rows) = &rows {
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
        self.db.transaction(Purpose::Read, load::load)
    }

    /// Does what can wait for a moment without work: folds a large write-ahead log into the database.
    ///
    /// # Errors
    /// What the database said.
    pub fn idle(&mut self) -> Result<(), StoreError> {
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
