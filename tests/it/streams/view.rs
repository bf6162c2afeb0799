//! What anybody can see of an exchange: its entities, without how it keeps them.

use gpubourse::exchange::Exchange;
use gpubourse::exchange::Snapshot;
use gpubourse::exchange::book::Book;
use gpubourse::exchange::entities::{Contract, Counters, Listing, Order, Organization, Product, Purse, Site};
use gpubourse::types::{ContractId, ListingId, Minute, OrderId, OrganizationId, ProductId, SiteId, Source, Steps};

/// The entities of an exchange, or of a snapshot of one.
pub struct View<'a> {
    pub counters: Counters,
    pub organizations: Vec<&'a Organization>,
    pub products: Vec<&'a Product>,
    pub sites: Vec<&'a Site>,
    pub listings: Vec<&'a Listing>,
    /// The open ones.
    pub orders: Vec<&'a Order>,
    /// The live ones.
    pub contracts: Vec<&'a Contract>,
    pub purses: Vec<(OrganizationId, &'a Purse)>,
}

impl<'a> View<'a> {
    pub fn of<B: Book>(exchange: &'a Exchange<B>) -> Self {
        Self {
            counters: *exchange.counters(),
            organizations: exchange.organizations().collect(),
            products: exchange.products().collect(),
            sites: exchange.sites().collect(),
            listings: exchange.listings().collect(),
            orders: exchange.orders().collect(),
            contracts: exchange.contracts().collect(),
            purses: exchange.purses().collect(),
        }
    }

    pub fn of_snapshot(snapshot: &'a Snapshot) -> Self {
        Self {
            counters: snapshot.counters,
            organizations: snapshot.organizations.iter().collect(),
            products: snapshot.products.iter().collect(),
            sites: snapshot.sites.iter().collect(),
            listings: snapshot.listings.iter().collect(),
            orders: snapshot.orders.iter().map(|order| &**order).collect(),
            contracts: snapshot.contracts.iter().map(|contract| &**contract).collect(),
            purses: snapshot.purses.iter().map(|(id, purse)| (*id, purse)).collect(),
        }
    }

    /// The first minute that can still be traded.
    pub fn first_open(&self) -> Minute {
        self.counters.now.first_open_minute()
    }

    pub fn order(&self, id: OrderId) -> Option<&'a Order> {
        self.orders.iter().copied().find(|order| order.id == id)
    }

    pub fn contract(&self, id: ContractId) -> Option<&'a Contract> {
        self.contracts.iter().copied().find(|contract| contract.id == id)
    }

    pub fn listing(&self, id: ListingId) -> Option<&'a Listing> {
        self.listings.iter().copied().find(|listing| listing.id == id)
    }

    pub fn site(&self, id: SiteId) -> Option<&'a Site> {
        self.sites.iter().copied().find(|site| site.id == id)
    }

    pub fn product(&self, id: ProductId) -> Option<&'a Product> {
        self.products.iter().copied().find(|product| product.id == id)
    }

    /// GPUs sold or resting out of a source, per minute.
    pub fn used(&self, source: Source) -> Steps {
        let mut used = Steps::new();
        for contract in self.contracts.iter().filter(|contract| contract.source == source) {
            used.add(contract.window, contract.gpus).unwrap();
        }
        for ask in self.orders.iter().filter(|order| order.source == Some(source)) {
            used.add_steps(&ask.sold.complement(ask.window, ask.gpus).unwrap()).unwrap();
        }
        used
    }

    /// The listing at the head of a source's chain of title.
    pub fn origin(&self, source: Source) -> Option<&'a Listing> {
        match source {
            Source::Listing(id) => self.listing(id),
            Source::Contract(id) => self.contract(id).and_then(|contract| self.listing(contract.listing)),
        }
    }

    /// How many times over a source was resold, one below the other.
    pub fn levels_below(&self, source: Source) -> usize {
        let children = self.contracts.iter().filter(|contract| contract.source == source);
        children.map(|contract| 1 + self.levels_below(Source::Contract(contract.id))).max().unwrap_or(0)
    }
}
