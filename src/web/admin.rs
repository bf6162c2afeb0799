//! `/admin`: contracts, halts and organizations; `/admin/journal`: what was asked and what came of it.

use askama::Template;

use super::contract;
use super::fields::Fields;
use super::format;
use super::pager;
use super::respond::Reply;
use super::shell::Shell;
use super::visit::Visit;
use super::{Guest, Shown};
use crate::api::csv::Sheet;
use crate::app::AppError;
use crate::app::Scope;
use crate::app::admin::ClockState;
use crate::app::facade::Caller;
use crate::app::reads::{JournalRow, Slice};
use crate::exchange::entities::{Organization, Product};
use crate::types::limits::PAGE_ROWS_MAX;
use crate::types::{ContractStatus, Kind, PublicId, Tier, hex};

/// Contracts looked through for those that a filter takes.
const LOOKED_AT_MAX: usize = 2_000;
const CSV_MAX: usize = 10_000;

/// Which contracts.
struct Filter {
    status: String,
    product: String,
    party: String,
}

#[derive(Template)]
#[template(path = "admin.html")]
struct Page {
    shell: Shell,
    clock: ClockState,
    head: Option<JournalRow>,
    products: Vec<Product>,
    halted: usize,
    organizations: Vec<(String, Organization)>,
    older_organizations: Option<i64>,
    contracts: Vec<contract::Row>,
    older: Option<i64>,
    filter: Filter,
    may_change: bool,
}

#[derive(Template)]
#[template(path = "journal.html")]
struct JournalPage {
    shell: Shell,
    head: Option<JournalRow>,
    rows: Vec<(String, JournalRow)>,
    older: Option<i64>,
}

impl JournalPage {
    fn full(&self, row: &JournalRow) -> String {
        hex(&row.hash)
    }

    fn short(&self, row: &JournalRow) -> String {
        hex(&row.hash).chars().take(10).collect()
    }
}

/// Shows what overseers look after.
pub async fn show(visit: Guest) -> Shown {
    let caller = visit.overseer()?;
    let app = visit.app();
    let filter = Filter::of(&visit.query());
    let (contracts, older) =
        contracts(&visit, &caller, &filter, pager::slice(&visit, "contracts", PAGE_ROWS_MAX)).await?;
    let organizations = app.organizations(&caller, pager::slice(&visit, "organizations", pager::ROWS))?;
    let face = |row: Organization| {
        let id = PublicId { created_at: row.created_at, kind: Kind::Organization, number: row.id.number() };
        (id.to_uuid().to_string(), row)
    };
    let page = Page {
        shell: Shell::of(&visit, "Oversight", "/admin"),
        clock: app.clock_state(&caller)?,
        head: app.audit_head().await?,
        products: app.all_products(),
        halted: app.halts(&caller)?.len(),
        older_organizations: organizations.next,
        organizations: organizations.rows.into_iter().map(face).collect(),
        contracts,
        older,
        filter,
        may_change: caller.scoped(Scope::Admin).is_ok(),
    };
    Reply::page(&page)
}

/// Shows the journal.
pub async fn journal(visit: Guest) -> Shown {
    let caller = visit.overseer()?;
    let listed = visit.app().journal(&caller, pager::slice(&visit, "before", 50)).await?;
    let page = JournalPage {
        shell: Shell::of(&visit, "Journal", "/admin/journal"),
        head: visit.app().audit_head().await?,
        rows: listed.rows.into_iter().map(|row| (kind(&row), row)).collect(),
        older: listed.next,
    };
    Reply::page(&page)
}

/// Gives the newest rows of the journal as a file.
pub async fn journal_csv(visit: Guest) -> Shown {
    let caller = visit.overseer()?;
    let mut sheet = Sheet::new(&["sequence", "at", "actor", "request_id", "outcome", "command", "hash"]);
    let mut slice = pager::slice(&visit, "before", PAGE_ROWS_MAX);
    let mut count = 0_usize;
    loop {
        let listed = visit.app().journal(&caller, slice).await?;
        count = count.saturating_add(listed.rows.len());
        for row in listed.rows {
            let (sequence, at, hash) = (row.sequence.to_string(), row.at.to_rfc3339(), hex(&row.hash));
            sheet.row([&sequence, &at, &row.actor, &row.request_id, &row.outcome, &row.command, &hash]);
        }
        match listed.next.filter(|_| count < CSV_MAX) {
            Some(next) => slice = slice.after(next),
            None => return Ok(Reply::Csv { name: "journal.csv".to_owned(), text: sheet.text() }),
        }
    }
}

/// Gives contracts as a file.
pub async fn contracts_csv(visit: Guest) -> Shown {
    let caller = visit.overseer()?;
    let filter = Filter::of(&visit.query());
    let mut sheet = contract::sheet();
    let mut slice = Slice::first(PAGE_ROWS_MAX);
    let mut count = 0_usize;
    loop {
        let (listed, mentioned) = visit.app().all_contracts(&caller, slice).await?;
        count = count.saturating_add(listed.rows.len());
        for row in listed.rows {
            let row = contract::Row::of(&visit, row, &mentioned)?;
            if filter.takes(&row) {
                contract::add(&mut sheet, &row);
            }
        }
        match listed.next.filter(|_| count < CSV_MAX) {
            Some(next) => slice = slice.after(next),
            None => return Ok(Reply::Csv { name: "contracts.csv".to_owned(), text: sheet.text() }),
        }
    }
}

/// Halts trading in a product, or lifts the halt.
pub async fn halt(visit: Guest, fields: Fields) -> Shown {
    let caller = visit.caller()?;
    visit.app().halt_product(&caller, None, fields.text("product"), fields.is("halted", "yes")).await?;
    Ok(Reply::SeeOther("/admin#products".to_owned()))
}

/// Suspends an organization, or reinstates it.
pub async fn suspend(visit: Guest, fields: Fields) -> Shown {
    let caller = visit.caller()?;
    let id = fields.id("organization", &[Kind::Organization])?;
    visit.app().suspend_organization(&caller, None, id, fields.is("suspended", "yes")).await?;
    Ok(Reply::SeeOther("/admin#organizations".to_owned()))
}

/// Says how well the exchange knows an organization.
pub async fn tier(visit: Guest, fields: Fields) -> Shown {
    let caller = visit.caller()?;
    let id = fields.id("organization", &[Kind::Organization])?;
    visit.app().set_tier(&caller, None, id, fields.word("tier", Tier::parse)?).await?;
    Ok(Reply::SeeOther("/admin#organizations".to_owned()))
}

impl Filter {
    fn of(query: &Fields) -> Self {
        Self {
            status: query.text("status").to_owned(),
            product: query.text("product").to_owned(),
            party: query.text("party").to_lowercase(),
        }
    }

    fn takes(&self, row: &contract::Row) -> bool {
        let named = |name: &str| name.to_lowercase().contains(&self.party);
        (self.status.is_empty() || row.contract.status.as_str() == self.status)
            && (self.product.is_empty() || row.product.as_str().contains(&self.product))
            && (self.party.is_empty() || named(&row.seller) || named(&row.buyer))
    }

    fn statuses() -> &'static [ContractStatus] {
        ContractStatus::ALL
    }

    fn tiers() -> &'static [Tier] {
        Tier::ALL
    }
}

/// Returns a page of the contracts that a filter takes, and where to look on.
async fn contracts(
    visit: &Visit,
    caller: &Caller,
    filter: &Filter,
    mut slice: Slice,
) -> Result<(Vec<contract::Row>, Option<i64>), AppError> {
    let fits = usize::try_from(pager::ROWS).unwrap_or(usize::MAX);
    let (mut rows, mut looked_at) = (Vec::new(), 0_usize);
    loop {
        let (listed, mentioned) = visit.app().all_contracts(caller, slice).await?;
        for contract in listed.rows {
            let number = contract.id.number();
            let row = contract::Row::of(visit, contract, &mentioned)?;
            looked_at = looked_at.saturating_add(1);
            if filter.takes(&row) {
                rows.push(row);
            }
            if rows.len() >= fits {
                return Ok((rows, Some(number)));
            }
        }
        match listed.next.filter(|_| looked_at < LOOKED_AT_MAX) {
            Some(next) => slice = slice.after(next),
            None => return Ok((rows, listed.next)),
        }
    }
}

/// Returns the kind of a row's command.
fn kind(row: &JournalRow) -> String {
    let command: serde_json::Value = serde_json::from_str(&row.command).unwrap_or_default();
    command.get("kind").and_then(serde_json::Value::as_str).map(format::words).unwrap_or_default()
}
