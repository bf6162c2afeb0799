//! `/markets/{symbol}`: a product's price, book, supply and tape.

use askama::Template;
use std::sync::Arc;

use super::chart::{Chart, Line};
use super::fall::{self, Story};
use super::fields::Fields;
use super::format;
use super::market::headline;
use super::numbers::{self, Numbers};
use super::pager;
use super::respond::Reply;
use super::shell::{Said, Shell};
use super::svg;
use super::visit::Visit;
use super::{Guest, Shown};
use crate::api::csv::Sheet;
use crate::api::problem::Problem;
use crate::api::wire::Id;
use crate::app::AppError;
use crate::app::analytics::depth::Strip;
use crate::app::analytics::{Index, SeriesStanding};
use crate::app::market_data::{Level, WindowBook};
use crate::app::overview::Glance;
use crate::app::reads::{Listed, Slice};
use crate::app::series::PriceSeries;
use crate::exchange::Reject;
use crate::exchange::entities::Trade;
use crate::market::Day;
use crate::market::drawdown::Point;
use crate::market::index::Fixed;
use crate::market::supply::DaySupply;
use crate::types::limits::PAGE_ROWS_MAX;
use crate::types::{Kind, Minute, PublicId, Symbol};

const SUPPLY_DAYS: u32 = 14;
/// Days of a file of supply.
const SUPPLY_DAYS_CSV: u32 = 90;
const LEVELS_SHOWN: usize = 20;
/// Rows of a file of trades.
const CSV_TRADES_MAX: usize = 10_000;

/// One price of one side, with all that is better.
pub struct Depth {
    level: Level,
    total: u64,
    width: u64,
}

/// A delivery day, with how long its bars are.
pub struct SupplyBar {
    day: DaySupply,
    sold: u64,
    offered: u64,
    wanted: u64,
}

#[derive(Template)]
#[template(path = "product.html")]
struct Page {
    shell: Shell,
    symbol: Symbol,
    glance: Option<Glance>,
    fix: Option<Arc<Fixed>>,
    last: Option<Trade>,
    standings: Vec<SeriesStanding>,
    paths: Vec<Story>,
    prices: String,
    falls: String,
    has_chart: bool,
    has_fall: bool,
    has_story: bool,
    book: Option<WindowBook>,
    asks: Vec<Depth>,
    bids: Vec<Depth>,
    window_said: Option<Said>,
    window: Fields,
    numbers: Option<Numbers>,
    supply: Vec<SupplyBar>,
    /// Whether there were more orders or contracts than are looked at.
    supply_truncated: bool,
    trades: Listed<Trade>,
}

/// Shows a product.
pub async fn show(visit: Guest) -> Shown {
    let symbol = visit.symbol()?;
    let app = visit.app();
    let glance = match app.glance(&symbol).await {
        Ok(glance) => Some(glance),
        Err(AppError::NotFound) => None,
        Err(error) => return Err(error.into()),
    };
    let standings = app.drawdowns(&symbol).await?;
    let index = if glance.is_some() { Some(app.index(&symbol).await?) } else { None };
    let paths = paths(&visit, &symbol, index.as_ref()).await?;
    let (prices, falls) = charts(&paths);
    let (book, window_said, window) =
        if glance.is_some() { book(&visit, &symbol)? } else { (None, None, Fields::default()) };
    let (asks, bids) = book.as_ref().map(|book| (depth(&book.asks), depth(&book.bids))).unwrap_or_default();
    let numbers = match &glance {
        Some(_) => Some(Numbers::of(&visit, &symbol, book.as_ref().map(|book| book.window)).await?),
        None => None,
    };
    let trades = match &glance {
        Some(_) => app.trades(&symbol, pager::slice(&visit, "trades", pager::ROWS)).await?,
        None => Listed { rows: Vec::new(), next: None },
    };
    let (supply, supply_truncated) =
        if glance.is_some() { supply_bars(&visit, &symbol).await? } else { (Vec::new(), false) };
    let page = Page {
        shell: Shell::of(&visit, symbol.to_string(), "/"),
        fix: index.and_then(|index| index.fixes.last().cloned()),
        last: app.trades(&symbol, Slice::first(1)).await.ok().and_then(|newest| newest.rows.into_iter().next()),
        supply,
        supply_truncated,
        standings,
        has_chart: paths.iter().any(|path| path.points.len() > 1),
        prices: prices.json(),
        has_story: app
            .price_series()
            .await?
            .iter()
            .any(|row| row.is_path() && fall::is_of(&row.product, symbol.as_str())),
        has_fall: !falls.is_empty(),
        falls: falls.json(),
        paths,
        asks,
        bids,
        book,
        window_said,
        window,
        numbers,
        trades,
        glance,
        symbol,
    };
    Reply::page(&page)
}

impl Page {
    fn headline(&self) -> Option<&Story> {
        self.paths.iter().find(|path| path.standing.trough.is_some())
    }

    fn family(&self) -> &str {
        fall::family_of(self.symbol.as_str())
    }

    /// Returns what the API calls a trade, by which the script knows it again.
    fn id_of(&self, trade: &Trade) -> String {
        let id = PublicId { created_at: trade.created_at, kind: Kind::Trade, number: trade.id.number() };
        Id::from(id).0.to_string()
    }

    fn is_supplied(&self) -> bool {
        self.supply.iter().any(|row| row.sold > 0 || row.offered > 0 || row.wanted > 0)
    }
}

/// Returns the paths of a product: its own index, then the imported ones.
async fn paths(visit: &Visit, symbol: &Symbol, index: Option<&Index>) -> Result<Vec<Story>, AppError> {
    let series = visit.app().price_series().await?;
    let of_product: Vec<&PriceSeries> = series.iter().filter(|row| row.product == symbol.as_str()).collect();
    let mut paths = Vec::new();
    if let Some(index) = index {
        let points: Vec<Point> =
            index.fixes.iter().map(|fix| Point { at: fix.day.start(), price: fix.price }).collect();
        paths.extend(Story::own(symbol, points, visit.app().is_simulated()));
    }
    paths.extend(of_product.iter().filter(|row| row.is_path()).map(|row| Story::of(row)));
    if let Some(first) = headline(&of_product) {
        // The one that says most is drawn first, after the own index.
        paths.sort_by_key(|path| (!path.is_own(), path.label != format::series(first)));
    }
    Ok(paths)
}

fn charts(paths: &[Story]) -> (Chart, Chart) {
    let (mut prices, mut falls) =
        (Chart { unit: "usd", ..Chart::default() }, Chart { unit: "percent", ..Chart::default() });
    for (at, path) in paths.iter().enumerate() {
        let line = Line::prices(path.name(), &path.points, path.style).coloured(at);
        prices.lines.push(if path.is_own() { line.as_main() } else { line });
        if path.is_fall() {
            falls.lines.push(Line::under_water(path.name(), &path.points, path.style).coloured(at));
        }
    }
    (prices, falls)
}

/// Returns the book of the window that was asked for, or why there is none, and the window as its form shows it.
fn book(visit: &Visit, symbol: &Symbol) -> Result<(Option<WindowBook>, Option<Said>, Fields), AppError> {
    let query = visit.query();
    let asked = query.maybe_minute("start").and_then(|start| Ok((start, query.maybe_minute("end")?)));
    let strip = query.given("strip").and_then(Strip::parse);
    let (start, end) = match (asked, strip) {
        (Ok((None, None)), Some(strip)) => {
            let window = strip.window(visit.app().live().read(|view| view.now));
            (Some(window.start), Some(window.end))
        }
        (Ok(window), _) => window,
        (Err(problem), _) => return Ok((None, Some(Said::of(&problem)), query)),
    };
    match visit.app().book(symbol, start, end) {
        Ok(book) => {
            let (start, end) = (format::field(book.window.start), format::field(book.window.end));
            let fields = query.or("start", start).or("end", end);
            Ok((Some(book), None, fields))
        }
        Err(AppError::Reject(reject @ Reject::InvalidWindow)) => {
            Ok((None, Some(Said::of(&Problem::from(reject))), query))
        }
        Err(error) => Err(error),
    }
}

fn depth(levels: &[Level]) -> Vec<Depth> {
    let shown = levels.iter().take(LEVELS_SHOWN);
    let most: u64 = shown.clone().map(|level| level.gpus).sum();
    let mut total = 0_u64;
    shown
        .map(|level| {
            total = total.saturating_add(level.gpus);
            Depth { level: *level, total, width: svg::step(total, most) }
        })
        .collect()
}

async fn supply(visit: &Visit, symbol: &Symbol, days: u32) -> Result<(Vec<DaySupply>, bool), AppError> {
    let today = Day::of(visit.app().live().read(|view| view.now));
    let last = Day::new(today.get().saturating_add(days.saturating_sub(1)));
    let supply = visit.app().supply(symbol, today, last).await?;
    Ok((supply.figure.clone(), supply.truncated))
}

async fn supply_bars(visit: &Visit, symbol: &Symbol) -> Result<(Vec<SupplyBar>, bool), AppError> {
    let (days, truncated) = supply(visit, symbol, SUPPLY_DAYS).await?;
    let whole = |day: &DaySupply| day.contracted.plus(day.offered).get();
    let most = days.iter().map(|day| whole(day).max(day.bid.get())).max().unwrap_or_default();
    let bar = |day: DaySupply| SupplyBar {
        sold: svg::step(day.contracted.get(), most),
        offered: svg::step(day.offered.get(), most),
        wanted: svg::step(day.bid.get(), most),
        day,
    };
    Ok((days.into_iter().map(bar).collect(), truncated))
}

/// Gives the trades of a product as a file, newest first.
pub async fn trades_csv(visit: Guest) -> Shown {
    let symbol = visit.symbol()?;
    let mut sheet = Sheet::new(&["trade", "at", "price_usd_per_gpu_hour", "gpus", "start", "end", "aggressor"]);
    let mut slice = Slice::first(PAGE_ROWS_MAX);
    let mut rows = 0_usize;
    loop {
        let Listed { rows: trades, next } = visit.app().trades(&symbol, slice).await?;
        rows = rows.saturating_add(trades.len());
        for trade in trades {
            sheet.row([
                trade.id.to_string(),
                trade.created_at.to_rfc3339(),
                trade.price.to_string(),
                trade.gpus.to_string(),
                trade.window.start.to_rfc3339(),
                trade.window.end.to_rfc3339(),
                trade.aggressor.to_string(),
            ]);
        }
        match next.filter(|_| rows < CSV_TRADES_MAX) {
            Some(next) => slice = slice.after(next),
            None => return file(&symbol, "trades", sheet),
        }
    }
}

/// Gives the index of a product as a file.
pub async fn index_csv(visit: Guest) -> Shown {
    let symbol = visit.symbol()?;
    let mut sheet = Sheet::new(&["day", "usd_per_gpu_hour", "thin", "from", "inputs", "rule_version", "version"]);
    for fix in &visit.app().index(&symbol).await?.fixes {
        let (from, inputs) = (fix.origin.as_str(), fix.inputs);
        let (thin, rule) = (fix.thin.to_string(), fix.rule_version.to_string());
        let version = fix.version.map(|version| version.to_string()).unwrap_or_default();
        sheet.row([&fix.day.to_string(), &fix.price.to_string(), &thin, from, &inputs.to_string(), &rule, &version]);
    }
    file(&symbol, "index", sheet)
}

/// Gives the book of a window as a file.
pub async fn book_csv(visit: Guest) -> Shown {
    let symbol = visit.symbol()?;
    let query = visit.query();
    let window: (Option<Minute>, Option<Minute>) = (query.maybe_minute("start")?, query.maybe_minute("end")?);
    let book = visit.app().book(&symbol, window.0, window.1)?;
    let mut sheet = Sheet::new(&["side", "price_usd_per_gpu_hour", "gpus", "orders", "start", "end"]);
    let (start, end) = (book.window.start.to_rfc3339(), book.window.end.to_rfc3339());
    for (side, levels) in [("ask", &book.asks), ("bid", &book.bids)] {
        for level in levels {
            let (gpus, orders) = (level.gpus.to_string(), level.orders.to_string());
            sheet.row([side, &level.price.to_string(), &gpus, &orders, &start, &end]);
        }
    }
    file(&symbol, "book", sheet)
}

/// Gives supply and demand by delivery day as a file, in GPU-hours.
pub async fn supply_csv(visit: Guest) -> Shown {
    let symbol = visit.symbol()?;
    let header = [
        "day",
        "offered",
        "resale_offered",
        "contracted",
        "resale_contracted",
        "bid",
        "expired_unsold",
        "sell_through",
        "days_of_supply",
        "resale_share",
    ];
    let mut sheet = Sheet::new(&header);
    let ratio = |ratio: Option<crate::market::Ratio>| ratio.map(|ratio| ratio.to_string()).unwrap_or_default();
    for day in supply(&visit, &symbol, SUPPLY_DAYS_CSV).await?.0 {
        sheet.row([
            day.day.to_string(),
            day.offered.hours(),
            day.resale_offered.hours(),
            day.contracted.hours(),
            day.resale_contracted.hours(),
            day.bid.hours(),
            day.expired_unsold.hours(),
            ratio(day.sell_through),
            ratio(day.days_of_supply),
            ratio(day.resale_share),
        ]);
    }
    file(&symbol, "supply", sheet)
}

/// Gives the imported series of a product as a file.
pub async fn series_csv(visit: Guest) -> Shown {
    let symbol = visit.symbol()?;
    let mut sheet = Sheet::new(&["series", "region", "day", "usd_per_gpu_hour"]);
    for series in visit.app().price_series().await?.iter().filter(|row| row.product == symbol.as_str()) {
        for point in &series.points {
            let day = Day::of(point.at).to_string();
            let region = series.region.as_deref().unwrap_or_default();
            sheet.row([&format::series(series), region, &day, &point.price.to_string()]);
        }
    }
    file(&symbol, "series", sheet)
}

/// Returns the file of a product.
pub(super) fn file(symbol: &Symbol, what: &str, sheet: Sheet) -> Shown {
    Ok(Reply::Csv { name: format!("{symbol}-{what}.csv"), text: sheet.text() })
}
