//! The state as the store would keep it: what the batches changed, added up.

use std::collections::BTreeMap;
use std::sync::Arc;

use gpubourse::exchange::delivery::Delivery;
use gpubourse::exchange::entities::{
    Contract, Counters, Listing, Order, Organization, Product, Purse, RememberedKey, Site, Tape, Trade, Transfer,
};
use gpubourse::exchange::terms::ContractTerms;
use gpubourse::exchange::{Changes, Event, Snapshot};
use gpubourse::types::{ContractId, ListingId, OrderId, OrganizationId, ProductId, SiteId};

use super::auditor::{Rule, Violation, check};

/// What the batches so far add up to.
#[derive(Default)]
pub struct Fold {
    organizations: BTreeMap<OrganizationId, Organization>,
    products: BTreeMap<ProductId, Product>,
    sites: BTreeMap<SiteId, Site>,
    listings: BTreeMap<ListingId, Listing>,
    orders: BTreeMap<OrderId, Arc<Order>>,
    contracts: BTreeMap<ContractId, Arc<Contract>>,
    deliveries: BTreeMap<ContractId, Arc<Delivery>>,
    terms: BTreeMap<u32, ContractTerms>,
    purses: BTreeMap<OrganizationId, Purse>,
    tapes: BTreeMap<ProductId, Tape>,
    keys: BTreeMap<(String, String), RememberedKey>,
    counters: Counters,
    pub digest: u128,
    /// What the events of the batch at hand say was added.
    placed: Vec<Arc<Order>>,
    trades: Vec<Arc<Trade>>,
    transfers: Vec<Transfer>,
}

impl Fold {
    /// Notes what the next batch must bring.
    pub fn expect(&mut self, events: &[Event]) {
        for event in events {
            match event {
                Event::OrderPlaced { order } => self.placed.push(Arc::clone(order)),
                Event::Traded { trade, .. } => self.trades.push(Arc::clone(trade)),
                Event::Transferred { transfer } => self.transfers.push(transfer.clone()),
                _ => {}
            }
        }
    }

    /// Adds a batch.
    pub fn take(&mut self, changes: Changes) -> Result<(), Violation> {
        let differ = |what| move || format!("{what} of a batch are not those of its events");
        check(std::mem::take(&mut self.placed) == changes.placed, Rule::Disagreement, differ("orders"))?;
        check(std::mem::take(&mut self.trades) == changes.trades, Rule::Disagreement, differ("trades"))?;
        check(std::mem::take(&mut self.transfers) == changes.transfers, Rule::Disagreement, differ("transfers"))?;
        self.organizations.extend(changes.organizations);
        self.products.extend(changes.products);
        self.sites.extend(changes.sites);
        self.listings.extend(changes.listings);
        self.purses.extend(changes.purses);
        self.tapes.extend(changes.tapes);
        self.orders.extend(changes.orders);
        self.orders.retain(|_, order| order.status.is_open());
        self.contracts.extend(changes.contracts);
        self.terms.extend(changes.terms);
        self.deliveries.extend(changes.deliveries.iter().map(|(id, row)| (*id, Arc::clone(&row.delivery))));
        self.deliveries.retain(|id, _| changes.deliveries.get(id).is_none_or(|row| row.open));
        let deliveries = &self.deliveries;
        self.contracts.retain(|id, contract| contract.status.is_live() || deliveries.contains_key(id));
        for (key, row) in changes.keys {
            match row {
                Some(row) => drop(self.keys.insert(key, row)),
                None => drop(self.keys.remove(&key)),
            }
        }
        self.counters = changes.counters;
        self.digest = changes.digest;
        Ok(())
    }

    /// Compares the sum with the state itself; client order ids follow from the orders and are the store's to keep.
    pub fn compare(self, state: &Snapshot) -> Result<(), Violation> {
        let (contracts, unsettled) = self.contracts.into_values().partition(|row| row.status.is_live());
        let sum = Snapshot {
            counters: self.counters,
            organizations: self.organizations.into_values().collect(),
            products: self.products.into_values().collect(),
            sites: self.sites.into_values().collect(),
            listings: self.listings.into_values().collect(),
            orders: self.orders.into_values().collect(),
            contracts,
            unsettled,
            deliveries: self.deliveries.into_iter().collect(),
            terms: self.terms.into_iter().collect(),
            purses: self.purses.into_iter().collect(),
            tapes: self.tapes.into_iter().collect(),
            client_orders: state.client_orders.clone(),
            keys: self.keys.into_iter().collect(),
        };
        check(sum == *state, Rule::Disagreement, || format!("batches add up to {sum:#?}, the state is {state:#?}"))
    }
}
