//! `/contracts/{id}`: a contract's terms, its life and its chain of title; and contracts as rows of other pages.

use askama::Template;

use super::format;
use super::respond::Reply;
use super::shell::Shell;
use super::visit::Visit;
use super::{Guest, Shown};
use crate::api::csv::Sheet;
use crate::app::AppError;
use crate::app::contracts::{Chain, Leg};
use crate::app::facade::Caller;
use crate::app::face::{Faces, Mentioned};
use crate::app::former::{Left, LeftBy, Seen};
use crate::app::reads::{Listed, Slice};
use crate::exchange::entities::Contract;
use crate::market::GpuMinutes;
use crate::types::limits::PAGE_ROWS_MAX;
use crate::types::{ContractStatus, Kind, Money, OrganizationId, Symbol};

/// Rows of a file of contracts.
const CSV_MAX: usize = 10_000;

/// A contract as a page shows it.
pub struct Row {
    /// The contract.
    pub contract: Contract,
    /// Its outward id.
    pub id: String,
    /// What is delivered.
    pub product: Symbol,
    /// Who sells.
    pub seller: String,
    /// Who holds the GPUs.
    pub buyer: String,
    /// Whether the visitor's organization sells; else it buys, or looks on.
    pub sold: bool,
    /// What it is worth over its whole window.
    pub cost: Money,
    /// How much is delivered.
    pub amount: GpuMinutes,
    /// How the visitor's organization left it, if it sold it once and no longer does.
    pub left: Option<Left>,
}

/// A leg of a chain: its contract where the visitor may see it.
struct Step {
    row: Option<Row>,
    depth: u8,
    status: &'static str,
    since: String,
}

#[derive(Template)]
#[template(path = "contract.html")]
struct Page {
    shell: Shell,
    row: Row,
    steps: Vec<Step>,
    resales: Vec<Row>,
    site: String,
    may_resell: bool,
    /// Whether it is delivered and metered, not only kept in the calendar.
    is_delivered: bool,
}

impl Row {
    /// Returns a contract as a page shows it.
    ///
    /// # Errors
    /// If it names what does not exist: a bug.
    pub fn of(visit: &Visit, contract: Contract, mentioned: &Mentioned) -> Result<Self, AppError> {
        let mut known = mentioned.clone();
        known.contract(contract.id, contract.created_at);
        let (id, product, seller, buyer) = visit.app().live().read(|view| {
            let faces = Faces::new(view, &known);
            let name = |id: OrganizationId| view.organizations.get(&id).map(|row| row.name.clone()).unwrap_or_default();
            let id = faces.contract(contract.id)?.to_uuid().to_string();
            Ok::<_, AppError>((id, faces.symbol(contract.product)?, name(contract.seller), name(contract.buyer)))
        })?;
        let own = visit.principal().and_then(|principal| principal.organization);
        Ok(Self {
            id,
            product,
            seller,
            buyer,
            sold: own == Some(contract.seller),
            cost: contract.price.cost(contract.gpus, contract.window.minutes()).unwrap_or(contract.escrow),
            amount: GpuMinutes::block(contract.window, contract.gpus),
            contract,
            left: None,
        })
    }

    /// Returns what the visitor may see of a contract, as a page shows it.
    ///
    /// # Errors
    /// As [`Row::of`].
    pub fn seen(visit: &Visit, seen: Seen, mentioned: &Mentioned) -> Result<Self, AppError> {
        Ok(Self { left: seen.left, ..Self::of(visit, seen.contract, mentioned)? })
    }

    /// Tells whether it passed to somebody else before its end, so that it is no longer what was sold.
    pub fn has_passed(&self) -> bool {
        self.left.is_some_and(|left| left.by == LeftBy::Pass)
    }

    /// Returns how its state is coloured.
    pub fn tone(&self) -> &'static str {
        tone(self.contract.status)
    }
}

/// Returns how a status is coloured.
pub fn tone(status: ContractStatus) -> &'static str {
    match status.as_str() {
        "active" | "scheduled" | "ready" | "delivered" => "",
        "completed" | "settled" => "dim",
        _ => "bad",
    }
}

/// Shows a contract.
pub async fn show(visit: Guest) -> Shown {
    let caller = visit.caller()?;
    let id = visit.id(Kind::Contract)?;
    let standing = visit.app().contract(&caller, id).await?;
    let Chain { legs, resales, mentioned } = visit.app().chain(&caller, id).await?;
    let steps = legs.into_iter().map(|leg| step(&visit, leg, &mentioned)).collect::<Result<_, AppError>>()?;
    let resales = resales.into_iter().map(|row| Row::of(&visit, row, &mentioned)).collect::<Result<_, _>>()?;
    let site = visit.app().live().read(|view| {
        let site = view.sites.get(&standing.seen.contract.site);
        site.map(|site| format!("{}, {} ({})", site.name, site.region, site.country)).unwrap_or_default()
    });
    let holds =
        caller.principal.organization == Some(standing.seen.contract.buyer) && standing.seen.contract.status.is_live();
    let allowed = visit
        .app()
        .live()
        .read(|view| view.listings.get(&standing.seen.contract.listing).is_some_and(|listing| listing.resale_allowed));
    let is_delivered = standing.seen.contract.terms > 0 && standing.seen.left.is_none();
    let row = Row::seen(&visit, standing.seen, &standing.mentioned)?;
    let shell = Shell::of(&visit, format!("Contract {}", row.contract.id), "");
    Reply::page(&Page { shell, row, steps, resales, site, may_resell: holds && allowed, is_delivered })
}

fn step(visit: &Visit, leg: Leg, mentioned: &Mentioned) -> Result<Step, AppError> {
    let Leg { contract, seen } = leg;
    let (depth, status) = (contract.depth, contract.status.as_str());
    let since = format::time(contract.created_at);
    let row = seen.map(|seen| Row::seen(visit, seen, mentioned)).transpose()?;
    Ok(Step { row, depth, status, since })
}

/// Returns a page of the visitor's contracts.
///
/// # Errors
/// As [`crate::app::App::contracts`].
pub async fn rows(visit: &Visit, caller: &Caller, slice: Slice) -> Result<(Vec<Row>, Option<i64>), AppError> {
    let (Listed { rows, next }, mentioned) = visit.app().contracts(caller, slice).await?;
    let rows = rows.into_iter().map(|row| Row::seen(visit, row, &mentioned)).collect::<Result<_, _>>()?;
    Ok((rows, next))
}

/// Gives the visitor's contracts as a file, newest first.
pub async fn csv(visit: Guest) -> Shown {
    let caller = visit.member()?;
    let mut sheet = sheet();
    let mut slice = Slice::first(PAGE_ROWS_MAX);
    let mut count = 0_usize;
    loop {
        let (rows, next) = rows(&visit, &caller, slice).await?;
        count = count.saturating_add(rows.len());
        rows.iter().for_each(|row| add(&mut sheet, row));
        match next.filter(|_| count < CSV_MAX) {
            Some(next) => slice = slice.after(next),
            None => return Ok(Reply::Csv { name: "contracts.csv".to_owned(), text: sheet.text() }),
        }
    }
}

/// Begins a file of contracts.
pub fn sheet() -> Sheet {
    Sheet::new(&[
        "id",
        "created_at",
        "status",
        "product",
        "seller",
        "buyer",
        "gpus",
        "start",
        "end",
        "price_usd_per_gpu_hour",
        "cost_usd",
        "escrow_usd",
        "depth",
        "fee_bps",
    ])
}

/// Adds a contract to a file.
pub fn add(sheet: &mut Sheet, row: &Row) {
    let contract = &row.contract;
    sheet.row([
        row.id.clone(),
        contract.created_at.to_rfc3339(),
        contract.status.to_string(),
        row.product.to_string(),
        row.seller.clone(),
        row.buyer.clone(),
        contract.gpus.to_string(),
        contract.window.start.to_rfc3339(),
        contract.window.end.to_rfc3339(),
        contract.price.to_string(),
        row.cost.to_string(),
        row.left.map_or_else(|| contract.escrow.to_string(), |_| String::new()),
        contract.depth.to_string(),
        contract.fee_bps.to_string(),
    ]);
}
