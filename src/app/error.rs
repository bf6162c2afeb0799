//! What a use case can answer instead of a result. Prose is written once, in `api::problem`.

use crate::exchange::Reject;
use crate::store::StoreError;

/// Why a use case did not succeed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AppError {
    /// The exchange refused; nothing changed.
    #[error("refused: {}", .0.code())]
    Reject(Reject),
    /// No credentials, or none that are valid now.
    #[error("unauthorized: {0}")]
    Unauthorized(&'static str),
    /// The credentials lack a role or a scope.
    #[error("forbidden: {0}")]
    Forbidden(String),
    /// There is no such thing, or it belongs to others.
    #[error("not found")]
    NotFound,
    /// A field breaks a rule of its form.
    #[error("{code}: {field}: {message}")]
    Invalid {
        /// The machine-readable reason.
        code: &'static str,
        /// Which field, in dotted form.
        field: String,
        /// What it must be.
        message: String,
    },
    /// Something exists already, or is no longer what the request assumes.
    #[error("conflict: {0}")]
    Conflict(&'static str),
    /// Too many requests of a kind; try again after so many seconds.
    #[error("too many requests")]
    TooMany {
        /// Seconds.
        retry_after_s: u64,
    },
    /// The queue is full or the writer is recovering: the request was not applied.
    #[error("unavailable, not applied")]
    NotApplied,
    /// The clock has jumped ahead and nobody has accepted it yet: the request was not applied.
    #[error("the clock has jumped, not applied")]
    ClockJumped,
    /// Another server has taken over: the request was not applied here.
    #[error("another server writes now, not applied")]
    Deposed,
    /// The commit failed: whether the request was applied is not known.
    #[error("unavailable, unknown whether applied")]
    Unknown,
    /// The database cannot be reached or is full: whether the request was applied is not known; the text is for the log
    /// alone.
    #[error("outage: {0}")]
    Outage(String),
    /// The disk failed in a commit: whether the request was applied will be known after a restart.
    #[error("the disk failed, unknown whether applied")]
    DiskFailed,
    /// A bug or a broken database; the text is for the log alone.
    #[error("internal: {0}")]
    Internal(String),
}

impl From<Reject> for AppError {
    fn from(reject: Reject) -> Self {
        Self::Reject(reject)
    }
}

impl From<StoreError> for AppError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Fenced => Self::Deposed,
            StoreError::Disk(_) => Self::DiskFailed,
            outage if outage.is_outage() => Self::Outage(outage.to_string()),
            other => Self::Internal(other.to_string()),
        }
    }
}
