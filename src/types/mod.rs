//! The words every layer shares: ids, money, time, windows and capacity as checked integers.
//!
//! Invariant: nothing here does I/O, reads a clock, uses a float or panics. Inside the program every
//! quantity is an integer in a newtype and is serialised as that integer; decimal strings and RFC 3339
//! exist only at the edges ([`Money::parse`], [`Timestamp::to_rfc3339`]).

pub mod attributes;
pub mod ids;
pub mod limits;
pub mod money;
pub mod slot;
pub mod steps;
pub mod tenor;
pub mod text;
pub mod time;

pub use attributes::{
    AccountKind, ContractStatus, Fault, FixOrigin, Funding, Interconnect, OrderReason, OrderStatus, OrganizationKind,
    ResaleForm, SelfTrade, Side, SlaClass, Source, Tier, TimeInForce,
};
pub use ids::{
    ContractId, FixId, Kind, ListingId, OrderId, OrganizationId, PassId, ProductId, PublicId, SiteId, TradeId,
    TransferId,
};
pub use money::{Money, Price, Turnover};
pub use slot::Slot;
pub use steps::Steps;
pub use tenor::Tenor;
pub use text::{Country, Region, Symbol, hex};
pub use time::{Minute, Timestamp, Window};

/// A checked operation left the range of its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the result is out of range")]
pub struct OutOfRange;
