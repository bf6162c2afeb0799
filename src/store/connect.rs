//! Connections: one that writes, a few that read.

use std::time::Duration;

use diesel::r2d2::{ManageConnection, Pool};
use diesel::{Connection, PgConnection, SqliteConnection};

use super::{Address, Db, StoreError};

/// How long a reader waits for a connection: a server that is gone must not hold requests up.
const WAIT_MAX: Duration = Duration::from_secs(5);
/// Read connections; each serves one request at a time.
const READERS_MAX: u32 = 8;

// Durable against a power cut (FULL). Checkpoints are moved off the commit: see `checkpoint`.
// The page cache is small on purpose. Where SQLite rearranges a tree's pages it parks one at the number of the page that
// is never used (byte 2^30), and the commit then looks through all that is cached for pages past the end of the file: with
// 64 MiB of them that took 0.8 ms of every fiftieth commit of a settlement, with 16 MiB 0.3 ms. What is not cached here
// the operating system has.
const SQLITE_WRITER: &str = "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
    PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16384; PRAGMA wal_autocheckpoint = 0;";
const SQLITE_FOLDER: &str = "PRAGMA busy_timeout = 0; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0;";
const SQLITE_READER: &str =
    "PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = ON; PRAGMA cache_size = -16384; PRAGMA query_only = ON;";
// The writer only inserts and upserts: there is one plan and no choice to make, so it is neither compiled nor remade.
// (The known trap of generic plans, UPDATE .. FROM unnest, does not arise.)
const PG_WRITER: &str = "SET synchronous_commit = on; SET client_min_messages = warning; SET jit = off; SET plan_cache_mode = force_generic_plan;";
const PG_READER: &str = "SET default_transaction_read_only = on;";

/// Names what a program built with its checks shall leave out, so that its tests can see whether they would notice.
const SABOTAGE: &str = "GPUBOURSE_SABOTAGE";

/// Opens the connection that writes.
pub(super) fn writer(address: &Address) -> Result<Db, StoreError> {
    let mut db = connect(address, SQLITE_WRITER, PG_WRITER)?;
    if cfg!(debug_assertions) && std::env::var_os(SABOTAGE).is_some_and(|what| what == "durability") {
        db.run(match db {
            Db::Sqlite(_) => "PRAGMA synchronous = NORMAL",
            Db::Pg(_) => "SET synchronous_commit = off",
        })?;
    }
    Ok(db)
}

/// Opens the connection that folds the write-ahead log; for SQLite.
pub(super) fn folder(address: &Address) -> Result<Db, StoreError> {
    connect(address, SQLITE_FOLDER, PG_READER)
}

fn connect(address: &Address, sqlite: &str, postgres: &str) -> Result<Db, StoreError> {
    let (db, setup) = match address {
        Address::Sqlite(path) => {
            let path = path.to_str().ok_or_else(|| StoreError::Address("the path is not UTF-8".to_owned()))?;
            (SqliteConnection::establish(path).map(Db::Sqlite), sqlite)
        }
        Address::Postgres(url) => (PgConnection::establish(url).map(Db::Pg), postgres),
    };
    let mut db = db.map_err(|error| StoreError::Connection(format!("{address}: {error}")))?;
    db.run(setup)?;
    Ok(db)
}

/// Makes and checks read connections.
#[derive(Debug)]
pub(super) struct Readers(Address);

impl ManageConnection for Readers {
    type Connection = Db;
    type Error = StoreError;

    fn connect(&self) -> Result<Db, StoreError> {
        connect(&self.0, SQLITE_READER, PG_READER)
    }

    fn is_valid(&self, db: &mut Db) -> Result<(), StoreError> {
        match db {
            Db::Sqlite(_) => Ok(()),
            Db::Pg(_) => Ok(db.run("SELECT 1")?),
        }
    }

    fn has_broken(&self, db: &mut Db) -> bool {
        db.is_broken()
    }
}

/// Returns the pool of read connections; they are opened when first used.
pub(super) fn readers(address: &Address) -> Pool<Readers> {
    Pool::builder()
        .max_size(READERS_MAX)
        .min_idle(Some(0))
        .connection_timeout(WAIT_MAX)
        .build_unchecked(Readers(address.clone()))
}
