//! Surveillance hints as a file for spreadsheets: one row for each, its kind in the first column.

use super::contracts::Party;
use super::surveillance::{CancellationsAnswer, FixMover, SurveillanceAnswer, WashPairAnswer};
use crate::api::csv::Sheet;
use crate::api::wire::Id;

/// Under which name it is saved.
pub const NAME: &str = "surveillance.csv";

const HEADER: [&str; 26] = [
    "hint",
    "product",
    "day",
    "organization_id",
    "organization",
    "counterparty_id",
    "counterparty",
    "trades",
    "gpu_hours",
    "value_usd",
    "trades_back",
    "gpu_hours_back",
    "value_back_usd",
    "round_trips",
    "returned_gpu_hours",
    "share",
    "near",
    "cancelled",
    "filled",
    "cancelled_to_filled",
    "median_minutes",
    "index_usd_per_gpu_hour",
    "without_usd_per_gpu_hour",
    "thin_without",
    "moved",
    "ids",
];

/// Returns the file. Of a fix mover, `ids` is the contract of the one trade; else contracts or orders, newest first.
pub fn text(answer: &SurveillanceAnswer) -> String {
    let mut sheet = Sheet::new(&HEADER);
    answer.wash_pairs.iter().for_each(|row| add(&mut sheet, "wash_pair", &pair(row)));
    answer.cancellations.iter().for_each(|row| add(&mut sheet, "cancellations", &cancellations(row)));
    answer.fix_movers.iter().for_each(|row| add(&mut sheet, "fix_mover", &mover(row)));
    sheet.text()
}

/// What a row says, by column.
type Cells = Vec<(&'static str, String)>;

fn pair(row: &WashPairAnswer) -> Cells {
    let mut cells = vec![
        ("product", row.product.clone()),
        ("trades", row.sold.trades.to_string()),
        ("gpu_hours", row.sold.gpu_hours.clone()),
        ("value_usd", row.sold.value.0.to_string()),
        ("trades_back", row.bought.trades.to_string()),
        ("gpu_hours_back", row.bought.gpu_hours.clone()),
        ("value_back_usd", row.bought.value.0.to_string()),
        ("round_trips", row.round_trips.to_string()),
        ("returned_gpu_hours", row.returned.clone()),
        ("share", row.share.clone().unwrap_or_default()),
        ("ids", ids(&row.contract_ids)),
    ];
    cells.extend(party(&row.first));
    cells.extend([("counterparty_id", id(row.second.organization_id)), ("counterparty", row.second.name.clone())]);
    cells
}

fn cancellations(row: &CancellationsAnswer) -> Cells {
    let mut cells = vec![
        ("product", row.product.clone()),
        ("near", row.near.to_string()),
        ("cancelled", row.cancelled.to_string()),
        ("filled", row.filled.to_string()),
        ("cancelled_to_filled", row.cancelled_to_filled.clone().unwrap_or_default()),
        ("median_minutes", row.median_minutes.clone().unwrap_or_default()),
        ("ids", ids(&row.order_ids)),
    ];
    cells.extend(party(&row.organization));
    cells
}

fn mover(row: &FixMover) -> Cells {
    let mut cells = vec![
        ("product", row.product.clone()),
        ("day", row.day.clone()),
        ("trades", row.trades.to_string()),
        ("gpu_hours", row.gpu_hours.clone()),
        ("index_usd_per_gpu_hour", row.index.0.to_string()),
        ("without_usd_per_gpu_hour", row.without.map(|price| price.0.to_string()).unwrap_or_default()),
        ("thin_without", row.thin_without.to_string()),
        ("moved", row.moved.clone().unwrap_or_default()),
        ("ids", row.contract_id.map(id).unwrap_or_default()),
    ];
    cells.extend(row.organization.iter().flat_map(party));
    cells
}

fn party(party: &Party) -> [(&'static str, String); 2] {
    [("organization_id", id(party.organization_id)), ("organization", party.name.clone())]
}

fn id(id: Id) -> String {
    id.0.to_string()
}

fn ids(all: &[Id]) -> String {
    all.iter().map(|one| id(*one)).collect::<Vec<_>>().join(" ")
}

fn add(sheet: &mut Sheet, hint: &str, cells: &[(&'static str, String)]) {
    let cell = |column: &&str| match *column {
        "hint" => hint.to_owned(),
        _ => cells.iter().find(|(name, _)| name == column).map(|(_, text)| text.clone()).unwrap_or_default(),
    };
    sheet.row(HEADER.iter().map(cell));
}
