//! Numbers the exchange hands out, and their outward face.
//!
//! Inside, everything is an `i64` counted per kind. Outside it is a UUIDv7 that is a pure function of
//! (created at, kind, number), so that it can be decoded without an index; whoever looks the number up
//! must compare the stored creation time and answer "not found" when it differs.

use serde::{Deserialize, Serialize};
use std::fmt;
use uuid::Uuid;

use super::Timestamp;

macro_rules! number {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(i64);

        impl $name {
            /// Wraps a number handed out by the exchange.
            pub const fn new(number: i64) -> Self {
                Self(number)
            }

            /// Returns the number.
            pub const fn number(self) -> i64 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

number! {
    /// An organization; 0 is the exchange itself.
    OrganizationId,
    /// A tradable specification.
    ProductId,
    /// A place where GPUs stand.
    SiteId,
    /// A provider's capacity.
    ListingId,
    /// An ask or a bid.
    OrderId,
    /// One fill between an ask and a bid.
    TradeId,
    /// What a trade created.
    ContractId,
    /// One movement of money.
    TransferId,
    /// One change of a contract's seller.
    PassId,
    /// One published fix of the index.
    FixId,
}

impl OrganizationId {
    /// The exchange itself: fees are its `available`, the outside world its `external`.
    pub const EXCHANGE: Self = Self(0);
}

/// What a [`PublicId`] names. The discriminants are part of every id ever given out: never change one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Kind {
    /// [`OrganizationId`]
    Organization = 1,
    /// [`ProductId`]
    Product = 2,
    /// [`SiteId`]
    Site = 3,
    /// [`ListingId`]
    Listing = 4,
    /// [`OrderId`]
    Order = 5,
    /// [`TradeId`]
    Trade = 6,
    /// [`ContractId`]
    Contract = 7,
    /// [`TransferId`]
    Transfer = 8,
}

impl Kind {
    /// Returns the number that stands for the kind in ids and tables.
    pub const fn code(self) -> u8 {
        match self {
            Kind::Organization => 1,
            Kind::Product => 2,
            Kind::Site => 3,
            Kind::Listing => 4,
            Kind::Order => 5,
            Kind::Trade => 6,
            Kind::Contract => 7,
            Kind::Transfer => 8,
        }
    }

    /// Returns the kind of a number, if it is one.
    pub const fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            1 => Kind::Organization,
            2 => Kind::Product,
            3 => Kind::Site,
            4 => Kind::Listing,
            5 => Kind::Order,
            6 => Kind::Trade,
            7 => Kind::Contract,
            8 => Kind::Transfer,
            _ => return None,
        })
    }
}

/// The decoded parts of an outward id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicId {
    /// When the thing was created.
    pub created_at: Timestamp,
    /// What it is.
    pub kind: Kind,
    /// Its number.
    pub number: i64,
}

const NUMBER_BITS: u128 = (1 << 62) - 1;

impl PublicId {
    /// Returns the UUIDv7: 48 bits of milliseconds, version, 12 bits of kind, variant, 62 bits of number.
    ///
    /// Times before 1970 and negative numbers do not occur; their low bits are taken.
    pub fn to_uuid(self) -> Uuid {
        let millis = u128::from(self.created_at.millis().unsigned_abs()) & ((1 << 48) - 1);
        let number = u128::from(self.number.unsigned_abs()) & NUMBER_BITS;
        Uuid::from_u128((millis << 80) | (7 << 76) | (u128::from(self.kind.code()) << 64) | (0b10 << 62) | number)
    }

    /// Returns the parts of an id made by [`PublicId::to_uuid`], or nothing for any other UUID.
    pub fn from_uuid(uuid: Uuid) -> Option<Self> {
        let bits = uuid.as_u128();
        let kind = u8::try_from((bits >> 64) & 0xfff).ok().and_then(Kind::from_code)?;
        let millis = i64::try_from(bits >> 80).ok()?;
        let id =
            Self { created_at: Timestamp::from_millis(millis), kind, number: i64::try_from(bits & NUMBER_BITS).ok()? };
        (id.to_uuid() == uuid).then_some(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_its_outward_face() {
        let id = PublicId { created_at: Timestamp::from_millis(1_795_000_123_456), kind: Kind::Contract, number: 42 };
        let uuid = id.to_uuid();
        assert_eq!(uuid.get_version_num(), 7);
        assert_eq!(PublicId::from_uuid(uuid), Some(id));
    }

    #[test]
    fn foreign_uuids_are_not_ids() {
        assert_eq!(PublicId::from_uuid(Uuid::nil()), None);
        assert_eq!(PublicId::from_uuid(Uuid::max()), None);
    }
}
