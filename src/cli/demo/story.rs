//! What the demo tells: the book, the trades, the contracts, the path of the H100's price, and supply.

use std::collections::BTreeSet;

use crate::app::reads::Slice;
use crate::app::{SIMULATED, Venue};
use crate::cli::Failure;
use crate::cli::report::Table;
use crate::exchange::entities::{Contract, Trade};
use crate::market::Day;
use crate::market::drawdown::Point;
use crate::store::{quotes, read};
use crate::types::{Minute, OrganizationId, Side, Source, Symbol};

const TRADES_SHOWN: usize = 20;
const CONTRACTS_SHOWN: u32 = 20;
const SUPPLY_DAYS: u32 = 4;
const SUPPLY_PRODUCTS: usize = 4;

/// Prints the report.
pub(super) async fn tell(venue: &Venue) -> Result<(), Failure> {
    if venue.app().is_simulated() {
        println!("{SIMULATED}: everything but the imported prices was made up");
    }
    best_asks(venue);
    trades(venue).await?;
    contracts(venue).await?;
    price_paths(venue).await?;
    supply(venue).await
}

fn best_asks(venue: &Venue) {
    let mut table = Table::new(&["product", "best ask", "GPUs at best", "asks", "GPUs offered", "bids resting"]);
    venue.live().read(|view| {
        for product in view.products.values() {
            let asks: Vec<_> = view.side(product.id, Side::Ask).collect();
            let Some(best) = asks.iter().map(|ask| ask.price).min() else { continue };
            let free = |at_best: bool| -> u64 {
                let chosen = asks.iter().filter(|ask| !at_best || ask.price == best);
                chosen.map(|ask| u64::from(ask.remaining_gpus(view.now))).sum()
            };
            table.row(vec![
                product.symbol.to_string(),
                best.to_string(),
                free(true).to_string(),
                asks.len().to_string(),
                free(false).to_string(),
                view.side(product.id, Side::Bid).count().to_string(),
            ]);
        }
    });
    println!("\nbest asks, USD per GPU-hour");
    table.print();
}

async fn trades(venue: &Venue) -> Result<(), Failure> {
    let products: Vec<_> = venue.live().read(|view| view.products.values().cloned().collect());
    let mut all: Vec<(Symbol, Trade)> = Vec::new();
    for product in products {
        let page = Slice::first(200);
        let id = product.id;
        let found = venue.app().read(move |reader| read::trades::of_product(reader, id, page)).await?;
        all.extend(found.rows.into_iter().map(|trade| (product.symbol.clone(), trade)));
    }
    all.sort_by_key(|(_, trade)| trade.id);
    let mut table = Table::new(&["trade", "product", "GPUs", "from", "hours", "price", "seller", "buyer"]);
    for (symbol, trade) in all.iter().take(TRADES_SHOWN) {
        table.row(vec![
            trade.id.to_string(),
            symbol.to_string(),
            trade.gpus.to_string(),
            short(trade.window.start),
            (trade.window.minutes() / 60).to_string(),
            trade.price.to_string(),
            name(venue, trade.seller),
            name(venue, trade.buyer),
        ]);
    }
    println!("\n{} trades{}", all.len(), first_of(all.len(), TRADES_SHOWN));
    table.print();
    Ok(())
}

async fn contracts(venue: &Venue) -> Result<(), Failure> {
    let slice = Slice::first(CONTRACTS_SHOWN);
    let mut newest: Vec<Contract> = venue.app().read(move |reader| read::contracts::all(reader, slice)).await?.rows;
    newest.reverse();
    let mut table = Table::new(&["contract", "status", "source", "depth", "GPUs", "from", "to", "price", "escrow"]);
    for contract in &newest {
        table.row(vec![
            contract.id.to_string(),
            contract.status.to_string(),
            match contract.source {
                Source::Listing(id) => format!("listing {id}"),
                Source::Contract(id) => format!("resale of {id}"),
            },
            contract.depth.to_string(),
            contract.gpus.to_string(),
            short(contract.window.start),
            short(contract.window.end),
            contract.price.to_string(),
            contract.escrow.to_string(),
        ]);
    }
    println!("\ncontracts, the newest {}", newest.len());
    table.print();
    Ok(())
}

/// Every H100 product's own index and imported series with more than one day: peak, fall, trough, rebound.
async fn price_paths(venue: &Venue) -> Result<(), Failure> {
    let names = venue.app().read(|reader| quotes::names(reader.db())).await?;
    let own = venue.live().read(|view| view.symbols.keys().cloned().collect::<Vec<_>>());
    let imported = names.into_iter().filter_map(|series| Symbol::new(series.product));
    let symbols: BTreeSet<Symbol> =
        own.into_iter().chain(imported).filter(|symbol| symbol.as_str().starts_with("h100")).collect();
    let header =
        ["product", "source", "kind", "region", "first", "peak", "drawdown", "trough", "rebound", "now", "days"];
    let mut table = Table::new(&header);
    let mut short_ones = 0u32;
    for symbol in symbols {
        for series in venue.app().drawdowns(&symbol).await? {
            let path = series.standing;
            if path.first.at == path.current.at {
                short_ones = short_ones.saturating_add(1);
                continue;
            }
            let ratio = |ratio: Option<crate::market::Ratio>| ratio.map_or("-".to_owned(), percent);
            let trough = path.trough;
            table.row(vec![
                symbol.to_string(),
                series.source.clone(),
                series.label(),
                series.region.clone().unwrap_or_else(|| "-".to_owned()),
                dated(path.first),
                dated(path.peak),
                ratio(path.drawdown),
                trough.map_or("-".to_owned(), |trough| dated(trough.point)),
                ratio(trough.and_then(|trough| trough.rebound)),
                dated(path.current),
                path.days_since_peak.to_string(),
            ]);
        }
    }
    println!("\nthe H100's price, USD per GPU-hour, by source and kind (days: since the peak)");
    table.print();
    println!("  {short_ones} series with a single day are left out; all are in GET /v1/quotes");
    Ok(())
}

async fn supply(venue: &Venue) -> Result<(), Failure> {
    let today = Day::of(venue.clock().now());
    let last = Day::new(today.get().saturating_add(SUPPLY_DAYS));
    let mut busiest: Vec<(usize, Symbol)> = venue.live().read(|view| {
        let products = view.products.values();
        products.map(|product| (view.side(product.id, Side::Bid).count(), product.symbol.clone())).collect()
    });
    busiest.sort();
    let mut table = Table::new(&["product", "day", "offered", "contracted", "bid", "resale share", "days of supply"]);
    for (_, symbol) in busiest.into_iter().rev().take(SUPPLY_PRODUCTS) {
        for day in &venue.app().supply(&symbol, today.next(), last).await?.figure {
            table.row(vec![
                symbol.to_string(),
                day.day.to_string(),
                hours(day.offered),
                hours(day.contracted),
                hours(day.bid),
                day.resale_share.map_or("-".to_owned(), percent),
                day.days_of_supply.map_or("-".to_owned(), |days| days.to_string()),
            ]);
        }
    }
    println!("\nsupply by delivery day, GPU-hours, for the products with most resting bids");
    table.print();
    Ok(())
}

fn name(venue: &Venue, organization: OrganizationId) -> String {
    venue.live().read(|view| view.organizations.get(&organization).map_or("?".to_owned(), |row| row.name.clone()))
}

fn first_of(all: usize, shown: usize) -> String {
    if all > shown { format!(", the first {shown}") } else { String::new() }
}

/// A price with its day.
fn dated(point: Point) -> String {
    format!("{} ({})", point.price, Day::of(point.at))
}

/// Ten-thousandths as per cent with one decimal.
fn percent(ratio: crate::market::Ratio) -> String {
    let tenths = ratio.ten_thousandths().saturating_add(5).div_euclid(10);
    let sign = if tenths < 0 { "-" } else { "" };
    let tenths = tenths.unsigned_abs();
    format!("{sign}{}.{}%", tenths / 10, tenths % 10)
}

/// Whole GPU-hours where they are whole.
fn hours(gpu_minutes: crate::market::GpuMinutes) -> String {
    let hours = gpu_minutes.hours();
    hours.strip_suffix(".0000").map_or(hours.clone(), str::to_owned)
}

/// A minute without its seconds, for narrow tables.
fn short(minute: Minute) -> String {
    let text = minute.to_rfc3339();
    text.get(5..16).map_or(text.clone(), |part| part.replace('T', " "))
}
