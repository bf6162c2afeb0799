//! What can be asked of the tables, one file per resource. Records are read by a [`super::Reader`], which knows the
//! states that are not in their tables yet; the journal and what is outside the exchange inside [`super::Store::read`].
//!
//! Pages go from the newest backwards, and say where to read on. Histories are walked (`chain`), tables as a whole are
//! read by number.

pub mod balances;
mod chain;
pub mod contracts;
pub mod deliveries;
pub mod fixes;
pub mod journal;
pub mod orders;
pub mod tape;
pub mod trades;
pub mod transfers;

/// Which part of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// Only what comes after this place of the list: the [`Listed::next`] of the page before; all if absent.
    pub before: Option<i64>,
    /// At most so many rows.
    pub limit: u32,
}

/// A page of a list, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed<T> {
    /// The rows. There may be fewer than asked for, even none, where there are more to come.
    pub rows: Vec<T>,
    /// Where to read on; absent at the end.
    pub next: Option<i64>,
}

impl Page {
    /// Returns the first page of a list.
    pub const fn first(limit: u32) -> Self {
        Self { before: None, limit }
    }

    /// Returns the page that begins at a place.
    pub const fn after(self, place: i64) -> Self {
        Self { before: Some(place), ..self }
    }

    pub(crate) fn before(self) -> i64 {
        self.before.unwrap_or(i64::MAX)
    }

    pub(crate) fn limit(self) -> i64 {
        i64::from(self.limit)
    }

    /// Returns one row more than fits, which tells whether there are more.
    pub(crate) fn limit_and_one(self) -> i64 {
        self.limit().saturating_add(1)
    }
}

impl<T> Listed<T> {
    /// Returns a page of rows by number, of which one more was read than fits.
    pub fn of(mut rows: Vec<T>, page: Page, number: impl Fn(&T) -> i64) -> Self {
        let fits = usize::try_from(page.limit).unwrap_or(usize::MAX);
        let more = rows.len() > fits;
        rows.truncate(fits);
        let next = rows.last().filter(|_| more).map(number);
        Self { rows, next }
    }

    /// Returns the page with each row turned into something else.
    pub fn map<U>(self, map: impl FnMut(T) -> U) -> Listed<U> {
        Listed { rows: self.rows.into_iter().map(map).collect(), next: self.next }
    }

    /// Returns the page with each row turned into something else.
    ///
    /// # Errors
    /// The first one met.
    pub fn try_map<U, E>(self, map: impl FnMut(T) -> Result<U, E>) -> Result<Listed<U>, E> {
        Ok(Listed { rows: self.rows.into_iter().map(map).collect::<Result<_, E>>()?, next: self.next })
    }
}

/// Turns rows into entities.
pub(crate) fn entities<R, T: TryFrom<R, Error = super::StoreError>>(rows: Vec<R>) -> Result<Vec<T>, super::StoreError> {
    rows.into_iter().map(T::try_from).collect()
}
