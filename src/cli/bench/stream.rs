//! The orders of the load: asks and bids in turn, random windows and prices, no two alike.

use serde_json::json;
use uuid::Uuid;

use crate::exchange::{Command, PlaceAsk, PlaceBid, Terms};
use crate::types::{ListingId, Minute, OrganizationId, Price, ProductId, Source, Window};

const HOUR: u32 = 60;
const DAY: u32 = 24 * HOUR;
/// Windows begin within so many minutes.
pub const AHEAD: u32 = 90 * DAY;
/// Asks last at most so long.
pub const ASK_MINUTES_MAX: u32 = 90 * DAY;
const BID_MINUTES_MAX: u32 = 5 * DAY;
/// Orders of batches have the numbers from here on, which no single order reaches.
const BATCHES_FROM: u64 = 1 << 36;
/// The prices of bids begin here, in tenths of a cent: those that reach every ask, and those that reach none.
const TAKING: u32 = 3_000;
const WAITING: u32 = 1_000;
/// Windows begin no earlier than this from the moment the market was set up.
const NOTICE: u32 = 2 * DAY;

/// Somebody who sells.
#[derive(Debug, Clone)]
pub struct Seller {
    pub organization: OrganizationId,
    pub key: String,
    pub listings: Vec<Listed>,
}

/// A listing: its number, its outward id, and the place of its product among all.
#[derive(Debug, Clone, Copy)]
pub struct Listed {
    pub id: ListingId,
    pub public: Uuid,
    pub product: usize,
}

/// Somebody who buys.
#[derive(Debug, Clone)]
pub struct Buyer {
    pub organization: OrganizationId,
    pub key: String,
}

/// Whoever is in the market.
#[derive(Debug, Clone, Default)]
pub struct Cast {
    pub sellers: Vec<Seller>,
    pub buyers: Vec<Buyer>,
    /// The symbols of the products, in the order of their numbers.
    pub symbols: Vec<String>,
    /// When the market was set up.
    pub now: Minute,
}

/// One order, before it is anybody's bytes.
#[derive(Debug, Clone, Copy)]
pub struct Draft<'a> {
    number: u64,
    gpus: u32,
    window: Window,
    price: Price,
    kind: DraftKind<'a>,
}

#[derive(Debug, Clone, Copy)]
enum DraftKind<'a> {
    Ask(&'a Seller, Listed),
    Bid(&'a Buyer, ProductId, &'a str),
}

impl Cast {
    /// Returns an order: even numbers are asks, odd ones bids that reach every ask.
    pub fn draft(&self, number: u64) -> Option<Draft<'_>> {
        if number.is_multiple_of(2) { self.ask(number) } else { self.bid(number) }
    }

    /// Returns the ask of a number.
    pub fn ask(&self, number: u64) -> Option<Draft<'_>> {
        let mut dice = Dice::of(number);
        self.ask_of(dice.pick(&self.sellers)?, number, dice)
    }

    /// Returns the orders of a batch, all of one organization.
    pub fn batch(&self, number: u64, count: u64) -> Vec<Draft<'_>> {
        let mut dice = Dice::of(number);
        let first = BATCHES_FROM.saturating_add(number.saturating_mul(count));
        let numbers = first..first.saturating_add(count);
        if number.is_multiple_of(2) {
            let Some(seller) = dice.pick(&self.sellers) else { return Vec::new() };
            numbers.filter_map(|number| self.ask_of(seller, number, Dice::of(number))).collect()
        } else {
            let Some(buyer) = dice.pick(&self.buyers) else { return Vec::new() };
            numbers.filter_map(|number| self.bid_of(buyer, number, Dice::of(number), TAKING)).collect()
        }
    }

    /// Returns an order that stays: even numbers are asks, odd ones bids that reach none.
    pub fn resting(&self, number: u64) -> Option<Draft<'_>> {
        if number.is_multiple_of(2) {
            return self.ask(number);
        }
        let mut dice = Dice::of(number);
        self.bid_of(dice.pick(&self.buyers)?, number, dice, WAITING)
    }

    fn bid(&self, number: u64) -> Option<Draft<'_>> {
        let mut dice = Dice::of(number);
        self.bid_of(dice.pick(&self.buyers)?, number, dice, TAKING)
    }

    fn ask_of<'a>(&self, seller: &'a Seller, number: u64, mut dice: Dice) -> Option<Draft<'a>> {
        let listing = *dice.pick(&seller.listings)?;
        let window = dice.window(self.now, ASK_MINUTES_MAX);
        let price = Price::from_micros(i64::from(2_000 + dice.below(1_000)) * 1_000);
        Some(Draft { number, gpus: 1 + dice.below(64), window, price, kind: DraftKind::Ask(seller, listing) })
    }

    /// Returns a bid at a price from so many tenths of a cent upwards.
    fn bid_of<'a>(&'a self, buyer: &'a Buyer, number: u64, mut dice: Dice, from: u32) -> Option<Draft<'a>> {
        let product = dice.below(u32::try_from(self.symbols.len()).ok()?);
        let symbol = self.symbols.get(usize::try_from(product).ok()?)?;
        let window = dice.window(self.now, BID_MINUTES_MAX);
        let price = Price::from_micros(i64::from(from + dice.below(1_000)) * 1_000);
        let product = ProductId::new(i64::from(product) + 1);
        Some(Draft { number, gpus: 1 + dice.below(8), window, price, kind: DraftKind::Bid(buyer, product, symbol) })
    }
}

impl Draft<'_> {
    /// Returns the key it is placed with.
    pub fn key(&self) -> &str {
        match self.kind {
            DraftKind::Ask(seller, _) => &seller.key,
            DraftKind::Bid(buyer, ..) => &buyer.key,
        }
    }

    /// Returns it as the API takes it.
    pub fn body(&self) -> serde_json::Value {
        let (start, end) = (self.window.start.to_rfc3339(), self.window.end.to_rfc3339());
        let (gpus, price, name) = (self.gpus, self.price.to_string(), self.name());
        match self.kind {
            DraftKind::Ask(_, listing) => json!({
                "side": "ask", "listing_id": listing.public, "gpus": gpus, "price": price, "start": start, "end": end,
                "client_order_id": name,
            }),
            DraftKind::Bid(_, _, symbol) => json!({
                "side": "bid", "product": symbol, "gpus": gpus, "price": price, "start": start, "end": end,
                "client_order_id": name,
            }),
        }
    }

    /// Returns it as the exchange takes it.
    pub fn command(&self) -> Command {
        let terms = Terms { client_order_id: Some(self.name()), ..Terms::default() };
        let Self { gpus, window, price, .. } = *self;
        match self.kind {
            DraftKind::Ask(seller, listing) => {
                let source = Source::Listing(listing.id);
                let ask = PlaceAsk::plain(seller.organization, source, gpus, window, price);
                Command::PlaceAsk(PlaceAsk { terms, ..ask })
            }
            DraftKind::Bid(buyer, product, _) => {
                let bid = PlaceBid::plain(buyer.organization, product, gpus, window, price);
                Command::PlaceBid(PlaceBid { terms, ..bid })
            }
        }
    }

    fn name(&self) -> String {
        format!("bench-{}", self.number)
    }
}

/// A generator (splitmix64) that starts anew from the number of each order.
pub struct Dice(u64);

impl Dice {
    pub const fn of(number: u64) -> Self {
        Self(number.wrapping_add(1))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, bound: u32) -> u32 {
        let rolled = self.next().checked_rem(u64::from(bound.max(1))).unwrap_or_default();
        u32::try_from(rolled).unwrap_or_default()
    }

    fn pick<'a, T>(&mut self, values: &'a [T]) -> Option<&'a T> {
        values.get(usize::try_from(self.below(u32::try_from(values.len()).ok()?)).ok()?)
    }

    /// Returns a window whose length is log-uniform between an hour and a longest.
    fn window(&mut self, now: Minute, minutes_max: u32) -> Window {
        let doublings = (minutes_max / HOUR).checked_ilog2().unwrap_or_default();
        let shortest = HOUR << self.below(doublings.saturating_add(1));
        let minutes = shortest.saturating_add(self.below(shortest)).min(minutes_max);
        let start = now.plus(NOTICE).plus(self.below(AHEAD));
        Window::new(start, start.plus(minutes))
    }
}
