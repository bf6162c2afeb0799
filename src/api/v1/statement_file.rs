//! A statement as a file for spreadsheets: what moved each account, in columns that add up from opening to closing.

use std::collections::BTreeMap;

use super::statements::{ContractSums, StatementAnswer, StatementBalances, StatementLine};
use super::wallet::TransferRow;
use crate::api::csv::Sheet;
use crate::api::problem::Problem;
use crate::types::{Money, OutOfRange};

const HEADER: &[&str] = &[
    "row",
    "id",
    "at",
    "cause",
    "contract_id",
    "order_id",
    "reference",
    "available_usd",
    "held_usd",
    "escrow_usd",
    "bond_usd",
    "external_usd",
    "total_usd",
    "part",
    "counterparty",
    "product",
    "gpus",
    "price_usd_per_gpu_hour",
    "delivered_gpu_hours",
    "escrowed_usd",
    "due_usd",
    "fees_usd",
    "refunds_usd",
    "credits_usd",
    "price_gaps_usd",
    "notice_fees_usd",
    "forfeits_usd",
    "owner_shares_usd",
    "covers_usd",
    "novations_usd",
    "takeovers_usd",
];
const TOTAL: &str = "total";

/// What one row of the file says of accounts, by their names.
type Accounts = BTreeMap<&'static str, Money>;

/// Returns under which name a statement is saved.
pub fn name(statement: &StatementAnswer) -> String {
    format!("statement-{}.csv", statement.month)
}

/// Returns the file: `opening`, every `transfer` of the month, oldest first, `closing`, then what moved by `contract`. Older
/// transfers for which there is no room are one row, `left_out`, so that the columns of accounts add up all the same.
///
/// # Errors
/// `out_of_range` if sums have no room: a bug.
pub fn text(statement: &StatementAnswer) -> Result<String, Problem> {
    rows(statement).map_err(|_| Problem::of("out_of_range"))
}

fn rows(statement: &StatementAnswer) -> Result<String, OutOfRange> {
    let mut sheet = Sheet::new(HEADER);
    let changes: Vec<Accounts> =
        statement.transfers.data.iter().map(|row| change(statement, row)).collect::<Result<_, _>>()?;
    balance(&mut sheet, "opening", &statement.start.0.to_rfc3339(), &accounts(&statement.opening));
    let left_out = statement.transfers_total.saturating_sub(u64::try_from(changes.len()).unwrap_or(u64::MAX));
    if left_out > 0 {
        let mut rest = accounts(&statement.closing);
        for change in changes.iter().chain([&accounts(&statement.opening)]) {
            for (account, amount) in change {
                let left = rest.entry(account).or_default();
                *left = left.minus(*amount)?;
            }
        }
        let cells = ["left_out", "", "", &format!("{left_out} transfers"), "", "", ""];
        add(&mut sheet, &cells, &rest, &[]);
    }
    for (row, change) in statement.transfers.data.iter().zip(&changes).rev() {
        transfer(&mut sheet, row, change);
    }
    balance(&mut sheet, "closing", &statement.end.0.to_rfc3339(), &accounts(&statement.closing));
    statement.contracts.iter().for_each(|line| contract(&mut sheet, line));
    if statement.contracts_left_out > 0 {
        let what = format!("{} contracts", statement.contracts_left_out);
        add(&mut sheet, &["contracts_left_out", "", "", &what, "", "", ""], &Accounts::new(), &[]);
    }
    for total in &statement.contract_totals {
        let mut cells = vec![total.part.to_owned()];
        cells.extend(std::iter::repeat_n(String::new(), 5));
        cells.extend(sums(&total.sums));
        add(&mut sheet, &["contract_total", "", "", "", "", "", ""], &Accounts::new(), &cells);
    }
    Ok(sheet.text())
}

/// Returns what a transfer moved on the organization's accounts.
fn change(statement: &StatementAnswer, row: &TransferRow) -> Result<Accounts, OutOfRange> {
    let own = statement.organization.organization_id;
    let mut change = Accounts::new();
    let less = Money::ZERO.minus(row.amount.0)?;
    for (account, amount) in [(&row.debit, less), (&row.credit, row.amount.0)] {
        if account.organization_id == own {
            for name in [account.account, TOTAL] {
                let moved = change.entry(name).or_default();
                *moved = moved.plus(amount)?;
            }
        }
    }
    Ok(change)
}

fn accounts(balances: &StatementBalances) -> Accounts {
    balances.columns().into_iter().collect()
}

fn balance(sheet: &mut Sheet, row: &str, at: &str, accounts: &Accounts) {
    add(sheet, &[row, "", at, "", "", "", ""], accounts, &[]);
}

fn transfer(sheet: &mut Sheet, row: &TransferRow, change: &Accounts) {
    let id = |id: Option<crate::api::wire::Id>| id.map(|id| id.0.to_string()).unwrap_or_default();
    let cells = [
        "transfer",
        &row.id.0.to_string(),
        &row.created_at.0.to_rfc3339(),
        row.cause,
        &id(row.contract_id),
        &id(row.order_id),
        row.reference.as_deref().unwrap_or_default(),
    ];
    add(sheet, &cells, change, &[]);
}

fn contract(sheet: &mut Sheet, line: &StatementLine) {
    let mut cells = vec![
        line.part.to_owned(),
        line.counterparty.name.clone(),
        line.product.clone(),
        line.gpus.to_string(),
        line.price.0.to_string(),
        line.delivered_gpu_hours.clone(),
    ];
    cells.extend(sums(&line.sums));
    let id = line.contract_id.0.to_string();
    add(sheet, &["contract", "", "", "", &id, "", ""], &Accounts::new(), &cells);
}

fn sums(sums: &ContractSums) -> [String; 12] {
    let ContractSums {
        escrowed,
        due,
        fees,
        refunds,
        credits,
        price_gaps,
        notice_fees,
        forfeits,
        owner_shares,
        covers,
        novations,
        takeovers,
    } = sums;
    [
        escrowed,
        due,
        fees,
        refunds,
        credits,
        price_gaps,
        notice_fees,
        forfeits,
        owner_shares,
        covers,
        novations,
        takeovers,
    ]
    .map(|amount| amount.0.to_string())
}

/// Adds a row: what it is, what it says of accounts, and what it says of a contract.
fn add(sheet: &mut Sheet, what: &[&str], accounts: &Accounts, contract: &[String]) {
    let amount = |name: &str| match accounts.is_empty() {
        true => String::new(),
        false => accounts.get(name).copied().unwrap_or_default().to_string(),
    };
    let amounts = ["available", "held", "escrow", "bond", "external", TOTAL].map(amount);
    let contract = contract.iter().cloned().chain(std::iter::repeat(String::new())).take(CONTRACT_COLUMNS);
    sheet.row(what.iter().map(|cell| (*cell).to_owned()).chain(amounts).chain(contract));
}

/// Columns after those of accounts.
const CONTRACT_COLUMNS: usize = 18;
