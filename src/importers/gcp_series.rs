//! The price series of Google Cloud GPU machines, a derived CSV file.
//!
//! `hour` (on demand) and `hour_spot` are for a machine-hour, `month_1y` and `month_3y` (committed) for a machine
//! and a month of 730 hours; all are divided by `gpu_count` exactly. `month` and `month_spot` repeat the first two.
//! An empty cell is a price Google did not state on that day, not a refusal. The form of the GPU is not stated.
//! A series has no offers.

use super::alias;
use super::batch::{Batch, Draft, Found};
use super::decimal::Decimal;
use super::quote::{ImportError, Imported, PriceUnit, QuoteKind, Refusal, RefusalCode};
use super::table::{Row, Table};
use super::{Options, instant};
use crate::types::Timestamp;

const HOURS_PER_MONTH: u32 = 730;

/// The columns with prices: what they are, for how long, over how many hours.
const PRICES: [(&str, QuoteKind, Option<&str>, u32); 4] = [
    ("hour", QuoteKind::OnDemand, None, 1),
    ("hour_spot", QuoteKind::Spot, None, 1),
    ("month_1y", QuoteKind::Committed, Some("1y"), HOURS_PER_MONTH),
    ("month_3y", QuoteKind::Committed, Some("3y"), HOURS_PER_MONTH),
];

/// Reads the series.
pub(super) fn read(bytes: &[u8], options: &Options) -> Result<Imported, ImportError> {
    let table = Table::new(bytes, &["date", "machine_type", "gpu", "gpu_count", "region", "hour"])?;
    let mut batch = Batch::default();
    table.rows(|line, raw, row| batch.row(line, raw, |found| prices(&row?, options.fetched_at, found)));
    Ok(batch.finish())
}

fn prices(row: &Row<'_>, fetched_at: Option<Timestamp>, found: &mut Found) -> Result<(), Refusal> {
    let gpu = row.cell("gpu").ok_or_else(|| Refusal::new(RefusalCode::NoGpu, "the machine has no GPU"))?;
    let product = alias::product(gpu, None)?;
    let count = Decimal::count(row.cell("gpu_count").unwrap_or_default())?;
    let observed_at = instant::required(row.cell("date"))?;
    let machine = row.cell("machine_type").unwrap_or_default();
    for (column, kind, term, hours) in PRICES {
        let Some(price) = row.cell(column) else { continue };
        found.quote(Ok(Draft {
            source: "gcp".to_owned(),
            kind,
            term,
            product: product.clone(),
            region: row.cell("region"),
            observed_at,
            fetched_at,
            raw_price: Some(price),
            raw_unit: PriceUnit::PerMachine,
            raw_count: Some(count),
            hours,
            stale: false,
            note: machine,
            identity: machine,
        }));
    }
    Ok(())
}
