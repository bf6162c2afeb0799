//! Organizations, products, sites and listings.

use super::book::Book;
use super::entities::{Listing, Organization, Product, Site, Tape};
use super::{Command, Event, Exchange, Failure, Made, Reject};
use crate::types::limits::{BPS_WHOLE, GPUS_MAX, NAME_CHARS_MAX, PRICE_MICROS_MAX, WINDOW_MINUTES_MAX};
use crate::types::{
    ListingId, Minute, OrderReason, OrderStatus, OrganizationId, OrganizationKind, Price, ProductId, SiteId, Source,
    Tier, Timestamp, Window,
};

impl<B: Book> Exchange<B> {
    pub(super) fn register_organization(
        &mut self,
        at: Timestamp,
        name: &str,
        kind: OrganizationKind,
    ) -> Result<Made, Failure> {
        check_text(name)?;
        let id = OrganizationId::new(next(&mut self.counters.organization));
        let (name, tier) = (name.to_owned(), Tier::Unverified);
        let organization =
            Organization { id, created_at: at, name, kind, suspended: false, access_key: None, tier, score_bps: None };
        self.organizations.insert(id, organization);
        self.events.push(Event::OrganizationRegistered { organization: id });
        Ok(Made::Organization(id))
    }

    pub(super) fn suspend_organization(
        &mut self,
        at: Timestamp,
        organization: OrganizationId,
        suspended: bool,
    ) -> Result<Made, Failure> {
        let row = self.organizations.get_mut(&organization).ok_or(Reject::NotFound)?;
        row.suspended = suspended;
        self.events.push(Event::OrganizationSuspended { organization, suspended });
        if suspended {
            let orders = self.orders_of.of(organization).collect::<Vec<_>>();
            for order in orders {
                self.end_order(at, order, OrderStatus::Cancelled, Some(OrderReason::OrganizationSuspended))?;
            }
        }
        Ok(Made::Organization(organization))
    }

    pub(super) fn create_product(&mut self, at: Timestamp, command: &Command) -> Result<Made, Failure> {
        let Command::CreateProduct { symbol, name, tick, fee_bps } = command else {
            return Err(Failure::Invariant("not_a_product"));
        };
        check_text(name)?;
        let tick_is_price = *tick > Price::default() && tick.micros() <= PRICE_MICROS_MAX;
        if !tick_is_price || *fee_bps > BPS_WHOLE {
            return Err(Reject::InvalidTerms.into());
        }
        if self.symbols.contains_key(symbol) {
            return Err(Reject::SymbolTaken.into());
        }
        let id = ProductId::new(next(&mut self.counters.product));
        let product = Product {
            id,
            created_at: at,
            symbol: symbol.clone(),
            name: name.clone(),
            tick: *tick,
            fee_bps: *fee_bps,
            halted: false,
        };
        self.symbols.insert(symbol.clone(), id);
        self.books.insert(id, self.new_book());
        self.products.insert(id, product);
        self.tapes.insert(id, Tape::default());
        self.events.push(Event::ProductCreated { product: id });
        Ok(Made::Product(id))
    }

    pub(super) fn create_site(&mut self, at: Timestamp, command: &Command) -> Result<Made, Failure> {
        let Command::CreateSite { organization, name, region, country, power_w, pue_milli } = command else {
            return Err(Failure::Invariant("not_a_site"));
        };
        self.require_provider(*organization)?;
        check_text(name)?;
        if power_w.is_some_and(|watts| watts < 0) || pue_milli.is_some_and(|pue| pue < 1_000) {
            return Err(Reject::InvalidTerms.into());
        }
        self.require_active(*organization)?;
        let id = SiteId::new(next(&mut self.counters.site));
        let site = Site {
            id,
            created_at: at,
            organization: *organization,
            name: name.clone(),
            region: region.clone(),
            country: country.clone(),
            power_w: *power_w,
            pue_milli: *pue_milli,
        };
        self.sites.insert(id, site);
        self.events.push(Event::SiteCreated { site: id });
        Ok(Made::Site(id))
    }

    pub(super) fn create_listing(&mut self, at: Timestamp, command: &Command) -> Result<Made, Failure> {
        let Command::CreateListing {
            organization,
            site,
            product,
            gpus,
            start,
            end,
            gpus_per_node,
            interconnect,
            sla_class,
            resale_allowed,
            rights,
        } = command
        else {
            return Err(Failure::Invariant("not_a_listing"));
        };
        self.require_provider(*organization)?;
        self.sites.get(site).filter(|site| site.organization == *organization).ok_or(Reject::NotFound)?;
        self.products.get(product).ok_or(Reject::UnknownProduct)?;
        if *gpus == 0 || *gpus > GPUS_MAX || *gpus_per_node == 0 || *gpus_per_node > GPUS_MAX {
            return Err(Reject::InvalidGpus.into());
        }
        let window = Window::new(*start, *end);
        self.check_window(window, window.end > self.first_open())?;
        self.check_rights(*organization, rights)?;
        self.require_active(*organization)?;
        let id = ListingId::new(next(&mut self.counters.listing));
        let listing = Listing {
            id,
            created_at: at,
            organization: *organization,
            site: *site,
            product: *product,
            gpus: *gpus,
            window,
            gpus_per_node: *gpus_per_node,
            interconnect: *interconnect,
            sla_class: *sla_class,
            resale_allowed: *resale_allowed,
            rights: *rights,
        };
        self.add_listing(listing)?;
        self.events.push(Event::ListingCreated { listing: id });
        Ok(Made::Listing(id))
    }

    /// Lowers a listing: fewer GPUs, a window inside the old one, never below what is sold or resting in
    /// minutes to come.
    pub(super) fn amend_listing(
        &mut self,
        organization: OrganizationId,
        id: ListingId,
        gpus: Option<u32>,
        (start, end): (Option<Minute>, Option<Minute>),
    ) -> Result<Made, Failure> {
        self.require_provider(organization)?;
        let first_open = self.first_open();
        let listing = self.listings.get(&id).filter(|row| row.organization == organization).ok_or(Reject::NotFound)?;
        let gpus = gpus.unwrap_or(listing.gpus);
        let window = Window::new(start.unwrap_or(listing.window.start), end.unwrap_or(listing.window.end));
        if gpus == 0 || gpus > listing.gpus {
            return Err(Reject::InvalidGpus.into());
        }
        if window.is_empty() || !listing.window.contains(window) {
            return Err(Reject::InvalidWindow.into());
        }
        self.require_active(organization)?;
        let to_come = listing.window.from_minute(first_open);
        let lowered = |piece: Window| if window.contains(piece) { gpus } else { 0 };
        let before = Window::new(to_come.start, window.start.max(to_come.start).min(to_come.end));
        let inside = Window::new(window.start.max(to_come.start), window.end.max(to_come.start));
        let after = Window::new(window.end.max(to_come.start), to_come.end);
        let used = |part| self.capacity.most_used(Source::Listing(id), part);
        if [before, inside, after].into_iter().any(|part| used(part) > lowered(part)) {
            return Err(Reject::BelowSold.into());
        }
        let listing = self.listings.get_mut(&id).ok_or(Failure::Invariant("listing_missing"))?;
        listing.gpus = gpus;
        listing.window = window;
        self.events.push(Event::ListingAmended { listing: id });
        Ok(Made::Listing(id))
    }

    fn require_provider(&self, organization: OrganizationId) -> Result<(), Reject> {
        match self.organizations.get(&organization) {
            Some(row) if row.kind == OrganizationKind::Provider => Ok(()),
            _ => Err(Reject::RoleRequired),
        }
    }

    pub(super) fn require_active(&self, organization: OrganizationId) -> Result<(), Reject> {
        match self.organizations.get(&organization) {
            Some(row) if !row.suspended => Ok(()),
            _ => Err(Reject::OrganizationSuspended),
        }
    }

    /// Refuses a window that is empty, too long or, by the caller's rule, too early.
    pub(super) fn check_window(&self, window: Window, ahead: bool) -> Result<(), Reject> {
        if window.is_empty() || window.minutes() > WINDOW_MINUTES_MAX {
            return Err(Reject::InvalidWindow);
        }
        if ahead { Ok(()) } else { Err(Reject::WindowInPast) }
    }
}

/// Hands out the next number of a kind.
pub(super) fn next(counter: &mut i64) -> i64 {
    let number = *counter;
    *counter = counter.saturating_add(1);
    number
}

/// Refuses texts that are blank, too long or not printable.
///
/// # Errors
/// [`Reject::InvalidText`].
pub fn check_text(text: &str) -> Result<(), Reject> {
    let fits = !text.trim().is_empty() && text.chars().count() <= NAME_CHARS_MAX;
    if fits && !text.chars().any(char::is_control) { Ok(()) } else { Err(Reject::InvalidText) }
}
