//! SkyPilot's catalogues: machines of a provider, priced per machine.
//!
//! The catalogues state no time, so the options must. Several cells speak of the number of GPUs
//! (`AcceleratorCount`, the instance type's name, `GpuInfo`); where they disagree the row is refused, since the
//! price may be for either. The GPU's memory is taken from `GpuInfo` unless it is the machine's own memory under
//! the wrong name. A form named by the instance type alone ("gpu-h100-sxm_8gpu") counts as stated.

use super::alias;
use super::batch::{Batch, Draft, Found};
use super::decimal::Decimal;
use super::quote::{ImportError, Imported, Offer, PriceUnit, QuoteKind, Refusal, RefusalCode};
use super::table::{Row, Table};
use super::{Options, place};
use crate::types::{Symbol, Timestamp};

const MIB_PER_GIB: i128 = 1_024;
const FORMS: [&str; 4] = ["sxm", "sxm4", "sxm5", "pcie"];
/// No machine in these catalogues has more; keeps "rtx5090" from being read as a count.
const NAMED_GPUS_MAX: u32 = 64;

/// Reads a catalogue.
pub(super) fn read(file_name: &str, bytes: &[u8], options: &Options) -> Result<Imported, ImportError> {
    let table = Table::new(bytes, &["InstanceType", "AcceleratorName", "AcceleratorCount", "Price", "Region"])?;
    let fetched_at = options.fetched_at.ok_or(ImportError::NoTime)?;
    let provider = options.provider.clone().unwrap_or_else(|| provider_of(file_name));
    let mut batch = Batch::default();
    table.rows(|line, raw, row| batch.row(line, raw, |found| machine(line, &row?, &provider, fetched_at, found)));
    Ok(batch.finish())
}

/// Returns `yotta` for `catalogs/yotta_v8.csv` and for `catalogs/v8/yotta/vms.csv`.
fn provider_of(path: &str) -> String {
    let mut parts = path.rsplit(['/', '\\']);
    let file = parts.next().unwrap_or_default();
    let stem = file.split_once('.').map_or(file, |(stem, _)| stem);
    match (stem, parts.next()) {
        ("vms", Some(folder)) => folder.to_owned(),
        _ => stem.rsplit_once("_v").map_or(stem, |(name, _)| name).to_owned(),
    }
}

fn machine(line: u64, row: &Row<'_>, provider: &str, fetched_at: Timestamp, found: &mut Found) -> Result<(), Refusal> {
    let no_gpu = || Refusal::new(RefusalCode::NoGpu, "a machine without GPUs");
    let name = row.cell("AcceleratorName").ok_or_else(no_gpu)?;
    let instance = row.cell("InstanceType").unwrap_or_default();
    let count = count_of(row, instance)?;
    let product = product_of(row, name, instance, count)?;
    let draft = |kind, column| Draft {
        source: format!("skypilot/{provider}"),
        kind,
        term: None,
        product: product.clone(),
        region: row.cell("Region"),
        observed_at: fetched_at,
        fetched_at: Some(fetched_at),
        raw_price: row.cell(column),
        raw_unit: PriceUnit::PerMachine,
        raw_count: Some(count),
        hours: 1,
        stale: false,
        note: instance,
        identity: instance,
    };
    if row.cell("SpotPrice").is_some() {
        found.quote(Ok(draft(QuoteKind::Spot, "SpotPrice")));
    }
    if let Some(price) = found.quote(Ok(draft(QuoteKind::OnDemand, "Price"))) {
        let region = row.cell("Region");
        found.offer(Offer {
            region: region.and_then(place::region),
            gpus_per_node: Some(count),
            external_id: format!("skypilot/{provider}/{}/{instance}", region.unwrap_or_default()),
            ..Offer::posted(line, provider, region, product.clone(), price, count)
        });
    }
    Ok(())
}

fn count_of(row: &Row<'_>, instance: &str) -> Result<u32, Refusal> {
    let count = Decimal::count(row.cell("AcceleratorCount").unwrap_or_default())?;
    let in_info = row.cell("GpuInfo").and_then(|info| number_after(info, "'Count':"));
    for (stated, place) in [(named_count(instance), "the instance type"), (in_info, "GpuInfo")] {
        if let Some(stated) = stated.filter(|stated| *stated != count) {
            let detail = format!("AcceleratorCount says {count} GPUs, {place} says {stated}");
            return Err(Refusal::new(RefusalCode::AmbiguousCount, detail));
        }
    }
    Ok(count)
}

/// Returns the count in names such as `8x112v952g_...`, `gpu-h100-sxm_8gpu-...` and `n3-H100x8-NVLink`.
fn named_count(instance: &str) -> Option<u32> {
    let lower = instance.to_lowercase();
    let count = |digits: &str| digits.parse().ok().filter(|count| *count <= NAMED_GPUS_MAX);
    lower.split(|letter: char| !letter.is_ascii_alphanumeric()).find_map(|word| {
        if let Some(digits) = word.strip_suffix("gpu") {
            return count(digits);
        }
        let (before, after) = word.split_once('x').filter(|(before, _)| count(before).is_some()).or_else(|| {
            let behind_model = |(before, _): &(&str, &str)| before.ends_with(|letter: char| letter.is_ascii_digit());
            word.rsplit_once('x').filter(behind_model)
        })?;
        count(before).or_else(|| count(after))
    })
}

fn product_of(row: &Row<'_>, name: &str, instance: &str, count: u32) -> Result<Symbol, Refusal> {
    let memory = gpu_memory_mib(row, count);
    let instance = instance.to_lowercase();
    let mut words = instance.split(|letter: char| !letter.is_ascii_alphanumeric());
    match words.find(|word| FORMS.contains(word)) {
        // Only where the name itself leaves the form open does "name form" spell a product.
        Some(form) => alias::product(&format!("{name} {form}"), memory).or_else(|_| alias::product(name, memory)),
        None => alias::product(name, memory),
    }
}

fn gpu_memory_mib(row: &Row<'_>, count: u32) -> Option<u32> {
    let memory = number_after(row.cell("GpuInfo")?, "'SizeInMiB':")?;
    let machine = row.cell("MemoryGiB").and_then(Decimal::parse).and_then(|memory| memory.times(MIB_PER_GIB));
    let total = i128::from(memory).saturating_mul(i128::from(count));
    (machine != Some(total)).then_some(memory)
}

/// Finds a number in the text of a Python value; reading more of it is not needed.
fn number_after(text: &str, key: &str) -> Option<u32> {
    let (_, rest) = text.split_once(key)?;
    let rest = rest.trim_start();
    let end = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
    rest.get(..end)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_providers_are_read_from_names() {
        assert_eq!(named_count("8x112v952g_NVIDIA_GeForce_RTX_5090_32G_SECURE"), Some(8));
        assert_eq!(named_count("gpu-h100-sxm_8gpu-128vcpu-1600gb"), Some(8));
        assert_eq!(named_count("n3-H100x8-NVLink"), Some(8));
        assert_eq!(named_count("n3-RTX-A4000x10"), Some(10));
        assert_eq!(named_count("n3-H100-SXM5x8"), Some(8));
        assert_eq!(named_count("rtx5090"), None);
        assert_eq!(provider_of("../offers/yotta_v8.csv"), "yotta");
        assert_eq!(provider_of("catalogs/v8/yotta/vms.csv"), "yotta");
    }
}
