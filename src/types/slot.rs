//! Slots: the five minutes that one heartbeat speaks for.

use serde::{Deserialize, Serialize};

use super::{Minute, Window};

/// A slot, by its place since the Unix epoch: slot `n` covers the minutes `[5n, 5n + 5)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Slot(u32);

impl Slot {
    /// Minutes in a slot.
    pub const MINUTES: u32 = 5;

    /// Wraps a place since the epoch.
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// Returns the place since the epoch.
    pub const fn number(self) -> u32 {
        self.0
    }

    /// Returns the slot a minute lies in.
    pub const fn of(minute: Minute) -> Self {
        Self(minute.get() / Self::MINUTES)
    }

    /// Returns the first minute.
    pub const fn start(self) -> Minute {
        Minute::new(self.0.saturating_mul(Self::MINUTES))
    }

    /// Returns the minutes of `slots` slots from this one on.
    pub const fn run(self, slots: u32) -> Window {
        Window::new(self.start(), Self(self.0.saturating_add(slots)).start())
    }

    /// Returns the first minute after the slot that a minute lies in; a minute between two slots ends the one before.
    pub const fn end_of(minute: Minute) -> Minute {
        Self(minute.get().div_ceil(Self::MINUTES)).start()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_tile_the_minutes() {
        let minute = Minute::new;
        assert_eq!(Slot::of(minute(14)), Slot::new(2));
        assert_eq!(Slot::new(2).run(2), Window::new(minute(10), minute(20)));
        assert_eq!((Slot::end_of(minute(10)), Slot::end_of(minute(11))), (minute(10), minute(15)));
    }
}
