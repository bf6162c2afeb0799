//! The time of events: the only place that reads the clock.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::types::Timestamp;

/// Where `now` comes from.
pub trait Clock: Send + Sync {
    /// Returns the time.
    fn now(&self) -> Timestamp;

    /// Returns the milliseconds on a clock that nobody sets, counted from whenever.
    fn steady_ms(&self) -> i64;
}

static STARTED: LazyLock<Instant> = LazyLock::new(Instant::now);

/// The clock of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        // A machine that believes it is before 1970 is at the epoch; it cannot serve tokens anyway.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn steady_ms(&self) -> i64 {
        i64::try_from(STARTED.elapsed().as_millis()).unwrap_or(i64::MAX)
    }
}

/// A clock that stands still until it is moved, for tests and simulations.
#[derive(Debug)]
pub struct ManualClock {
    now_ms: AtomicI64,
    steady_ms: AtomicI64,
}

impl ManualClock {
    /// Makes a clock that stands at a time.
    pub const fn at(now: Timestamp) -> Self {
        Self { now_ms: AtomicI64::new(now.millis()), steady_ms: AtomicI64::new(0) }
    }

    /// Lets time pass.
    pub fn advance_ms(&self, millis: i64) {
        self.steady_ms.fetch_add(millis.max(0), Ordering::SeqCst);
        self.jump_ms(millis);
    }

    /// Lets time pass until it stands at a time.
    pub fn set(&self, now: Timestamp) {
        self.advance_ms(now.millis().saturating_sub(self.now().millis()));
    }

    /// Sets it ahead or back, as somebody does who thinks it is wrong: no time passes.
    pub fn jump_ms(&self, millis: i64) {
        self.now_ms.fetch_add(millis, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.now_ms.load(Ordering::SeqCst))
    }

    fn steady_ms(&self) -> i64 {
        self.steady_ms.load(Ordering::SeqCst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_is_past_the_year_2020_and_time_moves_forward() {
        let first = SystemClock.now();
        assert!(first > Timestamp::parse("2020-01-01T00:00:00Z").unwrap());
        assert!(SystemClock.now() >= first);
    }

    #[test]
    fn a_manual_clock_moves_only_by_hand() {
        let clock = ManualClock::at(Timestamp::from_millis(5));
        assert_eq!(clock.now(), clock.now());
        clock.advance_ms(7);
        assert_eq!(clock.now(), Timestamp::from_millis(12));
        clock.set(Timestamp::from_millis(1));
        assert_eq!(clock.now(), Timestamp::from_millis(1));
    }

    #[test]
    fn a_clock_that_is_set_moves_and_the_steady_one_does_not() {
        let clock = ManualClock::at(Timestamp::from_millis(5));
        clock.jump_ms(100);
        assert_eq!((clock.now(), clock.steady_ms()), (Timestamp::from_millis(105), 0));
        clock.advance_ms(10);
        assert_eq!((clock.now(), clock.steady_ms()), (Timestamp::from_millis(115), 10));
    }
}
