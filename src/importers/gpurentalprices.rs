//! Snapshots of gpurentalprices.com: posted prices per GPU-hour.
//!
//! `secure`, `community` and `on-demand` are posted rates (on demand; the word stays as the term), `spot` is
//! spot. `serverless` is refused: it is billed by the second of use and no hour of it can be rented. Only on
//! demand rates that are not stale become offers, since an ask is firm; their quantity is never stated, `min_gpus`
//! is the lot.

use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

use super::alias;
use super::batch::{Batch, Draft, Found};
use super::decimal::Decimal;
use super::json::{self, Record};
use super::quote::{ImportError, Imported, Offer, PriceUnit, QuoteKind, Refusal, RefusalCode};
use super::{Format, instant};
use crate::types::Timestamp;

const MIB_PER_GB: i128 = 1_024;

#[derive(Deserialize)]
struct Snapshot<'a> {
    generated_at: Option<String>,
    #[serde(borrow)]
    offers: Vec<&'a RawValue>,
    #[serde(default)]
    providers: BTreeMap<String, Provider>,
}

#[derive(Deserialize)]
struct Provider {
    #[serde(default)]
    stale: bool,
}

/// Reads a snapshot.
pub(super) fn read(bytes: &[u8]) -> Result<Imported, ImportError> {
    let snapshot: Snapshot<'_> = json::document(Format::Gpurentalprices, bytes)?;
    let generated_at = snapshot.generated_at.as_deref().and_then(instant::parse);
    let mut batch = Batch::default();
    for (row, raw) in (1u64..).zip(&snapshot.offers) {
        batch.row(row, raw.get(), |found| offer(row, raw, generated_at, &snapshot.providers, found));
    }
    Ok(batch.finish())
}

fn offer(
    row: u64,
    raw: &RawValue,
    generated_at: Option<Timestamp>,
    providers: &BTreeMap<String, Provider>,
    found: &mut Found,
) -> Result<(), Refusal> {
    let record = Record::read(raw)?;
    let word = record.text("kind").unwrap_or_default();
    let (kind, term) = kind_of(&word)?;
    let product = alias::product(&record.text("gpu").unwrap_or_default(), memory_mib(&record))?;
    let no_provider = || Refusal::new(RefusalCode::NotARecord, "no provider is given");
    let provider = record.text("provider").ok_or_else(no_provider)?;
    let min_gpus = record.text("min_gpus").map(|count| Decimal::count(&count)).transpose()?;
    let observed_at = match (record.text("fetched_at"), generated_at) {
        (None, Some(generated_at)) => generated_at,
        (fetched_at, _) => instant::required(fetched_at.as_deref())?,
    };
    let stale = providers.get(&provider).is_some_and(|provider| provider.stale);
    let price = found.quote(Ok(Draft {
        source: format!("gpurentalprices/{provider}"),
        kind,
        term,
        product: product.clone(),
        region: None,
        observed_at,
        fetched_at: generated_at,
        raw_price: record.text("usd_hr").as_deref(),
        raw_unit: PriceUnit::PerGpu,
        raw_count: min_gpus,
        hours: 1,
        stale,
        note: &word,
        identity: "",
    }));
    if let (Some(price), QuoteKind::OnDemand, false) = (price, kind, stale) {
        let external_id = format!("gpurentalprices/{provider}/{product}/{word}");
        let posted = Offer::posted(row, &provider, term, product, price, min_gpus.unwrap_or(1));
        found.offer(Offer { external_id, ..posted });
    }
    Ok(())
}

fn memory_mib(record: &Record<'_>) -> Option<u32> {
    let mib = Decimal::parse(&record.text("vram_gb")?)?.times(MIB_PER_GB)?;
    Some(u32::try_from(mib).unwrap_or(u32::MAX))
}

fn kind_of(word: &str) -> Result<(QuoteKind, Option<&'static str>), Refusal> {
    match word {
        "on-demand" => Ok((QuoteKind::OnDemand, None)),
        "secure" => Ok((QuoteKind::OnDemand, Some("secure"))),
        "community" => Ok((QuoteKind::OnDemand, Some("community"))),
        "spot" => Ok((QuoteKind::Spot, None)),
        "serverless" => Err(Refusal::new(RefusalCode::Serverless, "billed by the second of use")),
        _ => Err(Refusal::new(RefusalCode::UnknownKind, format!("the kind is {word:?}"))),
    }
}
