//! Depth of a product: what so many GPUs over a window would cost out of the asks that rest, and in each of its hours.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::resting::{Passed, pass_over};
use crate::app::catalogue::product_by_symbol;
use crate::app::market_data::WINDOW_MINUTES_DEFAULT;
use crate::app::market_data::{fits, next_full_hour, takeable};
use crate::app::{App, AppError};
use crate::exchange::Reject;
use crate::exchange::entities::Order;
use crate::market::depth::{Offer, Quote, by_hour};
use crate::market::{Day, Month};
use crate::types::{Minute, ProductId, Side, Symbol, Timestamp, Window};

/// Amounts of GPUs that are quoted unless the caller names one.
pub const LADDER: [u32; 8] = [1, 8, 16, 32, 64, 128, 256, 1_024];
/// Asks that one answer looks at, from the cheapest.
pub const ASKS_MAX: usize = 20_000;
/// Delivery hours in one answer.
pub const HOURS_MAX: u32 = 31 * 24;

const MINUTES_PER_HOUR: u32 = 60;
const DAYS_PER_WEEK: u32 = 7;
/// The first day since 1970 was a Thursday: three days after a Monday.
const DAYS_SINCE_MONDAY: u32 = 3;

/// A standard window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strip {
    /// The next UTC day.
    Day,
    /// The next week, from Monday.
    Week,
    /// The next calendar month.
    Month,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// A standard window.
    Strip(Strip),
    /// Any window; as for the book, by default the 24 hours from the next full hour.
    Window(Option<Minute>, Option<Minute>),
}

/// What so many GPUs would cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Depth {
    /// The window.
    pub window: Window,
    /// Over the whole window, one for each amount.
    pub quotes: Vec<Quote>,
    /// Hour by hour, if that was asked for.
    pub hours: Vec<(Window, Quote)>,
    /// Whether more asks rest than were looked at, and something could still be had from them.
    pub truncated: bool,
    /// The exchange's time.
    pub now: Timestamp,
    /// The journal row it reflects.
    pub as_of: i64,
}

impl Strip {
    /// Every strip, the shortest first.
    pub const ALL: [Self; 3] = [Self::Day, Self::Week, Self::Month];

    /// Returns its one spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }

    /// Returns the strip spelled so, if there is one.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|strip| strip.as_str() == text)
    }

    /// Returns the next window of its kind that has not begun.
    pub fn window(self, now: Timestamp) -> Window {
        let tomorrow = Day::of(now).next();
        match self {
            Self::Day => tomorrow.window(),
            Self::Week => {
                let weekday = tomorrow.get().saturating_add(DAYS_SINCE_MONDAY).checked_rem(DAYS_PER_WEEK);
                let wait = DAYS_PER_WEEK.saturating_sub(weekday.unwrap_or_default()).checked_rem(DAYS_PER_WEEK);
                let monday = Day::new(tomorrow.get().saturating_add(wait.unwrap_or_default()));
                let sunday = Day::new(monday.get().saturating_add(DAYS_PER_WEEK.saturating_sub(1)));
                Window::new(monday.window().start, sunday.window().end)
            }
            Self::Month => Month::of(now.minute()).next().window(),
        }
    }
}

impl App {
    /// Returns what each of these amounts of GPUs would cost over a window, and, if asked, what so many would cost in each of
    /// its hours. Asks are taken as the exchange takes them; an hour is priced as part of the window,
    /// so that an ask's shortest rental is held against the window.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for a product that does not exist; `invalid_window`, also for more than [`HOURS_MAX`] hours.
    pub async fn depth(
        &self,
        symbol: &Symbol,
        need: Need,
        amounts: &[u32],
        hourly: Option<u32>,
    ) -> Result<Depth, AppError> {
        let found = self.live().read(|view| Some((product_by_symbol(view, symbol)?.id, view.now, view.as_of)));
        let (product, now, as_of) = found.ok_or(AppError::NotFound)?;
        let window = window(need, now);
        let is_long = window.minutes() > HOURS_MAX.saturating_mul(MINUTES_PER_HOUR);
        if window.is_empty() || (hourly.is_some() && is_long) {
            return Err(Reject::InvalidWindow.into());
        }
        let (quotes, truncated) = walk(self, product, window, amounts);
        let hours = match hourly {
            Some(gpus) => self.compute(move |app| walk_hours(app, product, window, gpus)).await?,
            None => (Vec::new(), false),
        };
        Ok(Depth { window, quotes, hours: hours.0, truncated: truncated || hours.1, now, as_of })
    }
}

fn window(need: Need, now: Timestamp) -> Window {
    match need {
        Need::Strip(strip) => strip.window(now),
        Need::Window(start, end) => {
            let start = start.unwrap_or_else(|| next_full_hour(now));
            Window::new(start, end.unwrap_or_else(|| start.plus(WINDOW_MINUTES_DEFAULT)))
        }
    }
}

/// Takes from asks until every amount is had.
fn walk(app: &App, product: ProductId, window: Window, amounts: &[u32]) -> (Vec<Quote>, bool) {
    let mut quotes: Vec<Quote> = amounts.iter().map(|gpus| Quote::new(*gpus)).collect();
    let Passed { truncated, .. } = pass_over(app.live(), (product, Side::Ask), Some(window), ASKS_MAX, |view, ask| {
        let gpus = takeable(ask, window, view.now);
        quotes.iter_mut().for_each(|quote| quote.take(Offer { price: ask.price, gpus, lot: ask.lot }));
        until(quotes.iter().all(Quote::is_full))
    });
    (quotes, truncated)
}

/// Takes from asks in every hour, until the amount is had in each.
fn walk_hours(app: &App, product: ProductId, window: Window, gpus: u32) -> (Vec<(Window, Quote)>, bool) {
    let now = app.live().read(|view| view.now);
    let mut asks: Vec<Arc<Order>> = Vec::new();
    let Passed { truncated, .. } = pass_over(app.live(), (product, Side::Ask), Some(window), ASKS_MAX, |_, ask| {
        if ask.min_minutes <= window.minutes() {
            asks.push(Arc::clone(ask));
        }
        ControlFlow::Continue(())
    });
    let mut hours: Vec<(Window, Quote)> = by_hour(window).map(|hour| (hour, Quote::new(gpus))).collect();
    for ask in asks {
        let short: Vec<_> = hours.iter_mut().filter(|(_, quote)| !quote.is_full()).collect();
        if short.is_empty() {
            return (hours, false);
        }
        for (hour, quote) in short.into_iter().filter(|(hour, _)| fits(&ask, *hour, now)) {
            quote.take(Offer { price: ask.price, gpus: ask.free_over(*hour), lot: ask.lot });
        }
    }
    (hours, truncated)
}

const fn until(done: bool) -> ControlFlow<()> {
    if done { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strips_are_the_next_day_week_and_month() {
        let strip = |strip: Strip, now: &str| {
            let window = strip.window(Timestamp::parse(now).unwrap());
            let day = |minute: Minute| minute.to_rfc3339().get(..10).unwrap().to_owned();
            (day(window.start), day(window.end))
        };
        let days = |start: &str, end: &str| (start.to_owned(), end.to_owned());
        // A Thursday; a Sunday, the last of its month; a Monday.
        assert_eq!(strip(Strip::Day, "2026-11-26T14:53:00Z"), days("2026-11-27", "2026-11-28"));
        assert_eq!(strip(Strip::Week, "2026-11-26T14:53:00Z"), days("2026-11-30", "2026-12-07"));
        assert_eq!(strip(Strip::Month, "2026-11-26T14:53:00Z"), days("2026-12-01", "2027-01-01"));
        assert_eq!(strip(Strip::Week, "2026-11-29T23:59:59Z"), days("2026-11-30", "2026-12-07"));
        assert_eq!(strip(Strip::Week, "2026-11-30T00:00:00Z"), days("2026-12-07", "2026-12-14"));
        assert_eq!(strip(Strip::Month, "2026-12-31T00:00:00Z"), days("2027-01-01", "2027-02-01"));
    }
}
