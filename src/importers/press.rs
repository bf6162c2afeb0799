//! Prices quoted in the press, per GPU-hour.
//!
//! A quote is for a period; it is dated by the period's start. The source's own words for the kind are kept as
//! the note: contracts of a year are committed, "spot" alone is spot, and what is left (marketplaces, resellers,
//! "peak scarcity", rates mixed of spot and on demand) are rates without commitment: on demand.

use super::alias;
use super::batch::{Batch, Draft, Found};
use super::quote::{ImportError, Imported, PriceUnit, QuoteKind, Refusal};
use super::table::{Row, Table};
use super::{Options, instant};
use crate::types::Timestamp;

/// Reads the quotes.
pub(super) fn read(bytes: &[u8], options: &Options) -> Result<Imported, ImportError> {
    let table = Table::new(bytes, &["from", "gpu", "usd_per_gpu_hour", "kind", "source"])?;
    let mut batch = Batch::default();
    table.rows(|line, raw, row| batch.row(line, raw, |found| price(&row?, options.fetched_at, found)));
    Ok(batch.finish())
}

fn price(row: &Row<'_>, fetched_at: Option<Timestamp>, found: &mut Found) -> Result<(), Refusal> {
    let words = row.cell("kind").unwrap_or_default();
    let (kind, term) = match words {
        "spot" => (QuoteKind::Spot, None),
        "1-year contract" => (QuoteKind::Committed, Some("1y")),
        _ => (QuoteKind::OnDemand, None),
    };
    found.quote(Ok(Draft {
        source: "press".to_owned(),
        kind,
        term,
        product: alias::product(row.cell("gpu").unwrap_or_default(), None)?,
        region: None,
        observed_at: instant::required(row.cell("from"))?,
        fetched_at,
        raw_price: row.cell("usd_per_gpu_hour"),
        raw_unit: PriceUnit::PerGpu,
        raw_count: None,
        hours: 1,
        stale: false,
        note: words,
        identity: row.cell("source").unwrap_or_default(),
    }));
    Ok(())
}
