//! Asks, bids and their amendments.

use gpubourse::exchange::entities::{Contract, Order};
use gpubourse::exchange::{AmendOrder, BidWindow, Command, PlaceAsk, PlaceBid, Requirements, Terms};
use gpubourse::types::{
    Funding, Interconnect, Minute, OrganizationId, Price, ProductId, SelfTrade, Side, SiteId, SlaClass, Source, Tier,
    TimeInForce, Window,
};

use super::{Generator, HORIZON_MINUTES, View};

impl Generator {
    pub(super) fn ask_from_listing(&mut self, view: &View) -> Option<Command> {
        let first_open = view.first_open();
        let rows: Vec<_> = view.listings.iter().filter(|row| row.window.end > first_open).copied().collect();
        let listing = self.rng.pick_if_any(&rows)?;
        let window = listing.window.from_minute(first_open);
        let (start, end) = self.inside(window.start, window.end);
        let free =
            listing.gpus.saturating_sub(view.used(Source::Listing(listing.id)).max_over(Window::new(start, end)));
        let lot = self.rng.pick(&[1, 1, 1, 2, 3, 4, 8]);
        let gpus = self.part_of(free, lot);
        let whole = (start, end) == (window.start, window.end);
        let min_minutes = self.rng.pick(&[None, None, Some(1), Some(10), Some(30)]);
        Some(Command::PlaceAsk(PlaceAsk {
            organization: listing.organization,
            source: Source::Listing(listing.id),
            gpus,
            start: if whole && self.rng.chance(50) { None } else { Some(start) },
            end: if whole && self.rng.chance(50) { None } else { Some(end) },
            price: self.price(3, 8),
            lot: if lot == 1 { self.rng.pick(&[None, Some(1)]) } else { Some(lot) },
            min_minutes,
            lead_minutes: self.rng.pick(&[0, 0, 0, 5, 20]),
            terms: self.terms(view, Side::Ask),
        }))
    }

    /// Resells; the deeper in a chain of title the better.
    pub(super) fn ask_from_contract(&mut self, view: &View) -> Option<Command> {
        let contract = self.resalable(view)?;
        let first_open = view.first_open();
        let window = contract.window.from_minute(first_open);
        let (start, end) = if self.deep { (window.start, window.end) } else { self.inside(window.start, window.end) };
        let free =
            contract.gpus.saturating_sub(view.used(Source::Contract(contract.id)).max_over(Window::new(start, end)));
        let lot = contract.lot * self.rng.pick(&[1, 1, 1, 2]);
        let gpus = self.part_of(free, lot);
        let price = if self.deep || self.rng.chance(50) { self.price(1, 3) } else { self.price(2, 8) };
        let mut terms = self.terms(view, Side::Ask);
        if self.deep {
            terms.time_in_force = TimeInForce::Gtc;
            terms.expires_at = None;
        }
        Some(Command::PlaceAsk(PlaceAsk {
            organization: contract.buyer,
            source: Source::Contract(contract.id),
            gpus,
            start: Some(start),
            end: Some(end),
            price,
            lot: if lot == contract.lot { None } else { Some(lot) },
            min_minutes: self.rng.pick(&[None, None, Some(contract.min_minutes.max(5))]),
            lead_minutes: self.rng.pick(&[0, 0, 0, 3]),
            terms,
        }))
    }

    fn resalable<'a>(&mut self, view: &View<'a>) -> Option<&'a Contract> {
        let first_open = view.first_open();
        let mut rows: Vec<_> = view
            .contracts
            .iter()
            .copied()
            .filter(|row| {
                row.window.end > first_open
                    && view.used(Source::Contract(row.id)).max_over(row.window.from_minute(first_open)) < row.gpus
            })
            .collect();
        rows.sort_by_key(|row| (row.depth, row.id));
        let steered = self.rng.chance(if self.deep { 70 } else { 35 });
        if steered { rows.last().copied() } else { self.rng.pick_if_any(&rows) }
    }

    /// Most often bids for something that is on offer.
    pub(super) fn bid(&mut self, view: &View) -> Option<Command> {
        let first_open = view.first_open();
        let asks: Vec<&Order> = view.orders.iter().copied().filter(|order| order.side == Side::Ask).collect();
        let target = if self.rng.chance(80) { self.target(&asks) } else { None };
        let organization = self.bidder(view, target);
        let tail = self.rng.chance(28);
        let (product, window) = match target {
            Some(ask) => {
                let lead = if self.rng.chance(80) { ask.lead_minutes + 1 } else { 0 };
                let open = ask.window.from_minute(first_open.plus(lead));
                let end = open.end.max(open.start.plus(1));
                let (start, inner) = self.inside(open.start, end);
                // A tail that is taken wholly leaves the ask a head to sell, or to let pass.
                let soon = open.start.plus(self.rng.below(15)).min(end.minus(1));
                (ask.product, if tail { (soon, end) } else { (start, inner) })
            }
            None => {
                let start = first_open.plus(self.rng.below(HORIZON_MINUTES));
                (ProductId::new(1 + i64::from(self.rng.below(2))), (start, start.plus(self.rng.between(1, 90))))
            }
        };
        let lot = match target {
            Some(ask) if self.rng.chance(60) => ask.lot,
            _ => self.rng.pick(&[1, 1, 1, 2, 4, 8]),
        };
        let free = target.map_or(12, |ask| ask.free_over(Window::new(window.0, window.1)));
        let most = if self.rng.chance(30) { free.max(1) * 2 } else { free };
        let gpus = match self.rng.below(10) {
            0 => lot,
            1..6 if tail => (free / lot).max(1) * lot,
            _ => self.part_of(most, lot),
        };
        let price = match target {
            Some(ask) if self.rng.chance(75) => ask.price,
            _ => self.price(2, 7),
        };
        let terms = self.terms(view, Side::Bid);
        let same_site = self.rng.chance(45) && self.all_at_once(&terms);
        let (gpus, price) = if same_site && self.rng.chance(60) {
            (gpus + lot * self.rng.between(1, 4), self.price(6, 9))
        } else {
            (gpus, price)
        };
        Some(Command::PlaceBid(PlaceBid {
            organization,
            product,
            gpus,
            window: self.bid_window(first_open, window),
            price,
            lot: if self.rng.chance(6) { gpus } else { lot },
            requirements: if same_site { Requirements::default() } else { self.requirements(view, target) },
            same_site,
            cover: None,
            funding: Funding::Full,
            terms: if same_site { Terms { self_trade: SelfTrade::Skip, ..terms } } else { terms },
        }))
    }

    fn all_at_once(&self, terms: &Terms) -> bool {
        matches!(terms.time_in_force, TimeInForce::Ioc | TimeInForce::Fok)
    }

    fn bid_window(&mut self, first_open: Minute, (start, end): (Minute, Minute)) -> BidWindow {
        if start == first_open && self.rng.chance(65) {
            return BidWindow::AtOnce { minutes: end.get() - start.get() };
        }
        BidWindow::Fixed { start, end }
    }

    fn target<'a>(&mut self, asks: &[&'a Order]) -> Option<&'a Order> {
        let cheap = asks.iter().copied().min_by_key(|ask| (ask.price, ask.sequence));
        if self.rng.chance(if self.deep { 60 } else { 20 }) { cheap } else { self.rng.pick_if_any(asks) }
    }

    fn bidder(&mut self, view: &View, target: Option<&Order>) -> OrganizationId {
        match target {
            Some(ask) if self.rng.chance(14) => ask.organization,
            _ => self.organization(view),
        }
    }

    /// Returns a multiple of the lot, at most `most` where that is possible.
    pub(super) fn part_of(&mut self, most: u32, lot: u32) -> u32 {
        let lots = (most / lot).min(6);
        if lots == 0 { lot } else { lot * self.rng.between(1, lots) }
    }

    pub(super) fn terms(&mut self, view: &View, side: Side) -> Terms {
        let time_in_force = match (self.rng.below(100), side) {
            (0..12, _) => TimeInForce::Gtd,
            (12..25, _) => TimeInForce::Ioc,
            (25..40, Side::Bid) => TimeInForce::Fok,
            _ => TimeInForce::Gtc,
        };
        let rests = matches!(time_in_force, TimeInForce::Gtc | TimeInForce::Gtd);
        let expires = view.counters.now.plus_millis(i64::from(self.rng.between(1, 1_800_000)));
        let modes = [SelfTrade::CancelNewest, SelfTrade::CancelOldest, SelfTrade::CancelBoth];
        Terms {
            time_in_force,
            expires_at: (time_in_force == TimeInForce::Gtd).then_some(expires),
            post_only: rests && self.rng.chance(7),
            self_trade: if self.rng.chance(45) { self.rng.pick(&modes) } else { SelfTrade::Skip },
            client_order_id: self.rng.chance(15).then(|| self.name("order")),
        }
    }

    fn requirements(&mut self, view: &View, target: Option<&Order>) -> Requirements {
        let mut asked = Requirements::default();
        if self.rng.chance(65) {
            return asked;
        }
        // Of some nothing but a rank is asked, so that they trade when it rises.
        if self.rng.chance(10) {
            asked.min_tier = self.rng.pick(Tier::ALL);
            return asked;
        }
        let origin = target.and_then(|ask| ask.source).and_then(|source| view.origin(source));
        let site = origin.and_then(|listing| view.site(listing.site));
        let fits = self.rng.chance(75);
        if self.rng.chance(40) {
            asked.regions.push("us-east".to_owned());
            asked.regions.extend(site.filter(|_| fits).map(|site| site.region.to_string()));
        }
        if self.rng.chance(30) {
            asked.countries.push(site.filter(|_| fits).map_or("SE".to_owned(), |site| site.country.to_string()));
        }
        if self.rng.chance(30) {
            asked.interconnects.push(origin.filter(|_| fits).map_or(Interconnect::Roce, |row| row.interconnect));
        }
        if self.rng.chance(30) {
            asked.site_ids.push(origin.filter(|_| fits).map_or(SiteId::new(1), |row| row.site));
        }
        if self.rng.chance(30) {
            asked.min_sla_class = origin.filter(|_| fits).map_or(SlaClass::P99, |row| row.sla_class);
        }
        asked.primary_only = self.rng.chance(25);
        let host = origin.and_then(|listing| view.organizations.iter().find(|row| row.id == listing.organization));
        if self.rng.chance(30) {
            asked.min_tier = host.filter(|_| fits).map_or(self.rng.pick(Tier::ALL), |row| row.tier);
        }
        if self.rng.chance(30) {
            asked.min_score_bps = Some(self.rng.between(9_500, 9_900));
        }
        asked
    }

    pub(super) fn amend(&mut self, view: &View) -> Option<Command> {
        let order = self.rng.pick_if_any(&view.orders)?;
        Some(Command::AmendOrder(self.amendment(view, order)))
    }

    fn amendment(&mut self, view: &View, order: &Order) -> AmendOrder {
        let mut amend = AmendOrder::unchanged(order.organization, order.id);
        let filled = if order.side == Side::Bid { order.filled_gpus } else { order.sold.max_over(order.window) };
        match self.rng.below(8) {
            0 if order.side == Side::Bid => amend.price = Some(self.price_on_offer(view, order)),
            0 => amend.price = Some(self.price(1, 5)),
            1 => amend.gpus = Some(order.gpus + order.lot * self.rng.between(1, 2)),
            2 | 3 => amend.gpus = Some(filled + self.part_of(order.gpus - filled.min(order.gpus), order.lot)),
            4 => {
                let open = order.window.from_minute(view.first_open());
                let (start, end) = self.inside(open.start, open.end);
                (amend.start, amend.end) = (Some(start), Some(end));
            }
            5 => {
                let by = self.rng.between(1, 20);
                (amend.start, amend.end) = (Some(order.window.start.plus(by)), Some(order.window.end.plus(by)));
            }
            6 => amend.lot = Some(self.rng.pick(&[1, 1, 2, order.gpus])),
            _ => {
                let bid = order.side == Side::Bid;
                amend.price = Some(if bid { self.price_on_offer(view, order) } else { self.price(2, 7) });
                amend.gpus = Some(order.gpus + order.lot);
            }
        }
        amend
    }

    /// Returns the price of an ask that the bid could have if it paid more, or just a higher one.
    fn price_on_offer(&mut self, view: &View, bid: &Order) -> Price {
        let fits = |ask: &&&Order| {
            ask.side == Side::Ask
                && ask.product == bid.product
                && ask.window.contains(bid.window)
                && ask.organization != bid.organization
        };
        let prices: Vec<Price> = view.orders.iter().filter(fits).map(|ask| ask.price).collect();
        self.rng.pick_if_any(&prices).unwrap_or_else(|| self.price(5, 9))
    }

    pub(super) fn cancel(&mut self, view: &View) -> Option<Command> {
        let order = self.rng.pick_if_any(&view.orders)?;
        Some(Command::CancelOrder { organization: order.organization, order: order.id })
    }

    pub(super) fn cancel_all(&mut self, view: &View) -> Command {
        Command::CancelAll {
            organization: self.organization(view),
            product: self.rng.pick(&[None, Some(ProductId::new(1)), Some(ProductId::new(2))]),
            side: self.rng.pick(&[None, Some(Side::Ask), Some(Side::Bid)]),
        }
    }
}
