//! `/`: every product at a glance.

use askama::Template;
use std::collections::BTreeMap;

use super::format;
use super::numbers::{Gauge, HORIZON_DAYS};
use super::respond::Reply;
use super::shell::Shell;
use super::svg::{self, SPARK_HEIGHT, SPARK_WIDTH};
use super::visit::Visit;
use super::{Guest, Shown};
use crate::api::csv::Sheet;
use crate::app::AppError;
use crate::app::analytics::Index;
use crate::app::overview::Glance;
use crate::app::series::PriceSeries;
use crate::exchange::entities::Trade;
use crate::market::drawdown::Point;
use crate::market::oversupply::State;
use crate::market::{GpuMinutes, Ratio};
use crate::types::{Price, ProductId};

/// Fixes below which an own path says less than an imported one.
const OWN_PATH_MIN: usize = 3;
/// Which kind of imported price stands for a product where there are several: the one that moves first.
const KINDS: [&str; 6] = ["spot", "index", "on_demand", "ask", "committed", "reserved"];

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
const MONTH_MS: i64 = 30 * DAY_MS;

/// A row of the market.
pub struct Row {
    glance: Glance,
    last: Option<Trade>,
    index: Option<Price>,
    thin: bool,
    gauge: Gauge,
    path: Option<Path>,
}

/// The price path that a row shows, and whose it is.
pub struct Path {
    /// Who says so, and what it is.
    pub label: String,
    /// Its last price against its highest.
    pub drawdown: Option<Ratio>,
    /// Its last price against the one 24 hours before.
    pub day: Option<Ratio>,
    /// Its last price against the one 30 days before.
    pub month: Option<Ratio>,
    /// The line.
    pub points: String,
}

#[derive(Template)]
#[template(path = "market.html")]
struct Page {
    shell: Shell,
    rows: Vec<Row>,
    query: String,
    only: String,
    products: usize,
    gpus: u64,
    supply: GpuMinutes,
    bids: usize,
    hero: Option<PriceSeries>,
}

impl Path {
    /// Returns the path of a product: its own index, or else the imported series that says most.
    pub fn of(index: Option<&Index>, series: &[&PriceSeries]) -> Option<Self> {
        let own = index.filter(|index| index.fixes.len() >= OWN_PATH_MIN);
        if let Some(index) = own {
            let points: Vec<Point> =
                index.fixes.iter().map(|fix| Point { at: fix.day.start(), price: fix.price }).collect();
            let drawdown = crate::market::drawdown::drawdown(&points).and_then(|standing| standing.drawdown);
            return Self::over("own index".to_owned(), drawdown, &points);
        }
        let chosen = headline(series)?;
        Self::over(format::series(chosen), chosen.standing.drawdown, &chosen.points)
    }

    fn over(label: String, drawdown: Option<Ratio>, points: &[Point]) -> Option<Self> {
        let (day, month) = (change_over(points, DAY_MS), change_over(points, MONTH_MS));
        Some(Self { label, drawdown, day, month, points: spark(points)? })
    }

    /// Tells whether the last price is below the highest.
    pub fn is_down(&self) -> bool {
        self.drawdown.is_some_and(|ratio| ratio.ten_thousandths() < 0)
    }
}

/// Returns the imported series that stands for a product: a path, the kind that moves first, then the longest.
pub fn headline<'a>(series: &[&'a PriceSeries]) -> Option<&'a PriceSeries> {
    let rank = |series: &PriceSeries| KINDS.iter().position(|kind| *kind == series.kind).unwrap_or(KINDS.len());
    let paths = series.iter().filter(|series| series.is_path());
    paths.min_by_key(|series| (rank(series), usize::MAX.saturating_sub(series.points.len()))).copied()
}

/// Returns the last price against the last one at least so long before it.
fn change_over(points: &[Point], millis: i64) -> Option<Ratio> {
    let last = points.last()?;
    let before = points.iter().rev().find(|point| point.at <= last.at.plus_millis(-millis))?;
    Ratio::change(before.price.micros(), last.price.micros())
}

fn spark(points: &[Point]) -> Option<String> {
    let prices: Vec<Price> = points.iter().map(|point| point.price).collect();
    svg::line(&prices, SPARK_WIDTH, SPARK_HEIGHT)
}

/// Shows the market.
pub async fn show(visit: Guest) -> Shown {
    let query = visit.query();
    let (text, only) = (query.text("q").to_lowercase(), query.text("only").to_owned());
    let (all, series) = (rows(&visit).await?, visit.app().price_series().await?);
    let hero: Vec<&PriceSeries> = series.iter().filter(|series| series.product.starts_with("h100")).collect();
    let page = Page {
        shell: Shell::of(&visit, "Market", "/"),
        products: all.len(),
        gpus: all.iter().map(|row| row.glance.open_gpus).sum(),
        supply: all.iter().fold(GpuMinutes::ZERO, |sum, row| sum.plus(row.glance.open_supply)),
        bids: all.iter().map(|row| row.glance.bids).sum(),
        rows: all.into_iter().filter(|row| row.is_asked_for(&text, &only)).collect(),
        query: text,
        only,
        hero: headline(&hero).cloned(),
    };
    Reply::page(&page)
}

/// Gives the market as a file.
pub async fn csv(visit: Guest) -> Shown {
    let header = [
        "symbol",
        "name",
        "index_usd_per_gpu_hour",
        "index_thin",
        "last_trade_usd",
        "last_trade_at",
        "best_bid_usd",
        "best_ask_usd",
        "asks",
        "bids",
        "gpus_offered",
        "gpu_hours_offered",
        "halted",
        "oversupply_index",
        "oversupply_state",
        "path",
        "change_24h",
        "change_30d",
        "from_peak",
    ];
    let mut sheet = Sheet::new(&header);
    let price = |price: Option<Price>| price.map(|price| price.to_string()).unwrap_or_default();
    let ratio = |ratio: Option<Ratio>| ratio.map(|ratio| ratio.to_string()).unwrap_or_default();
    for row in rows(&visit).await? {
        let Glance { product, best_bid, best_ask, bids, asks, open_gpus, open_supply } = row.glance;
        sheet.row([
            product.symbol.to_string(),
            product.name,
            price(row.index),
            row.index.map(|_| row.thin.to_string()).unwrap_or_default(),
            price(row.last.as_ref().map(|trade| trade.price)),
            row.last.map(|trade| trade.created_at.to_rfc3339()).unwrap_or_default(),
            price(best_bid),
            price(best_ask),
            asks.to_string(),
            bids.to_string(),
            open_gpus.to_string(),
            open_supply.hours(),
            product.halted.to_string(),
            row.gauge.index.map(|index| index.to_string()).unwrap_or_default(),
            row.gauge.state.map(State::as_str).unwrap_or_default().to_owned(),
            row.path.as_ref().map(|path| path.label.clone()).unwrap_or_default(),
            ratio(row.path.as_ref().and_then(|path| path.day)),
            ratio(row.path.as_ref().and_then(|path| path.month)),
            ratio(row.path.as_ref().and_then(|path| path.drawdown)),
        ]);
    }
    Ok(Reply::Csv { name: "market.csv".to_owned(), text: sheet.text() })
}

impl Row {
    fn is_asked_for(&self, text: &str, only: &str) -> bool {
        let product = &self.glance.product;
        let named = text
            .split_whitespace()
            .all(|word| product.symbol.as_str().contains(word) || product.name.to_lowercase().contains(word));
        named
            && match only {
                "traded" => self.last.is_some(),
                "offered" => self.glance.asks > 0,
                "wanted" => self.glance.bids > 0,
                _ => true,
            }
    }
}

/// Returns every product, those that trade first, then those with most on offer.
async fn rows(visit: &Visit) -> Result<Vec<Row>, AppError> {
    let app = visit.app();
    let (glances, _, _) = app.overview().await?;
    let mut last: BTreeMap<ProductId, Trade> = app.last_trades().await?;
    let series = app.price_series().await?;
    let mut rows = Vec::with_capacity(glances.len());
    for glance in glances {
        let symbol = &glance.product.symbol;
        let index = app.index(symbol).await?;
        let imported: Vec<&PriceSeries> = series.iter().filter(|row| row.product == symbol.as_str()).collect();
        let fix = index.fixes.last();
        rows.push(Row {
            last: last.remove(&glance.product.id),
            index: fix.map(|fix| fix.price),
            thin: fix.is_some_and(|fix| fix.thin),
            gauge: Gauge::of(&app.oversupply(symbol, None, HORIZON_DAYS).await?.figure.oversupply),
            path: Path::of(Some(&index), &imported),
            glance,
        });
    }
    rows.sort_by_key(|row| {
        let busy = row.glance.bids.saturating_add(row.glance.asks);
        (row.last.is_none(), usize::MAX.saturating_sub(busy))
    });
    Ok(rows)
}
