//! `/fall`: how the price of a family of GPUs fell, and came back, by source and kind.

use askama::Template;
use std::collections::BTreeSet;

use super::chart::{Chart, Line, Mark};
use super::format;
use super::market::headline;
use super::respond::Reply;
use super::shell::Shell;
use super::visit::Visit;
use super::{Guest, Shown};
use crate::api::csv::Sheet;
use crate::app::AppError;
use crate::app::reads::{Quote, QuoteFilter, Slice};
use crate::app::series::PriceSeries;
use crate::market::Day;
use crate::market::drawdown::{Drawdown, Point, drawdown};
use crate::types::Symbol;
use crate::types::limits::PAGE_ROWS_MAX;

const FAMILY: &str = "h100";
const PRESS: &str = "press";
const OWN: &str = "own index";
const OWN_SIMULATED: &str = "own index, SIMULATED";
/// Ten-thousandths that a price must have lost to have fallen.
const FALL_MAX: i64 = -100;

/// A path of the story.
pub struct Story {
    /// The product.
    pub product: String,
    /// Who says so, and what it is.
    pub label: String,
    /// Where, if stated.
    pub region: String,
    /// Day by day.
    pub points: Vec<Point>,
    /// Peak, trough, rebound.
    pub standing: Drawdown,
    /// How its line is drawn.
    pub style: &'static str,
}

#[derive(Template)]
#[template(path = "fall.html")]
struct Page {
    shell: Shell,
    family: String,
    families: Vec<String>,
    stories: Vec<Story>,
    lead: Option<usize>,
    market: Option<usize>,
    events: Vec<Quote>,
    prices: String,
    falls: String,
}

impl Story {
    /// Returns the story of an imported series.
    pub fn of(series: &PriceSeries) -> Self {
        // Posted prices hold until they change; what the press quotes are single sightings.
        let style = if series.source == PRESS { "dots" } else { "step" };
        Self {
            product: series.product.clone(),
            label: format::series(series),
            region: series.region.clone().unwrap_or_default(),
            points: series.points.clone(),
            standing: series.standing,
            style,
        }
    }

    /// Returns the story of an own index, if it has any days.
    pub fn own(symbol: &Symbol, points: Vec<Point>, is_simulated: bool) -> Option<Self> {
        let standing = drawdown(&points)?;
        let label = if is_simulated { OWN_SIMULATED } else { OWN }.to_owned();
        let product = symbol.to_string();
        Some(Self { product, label, region: String::new(), points, standing, style: "line" })
    }

    /// Tells whether it is that of an own index.
    pub fn is_own(&self) -> bool {
        [OWN, OWN_SIMULATED].contains(&self.label.as_str())
    }

    /// Returns the days from the peak to the trough.
    pub fn days_down(&self) -> u32 {
        self.standing.trough.map(|trough| trough.days).unwrap_or_default()
    }

    /// Tells whether the price was ever more than a per cent below its peak.
    pub fn is_fall(&self) -> bool {
        let depth = self.standing.trough.and_then(|trough| trough.drawdown);
        depth.is_some_and(|depth| depth.ten_thousandths() <= FALL_MAX)
    }

    /// Returns the days until half of the fall was done.
    pub fn half_life(&self) -> Option<u32> {
        self.standing.trough.and_then(|trough| trough.half_life_days)
    }

    /// Tells whether the price rose again from its trough.
    pub fn is_back(&self) -> bool {
        self.standing.trough.is_some_and(|trough| trough.point.price < self.standing.current.price)
    }

    /// Returns who says so, what it is, and where.
    pub fn name(&self) -> String {
        if self.region.is_empty() { self.label.clone() } else { format!("{}, {}", self.label, self.region) }
    }
}

impl Page {
    fn leading(&self) -> Option<&Story> {
        self.lead.and_then(|at| self.stories.get(at))
    }

    fn moving(&self) -> Option<&Story> {
        self.market.filter(|at| Some(*at) != self.lead).and_then(|at| self.stories.get(at))
    }
}

/// Returns the family of a product: what its symbol begins with.
pub fn family_of(symbol: &str) -> &str {
    symbol.split('-').next().unwrap_or(symbol)
}

/// Tells whether two products are of one family.
pub fn is_of(symbol: &str, other: &str) -> bool {
    family_of(symbol) == family_of(other)
}

/// Shows the story.
pub async fn show(visit: Guest) -> Shown {
    let family = visit.query().given("family").unwrap_or(FAMILY).to_lowercase();
    let series = visit.app().price_series().await?;
    let families: BTreeSet<&str> =
        series.iter().filter(|series| series.is_path()).map(|series| family_of(&series.product)).collect();
    let families = families.into_iter().map(str::to_owned).collect();
    let stories = stories(&visit, &family).await?;
    let (prices, falls) = charts(&stories);
    let page = Page {
        shell: Shell::of(&visit, format!("The fall of the {}", family.to_uppercase()), "/fall"),
        families,
        // The deepest fall leads; the longest record of a market that moves stands beside it.
        lead: deepest(&stories),
        market: longest(&stories, &series, &family),
        events: events(&visit, &family).await?,
        prices: prices.json(),
        falls: falls.json(),
        stories,
        family,
    };
    Reply::page(&page)
}

/// Gives every price of the story as a file.
pub async fn csv(visit: Guest) -> Shown {
    let family = visit.query().given("family").unwrap_or(FAMILY).to_lowercase();
    let mut sheet = Sheet::new(&["product", "series", "region", "day", "usd_per_gpu_hour"]);
    for story in stories(&visit, &family).await? {
        for point in &story.points {
            let day = Day::of(point.at).to_string();
            sheet.row([&story.product, &story.label, &story.region, &day, &point.price.to_string()]);
        }
    }
    Ok(Reply::Csv { name: "fall.csv".to_owned(), text: sheet.text() })
}

/// Returns every path of a family: imported ones, then the own indices.
async fn stories(visit: &Visit, family: &str) -> Result<Vec<Story>, AppError> {
    let is_of = |product: &str| family_of(product) == family;
    let series = visit.app().price_series().await?;
    let paths = series.iter().filter(|series| is_of(&series.product) && series.is_path());
    let mut stories: Vec<Story> = paths.map(Story::of).collect();
    for product in visit.app().all_products().into_iter().filter(|product| is_of(product.symbol.as_str())) {
        let index = visit.app().index(&product.symbol).await?;
        let points: Vec<Point> =
            index.fixes.iter().map(|fix| Point { at: fix.day.start(), price: fix.price }).collect();
        stories
            .extend(Story::own(&product.symbol, points, visit.app().is_simulated()).filter(|own| own.points.len() > 1));
    }
    Ok(stories)
}

fn charts(stories: &[Story]) -> (Chart, Chart) {
    let main = deepest(stories);
    let (mut prices, mut falls) =
        (Chart { unit: "usd", ..Chart::default() }, Chart { unit: "percent", ..Chart::default() });
    for (at, story) in stories.iter().enumerate() {
        let line = Line::prices(story.name(), &story.points, story.style).coloured(at);
        prices.lines.push(if Some(at) == main { line.as_main() } else { line });
        if story.is_fall() {
            falls.lines.push(Line::under_water(story.name(), &story.points, story.style).coloured(at));
        }
    }
    if let Some(story) = main.and_then(|main| stories.get(main)) {
        let Drawdown { peak, trough, .. } = story.standing;
        let mark = |point: Point, place| {
            let text = format::price(point.price);
            Mark { day: Day::of(point.at), text, place }
        };
        prices.marks.push(mark(peak, "above"));
        prices.marks.extend(trough.map(|trough| mark(trough.point, "below")));
    }
    (prices, falls)
}

fn deepest(stories: &[Story]) -> Option<usize> {
    let depth = |story: &Story| Some(story.standing.trough?.drawdown?.ten_thousandths());
    let falls = stories.iter().enumerate().filter_map(|(at, story)| Some((depth(story)?, at)));
    falls.min().map(|(_, at)| at)
}

fn longest(stories: &[Story], series: &[PriceSeries], family: &str) -> Option<usize> {
    let of_family: Vec<&PriceSeries> =
        series.iter().filter(|series| family_of(&series.product) == family && series.source != PRESS).collect();
    let chosen = headline(&of_family)?;
    stories.iter().position(|story| story.label == format::series(chosen) && story.product == chosen.product)
}

/// Returns what the press said, the first first.
async fn events(visit: &Visit, family: &str) -> Result<Vec<Quote>, AppError> {
    let filter = QuoteFilter { source: Some(PRESS.to_owned()), ..QuoteFilter::default() };
    let mut quotes = visit.app().quotes(filter, Slice::first(PAGE_ROWS_MAX)).await?.rows;
    quotes.retain(|quote| family_of(&quote.quote.product) == family);
    quotes.sort_by_key(|quote| quote.quote.observed_at);
    Ok(quotes)
}
