//! Words of queries about the market.

use serde::de::{Deserialize, Deserializer, Error};
use std::borrow::Cow;
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, schema::Type};
use utoipa::{PartialSchema, ToSchema};

use crate::app::analytics::depth::Strip;
use crate::market::oversupply::HORIZONS;
use crate::market::{Interval, Tenor};

const FORMATS: [&str; 2] = ["json", "csv"];
const MARKETS: [&str; 2] = ["primary", "resale"];
const PER: [&str; 1] = ["hour"];

macro_rules! query_word {
    ($($(#[$doc:meta])* $name:ident($inner:ty) { parse: $parse:expr, words: $words:expr, })+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct $name(pub $inner);

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = Cow::<'de, str>::deserialize(deserializer)?;
                let parse: fn(&str) -> Option<$inner> = $parse;
                let expected = || D::Error::custom(format!("must be one of {}", $words.join(", ")));
                parse(&text).map(Self).ok_or_else(expected)
            }
        }

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                ObjectBuilder::new().schema_type(Type::String).enum_values(Some($words)).into()
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed(stringify!($name))
            }
        }
    )+};
}

query_word! {
    /// How long a rental is.
    TenorWord(Tenor) {
        parse: Tenor::parse,
        words: Tenor::ALL.map(Tenor::as_str),
    }
    /// How long a candle is.
    IntervalWord(Interval) {
        parse: Interval::parse,
        words: Interval::ALL.map(Interval::as_str),
    }
    /// A file for spreadsheets (true) or JSON.
    FormatWord(bool) {
        parse: |text| FORMATS.contains(&text).then_some(text == "csv"),
        words: FORMATS,
    }
    /// Sales out of listings (true) or out of contracts.
    MarketWord(bool) {
        parse: |text| MARKETS.contains(&text).then_some(text == "primary"),
        words: MARKETS,
    }
    /// A standard window.
    StripWord(Strip) {
        parse: Strip::parse,
        words: Strip::ALL.map(Strip::as_str),
    }
    /// Days back and ahead.
    HorizonWord(u32) {
        parse: |text| HORIZONS.into_iter().find(|days| days.to_string() == text),
        words: HORIZONS.map(|days| days.to_string()),
    }
    /// Also by the hour.
    PerWord(()) {
        parse: |text| PER.contains(&text).then_some(()),
        words: PER,
    }
}
