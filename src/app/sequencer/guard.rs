//! Whether the clock can be believed.
//!
//! Orders expire and contracts end by the clock. If it jumps ahead while the exchange runs, somebody has set it, rightly
//! or not: doing what is due then cannot be undone, so nothing is done until a person has looked. A clock that goes
//! back needs no guard: times in the journal stand still until it has caught up.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::app::clock::Clock;
use crate::types::Timestamp;

/// How far the clock may get ahead of one that nobody sets, between two looks at both: 5 minutes.
pub const JUMP_MAX_MS: i64 = 5 * 60_000;

/// How far the clock has jumped, for everybody to see; 0 while it is believed.
#[derive(Debug, Clone, Default)]
pub struct Jump(Arc<AtomicI64>);

impl Jump {
    /// Returns the milliseconds, unless the clock is believed.
    pub fn ms(&self) -> Option<i64> {
        Some(self.0.load(Ordering::Relaxed)).filter(|ms| *ms != 0)
    }
}

/// Compares the clock with one that nobody sets.
pub(super) struct Guard {
    clock: Arc<dyn Clock>,
    /// The clock ahead of the steady one, when it was last believed.
    ahead_ms: i64,
    jump: Jump,
}

impl Guard {
    /// Believes the clock as it is.
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        let ahead_ms = ahead_ms(clock.as_ref(), clock.now());
        Self { clock, ahead_ms, jump: Jump::default() }
    }

    /// Shows there what everybody shall see.
    pub(super) fn show(&mut self, jump: Jump) {
        self.jump = jump;
    }

    /// Returns the time, unless it is in doubt.
    pub(super) fn now(&mut self) -> Option<Timestamp> {
        let now = self.clock.now();
        let ahead_ms = ahead_ms(self.clock.as_ref(), now);
        let jump_ms = ahead_ms.saturating_sub(self.ahead_ms);
        if jump_ms > JUMP_MAX_MS {
            if self.jump.0.swap(jump_ms, Ordering::Relaxed) == 0 {
                tracing::error!(jump_ms, "the clock has jumped ahead; trading stops until an admin accepts it");
            }
            return None;
        }
        self.believe(ahead_ms);
        Some(now)
    }

    /// Believes the clock as it is; returns how far it had jumped, if it was in doubt.
    pub(super) fn accept(&mut self) -> Option<i64> {
        let accepted = self.now().map_or_else(|| self.jump.ms(), |_| None);
        self.believe(ahead_ms(self.clock.as_ref(), self.clock.now()));
        accepted
    }

    fn believe(&mut self, ahead_ms: i64) {
        self.ahead_ms = ahead_ms;
        if self.jump.0.swap(0, Ordering::Relaxed) != 0 {
            tracing::info!("the clock is believed again; trading goes on");
        }
    }
}

fn ahead_ms(clock: &dyn Clock, now: Timestamp) -> i64 {
    now.millis().saturating_sub(clock.steady_ms())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::clock::ManualClock;

    const HOUR_MS: i64 = 3_600_000;

    fn guarded() -> (Arc<ManualClock>, Guard) {
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_795_000_000_000)));
        let guard = Guard::new(clock.clone());
        (clock, guard)
    }

    #[test]
    fn time_that_passes_is_believed_however_much_it_is() {
        let (clock, mut guard) = guarded();
        clock.advance_ms(1_000 * HOUR_MS);
        assert_eq!(guard.now(), Some(clock.now()));
    }

    #[test]
    fn a_jump_ahead_is_not_believed_until_it_is_accepted_or_taken_back() {
        let (clock, mut guard) = guarded();
        clock.jump_ms(JUMP_MAX_MS);
        assert_eq!(guard.now(), Some(clock.now()), "as much as is allowed");
        clock.jump_ms(HOUR_MS);
        assert_eq!((guard.now(), guard.jump.ms()), (None, Some(HOUR_MS)));
        clock.advance_ms(HOUR_MS);
        assert_eq!((guard.now(), guard.jump.ms()), (None, Some(HOUR_MS)));
        clock.jump_ms(-HOUR_MS);
        assert_eq!((guard.now(), guard.jump.ms()), (Some(clock.now()), None));
        clock.jump_ms(24 * HOUR_MS);
        assert_eq!(guard.accept(), Some(24 * HOUR_MS));
        assert_eq!((guard.now(), guard.jump.ms()), (Some(clock.now()), None));
        assert_eq!(guard.accept(), None, "nothing was in doubt");
    }

    #[test]
    fn a_clock_that_goes_back_is_believed_and_forward_from_there() {
        let (clock, mut guard) = guarded();
        clock.jump_ms(-24 * HOUR_MS);
        assert_eq!(guard.now(), Some(clock.now()));
        clock.jump_ms(24 * HOUR_MS);
        assert_eq!(guard.now(), None, "setting it right again is a jump ahead like any other");
    }
}
