//! Everything that is kept up trade by trade, for one product.
//!
//! Invariant: it depends on the trades and their order alone, not on how many were folded in at once.

use std::collections::BTreeMap;

use super::candles::{Candles, Interval};
use super::forward::ForwardFold;
use super::index::{DayTrade, IndexFold};
use super::levels::Levels;
use super::{Day, GpuMinutes, Tenor};
use crate::types::{OutOfRange, Region, Timestamp, Window};

/// One trade on the tape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Print {
    /// When it was made.
    pub at: Timestamp,
    /// Who, how much, at what price.
    pub trade: DayTrade,
    /// GPUs.
    pub gpus: u32,
    /// For when.
    pub window: Window,
    /// Whether it was sold out of a listing, and not out of a contract.
    pub primary: bool,
    /// Whether it was taken over from somebody it was sold to before: the same hours, sold once.
    pub taken_over: bool,
    /// Where the GPUs stand.
    pub region: Region,
}

/// What was sold out of listings in one region.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sales {
    /// By the day of the trade.
    pub sold: BTreeMap<Day, GpuMinutes>,
    /// By the day of delivery.
    pub delivered: Levels,
    /// Contracts and their GPUs, by the day on which the window ends.
    pub ends: BTreeMap<Day, (u64, u64)>,
}

/// The folds of one product's trades.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tape {
    /// By interval, in the order of [`Interval::ALL`].
    candles: [Candles; 3],
    /// The daily index.
    pub index: IndexFold,
    /// Trades by delivery month.
    pub forward: ForwardFold,
    /// By region.
    pub sales: BTreeMap<Region, Sales>,
    /// What was sold out of contracts, by the day of delivery.
    pub resold: Levels,
}

impl Default for Tape {
    fn default() -> Self {
        Self {
            candles: Interval::ALL.map(Candles::new),
            index: IndexFold::default(),
            forward: ForwardFold::default(),
            sales: BTreeMap::new(),
            resold: Levels::default(),
        }
    }
}

impl Tape {
    /// Folds in the next trade.
    ///
    /// # Errors
    /// [`OutOfRange`] if a day that it ends cannot be fixed.
    pub fn add(&mut self, print: &Print) -> Result<(), OutOfRange> {
        let Print { at, trade, gpus, window, primary, taken_over, region } = print;
        let day = Day::of(*at);
        for candles in &mut self.candles {
            candles.add(*at, trade.price, trade.gpu_minutes);
        }
        self.index.add(day, *trade, region, Tenor::of(*window), *primary)?;
        // What was recalled is delivered to nobody: it marks no month and sold nothing.
        if trade.recalled {
            return Ok(());
        }
        self.forward.add(day, *window, *gpus, trade.price);
        if *taken_over {
            return Ok(());
        }
        if *primary {
            if !self.sales.contains_key(region) {
                self.sales.insert(region.clone(), Sales::default());
            }
            if let Some(sales) = self.sales.get_mut(region) {
                sales.add(day, *window, *gpus);
            }
        } else {
            self.resold.add(*window, *gpus);
        }
        Ok(())
    }

    /// Returns the candles of an interval.
    pub fn candles(&self, interval: Interval) -> &Candles {
        let [hour, day, week] = &self.candles;
        match interval {
            Interval::Hour => hour,
            Interval::Day => day,
            Interval::Week => week,
        }
    }

    /// Returns the sales in a region, or in every one.
    pub fn sales_in<'a>(&'a self, region: Option<&'a Region>) -> impl Iterator<Item = &'a Sales> {
        self.sales.iter().filter(move |(name, _)| region.is_none_or(|region| region == *name)).map(|(_, sales)| sales)
    }
}

impl Sales {
    fn add(&mut self, day: Day, window: Window, gpus: u32) {
        let sold = self.sold.entry(day).or_default();
        *sold = sold.plus(GpuMinutes::block(window, gpus));
        self.delivered.add(window, gpus);
        let (contracts, ending) = self.ends.entry(Day::of_minute(window.end)).or_default();
        *contracts = contracts.saturating_add(1);
        *ending = ending.saturating_add(u64::from(gpus));
    }
}

/// Returns the sum over the days from the first to before the last.
pub fn over_days(by_day: &BTreeMap<Day, GpuMinutes>, first: Day, until: Day) -> GpuMinutes {
    by_day.range(first..until.max(first)).fold(GpuMinutes::ZERO, |sum, (_, amount)| sum.plus(*amount))
}

/// Returns a window cut at the ends of days.
pub fn by_day(window: Window) -> impl Iterator<Item = (Day, Window)> {
    let mut start = window.start;
    std::iter::from_fn(move || {
        if start >= window.end {
            return None;
        }
        let day = Day::of_minute(start);
        let piece = Window::new(start, window.end.min(day.window().end));
        // The last minute there is belongs to no whole day.
        start = if piece.is_empty() { window.end } else { piece.end };
        Some((day, piece))
    })
}
