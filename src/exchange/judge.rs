//! What an order must be before it may enter: the refusals of placing, in the order of design 3.3.
//!
//! Nothing here changes anything. The result is a [`Draft`]: the order as it would enter, and what it would
//! hold.

use std::sync::Arc;

use super::book::{Book, BookAsk, BookBid};
use super::entities::{Order, Product};
use super::{BidWindow, Exchange, Failure, PlaceAsk, PlaceBid, Reject, Requirements, Terms};
use crate::types::limits::{
    BPS_WHOLE, CHAIN_DEPTH_MAX, GPUS_MAX, PRICE_MICROS_MAX, REQUIREMENT_VALUES_MAX, WINDOW_MINUTES_MAX,
};
use crate::types::{
    Country, Funding, ListingId, Minute, Money, OrderId, OrderStatus, OrganizationId, Price, ProductId, Region,
    SelfTrade, Side, Source, Steps, TimeInForce, Timestamp, Turnover, Window,
};

/// An order that passed every check but those that need the book and the purse.
pub(super) struct Draft {
    /// The order as it would enter, before it trades.
    pub(super) order: Order,
    /// What it would hold: a bid its worst case, an ask its bond.
    pub(super) hold: Money,
    /// Whose capacity it must not trade with.
    pub(super) avoid: Option<[OrganizationId; 2]>,
}

/// What an ask needs to know of the title behind it.
pub(super) struct Backing {
    pub(super) product: ProductId,
    pub(super) listing: ListingId,
    pub(super) window: Window,
    pub(super) gpus: u32,
    pub(super) lot: u32,
    pub(super) min_minutes: u32,
    /// Contracts in the chain so far.
    pub(super) chain: u8,
    pub(super) resale: bool,
}

impl<B: Book> Exchange<B> {
    pub(super) fn judge_bid(&self, at: Timestamp, bid: &PlaceBid) -> Result<Draft, Failure> {
        self.organizations.get(&bid.organization).ok_or(Reject::NotFound)?;
        let product = self.products.get(&bid.product).ok_or(Reject::UnknownProduct)?;
        self.check_requirements(&bid.requirements)?;
        check_gpus(bid.gpus, bid.lot)?;
        check_price(bid.price, Some(product))?;
        bid.cover.map_or(Ok(()), |limit| check_price(limit, Some(product)))?;
        let (window, minutes) = match bid.window {
            BidWindow::Fixed { start, end } => (Window::new(start, end), None),
            BidWindow::AtOnce { minutes } => {
                let start = self.first_open();
                (Window::new(start, start.plus(minutes)), Some(minutes))
            }
        };
        self.check_window(window, window.start >= self.first_open())?;
        let hold = check_hold(bid.price, bid.gpus, window, bid.funding)?;
        bid.price.turnover(bid.gpus, window.minutes()).map_err(|_| Reject::OutOfRange)?;
        let at_once = matches!(bid.terms.time_in_force, TimeInForce::Ioc | TimeInForce::Fok);
        if bid.same_site && !(at_once && bid.terms.self_trade == SelfTrade::Skip) {
            return Err(Reject::InvalidCombination.into());
        }
        self.check_funding(bid.funding, window)?;
        self.check_terms(&bid.terms, Side::Bid)?;
        self.check_market(product, bid.organization)?;
        let mut order = self.blank(at, bid.organization, Side::Bid, &bid.terms);
        order.product = bid.product;
        order.gpus = bid.gpus;
        order.window = window;
        order.minutes = minutes;
        order.price = bid.price;
        order.lot = bid.lot;
        order.requirements = bid.requirements.clone();
        order.same_site = bid.same_site;
        order.held = hold;
        order.cover = bid.cover;
        order.funding = bid.funding;
        Ok(Draft { order, hold, avoid: None })
    }

    pub(super) fn judge_ask(&self, at: Timestamp, ask: &PlaceAsk) -> Result<Draft, Failure> {
        let Some(backing) = self.backing(ask.organization, ask.source)? else {
            return Err(self.judge_orphan(ask).into());
        };
        let product = self.products.get(&backing.product).ok_or(Failure::Invariant("product_missing"))?;
        let (lot, min_minutes) = (ask.lot.unwrap_or(backing.lot), ask.min_minutes.unwrap_or(backing.min_minutes));
        check_gpus(ask.gpus, lot)?;
        check_lot_of_source(lot, backing.lot)?;
        if min_minutes < backing.min_minutes || min_minutes > WINDOW_MINUTES_MAX {
            return Err(Reject::InvalidMinMinutes.into());
        }
        check_price(ask.price, Some(product))?;
        let asked = Window::new(ask.start.unwrap_or(backing.window.start), ask.end.unwrap_or(backing.window.end));
        self.check_window(asked, asked.end > self.first_open())?;
        let window = asked.from_minute(self.first_open());
        ask.price.cost(ask.gpus, window.minutes()).map_err(|_| Reject::OutOfRange)?;
        ask.price.turnover(ask.gpus, window.minutes()).map_err(|_| Reject::OutOfRange)?;
        if ask.lead_minutes > WINDOW_MINUTES_MAX {
            return Err(Reject::InvalidCombination.into());
        }
        self.check_terms(&ask.terms, Side::Ask)?;
        self.check_market(product, ask.organization)?;
        self.check_resale(&backing)?;
        self.check_novation(ask.source)?;
        if !backing.window.contains(asked) {
            return Err(Reject::OutsideSourceWindow.into());
        }
        // A new ask is one block: no need to lay it over a copy of the whole schedule.
        let used = self.capacity.most_used(ask.source, window);
        if used.checked_add(ask.gpus).is_none_or(|most| most > backing.gpus) {
            return Err(Reject::InsufficientCapacity.into());
        }
        if window.minutes() < min_minutes {
            return Err(Reject::BelowMinMinutes.into());
        }
        let mut order = self.blank(at, ask.organization, Side::Ask, &ask.terms);
        order.product = backing.product;
        order.source = Some(ask.source);
        order.gpus = ask.gpus;
        order.window = window;
        order.price = ask.price;
        order.lot = lot;
        order.min_minutes = min_minutes;
        order.lead_minutes = ask.lead_minutes;
        order.bond = self.bond_for(&order)?;
        let hold = order.bonded();
        Ok(Draft { order, hold, avoid: None })
    }

    /// Judges an ask whose contract is no longer known: what can be told without it, then that it has ended.
    fn judge_orphan(&self, ask: &PlaceAsk) -> Reject {
        let own = |ask: &PlaceAsk| -> Result<(), Reject> {
            check_gpus(ask.gpus, ask.lot.unwrap_or(1))?;
            if ask.min_minutes == Some(0) {
                return Err(Reject::InvalidMinMinutes);
            }
            check_price(ask.price, None)?;
            if let (Some(start), Some(end)) = (ask.start, ask.end) {
                let window = Window::new(start, end);
                self.check_window(window, window.end > self.first_open())?;
            }
            self.check_terms(&ask.terms, Side::Ask)?;
            self.require_active(ask.organization)
        };
        own(ask).err().unwrap_or(Reject::SourceNotLive)
    }

    /// Returns the title behind an ask, or nothing if it is a contract that has ended.
    pub(super) fn backing(&self, organization: OrganizationId, source: Source) -> Result<Option<Backing>, Reject> {
        self.organizations.get(&organization).ok_or(Reject::NotFound)?;
        match source {
            Source::Listing(id) => {
                let listing = self.listings.get(&id).filter(|row| row.organization == organization);
                let listing = listing.ok_or(Reject::NotFound)?;
                Ok(Some(Backing {
                    product: listing.product,
                    listing: id,
                    window: listing.window,
                    gpus: listing.gpus,
                    lot: 1,
                    min_minutes: 1,
                    chain: 0,
                    resale: false,
                }))
            }
            Source::Contract(id) => match self.contracts.get(&id) {
                Some(contract) if contract.buyer == organization => Ok(Some(Backing {
                    product: contract.product,
                    listing: contract.listing,
                    window: self.sure_window(contract),
                    gpus: contract.gpus,
                    lot: contract.lot,
                    min_minutes: contract.min_minutes,
                    chain: contract.depth.saturating_add(1),
                    resale: true,
                })),
                Some(_) => Err(Reject::NotFound),
                None if (1..self.counters.contract).contains(&id.number()) => Ok(None),
                None => Err(Reject::NotFound),
            },
        }
    }

    fn check_resale(&self, backing: &Backing) -> Result<(), Failure> {
        let listing = self.listings.get(&backing.listing).ok_or(Failure::Invariant("listing_missing"))?;
        if backing.resale && !listing.resale_allowed {
            return Err(Reject::ResaleNotAllowed.into());
        }
        let most = listing.rights.chain_max.unwrap_or(CHAIN_DEPTH_MAX);
        if backing.chain >= most { Err(Reject::ChainTooDeep.into()) } else { Ok(()) }
    }

    /// Refuses an amendment if, with `before` given back and `after` taken, some minute of the window is oversold.
    pub(super) fn check_capacity(
        &self,
        source: Source,
        backing: &Backing,
        before: &Steps,
        after: &Steps,
        window: Window,
    ) -> Result<(), Failure> {
        let most = self.capacity.most_used_after(source, before, after, window)?;
        if most.is_none_or(|most| most > backing.gpus) { Err(Reject::InsufficientCapacity.into()) } else { Ok(()) }
    }

    fn check_requirements(&self, requirements: &Requirements) -> Result<(), Reject> {
        let Requirements { regions, countries, interconnects, site_ids, .. } = requirements;
        let counts = [regions.len(), countries.len(), interconnects.len(), site_ids.len()];
        let known = counts.into_iter().all(|count| count <= REQUIREMENT_VALUES_MAX)
            && regions.iter().all(|region| Region::new(region.as_str()).is_some())
            && countries.iter().all(|country| Country::new(country.as_str()).is_some())
            && site_ids.iter().all(|site| self.sites.get(site).is_some())
            && requirements.min_score_bps.is_none_or(|least| least <= BPS_WHOLE);
        if known { Ok(()) } else { Err(Reject::UnknownRequirement) }
    }

    fn check_terms(&self, terms: &Terms, side: Side) -> Result<(), Reject> {
        let at_once = matches!(terms.time_in_force, TimeInForce::Ioc | TimeInForce::Fok);
        if (terms.post_only && at_once) || (side == Side::Ask && terms.time_in_force == TimeInForce::Fok) {
            return Err(Reject::InvalidCombination);
        }
        match (terms.time_in_force, terms.expires_at) {
            (TimeInForce::Gtd, Some(at)) if at > self.now() => Ok(()),
            (TimeInForce::Gtd, _) | (_, Some(_)) => Err(Reject::InvalidExpiry),
            (_, None) => Ok(()),
        }
    }

    pub(super) fn check_market(&self, product: &Product, organization: OrganizationId) -> Result<(), Reject> {
        if product.halted {
            return Err(Reject::MarketHalted);
        }
        self.require_active(organization)
    }

    fn blank(&self, at: Timestamp, organization: OrganizationId, side: Side, terms: &Terms) -> Order {
        Order {
            id: OrderId::new(self.counters.order),
            created_at: at,
            placed_at: self.now(),
            organization,
            side,
            product: ProductId::new(0),
            source: None,
            sequence: self.counters.sequence,
            gpus: 0,
            window: Window::new(Minute::new(0), Minute::new(0)),
            minutes: None,
            price: Price::default(),
            lot: 1,
            min_minutes: 1,
            lead_minutes: 0,
            requirements: Requirements::default(),
            same_site: false,
            time_in_force: terms.time_in_force,
            expires_at: terms.expires_at,
            post_only: terms.post_only,
            self_trade: terms.self_trade,
            client_order_id: terms.client_order_id.clone(),
            fingerprint: None,
            status: OrderStatus::Open,
            reason: None,
            ended_at: None,
            filled_gpus: 0,
            fills: 0,
            filled_gpu_minutes: 0,
            turnover: Turnover::ZERO,
            sold: Steps::new(),
            held: Money::ZERO,
            previous: self.purses.get(&organization).and_then(|purse| purse.last_order),
            last_trade: None,
            cover: None,
            funding: Funding::Full,
            bond: None,
        }
    }

    /// Returns an ask as the book knows it.
    pub(super) fn book_ask(&self, order: &Order) -> Result<BookAsk, Failure> {
        let source = order.source.ok_or(Failure::Invariant("ask_without_source"))?;
        let (listing, is_primary) = match source {
            Source::Listing(id) => (id, true),
            Source::Contract(id) => {
                (self.contracts.get(&id).ok_or(Failure::Invariant("source_missing"))?.listing, false)
            }
        };
        let [primary, resale] = self.places.get(listing).ok_or(Failure::Invariant("listing_missing"))?;
        Ok(BookAsk {
            id: order.id,
            organization: order.organization,
            sequence: order.sequence,
            price: order.price,
            gpus: order.gpus,
            window: order.window,
            sold: order.sold.clone(),
            lot: order.lot,
            min_minutes: order.min_minutes,
            lead_minutes: order.lead_minutes,
            place: Arc::clone(if is_primary { primary } else { resale }),
        })
    }

    /// Returns a bid as the book knows it.
    pub(super) fn book_bid(&self, order: &Order) -> BookBid {
        let requirements = match order.requirements == *self.no_requirements {
            true => Arc::clone(&self.no_requirements),
            false => Arc::new(order.requirements.clone()),
        };
        BookBid {
            id: order.id,
            organization: order.organization,
            sequence: order.sequence,
            price: order.price,
            remaining: order.gpus.saturating_sub(order.filled_gpus),
            window: order.window,
            lot: order.lot,
            requirements,
            monthly: !order.funding.is_full(),
        }
    }
}

pub(super) fn check_gpus(gpus: u32, lot: u32) -> Result<(), Reject> {
    if gpus == 0 || gpus > GPUS_MAX {
        return Err(Reject::InvalidGpus);
    }
    if gpus.checked_rem(lot) == Some(0) { Ok(()) } else { Err(Reject::InvalidLot) }
}

/// Returns what a bid holds for GPUs; refused if that, or all they cost, leaves the range of money.
pub(super) fn check_hold(price: Price, gpus: u32, window: Window, funding: Funding) -> Result<Money, Reject> {
    let range = |_| Reject::OutOfRange;
    price.cost(gpus, window.minutes()).map_err(range)?;
    funding.set_aside(price, gpus, window.minutes()).map_err(range)
}

/// Lots of a resale are multiples of the lot of the contract behind it.
pub(super) fn check_lot_of_source(lot: u32, source: u32) -> Result<(), Reject> {
    if lot.checked_rem(source) == Some(0) { Ok(()) } else { Err(Reject::InvalidLot) }
}

/// Refuses a price that is not positive, absurd, or not a multiple of the product's tick.
///
/// # Errors
/// [`Reject::InvalidPrice`], [`Reject::OffTick`].
pub fn check_price(price: Price, product: Option<&Product>) -> Result<(), Reject> {
    if price <= Price::default() || price.micros() > PRICE_MICROS_MAX {
        return Err(Reject::InvalidPrice);
    }
    if product.is_none_or(|product| price.is_on_tick(product.tick)) { Ok(()) } else { Err(Reject::OffTick) }
}
