//! The resting orders of one product, with one number per minute for each ask.

use gpubourse::exchange::entities::{Listing, Order, Organization, Site};
use gpubourse::types::{OrderId, OrganizationId, Side, SiteId, Source, Timestamp};

use super::super::view::View;

/// An order that rests or arrives.
pub struct Party<'a> {
    pub order: &'a Order,
    /// Bids: GPUs still wanted.
    pub wanted: u32,
    /// Asks: GPUs free, from the first minute of the window on.
    free: Vec<u32>,
    place: Option<(&'a Listing, &'a Site)>,
    host: Option<&'a Organization>,
}

impl<'a> Party<'a> {
    pub fn new(order: &'a Order, view: &View<'a>) -> Self {
        let mut free = Vec::new();
        if order.side == Side::Ask {
            for (piece, sold) in order.sold.pieces(order.window) {
                free.resize(free.len() + usize::try_from(piece.minutes()).unwrap(), order.gpus.saturating_sub(sold));
            }
        }
        let listing = order.source.and_then(|source| view.origin(source));
        let place = listing.and_then(|listing| view.site(listing.site).map(|site| (listing, site)));
        let wanted = if order.side == Side::Bid { order.gpus - order.filled_gpus } else { 0 };
        let host = listing.and_then(|listing| view.organizations.iter().find(|row| row.id == listing.organization));
        Self { order, wanted, free, place, host: host.copied() }
    }

    pub fn id(&self) -> OrderId {
        self.order.id
    }

    pub fn organization(&self) -> OrganizationId {
        self.order.organization
    }

    pub fn site(&self) -> Option<SiteId> {
        self.place.map(|(_, site)| site.id)
    }

    /// Orders on the same side by who comes first.
    pub fn rank(&self) -> (i64, i64) {
        let price = self.order.price.micros();
        (if self.order.side == Side::Ask { price } else { -price }, self.order.sequence)
    }

    /// Takes a fill over the bid's window out of an ask; `None` if it has not so many.
    pub fn take(&mut self, bid: &Order, gpus: u32) -> Option<()> {
        for minute in bid.window.start.get()..bid.window.end.get() {
            let at = usize::try_from(minute.checked_sub(self.order.window.start.get())?).ok()?;
            let free = self.free.get_mut(at)?;
            *free = free.checked_sub(gpus)?;
        }
        Some(())
    }

    /// Tells whether somewhere a lot is free for the shortest rental.
    pub fn can_still_sell(&self, first_open: u32) -> bool {
        let gone = usize::try_from(first_open.saturating_sub(self.order.window.start.get())).unwrap();
        let mut run = 0;
        self.free.iter().skip(gone).any(|free| {
            run = if *free >= self.order.lot { run + 1 } else { 0 };
            run >= self.order.min_minutes.max(1)
        })
    }
}

/// Returns the GPUs an ask gives a bid; 0 if it is not eligible.
pub fn gives(ask: &Party, bid: &Party, now: Timestamp) -> u32 {
    let (offer, demand) = (ask.order, bid.order);
    let outside = demand.window.start < offer.window.start || demand.window.end > offer.window.end;
    if offer.price > demand.price || offer.product != demand.product || outside || bid.wanted == 0 {
        return 0;
    }
    let too_short = demand.window.end.get() - demand.window.start.get() < offer.min_minutes;
    let earliest_ms = now.millis() + i64::from(offer.lead_minutes) * 60_000;
    if too_short || i64::from(demand.window.start.get()) * 60_000 < earliest_ms || !suits(ask, demand) {
        return 0;
    }
    let step = if offer.lot % demand.lot == 0 {
        offer.lot
    } else if demand.lot % offer.lot == 0 {
        demand.lot
    } else {
        return 0;
    };
    let from = usize::try_from(demand.window.start.get() - offer.window.start.get()).unwrap();
    let minutes = usize::try_from(demand.window.minutes()).unwrap();
    let free = ask.free.iter().skip(from).take(minutes).min().copied().unwrap_or(0);
    free.min(bid.wanted) / step * step
}

fn suits(ask: &Party, demand: &Order) -> bool {
    let asked = &demand.requirements;
    let Some((listing, site)) = ask.place else { return false };
    let resold = !matches!(ask.order.source, Some(Source::Listing(_)));
    let known = |host: &Organization| {
        let score = host.score_bps.unwrap_or(9_700);
        host.tier >= asked.min_tier && asked.min_score_bps.is_none_or(|least| least <= score)
    };
    ask.host.is_some_and(known)
        && !(asked.primary_only && resold)
        && listing.sla_class >= asked.min_sla_class
        && (asked.regions.is_empty() || asked.regions.iter().any(|name| *name == site.region.to_string()))
        && (asked.countries.is_empty() || asked.countries.iter().any(|name| *name == site.country.to_string()))
        && (asked.interconnects.is_empty() || asked.interconnects.contains(&listing.interconnect))
        && (asked.site_ids.is_empty() || asked.site_ids.contains(&site.id))
}
