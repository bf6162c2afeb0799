//! The CSV files filtered out of the archive.

use super::{Draft, Found, PriceUnit, QuoteKind, SOURCE};
use crate::importers::batch::Batch;
use crate::importers::decimal::Decimal;
use crate::importers::quote::{ImportError, Imported, Refusal};
use crate::importers::table::{Row, Table};
use crate::importers::{Options, alias, instant};
use crate::types::Timestamp;

/// Reads the rows as quotes; no column names the machine.
pub(super) fn read(bytes: &[u8], options: &Options) -> Result<Imported, ImportError> {
    let table = Table::new(bytes, &["listing_id", "gpu_name", "num_gpus", "dph_total", "collected_utc"])?;
    let mut batch = Batch::default();
    table.rows(|line, raw, row| batch.row(line, raw, |found| price(&row?, options.fetched_at, found)));
    Ok(batch.finish())
}

fn price(row: &Row<'_>, fetched_at: Option<Timestamp>, found: &mut Found) -> Result<(), Refusal> {
    let observed_at = instant::required(row.cell("collected_utc"))?;
    found.quote(Ok(Draft {
        source: SOURCE.to_owned(),
        kind: QuoteKind::Ask,
        term: None,
        product: alias::product(row.cell("gpu_name").unwrap_or_default(), memory_mib(row))?,
        region: row.cell("geolocation"),
        observed_at,
        fetched_at: Some(fetched_at.unwrap_or(observed_at)),
        raw_price: row.cell("dph_total"),
        raw_unit: PriceUnit::PerOffer,
        raw_count: Some(Decimal::count(row.cell("num_gpus").unwrap_or_default())?),
        hours: 1,
        stale: false,
        note: "",
        identity: row.cell("listing_id").unwrap_or_default(),
    }));
    Ok(())
}

/// The column is called `gpu_ram_gb` and holds MiB, as the API's `gpu_ram` does.
fn memory_mib(row: &Row<'_>) -> Option<u32> {
    let mib = Decimal::parse(row.cell("gpu_ram_gb")?)?.floor()?;
    Some(u32::try_from(mib).unwrap_or(u32::MAX))
}
