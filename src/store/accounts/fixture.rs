//! A database in memory for the tests of accounts, here and in `app`.

use diesel::dsl::sql;
use diesel::sql_types::BigInt;
use diesel::{Connection, RunQueryDsl, SqliteConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::store::{Db, StoreError};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/sqlite");

/// Opens an empty database with every table.
pub fn sqlite() -> Db {
    let mut connection = SqliteConnection::establish(":memory:").unwrap();
    connection.run_pending_migrations(MIGRATIONS).unwrap();
    Db::Sqlite(connection)
}

/// Runs a closure in one transaction, which is rolled back if it fails.
pub fn transaction<T, E>(db: &mut Db, run: impl FnOnce(&mut Db) -> Result<T, E>) -> Result<T, E> {
    statement(db, "BEGIN");
    let result = run(db);
    statement(db, if result.is_ok() { "COMMIT" } else { "ROLLBACK" });
    result
}

/// Runs a statement as it is, such as one that corrupts a row.
pub fn statement(db: &mut Db, sql: &str) {
    try_statement(db, sql).unwrap();
}

/// Runs a statement that may be refused.
pub fn try_statement(db: &mut Db, sql: &str) -> Result<(), StoreError> {
    let Db::Sqlite(connection) = db else { panic!("the fixture is SQLite") };
    diesel::sql_query(sql).execute(connection)?;
    Ok(())
}

/// Counts the rows a condition holds for, written as `table WHERE ...`.
pub fn count(db: &mut Db, rows: &str) -> i64 {
    let Db::Sqlite(connection) = db else { panic!("the fixture is SQLite") };
    diesel::select(sql::<BigInt>(&format!("(SELECT count(*) FROM {rows})"))).get_result(connection).unwrap()
}
