//! Products, sites and listings: who may make and see them.

use super::reads::{Listed, Slice};
use super::wallet::organization_by_id;
use super::{App, AppError, Scope, View, facade::Caller};
use crate::exchange::entities::{Listing, Product, Site};
use crate::exchange::rights::{HostFee, Owner, Rights};
use crate::exchange::{Command, Made, Reject, check_text};
use crate::types::{
    Country, Interconnect, Kind, ListingId, Minute, Price, ProductId, PublicId, Region, ResaleForm, SiteId, SlaClass,
    Symbol,
};

/// A site to be made.
#[derive(Debug, Clone)]
pub struct NewSite {
    /// Its name, for people.
    pub name: String,
    /// Where it is.
    pub region: Region,
    /// Where it is.
    pub country: Country,
    /// Power, in watts.
    pub power_w: Option<i64>,
    /// Power usage effectiveness, in thousandths.
    pub pue_milli: Option<i64>,
}

/// A listing to be made.
#[derive(Debug, Clone)]
pub struct NewListing {
    /// Where.
    pub site: PublicId,
    /// What.
    pub product: String,
    /// How many GPUs.
    pub gpus: u32,
    /// From.
    pub start: Minute,
    /// To.
    pub end: Minute,
    /// GPUs in one machine.
    pub gpus_per_node: u32,
    /// Wiring.
    pub interconnect: Interconnect,
    /// Promise.
    pub sla_class: SlaClass,
    /// Whether its contracts may be resold.
    pub resale_allowed: bool,
    /// Who owns the GPUs, if not the provider, and what the provider keeps.
    pub owner: Option<(PublicId, HostFee)>,
    /// What a resale pays of its gain to the owner, in basis points.
    pub royalty_bps: u32,
    /// Contracts in one chain of title, the first sale included.
    pub chain_max: Option<u8>,
    /// What a resale makes of its seller.
    pub resale: ResaleForm,
}

/// New values of a listing; absent ones stay.
#[derive(Debug, Clone, Copy)]
pub struct ListingChange {
    /// How many GPUs.
    pub gpus: Option<u32>,
    /// From.
    pub start: Option<Minute>,
    /// To.
    pub end: Option<Minute>,
}

/// A product to be made.
#[derive(Debug, Clone)]
pub struct NewProduct {
    /// Its name in the market.
    pub symbol: Symbol,
    /// What it is, for people.
    pub name: String,
    /// The price grid.
    pub tick: Price,
    /// The exchange's fee.
    pub fee_bps: u32,
}

/// What a request made, or what the first request of the same key made.
#[derive(Debug, Clone)]
pub struct Accepted<T> {
    /// The thing as it is now.
    pub value: T,
    /// Whether it was there before.
    pub replayed: bool,
}

impl App {
    /// Makes a product.
    ///
    /// # Errors
    /// `role_required`, and what the exchange refuses.
    pub async fn create_product(
        &self,
        caller: &Caller,
        key: Option<String>,
        new: NewProduct,
    ) -> Result<Accepted<Product>, AppError> {
        caller.admin()?;
        check_text(&new.name)?;
        let NewProduct { symbol, name, tick, fee_bps } = new;
        let command = Command::CreateProduct { symbol, name, tick, fee_bps };
        let receipt = self.submit(caller, key, command).await?;
        let Made::Product(id) = receipt.outcome.made else { return Err(made_nothing("product")) };
        self.accepted(receipt.outcome.replayed, |view| view.products.get(&id).cloned())
    }

    /// Returns a product by its symbol.
    ///
    /// # Errors
    /// [`AppError::NotFound`].
    pub fn product(&self, symbol: &Symbol) -> Result<Product, AppError> {
        self.live().read(|view| product_by_symbol(view, symbol).cloned()).ok_or(AppError::NotFound)
    }

    /// Returns products, newest first.
    pub fn products(&self, slice: Slice) -> Listed<Product> {
        self.live().read(|view| page(&view.products, (ProductId::new, ProductId::number), slice, |_| true))
    }

    /// Makes a site.
    ///
    /// # Errors
    /// `role_required`, `scope_required`, and what the exchange refuses.
    pub async fn create_site(
        &self,
        caller: &Caller,
        key: Option<String>,
        new: NewSite,
    ) -> Result<Accepted<Site>, AppError> {
        let organization = caller.member(Scope::List)?;
        check_text(&new.name)?;
        let NewSite { name, region, country, power_w, pue_milli } = new;
        let command = Command::CreateSite { organization, name, region, country, power_w, pue_milli };
        let receipt = self.submit(caller, key, command).await?;
        let Made::Site(id) = receipt.outcome.made else { return Err(made_nothing("site")) };
        self.accepted(receipt.outcome.replayed, |view| view.sites.get(&id).cloned())
    }

    /// Returns a site the caller may see.
    ///
    /// # Errors
    /// [`AppError::NotFound`], `scope_required`.
    pub fn site(&self, caller: &Caller, id: PublicId) -> Result<Site, AppError> {
        caller.scoped(Scope::Read)?;
        let site = self.live().read(|view| site_by_id(view, id).cloned()).ok_or(AppError::NotFound)?;
        if caller.may_see(site.organization) { Ok(site) } else { Err(AppError::NotFound) }
    }

    /// Returns the sites the caller may see, newest first.
    ///
    /// # Errors
    /// `scope_required`.
    pub fn sites(&self, caller: &Caller, slice: Slice) -> Result<Listed<Site>, AppError> {
        let of = caller.reader()?;
        let mine = |site: &Site| of.is_none_or(|organization| organization == site.organization);
        Ok(self.live().read(|view| page(&view.sites, (SiteId::new, SiteId::number), slice, mine)))
    }

    /// Lists capacity.
    ///
    /// # Errors
    /// `role_required`, `scope_required`, and what the exchange refuses.
    pub async fn create_listing(
        &self,
        caller: &Caller,
        key: Option<String>,
        new: NewListing,
    ) -> Result<Accepted<Listing>, AppError> {
        let organization = caller.member(Scope::List)?;
        let (site, product) = self.live().read(|view| {
            let site = site_by_id(view, new.site).filter(|site| site.organization == organization);
            (site.map(|site| site.id), product_named(view, &new.product).map(|product| product.id))
        });
        let command = Command::CreateListing {
            organization,
            site: site.ok_or(AppError::NotFound)?,
            product: product.ok_or(Reject::UnknownProduct)?,
            gpus: new.gpus,
            start: new.start,
            end: new.end,
            gpus_per_node: new.gpus_per_node,
            interconnect: new.interconnect,
            sla_class: new.sla_class,
            resale_allowed: new.resale_allowed,
            rights: Rights {
                owner: self.owner_of(&new)?,
                royalty_bps: new.royalty_bps,
                chain_max: new.chain_max,
                resale: new.resale,
            },
        };
        let receipt = self.submit(caller, key, command).await?;
        let Made::Listing(id) = receipt.outcome.made else { return Err(made_nothing("listing")) };
        self.accepted(receipt.outcome.replayed, |view| view.listings.get(&id).cloned())
    }

    fn owner_of(&self, new: &NewListing) -> Result<Option<Owner>, AppError> {
        let Some((id, host_fee)) = new.owner else { return Ok(None) };
        let organization = self.live().read(|view| organization_by_id(view, id).map(|row| row.id));
        Ok(Some(Owner { organization: organization.ok_or(AppError::NotFound)?, host_fee }))
    }

    /// Lowers a listing.
    ///
    /// # Errors
    /// [`AppError::NotFound`], `scope_required`, and what the exchange refuses.
    pub async fn amend_listing(
        &self,
        caller: &Caller,
        id: PublicId,
        change: ListingChange,
    ) -> Result<Listing, AppError> {
        let organization = caller.member(Scope::List)?;
        let listing = self.live().read(|view| listing_by_id(view, id).map(|row| (row.id, row.organization)));
        let (listing, owner) = listing.ok_or(AppError::NotFound)?;
        if owner != organization {
            return Err(AppError::NotFound);
        }
        let ListingChange { gpus, start, end } = change;
        self.submit(caller, None, Command::AmendListing { organization, listing, gpus, start, end }).await?;
        self.live().read(|view| view.listings.get(&listing).cloned()).ok_or(AppError::NotFound)
    }

    /// Returns a listing the caller may see.
    ///
    /// # Errors
    /// [`AppError::NotFound`], `scope_required`.
    pub fn listing(&self, caller: &Caller, id: PublicId) -> Result<Listing, AppError> {
        caller.scoped(Scope::Read)?;
        let listing = self.live().read(|view| listing_by_id(view, id).cloned()).ok_or(AppError::NotFound)?;
        if caller.may_see(listing.organization) { Ok(listing) } else { Err(AppError::NotFound) }
    }

    /// Returns the listings the caller may see, newest first.
    ///
    /// # Errors
    /// `scope_required`.
    pub fn listings(&self, caller: &Caller, slice: Slice) -> Result<Listed<Listing>, AppError> {
        let of = caller.reader()?;
        let mine = |listing: &Listing| of.is_none_or(|organization| organization == listing.organization);
        Ok(self.live().read(|view| page(&view.listings, (ListingId::new, ListingId::number), slice, mine)))
    }

    fn accepted<T>(&self, replayed: bool, find: impl FnOnce(&View) -> Option<T>) -> Result<Accepted<T>, AppError> {
        // Durable but not yet visible: the caller may repeat the request with its key, or just read.
        let value = self.live().read(find).ok_or(AppError::Unknown)?;
        Ok(Accepted { value, replayed })
    }
}

/// Returns a page of rows kept by number, newest first.
pub(super) fn page<K: Ord + Copy, V: Clone>(
    rows: &std::collections::BTreeMap<K, V>,
    (key, number): (impl Fn(i64) -> K, impl Fn(K) -> i64),
    slice: Slice,
    keep: impl Fn(&V) -> bool,
) -> Listed<V> {
    let before = key(slice.before.unwrap_or(i64::MAX));
    let fits = usize::try_from(slice.limit).unwrap_or(usize::MAX);
    let found = rows.range(..before).rev().filter(|(_, row)| keep(row)).take(fits.saturating_add(1));
    let found = Listed::of(found.collect(), slice, |(key, _)| number(**key));
    Listed { rows: found.rows.into_iter().map(|(_, row)| row.clone()).collect(), next: found.next }
}

pub(super) fn product_by_symbol<'a>(view: &'a View, symbol: &Symbol) -> Option<&'a Product> {
    view.symbols.get(symbol).and_then(|id| view.products.get(id))
}

pub(super) fn product_named<'a>(view: &'a View, name: &str) -> Option<&'a Product> {
    product_by_symbol(view, &Symbol::new(name)?)
}

pub(super) fn site_by_id(view: &View, id: PublicId) -> Option<&Site> {
    let row = view.sites.get(&SiteId::new(id.number))?;
    (id.kind == Kind::Site && row.created_at == id.created_at).then_some(row)
}

pub(super) fn listing_by_id(view: &View, id: PublicId) -> Option<&Listing> {
    let row = view.listings.get(&ListingId::new(id.number))?;
    (id.kind == Kind::Listing && row.created_at == id.created_at).then_some(row)
}

pub(super) fn made_nothing(what: &str) -> AppError {
    AppError::Internal(format!("an accepted request made no {what}"))
}
