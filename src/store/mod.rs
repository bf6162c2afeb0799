//! The durable truth: the only module that names diesel.
//!
//! Hot tables (journal, orders, trades, contracts, transfers) are append-only and keyed by the numbers the exchange
//! hands out; each names the row before it of whoever it belongs to, so histories need no index. What stands now is a
//! projection, whose rows wait until there are many (`pending`); a [`Reader`] sees them all the same. One source serves SQLite and PostgreSQL: see [`db`] for queries and [`Writer`] for the write path.
//!
//! Invariants: one writer per database; a batch is there wholly or not at all; money is stored and compared here,
//! never added.

pub mod accounts;
pub mod address;
pub mod batch;
mod checkpoint;
mod connect;
pub mod db;
pub mod error;
mod lease;
mod load;
mod lock;
mod migrate;
mod pending;
pub mod quotes;
pub mod read;
mod reader;
mod row;
mod rows;
mod schema;
mod schema_accounts;
mod statement;
mod tail;
pub mod verify;
pub mod writer;

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use diesel::r2d2::{Pool, PooledConnection};
use diesel::{OptionalExtension, QueryDsl, QueryResult, RunQueryDsl};

pub use address::Address;
pub use batch::{Batch, JournalRow, chain_hash};
pub use db::Db;
pub use error::StoreError;
pub use lease::{Holder, Tenure};
pub use load::Recovered;
pub use pending::Pace;
pub use reader::Reader;
pub use tail::Tail;
pub use writer::{SideWrite, Writer, set_meta};

use db::{Purpose, on, portable};
use pending::Pending;

/// A database and a few connections to read it; cheap to clone.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    address: Address,
    readers: Pool<connect::Readers>,
    pace: Pace,
    tenure: Tenure,
    /// The states that wait, while this process has the writer.
    pending: RwLock<Option<Arc<RwLock<Pending>>>>,
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
        let (pace, tenure, pending) = (Pace::default(), Tenure::default(), RwLock::default());
        Ok(Self { inner: Arc::new(Inner { address, readers, pace, tenure, pending }) })
    }

    /// Returns the store with another pace of writing states: for tests, which must not wait for many.
    pub fn with_pace(self, pace: Pace) -> Self {
        self.with(|inner| inner.pace = pace)
    }

    /// Returns the store as a process uses it that others know by a name.
    pub fn with_tenure(self, tenure: Tenure) -> Self {
        self.with(|inner| inner.tenure = tenure)
    }

    fn with(self, change: impl FnOnce(&mut Inner)) -> Self {
        let Inner { address, readers, pace, tenure, .. } = &*self.inner;
        let (address, readers, tenure) = (address.clone(), readers.clone(), tenure.clone());
        let mut inner = Inner { address, readers, pace: *pace, tenure, pending: RwLock::default() };
        change(&mut inner);
        Self { inner: Arc::new(inner) }
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
        self.connection()?.transaction(Purpose::Read, f)
    }

    /// Returns a connection that reads the exchange's records. Blocks, as do all its reads.
    ///
    /// # Errors
    /// What the database said.
    pub fn reader(&self) -> Result<Reader, StoreError> {
        let db = self.connection()?;
        let pending = self.inner.pending.read().unwrap_or_else(PoisonError::into_inner).clone();
        match pending {
            Some(pending) => Ok(Reader::shared(db, pending)),
            None => Reader::loaded(db),
        }
    }

    fn connection(&self) -> Result<PooledConnection<connect::Readers>, StoreError> {
        self.inner.readers.get().map_err(|error| StoreError::Connection(error.to_string()))
    }

    /// Takes the right to write.
    ///
    /// # Errors
    /// [`StoreError::Busy`] if somebody else has it.
    pub fn writer(&self) -> Result<Writer, StoreError> {
        Writer::open(self.clone())
    }

    /// Takes the right to write if nobody has it; waits for nobody.
    ///
    /// # Errors
    /// What the database said.
    pub fn try_writer(&self) -> Result<Option<Writer>, StoreError> {
        Writer::try_open(self.clone())
    }

    /// Returns who holds the right to write, where a lease says so; nothing on SQLite, where it never leaves a machine.
    ///
    /// # Errors
    /// What the database said.
    pub fn holder(&self) -> Result<Option<Holder>, StoreError> {
        match &mut *self.connection()? {
            Db::Sqlite(_) => Ok(None),
            Db::Pg(conn) => lease::holder(conn).map(Some),
        }
    }

    /// Tells whether processes on several machines could write to the database.
    pub fn is_shared(&self) -> bool {
        matches!(self.inner.address, Address::Postgres(_))
    }

    /// How this process holds the right to write.
    fn tenure(&self) -> &Tenure {
        &self.inner.tenure
    }

    /// How states are written.
    fn pace(&self) -> Pace {
        self.inner.pace
    }

    /// Reads the state as of the last batch and follows the journal from there.
    ///
    /// # Errors
    /// What the database said; [`StoreError::Corrupt`] if the tables do not hold what the program writes there.
    pub fn tail(&self) -> Result<(Recovered, Tail), StoreError> {
        Tail::open(self.clone())
    }

    /// Lets readers see the states that wait.
    fn share(&self, pending: &Arc<RwLock<Pending>>) {
        *self.inner.pending.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(pending));
    }

    /// Lets readers no longer see these states; others that were shared since stay.
    fn unshare(&self, pending: &Arc<RwLock<Pending>>) {
        let mut shared = self.inner.pending.write().unwrap_or_else(PoisonError::into_inner);
        if shared.as_ref().is_some_and(|shared| Arc::ptr_eq(shared, pending)) {
            *shared = None;
        }
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
