//! What use cases read from the durable truth: history, by number, newest first.
//!
//! The trait is the seam to `store`; everything in it blocks and runs off the workers ([`super::App::read`]).

use std::collections::BTreeSet;

use crate::exchange::entities::{Contract, Order, Trade, Transfer};
use crate::store::StoreError;
use crate::types::{ContractId, OrderId, OrganizationId, Price, ProductId, Symbol, Timestamp, TransferId};

/// A stretch of a list, newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slice {
    /// Only numbers below this one.
    pub before: Option<i64>,
    /// At most so many rows.
    pub limit: u32,
}

/// One row of the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalRow {
    /// Its place.
    pub sequence: i64,
    /// When it was sequenced.
    pub at: Timestamp,
    /// Who asked.
    pub actor: String,
    /// Under which request.
    pub request_id: String,
    /// The caller's key, if there was one.
    pub idempotency_key: Option<String>,
    /// What was asked, as canonical JSON.
    pub command: String,
    /// What came of it, as canonical JSON.
    pub outcome: String,
    /// The chain's hash up to here, in hex.
    pub hash: String,
}

/// An imported price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote {
    /// Its number.
    pub id: i64,
    /// Who said so.
    pub source: String,
    /// What kind of price it is.
    pub kind: String,
    /// The product it is of.
    pub product: Symbol,
    /// Where, if stated.
    pub region: Option<String>,
    /// When it held.
    pub observed_at: Timestamp,
    /// When it was fetched, if known.
    pub fetched_at: Option<Timestamp>,
    /// The price as its source writes it.
    pub raw_price: String,
    /// What the raw price is for.
    pub raw_unit: String,
    /// How many GPUs the raw price is for.
    pub raw_count: Option<u32>,
    /// The price per GPU-hour.
    pub price: Price,
    /// Whether it was old when it was fetched.
    pub stale: bool,
    /// Whether it lies far off its peers.
    pub outlier: bool,
}

/// Which quotes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct QuoteFilter {
    /// Of this product.
    pub product: Option<Symbol>,
    /// Of this source.
    pub source: Option<String>,
    /// Of this kind.
    pub kind: Option<String>,
    /// Observed at or after.
    pub from: Option<Timestamp>,
    /// Observed before.
    pub to: Option<Timestamp>,
}

/// What a read answers.
pub type Read<T> = Result<T, StoreError>;

/// The store as use cases see it.
pub trait Reads: Send + Sync {
    /// Returns an order as it stands.
    fn order(&self, order: OrderId) -> Read<Option<Order>>;
    /// Returns orders, of one organization or of all.
    fn orders(&self, of: Option<OrganizationId>, slice: Slice) -> Read<Vec<Order>>;
    /// Returns these orders.
    fn orders_numbered(&self, numbers: &BTreeSet<OrderId>) -> Read<Vec<Order>>;
    /// Returns the newest trades of an order.
    fn fills(&self, order: OrderId, limit: u32) -> Read<Vec<Trade>>;
    /// Returns the trades of a product.
    fn trades(&self, product: ProductId, slice: Slice) -> Read<Vec<Trade>>;
    /// Returns a contract as it stands.
    fn contract(&self, contract: ContractId) -> Read<Option<Contract>>;
    /// Returns contracts, of one organization or of all.
    fn contracts(&self, of: Option<OrganizationId>, slice: Slice) -> Read<Vec<Contract>>;
    /// Returns these contracts.
    fn contracts_numbered(&self, numbers: &BTreeSet<ContractId>) -> Read<Vec<Contract>>;
    /// Returns the contracts sold out of a contract.
    fn resales(&self, contract: ContractId) -> Read<Vec<Contract>>;
    /// Returns a transfer.
    fn transfer(&self, transfer: TransferId) -> Read<Option<Transfer>>;
    /// Returns the transfers to and from an organization, or all.
    fn transfers(&self, of: Option<OrganizationId>, slice: Slice) -> Read<Vec<Transfer>>;
    /// Returns journal rows.
    fn journal(&self, slice: Slice) -> Read<Vec<JournalRow>>;
    /// Returns the last sequence of the journal and its hash.
    fn head(&self) -> Read<(i64, String)>;
    /// Returns quotes.
    fn quotes(&self, filter: &QuoteFilter, slice: Slice) -> Read<Vec<Quote>>;
}
