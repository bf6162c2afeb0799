//! Any CSV file, by a mapping of its columns given by the user.
//!
//! Nothing is assumed about such a file: whether a price buys a GPU or a machine must be said, and a price per
//! machine needs a column with the number of GPUs. Its rows become quotes; they become offers too where they
//! are posted rates and the file names a provider.

use std::str::FromStr;

use super::alias;
use super::batch::{Batch, Draft, Found};
use super::decimal::Decimal;
use super::quote::{ImportError, Imported, Offer, PriceUnit, QuoteKind, Refusal, RefusalCode};
use super::table::{Row, Table};
use super::{Options, instant, place};

const MIB_PER_GB: i128 = 1_024;

/// Which column holds what.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CsvMapping {
    /// The GPU's name.
    pub gpu: String,
    /// The price, in USD an hour.
    pub price: String,
    /// The spot price, in the same unit.
    pub spot: Option<String>,
    /// The number of GPUs in a machine.
    pub count: Option<String>,
    /// The memory of one GPU, in GB.
    pub memory_gb: Option<String>,
    /// Who offers.
    pub provider: Option<String>,
    /// Where.
    pub region: Option<String>,
    /// What kind of price; on demand if absent.
    pub kind: Option<String>,
    /// When the price stood.
    pub observed_at: Option<String>,
    /// A name that tells rows apart.
    pub id: Option<String>,
}

/// A text is not a mapping of columns.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0}; write gpu=COLUMN,price=COLUMN and any of spot, count, memory_gb, provider, region, kind, observed_at, id"
)]
pub struct NotMapping(String);

impl FromStr for CsvMapping {
    type Err = NotMapping;

    fn from_str(text: &str) -> Result<Self, NotMapping> {
        let mut mapping = Self::default();
        for pair in text.split(',') {
            let (field, column) = pair.split_once('=').ok_or_else(|| NotMapping(format!("{pair:?} has no \"=\"")))?;
            let column = column.trim().to_owned();
            match field.trim() {
                "gpu" => mapping.gpu = column,
                "price" => mapping.price = column,
                "spot" => mapping.spot = Some(column),
                "count" => mapping.count = Some(column),
                "memory_gb" => mapping.memory_gb = Some(column),
                "provider" => mapping.provider = Some(column),
                "region" => mapping.region = Some(column),
                "kind" => mapping.kind = Some(column),
                "observed_at" => mapping.observed_at = Some(column),
                "id" => mapping.id = Some(column),
                other => return Err(NotMapping(format!("{other:?} is not a field"))),
            }
        }
        match mapping.gpu.is_empty() || mapping.price.is_empty() {
            true => Err(NotMapping("gpu and price are needed".to_owned())),
            false => Ok(mapping),
        }
    }
}

impl CsvMapping {
    fn columns(&self) -> Vec<&str> {
        let optional = [
            &self.spot,
            &self.count,
            &self.memory_gb,
            &self.provider,
            &self.region,
            &self.kind,
            &self.observed_at,
            &self.id,
        ];
        let optional = optional.into_iter().flatten().map(String::as_str);
        [self.gpu.as_str(), self.price.as_str()].into_iter().chain(optional).collect()
    }
}

struct Context<'a> {
    mapping: &'a CsvMapping,
    unit: PriceUnit,
    options: &'a Options,
    file: &'a str,
}

/// Reads a file.
pub(super) fn read(file_name: &str, bytes: &[u8], options: &Options) -> Result<Imported, ImportError> {
    let mapping = options.csv.as_ref().ok_or(ImportError::MissingOption("a mapping of columns"))?;
    let unit = options.price_unit.ok_or(ImportError::MissingOption("a price unit: per-gpu or per-machine"))?;
    if unit != PriceUnit::PerGpu && mapping.count.is_none() {
        return Err(ImportError::MissingOption("a column with the number of GPUs of a machine (count=COLUMN)"));
    }
    if mapping.observed_at.is_none() && options.fetched_at.is_none() {
        return Err(ImportError::NoTime);
    }
    let table = Table::new(bytes, &mapping.columns())?;
    let file = file_name.rsplit(['/', '\\']).next().unwrap_or(file_name);
    let context = Context { mapping, unit, options, file: file.split_once('.').map_or(file, |(stem, _)| stem) };
    let mut batch = Batch::default();
    table.rows(|line, raw, row| batch.row(line, raw, |found| prices(&context, line, &row?, found)));
    Ok(batch.finish())
}

fn prices(context: &Context<'_>, line: u64, row: &Row<'_>, found: &mut Found) -> Result<(), Refusal> {
    let mapping = context.mapping;
    let cell = |column: &Option<String>| column.as_deref().and_then(|column| row.cell(column));
    let no_gpu = || Refusal::new(RefusalCode::NoGpu, "no GPU is named");
    let memory = cell(&mapping.memory_gb).map(memory_mib).transpose()?;
    let product = alias::product(row.cell(&mapping.gpu).ok_or_else(no_gpu)?, memory)?;
    let count = cell(&mapping.count).map(Decimal::count).transpose()?;
    let observed_at = match (&mapping.observed_at, context.options.fetched_at) {
        (None, Some(fetched_at)) => fetched_at,
        _ => instant::required(cell(&mapping.observed_at))?,
    };
    let (kind, term) = cell(&mapping.kind).map_or(Ok((QuoteKind::OnDemand, None)), kind_of)?;
    let provider = cell(&mapping.provider).or(context.options.provider.as_deref());
    let source = match provider {
        Some(provider) => format!("csv/{provider}"),
        None => format!("csv/{}", context.file),
    };
    let draft = |kind, term, column: &str| Draft {
        source: source.clone(),
        kind,
        term,
        product: product.clone(),
        region: cell(&mapping.region),
        observed_at,
        fetched_at: context.options.fetched_at,
        raw_price: row.cell(column),
        raw_unit: context.unit,
        raw_count: count,
        hours: 1,
        stale: false,
        note: cell(&mapping.kind).unwrap_or_default(),
        identity: cell(&mapping.id).unwrap_or_default(),
    };
    let spot = mapping.spot.as_deref().filter(|spot| row.cell(spot).is_some());
    if let Some(spot) = spot {
        found.quote(Ok(draft(QuoteKind::Spot, None, spot)));
    }
    if row.cell(&mapping.price).is_none() && spot.is_some() {
        return Ok(());
    }
    let price = found.quote(Ok(draft(kind, term, &mapping.price)));
    let (Some(price), QuoteKind::OnDemand | QuoteKind::Ask, Some(provider)) = (price, kind, provider) else {
        return Ok(());
    };
    let place = cell(&mapping.region);
    let (region, country) = place::geolocation(place.unwrap_or_default());
    let lot = if context.unit == PriceUnit::PerGpu { 1 } else { count.unwrap_or(1) };
    found.offer(Offer {
        region,
        country,
        gpus_per_node: count,
        external_id: format!("{source}/{product}/{}/{line}", cell(&mapping.id).unwrap_or_default()),
        ..Offer::posted(line, provider, place, product.clone(), price, lot)
    });
    Ok(())
}

fn memory_mib(text: &str) -> Result<u32, Refusal> {
    let mib = Decimal::parse(text).and_then(|gb| gb.times(MIB_PER_GB)).and_then(|mib| u32::try_from(mib).ok());
    mib.ok_or_else(|| Refusal::new(RefusalCode::MemoryMismatch, format!("the memory is {text:?}")))
}

fn kind_of(word: &str) -> Result<(QuoteKind, Option<&'static str>), Refusal> {
    match word.to_lowercase().replace(['-', ' '], "_").as_str() {
        "on_demand" | "ondemand" => Ok((QuoteKind::OnDemand, None)),
        "secure" => Ok((QuoteKind::OnDemand, Some("secure"))),
        "community" => Ok((QuoteKind::OnDemand, Some("community"))),
        "ask" | "marketplace" => Ok((QuoteKind::Ask, None)),
        "spot" | "spot_posted" | "secure_spot" | "community_spot" => Ok((QuoteKind::Spot, None)),
        "reserved" => Ok((QuoteKind::Reserved, None)),
        "committed_1y" | "1y" => Ok((QuoteKind::Committed, Some("1y"))),
        "committed_3y" | "3y" => Ok((QuoteKind::Committed, Some("3y"))),
        _ => Err(Refusal::new(RefusalCode::UnknownKind, format!("the kind is {word:?}"))),
    }
}
