//! Scalars as they look on the wire: decimal strings, RFC 3339 times and UUIDs.
//!
//! Inside, the same quantities are integers ([`crate::types`]); these wrappers exist only in bodies, queries and
//! answers, each with its one textual form, its error message and its schema.

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::{Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, schema::Type};
use utoipa::{PartialSchema, ToSchema};
use uuid::Uuid;

use crate::app::AppError;
use crate::market::Ratio;
use crate::types::limits::BPS_WHOLE;
use crate::types::{
    ContractStatus, Funding, Interconnect, Kind, Minute, Money, OrderReason, OrderStatus, OrganizationKind, Price,
    PublicId, ResaleForm, SelfTrade, Side, SlaClass, Tier, TimeInForce, Timestamp,
};

macro_rules! scalar {
    ($($(#[$doc:meta])* $name:ident($inner:ty) {
        parse: $parse:expr, show: $show:expr, format: $format:expr, pattern: $pattern:expr, example: $example:literal,
    })+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub struct $name(pub $inner);

        impl FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                let parse: fn(&str) -> Result<$inner, String> = $parse;
                parse(text).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let show: fn($inner) -> String = $show;
                serializer.serialize_str(&show(self.0))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(FromText(std::marker::PhantomData))
            }
        }

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let format: Option<&str> = $format;
                let pattern: Option<&str> = $pattern;
                ObjectBuilder::new()
                    .schema_type(Type::String)
                    .format(format.map(|format| utoipa::openapi::SchemaFormat::Custom(format.to_owned())))
                    .pattern(pattern)
                    .examples([$example])
                    .into()
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed(stringify!($name))
            }
        }
    )+};
}

/// Millionths in a basis point.
const MICROS_PER_BPS: i64 = 100;
const DECIMAL: &str = r"^-?[0-9]{1,13}(\.[0-9]{1,6})?$";

scalar! {
    /// An amount of USD.
    Usd(Money) {
        parse: |text| Money::parse(text).map_err(|error| error.to_string()),
        show: |money| money.to_string(),
        format: None,
        pattern: Some(DECIMAL),
        example: "1.94",
    }
    /// A price in USD per GPU-hour.
    UsdPerHour(Price) {
        parse: |text| Price::parse(text).map_err(|error| error.to_string()),
        show: |price| price.to_string(),
        format: None,
        pattern: Some(DECIMAL),
        example: "1.94",
    }
    /// When something happened.
    Instant(Timestamp) {
        parse: |text| Timestamp::parse(text).map_err(|error| error.to_string()),
        show: |time| time.to_rfc3339(),
        format: Some("date-time"),
        pattern: Some(r"Z$"),
        example: "2026-12-01T00:00:00Z",
    }
    /// A delivery time: a whole minute.
    DeliveryTime(Minute) {
        parse: |text| Minute::parse(text).map_err(|error| error.to_string()),
        show: |minute| minute.to_rfc3339(),
        format: Some("date-time"),
        pattern: Some(r":00(\.0+)?Z$"),
        example: "2026-12-01T00:00:00Z",
    }
    /// The outward face of a thing.
    Id(Uuid) {
        parse: |text| Uuid::try_parse(text).map_err(|_| "must be a UUID".to_owned()),
        show: |uuid| uuid.to_string(),
        format: Some("uuid"),
        pattern: None,
        example: "019a0d2e-7c00-7004-8000-000000000001",
    }
    /// A share from 0 to 1 with at most four decimals, in basis points.
    Share(u32) {
        parse: parse_share,
        show: |bps| Ratio::of(i128::from(bps), i128::from(BPS_WHOLE)).map(|ratio| ratio.to_string()).unwrap_or_default(),
        format: None,
        pattern: Some(r"^(0(\.[0-9]{1,4})?|1(\.0{1,4})?)$"),
        example: "0.985",
    }
    /// A decimal number with at most three decimals, in thousandths.
    Milli(i64) {
        parse: parse_milli,
        show: show_milli,
        format: None,
        pattern: Some(r"^[0-9]{1,9}(\.[0-9]{1,3})?$"),
        example: "1.2",
    }
}

/// Reads a share as basis points.
fn parse_share(text: &str) -> Result<u32, String> {
    let micros = Money::parse(text).map(Money::micros).ok();
    let bps = micros.filter(|micros| micros % MICROS_PER_BPS == 0).map(|micros| micros / MICROS_PER_BPS);
    let bps = bps.and_then(|bps| u32::try_from(bps).ok()).filter(|bps| *bps <= BPS_WHOLE);
    bps.ok_or_else(|| "must be a decimal string from 0 to 1 with at most 4 decimals, such as \"0.985\"".to_owned())
}

impl Id {
    /// Returns what the id names if it is of this kind; anything else does not exist.
    ///
    /// # Errors
    /// [`AppError::NotFound`].
    pub fn of(self, kind: Kind) -> Result<PublicId, AppError> {
        PublicId::from_uuid(self.0).filter(|id| id.kind == kind).ok_or(AppError::NotFound)
    }
}

impl From<PublicId> for Id {
    fn from(id: PublicId) -> Self {
        Self(id.to_uuid())
    }
}

/// A whole number that may be written as text, as it is in a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Whole(pub i64);

impl FromStr for Whole {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|_| digits).map(Self).ok_or_else(|| "must be a whole number".to_owned())
    }
}

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(FromText(std::marker::PhantomData))
    }
}

struct FromText<T>(std::marker::PhantomData<T>);

impl<T: FromStr<Err = String>> Visitor<'_> for FromText<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
}

fn parse_milli(text: &str) -> Result<i64, String> {
    let wrong = || "must be a decimal string with at most 3 decimals, such as \"1.2\"".to_owned();
    let micros = Money::parse(text).map_err(|_| wrong())?.micros();
    let whole = micros.rem_euclid(1_000) == 0 && (0..=1_000_000_000_000_000).contains(&micros);
    if whole { Ok(micros.div_euclid(1_000)) } else { Err(wrong()) }
}

fn show_milli(milli: i64) -> String {
    let text = format!("{}.{:03}", milli.div_euclid(1_000), milli.rem_euclid(1_000));
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

macro_rules! words {
    ($($name:ident)+) => {$(
        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let words = Self::ALL.iter().map(|word| word.as_str());
                ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words)).into()
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed(stringify!($name))
            }
        }
    )+};
}

words! {
    ContractStatus Funding Interconnect OrderReason OrderStatus OrganizationKind ResaleForm SelfTrade Side SlaClass Tier TimeInForce
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_have_one_textual_form() {
        let price: UsdPerHour = serde_json::from_str("\"1.940\"").unwrap();
        assert_eq!(serde_json::to_string(&price).unwrap(), "\"1.94\"");
        let time: DeliveryTime = serde_json::from_str("\"2026-12-01T00:01:00Z\"").unwrap();
        assert_eq!(serde_json::to_string(&time).unwrap(), "\"2026-12-01T00:01:00Z\"");
        let milli: Milli = serde_json::from_str("\"1.25\"").unwrap();
        assert_eq!((milli.0, serde_json::to_string(&milli).unwrap()), (1_250, "\"1.25\"".to_owned()));
        assert_eq!(serde_json::to_string(&Milli(2_000)).unwrap(), "\"2\"");
    }

    #[test]
    fn numbers_are_not_money() {
        let error = serde_json::from_str::<Usd>("1.94").unwrap_err().to_string();
        assert!(error.contains("expected a string"), "{error}");
        assert!(serde_json::from_str::<Usd>("\"1.9400001\"").is_err());
        assert!(serde_json::from_str::<DeliveryTime>("\"2026-12-01T00:01:30Z\"").is_err());
        assert!(serde_json::from_str::<Milli>("\"-1\"").is_err());
        assert!(serde_json::from_str::<Whole>("\"-1\"").is_err());
        assert!(serde_json::from_str::<Whole>("\"1_0\"").is_err());
    }

    #[test]
    fn an_id_of_another_kind_is_not_found() {
        let site = PublicId { created_at: Timestamp::from_millis(1_795_000_000_000), kind: Kind::Site, number: 3 };
        assert!(Id::from(site).of(Kind::Site).is_ok());
        assert!(matches!(Id::from(site).of(Kind::Listing), Err(AppError::NotFound)));
        assert!(matches!(Id(Uuid::nil()).of(Kind::Site), Err(AppError::NotFound)));
    }
}
