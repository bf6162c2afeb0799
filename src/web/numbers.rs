//! The numbers of a product's page that follow its book: depth of a window, forward curve, oversupply; and their files.

use std::sync::Arc;

use super::product::file;
use super::svg;
use super::visit::Visit;
use super::{Guest, Shown};
use crate::api::csv::Sheet;
use crate::app::AppError;
use crate::app::analytics::depth::{Depth, HOURS_MAX, LADDER, Need, Strip};
use crate::app::analytics::kept::Made;
use crate::app::analytics::oversupply::{ROLLING_DAYS, Standing};
use crate::app::analytics::sources::Behind;
use crate::app::analytics::stickiness::Sticky;
use crate::market::depth::Quote;
use crate::market::forward::{Basis, MonthPrice};
use crate::market::oversupply::{HORIZONS, Oversupply, State, WEIGHTS};
pub use crate::market::stickiness::REPRICED_DAYS;
use crate::market::{GpuMinutes, Ratio};
use crate::types::{Price, Symbol, Window};

/// Days back and ahead over which pages show oversupply.
pub const HORIZON_DAYS: u32 = 30;
/// GPUs that hours are priced for: one machine.
pub const HOURLY_GPUS: u32 = 8;
/// Delivery months that a page shows: an ask may reach ten years ahead.
const MONTHS_SHOWN: usize = 12;
const MINUTES_PER_HOUR: u32 = 60;
const WHOLE: u64 = 100;

/// The numbers of a product.
pub struct Numbers {
    /// Of the window, if there is one.
    pub depth: Option<Depth>,
    /// Its next delivery months.
    pub months: Vec<Month>,
    /// Delivery months in all.
    pub months_in_all: usize,
    /// Its months as a line, if there are two.
    pub curve: Option<String>,
    /// How much too much there is.
    pub gauge: Gauge,
    /// How much too much there is, with what it is made of.
    pub standing: Arc<Made<Standing>>,
    /// Who is behind the supply.
    pub behind: Arc<Made<Behind>>,
    /// How sticky prices are.
    pub sticky: Arc<Made<Sticky>>,
}

/// A delivery month.
pub struct Month {
    /// What it costs.
    pub price: MonthPrice,
    /// Where its mark comes from, in words.
    pub basis: &'static str,
    /// Whether that is anything but trades.
    pub thin: bool,
    /// How long the bar of what is on offer is.
    pub offered: u64,
}

/// Oversupply as a bar.
#[derive(Debug, Clone, Copy)]
pub struct Gauge {
    /// 0 to 100.
    pub index: Option<u32>,
    /// What it says.
    pub state: Option<State>,
}

/// The width of the grid of a forward curve.
pub const CURVE_WIDTH: i64 = 600;
/// The height of the grid of a forward curve.
pub const CURVE_HEIGHT: i64 = 80;

impl Gauge {
    /// Returns the gauge of a figure.
    pub const fn of(oversupply: &Oversupply) -> Self {
        Self { index: oversupply.index, state: oversupply.state }
    }

    /// Returns how long its bar is.
    pub fn width(&self) -> u64 {
        svg::step(self.index.unwrap_or_default().into(), WHOLE)
    }

    /// Returns how it is coloured.
    pub fn tone(&self) -> &'static str {
        match self.state {
            Some(State::Glut) => "glut",
            Some(State::Short) => "short",
            _ => "even",
        }
    }
}

impl Numbers {
    /// Returns the numbers of a product, with the depth of a window if there is one.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn of(visit: &Visit, symbol: &Symbol, window: Option<Window>) -> Result<Self, AppError> {
        let app = visit.app();
        let forward = app.forward(symbol).await?;
        let standing = app.oversupply(symbol, None, HORIZON_DAYS).await?;
        let depth = match window {
            Some(window) => Some(depth_of(visit, symbol, Need::Window(Some(window.start), Some(window.end))).await?),
            None => None,
        };
        let shown = forward.figure.get(..MONTHS_SHOWN).unwrap_or(&forward.figure);
        let marks: Vec<Price> = shown.iter().filter_map(|month| Some(month.mark?.0)).collect();
        Ok(Self {
            depth,
            months: months(shown),
            months_in_all: forward.figure.len(),
            curve: svg::line(&marks, CURVE_WIDTH, CURVE_HEIGHT),
            gauge: Gauge::of(&standing.figure.oversupply),
            standing,
            behind: app.sources(symbol, None).await?,
            sticky: app.stickiness(symbol).await?,
        })
    }

    /// Returns the components of oversupply: what each is, value, weight.
    pub fn components(&self) -> Vec<(&'static str, Option<Ratio>, u32)> {
        let said = |name| match name {
            "unsold" => "Passed unsold, of what could be delivered",
            "cover" => "On offer, of that and what was sold",
            "imbalance" => "Asks over bids near the index",
            "resale" => "Resale, of what is on offer",
            other => other,
        };
        let parts = self.standing.figure.oversupply.components.iter().zip(WEIGHTS);
        parts.map(|(value, (name, weight))| (said(name), *value, weight)).collect()
    }

    /// Returns the amounts of which at least a part can be had, and the first that cannot be had whole.
    pub fn quotes(&self) -> Vec<Quote> {
        let quotes = self.depth.iter().flat_map(|depth| depth.quotes.iter().copied());
        let mut is_whole = true;
        let until_short = quotes.take_while(|quote| std::mem::replace(&mut is_whole, quote.is_full()));
        until_short.filter(|quote| quote.available > 0).collect()
    }

    /// Tells whether there is a price to speak of.
    pub fn is_sticky(&self) -> bool {
        self.sticky.figure.rows.iter().any(|(_, row)| row.repricings > 0 || row.sources.asks > 0)
    }

    /// Returns the first and the last month.
    pub fn ends(&self) -> Option<(String, String)> {
        let (first, last) = (self.months.first()?, self.months.last()?);
        Some((first.price.month.to_string(), last.price.month.to_string()))
    }

    /// Returns, of the hours of the window in which so many GPUs can be had: the cheapest and the dearest marginal price; and in
    /// how many of them they cannot.
    pub fn hourly(&self) -> Option<(Price, Price, usize)> {
        let hours = &self.depth.as_ref()?.hours;
        let prices = || hours.iter().filter_map(|(_, quote)| quote.marginal);
        let short = hours.iter().filter(|(_, quote)| quote.marginal.is_none()).count();
        Some((prices().min()?, prices().max()?, short))
    }
}

fn months(forward: &[MonthPrice]) -> Vec<Month> {
    let most = forward.iter().map(|month| month.offered.get()).max().unwrap_or_default();
    let month = |price: &MonthPrice| Month {
        basis: match price.mark {
            Some((_, Basis::Trades)) => "trades",
            Some((_, Basis::Asks)) => "asks",
            Some((_, Basis::FewTrades)) => "few trades",
            Some((_, Basis::Carried)) => "the month beside it",
            None => "",
        },
        thin: price.mark.is_some_and(|(_, basis)| basis != Basis::Trades),
        offered: svg::step(price.offered.get(), most),
        price: *price,
    };
    forward.iter().map(month).collect()
}

/// Returns depth of a window, by the hour too if it is not too long for that.
async fn depth_of(visit: &Visit, symbol: &Symbol, need: Need) -> Result<Depth, AppError> {
    let is_short = match need {
        Need::Window(Some(start), Some(end)) => {
            Window::new(start, end).minutes() <= HOURS_MAX.saturating_mul(MINUTES_PER_HOUR)
        }
        _ => true,
    };
    visit.app().depth(symbol, need, &LADDER, is_short.then_some(HOURLY_GPUS)).await
}

/// Gives the forward curve of a product as a file.
pub async fn forward_csv(visit: Guest) -> Shown {
    let symbol = visit.symbol()?;
    let header = [
        "month",
        "mark_usd_per_gpu_hour",
        "basis",
        "trades",
        "traded_gpu_hours",
        "trade_price_usd",
        "ask_price_usd",
        "best_ask_usd",
        "offered_gpu_hours",
    ];
    let mut sheet = Sheet::new(&header);
    for month in &visit.app().forward(&symbol).await?.figure {
        sheet.row([
            month.month.to_string(),
            text(month.mark.map(|(price, _)| price)),
            month.mark.map(|(_, basis)| basis.as_str()).unwrap_or_default().to_owned(),
            month.traded.trades.to_string(),
            GpuMinutes::new(month.traded.gpu_minutes).hours(),
            text(month.trade_price),
            text(month.ask_price),
            text(month.best_ask),
            month.offered.hours(),
        ]);
    }
    file(&symbol, "forward", sheet)
}

/// Gives depth of a window as a file: over the whole of it, then for one machine in each of its hours.
pub async fn depth_csv(visit: Guest) -> Shown {
    let symbol = visit.symbol()?;
    let query = visit.query();
    let (start, end) = (query.maybe_minute("start")?, query.maybe_minute("end")?);
    let need = match query.given("strip").and_then(Strip::parse) {
        Some(strip) if start.is_none() && end.is_none() => Need::Strip(strip),
        _ => Need::Window(start, end),
    };
    let depth = depth_of(&visit, &symbol, need).await?;
    let mut sheet = Sheet::new(&["start", "end", "gpus", "available", "best_usd", "marginal_usd", "average_usd"]);
    let whole = depth.quotes.iter().map(|quote| (depth.window, *quote));
    for (window, quote) in whole.chain(depth.hours.iter().copied()) {
        let Quote { wanted, available, best, marginal, average, .. } = quote;
        sheet.row([
            window.start.to_rfc3339(),
            window.end.to_rfc3339(),
            wanted.to_string(),
            available.to_string(),
            text(best),
            text(marginal),
            text(average),
        ]);
    }
    file(&symbol, "depth", sheet)
}

/// Gives oversupply of a product over every horizon as a file.
pub async fn oversupply_csv(visit: Guest) -> Shown {
    let symbol = visit.symbol()?;
    let mut header = vec!["horizon_days", "index", "state", "offered_gpu_hours", "resale_offered_gpu_hours"];
    header.extend(["bid_near_gpu_hours", "sold_gpu_hours", "delivered_gpu_hours", "expired_unsold_gpu_hours"]);
    header.extend(["expired_value_usd", "unsold", "cover", "imbalance", "resale"]);
    let mut sheet = Sheet::new(&header);
    for days in HORIZONS {
        let made = visit.app().oversupply(&symbol, None, days).await?;
        let Oversupply { flows, index, state, components, .. } = &made.figure.oversupply;
        let amounts = [flows.offered, flows.resale_offered, flows.bid_near, flows.sold, flows.delivered, flows.expired];
        let state = state.map(State::as_str).unwrap_or_default().to_owned();
        let mut row = vec![days.to_string(), text(*index), state];
        row.extend(amounts.map(GpuMinutes::hours));
        row.push(flows.expired_value.to_string());
        row.extend(components.map(text));
        sheet.row(row);
    }
    file(&symbol, "oversupply", sheet)
}

/// Gives the stickiness of a product's prices, as a whole and by region, as a file.
pub async fn stickiness_csv(visit: Guest) -> Shown {
    let symbol = visit.symbol()?;
    let mut header = vec!["region", "repricings", "cuts", "median_days", "median_change", "asks"];
    header.extend(["median_standing_days", "offered_gpu_hours", "above_index_gpu_hours", "resale_offered_gpu_hours"]);
    header.extend(["resale_underwater_gpu_hours", "held_at_cost_gpu_hours"]);
    let mut sheet = Sheet::new(&header);
    for (region, row) in &visit.app().stickiness(&symbol).await?.figure.rows {
        let hours = |amount: Option<GpuMinutes>| text(amount.map(GpuMinutes::hours));
        sheet.row([
            region.as_ref().map(|region| region.as_str().to_owned()).unwrap_or_default(),
            row.repricings.to_string(),
            row.cuts.to_string(),
            text(row.median_days),
            text(row.median_change),
            row.sources.asks.to_string(),
            text(row.median_standing_days),
            row.sources.offered.hours(),
            hours(row.sources.above_index),
            row.sources.reseller.offered.hours(),
            hours(row.sources.resale_underwater),
            hours(row.held_at_cost),
        ]);
    }
    file(&symbol, "stickiness", sheet)
}

fn text(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

/// Returns the days within which contracts roll off, with their contracts and GPUs.
pub fn rolling_off(standing: &Standing) -> Vec<(u32, u64, u64)> {
    let ends = ROLLING_DAYS.iter().zip(standing.rolling_off);
    ends.map(|(days, (contracts, gpus))| (*days, contracts, gpus)).collect()
}
