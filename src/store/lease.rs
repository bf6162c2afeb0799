//! Who writes to a PostgreSQL database that several processes could write to.
//!
//! One row names the holder, an epoch that grows whenever the right to write changes hands, and when the lease ends, by
//! the clock of the database. Every write transaction begins by renewing it where the epoch is its own ([`Lease::fence`])
//! and fails if that touches no row: a holder that was stopped or cut off can never commit beside its successor, because
//! whoever commits first makes the other wait for the row and then find it changed. A plain read of the epoch would let a
//! stale holder commit, and an advisory lock is lost silently with its session.
//!
//! A holder writes through one session only and takes a new epoch for a new one. So a session that is gone ends the
//! lease at once, whatever time is left: a process that was killed need not be waited for.

use std::time::{Duration, Instant};

use diesel::pg::Pg;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Bool, Text};
use diesel::{OptionalExtension, PgConnection, QueryResult, QueryableByName, RunQueryDsl, sql_query};

use super::StoreError;

/// The clock of the database, in milliseconds.
const NOW_MS: &str = "(EXTRACT(EPOCH FROM clock_timestamp()) * 1000)::BIGINT";
/// The name of a session: a number that comes again, and when it began.
const SESSION: &str = "(pid || '/' || backend_start)";
/// How long a contender waits for a transaction of the holder.
const CONTEND_MS: u32 = 1_000;

/// How a process holds the right to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenure {
    /// Where other nodes reach it; empty for one that serves nobody.
    pub holder: String,
    /// How long the right lasts without a sign of life.
    pub ttl: Duration,
}

impl Default for Tenure {
    fn default() -> Self {
        Self { holder: String::new(), ttl: Duration::from_secs(5) }
    }
}

/// Who holds the right to write, as anybody can see it.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct Holder {
    /// How often it has changed hands.
    #[diesel(sql_type = BigInt)]
    pub epoch: i64,
    /// Where the holder is reached.
    #[diesel(sql_type = Text)]
    pub holder: String,
    /// Whether it still holds it.
    #[diesel(sql_type = Bool)]
    pub holds: bool,
}

/// The right to write, as its holder knows it.
#[derive(Debug)]
pub(super) struct Lease {
    epoch: i64,
    ttl: Duration,
    renewed: Instant,
}

impl Lease {
    /// Takes the right to write for the session of a connection, if nobody has it.
    pub(super) fn try_take(conn: &mut PgConnection, tenure: &Tenure) -> Result<Option<Self>, StoreError> {
        let ttl_ms = milliseconds(tenure.ttl);
        let renewed = Instant::now();
        sql_query(format!("SET lock_timeout = {CONTEND_MS}")).execute(conn)?;
        let sql = format!(
            "UPDATE lease SET epoch = epoch + 1, holder = $1, expires_at = {NOW_MS} + $2,
                 session = (SELECT {SESSION} FROM pg_stat_activity WHERE pid = pg_backend_pid())
             WHERE id = 1 AND (expires_at <= {NOW_MS}
                 OR NOT EXISTS (SELECT 1 FROM pg_stat_activity WHERE {SESSION} = lease.session))
             RETURNING epoch"
        );
        let taken = sql_query(sql).bind::<Text, _>(&tenure.holder).bind::<BigInt, _>(ttl_ms).get_result(conn);
        let taken: Option<Taken> = match taken.optional() {
            // The holder has the row: it is alive, or about to be ended for being idle inside a transaction.
            Err(diesel::result::Error::DatabaseError(_, said)) if said.message().contains("lock timeout") => None,
            taken => taken?,
        };
        let Some(Taken { epoch }) = taken else { return Ok(None) };
        // A holder that stands still inside a transaction must not keep its successor from the row for longer.
        sql_query(format!("SET idle_in_transaction_session_timeout = {ttl_ms}")).execute(conn)?;
        sql_query("SET lock_timeout = 0").execute(conn)?;
        Ok(Some(Self { epoch, ttl: tenure.ttl, renewed }))
    }

    /// Renews the lease inside a write transaction; its first statement.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] if the right to write has changed hands; the transaction must be rolled back.
    pub(super) fn fence(&mut self, conn: &mut PgConnection) -> Result<(), StoreError> {
        let renewed = Instant::now();
        if (Fence { ttl_ms: milliseconds(self.ttl), epoch: self.epoch }).execute(conn)? != 1 {
            return Err(StoreError::Fenced);
        }
        self.renewed = renewed;
        Ok(())
    }

    /// Tells whether a sign of life is due: well before the lease ends.
    pub(super) fn is_due(&self) -> bool {
        self.renewed.elapsed() >= self.ttl / 4
    }

    /// Gives the right back, so that the next need not wait for the session to end.
    pub(super) fn release(&self, conn: &mut PgConnection) -> Result<(), StoreError> {
        let sql = "UPDATE lease SET expires_at = 0 WHERE id = 1 AND epoch = $1";
        Ok(sql_query(sql).bind::<BigInt, _>(self.epoch).execute(conn).map(drop)?)
    }
}

/// The statement that every write transaction begins with; prepared once, which `sql_query` would not be.
#[derive(Debug, QueryId)]
struct Fence {
    ttl_ms: i64,
    epoch: i64,
}

impl QueryFragment<Pg> for Fence {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("UPDATE lease SET expires_at = ");
        out.push_sql(NOW_MS);
        out.push_sql(" + ");
        out.push_bind_param::<BigInt, _>(&self.ttl_ms)?;
        out.push_sql(" WHERE id = 1 AND epoch = ");
        out.push_bind_param::<BigInt, _>(&self.epoch)
    }
}

impl RunQueryDsl<PgConnection> for Fence {}

#[derive(QueryableByName)]
struct Taken {
    #[diesel(sql_type = BigInt)]
    epoch: i64,
}

/// Returns who holds the right to write.
pub(super) fn holder(conn: &mut PgConnection) -> Result<Holder, StoreError> {
    let sql = format!(
        "SELECT epoch, holder, expires_at > {NOW_MS}
             AND EXISTS (SELECT 1 FROM pg_stat_activity WHERE {SESSION} = lease.session) AS holds
         FROM lease WHERE id = 1"
    );
    Ok(sql_query(sql).get_result(conn)?)
}

fn milliseconds(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}
