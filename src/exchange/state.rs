//! The state as a whole: what a batch changed, the digest, and rebuilding it from the store.

use std::sync::Arc;

use super::book::{Book, Place, Rank};
use super::capacity::Capacity;
use super::delivery::Standing;
use super::due::Due;
use super::entities::{Contract, Counters, Listing, Order, Organization, Product, Purse, Site};
use super::memory::forgotten_at;
use super::table::{Table, hash};
use super::trading::reservation;
use super::{Changes, Exchange, Failure, RULES, Snapshot};
use crate::types::limits::IDEMPOTENCY_KEY_MS;
use crate::types::{OrganizationId, ProductId, ResaleForm, Side, Source, Symbol};

impl<B: Book> Default for Exchange<B> {
    fn default() -> Self {
        Self::new()
    }
}

impl<B: Book> Exchange<B> {
    /// Returns an exchange in which nothing has happened.
    pub fn new() -> Self {
        Self {
            counters: Counters::default(),
            organizations: Table::new("organization"),
            products: Table::new("product"),
            sites: Table::new("site"),
            listings: Table::new("listing"),
            orders: Table::new("order"),
            contracts: Table::new("contract"),
            unsettled: Table::new("unsettled"),
            deliveries: Table::new("delivery"),
            terms: Table::new("terms"),
            terms_version: 0,
            delivery_ids: Default::default(),
            purses: Table::new("purse"),
            tapes: Table::new("tape"),
            client_orders: Table::new("client_order"),
            keys: Table::new("key"),
            symbols: Default::default(),
            books: Default::default(),
            due: Due::default(),
            no_requirements: Arc::default(),
            places: Default::default(),
            orders_of: Default::default(),
            capacity: Capacity::default(),
            asks_out_of: Default::default(),
            sold_out_of: Default::default(),
            events: Vec::new(),
            changes: Changes::default(),
        }
    }

    /// Rebuilds the exchange from what the store kept.
    ///
    /// # Errors
    /// [`Failure::Invariant`] if the parts do not fit together, or if rules were in force that this program does not
    /// know.
    pub fn restore(snapshot: Snapshot) -> Result<Self, Failure> {
        if snapshot.counters.rules != RULES {
            return Err(Failure::Invariant("rules_not_known"));
        }
        let mut exchange = Self::new();
        exchange.counters = snapshot.counters;
        for row in snapshot.organizations {
            exchange.organizations.insert(row.id, row);
        }
        for row in snapshot.products {
            exchange.symbols.insert(row.symbol.clone(), row.id);
            exchange.books.insert(row.id, exchange.new_book());
            exchange.products.insert(row.id, row);
        }
        for row in snapshot.sites {
            exchange.sites.insert(row.id, row);
        }
        for row in snapshot.listings {
            exchange.add_listing(row)?;
        }
        for (id, purse) in snapshot.purses {
            exchange.purses.insert(id, purse);
        }
        for (id, tape) in snapshot.tapes {
            exchange.tapes.insert(id, tape);
        }
        for (version, row) in snapshot.terms {
            exchange.add_terms(version, row);
        }
        exchange.restore_contracts(snapshot.contracts)?;
        for row in snapshot.unsettled {
            exchange.unsettled.insert(row.id, row);
        }
        for (id, row) in snapshot.deliveries {
            exchange.deliveries.insert(id, row);
            exchange.delivery_ids.insert(id);
            exchange.rearm(id)?;
        }
        exchange.restore_orders(snapshot.orders)?;
        for (key, row) in snapshot.client_orders {
            exchange.due.client_orders.insert((forgotten_at(row.placed_at), key.clone()));
            exchange.client_orders.insert(key, row);
        }
        for (key, row) in snapshot.keys {
            exchange.due.keys.insert((row.used_at.plus_millis(IDEMPOTENCY_KEY_MS), key.clone()));
            exchange.keys.insert(key, row);
        }
        exchange.settle()?;
        Ok(exchange)
    }

    /// Returns an empty book that knows the time.
    pub(super) fn new_book(&self) -> B {
        let mut book = B::default();
        book.advance(self.counters.now);
        let ranked = self.organizations.values().filter(|row| row.rank() != Rank::default());
        ranked.for_each(|row| book.set_rank(row.id, row.rank()));
        book
    }

    /// Adds a listing, and what a book is told of it.
    pub(super) fn add_listing(&mut self, listing: Listing) -> Result<(), Failure> {
        let site = self.sites.get(&listing.site).ok_or(Failure::Invariant("site_missing"))?;
        let place = |primary| {
            Arc::new(Place {
                site: site.id,
                region: site.region.clone(),
                country: site.country.clone(),
                interconnect: listing.interconnect,
                sla_class: listing.sla_class,
                primary,
                novation: !primary && listing.rights.resale == ResaleForm::Novation,
                host: listing.organization,
            })
        };
        self.places.insert(listing.id, [place(true), place(false)]);
        self.listings.insert(listing.id, listing);
        Ok(())
    }

    fn restore_contracts(&mut self, contracts: Vec<Arc<Contract>>) -> Result<(), Failure> {
        for row in contracts {
            self.due.add_contract(&row, self.counters.now);
            self.sold_out_of.insert(row.source, row.id);
            let id = row.id;
            self.contracts.insert(id, row);
            self.arm_draw(id);
        }
        for row in self.contracts.values() {
            let Some(given_up) = row.given_up() else {
                self.capacity.reserve_block(row.source, row.window, row.gpus)?;
                continue;
            };
            let held = row.held().map_err(|_| Failure::Invariant("novation_range"))?;
            self.capacity.reserve(row.source, &held)?;
            // What was given up is not free again.
            self.capacity.reserve(Source::Contract(row.id), given_up)?;
        }
        Ok(())
    }

    fn restore_orders(&mut self, orders: Vec<Arc<Order>>) -> Result<(), Failure> {
        for row in orders {
            if let (Side::Ask, Some(source)) = (row.side, row.source) {
                self.capacity.reserve(source, &reservation(&row)?)?;
            }
            self.rest(row)?;
        }
        Ok(())
    }

    /// Returns everything the store keeps of the state.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            counters: self.counters,
            organizations: self.organizations.values().cloned().collect(),
            products: self.products.values().cloned().collect(),
            sites: self.sites.values().cloned().collect(),
            listings: self.listings.values().cloned().collect(),
            orders: self.orders.shared().collect(),
            contracts: self.contracts.shared().collect(),
            unsettled: self.unsettled.shared().collect(),
            deliveries: self.delivery_ids.iter().copied().zip(self.deliveries.shared()).collect(),
            terms: self.terms.iter().map(|(version, row)| (version, row.clone())).collect(),
            purses: self.purses.iter().map(|(id, row)| (id, *row)).collect(),
            tapes: self.tapes.iter().map(|(id, row)| (id, *row)).collect(),
            client_orders: self.client_orders.iter().map(|(key, row)| (key, row.clone())).collect(),
            keys: self.keys.iter().map(|(key, row)| (key, row.clone())).collect(),
        }
    }

    /// Ends a batch: returns what changed since the last one, with the digest of the whole state.
    ///
    /// # Errors
    /// [`Failure::Invariant`] if an entity cannot be encoded.
    pub fn settle(&mut self) -> Result<Changes, Failure> {
        let mut changes = std::mem::take(&mut self.changes);
        let mut sum = hash("counters", &(), &self.counters)?;
        let mut add = |part: u128| sum = sum.wrapping_add(part);
        add(self.organizations.settle(|key, row| changes.organizations.extend([(*key, (**row).clone())]))?);
        add(self.products.settle(|key, row| changes.products.extend([(*key, (**row).clone())]))?);
        add(self.sites.settle(|key, row| changes.sites.extend([(*key, (**row).clone())]))?);
        add(self.listings.settle(|key, row| changes.listings.extend([(*key, (**row).clone())]))?);
        add(self.orders.settle(|key, row| changes.orders.extend([(*key, Arc::clone(row))]))?);
        add(self.contracts.settle(|key, row| changes.contracts.extend([(*key, Arc::clone(row))]))?);
        add(self.unsettled.settle(|key, row| changes.contracts.extend([(*key, Arc::clone(row))]))?);
        add(self.deliveries.settle(|key, row| {
            changes.deliveries.insert(*key, Standing { delivery: Arc::clone(row), open: true });
        })?);
        add(self.terms.settle(|key, row| changes.terms.extend([(*key, (**row).clone())]))?);
        add(self.purses.settle(|key, row| changes.purses.extend([(*key, **row)]))?);
        add(self.tapes.settle(|key, row| changes.tapes.extend([(*key, **row)]))?);
        add(self.client_orders.settle(|_, _| ())?);
        add(self.keys.settle(|key, row| changes.keys.extend([(key.clone(), Some((**row).clone()))]))?);
        changes.counters = self.counters;
        changes.digest = sum;
        Ok(changes)
    }

    /// Returns the digest computed from the whole state anew; must equal that of [`Exchange::settle`].
    ///
    /// # Errors
    /// [`Failure::Invariant`] if an entity cannot be encoded.
    pub fn recomputed_digest(&self) -> Result<u128, Failure> {
        let parts = [
            hash("counters", &(), &self.counters)?,
            self.organizations.recomputed()?,
            self.products.recomputed()?,
            self.sites.recomputed()?,
            self.listings.recomputed()?,
            self.orders.recomputed()?,
            self.contracts.recomputed()?,
            self.unsettled.recomputed()?,
            self.deliveries.recomputed()?,
            self.terms.recomputed()?,
            self.purses.recomputed()?,
            self.tapes.recomputed()?,
            self.client_orders.recomputed()?,
            self.keys.recomputed()?,
        ];
        Ok(parts.into_iter().fold(0, u128::wrapping_add))
    }

    /// The clock and the next numbers.
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// All organizations, by number.
    pub fn organizations(&self) -> impl Iterator<Item = &Organization> {
        self.organizations.values()
    }

    /// All products, by number.
    pub fn products(&self) -> impl Iterator<Item = &Product> {
        self.products.values()
    }

    /// All sites, by number.
    pub fn sites(&self) -> impl Iterator<Item = &Site> {
        self.sites.values()
    }

    /// All listings, by number.
    pub fn listings(&self) -> impl Iterator<Item = &Listing> {
        self.listings.values()
    }

    /// The open orders, by number.
    pub fn orders(&self) -> impl Iterator<Item = &Order> {
        self.orders.values()
    }

    /// The live contracts, by number.
    pub fn contracts(&self) -> impl Iterator<Item = &Contract> {
        self.contracts.values()
    }

    /// All purses, by organization.
    pub fn purses(&self) -> impl Iterator<Item = (OrganizationId, &Purse)> {
        self.purses.iter()
    }

    /// Returns the product traded under a symbol.
    pub fn product_of(&self, symbol: &Symbol) -> Option<ProductId> {
        self.symbols.get(symbol).copied()
    }

    /// Returns the number of open orders.
    pub fn open_orders(&self) -> usize {
        self.orders.len()
    }
}
