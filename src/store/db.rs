//! One connection to either database, and the macro that writes a query once for both.
//!
//! diesel's `MultiConnection` compiles neither batch inserts nor `ON CONFLICT` nor `BEGIN IMMEDIATE`, so a
//! query is written in [`portable!`], which expands to twin modules, and called through [`on!`].

use diesel::{PgConnection, SqliteConnection};

/// A connection to one of the two databases.
#[allow(missing_debug_implementations)]
pub enum Db {
    /// The embedded database.
    Sqlite(SqliteConnection),
    /// The server.
    Pg(PgConnection),
}

/// Expands its items twice: in a module `sqlite` and in a module `pg`, with `Conn`, `DB` and `BINDS_MAX`.
macro_rules! portable {
    ($($item:item)*) => {
        /// The queries on SQLite.
        #[allow(dead_code, unused_imports)]
        pub mod sqlite {
            use super::*;
            pub type Conn = diesel::SqliteConnection;
            type DB = diesel::sqlite::Sqlite;
            const BINDS_MAX: usize = 32_766;
            $($item)*
        }
        /// The queries on PostgreSQL.
        #[allow(dead_code, unused_imports)]
        pub mod pg {
            use super::*;
            pub type Conn = diesel::PgConnection;
            type DB = diesel::pg::Pg;
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
