//! Folds SQLite's write-ahead log into the database beside the writer.
//!
//! A checkpoint inside a commit makes everybody who waits for it wait for the disk. One on another connection does not,
//! but as long as the writer adds to the log it never ends it, and the log grows for ever. So a thread folds what there
//! is, and when the log has become long, the writer folds the little that was added meanwhile, between two batches: the
//! next one then starts the log anew.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use diesel::sql_types::Integer;
use diesel::{QueryableByName, RunQueryDsl, SqliteConnection, define_sql_function, select, sql_query};

use super::{Address, Db, StoreError, connect};

/// Rows written between two checkpoints of the thread.
const ROWS_BETWEEN: i32 = 32_768;
/// A log of so many pages (64 MiB) is started anew.
const LOG_PAGES_MAX: i32 = 16_384;

define_sql_function! {
    /// Rows this connection has written since it was opened.
    fn total_changes() -> Integer;
}

/// The thread and what it says.
pub(super) struct Checkpoints {
    /// Nothing once the thread must end.
    wake: Option<SyncSender<()>>,
    /// Set by the thread when the log is long and nearly folded.
    tail_due: Arc<AtomicBool>,
    /// Rows the writer had written when the thread was last called.
    rows_seen: i32,
    thread: Option<JoinHandle<()>>,
}

impl Checkpoints {
    /// Starts the thread, for a database that has such a log.
    pub(super) fn start(address: &Address) -> Result<Option<Self>, StoreError> {
        Self::with_log_of(LOG_PAGES_MAX, address)
    }

    fn with_log_of(pages_max: i32, address: &Address) -> Result<Option<Self>, StoreError> {
        let Address::Sqlite(_) = address else { return Ok(None) };
        let (wake, woken) = sync_channel(1);
        let tail_due = Arc::new(AtomicBool::new(false));
        let (address, due) = (address.clone(), Arc::clone(&tail_due));
        let thread = std::thread::Builder::new()
            .name("checkpoints".to_owned())
            .spawn(move || run(&address, pages_max, &woken, &due))
            .map_err(|error| StoreError::Connection(error.to_string()))?;
        Ok(Some(Self { wake: Some(wake), tail_due, rows_seen: 0, thread: Some(thread) }))
    }

    /// Calls the thread if many rows were written.
    pub(super) fn call(&mut self, db: &mut Db) -> Result<(), StoreError> {
        let (Db::Sqlite(conn), Some(wake)) = (db, &self.wake) else { return Ok(()) };
        let rows: i32 = select(total_changes()).get_result(conn)?;
        // The counter wraps around.
        if rows.wrapping_sub(self.rows_seen) >= ROWS_BETWEEN {
            self.rows_seen = rows;
            // A thread that is still at it, or gone, needs no call: the next one finds all there is.
            let _: Result<(), _> = wake.try_send(());
        }
        Ok(())
    }

    /// Folds the end of a long log, between two batches.
    pub(super) fn tail(&self, db: &mut Db) -> Result<(), StoreError> {
        if self.tail_due.swap(false, Ordering::AcqRel)
            && let Db::Sqlite(conn) = db
        {
            fold(conn)?;
        }
        Ok(())
    }
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        self.wake = None;
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the checkpoint thread panicked");
        }
    }
}

#[derive(QueryableByName)]
struct Folded {
    /// Pages in the log.
    #[diesel(sql_type = Integer)]
    log: i32,
}

/// Folds what no reader needs any more, waits for nobody, and returns the length of the log in pages.
fn fold(conn: &mut SqliteConnection) -> Result<i32, StoreError> {
    let Folded { log } = sql_query("PRAGMA wal_checkpoint(PASSIVE)").get_result(conn)?;
    Ok(log)
}

fn run(address: &Address, pages_max: i32, woken: &Receiver<()>, tail_due: &AtomicBool) {
    let mut conn = None;
    while woken.recv().is_ok() {
        match checkpoint(address, &mut conn) {
            Ok(log) if log >= pages_max => tail_due.store(true, Ordering::Release),
            Ok(_) => {}
            // What is in the log stays there, as durable as before; the next call tries again.
            Err(error) => tracing::warn!(%error, "a checkpoint failed"),
        }
    }
}

/// Folds on the thread's own connection, which is made when first needed.
fn checkpoint(address: &Address, conn: &mut Option<Db>) -> Result<i32, StoreError> {
    if conn.is_none() {
        *conn = Some(connect::folder(address)?);
    }
    match conn {
        Some(Db::Sqlite(conn)) => fold(conn),
        _ => Ok(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(QueryableByName)]
    struct Log {
        #[diesel(sql_type = Integer)]
        log: i32,
        #[diesel(sql_type = Integer)]
        checkpointed: i32,
    }

    /// Fills a database and returns what its log is like after a checkpoint and after one more row.
    fn filled(pages_max: i32, rows: i32) -> (Log, Log) {
        let folder = tempfile::tempdir().unwrap();
        let address = Address::Sqlite(folder.path().join("log.db"));
        let mut db = connect::writer(&address).unwrap();
        let mut checkpoints = Checkpoints::with_log_of(pages_max, &address).unwrap().unwrap();
        db.run("CREATE TABLE t (n INTEGER PRIMARY KEY, text TEXT)").unwrap();
        let numbers = format!("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})");
        db.run(&format!("INSERT INTO t {numbers} SELECT i, 'a row' FROM n")).unwrap();
        // While somebody reads, the log cannot be started anew, as if the writer had gone on.
        let mut reader = connect::folder(&address).unwrap();
        reader.run("BEGIN; SELECT COUNT(*) FROM t").unwrap();
        checkpoints.call(&mut db).unwrap();
        // Its thread ends when it has done what it was called for.
        let due = Arc::clone(&checkpoints.tail_due);
        drop(checkpoints);
        let rest = Checkpoints { wake: None, tail_due: due, rows_seen: 0, thread: None };
        db.run("INSERT INTO t VALUES (0, 'while it folds')").unwrap();
        reader.run("COMMIT").unwrap();
        rest.tail(&mut db).unwrap();
        let before = log(&mut db);
        db.run("INSERT INTO t VALUES (-1, 'afterwards')").unwrap();
        (before, log(&mut db))
    }

    fn log(db: &mut Db) -> Log {
        let Db::Sqlite(conn) = db else { panic!("SQLite") };
        sql_query("PRAGMA wal_checkpoint(NOOP)").get_result(conn).unwrap()
    }

    #[test]
    fn a_long_log_is_started_anew() {
        let (folded, after) = filled(10, ROWS_BETWEEN);
        assert!(folded.log > 100 && folded.checkpointed == folded.log, "{} {}", folded.log, folded.checkpointed);
        assert!(after.log < 10, "{}", after.log);
    }

    #[test]
    fn a_log_that_is_not_long_is_folded_beside_the_writer_and_grows_on() {
        let (folded, after) = filled(1_000_000, ROWS_BETWEEN);
        assert!(folded.checkpointed > 100 && folded.checkpointed < folded.log);
        assert!(after.log > folded.log);
    }

    #[test]
    fn few_rows_call_nobody() {
        let (folded, _) = filled(10, ROWS_BETWEEN - 1);
        assert_eq!(folded.checkpointed, 0);
    }
}
