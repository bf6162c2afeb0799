//! One connection to either database, its transactions, and the macro that writes a query once for both.
//!
//! diesel's `MultiConnection` compiles neither batch inserts nor `ON CONFLICT` nor `BEGIN IMMEDIATE`, so a
//! query is written in `portable!`, which expands to twin modules, and called through `on!`.

use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};
use diesel::{PgConnection, QueryResult, SqliteConnection};

use super::StoreError;

/// A connection to one of the two databases.
#[allow(missing_debug_implementations)]
pub enum Db {
    /// The embedded database.
    Sqlite(SqliteConnection),
    /// The server.
    Pg(PgConnection),
}

/// What a transaction is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// It sees one state of all tables and changes nothing.
    Read,
    /// It is the only one that writes.
    Write,
}

impl Db {
    /// Runs `f` in a transaction, which is rolled back if it fails.
    pub(crate) fn transaction<T, E: From<StoreError>>(
        &mut self,
        purpose: Purpose,
        f: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<T, E> {
        self.begin(purpose).map_err(StoreError::from)?;
        match f(self) {
            Ok(value) => {
                self.commit().map_err(StoreError::from)?;
                Ok(value)
            }
            Err(error) => {
                // The cause matters to the caller; a connection that cannot roll back counts as broken from here on.
                if let Err(rollback) = self.rollback() {
                    tracing::error!(error = %rollback, "rollback failed");
                }
                Err(error)
            }
        }
    }

    /// Fails if a statement of the current transaction failed and nobody said so: PostgreSQL would answer COMMIT with a
    /// silent ROLLBACK, and the caller would take for written what is not.
    pub(crate) fn ensure_sound(&mut self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(_) => Ok(()),
            Self::Pg(_) => Ok(self.run("SELECT 1")?),
        }
    }

    /// Runs statements without parameters and drops what they answer.
    pub(crate) fn run(&mut self, sql: &str) -> QueryResult<()> {
        match self {
            Self::Sqlite(conn) => conn.batch_execute(sql),
            Self::Pg(conn) => conn.batch_execute(sql),
        }
    }

    /// Tells whether the connection is inside a transaction that nobody ends, or otherwise useless.
    pub(crate) fn is_broken(&mut self) -> bool {
        match self {
            Self::Sqlite(conn) => AnsiTransactionManager::is_broken_transaction_manager(conn),
            Self::Pg(conn) => AnsiTransactionManager::is_broken_transaction_manager(conn),
        }
    }

    fn begin(&mut self, purpose: Purpose) -> QueryResult<()> {
        // A plain BEGIN on SQLite that reads first fails at its first write if another connection wrote meanwhile.
        let sql = match (&*self, purpose) {
            (Self::Sqlite(_), Purpose::Read) => "BEGIN",
            (Self::Sqlite(_), Purpose::Write) => "BEGIN IMMEDIATE",
            (Self::Pg(_), Purpose::Read) => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
            (Self::Pg(_), Purpose::Write) => "BEGIN",
        };
        match self {
            Self::Sqlite(conn) => AnsiTransactionManager::begin_transaction_sql(conn, sql),
            Self::Pg(conn) => AnsiTransactionManager::begin_transaction_sql(conn, sql),
        }
    }

    fn commit(&mut self) -> QueryResult<()> {
        match self {
            Self::Sqlite(conn) => AnsiTransactionManager::commit_transaction(conn),
            Self::Pg(conn) => AnsiTransactionManager::commit_transaction(conn),
        }
    }

    fn rollback(&mut self) -> QueryResult<()> {
        match self {
            Self::Sqlite(conn) => AnsiTransactionManager::rollback_transaction(conn),
            Self::Pg(conn) => AnsiTransactionManager::rollback_transaction(conn),
        }
    }
}

/// Expands its items twice: in a module `sqlite` and in a module `pg`, with `Conn`, `DB`, `BINDS_MAX` and `Streaming`
/// (how `load_iter` reads rows without holding them all).
macro_rules! portable {
    ($($item:item)*) => {
        /// The queries on SQLite.
        #[allow(dead_code, unused_imports)]
        pub(crate) mod sqlite {
            use super::*;
            pub(crate) type Conn = diesel::SqliteConnection;
            type DB = diesel::sqlite::Sqlite;
            type Streaming = diesel::connection::DefaultLoadingMode;
            const BINDS_MAX: usize = 32_766;
            $($item)*
        }
        /// The queries on PostgreSQL.
        #[allow(dead_code, unused_imports)]
        pub(crate) mod pg {
            use super::*;
            pub(crate) type Conn = diesel::PgConnection;
            type DB = diesel::pg::Pg;
            type Streaming = diesel::pg::PgRowByRowLoadingMode;
            const BINDS_MAX: usize = 65_535;
            $($item)*
        }
    };
}

/// Runs an expression on the connection behind a [`Db`]; `$m` is the twin module that fits it.
macro_rules! on {
    ($db:expr, |$c:ident, $m:ident| $e:expr) => {
        match $db {
            $crate::store::Db::Sqlite($c) => {
                use sqlite as $m;
                $e
            }
            $crate::store::Db::Pg($c) => {
                use pg as $m;
                $e
            }
        }
    };
}

pub(crate) use {on, portable};
