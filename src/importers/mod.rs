//! Real-world offer catalogues and price series, read into quotes and offers.
//!
//! Owns what foreign files mean: one module per format, one table of GPU names ([`alias`]), one rule for
//! outliers ([`outlier`]) and the way from offers to listings ([`plan`]).
//!
//! Invariants: bytes in, values out; no clock, no I/O, no float. Prices are exact decimals until they are
//! divided, once, half up to the micro-dollar. What a row does not state is never guessed: the row is refused
//! with its reason, counted and listed, and the rest of the file goes in. A [`Quote::content_key`] depends on
//! what was observed alone, so that a file imported twice, or under another name, adds nothing.

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal,)+ })+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant,)+ }

        impl $name {
            /// Every value, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Returns the one spelling of the value.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = UnknownWord;

            fn from_str(text: &str) -> Result<Self, UnknownWord> {
                let known = Self::ALL.iter().find(|value| value.as_str() == text);
                known.copied().ok_or_else(|| UnknownWord {
                    word: text.to_owned(),
                    known: Self::ALL.iter().map(|value| value.as_str()).collect::<Vec<_>>().join(", "),
                })
            }
        }
    )+};
}

pub mod alias;
mod batch;
pub mod bundled;
mod decimal;
mod gcp_series;
mod gpurentalprices;
mod instant;
mod json;
mod mapped;
pub mod outlier;
mod place;
pub mod plan;
mod press;
mod quote;
pub mod series;
mod skypilot;
mod table;
#[cfg(test)]
mod tests;
mod vast;

pub use mapped::{CsvMapping, NotMapping};
pub use quote::{ImportError, Imported, Offer, PriceUnit, Quote, QuoteKind, Refusal, RefusalCode, Refused};

use crate::types::Timestamp;

/// A word is none of those a setting knows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{word:?} is none of {known}")]
pub struct UnknownWord {
    /// What was written.
    pub word: String,
    /// What could have been.
    pub known: String,
}

words! {
    /// What a file is.
    Format {
        /// A JSON snapshot of gpurentalprices.com.
        Gpurentalprices = "gpurentalprices",
        /// Vast.ai offers: the archived JSON answers, or the filtered CSV files made of them.
        Vast = "vast",
        /// A SkyPilot catalogue of machines.
        Skypilot = "skypilot",
        /// Any CSV file, by a mapping of its columns.
        Csv = "csv",
        /// The price series of Google Cloud GPU machines.
        GcpSeries = "gcp-series",
        /// Prices quoted in the press.
        Press = "press",
    }
}

/// What the user says about a file.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Which column means what; needed for [`Format::Csv`] and ignored by the others.
    pub csv: Option<CsvMapping>,
    /// What a price buys; needed for [`Format::Csv`] and ignored by the others.
    pub price_unit: Option<PriceUnit>,
    /// When the file was fetched. It dates the prices of a file that states no time itself.
    pub fetched_at: Option<Timestamp>,
    /// Whose prices they are, where the file does not say; otherwise taken from the file's name.
    pub provider: Option<String>,
}

/// Reads a file.
///
/// # Errors
/// [`ImportError`] when nothing of the file can be read as this format. Rows that cannot be read are no
/// error: they are in [`Imported::refused`].
pub fn import(format: Format, file_name: &str, bytes: &[u8], options: &Options) -> Result<Imported, ImportError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut imported = match format {
        Format::Gpurentalprices => gpurentalprices::read(bytes),
        Format::Vast => vast::read(bytes, options),
        Format::Skypilot => skypilot::read(file_name, bytes, options),
        Format::Csv => mapped::read(file_name, bytes, options),
        Format::GcpSeries => gcp_series::read(bytes, options),
        Format::Press => press::read(bytes, options),
    }?;
    outlier::flag(&mut imported.quotes);
    Ok(imported)
}
