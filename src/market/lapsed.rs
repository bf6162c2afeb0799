//! What passed unsold: GPU-minutes free in asks when their minutes passed, by delivery day, with what was asked for them.

use std::collections::BTreeMap;

use super::candles::turnover;
use super::forward::due;
use super::tape::by_day;
use super::{Day, GpuMinutes};
use crate::types::{Money, OutOfRange, Price, Window};

/// What passed unsold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lapsed(BTreeMap<Day, Perished>);

/// An amount, and what it would have earned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Perished {
    /// GPUs times minutes.
    pub gpu_minutes: GpuMinutes,
    /// The prices of the asks times those.
    turnover: i128,
}

impl Perished {
    fn add(&mut self, other: Self) {
        self.gpu_minutes = self.gpu_minutes.plus(other.gpu_minutes);
        self.turnover = self.turnover.saturating_add(other.turnover);
    }

    /// Returns what it would have earned.
    ///
    /// # Errors
    /// [`OutOfRange`] beyond `i64` micro-USD.
    pub fn value(self) -> Result<Money, OutOfRange> {
        due(self.turnover)
    }
}

impl Lapsed {
    /// Adds what passed free in an ask, in pieces of a window and GPUs.
    pub fn add(&mut self, pieces: &[(Window, u32)], price: Price) {
        for (window, gpus) in pieces {
            for (day, piece) in by_day(*window) {
                let gpu_minutes = GpuMinutes::block(piece, *gpus);
                let turnover = turnover(price, gpu_minutes.get());
                self.0.entry(day).or_default().add(Perished { gpu_minutes, turnover });
            }
        }
    }

    /// Returns the sum over the days from the first to before the last.
    pub fn over(&self, first: Day, until: Day) -> Perished {
        let mut sum = Perished::default();
        self.0.range(first..until.max(first)).for_each(|(_, day)| sum.add(*day));
        sum
    }

    /// Returns the amounts of the days from the first to before the last.
    pub fn by_day(&self, first: Day, until: Day) -> impl Iterator<Item = (Day, GpuMinutes)> {
        self.0.range(first..until.max(first)).map(|(day, perished)| (*day, perished.gpu_minutes))
    }

    /// Adds another.
    pub fn merge(&mut self, other: &Self) {
        for (day, perished) in &other.0 {
            self.0.entry(*day).or_default().add(*perished);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Minute;

    #[test]
    fn what_passed_is_cut_at_days_and_valued_at_its_price() {
        let day = 24 * 60;
        let window = |start: u32, end: u32| Window::new(Minute::new(start), Minute::new(end));
        let mut lapsed = Lapsed::default();
        // Two hours of 4 GPUs at $2, half before midnight; an hour of 1 GPU at $3 after it.
        lapsed.add(&[(window(day - 60, day + 60), 4)], Price::from_micros(2_000_000));
        let mut other = Lapsed::default();
        other.add(&[(window(day + 60, day + 120), 1)], Price::from_micros(3_000_000));
        lapsed.merge(&other);
        let over = |first: u32, until: u32| {
            let sum = lapsed.over(Day::new(first), Day::new(until));
            (sum.gpu_minutes.get(), sum.value().unwrap().micros())
        };
        assert_eq!(over(0, 1), (240, 8_000_000));
        assert_eq!(over(1, 2), (300, 11_000_000));
        assert_eq!(over(0, 2), (540, 19_000_000));
        assert_eq!((over(2, 9), over(1, 0)), ((0, 0), (0, 0)));
        let by_day: Vec<_> = lapsed.by_day(Day::new(0), Day::new(9)).map(|(_, amount)| amount.get()).collect();
        assert_eq!(by_day, [240, 300]);
    }
}
