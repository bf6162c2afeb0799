//! The tables as the database itself describes them, and a connection like anybody's with its tools.

use diesel::connection::SimpleConnection;
use diesel::sql_types::Text;
use diesel::{Connection, PgConnection, QueryResult, QueryableByName, RunQueryDsl, SqliteConnection, sql_query};
use gpubourse::store::Db;

use crate::backend::Backend;

/// Tables outside the exchange: `verify` does not hold them against the journal.
const OUTSIDE: [&str; 6] = ["meta", "lease", "quotes", "users", "refresh_tokens", "api_keys"];

#[derive(Clone)]
pub struct Column {
    pub name: String,
    pub is_text: bool,
    pub is_nullable: bool,
    pub is_key: bool,
}

#[derive(Clone)]
pub struct Table {
    pub name: String,
    pub columns: Vec<Column>,
}

impl Table {
    /// Returns the columns of the primary key.
    pub fn keys(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| column.is_key)
    }
}

/// A connection that is not the program's.
pub struct Raw(Db);

impl Raw {
    pub fn open(backend: &Backend) -> Self {
        let (db, setup) = match &backend.path {
            Some(path) => (Db::Sqlite(SqliteConnection::establish(path).unwrap()), "PRAGMA synchronous = OFF"),
            None => (Db::Pg(PgConnection::establish(&backend.url).unwrap()), "SET synchronous_commit = off"),
        };
        let mut raw = Self(db);
        raw.run(setup);
        raw
    }

    pub fn is_sqlite(&self) -> bool {
        matches!(self.0, Db::Sqlite(_))
    }

    /// Runs statements.
    pub fn run(&mut self, sql: &str) {
        let done = match &mut self.0 {
            Db::Sqlite(conn) => conn.batch_execute(sql),
            Db::Pg(conn) => conn.batch_execute(sql),
        };
        done.unwrap_or_else(|error| panic!("{error}: {sql}"));
    }

    /// Runs one statement that the database may refuse; returns how many rows it changed.
    pub fn try_change(&mut self, sql: &str) -> QueryResult<usize> {
        match &mut self.0 {
            Db::Sqlite(conn) => sql_query(sql).execute(conn),
            Db::Pg(conn) => sql_query(sql).execute(conn),
        }
    }

    /// Returns the column `text` of a query.
    pub fn texts(&mut self, sql: &str) -> Vec<String> {
        #[derive(QueryableByName)]
        struct Row {
            #[diesel(sql_type = Text)]
            text: String,
        }
        let rows: QueryResult<Vec<Row>> = match &mut self.0 {
            Db::Sqlite(conn) => sql_query(sql).load(conn),
            Db::Pg(conn) => sql_query(sql).load(conn),
        };
        let rows = rows.unwrap_or_else(|error| panic!("{error}: {sql}"));
        rows.into_iter().map(|row| row.text).collect()
    }

    /// Returns the tables of the exchange, whichever the database has.
    pub fn tables(&mut self) -> Vec<Table> {
        let sql = match &self.0 {
            Db::Sqlite(_) => {
                "SELECT t.name || '|' || c.name || '|' || (c.type = 'TEXT') || '|' || (c.\"notnull\" = 0 AND c.pk = 0)
                    || '|' || (c.pk > 0) AS text
                 FROM sqlite_schema t, pragma_table_info(t.name) c
                 WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite%' ORDER BY t.name, c.cid"
            }
            Db::Pg(_) => {
                "SELECT t.relname || '|' || c.attname || '|' || (c.atttypid = 'text'::regtype)::int || '|'
                    || (NOT c.attnotnull)::int || '|' || COALESCE(c.attnum = ANY (i.indkey), false)::int AS text
                 FROM pg_class t JOIN pg_attribute c ON c.attrelid = t.oid AND c.attnum > 0 AND NOT c.attisdropped
                 LEFT JOIN pg_index i ON i.indrelid = t.oid AND i.indisprimary
                 WHERE t.relkind = 'r' AND t.relnamespace = 'public'::regnamespace ORDER BY t.relname, c.attnum"
            }
        };
        let mut tables: Vec<Table> = Vec::new();
        for line in self.texts(sql) {
            let [table, name, text, nullable, key] = line.split('|').collect::<Vec<_>>()[..] else { panic!("{line}") };
            if OUTSIDE.contains(&table) || table.starts_with("__") {
                continue;
            }
            if tables.last().is_none_or(|last| last.name != table) {
                tables.push(Table { name: table.to_owned(), columns: Vec::new() });
            }
            let (is_text, is_nullable, is_key) = (text == "1", nullable == "1", key == "1");
            tables.last_mut().unwrap().columns.push(Column { name: name.to_owned(), is_text, is_nullable, is_key });
        }
        tables
    }

    /// Returns the rows of a table as sorted texts, without some columns.
    pub fn rows(&mut self, table: &Table, without: &[&str]) -> Vec<String> {
        let columns = table.columns.iter().map(|column| column.name.as_str()).filter(|name| !without.contains(name));
        let is_sqlite = self.is_sqlite();
        let shown = |name: &str| match (name, is_sqlite) {
            ("states", true) => "hex(states)".to_owned(),
            ("states", false) => "upper(encode(states, 'hex'))".to_owned(),
            _ => format!("CAST(\"{name}\" AS TEXT)"),
        };
        let texts = columns.map(|name| format!("'{name}=' || COALESCE('''' || {} || '''', 'NULL')", shown(name)));
        let sql = format!("SELECT {} AS text FROM {}", texts.collect::<Vec<_>>().join(" || ' ' || "), table.name);
        let mut rows = self.texts(&sql);
        rows.sort();
        rows
    }

    /// Returns everything in the exchange's tables.
    pub fn everything(&mut self) -> Vec<String> {
        let tables = self.tables();
        let rows =
            |table: &Table| self.rows(table, &[]).into_iter().map(|row| format!("{}: {row}", table.name)).collect();
        tables.iter().flat_map::<Vec<_>, _>(rows).collect()
    }

    /// Returns the primary keys of the rows where a condition holds, in their order, each as its columns' texts.
    pub fn keys(&mut self, table: &Table, condition: &str) -> Vec<Vec<String>> {
        let names: Vec<_> = table.keys().map(|key| format!("\"{}\"", key.name)).collect();
        let text: Vec<_> = names.iter().map(|name| format!("CAST({name} AS TEXT)")).collect();
        let (text, order) = (text.join(" || '|' || "), names.join(", "));
        let sql = format!("SELECT {text} AS text FROM {} WHERE {condition} ORDER BY {order}", table.name);
        let parts = |text: String| text.split('|').map(str::to_owned).collect::<Vec<_>>();
        let keys: Vec<_> = self.texts(&sql).into_iter().map(parts).collect();
        assert!(keys.iter().all(|key| key.len() == names.len()), "{keys:?}");
        keys
    }
}
