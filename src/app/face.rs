//! The outward faces of things: which ids and symbols stand for the numbers inside.
//!
//! A face needs the creation time of what it names. Organizations, products, sites, listings and what is open or live
//! are in the view; orders and contracts that have ended are not, so those that a page mentions are read from the
//! store first.

use std::collections::{BTreeMap, BTreeSet};

use super::{App, AppError, View};
use crate::store::{Reader, StoreError, read};
use crate::types::{
    ContractId, Kind, ListingId, OrderId, OrganizationId, ProductId, PublicId, SiteId, Source, Symbol, Timestamp,
};

/// Numbers in one statement: databases bound how many values one may have.
const LOOKED_UP_AT_ONCE: usize = 1_000;

/// Creation times of orders and contracts that the view may not hold.
#[derive(Debug, Clone, Default)]
pub struct Mentioned {
    orders: BTreeMap<OrderId, Timestamp>,
    contracts: BTreeMap<ContractId, Timestamp>,
}

/// Which orders and contracts a page mentions.
#[derive(Debug, Clone, Default)]
pub struct Mentions {
    /// Orders by number.
    pub orders: BTreeSet<OrderId>,
    /// Contracts by number.
    pub contracts: BTreeSet<ContractId>,
}

/// Gives numbers their faces.
#[derive(Clone, Copy)]
pub struct Faces<'a> {
    view: &'a View,
    mentioned: &'a Mentioned,
}

impl Mentions {
    /// Adds the contract of a source, if it is one.
    pub fn source(&mut self, source: Option<Source>) {
        if let Some(Source::Contract(contract)) = source {
            self.contracts.insert(contract);
        }
    }

    /// Reads when they were made.
    ///
    /// # Errors
    /// If the store fails.
    pub fn look_up(&self, reader: &mut Reader) -> Result<Mentioned, StoreError> {
        let orders: Vec<_> = self.orders.iter().copied().collect();
        let contracts: Vec<_> = self.contracts.iter().copied().collect();
        let mut mentioned = Mentioned::default();
        for orders in orders.chunks(LOOKED_UP_AT_ONCE) {
            mentioned.orders.extend(read::orders::placed_at(reader, orders)?);
        }
        for contracts in contracts.chunks(LOOKED_UP_AT_ONCE) {
            mentioned.contracts.extend(read::contracts::made_at(reader, contracts)?);
        }
        Ok(mentioned)
    }
}

impl Mentioned {
    /// Returns when a contract was made, if it was looked up and exists.
    pub fn contract_made_at(&self, contract: ContractId) -> Option<Timestamp> {
        self.contracts.get(&contract).copied()
    }

    /// Adds a contract already at hand.
    pub fn contract(&mut self, contract: ContractId, created_at: Timestamp) {
        self.contracts.insert(contract, created_at);
    }
}

impl<'a> Faces<'a> {
    /// Returns the faces of what the view holds and what was looked up.
    pub const fn new(view: &'a View, mentioned: &'a Mentioned) -> Self {
        Self { view, mentioned }
    }

    /// Returns the symbol of a product.
    ///
    /// # Errors
    /// [`AppError::Internal`]: whatever has a product has one that exists.
    pub fn symbol(self, product: ProductId) -> Result<Symbol, AppError> {
        self.view
            .products
            .get(&product)
            .map(|row| row.symbol.clone())
            .ok_or_else(|| dangling("product", product.number()))
    }

    /// Returns the id of an organization.
    ///
    /// # Errors
    /// [`AppError::Internal`] if there is no such organization. The exchange itself has the nil time.
    pub fn organization(self, id: OrganizationId) -> Result<PublicId, AppError> {
        let created_at = match self.view.organizations.get(&id) {
            Some(row) => row.created_at,
            None if id == OrganizationId::EXCHANGE => Timestamp::default(),
            None => return Err(dangling("organization", id.number())),
        };
        Ok(PublicId { created_at, kind: Kind::Organization, number: id.number() })
    }

    /// Returns the id of a site.
    ///
    /// # Errors
    /// [`AppError::Internal`] if there is no such site.
    pub fn site(self, id: SiteId) -> Result<PublicId, AppError> {
        let row = self.view.sites.get(&id).ok_or_else(|| dangling("site", id.number()))?;
        Ok(PublicId { created_at: row.created_at, kind: Kind::Site, number: id.number() })
    }

    /// Returns the id of a listing.
    ///
    /// # Errors
    /// [`AppError::Internal`] if there is no such listing.
    pub fn listing(self, id: ListingId) -> Result<PublicId, AppError> {
        let row = self.view.listings.get(&id).ok_or_else(|| dangling("listing", id.number()))?;
        Ok(PublicId { created_at: row.created_at, kind: Kind::Listing, number: id.number() })
    }

    /// Returns the id of an order.
    ///
    /// # Errors
    /// [`AppError::Internal`] if it was not looked up and is not open.
    pub fn order(self, id: OrderId) -> Result<PublicId, AppError> {
        let open = self.view.orders.get(&id).map(|row| row.created_at);
        let created_at = open.or_else(|| self.mentioned.orders.get(&id).copied());
        let created_at = created_at.ok_or_else(|| dangling("order", id.number()))?;
        Ok(PublicId { created_at, kind: Kind::Order, number: id.number() })
    }

    /// Returns the id of a contract.
    ///
    /// # Errors
    /// [`AppError::Internal`] if it was not looked up and is not live.
    pub fn contract(self, id: ContractId) -> Result<PublicId, AppError> {
        let live = self.view.titles.get(&id).map(|title| title.created_at);
        let created_at = live.or_else(|| self.mentioned.contracts.get(&id).copied());
        let created_at = created_at.ok_or_else(|| dangling("contract", id.number()))?;
        Ok(PublicId { created_at, kind: Kind::Contract, number: id.number() })
    }

    /// Returns the id of a source.
    ///
    /// # Errors
    /// As [`Faces::listing`] and [`Faces::contract`].
    pub fn source(self, source: Source) -> Result<PublicId, AppError> {
        match source {
            Source::Listing(id) => self.listing(id),
            Source::Contract(id) => self.contract(id),
        }
    }
}

impl App {
    /// Reads when what a page mentions was made; goes to the store only if it must.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn look_up(&self, mentions: Mentions) -> Result<Mentioned, AppError> {
        if mentions.orders.is_empty() && mentions.contracts.is_empty() {
            return Ok(Mentioned::default());
        }
        self.read(move |reader| mentions.look_up(reader)).await
    }
}

fn dangling(what: &str, number: i64) -> AppError {
    AppError::Internal(format!("{what} {number} is mentioned but does not exist"))
}
