//! One writing process per database.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use diesel::sql_types::Bool;
use diesel::{QueryableByName, RunQueryDsl, sql_query};

use super::{Address, Db, StoreError};

/// The number that stands for "writes to this database" among PostgreSQL's advisory locks ("gpubours").
const ADVISORY_KEY: i64 = 0x6770_7562_6f75_7273;
/// A process that was killed holds its lock until its connection is found dead.
const TRIES_MAX: u32 = 20;
const TRY_EVERY: Duration = Duration::from_millis(50);

/// The right to write, held until it is dropped. On PostgreSQL the writer's own session holds it.
#[derive(Debug)]
pub(super) enum Lock {
    /// A locked file beside the database; the operating system unlocks it with the process.
    File { _file: File },
    /// The session of the connection.
    Session,
}

impl Lock {
    /// Takes the right to write through the connection that shall write.
    ///
    /// # Errors
    /// [`StoreError::Busy`] if another process, or another writer of this one, has it.
    pub(super) fn take(address: &Address, db: &mut Db) -> Result<Self, StoreError> {
        for _ in 1..TRIES_MAX {
            if let Some(lock) = Self::try_take(address, db)? {
                return Ok(lock);
            }
            std::thread::sleep(TRY_EVERY);
        }
        Self::try_take(address, db)?.ok_or_else(|| StoreError::Busy(address.to_string()))
    }

    fn try_take(address: &Address, db: &mut Db) -> Result<Option<Self>, StoreError> {
        match (address, db) {
            (Address::Sqlite(path), _) => lock_file(path),
            (Address::Postgres(_), Db::Pg(conn)) => {
                let sql = format!("SELECT pg_try_advisory_lock({ADVISORY_KEY}) AS taken");
                let answer: Answer = sql_query(sql).get_result(conn)?;
                Ok(answer.taken.then_some(Self::Session))
            }
            (Address::Postgres(_), Db::Sqlite(_)) => Err(StoreError::Address(address.to_string())),
        }
    }

    /// Gives the right back before the connection goes, so that the next writer need not wait for the server.
    pub(super) fn release(&self, db: &mut Db) -> Result<(), StoreError> {
        match self {
            Self::File { .. } => Ok(()),
            Self::Session => Ok(db.run(&format!("SELECT pg_advisory_unlock({ADVISORY_KEY})"))?),
        }
    }
}

#[derive(QueryableByName)]
struct Answer {
    #[diesel(sql_type = Bool)]
    taken: bool,
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
