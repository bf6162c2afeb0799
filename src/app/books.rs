//! Books of windows, kept while nothing in them can have changed.
//!
//! Invariant: what is kept is a function of its key: the orders of the product, as of the last batch that changed one,
//! the window, and which minutes can still be bought.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use serde_json::value::RawValue;

use super::View;
use crate::types::limits::BOOKS_MAX;
use crate::types::{Minute, Price, ProductId, Timestamp, Window};

/// One price of one side of a book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level {
    /// The price.
    pub price: Price,
    /// GPUs at it.
    pub gpus: u64,
    /// Orders at it.
    pub orders: u32,
}

/// Both sides of the book of a window.
#[derive(Debug, Default)]
pub struct Sides {
    /// What a bid for exactly this window could take, cheapest first.
    pub asks: Vec<Level>,
    /// Resting bids, dearest first.
    pub bids: Vec<Level>,
    /// Asks and bids as they are shown, written once for all who ask.
    pub shown: OnceLock<[Box<RawValue>; 2]>,
}

/// As of when a book is what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct State {
    /// The journal row with which an order of the product last changed.
    changed: i64,
    /// The minute, and whether it has just begun: notice is counted to the millisecond, in whole minutes.
    minute: (Minute, bool),
}

impl State {
    /// Returns that of a product.
    pub(super) fn of(view: &View, product: ProductId) -> Self {
        let minute = view.now.minute();
        Self { changed: view.book_changed(product), minute: (minute, is_start(view.now, minute)) }
    }
}

fn is_start(now: Timestamp, minute: Minute) -> bool {
    now == minute.start()
}

/// Books by product and window; beyond so many all are forgotten.
#[derive(Debug, Default)]
pub(super) struct Books(Mutex<Kept>);

type Kept = BTreeMap<(ProductId, Window), (State, Arc<Sides>)>;

impl Books {
    /// Returns what is kept if it is as of a state, and makes it otherwise. Several may make the same at once: none
    /// waits for another.
    pub(super) fn get(&self, key: (ProductId, Window), state: State, make: impl FnOnce() -> Sides) -> Arc<Sides> {
        let kept =
            self.lock(|books| books.get(&key).filter(|(of, _)| *of == state).map(|(_, sides)| Arc::clone(sides)));
        if let Some(sides) = kept {
            return sides;
        }
        let made = Arc::new(make());
        self.lock(|books| {
            if books.len() >= BOOKS_MAX && !books.contains_key(&key) {
                books.clear();
            }
            books.insert(key, (state, Arc::clone(&made)));
        });
        made
    }

    fn lock<T>(&self, see: impl FnOnce(&mut Kept) -> T) -> T {
        see(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::Snapshot;

    const KEY: (ProductId, Window) = (ProductId::new(1), Window::new(Minute::new(60), Minute::new(120)));

    fn state(changed: i64, now: i64) -> State {
        let mut view = View::default();
        view.now = Timestamp::from_millis(now);
        State { changed, ..State::of(&view, KEY.0) }
    }

    /// Tells whether a book is made anew at a state after it was made at another.
    fn is_made_anew(first: State, then: State) -> bool {
        let (books, mut made) = (Books::default(), false);
        books.get(KEY, first, Sides::default);
        books.get(KEY, then, || {
            made = true;
            Sides::default()
        });
        made
    }

    #[test]
    fn a_book_is_kept_until_an_order_or_the_minute_changes() {
        assert!(!is_made_anew(state(7, 60_001), state(7, 119_999)));
        assert!(is_made_anew(state(7, 60_001), state(8, 60_001)), "an order has changed");
        assert!(is_made_anew(state(7, 119_999), state(7, 120_000)), "a minute is over");
        assert!(is_made_anew(state(7, 60_000), state(7, 60_001)), "notice has become too short");
    }

    #[test]
    fn a_view_that_is_loaded_again_has_changed_even_where_nothing_rests() {
        let loaded = |as_of| State::of(&View::of(Snapshot::default(), as_of), KEY.0);
        let (books, mut made) = (Books::default(), 0);
        for state in [loaded(0), loaded(50)] {
            books.get(KEY, state, || {
                made += 1;
                Sides::default()
            });
        }
        assert_eq!(made, 2);
    }

    #[test]
    fn no_more_books_are_kept_than_there_may_be() {
        let books = Books::default();
        for number in 0..=i64::try_from(BOOKS_MAX).unwrap() {
            books.get((ProductId::new(number), KEY.1), state(1, 1), Sides::default);
        }
        assert_eq!(books.lock(|books| books.len()), 1);
    }
}
