//! Figures that are made by a pass over a book: one of a kind is made at a time, and kept while it is good.
//!
//! Invariant: a figure made from many orders is made at most once in a minute of the exchange's time, however many ask
//! and however fast the book changes. One made from few is as new as the view.

use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::Mutex;

use crate::app::{AppError, Live};
use crate::types::Timestamp;

/// Orders from which on a figure is kept until the next minute.
const MANY_ORDERS: usize = 5_000;
/// Figures kept; beyond it all are forgotten.
const KEPT_MAX: usize = 1_000;

/// A figure, and when it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made<T> {
    /// The figure.
    pub figure: T,
    /// Orders looked at.
    pub orders: usize,
    /// Whether there were more, which are not in it.
    pub truncated: bool,
    /// The exchange's time.
    pub now: Timestamp,
    /// The journal row it reflects, at least.
    pub as_of: i64,
}

/// Figures of one kind.
#[derive(Debug)]
pub struct Kept<K, T>(Mutex<BTreeMap<K, Arc<Made<T>>>>);

impl<K, T> Default for Kept<K, T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Made<T> {
    fn is_good(&self, now: Timestamp, as_of: i64) -> bool {
        self.as_of >= as_of || (self.orders >= MANY_ORDERS && self.now.minute() == now.minute())
    }
}

impl<K: Ord + Clone, T> Kept<K, T> {
    /// Returns what is kept if it is good, and makes it otherwise.
    ///
    /// # Errors
    /// What making it said.
    pub async fn get(
        &self,
        live: &Live,
        key: K,
        make: impl AsyncFnOnce() -> Result<Made<T>, AppError>,
    ) -> Result<Arc<Made<T>>, AppError> {
        let mut kept = self.0.lock().await;
        let (now, as_of) = live.read(|view| (view.now, view.as_of));
        if let Some(made) = kept.get(&key).filter(|made| made.is_good(now, as_of)) {
            return Ok(Arc::clone(made));
        }
        let made = Arc::new(make().await?);
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        kept.insert(key, Arc::clone(&made));
        Ok(made)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_of_many_orders_is_good_for_its_minute() {
        let minute = |minute: i64| Timestamp::from_millis(minute * 60_000 + 1);
        let made = |orders| Made { figure: (), orders, truncated: false, now: minute(7), as_of: 10 };
        for (orders, at, as_of, good) in [
            (1, 7, 10, true),
            (1, 7, 11, false),
            (MANY_ORDERS, 7, 11, true),
            (MANY_ORDERS, 8, 11, false),
            (MANY_ORDERS, 8, 10, true),
        ] {
            assert_eq!(made(orders).is_good(minute(at), as_of), good, "{orders} {at} {as_of}");
        }
    }
}
