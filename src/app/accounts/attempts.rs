//! How often somebody has tried lately: exact, per key, in bounded memory.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

use super::AppError;
use crate::types::Timestamp;

/// The window in which attempts are counted.
const WINDOW_MS: i64 = 60_000;
/// Keys remembered at once. While so many are busy, keys not seen before are refused.
const KEYS_MAX: usize = 100_000;
/// How often, at most, keys that have fallen silent are looked for.
const SWEEP_MS: i64 = 1_000;

/// A limit of attempts in any window of a minute. Refused attempts do not count.
#[derive(Debug)]
pub struct Attempts<K> {
    per_window: usize,
    keys_max: usize,
    state: Mutex<State<K>>,
}

#[derive(Debug)]
struct State<K> {
    recent: HashMap<K, VecDeque<Timestamp>>,
    swept_at: Option<Timestamp>,
}

impl<K: Eq + Hash> Attempts<K> {
    /// Makes a limit of so many attempts a minute.
    pub fn per_minute(attempts: usize) -> Self {
        Self::bounded(attempts, KEYS_MAX)
    }

    fn bounded(per_window: usize, keys_max: usize) -> Self {
        let state = State { recent: HashMap::new(), swept_at: None };
        Self { per_window, keys_max, state: Mutex::new(state) }
    }

    /// Counts an attempt.
    ///
    /// # Errors
    /// [`AppError::TooMany`] with the time until the oldest attempt in the window no longer counts.
    pub fn count(&self, key: K, now: Timestamp) -> Result<(), AppError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.recent.len() >= self.keys_max && !state.recent.contains_key(&key) {
            state.sweep(now);
            if state.recent.len() >= self.keys_max {
                return Err(AppError::TooMany { retry_after_s: seconds(WINDOW_MS) });
            }
        }
        let times = state.recent.entry(key).or_default();
        times.retain(|time| time.plus_millis(WINDOW_MS) > now);
        if let Some(oldest) = times.front().filter(|_| times.len() >= self.per_window) {
            let wait_ms = oldest.millis().saturating_add(WINDOW_MS).saturating_sub(now.millis());
            return Err(AppError::TooMany { retry_after_s: seconds(wait_ms) });
        }
        times.push_back(now);
        Ok(())
    }
}

impl<K> State<K> {
    fn sweep(&mut self, now: Timestamp) {
        if self.swept_at.is_some_and(|at| at.plus_millis(SWEEP_MS) > now) {
            return;
        }
        self.swept_at = Some(now);
        self.recent.retain(|_, times| times.back().is_some_and(|time| time.plus_millis(WINDOW_MS) > now));
    }
}

/// Rounds up, to at least one second.
fn seconds(millis: i64) -> u64 {
    u64::try_from(millis).unwrap_or_default().div_ceil(1_000).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(1_795_000_000_000 + millis)
    }

    fn wait(result: Result<(), AppError>) -> Option<u64> {
        match result {
            Ok(()) => None,
            Err(AppError::TooMany { retry_after_s }) => Some(retry_after_s),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn so_many_in_any_minute_and_no_more() {
        let attempts = Attempts::per_minute(3);
        for millis in [0, 10_000, 20_000] {
            assert_eq!(wait(attempts.count("a", at(millis))), None);
        }
        assert_eq!(wait(attempts.count("a", at(20_001))), Some(40));
        assert_eq!(wait(attempts.count("a", at(59_999))), Some(1));
        assert_eq!(wait(attempts.count("a", at(60_000))), None, "the first no longer counts");
        assert_eq!(wait(attempts.count("a", at(60_001))), Some(10), "the second still does");
    }

    #[test]
    fn keys_do_not_share() {
        let attempts = Attempts::per_minute(1);
        assert_eq!(wait(attempts.count("a", at(0))), None);
        assert_eq!(wait(attempts.count("b", at(0))), None);
        assert_eq!(wait(attempts.count("a", at(0))), Some(60));
    }

    #[test]
    fn memory_is_bounded_and_silent_keys_make_room() {
        let attempts = Attempts::bounded(5, 2);
        assert_eq!(wait(attempts.count(1, at(0))), None);
        assert_eq!(wait(attempts.count(2, at(30_000))), None);
        assert_eq!(wait(attempts.count(3, at(30_000))), Some(60));
        assert_eq!(wait(attempts.count(1, at(30_000))), None, "a known key goes on");
        assert_eq!(wait(attempts.count(3, at(90_000))), None);
        assert_eq!(attempts.state.lock().unwrap().recent.len(), 1);
    }
}
