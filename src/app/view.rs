//! What hot reads see: the state as of the last committed batch, folded from its changes.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use super::booked::Booked;
use super::ended::Ended;
use super::stream::{Batch, Ring, Top};
use crate::exchange::entities::{Contract, Listing, Order, Organization, Product, Purse, Site};
use crate::exchange::{Changes, Snapshot};
use crate::types::{
    ContractId, ContractStatus, ListingId, OrderId, OrganizationId, Price, ProductId, Region, Side, SiteId, Source,
    Symbol, Timestamp, Window,
};

/// What is known of a live contract without asking the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Title {
    /// When it was made.
    pub created_at: Timestamp,
    /// Who holds the GPUs, and may resell them.
    pub buyer: OrganizationId,
    /// Who sells.
    pub seller: OrganizationId,
    /// The listing its chain of title begins with.
    pub listing: ListingId,
    /// What is delivered.
    pub product: ProductId,
    /// How many GPUs.
    pub gpus: u32,
    /// When.
    pub window: Window,
    /// What the buyer pays for what is delivered.
    pub price: Price,
    /// What it paid for the contract: another price if it took it over.
    pub bought_at: Price,
    /// GPUs left in every minute, of what others took over.
    pub held: u32,
    /// Whether it is sold out of a listing, and not out of a contract.
    pub primary: bool,
}

impl Title {
    /// Returns what is known of a contract.
    pub fn of(contract: &Contract) -> Self {
        let Contract { created_at, buyer, seller, listing, product, gpus, window, price, .. } = *contract;
        let (bought_at, held) = (contract.bought_at(), contract.held_over(window));
        let primary = contract.source.is_listing();
        Self { created_at, buyer, seller, listing, product, gpus, window, price, bought_at, held, primary }
    }
}

/// The place of an order among those of its side: by price, then by arrival.
pub type Place = (Price, i64, OrderId);

/// An order where it rests, with what tells most passes over a book that they have no use for it.
#[derive(Debug, Clone)]
pub struct Resting {
    /// Its window.
    pub window: Window,
    /// The order.
    pub order: Arc<Order>,
}

/// The view. Invariant: it holds only what is durable.
#[derive(Debug, Default)]
pub struct View {
    /// The last journal row it reflects.
    pub as_of: i64,
    /// The exchange's time.
    pub now: Timestamp,
    /// All organizations.
    pub organizations: BTreeMap<OrganizationId, Organization>,
    /// All products.
    pub products: BTreeMap<ProductId, Product>,
    /// Products by symbol.
    pub symbols: BTreeMap<Symbol, ProductId>,
    /// All sites.
    pub sites: BTreeMap<SiteId, Site>,
    /// All listings.
    pub listings: BTreeMap<ListingId, Listing>,
    /// Open orders.
    pub orders: BTreeMap<OrderId, Arc<Order>>,
    /// Open orders by owner.
    pub orders_of: BTreeMap<OrganizationId, BTreeSet<OrderId>>,
    /// Open orders by product and side, the lowest price first.
    pub book: BTreeMap<(ProductId, Side), BTreeMap<Place, Resting>>,
    /// Live contracts.
    pub titles: BTreeMap<ContractId, Title>,
    /// Live contracts under terms of delivery, by the organization whose site provides the GPUs.
    pub provided: BTreeMap<OrganizationId, BTreeSet<ContractId>>,
    /// Live contracts by each of their parties.
    pub titles_of: BTreeMap<OrganizationId, BTreeSet<ContractId>>,
    /// What live contracts cover by delivery day.
    pub booked: Booked,
    /// How many contracts were recalled since the view was made.
    pub recalled: u64,
    /// All purses.
    pub purses: BTreeMap<OrganizationId, Purse>,
    /// What passed free in asks that ended since the view was made.
    pub ended: Ended,
    /// How it was made.
    pub origin: Arc<Origin>,
    /// What the latest batches changed.
    pub ring: Ring,
    /// The number that the next trade will have.
    pub next_trade: i64,
    /// The journal row with which an order of each product last changed.
    changed: BTreeMap<ProductId, i64>,
    /// The number that the next order will have.
    pub next_order: i64,
}

/// How a view was made: orders before the first that it saw placed, and not among those that were open, had ended by
/// then and are history.
#[derive(Debug, Default)]
pub struct Origin {
    /// The journal row.
    pub as_of: i64,
    /// Asks that were open, by number.
    pub open_asks: Vec<OrderId>,
    /// The number that the next order was to have.
    pub next_order: i64,
}

impl View {
    /// Returns the view of a state.
    pub fn of(snapshot: Snapshot, as_of: i64) -> Self {
        let mut changes = Changes { counters: snapshot.counters, ..Changes::default() };
        changes.organizations = snapshot.organizations.into_iter().map(|row| (row.id, row)).collect();
        changes.products = snapshot.products.into_iter().map(|row| (row.id, row)).collect();
        changes.sites = snapshot.sites.into_iter().map(|row| (row.id, row)).collect();
        changes.listings = snapshot.listings.into_iter().map(|row| (row.id, row)).collect();
        changes.orders = snapshot.orders.into_iter().map(|row| (row.id, row)).collect();
        changes.contracts = snapshot.contracts.into_iter().map(|row| (row.id, row)).collect();
        changes.purses = snapshot.purses.into_iter().collect();
        let asks = changes.orders.values().filter(|order| order.side == Side::Ask);
        let open_asks = asks.map(|order| order.id).collect();
        let origin = Arc::new(Origin { as_of, open_asks, next_order: snapshot.counters.order });
        let mut view = Self { origin, next_order: snapshot.counters.order, ..Self::default() };
        view.apply(&mut changes, as_of);
        view
    }

    /// Folds a committed batch in and leaves what it has no use for: readers wait for this, so rows are moved, not copied.
    pub fn apply(&mut self, changes: &mut Changes, as_of: i64) {
        let news = self.ring.is_wanted().then(|| Batch::of(changes, self.as_of, as_of));
        self.as_of = as_of;
        self.now = changes.counters.now;
        self.next_trade = changes.counters.trade;
        self.symbols.extend(changes.products.iter().map(|(id, row)| (row.symbol.clone(), *id)));
        self.organizations.extend(std::mem::take(&mut changes.organizations));
        self.products.extend(std::mem::take(&mut changes.products));
        self.sites.extend(std::mem::take(&mut changes.sites));
        self.listings.extend(std::mem::take(&mut changes.listings));
        self.purses.extend(std::mem::take(&mut changes.purses));
        for contract in changes.contracts.values() {
            self.take_contract(contract);
        }
        let first_new = std::mem::replace(&mut self.next_order, changes.counters.order);
        for order in std::mem::take(&mut changes.orders).into_values() {
            self.take_order(order, first_new);
        }
        match news {
            Some(batch) => self.remember(batch),
            None => self.ring.skip(as_of),
        }
    }

    /// Returns the journal row with which an order of a product last changed; that of the view's beginning if it has not
    /// seen one: a view that was loaded again may lack orders that an earlier one showed.
    pub fn book_changed(&self, product: ProductId) -> i64 {
        self.changed.get(&product).copied().unwrap_or(self.origin.as_of)
    }

    fn remember(&mut self, mut batch: Batch) {
        let products: BTreeSet<ProductId> = batch.orders.iter().map(|order| order.product).collect();
        batch.tops = products.into_iter().map(|product| (product, self.top(product))).collect();
        self.ring.push(batch);
    }

    /// Returns the top of a product's book.
    pub fn top(&self, product: ProductId) -> Top {
        let (bids, asks) = (self.book.get(&(product, Side::Bid)), self.book.get(&(product, Side::Ask)));
        Top {
            best_bid: bids.and_then(BTreeMap::last_key_value).map(|((price, ..), _)| *price),
            best_ask: asks.and_then(BTreeMap::first_key_value).map(|((price, ..), _)| *price),
            bids: bids.map_or(0, BTreeMap::len),
            asks: asks.map_or(0, BTreeMap::len),
        }
    }

    fn take_contract(&mut self, contract: &Contract) {
        let is_live = contract.status.is_live();
        let title = Title::of(contract);
        let before = if is_live { self.titles.insert(contract.id, title) } else { self.titles.remove(&contract.id) };
        self.booked.take(before.as_ref(), contract);
        if !is_live && before.is_some() && contract.status == ContractStatus::Recalled {
            self.recalled = self.recalled.saturating_add(1);
        }
        if contract.terms > 0
            && is_live != before.is_some()
            && let Some(provider) = self.provider_of(contract)
        {
            keep(&mut self.provided, provider, contract.id, is_live);
        }
        let parties_before = before.map(|title| [title.buyer, title.seller]);
        let parties = is_live.then_some([title.buyer, title.seller]);
        if parties != parties_before {
            parties_before.into_iter().flatten().for_each(|party| keep(&mut self.titles_of, party, contract.id, false));
            parties.into_iter().flatten().for_each(|party| keep(&mut self.titles_of, party, contract.id, true));
        }
    }

    fn take_order(&mut self, order: Arc<Order>, first_new: i64) {
        // Whose an order is and on which side it stands never changes; its price may.
        let Order { id, organization, product, side, .. } = *order;
        let is_open = order.status.is_open();
        self.changed.insert(product, self.as_of);
        let place = is_open.then(|| place(&order));
        let before = if is_open { self.orders.insert(id, Arc::clone(&order)) } else { self.orders.remove(&id) };
        let place_before = before.map(|order| self::place(&order));
        // An order that was placed and ended within one batch never stood here.
        if !is_open && (place_before.is_some() || id.number() >= first_new) {
            let site_of = |listing| self.listings.get(&listing).map(|listing| listing.site);
            self.ended.add(&order, self.now, site_of);
        }
        let book = self.book.entry((product, side)).or_default();
        if let Some(before) = place_before.filter(|before| Some(*before) != place) {
            book.remove(&before);
        }
        if let Some(place) = place {
            book.insert(place, Resting { window: order.window, order });
        }
        if is_open != place_before.is_some() {
            keep(&mut self.orders_of, organization, id, is_open);
        }
    }

    /// Returns the listing that the title behind an ask begins with.
    pub fn listing_behind(&self, ask: &Order) -> Option<&Listing> {
        let listing = match ask.source? {
            Source::Listing(listing) => listing,
            Source::Contract(contract) => self.titles.get(&contract)?.listing,
        };
        self.listings.get(&listing)
    }

    /// Returns the organization whose site provides the GPUs of a contract.
    pub fn provider_of(&self, contract: &Contract) -> Option<OrganizationId> {
        self.listings.get(&contract.listing).map(|listing| listing.organization)
    }

    /// Returns where the GPUs behind an ask stand.
    pub fn region_of(&self, ask: &Order) -> Option<&Region> {
        let site = self.listing_behind(ask)?.site;
        self.sites.get(&site).map(|site| &site.region)
    }

    /// Returns the open orders of one side of a product's book, the lowest price first.
    pub fn side(&self, product: ProductId, side: Side) -> impl DoubleEndedIterator<Item = &Arc<Order>> {
        let places = self.book.get(&(product, side));
        places.into_iter().flatten().map(|(_, resting)| &resting.order)
    }

    /// Returns those behind a place, which need not be taken: the cheapest asks first, the dearest bids.
    pub fn side_after(
        &self,
        product: ProductId,
        side: Side,
        after: Option<Place>,
    ) -> Box<dyn Iterator<Item = (Place, &Resting)> + '_> {
        let Some(places) = self.book.get(&(product, side)) else { return Box::new(std::iter::empty()) };
        let end = after.map_or(Bound::Unbounded, Bound::Excluded);
        match side {
            Side::Ask => Box::new(places.range((end, Bound::Unbounded)).map(|(place, resting)| (*place, resting))),
            Side::Bid => {
                Box::new(places.range((Bound::Unbounded, end)).rev().map(|(place, resting)| (*place, resting)))
            }
        }
    }
}

fn place(order: &Order) -> Place {
    (order.price, order.sequence, order.id)
}

fn keep<K: Ord, V: Ord>(index: &mut BTreeMap<K, BTreeSet<V>>, key: K, value: V, is_in: bool) {
    let values = index.entry(key).or_default();
    if is_in {
        values.insert(value);
    } else {
        values.remove(&value);
    }
}
