//! `/provider`: a provider's sites, listings with their calendar, open asks, contracts and balance.

use askama::Template;
use std::collections::BTreeMap;

use super::contract;
use super::delivery;
use super::format;
use super::orders;
use super::pager;
use super::respond::Reply;
use super::shell::Shell;
use super::svg;
use super::visit::Visit;
use super::{Guest, Shown};
use crate::app::AppError;
use crate::app::calendar::{DayUse, ListingDays};
use crate::app::reads::Slice;
use crate::exchange::entities::{Listing, Purse, Site};
use crate::market::GpuMinutes;
use crate::types::limits::PAGE_ROWS_MAX;
use crate::types::{Kind, Money, Price, ProductId, PublicId, Side};

const CALENDAR_DAYS: u32 = 28;
const WEEK_DAYS: usize = 7;

/// A listing with its calendar.
struct Block {
    listing: Listing,
    id: String,
    symbol: String,
    site: String,
    cells: Vec<Cell>,
    /// What is sold of the days shown, in steps of five.
    sold: u64,
    /// What rests in asks.
    offered: u64,
}

/// A day of a calendar.
struct Cell {
    day: DayUse,
    share: u64,
    label: String,
}

#[derive(Template)]
#[template(path = "provider.html")]
struct Page {
    shell: Shell,
    purse: Purse,
    sites: Vec<Site>,
    blocks: Vec<Block>,
    asks: Vec<orders::Row>,
    deliveries: Vec<delivery::Row>,
    contracts: Vec<contract::Row>,
    older: Option<i64>,
    /// GPU-hours of the next seven days that nobody has bought, and what they would earn at the index.
    unsold: GpuMinutes,
    missed: Money,
    placed: String,
    /// Whether the calendar leaves out old contracts.
    truncated: bool,
}

/// Shows what a provider has in the market.
pub async fn show(visit: Guest) -> Shown {
    let caller = visit.provider()?;
    let app = visit.app();
    let (purse, _) = app.purse(&caller)?;
    let calendar = app.calendar(&caller, CALENDAR_DAYS).await?;
    let (unsold, missed) = unsold_this_week(&visit, &calendar.listings).await?;
    let (contracts, older) = contract::rows(&visit, &caller, pager::slice(&visit, "contracts", pager::ROWS)).await?;
    let page = Page {
        shell: Shell::of(&visit, "Provide", "/provider"),
        purse,
        sites: app.sites(&caller, Slice::first(PAGE_ROWS_MAX))?.rows,
        truncated: calendar.truncated,
        blocks: calendar.listings.into_iter().map(|days| block(&visit, days)).collect(),
        asks: orders::open(&visit, &caller, Side::Ask).await?,
        deliveries: delivery::rows(&visit, &caller).await?,
        contracts,
        older,
        unsold,
        missed,
        placed: visit.query().text("placed").to_owned(),
    };
    Reply::page(&page)
}

fn block(visit: &Visit, days: ListingDays) -> Block {
    let ListingDays { listing, days } = days;
    let (symbol, site) = visit.app().live().read(|view| {
        let symbol = view.products.get(&listing.product).map(|product| product.symbol.to_string());
        (symbol.unwrap_or_default(), view.sites.get(&listing.site).map(|site| site.name.clone()).unwrap_or_default())
    });
    let id = PublicId { created_at: listing.created_at, kind: Kind::Listing, number: listing.id.number() };
    let sum = |part: fn(&DayUse) -> GpuMinutes| days.iter().map(|day| part(day).get()).sum::<u64>();
    let listed = sum(|day| day.listed);
    Block {
        id: id.to_uuid().to_string(),
        symbol,
        site,
        sold: svg::step(sum(|day| day.sold), listed),
        offered: svg::step(sum(|day| day.offered), listed),
        cells: days.into_iter().map(cell).collect(),
        listing,
    }
}

fn cell(day: DayUse) -> Cell {
    let hours = |part: GpuMinutes| format::hours(part);
    let label = format!(
        "{}: {} GPU-hours sold, {} on offer, {} free",
        day.day,
        hours(day.sold),
        hours(day.offered),
        hours(day.free())
    );
    Cell { share: svg::step(day.sold.get(), day.listed.get()), label, day }
}

impl Cell {
    fn date(&self) -> String {
        self.day.day.to_string().get(5..).unwrap_or_default().to_owned()
    }

    fn is_off(&self) -> bool {
        self.day.listed == GpuMinutes::ZERO
    }
}

/// Returns the GPU-hours of the next seven days that are not sold, and what they would earn at each product's index.
async fn unsold_this_week(visit: &Visit, calendar: &[ListingDays]) -> Result<(GpuMinutes, Money), AppError> {
    let (mut unsold, mut missed) = (GpuMinutes::ZERO, Money::ZERO);
    let mut indices: BTreeMap<ProductId, Option<Price>> = BTreeMap::new();
    for ListingDays { listing, days } in calendar {
        let free =
            days.iter().take(WEEK_DAYS).fold(GpuMinutes::ZERO, |sum, day| sum.plus(day.offered).plus(day.free()));
        unsold = unsold.plus(free);
        let symbol = visit.app().live().read(|view| view.products.get(&listing.product).map(|row| row.symbol.clone()));
        let Some(symbol) = symbol else { continue };
        let index = match indices.get(&listing.product) {
            Some(index) => *index,
            None => visit.app().index(&symbol).await?.fixes.last().map(|fix| fix.price),
        };
        indices.insert(listing.product, index);
        let worth = index.and_then(|index| index.due(free.get()).ok()).unwrap_or_default();
        missed = missed.plus(worth).unwrap_or(missed);
    }
    Ok((unsold, missed))
}
