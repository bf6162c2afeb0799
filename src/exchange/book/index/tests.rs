//! The index as a structure; that it finds what there is to find is for the tests with the reference book.

use std::sync::Arc;

use super::*;
use crate::exchange::book::{Place, Step, WalkEnd};
use crate::exchange::command::Requirements;
use crate::types::{
    Country, Interconnect, OrganizationId, Price, Region, SelfTrade, SiteId, SlaClass, Steps, Timestamp,
};

const HOUR: u32 = 60;
const NOW: u32 = 29_000_000;

/// A small source of choices (splitmix64).
struct Rng(u64);

impl Rng {
    fn below(&mut self, end: u32) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        u32::try_from((mixed ^ (mixed >> 31)) % u64::from(end)).unwrap()
    }

    /// A window whose length is log-uniform up to 90 days; now and then at the ends of time.
    fn window(&mut self) -> Window {
        let length = (1 << self.below(18)).min(90 * 24 * HOUR) + self.below(60);
        let start = match self.below(40) {
            0 => self.below(1_000),
            1 => u32::MAX - length - self.below(1_000),
            _ => NOW + self.below(300 * 24) * HOUR,
        };
        Window::new(Minute::new(start), Minute::new(start + length))
    }

    fn ask(&mut self, number: i64) -> BookAsk {
        let place = Place {
            site: SiteId::new(i64::from(self.below(40))),
            region: Region::new("r").unwrap(),
            country: Country::new("US").unwrap(),
            interconnect: Interconnect::ALL[self.below(3) as usize],
            sla_class: SlaClass::ALL[self.below(4) as usize],
            primary: self.below(2) == 0,
            novation: false,
            host: OrganizationId::new(1),
        };
        BookAsk {
            id: OrderId::new(number),
            organization: OrganizationId::new(1),
            sequence: number,
            price: Price::from_micros(i64::from(self.below(20))),
            gpus: 2 * (1 + self.below(8)),
            window: self.window(),
            sold: Steps::new(),
            lot: 1 + self.below(2),
            min_minutes: 1 + self.below(2) * HOUR,
            lead_minutes: 0,
            place: Arc::new(place),
        }
    }

    fn bid(&mut self, number: i64) -> BookBid {
        BookBid {
            id: OrderId::new(number),
            organization: OrganizationId::new(2),
            sequence: number,
            price: Price::from_micros(i64::from(self.below(20))),
            remaining: 1 + self.below(8),
            window: self.window(),
            lot: 1,
            requirements: Arc::new(Requirements::default()),
            monthly: false,
        }
    }
}

const ARRIVAL: Arrival = Arrival {
    now: Timestamp::from_millis(0),
    self_trade: SelfTrade::Skip,
    fills_max: 1_024,
    fok: false,
    same_site: false,
    avoid: None,
};

/// Fills a book, lets it trade, changes its time, empties it; checks it all along. Returns the greatest heights.
fn churn<const LEAF: usize, const FAN: usize>(seed: u64, orders: i64) -> (u32, u32) {
    let mut rng = Rng(seed);
    let mut book = IndexedBook::<LEAF, FAN>::default();
    let mut most = (0, 0);
    for number in 0..3 * orders {
        let growing = number < 2 * orders;
        match rng.below(if growing { 10 } else { 4 }) {
            0..3 => book.remove(OrderId::new(i64::from(rng.below(u32::try_from(number + 1).unwrap())))),
            3 => trade(&mut book, &mut rng, number),
            4..7 => book.insert_ask(rng.ask(number)),
            _ => book.insert_bid(rng.bid(number)),
        }
        if number % (orders / 2) == 7 {
            let minute = NOW + u32::try_from(number).unwrap() * 24 * HOUR;
            book.advance(Minute::new(minute).start());
        }
        if number % 61 == 0 {
            book.check();
            let heights = book.heights();
            most = (most.0.max(heights.0), most.1.max(heights.1));
        }
    }
    for number in 0..3 * orders {
        book.remove(OrderId::new(number));
        if number % 97 == 0 {
            book.check();
        }
    }
    book.check();
    assert_eq!((book.heights(), book.asks.len(), book.bids.len()), ((0, 0), 0, 0), "seed {seed}");
    assert_eq!(book.bids(), []);
    most
}

fn trade<const LEAF: usize, const FAN: usize>(book: &mut IndexedBook<LEAF, FAN>, rng: &mut Rng, number: i64) {
    let bid = BookBid { price: Price::from_micros(20), remaining: 30, ..rng.bid(number) };
    for step in book.walk_bid(&bid, ARRIVAL).steps {
        if let Step::Fill { maker, gpus } = step {
            book.sell(maker, bid.window, gpus).unwrap();
        }
    }
    let ask = BookAsk { price: Price::from_micros(0), ..rng.ask(number) };
    let walk = book.walk_ask(&ask, ARRIVAL);
    assert_eq!(walk.end, WalkEnd::Done);
    for step in walk.steps {
        if let Step::Fill { maker, gpus } = step {
            book.buy(maker, gpus).unwrap();
        }
    }
}

#[test]
fn the_index_stays_consistent_however_wide_its_trees_are() {
    let mut most = [(0, 0); 4];
    for seed in 0..12 {
        let heights =
            [churn::<2, 2>(seed, 300), churn::<4, 4>(seed, 500), churn::<5, 3>(seed, 300), churn::<16, 8>(seed, 900)];
        for (most, heights) in most.iter_mut().zip(heights) {
            *most = (most.0.max(heights.0), most.1.max(heights.1));
        }
    }
    churn::<64, 16>(12, 3_000);
    println!("heights of asks and bids: {most:?}");
    assert!(most.iter().all(|(asks, bids)| *asks >= 2 && *bids >= 2), "too low: {most:?}");
}

#[test]
fn flags_become_bits_in_order() {
    let mut rng = Rng(7);
    for _ in 0..200 {
        let flags: [u8; 64] = std::array::from_fn(|_| u8::try_from(rng.below(2)).unwrap());
        let expected = (0..64).filter(|at| flags[*at] == 1).fold(0, |bits, at| bits | 1u64 << at);
        assert_eq!(lanes::bits(&flags), expected);
        let five: [u8; 5] = std::array::from_fn(|at| flags[at]);
        assert_eq!(lanes::bits(&five), expected & 31);
    }
}

#[test]
fn a_sale_cuts_an_ask_into_stretches_and_ends_those_that_are_too_short() {
    let window = |start, end| Window::new(Minute::new(start), Minute::new(end));
    let mut book = IndexedBook::<4, 4>::default();
    let ask = BookAsk { gpus: 4, lot: 2, min_minutes: 10, window: window(0, 100), ..Rng(1).ask(1) };
    book.insert_ask(ask);
    let cut = |book: &IndexedBook<4, 4>| {
        let ask = book.asks.get(0).unwrap();
        book.check();
        let all = stretches(ask, &ask.sold, ask.window);
        all.map(|part| (part.window.start.get(), part.window.end.get(), part.gpus)).collect::<Vec<_>>()
    };
    book.sell(OrderId::new(1), window(40, 60), 2).unwrap();
    assert_eq!(cut(&book), [(0, 100, 4)]);
    book.sell(OrderId::new(1), window(40, 60), 1).unwrap();
    assert_eq!(cut(&book), [(0, 40, 4), (60, 100, 4)]);
    book.sell(OrderId::new(1), window(9, 25), 4).unwrap();
    assert_eq!(cut(&book), [(25, 40, 4), (60, 100, 4)]);
    assert_eq!(book.sell(OrderId::new(1), window(20, 30), 1), Err(OutOfRange));
    book.sell(OrderId::new(1), window(60, 100), 3).unwrap();
    assert_eq!(cut(&book), [(25, 40, 4)]);
}
