//! The store on both databases.

mod lease;
mod queries;
mod quotes;
mod recovery;
mod sample;
mod tables;
mod verify;
mod write;

use diesel::connection::SimpleConnection;
use diesel::sql_types::Text;
use diesel::{QueryableByName, RunQueryDsl, sql_query};
use gpubourse::store::{Batch, Db, StoreError, Writer};

/// Runs statements as somebody with the database's own tools would.
fn run(db: &mut Db, sql: &str) -> Result<(), StoreError> {
    match db {
        Db::Sqlite(conn) => conn.batch_execute(sql)?,
        Db::Pg(conn) => conn.batch_execute(sql)?,
    }
    Ok(())
}

fn texts(db: &mut Db, sql: &str) -> Vec<String> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        text: String,
    }
    let rows: Vec<Row> = match db {
        Db::Sqlite(conn) => sql_query(sql).load(conn).unwrap(),
        Db::Pg(conn) => sql_query(sql).load(conn).unwrap(),
    };
    rows.into_iter().map(|row| row.text).collect()
}

/// Returns `table.column type null|not null` of every column, sorted, in the words of PostgreSQL. SQLite has one
/// integer type for those of any size.
fn columns(db: &mut Db) -> Vec<String> {
    let sql = match db {
        Db::Sqlite(_) => {
            "SELECT t.name || '.' || c.name || CASE c.type WHEN 'TEXT' THEN ' text' WHEN 'BLOB' THEN ' bytea' ELSE ' bigint' END
                || CASE WHEN c.\"notnull\" = 1 OR c.pk > 0 THEN ' not null' ELSE ' null' END AS text
             FROM sqlite_schema t, pragma_table_info(t.name) c
             WHERE t.type = 'table' AND t.name NOT LIKE '\\_\\_%' ESCAPE '\\' AND t.name NOT LIKE 'sqlite%'"
        }
        Db::Pg(_) => {
            "SELECT table_name || '.' || column_name || ' ' || REPLACE(data_type, 'integer', 'bigint')
                || CASE is_nullable WHEN 'NO' THEN ' not null' ELSE ' null' END AS text
             FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE '\\_\\_%'"
        }
    };
    let mut columns = texts(db, sql);
    columns.sort();
    columns
}

fn commit(writer: &mut Writer, batch: &Batch) -> Result<(), StoreError> {
    writer.commit::<StoreError>(batch, None)
}
