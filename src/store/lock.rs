//! One writing process per database.
//!
//! On SQLite a locked file beside the database is the right to write, on PostgreSQL a [`Lease`]; there an advisory lock
//! also keeps migrations and writers apart.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use diesel::sql_types::Bool;
use diesel::{PgConnection, QueryableByName, RunQueryDsl, sql_query};

use super::lease::{Lease, Tenure};
use super::{Address, Db, StoreError};

/// The number that stands for "the tables of this database" among PostgreSQL's advisory locks ("gpubours").
const ADVISORY_KEY: i64 = 0x6770_7562_6f75_7273;
/// A process that was killed holds its lock until its connection is found dead.
const TRIES_MAX: u32 = 20;
pub(super) const TRY_EVERY: Duration = Duration::from_millis(50);

/// The right to write, or to migrate, held until it is dropped.
#[derive(Debug)]
pub(super) enum Lock {
    /// A locked file beside the database; the operating system unlocks it with the process.
    File { _file: File },
    /// The tables as they are, for this session; the right to write to them.
    Lease(Lease),
    /// The tables themselves, for this session.
    Tables,
}

impl Lock {
    /// Takes the right to write through the connection that shall write; waits for one that is being given back.
    ///
    /// # Errors
    /// [`StoreError::Busy`] if another process, or another writer of this one, has it.
    pub(super) fn take(address: &Address, db: &mut Db, tenure: &Tenure) -> Result<Self, StoreError> {
        for _ in 1..TRIES_MAX {
            if let Some(lock) = Self::try_take(address, db, tenure)? {
                return Ok(lock);
            }
            std::thread::sleep(TRY_EVERY);
        }
        Self::try_take(address, db, tenure)?.ok_or_else(|| StoreError::Busy(address.to_string()))
    }

    /// As [`Lock::take`], without waiting.
    pub(super) fn try_take(address: &Address, db: &mut Db, tenure: &Tenure) -> Result<Option<Self>, StoreError> {
        match (address, db) {
            (Address::Sqlite(path), _) => lock_file(path),
            (Address::Postgres(_), Db::Pg(conn)) => {
                if !advise(conn, "pg_try_advisory_lock_shared")? {
                    return Ok(None);
                }
                let lease = Lease::try_take(conn, tenure)?;
                if lease.is_none() {
                    advise(conn, "pg_advisory_unlock_shared")?;
                }
                Ok(lease.map(Self::Lease))
            }
            (Address::Postgres(_), Db::Sqlite(_)) => Err(StoreError::Address(address.to_string())),
        }
    }

    /// Takes the right to change the tables, if nobody else changes them or writes; nobody can write meanwhile.
    pub(super) fn try_take_tables(address: &Address, db: &mut Db) -> Result<Option<Self>, StoreError> {
        match (address, db) {
            (Address::Sqlite(path), _) => lock_file(path),
            (Address::Postgres(_), Db::Pg(conn)) => Ok(advise(conn, "pg_try_advisory_lock")?.then_some(Self::Tables)),
            (Address::Postgres(_), Db::Sqlite(_)) => Err(StoreError::Address(address.to_string())),
        }
    }

    /// Begins a write transaction: fails if the right to write is somebody else's by now.
    ///
    /// # Errors
    /// [`StoreError::Fenced`].
    pub(super) fn fence(&mut self, db: &mut Db) -> Result<(), StoreError> {
        match (self, db) {
            (Self::Lease(lease), Db::Pg(conn)) => lease.fence(conn),
            _ => Ok(()),
        }
    }

    /// Tells whether a sign of life is due.
    pub(super) fn is_due(&self) -> bool {
        matches!(self, Self::Lease(lease) if lease.is_due())
    }

    /// Gives the right back before the connection goes, so that the next writer need not wait for the server.
    pub(super) fn release(&self, db: &mut Db) -> Result<(), StoreError> {
        match (self, db) {
            (Self::Lease(lease), Db::Pg(conn)) => {
                lease.release(conn)?;
                advise(conn, "pg_advisory_unlock_shared").map(drop)
            }
            (Self::Tables, Db::Pg(conn)) => advise(conn, "pg_advisory_unlock").map(drop),
            _ => Ok(()),
        }
    }
}

#[derive(QueryableByName)]
struct Answer {
    #[diesel(sql_type = Bool)]
    done: bool,
}

/// Calls one of PostgreSQL's functions for advisory locks.
fn advise(conn: &mut PgConnection, function: &str) -> Result<bool, StoreError> {
    let answer: Answer = sql_query(format!("SELECT {function}({ADVISORY_KEY}) AS done")).get_result(conn)?;
    Ok(answer.done)
}

fn lock_file(database: &Path) -> Result<Option<Lock>, StoreError> {
    let mut path = std::fs::canonicalize(database).unwrap_or_else(|_| database.to_path_buf()).into_os_string();
    path.push(".lock");
    let path = PathBuf::from(path);
    let failed = |error: std::io::Error| StoreError::Connection(format!("{}: {error}", path.display()));
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(Lock::File { _file: file })),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}
