//! What a file gives: quotes, offers, and the rows that gave neither.

use super::{Format, UnknownWord};
use crate::types::{Country, Interconnect, Minute, Price, Region, SlaClass, Symbol, Timestamp};

words! {
    /// What a price is. Series of different kinds are never mixed.
    QuoteKind {
        /// What was paid.
        Trade = "trade",
        /// What a seller asks for capacity in particular.
        Ask = "ask",
        /// A posted rate without commitment.
        OnDemand = "on_demand",
        /// A rate for capacity that can be taken away.
        Spot = "spot",
        /// A rate for a commitment; the term says how long.
        Committed = "committed",
        /// A rate for capacity set aside.
        Reserved = "reserved",
        /// A figure computed from prices.
        Index = "index",
    }
    /// What a raw price buys for an hour.
    PriceUnit {
        /// One GPU.
        PerGpu = "per-gpu",
        /// A machine with `raw_count` GPUs.
        PerMachine = "per-machine",
        /// An offer of `raw_count` GPUs.
        PerOffer = "per-offer",
    }
    /// Why a row, or one price of it, was refused.
    RefusalCode {
        /// Not a record of this format.
        NotARecord = "not_a_record",
        /// More or fewer cells than the header.
        WrongColumns = "wrong_columns",
        /// Not UTF-8.
        BadEncoding = "bad_encoding",
        /// A machine without GPUs.
        NoGpu = "no_gpu",
        /// A GPU the table of names does not know.
        UnknownGpu = "unknown_gpu",
        /// The name fits GPUs of several memories and none is stated.
        MemoryNotStated = "memory_not_stated",
        /// The stated memory is not one the GPU comes with: a part of a GPU, a total, or a mistake.
        MemoryMismatch = "memory_mismatch",
        /// No number of GPUs where the price needs one, or one that is not a positive whole number.
        InvalidCount = "invalid_count",
        /// Two statements of the number of GPUs disagree.
        AmbiguousCount = "ambiguous_count",
        /// No price.
        NoPrice = "no_price",
        /// A price to be asked for.
        PriceOnRequest = "price_on_request",
        /// A price that is not a decimal number.
        NotAPrice = "not_a_price",
        /// A price of zero or less.
        PriceNotPositive = "price_not_positive",
        /// A price beyond the exchange's range.
        OutOfRange = "out_of_range",
        /// A kind of price that is not known.
        UnknownKind = "unknown_kind",
        /// Billed by the second of use, not by the hour of rent.
        Serverless = "serverless",
        /// No time of observation, or an unreadable one.
        NoTime = "no_time",
        /// An offer that does not say how many GPUs there are, and no assumption was allowed.
        NoQuantity = "no_quantity",
        /// An offer that does not say until when, and no assumption was allowed.
        NoEnd = "no_end",
        /// An offer whose window has passed.
        Ended = "ended",
        /// An assumed number of GPUs smaller than what the offer sells at once.
        QuantityBelowLot = "quantity_below_lot",
    }
}

/// One observed price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote {
    /// Who observed whose price, such as `vast` or `gpurentalprices/runpod`.
    pub source: String,
    /// What the price is.
    pub kind: QuoteKind,
    /// The variant within the kind that makes a series of its own: `1y`, `3y`, `secure`, `community`.
    pub term: Option<String>,
    /// Of what.
    pub product: Symbol,
    /// Where, as the source writes it.
    pub region: Option<String>,
    /// When the price stood.
    pub observed_at: Timestamp,
    /// When the file was made or fetched, if known.
    pub fetched_at: Option<Timestamp>,
    /// The price as written.
    pub raw_price: String,
    /// What the price as written buys.
    pub raw_unit: PriceUnit,
    /// GPUs in what it buys, where the source says so.
    pub raw_count: Option<u32>,
    /// Per GPU-hour, half up to the micro-dollar.
    pub price: Price,
    /// Whether the source itself calls it out of date.
    pub stale: bool,
    /// Whether it lies far off its like ([`super::outlier`]'s rule); kept, but not averaged.
    pub outlier: bool,
    /// What the source says beside it: its own word for the kind, the machine type.
    pub note: String,
    /// Equal for equal observations: a text of everything that makes the observation.
    pub content_key: String,
}

/// Capacity somebody offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The row it came from.
    pub row: u64,
    /// Who.
    pub provider: String,
    /// The place, unique within the provider.
    pub site: String,
    /// What.
    pub product: Symbol,
    /// Where, if stated.
    pub region: Option<Region>,
    /// Where, if stated.
    pub country: Option<Country>,
    /// How many GPUs, if stated.
    pub gpus: Option<u32>,
    /// From when, if stated.
    pub start: Option<Minute>,
    /// Until when, if stated.
    pub end: Option<Minute>,
    /// Per GPU-hour.
    pub price: Price,
    /// GPUs are sold in multiples of it.
    pub lot: u32,
    /// GPUs in one machine, if stated.
    pub gpus_per_node: Option<u32>,
    /// Wiring; no source here states it.
    pub interconnect: Interconnect,
    /// A promise no better than one class below what the source measured.
    pub sla_class: SlaClass,
    /// The offer's name at its source, unique within it.
    pub external_id: String,
}

impl Offer {
    /// Returns the offer behind a posted rate: neither quantity nor window nor promise is stated.
    pub(super) fn posted(
        row: u64,
        provider: &str,
        site: Option<&str>,
        product: Symbol,
        price: Price,
        lot: u32,
    ) -> Self {
        Self {
            row,
            provider: provider.to_owned(),
            site: site.unwrap_or("cloud").to_owned(),
            external_id: String::new(),
            product,
            region: None,
            country: None,
            gpus: None,
            start: None,
            end: None,
            price,
            lot,
            gpus_per_node: None,
            interconnect: Interconnect::Unspecified,
            sla_class: SlaClass::None,
        }
    }
}

/// Why something was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {detail}")]
pub struct Refusal {
    /// The reason.
    pub code: RefusalCode,
    /// The reason in words, with what was found.
    pub detail: String,
}

impl Refusal {
    pub(super) fn new(code: RefusalCode, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into() }
    }
}

/// A row, or one price of it, that did not go in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The line of a CSV file, the position in a JSON list; from 1.
    pub row: u64,
    /// Why.
    pub refusal: Refusal,
    /// The row as it stood, cut to 1,000 characters.
    pub raw: String,
}

/// What a file gave.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Imported {
    /// The prices.
    pub quotes: Vec<Quote>,
    /// The capacity.
    pub offers: Vec<Offer>,
    /// What did not go in, in the order of the file.
    pub refused: Vec<Refused>,
    /// Rows read.
    pub rows: u64,
    /// Offers that overlapped a larger one of the same machine and became one with it.
    pub merged: u64,
    /// Prices equal to an earlier one of the file in every respect.
    pub repeated: u64,
}

/// Nothing of a file can be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// Neither whole nor in its header UTF-8.
    #[error("the file is not UTF-8 text")]
    NotUtf8,
    /// Not JSON of the expected form.
    #[error("the file is not a {format} file: {detail}")]
    NotTheFormat {
        /// The format asked for.
        format: Format,
        /// What the parser said.
        detail: String,
    },
    /// A needed column is absent or there twice.
    #[error("the header must have the column {0:?} exactly once")]
    MissingColumn(String),
    /// A setting the format needs was not given.
    #[error("this format needs {0}")]
    MissingOption(&'static str),
    /// Neither the file nor the user says when the prices stood.
    #[error("neither the file nor the options say when it was fetched")]
    NoTime,
}
