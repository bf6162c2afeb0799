//! The forward curve: what GPU-hours delivered in each month cost now, and what a contract is worth against it.
//!
//! A month's mark, by the first rule that applies: the mean price of its trades of the last 30 days, weighted by the
//! GPU-minutes in the month, if there are at least 5 (`trades`); the lower median of its resting asks, weighted likewise
//! (`asks`); the mean of fewer trades (`few_trades`); the mark of the nearest earlier month, else of the nearest later
//! one (`carried`). Only the first is not thin.

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use std::collections::BTreeMap;
use std::fmt;

use super::candles::{mean, turnover};
use super::median::weighted_lower_median;
use super::{Day, GpuMinutes};
use crate::types::{Minute, Money, OutOfRange, Price, Window};

/// Days of trades that make a mark.
pub const TRADE_DAYS: u32 = 30;
/// Trades that make a mark that is not thin.
pub const TRADES_MIN: u64 = 5;

const FIRST_YEAR: u32 = 1970;
const MONTHS_PER_YEAR: u32 = 12;
const SECONDS_PER_MINUTE: i64 = 60;

/// A calendar month of UTC, in months since year 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month(u32);

/// What was traded for a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Traded {
    /// GPUs times minutes in the month.
    pub gpu_minutes: u64,
    /// Price times those.
    pub turnover: i128,
    /// How many trades.
    pub trades: u64,
}

/// Trades by the day on which they were made and the month for which.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ForwardFold(BTreeMap<Day, BTreeMap<Month, Traded>>);

/// What an ask offers for a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MonthAsk {
    /// The month.
    pub month: Month,
    /// The ask's price.
    pub price: Price,
    /// What it offers there.
    pub offered: GpuMinutes,
}

/// Where a mark comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// At least 5 trades.
    Trades,
    /// Resting asks.
    Asks,
    /// Fewer trades, and no asks.
    FewTrades,
    /// Another month.
    Carried,
}

/// The price of a delivery month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MonthPrice {
    /// The month.
    pub month: Month,
    /// What it is worth now; nothing if no month has a price.
    pub mark: Option<(Price, Basis)>,
    /// Trades of the last 30 days for it.
    pub traded: Traded,
    /// Their mean price.
    pub trade_price: Option<Price>,
    /// Lower median of resting asks.
    pub ask_price: Option<Price>,
    /// The cheapest resting ask.
    pub best_ask: Option<Price>,
    /// What resting asks offer.
    pub offered: GpuMinutes,
}

/// What a contract is worth against the curve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// GPU-minutes still to be delivered.
    pub remaining: GpuMinutes,
    /// What they cost at the contract's price.
    pub cost: Money,
    /// What they cost at the curve's.
    pub value: Money,
    /// The curve's mean price over them.
    pub price: Option<Price>,
    /// Whether any month of it has a mark that is thin.
    pub thin: bool,
}

impl Basis {
    /// Returns its one spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trades => "trades",
            Self::Asks => "asks",
            Self::FewTrades => "few_trades",
            Self::Carried => "carried",
        }
    }
}

impl Month {
    /// Returns the month a minute lies in.
    pub fn of(minute: Minute) -> Self {
        let seconds = i64::from(minute.get()).saturating_mul(SECONDS_PER_MINUTE);
        let date = DateTime::<Utc>::from_timestamp(seconds, 0).unwrap_or_default();
        let year = u32::try_from(date.year()).unwrap_or_default();
        Self(year.saturating_mul(MONTHS_PER_YEAR).saturating_add(date.month0()))
    }

    /// Returns its minutes.
    pub fn window(self) -> Window {
        Window::new(self.first_minute(), self.next().first_minute())
    }

    /// Returns the month after it.
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// Returns the month before it.
    #[must_use]
    pub const fn previous(self) -> Self {
        Self(self.0.saturating_sub(1))
    }

    /// Reads `YYYY-MM`, from 1970 on.
    pub fn parse(text: &str) -> Option<Self> {
        let (year, month) = text.split_once('-').filter(|(year, month)| (year.len(), month.len()) == (4, 2))?;
        let number =
            |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse::<u32>().ok());
        let (year, month) = (number(year)??, number(month)??);
        let known = year >= FIRST_YEAR && (1..=MONTHS_PER_YEAR).contains(&month);
        known.then(|| Self(year.saturating_mul(MONTHS_PER_YEAR).saturating_add(month.saturating_sub(1))))
    }

    fn first_minute(self) -> Minute {
        let (year, month) = (self.0.div_euclid(MONTHS_PER_YEAR), self.0.rem_euclid(MONTHS_PER_YEAR).saturating_add(1));
        let date = i32::try_from(year).ok().and_then(|year| NaiveDate::from_ymd_opt(year, month, 1));
        let seconds = date.and_then(|date| date.and_hms_opt(0, 0, 0)).map_or(0, |time| time.and_utc().timestamp());
        Minute::new(u32::try_from(seconds.div_euclid(SECONDS_PER_MINUTE)).unwrap_or(u32::MAX))
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month) = (self.0.div_euclid(MONTHS_PER_YEAR), self.0.rem_euclid(MONTHS_PER_YEAR).saturating_add(1));
        write!(f, "{year:04}-{month:02}")
    }
}

/// Returns a window cut at the ends of months.
pub fn by_month(window: Window) -> impl Iterator<Item = (Month, Window)> {
    let mut start = window.start;
    std::iter::from_fn(move || {
        if start >= window.end {
            return None;
        }
        let month = Month::of(start);
        let piece = Window::new(start, window.end.min(month.window().end));
        // The last minute there is belongs to no whole month.
        start = if piece.is_empty() { window.end } else { piece.end };
        Some((month, piece))
    })
}

impl ForwardFold {
    /// Folds in the next trade, made on a day; days that no mark looks at any more are forgotten.
    pub fn add(&mut self, day: Day, window: Window, gpus: u32, price: Price) {
        let months = self.0.entry(day).or_default();
        for (month, piece) in by_month(window) {
            let traded = months.entry(month).or_default();
            let gpu_minutes = GpuMinutes::block(piece, gpus).get();
            traded.gpu_minutes = traded.gpu_minutes.saturating_add(gpu_minutes);
            traded.turnover = traded.turnover.saturating_add(turnover(price, gpu_minutes));
            traded.trades = traded.trades.saturating_add(1);
        }
        let last = self.0.keys().next_back().copied().unwrap_or(day);
        let first = first_day(last);
        while self.0.first_key_value().is_some_and(|(day, _)| *day < first) {
            self.0.pop_first();
        }
    }

    fn traded(&self, today: Day) -> BTreeMap<Month, Traded> {
        let mut sums: BTreeMap<Month, Traded> = BTreeMap::new();
        for (month, traded) in self.0.range(first_day(today)..=today).flat_map(|(_, months)| months) {
            let sum = sums.entry(*month).or_default();
            sum.gpu_minutes = sum.gpu_minutes.saturating_add(traded.gpu_minutes);
            sum.turnover = sum.turnover.saturating_add(traded.turnover);
            sum.trades = sum.trades.saturating_add(traded.trades);
        }
        sums
    }

    /// Returns the curve from this month to the last that has a trade or an ask.
    pub fn curve(&self, asks: &[MonthAsk], today: Day) -> Vec<MonthPrice> {
        let traded = self.traded(today);
        let mut offers: BTreeMap<Month, Vec<MonthAsk>> = BTreeMap::new();
        for ask in asks.iter().filter(|ask| ask.offered > GpuMinutes::ZERO) {
            offers.entry(ask.month).or_default().push(*ask);
        }
        let this = Month::of(today.window().start);
        let last = traded.keys().next_back().max(offers.keys().next_back()).copied();
        let mut curve = Vec::new();
        let mut month = this;
        while last.is_some_and(|last| month <= last) {
            let asks = offers.get(&month).map(Vec::as_slice).unwrap_or_default();
            curve.push(price_of(month, traded.get(&month).copied().unwrap_or_default(), asks));
            month = month.next();
        }
        carry(curve.iter_mut());
        carry(curve.iter_mut().rev());
        curve
    }
}

fn first_day(last: Day) -> Day {
    Day::new(last.get().saturating_sub(TRADE_DAYS.saturating_sub(1)))
}

fn price_of(month: Month, traded: Traded, asks: &[MonthAsk]) -> MonthPrice {
    let trade_price = mean(traded.turnover, traded.gpu_minutes);
    let weighted = asks.iter().map(|ask| (ask.price.micros(), ask.offered.get())).collect();
    let ask_price = weighted_lower_median(weighted).map(Price::from_micros);
    let mark = match (trade_price, ask_price) {
        (Some(price), _) if traded.trades >= TRADES_MIN => Some((price, Basis::Trades)),
        (_, Some(price)) => Some((price, Basis::Asks)),
        (Some(price), None) => Some((price, Basis::FewTrades)),
        (None, None) => None,
    };
    let offered = asks.iter().fold(GpuMinutes::ZERO, |sum, ask| sum.plus(ask.offered));
    let best_ask = asks.iter().map(|ask| ask.price).min();
    MonthPrice { month, mark, traded, trade_price, ask_price, best_ask, offered }
}

fn carry<'a>(months: impl Iterator<Item = &'a mut MonthPrice>) {
    let mut last = None;
    for month in months {
        match month.mark {
            Some((price, _)) => last = Some(price),
            None => month.mark = last.map(|price| (price, Basis::Carried)),
        }
    }
}

/// Marks what is left of a contract; nothing if the curve is empty. Months beyond the curve take its last mark.
///
/// # Errors
/// [`OutOfRange`] beyond `i64` micro-USD.
pub fn mark(curve: &[MonthPrice], window: Window, gpus: u32, price: Price) -> Result<Option<Mark>, OutOfRange> {
    let marks: BTreeMap<Month, (Price, Basis)> =
        curve.iter().filter_map(|month| Some((month.month, month.mark?))).collect();
    let Some((first, last)) = marks.first_key_value().zip(marks.last_key_value()) else { return Ok(None) };
    let remaining = GpuMinutes::block(window, gpus);
    let (mut worth, mut thin) = (0_i128, false);
    for (month, piece) in by_month(window) {
        let beyond = if month < *first.0 { *first.1 } else { *last.1 };
        let known = marks.get(&month).copied();
        let (mark, basis) = known.unwrap_or(beyond);
        worth = worth.saturating_add(turnover(mark, GpuMinutes::block(piece, gpus).get()));
        thin |= known.is_none() || basis != Basis::Trades;
    }
    Ok(Some(Mark {
        remaining,
        cost: price.due(remaining.get())?,
        value: due(worth)?,
        price: mean(worth, remaining.get()),
        thin,
    }))
}

/// Returns turnover as money, rounded down to the micro-dollar as everything due is.
pub(super) fn due(turnover: i128) -> Result<Money, OutOfRange> {
    i64::try_from(turnover.div_euclid(60)).map(Money::from_micros).map_err(|_| OutOfRange)
}

#[cfg(test)]
mod tests;
