//! What can go wrong with the database.

/// A failure of the store. None of them is a user's mistake.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database said no.
    #[error("database: {0}")]
    Database(#[from] diesel::result::Error),
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
