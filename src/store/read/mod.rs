//! What can be asked of the tables, one file per resource. Each function runs inside [`super::Store::read`].
//!
//! Pages go from the newest backwards by number (keyset): the next page begins before the last number of this one.

pub mod contracts;
pub mod journal;
pub mod orders;
pub mod trades;
pub mod transfers;

/// Which part of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// Only numbers below this one; all if absent.
    pub before: Option<i64>,
    /// At most so many rows.
    pub limit: u32,
}

impl Page {
    /// Returns the first page of a list.
    pub const fn first(limit: u32) -> Self {
        Self { before: None, limit }
    }

    pub(crate) fn before(self) -> i64 {
        self.before.unwrap_or(i64::MAX)
    }

    pub(crate) fn limit(self) -> i64 {
        i64::from(self.limit)
    }
}

/// Turns rows into entities.
pub(crate) fn entities<R, T: TryFrom<R, Error = super::StoreError>>(rows: Vec<R>) -> Result<Vec<T>, super::StoreError> {
    rows.into_iter().map(T::try_from).collect()
}
