//! Brings a database up to the tables this program knows, or refuses one that is ahead of it.

use diesel::migration::{Migration, MigrationSource, MigrationVersion};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::lock::{Lock, TRY_EVERY};
use super::{Address, Db, StoreError};

const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// Of processes that start at once on a new database one makes the tables, and the others wait for it.
const TRIES_MAX: u32 = 200;

/// Runs what is pending, as the only writer.
///
/// # Errors
/// [`StoreError::Migration`] if the database has migrations this program does not know; [`StoreError::Busy`] if
/// some are pending while another process writes.
pub(super) fn migrate(address: &Address, db: &mut Db) -> Result<(), StoreError> {
    for tries_left in (0..TRIES_MAX).rev() {
        match is_pending(db) {
            Ok(false) => return Ok(()),
            Ok(true) => {
                if let Some(lock) = Lock::try_take_tables(address, db)? {
                    // Whoever held the lock before may have done it.
                    let done = if is_pending(db)? { run(db) } else { Ok(()) };
                    return done.and(lock.release(db));
                }
            }
            // Of those that ask a new PostgreSQL database at once, all but one may fail to make the table they ask.
            Err(error) if tries_left == 0 => return Err(error),
            Err(_) => {}
        }
        std::thread::sleep(TRY_EVERY);
    }
    Err(StoreError::Busy(address.to_string()))
}

fn is_pending(db: &mut Db) -> Result<bool, StoreError> {
    match db {
        Db::Sqlite(conn) => pending(conn, &SQLITE),
        Db::Pg(conn) => pending(conn, &POSTGRES),
    }
}

fn pending<DB: diesel::backend::Backend>(
    conn: &mut impl MigrationHarness<DB>,
    source: &EmbeddedMigrations,
) -> Result<bool, StoreError> {
    let known: Vec<Box<dyn Migration<DB>>> = source.migrations().map_err(failed)?;
    let applied: Vec<MigrationVersion<'static>> = conn.applied_migrations().map_err(failed)?;
    let unknown = applied.iter().find(|version| known.iter().all(|known| known.name().version() != **version));
    match unknown {
        Some(version) => Err(StoreError::Migration(format!("the database is ahead of this program: {version}"))),
        None => Ok(applied.len() < known.len()),
    }
}

fn run(db: &mut Db) -> Result<(), StoreError> {
    match db {
        Db::Sqlite(conn) => conn.run_pending_migrations(SQLITE).map(|_| ()).map_err(failed),
        Db::Pg(conn) => conn.run_pending_migrations(POSTGRES).map(|_| ()).map_err(failed),
    }
}

fn failed(error: Box<dyn std::error::Error + Send + Sync>) -> StoreError {
    StoreError::Migration(error.to_string())
}
