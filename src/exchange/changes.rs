//! What a batch of commands changed, for the store and the view.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::delivery::{Delivery, Standing};
use super::entities::{
    ClientOrder, Contract, Counters, Listing, Order, Organization, Pass, Product, Purse, RememberedKey, Site, Tape,
    Trade, Transfer,
};
use super::event::{Event, Made};
use super::fixes::PublishedFix;
use super::terms::ContractTerms;
use crate::types::{ContractId, ListingId, Money, OrderId, OrganizationId, Price, ProductId, SiteId};

/// What one accepted command did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// What happened, in order.
    pub events: Vec<Event>,
    /// What the command made, or what the first request made if this is a repeat.
    pub made: Made,
    /// Whether this repeats an earlier request and changed nothing.
    pub replayed: bool,
    /// The order the command placed, amended or cancelled, as it stands after it.
    pub order: Option<Arc<Order>>,
}

/// What an order would do if it were placed next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// The fills it would make: resting order, GPUs, price.
    pub fills: Vec<(OrderId, u32, Price)>,
    /// The mean price over its fills weighted by GPU-minutes.
    pub average_price: Option<Price>,
    /// What would be set aside for it at once, before it trades: a bid's worst case, an ask's bond.
    pub hold: Money,
    /// How it would stand afterwards.
    pub order: Order,
}

/// Everything a batch changed. Append-only things come once; the rest as it stands at the end of the batch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changes {
    /// Orders accepted, as they stood before they traded, by number.
    pub placed: Vec<Arc<Order>>,
    /// Trades made, by number.
    pub trades: Vec<Arc<Trade>>,
    /// Contracts made, as they stood when made, by number.
    pub contracted: Vec<Arc<Contract>>,
    /// Contracts that passed to another seller, by number: one may pass more than once.
    pub passed: Vec<Pass>,
    /// Fixes of the index published, by number.
    pub fixes: Vec<PublishedFix>,
    /// Money moved, by number.
    pub transfers: Vec<Transfer>,
    /// Orders touched (ended ones included).
    pub orders: BTreeMap<OrderId, Arc<Order>>,
    /// Contracts touched (ended ones included).
    pub contracts: BTreeMap<ContractId, Arc<Contract>>,
    /// Deliveries touched (finished ones included).
    pub deliveries: BTreeMap<ContractId, Standing>,
    /// Terms published, by version.
    pub terms: BTreeMap<u32, ContractTerms>,
    /// Organizations touched.
    pub organizations: BTreeMap<OrganizationId, Organization>,
    /// Products touched.
    pub products: BTreeMap<ProductId, Product>,
    /// Sites touched.
    pub sites: BTreeMap<SiteId, Site>,
    /// Listings touched.
    pub listings: BTreeMap<ListingId, Listing>,
    /// Purses touched.
    pub purses: BTreeMap<OrganizationId, Purse>,
    /// Tapes touched.
    pub tapes: BTreeMap<ProductId, Tape>,
    /// Idempotency keys remembered, or forgotten (`None`), by (actor, key).
    pub keys: BTreeMap<(String, String), Option<RememberedKey>>,
    /// The clock and the next numbers.
    pub counters: Counters,
    /// The digest of the whole state.
    pub digest: u128,
}

/// The whole state, as the store gives it back after a restart.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Snapshot {
    /// The clock and the next numbers.
    pub counters: Counters,
    /// All of them.
    pub organizations: Vec<Organization>,
    /// All of them.
    pub products: Vec<Product>,
    /// All of them.
    pub sites: Vec<Site>,
    /// All of them.
    pub listings: Vec<Listing>,
    /// The open ones.
    pub orders: Vec<Arc<Order>>,
    /// The live ones.
    pub contracts: Vec<Arc<Contract>>,
    /// Those that ended and are not settled.
    pub unsettled: Vec<Arc<Contract>>,
    /// Those with open slots, by contract.
    pub deliveries: Vec<(ContractId, Arc<Delivery>)>,
    /// All of them, by version.
    pub terms: Vec<(u32, ContractTerms)>,
    /// All of them.
    pub purses: Vec<(OrganizationId, Purse)>,
    /// All of them.
    pub tapes: Vec<(ProductId, Tape)>,
    /// Those of open orders and of orders placed in the last 7 days of exchange time, by (organization, id).
    pub client_orders: Vec<((OrganizationId, String), ClientOrder)>,
    /// The remembered ones, by (actor, key).
    pub keys: Vec<((String, String), RememberedKey)>,
}
