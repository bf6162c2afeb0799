//! What can be asked of the tables, one file per resource. Each function runs inside [`super::Store::read`].
//!
//! Pages go from the newest backwards by number (keyset): the next page begins before the last number of this one.
//! What a page lists is what the feed says and, past the feed's watermark, what the append-only table itself says;
//! both are asked, because the feed may be ahead of its watermark, and `newest` makes one page of them.

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

/// Makes a page of what the feed lists and what lies past its watermark.
pub(crate) fn newest<R>(mut rows: Vec<R>, past: Vec<R>, page: Page, number: impl Fn(&R) -> i64) -> Vec<R> {
    rows.extend(past);
    rows.sort_by_key(|row| std::cmp::Reverse(number(row)));
    rows.dedup_by_key(|row| number(row));
    rows.truncate(usize::try_from(page.limit).unwrap_or(usize::MAX));
    rows
}

/// Turns rows into entities.
pub(crate) fn entities<R, T: TryFrom<R, Error = super::StoreError>>(rows: Vec<R>) -> Result<Vec<T>, super::StoreError> {
    rows.into_iter().map(T::try_from).collect()
}
