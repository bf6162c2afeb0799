//! The durable truth: the only module that names diesel.
//!
//! Hot tables (journal, orders, trades, contracts, transfers) are append-only and keyed by the numbers the exchange
//! hands out; each names the row before it of whoever it belongs to, so histories need no index. What stands now is a
//! projection written in the same transaction. One source serves SQLite and PostgreSQL: see [`db`] for queries and [`Writer`] for the write path.
//!
//! Invariants: one writer per database; a batch is there wholly or not at all; money is stored and compared here,
//! never added.

pub mod accounts;
pub mod address;
pub mod batch;
mod connect;
pub mod db;
pub mod error;
mod load;
mod lock;
mod migrate;
pub mod quotes;
pub mod read;
mod row;
mod rows;
mod schema;
mod schema_accounts;
mod statement;
pub mod verify;
pub mod writer;

use std::fmt;
use std::sync::Arc;

use diesel::r2d2::Pool;
use diesel::{OptionalExtension, QueryDsl, QueryResult, RunQueryDsl};

pub use address::Address;
pub use batch::{Batch, JournalRow, chain_hash};
pub use db::Db;
pub use error::StoreError;
pub use load::Recovered;
pub use writer::{SideWrite, Writer, set_meta};

use db::{Purpose, on, portable};

/// A database and a few connections to read it; cheap to clone.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    address: Address,
    readers: Pool<connect::Readers>,
}

impl Store {
    /// Opens a database and brings its tables up to date; a file that is not there is made.
    ///
    /// # Errors
    /// [`StoreError::Address`], [`StoreError::Connection`], [`StoreError::Migration`] for a database that is ahead
    /// of this program, [`StoreError::Busy`] for one that must be migrated while another process writes.
    pub fn open(url: &str) -> Result<Self, StoreError> {
        let address = Address::parse(url)?;
        migrate::migrate(&address, &mut connect::writer(&address)?)?;
        let readers = connect::readers(&address);
        Ok(Self { inner: Arc::new(Inner { address, readers }) })
    }

    /// As [`Store::open`], but never makes a database.
    ///
    /// # Errors
    /// [`StoreError::Address`] if there is none; else as [`Store::open`].
    pub fn open_existing(url: &str) -> Result<Self, StoreError> {
        match Address::parse(url)? {
            Address::Sqlite(path) if !path.exists() => {
                Err(StoreError::Address(format!("there is no database {}", path.display())))
            }
            _ => Self::open(url),
        }
    }

    /// Returns where the database is.
    pub fn address(&self) -> &Address {
        &self.inner.address
    }

    /// Runs reads that all see one state of the tables. Blocks: not for the threads that serve requests.
    ///
    /// # Errors
    /// What the database or `f` said.
    pub fn read<T>(&self, f: impl FnOnce(&mut Db) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let reader = self.inner.readers.get();
        let mut reader = reader.map_err(|error| StoreError::Connection(error.to_string()))?;
        reader.transaction(Purpose::Read, f)
    }

    /// Takes the right to write.
    ///
    /// # Errors
    /// [`StoreError::Busy`] if somebody else has it.
    pub fn writer(&self) -> Result<Writer, StoreError> {
        Writer::open(&self.inner.address)
    }

    /// Returns a word about the database as a whole; see [`set_meta`].
    ///
    /// # Errors
    /// What the database said.
    pub fn meta(&self, key: &str) -> Result<Option<String>, StoreError> {
        self.read(|db| get_meta(db, key))
    }
}

/// Returns a word about the database as a whole, on a connection at hand.
///
/// # Errors
/// What the database said.
pub fn get_meta(db: &mut Db, key: &str) -> Result<Option<String>, StoreError> {
    Ok(on!(db, |c, m| m::meta(c, key))?)
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Store({})", self.inner.address)
    }
}

portable! {
    pub(crate) fn meta(c: &mut Conn, key: &str) -> QueryResult<Option<String>> {
        schema::meta::table.find(key).select(schema::meta::value).first(c).optional()
    }
}
