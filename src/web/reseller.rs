//! `/reseller`: what was bought, what of it was sold on and at what price, what is left, and what it is worth now.

use askama::Template;
use std::collections::BTreeMap;

use super::contract;
use super::format;
use super::orders;
use super::respond::Reply;
use super::shell::Shell;
use super::{Guest, Shown};
use crate::app::marks::{Marked, Marks};
use crate::app::reads::Slice;
use crate::exchange::entities::Purse;
use crate::market::{GpuMinutes, Ratio};
use crate::types::limits::PAGE_ROWS_MAX;
use crate::types::{ContractId, Money, Price, Side, Source, Turnover};

/// A contract held, and what became of it.
struct Holding {
    bought: contract::Row,
    sold: GpuMinutes,
    sold_at: Option<Price>,
    /// What the resales bring less what the same hours cost.
    result: Money,
    share: Option<Ratio>,
    left: GpuMinutes,
    /// The forward curve over what is still to be delivered.
    mark: Option<Price>,
    /// What it and its open resales would gain or lose if they were closed at the curve.
    marked: Option<Money>,
}

#[derive(Template)]
#[template(path = "reseller.html")]
struct Page {
    shell: Shell,
    purse: Purse,
    holdings: Vec<Holding>,
    asks: Vec<orders::Row>,
    bought: GpuMinutes,
    sold: GpuMinutes,
    result: Money,
    marks: Marks,
    truncated: bool,
    placed: String,
}

/// Shows what a reseller holds.
pub async fn show(visit: Guest) -> Shown {
    let caller = visit.member()?;
    let (purse, _) = visit.app().purse(&caller)?;
    let (rows, next) = contract::rows(&visit, &caller, Slice::first(PAGE_ROWS_MAX)).await?;
    let own = caller.principal.organization;
    let marks = visit.app().own_marks(&caller).await?;
    let by_contract: BTreeMap<ContractId, &Marked> = marks.rows.iter().map(|row| (row.contract, row)).collect();
    let mut resales: BTreeMap<ContractId, Money> = BTreeMap::new();
    let mut resold: BTreeMap<ContractId, (GpuMinutes, Turnover)> = BTreeMap::new();
    for row in &rows {
        let Some((parent, price)) = sold_out_of(row) else { continue };
        let (amount, turnover) = resold.entry(parent).or_default();
        *amount = amount.plus(row.amount);
        let more = price.turnover(row.contract.gpus, row.contract.window.minutes());
        *turnover = more.and_then(|more| turnover.plus(more)).unwrap_or(*turnover);
        if let Some(result) = by_contract.get(&row.contract.id).and_then(|row| row.result) {
            let sum = resales.entry(parent).or_default();
            *sum = sum.plus(result).unwrap_or(*sum);
        }
    }
    let mut holdings = Vec::new();
    for bought in rows.into_iter().filter(|row| Some(row.contract.buyer) == own) {
        let (sold, turnover) = resold.get(&bought.contract.id).copied().unwrap_or_default();
        let own = by_contract.get(&bought.contract.id);
        let resales = resales.get(&bought.contract.id).copied().unwrap_or_default();
        let marked = own.and_then(|row| row.result?.plus(resales).ok());
        let mark = own.and_then(|row| row.mark?.price);
        holdings.push(holding(bought, sold, turnover, (mark, marked)));
    }
    let sum = |part: fn(&Holding) -> GpuMinutes| holdings.iter().fold(GpuMinutes::ZERO, |sum, row| sum.plus(part(row)));
    let page = Page {
        shell: Shell::of(&visit, "Resell", "/reseller"),
        purse,
        bought: sum(|row| row.bought.amount),
        sold: sum(|row| row.sold),
        result: holdings.iter().fold(Money::ZERO, |sum, row| sum.plus(row.result).unwrap_or(sum)),
        asks: orders::open(&visit, &caller, Side::Ask).await?,
        holdings,
        marks,
        truncated: next.is_some(),
        placed: visit.query().text("placed").to_owned(),
    };
    Reply::page(&page)
}

/// Returns the contract that a sale was out of, and at what price: its seller may have left with it.
fn sold_out_of(row: &contract::Row) -> Option<(ContractId, Price)> {
    match row.contract.source {
        Source::Contract(parent) if row.sold && !row.has_passed() => Some((parent, row.contract.price)),
        _ => None,
    }
}

fn holding(
    bought: contract::Row,
    sold: GpuMinutes,
    turnover: Turnover,
    (mark, marked): (Option<Price>, Option<Money>),
) -> Holding {
    let sold_at = turnover.mean(sold.get());
    let cost = bought.contract.bought_at().due(sold.get()).unwrap_or_default();
    let earned = sold_at.and_then(|price| price.due(sold.get()).ok()).unwrap_or_default();
    Holding {
        share: Ratio::of(sold.get().into(), bought.amount.get().into()),
        left: GpuMinutes::new(bought.amount.get().saturating_sub(sold.get())),
        result: earned.minus(cost).unwrap_or_default(),
        sold,
        sold_at,
        mark,
        marked,
        bought,
    }
}

impl Holding {
    fn is_loss(&self) -> bool {
        self.marked.is_some_and(|marked| marked.micros() < 0)
    }

    fn is_resellable(&self) -> bool {
        self.bought.contract.status.is_live() && self.left != GpuMinutes::ZERO
    }
}
