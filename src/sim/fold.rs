//! The state that committed batches add up to, as a store keeps it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::exchange::delivery::Delivery;
use crate::exchange::entities::{
    ClientOrder, Contract, Counters, Listing, Order, Organization, Product, Purse, RememberedKey, Site, Tape,
};
use crate::exchange::terms::ContractTerms;
use crate::exchange::{Changes, Snapshot};
use crate::store::{Batch, Recovered};
use crate::types::limits::CLIENT_ORDER_ID_MS;
use crate::types::{ContractId, ListingId, OrderId, OrganizationId, ProductId, SiteId, Source, Steps, Timestamp};

/// What the batches so far add up to; traders look at it as at public market data.
#[derive(Debug, Default)]
pub(super) struct Fold {
    pub(super) organizations: BTreeMap<OrganizationId, Organization>,
    pub(super) products: BTreeMap<ProductId, Product>,
    pub(super) sites: BTreeMap<SiteId, Site>,
    pub(super) listings: BTreeMap<ListingId, Listing>,
    /// The open ones.
    pub(super) orders: BTreeMap<OrderId, Arc<Order>>,
    /// The live ones.
    pub(super) contracts: BTreeMap<ContractId, Arc<Contract>>,
    /// Those that ended and are not settled.
    pub(super) unsettled: BTreeMap<ContractId, Arc<Contract>>,
    /// Those with open slots.
    pub(super) deliveries: BTreeMap<ContractId, Arc<Delivery>>,
    pub(super) terms: BTreeMap<u32, ContractTerms>,
    pub(super) purses: BTreeMap<OrganizationId, Purse>,
    tapes: BTreeMap<ProductId, Tape>,
    client_orders: BTreeMap<(OrganizationId, String), ClientOrder>,
    keys: BTreeMap<(String, String), RememberedKey>,
    pub(super) counters: Counters,
    pub(super) digest: Option<u128>,
    pub(super) sequence: i64,
    pub(super) hash: [u8; 32],
    last_at: Timestamp,
}

impl Fold {
    /// Adds a batch.
    pub(super) fn add(&mut self, batch: &Batch) {
        let Some(last) = batch.journal.last() else { return };
        (self.sequence, self.hash, self.last_at) = (last.sequence, last.hash, last.at);
        let changes = &batch.changes;
        self.digest = Some(changes.digest);
        self.counters = changes.counters;
        self.add_market(changes);
        self.organizations.extend(changes.organizations.iter().map(|(id, row)| (*id, row.clone())));
        self.purses.extend(&changes.purses);
        self.tapes.extend(&changes.tapes);
        for order in &changes.placed {
            if let (Some(id), Some(fingerprint)) = (&order.client_order_id, order.fingerprint) {
                let named = ClientOrder { order: order.id, fingerprint, placed_at: order.placed_at, ended: false };
                self.client_orders.insert((order.organization, id.clone()), named);
            }
        }
        for order in changes.orders.values().filter(|order| !order.status.is_open()) {
            let key = order.client_order_id.clone().map(|id| (order.organization, id));
            if let Some(named) = key.and_then(|key| self.client_orders.get_mut(&key)) {
                named.ended = true;
            }
        }
        for (key, row) in &changes.keys {
            match row {
                Some(row) => drop(self.keys.insert(key.clone(), row.clone())),
                None => drop(self.keys.remove(key)),
            }
        }
    }

    fn add_market(&mut self, changes: &Changes) {
        self.products.extend(changes.products.iter().map(|(id, row)| (*id, row.clone())));
        self.sites.extend(changes.sites.iter().map(|(id, row)| (*id, row.clone())));
        self.listings.extend(changes.listings.iter().map(|(id, row)| (*id, row.clone())));
        for (id, order) in &changes.orders {
            if order.status.is_open() {
                self.orders.insert(*id, Arc::clone(order));
            } else {
                self.orders.remove(id);
            }
        }
        self.terms.extend(changes.terms.iter().map(|(version, row)| (*version, row.clone())));
        for (id, standing) in &changes.deliveries {
            match standing.open {
                true => drop(self.deliveries.insert(*id, Arc::clone(&standing.delivery))),
                false => drop(self.deliveries.remove(id)),
            }
        }
        for (id, contract) in &changes.contracts {
            self.unsettled.remove(id);
            if !contract.status.is_live() && self.deliveries.contains_key(id) {
                self.unsettled.insert(*id, Arc::clone(contract));
            }
            if contract.status.is_live() {
                self.contracts.insert(*id, Arc::clone(contract));
            } else {
                self.contracts.remove(id);
            }
        }
    }

    /// Returns what a restart begins with.
    pub(super) fn recovered(&self) -> Recovered {
        let since = self.counters.now.plus_millis(CLIENT_ORDER_ID_MS.saturating_neg());
        let remembered = |row: &ClientOrder| !row.ended || row.placed_at > since;
        let client_orders = self.client_orders.iter().filter(|(_, row)| remembered(row));
        let snapshot = Snapshot {
            counters: self.counters,
            organizations: self.organizations.values().cloned().collect(),
            products: self.products.values().cloned().collect(),
            sites: self.sites.values().cloned().collect(),
            listings: self.listings.values().cloned().collect(),
            orders: self.orders.values().cloned().collect(),
            contracts: self.contracts.values().cloned().collect(),
            unsettled: self.unsettled.values().cloned().collect(),
            deliveries: self.deliveries.iter().map(|(id, row)| (*id, Arc::clone(row))).collect(),
            terms: self.terms.iter().map(|(version, row)| (*version, row.clone())).collect(),
            purses: self.purses.iter().map(|(id, row)| (*id, *row)).collect(),
            tapes: self.tapes.iter().map(|(id, row)| (*id, *row)).collect(),
            client_orders: client_orders.map(|(key, row)| (key.clone(), row.clone())).collect(),
            keys: self.keys.iter().map(|(key, row)| (key.clone(), row.clone())).collect(),
        };
        Recovered { snapshot, sequence: self.sequence, hash: self.hash, digest: self.digest, last_at: self.last_at }
    }

    /// Returns the GPUs sold or resting out of a source, per minute.
    pub(super) fn used(&self, source: Source) -> Steps {
        let mut used = Steps::new();
        // Sums far below the range: a listing has at most some dozens of GPUs.
        for contract in self.contracts.values().filter(|row| row.source == source) {
            used.add(contract.window, contract.gpus).unwrap_or_default();
        }
        for ask in self.orders.values().filter(|row| row.source == Some(source)) {
            let free = ask.sold.complement(ask.window, ask.gpus).unwrap_or_default();
            used.add_steps(&free).unwrap_or_default();
        }
        used
    }
}
