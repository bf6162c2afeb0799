//! `/statements`: months of an organization, and what moved in each, to be read, printed and taken along as a file.

use askama::Template;

use super::fields;
use super::format;
use super::respond::{Fault, Reply};
use super::shell::Shell;
use super::visit::Visit;
use super::{Guest, Shown};
use crate::api::problem::Problem;
use crate::api::v1::statement_file;
use crate::api::v1::statements::{self, StatementAnswer, StatementBalances};
use crate::api::v1::wallet::{AccountName, TransferRow};
use crate::app::reads::Slice;
use crate::market::Month;
use crate::types::limits::{STATEMENT_FILE_TRANSFERS_MAX, STATEMENT_PAGE_TRANSFERS_MAX};
use crate::types::{Kind, Money, PublicId};

/// The field by which staff says whose statements it looks at.
const ORGANIZATION: &str = "organization";

#[derive(Template)]
#[template(path = "statements.html")]
struct Months {
    shell: Shell,
    months: Vec<Month>,
    query: String,
}

#[derive(Template)]
#[template(path = "statement.html")]
struct Page {
    shell: Shell,
    statement: StatementAnswer,
    accounts: Vec<(&'static str, Money, Money)>,
    rows: Vec<Row>,
    query: String,
}

/// A transfer as the page shows it.
struct Row {
    transfer: TransferRow,
    from: String,
    to: String,
}

/// Shows the months there are statements of.
pub async fn list(visit: Guest) -> Shown {
    let caller = visit.caller()?;
    let of = whose(&visit)?;
    let months = visit.app().statement_months(&caller, of)?;
    Reply::page(&Months { shell: Shell::of(&visit, "Statements", ""), months, query: query(of) })
}

/// Shows the statement of a month.
pub async fn show(visit: Guest) -> Shown {
    let of = whose(&visit)?;
    let mut statement = read(&visit, of, STATEMENT_PAGE_TRANSFERS_MAX).await?;
    let transfers = std::mem::take(&mut statement.transfers.data).into_iter();
    let rows = transfers.map(|transfer| Row {
        from: side(&visit, &statement, &transfer.debit),
        to: side(&visit, &statement, &transfer.credit),
        transfer,
    });
    let rows = rows.collect();
    let title = format!("Statement {}", statement.month);
    let accounts = accounts(&statement.opening, &statement.closing);
    Reply::page(&Page { shell: Shell::of(&visit, title, ""), statement, accounts, rows, query: query(of) })
}

/// Gives the statement of a month as a file.
pub async fn csv(visit: Guest) -> Shown {
    let of = whose(&visit)?;
    let statement = read(&visit, of, STATEMENT_FILE_TRANSFERS_MAX).await?;
    Ok(Reply::Csv { name: statement_file::name(&statement), text: statement_file::text(&statement)? })
}

async fn read(visit: &Visit, of: Option<PublicId>, transfers: u32) -> Result<StatementAnswer, Fault> {
    let caller = visit.caller()?;
    let month = visit.month()?;
    let (statement, mentioned) = visit.app().statement(&caller, of, month, Slice::first(transfers)).await?;
    Ok(statements::show(visit.app(), statement, &mentioned)?)
}

fn whose(visit: &Visit) -> Result<Option<PublicId>, Problem> {
    let query = visit.query();
    query.given(ORGANIZATION).map(|text| fields::id(text, &[Kind::Organization])).transpose()
}

/// Returns what links within the pages carry on.
fn query(of: Option<PublicId>) -> String {
    of.map(|id| format!("?{ORGANIZATION}={}", id.to_uuid())).unwrap_or_default()
}

/// Returns the accounts that ever held something: their name, what opened and what closed.
fn accounts(opening: &StatementBalances, closing: &StatementBalances) -> Vec<(&'static str, Money, Money)> {
    let pairs = opening.columns().into_iter().zip(closing.columns());
    let rows = pairs.map(|((name, opening), (_, closing))| (name, opening, closing));
    let always = |name: &str| name != "bond" && name != "external";
    rows.filter(|(name, opening, closing)| always(name) || (*opening, *closing) != (Money::ZERO, Money::ZERO)).collect()
}

/// Returns an account as the organization's reader knows it.
fn side(visit: &Visit, statement: &StatementAnswer, account: &AccountName) -> String {
    if account.organization_id == statement.organization.organization_id {
        return account.account.to_owned();
    }
    let number = PublicId::from_uuid(account.organization_id.0).map(|id| id.number).unwrap_or_default();
    let name = visit.app().live().read(|view| {
        let id = crate::types::OrganizationId::new(number);
        view.organizations.get(&id).map(|row| row.name.clone())
    });
    name.unwrap_or_else(|| "the exchange".to_owned())
}
