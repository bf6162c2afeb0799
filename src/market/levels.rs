//! GPU-minutes by delivery day of GPUs that come and go.
//!
//! What is kept is how much each day has more than the one before: GPUs over a window change that on four days, however
//! long the window is, so that whoever keeps it up with the market waits for nothing.
//! Invariant: a day's amount is the sum over what was added and not taken away.

use std::collections::BTreeMap;

use super::supply::ByDay;
use super::{Day, GpuMinutes};
use crate::types::{Minute, Window};

/// Amounts by day, as the steps between them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Levels(BTreeMap<Day, i64>);

impl Levels {
    /// Adds so many GPUs over a window.
    pub fn add(&mut self, window: Window, gpus: u32) {
        self.step(window, |amount| amount, gpus);
    }

    /// Takes away what was added.
    pub fn take(&mut self, window: Window, gpus: u32) {
        self.step(window, i64::saturating_neg, gpus);
    }

    fn step(&mut self, window: Window, signed: impl Fn(i64) -> i64, gpus: u32) {
        if window.is_empty() {
            return;
        }
        let first = Day::of_minute(window.start);
        let last = Day::of_minute(Minute::new(window.end.get().saturating_sub(1)));
        let on = |day: Day| {
            let amount = GpuMinutes::block(window.shared(day.window()), gpus);
            i64::try_from(amount.get()).unwrap_or(i64::MAX)
        };
        let mut days = [first, first.next(), last, last.next()];
        days.sort_unstable();
        let mut done = None;
        for day in days {
            if done.replace(day) == Some(day) {
                continue;
            }
            let before = if day == first { 0 } else { on(day.before()) };
            let step = self.0.entry(day).or_default();
            *step = step.saturating_add(signed(on(day).saturating_sub(before)));
            if *step == 0 {
                self.0.remove(&day);
            }
        }
    }

    /// Returns the amounts from the first day to the last, those of nothing left out.
    pub fn by_day(&self, first: Day, last: Day) -> ByDay {
        let (mut days, mut level) = (ByDay::new(), 0_i64);
        let mut steps = self.0.range(..=last).peekable();
        while let Some((day, step)) = steps.next() {
            level = level.saturating_add(*step);
            let until = steps.peek().map_or(last.next(), |(next, _)| **next);
            let amount = u64::try_from(level).unwrap_or_default();
            if amount > 0 {
                let shown = first.max(*day).get()..until.get();
                days.extend(shown.map(|day| (Day::new(day), GpuMinutes::new(amount))));
            }
        }
        days
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::tape::by_day;
    use proptest::prelude::*;

    const DAYS: u32 = 12;

    fn window() -> impl Strategy<Value = Window> {
        (0..DAYS * 1440, 0..DAYS * 1440).prop_map(|(a, b)| Window::new(Minute::new(a.min(b)), Minute::new(a.max(b))))
    }

    /// Adds up day by day.
    fn naive(blocks: &[(Window, u32)], first: Day, last: Day) -> ByDay {
        let mut days = ByDay::new();
        for (window, gpus) in blocks {
            for (day, piece) in by_day(*window).filter(|(day, _)| (first..=last).contains(day)) {
                let sum = days.entry(day).or_default();
                *sum = sum.plus(GpuMinutes::block(piece, *gpus));
            }
        }
        days.retain(|_, amount| amount.get() > 0);
        days
    }

    proptest! {
        #[test]
        fn amounts_are_the_sum_of_what_is_there(
            blocks in prop::collection::vec((window(), 0_u32..9), 0..20),
            gone in any::<prop::sample::Index>(),
            (first, last) in (0..DAYS + 2, 0..DAYS + 2),
        ) {
            let (first, last, gone) = (Day::new(first), Day::new(last), gone.index(blocks.len() + 1));
            let mut levels = Levels::default();
            blocks.iter().for_each(|(window, gpus)| levels.add(*window, *gpus));
            blocks.iter().take(gone).for_each(|(window, gpus)| levels.take(*window, *gpus));
            let left = &blocks[gone..];
            prop_assert_eq!(levels.by_day(first, last), naive(left, first, last));
            left.iter().for_each(|(window, gpus)| levels.take(*window, *gpus));
            prop_assert_eq!(levels, Levels::default());
        }
    }
}
