//! Vast.ai: a market of single machines.
//!
//! A price is for the whole offer of `num_gpus` GPUs and is an ask. `min_bid`, the least a renter must bid for
//! the same GPUs while nobody pays more, is a spot price.
//!
//! One machine appears as offers of 1, 2, 4 and 8 of its GPUs that exclude each other. Per machine and product
//! they become one offer: as large as the largest, sold in multiples of the smallest if that divides all of them
//! (otherwise only as a whole), at the highest price per GPU among them, so that no part is sold below what the
//! host asks for it. Offers that name no machine could overlap others
//! unseen, so they are quotes only; the filtered CSV files name none.

mod filtered;

use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

use super::alias;
use super::batch::{Batch, Draft, Found};
use super::decimal::Decimal;
use super::json::{self, Record};
use super::quote::{ImportError, Imported, Offer, PriceUnit, QuoteKind, Refusal, RefusalCode};
use super::{Format, Options, instant, place};
use crate::types::{Interconnect, Minute, Price, SlaClass, Symbol, Timestamp};

const SOURCE: &str = "vast";
const PER_MILLE: i128 = 1_000;

/// The archive keeps one list per model, the API answers with one.
#[derive(Deserialize)]
struct Archive<'a> {
    collected_utc: Option<String>,
    #[serde(borrow, default)]
    offers_by_model: BTreeMap<String, Vec<&'a RawValue>>,
    #[serde(borrow, default)]
    offers: Vec<&'a RawValue>,
}

/// An offer of one machine, before those that exclude each other are merged.
struct Part {
    offer: Offer,
    gpus: u32,
}

type Machines = BTreeMap<(String, Symbol), Vec<Part>>;

/// Reads an archive or a filtered file, whichever it is.
pub(super) fn read(bytes: &[u8], options: &Options) -> Result<Imported, ImportError> {
    match bytes.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'{') => archive(bytes, options),
        _ => filtered::read(bytes, options),
    }
}

fn archive(bytes: &[u8], options: &Options) -> Result<Imported, ImportError> {
    let archive: Archive<'_> = json::document(Format::Vast, bytes)?;
    let collected_at = archive.collected_utc.as_deref().and_then(instant::parse);
    let observed_at = collected_at.or(options.fetched_at).ok_or(ImportError::NoTime)?;
    let mut batch = Batch::default();
    let mut machines = Machines::new();
    let rows = archive.offers_by_model.values().flatten().chain(&archive.offers);
    for (row, raw) in (1u64..).zip(rows) {
        batch.row(row, raw.get(), |found| offer(row, raw, observed_at, found, &mut machines));
    }
    let parts = machines.values().map(Vec::len).fold(0, usize::saturating_add);
    let merged = parts.saturating_sub(machines.len());
    batch.offers(machines.into_values().filter_map(merge), u64::try_from(merged).unwrap_or(u64::MAX));
    Ok(batch.finish())
}

fn offer(
    row: u64,
    raw: &RawValue,
    observed_at: Timestamp,
    found: &mut Found,
    machines: &mut Machines,
) -> Result<(), Refusal> {
    let record = Record::read(raw)?;
    let memory = record.text("gpu_ram").and_then(|mib| Decimal::parse(&mib)?.floor());
    let memory = memory.map(|mib| u32::try_from(mib).unwrap_or(u32::MAX));
    let product = alias::product(&record.text("gpu_name").unwrap_or_default(), memory)?;
    let gpus = Decimal::count(&record.text("num_gpus").unwrap_or_default())?;
    let no_id = || Refusal::new(RefusalCode::NotARecord, "the offer has no id");
    let id = record.text("id").ok_or_else(no_id)?;
    let place = record.text("geolocation");
    let mut quote = |kind, price: Option<String>| {
        found.quote(Ok(Draft {
            source: SOURCE.to_owned(),
            kind,
            term: None,
            product: product.clone(),
            region: place.as_deref(),
            observed_at,
            fetched_at: Some(observed_at),
            raw_price: price.as_deref(),
            raw_unit: PriceUnit::PerOffer,
            raw_count: Some(gpus),
            hours: 1,
            stale: false,
            note: "",
            identity: &id,
        }))
    };
    if let Some(bid) = record.text("min_bid") {
        quote(QuoteKind::Spot, Some(bid));
    }
    let price = quote(QuoteKind::Ask, record.text("dph_total"));
    let rentable = record.is_true("rentable") && !record.is_true("rented");
    let (Some(price), true, Some(machine)) = (price, rentable, record.text("machine_id")) else { return Ok(()) };
    let offer = capacity(row, &record, product, gpus, price, &machine);
    machines.entry((machine, offer.product.clone())).or_default().push(Part { offer, gpus });
    Ok(())
}

fn capacity(row: u64, record: &Record<'_>, product: Symbol, gpus: u32, price: Price, machine: &str) -> Offer {
    let (region, country) = place::geolocation(&record.text("geolocation").unwrap_or_default());
    let host = record.text("host_id").unwrap_or_else(|| format!("machine-{machine}"));
    Offer {
        row,
        provider: format!("vast-host-{host}"),
        site: format!("machine-{machine}"),
        external_id: format!("vast/machine-{machine}/{product}"),
        product,
        region,
        country,
        gpus: Some(gpus),
        start: None,
        end: end_of(record),
        price,
        lot: gpus,
        gpus_per_node: Some(gpus),
        interconnect: Interconnect::Unspecified,
        sla_class: promise(record.text("reliability2").or_else(|| record.text("reliability"))),
    }
}

fn end_of(record: &Record<'_>) -> Option<Minute> {
    record.text("end_date").as_deref().and_then(instant::epoch_minute)
}

/// A measured reliability is not a promise: it is taken for one class less than it would be.
fn promise(reliability: Option<String>) -> SlaClass {
    match reliability.and_then(|share| Decimal::parse(&share)?.times(PER_MILLE)) {
        Some(999..) => SlaClass::P99,
        Some(990..) => SlaClass::P98,
        _ => SlaClass::None,
    }
}

fn merge(parts: Vec<Part>) -> Option<Offer> {
    let smallest = parts.iter().map(|part| part.gpus).min()?;
    let price = parts.iter().map(|part| part.offer.price).max()?;
    let divides = parts.iter().all(|part| part.gpus.checked_rem(smallest) == Some(0));
    let Part { offer, gpus } = parts.into_iter().max_by_key(|part| (part.gpus, std::cmp::Reverse(part.offer.row)))?;
    Some(Offer { lot: if divides { smallest } else { gpus }, price, ..offer })
}
