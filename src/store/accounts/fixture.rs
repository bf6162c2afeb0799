//! Empty databases with every table, for the tests of accounts here and in `app`.

use std::sync::atomic::{AtomicU32, Ordering};

use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::sql_types::BigInt;
use diesel::{Connection, PgConnection, RunQueryDsl, SqliteConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::store::{Db, StoreError};

const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");
/// The URL of a PostgreSQL server on which schemas may be made.
const PG_ENV: &str = "GPUBOURSE_TEST_PG";

static NEXT: AtomicU32 = AtomicU32::new(0);

/// Opens an empty database in memory.
pub fn sqlite() -> Db {
    let mut connection = SqliteConnection::establish(":memory:").unwrap();
    connection.run_pending_migrations(SQLITE).unwrap();
    Db::Sqlite(connection)
}

/// Runs a test on an empty SQLite database and, if there is a server, in an empty schema of PostgreSQL.
pub fn on_each(test: impl Fn(&mut Db)) {
    test(&mut sqlite());
    let Ok(server) = std::env::var(PG_ENV) else {
        assert!(std::env::var_os("CI").is_none(), "{PG_ENV} must be set in CI");
        println!("SKIPPED on PostgreSQL: {PG_ENV} is not set");
        return;
    };
    let name = format!("accounts_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let mut connection = PgConnection::establish(&server).unwrap();
    connection.batch_execute(&format!("CREATE SCHEMA {name}; SET search_path TO {name};")).unwrap();
    connection.run_pending_migrations(POSTGRES).unwrap();
    let mut db = Db::Pg(connection);
    test(&mut db);
    statement(&mut db, &format!("SET client_min_messages = warning; DROP SCHEMA {name} CASCADE"));
}

/// Runs a closure in one transaction, which is rolled back if it fails.
pub fn transaction<T, E>(db: &mut Db, run: impl FnOnce(&mut Db) -> Result<T, E>) -> Result<T, E> {
    statement(db, "BEGIN");
    let result = run(db);
    statement(db, if result.is_ok() { "COMMIT" } else { "ROLLBACK" });
    result
}

/// Runs statements as they are, such as one that corrupts a row.
pub fn statement(db: &mut Db, sql: &str) {
    try_statement(db, sql).unwrap();
}

/// Runs a statement that may be refused.
pub fn try_statement(db: &mut Db, sql: &str) -> Result<(), StoreError> {
    match db {
        Db::Sqlite(connection) => connection.batch_execute(sql)?,
        Db::Pg(connection) => connection.batch_execute(sql)?,
    }
    Ok(())
}

/// Counts the rows a condition holds for, written as `table WHERE ...`.
pub fn count(db: &mut Db, rows: &str) -> i64 {
    let count = diesel::select(sql::<BigInt>(&format!("(SELECT count(*) FROM {rows})")));
    match db {
        Db::Sqlite(connection) => count.get_result(connection).unwrap(),
        Db::Pg(connection) => count.get_result(connection).unwrap(),
    }
}
