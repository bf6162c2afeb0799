//! An order in the auditor's own book, and whom it may trade with.

use super::facts::{Standing, Wants};
use crate::types::{
    Interconnect, Minute, Money, OrderReason, OrderStatus, OutOfRange, Price, SelfTrade, Side, SlaClass, Source, Steps,
    TimeInForce, Timestamp, Window,
};

const MS_PER_MINUTE: i64 = 60_000;

/// An order.
#[derive(Debug, Clone)]
pub(super) struct Order {
    pub(super) id: i64,
    pub(super) sequence: i64,
    pub(super) organization: i64,
    pub(super) side: Side,
    pub(super) product: i64,
    pub(super) source: Option<Source>,
    pub(super) gpus: u32,
    pub(super) window: Window,
    pub(super) price_micros: i64,
    pub(super) lot: u32,
    pub(super) min_minutes: u32,
    pub(super) lead_minutes: u32,
    pub(super) wants: Wants,
    pub(super) time_in_force: TimeInForce,
    pub(super) expires_at: Option<Timestamp>,
    pub(super) post_only: bool,
    pub(super) self_trade: SelfTrade,
    /// Where an ask's capacity stands.
    pub(super) place: Option<Place>,
    /// Bids: GPUs filled.
    pub(super) filled: u32,
    pub(super) fills: u32,
    /// Asks: GPUs sold, per minute.
    pub(super) sold: Steps,
    pub(super) ended: Option<(OrderStatus, Option<OrderReason>)>,
}

/// Where capacity stands and what it is wired with.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) site: i64,
    pub(super) region: String,
    pub(super) country: String,
    pub(super) interconnect: Interconnect,
    pub(super) sla_class: SlaClass,
}

impl Order {
    /// What comes first on its side: the better price, then the earlier place.
    pub(super) const fn rank(&self) -> (i64, i64) {
        match self.side {
            Side::Ask => (self.price_micros, self.sequence),
            Side::Bid => (self.price_micros.saturating_neg(), self.sequence),
        }
    }

    /// A bid's GPUs still wanted.
    pub(super) const fn wanted(&self) -> u32 {
        self.gpus.saturating_sub(self.filled)
    }

    /// A bid's worst case.
    pub(super) fn hold(&self) -> Result<Money, OutOfRange> {
        match (self.side, self.ended) {
            (Side::Bid, None) => Price::from_micros(self.price_micros).cost(self.wanted(), self.window.minutes()),
            _ => Ok(Money::ZERO),
        }
    }

    /// An ask's GPUs free over a window inside its own.
    pub(super) fn free(&self, window: Window) -> u32 {
        self.gpus.saturating_sub(self.sold.max_over(window))
    }

    /// Tells whether some minutes to come can still be traded.
    pub(super) fn can_trade(&self, first_open: Minute) -> bool {
        match self.side {
            Side::Bid => self.window.start >= first_open && self.wanted() > 0,
            Side::Ask => self.longest_run(first_open) >= self.min_minutes.max(1),
        }
    }

    /// Returns how an ask that cannot trade any more ends.
    pub(super) fn how_spent(&self, first_open: Minute) -> (OrderStatus, Option<OrderReason>) {
        let left = self.window.from_minute(first_open);
        let sold_out = match self.side {
            Side::Bid => self.wanted() == 0,
            Side::Ask => !left.is_empty() && self.sold.min_over(left) >= self.gpus,
        };
        if sold_out { (OrderStatus::Filled, None) } else { (OrderStatus::Expired, Some(OrderReason::Expired)) }
    }

    fn longest_run(&self, first_open: Minute) -> u32 {
        let (mut longest, mut run) = (0_u32, 0_u32);
        for (piece, sold) in self.sold.pieces(self.window.from_minute(first_open)) {
            let fits = self.gpus.saturating_sub(sold) >= self.lot;
            run = if fits { run.saturating_add(piece.minutes()) } else { 0 };
            longest = longest.max(run);
        }
        longest
    }

    /// Returns how it must stand in the tables.
    pub(super) fn standing(&self) -> Result<Standing, OutOfRange> {
        let resting = if self.fills > 0 { OrderStatus::PartiallyFilled } else { OrderStatus::Open };
        let (status, reason) = self.ended.unwrap_or((resting, None));
        let filled_gpus = match self.side {
            Side::Bid => self.filled,
            Side::Ask => self.sold.runs().map(|(_, sold)| sold).max().unwrap_or(0),
        };
        Ok(Standing {
            id: self.id,
            sequence: self.sequence,
            gpus: self.gpus,
            window: self.window,
            price_micros: self.price_micros,
            lot: self.lot,
            filled_gpus,
            sold: self.sold.clone(),
            held_micros: self.hold()?.micros(),
            status,
            reason,
        })
    }
}

/// Returns the GPUs an ask gives a bid; 0 if it is not eligible.
pub(super) fn gives(ask: &Order, bid: &Order, now: Timestamp) -> u32 {
    if ask.price_micros > bid.price_micros || ask.product != bid.product || !ask.window.contains(bid.window) {
        return 0;
    }
    let notice_ms = i64::from(ask.lead_minutes).saturating_mul(MS_PER_MINUTE);
    let too_late = bid.window.start.start() < now.plus_millis(notice_ms);
    if bid.window.minutes() < ask.min_minutes || too_late || !suits(ask, &bid.wants) {
        return 0;
    }
    let most = bid.wanted().min(ask.free(bid.window));
    let (small, large) = (ask.lot.min(bid.lot), ask.lot.max(bid.lot));
    match (large.checked_rem(small), most.checked_rem(large)) {
        (Some(0), Some(over)) => most.saturating_sub(over),
        _ => 0,
    }
}

fn suits(ask: &Order, wants: &Wants) -> bool {
    let Some(place) = &ask.place else { return false };
    let resold = matches!(ask.source, Some(Source::Contract(_)));
    !(wants.primary_only && resold)
        && place.sla_class >= wants.min_sla_class
        && (wants.regions.is_empty() || wants.regions.contains(&place.region))
        && (wants.countries.is_empty() || wants.countries.contains(&place.country))
        && (wants.interconnects.is_empty() || wants.interconnects.contains(&place.interconnect))
        && (wants.sites.is_empty() || wants.sites.contains(&place.site))
}
