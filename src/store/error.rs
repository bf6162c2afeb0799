//! What can go wrong with the database.

use diesel::result::{DatabaseErrorKind, Error};

/// What SQLite says of every read, write or sync that the operating system could not do.
const DISK_ERROR: &str = "disk I/O error";
/// What databases say that cannot do their work for a while.
const OUTAGES: &[&str] = &["database or disk is full", "terminating connection", "the database system is"];

/// A failure of the store. None of them is a user's mistake.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database said no.
    #[error("database: {0}")]
    Database(Error),
    /// The disk failed: what was written last may be there or not, now or after the next power cut, whatever it looks
    /// like from here.
    #[error("the disk failed: {0}")]
    Disk(String),
    /// No connection.
    #[error("connection: {0}")]
    Connection(String),
    /// A stored value is not what the program writes there.
    #[error("corrupt {table} row {key}: {what}")]
    Corrupt {
        /// Which table.
        table: &'static str,
        /// Which row.
        key: String,
        /// What is wrong with it.
        what: String,
    },
    /// A migration failed or is not known to this program.
    #[error("migration: {0}")]
    Migration(String),
    /// The address of the database is not one.
    #[error("database address: {0}")]
    Address(String),
    /// Another process writes to this database.
    #[error("another process writes to this database ({0})")]
    Busy(String),
    /// Another process took the right to write: what this one was about to write is not there.
    #[error("another process has taken over the right to write")]
    Fenced,
    /// More rows than one side write may have.
    #[error("{0} rows are too many for one write")]
    TooMany(usize),
}

impl StoreError {
    /// Tells whether the database is away, or full, and nothing else is wrong.
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Connection(_) => true,
            Self::Database(error) => match cause(error) {
                Error::BrokenTransactionManager | Error::DatabaseError(DatabaseErrorKind::ClosedConnection, _) => true,
                Error::DatabaseError(_, said) => OUTAGES.iter().any(|outage| said.message().contains(outage)),
                _ => false,
            },
            _ => false,
        }
    }
}

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        match cause(&error) {
            Error::DatabaseError(_, said) if said.message() == DISK_ERROR => Self::Disk(error.to_string()),
            _ => Self::Database(error),
        }
    }
}

/// Returns what made a transaction fail, not what came of that.
fn cause(error: &Error) -> &Error {
    match error {
        Error::RollbackErrorOnCommit { commit_error, .. } => cause(commit_error),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(kind: DatabaseErrorKind, message: &str) -> Error {
        Error::DatabaseError(kind, Box::new(message.to_owned()))
    }

    #[test]
    fn a_failed_disk_is_told_from_an_outage_and_both_from_a_mistake() {
        let rollback = Box::new(Error::NotInTransaction);
        let unknown = |message| said(DatabaseErrorKind::Unknown, message);
        let on_commit =
            |commit| Error::RollbackErrorOnCommit { rollback_error: rollback, commit_error: Box::new(commit) };
        assert!(matches!(StoreError::from(unknown(DISK_ERROR)), StoreError::Disk(_)));
        assert!(matches!(StoreError::from(on_commit(unknown(DISK_ERROR))), StoreError::Disk(_)));
        for outage in [
            unknown("database or disk is full"),
            unknown("terminating connection due to administrator command"),
            said(DatabaseErrorKind::ClosedConnection, "server closed the connection unexpectedly"),
            Error::BrokenTransactionManager,
        ] {
            assert!(StoreError::from(outage).is_outage());
        }
        for mistake in [unknown("no such table: t"), said(DatabaseErrorKind::UniqueViolation, "twice")] {
            let error = StoreError::from(mistake);
            assert!(matches!(error, StoreError::Database(_)) && !error.is_outage());
        }
    }
}
