//! The two insert statements: rows of values on SQLite, columns of arrays on PostgreSQL.
//!
//! diesel never caches an insert of a slice or an upsert; these are cached, which is worth up to a fifth of
//! a batch. See [`Row`] for what is bound.

use std::marker::PhantomData;

use diesel::pg::Pg;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{Array as SqlArray, BigInt, Binary, Nullable, Text};
use diesel::sqlite::Sqlite;
use diesel::{PgConnection, QueryResult, RunQueryDsl, SqliteConnection};

use super::row::{Array, Conflict, Row, Table};

/// `INSERT` of exactly `N` rows.
#[derive(Debug)]
struct Values<'a, R, const N: usize>(&'a [R; N]);

/// Names the statement in diesel's cache: its text depends on the table and on `N` alone.
struct ValuesId<R, const N: usize>(PhantomData<R>);

impl<R: Row, const N: usize> QueryId for Values<'_, R, N> {
    type QueryId = ValuesId<R, N>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<R: Row, const N: usize> QueryFragment<Sqlite> for Values<'_, R, N> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_sql("INSERT INTO ");
        push_target(&mut out, &R::TABLE)?;
        out.push_sql(" VALUES ");
        let mut open = "(";
        for row in self.0 {
            out.push_sql(open);
            row.bind(&mut out)?;
            open = "), (";
        }
        out.push_sql(")");
        push_conflict(&mut out, &R::TABLE)
    }
}

impl<R, const N: usize> RunQueryDsl<SqliteConnection> for Values<'_, R, N> {}

/// Writes rows to SQLite.
pub(super) fn insert_sqlite<R: Row>(conn: &mut SqliteConnection, rows: &[R]) -> QueryResult<()> {
    // Few statements for a batch of any size, and few texts to keep prepared.
    let rest = insert_chunks::<R, 64>(conn, rows)?;
    let rest = insert_chunks::<R, 16>(conn, rest)?;
    let rest = insert_chunks::<R, 4>(conn, rest)?;
    insert_chunks::<R, 1>(conn, rest).map(|_| ())
}

/// Writes whole chunks of `N` rows and returns what is left.
fn insert_chunks<'a, R: Row, const N: usize>(conn: &mut SqliteConnection, rows: &'a [R]) -> QueryResult<&'a [R]> {
    let (chunks, rest) = rows.as_chunks::<N>();
    for chunk in chunks {
        Values(chunk).execute(conn)?;
    }
    Ok(rest)
}

/// One statement that writes rows of many tables, in one round trip; each table at most once.
#[derive(Debug, Default)]
pub(super) struct Unnest<'a> {
    parts: Vec<(Table, Vec<Array<'a>>)>,
}

impl<'a> Unnest<'a> {
    /// Adds the rows of a table.
    pub(super) fn push<R: Row>(&mut self, rows: &'a [R]) {
        if !rows.is_empty() {
            self.parts.push((R::TABLE, R::arrays(rows)));
        }
    }

    /// Writes them all.
    pub(super) fn run(self, conn: &mut PgConnection) -> QueryResult<()> {
        if self.parts.is_empty() { Ok(()) } else { self.execute(conn).map(|_| ()) }
    }
}

impl QueryId for Unnest<'_> {
    type QueryId = ();
    // Cached by its text, which depends on which tables take part.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl QueryFragment<Pg> for Unnest<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("WITH ");
        for (index, (table, arrays)) in self.parts.iter().enumerate() {
            out.push_sql(if index == 0 { "in_" } else { ", in_" });
            out.push_sql(table.name);
            out.push_sql(" AS (INSERT INTO ");
            push_target(&mut out, table)?;
            out.push_sql(" SELECT * FROM UNNEST");
            push_arrays(&mut out, arrays)?;
            push_conflict(&mut out, table)?;
            out.push_sql(")");
        }
        out.push_sql(" SELECT 1");
        Ok(())
    }
}

impl RunQueryDsl<PgConnection> for Unnest<'_> {}

fn push_arrays<'b>(out: &mut AstPass<'_, 'b, Pg>, arrays: &'b [Array<'b>]) -> QueryResult<()> {
    let mut open = "(";
    for array in arrays {
        out.push_sql(open);
        open = ", ";
        match array {
            Array::Int(values) => out.push_bind_param::<SqlArray<Nullable<BigInt>>, Vec<Option<i64>>>(values)?,
            Array::Text(values) => out.push_bind_param::<SqlArray<Nullable<Text>>, Vec<Option<&'b str>>>(values)?,
            Array::Bytes(values) => out.push_bind_param::<SqlArray<Binary>, Vec<&'b [u8]>>(values)?,
        }
    }
    out.push_sql(")");
    Ok(())
}

fn push_target<DB: diesel::backend::Backend>(out: &mut AstPass<'_, '_, DB>, table: &Table) -> QueryResult<()> {
    out.push_identifier(table.name)?;
    out.push_sql(" (");
    push_names(out, table.columns)?;
    out.push_sql(")");
    Ok(())
}

fn push_names<DB: diesel::backend::Backend>(out: &mut AstPass<'_, '_, DB>, names: &[&str]) -> QueryResult<()> {
    for (index, name) in names.iter().enumerate() {
        if index > 0 {
            out.push_sql(", ");
        }
        out.push_identifier(name)?;
    }
    Ok(())
}

fn push_conflict<DB: diesel::backend::Backend>(out: &mut AstPass<'_, '_, DB>, table: &Table) -> QueryResult<()> {
    if table.conflict == Conflict::Fail {
        return Ok(());
    }
    out.push_sql(" ON CONFLICT (");
    push_names(out, table.keys)?;
    let mut before = ") DO UPDATE SET ";
    for name in table.columns.iter().filter(|name| !table.keys.contains(name)) {
        out.push_sql(before);
        before = ", ";
        out.push_identifier(name)?;
        out.push_sql(" = excluded.");
        out.push_identifier(name)?;
    }
    Ok(())
}
