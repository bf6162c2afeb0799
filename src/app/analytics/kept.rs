//! Figures that are made by a pass over a book: one is made at a time for each question, and kept while it is good.
//!
//! Invariant: a figure made from many orders is made at most once in a minute of the exchange's time, however many ask
//! and however fast the book changes; who asks in a later minute has the next one made, and waits for it only if the
//! kept one is old. One made from few is as new as the view.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Mutex as Turn;

use crate::app::{App, AppError};
use crate::types::Timestamp;

/// Orders from which on a figure is kept until the next minute.
const MANY_ORDERS: usize = 250;
/// For how long, by the exchange's time, one made from so many still answers while the next is made.
const OLD_MS: i64 = 5 * 60_000;
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

/// How good a figure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Age {
    /// Nothing better can be had.
    New,
    /// It answers, but the next is due.
    Due,
    /// It answers nobody any more.
    Old,
}

/// Figures of one kind.
#[derive(Debug)]
pub struct Kept<K, T>(Arc<Mutex<BTreeMap<K, Arc<Slot<T>>>>>);

/// A question, and its answer.
#[derive(Debug)]
struct Slot<T> {
    /// Held by whoever makes it.
    turn: Turn<()>,
    state: Mutex<State<T>>,
}

#[derive(Debug)]
struct State<T> {
    made: Option<Arc<Made<T>>>,
    /// Whether the next is being made for nobody in particular.
    is_due: bool,
}

impl<K, T> Default for Kept<K, T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self { turn: Turn::default(), state: Mutex::new(State { made: None, is_due: false }) }
    }
}

impl<T> Made<T> {
    fn age(&self, now: Timestamp, as_of: i64) -> Age {
        if self.as_of >= as_of {
            return Age::New;
        }
        match now.millis().saturating_sub(self.now.millis()) {
            _ if self.orders < MANY_ORDERS => Age::Old,
            _ if self.now.minute() == now.minute() => Age::New,
            ..OLD_MS => Age::Due,
            _ => Age::Old,
        }
    }
}

impl<K: Ord + Clone, T: Send + Sync + 'static> Kept<K, T> {
    /// Returns what is kept if it is good, and makes it otherwise.
    ///
    /// # Errors
    /// What making it said.
    pub async fn get<F>(&self, app: &App, key: K, make: impl FnOnce(App) -> F) -> Result<Arc<Made<T>>, AppError>
    where
        F: Future<Output = Result<Made<T>, AppError>> + Send + 'static,
    {
        let slot = self.slot(key);
        let (now, as_of) = app.live().read(|view| (view.now, view.as_of));
        if let Some(kept) = slot.kept() {
            match kept.age(now, as_of) {
                Age::New => return Ok(kept),
                Age::Due => {
                    if slot.claim() {
                        // Of those that nobody waits for, one is made at a time: whoever does wait has the other cores.
                        let (making, in_turn) = (make(app.clone()), app.figures().in_turn.clone());
                        tokio::spawn(async move {
                            let _one = in_turn.lock().await;
                            slot.make_due(making).await;
                        });
                    }
                    return Ok(kept);
                }
                Age::Old => {}
            }
        }
        let _turn = slot.turn.lock().await;
        // Somebody else may have made it meanwhile.
        let (now, as_of) = app.live().read(|view| (view.now, view.as_of));
        if let Some(kept) = slot.kept().filter(|kept| kept.age(now, as_of) == Age::New) {
            return Ok(kept);
        }
        let made = Arc::new(make(app.clone()).await?);
        slot.state().made = Some(Arc::clone(&made));
        Ok(made)
    }

    fn slot(&self, key: K) -> Arc<Slot<T>> {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= KEPT_MAX && !slots.contains_key(&key) {
            slots.clear();
        }
        Arc::clone(slots.entry(key).or_default())
    }
}

impl<T> Slot<T> {
    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn kept(&self) -> Option<Arc<Made<T>>> {
        self.state().made.clone()
    }

    /// Tells whether the caller is to have the next one made.
    fn claim(&self) -> bool {
        !std::mem::replace(&mut self.state().is_due, true)
    }

    async fn make_due(&self, making: impl Future<Output = Result<Made<T>, AppError>>) {
        let _turn = self.turn.lock().await;
        let made = making.await;
        let mut state = self.state();
        state.is_due = false;
        match made {
            Ok(made) => state.made = Some(Arc::new(made)),
            Err(error) => tracing::warn!(%error, "a figure was not made anew; who asks for it next has it made"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_of_many_orders_is_new_for_its_minute_and_answers_for_some_more() {
        let minute = |minute: i64| Timestamp::from_millis(minute * 60_000 + 1);
        let made = |orders| Made { figure: (), orders, truncated: false, now: minute(7), as_of: 10 };
        for (orders, at, as_of, age) in [
            (1, 7, 10, Age::New),
            (1, 7, 11, Age::Old),
            (MANY_ORDERS, 7, 11, Age::New),
            (MANY_ORDERS, 8, 11, Age::Due),
            (MANY_ORDERS, 11, 11, Age::Due),
            (MANY_ORDERS, 12, 11, Age::Old),
            (MANY_ORDERS, 12, 10, Age::New),
        ] {
            assert_eq!(made(orders).age(minute(at), as_of), age, "{orders} {at} {as_of}");
        }
    }

    #[tokio::test]
    async fn one_who_asks_has_the_next_one_made_and_the_others_do_not() {
        let slot = Slot::default();
        slot.state().made =
            Some(Arc::new(Made { figure: 1, orders: 1, truncated: false, now: Timestamp::default(), as_of: 1 }));
        assert!(slot.claim() && !slot.claim());
        slot.make_due(async { Err(AppError::NotFound) }).await;
        assert_eq!(slot.kept().unwrap().figure, 1, "what failed leaves what was there");
        assert!(slot.claim(), "and somebody may try again");
        let next = Made { figure: 2, orders: 1, truncated: false, now: Timestamp::default(), as_of: 2 };
        slot.make_due(async { Ok(next) }).await;
        assert_eq!(slot.kept().unwrap().figure, 2);
    }
}
