//! The books alone: every kind of arrival over random books, with limits on fills that a whole exchange
//! would need a thousand orders to reach, and with arriving orders older than resting ones.
//!
//! Small books in which everything meets everything, and large ones over months, for the index.

use std::sync::Arc;

use gpubourse::exchange::Requirements;
use gpubourse::exchange::book::{Arrival, Book, BookAsk, BookBid, NaiveBook, Place, Rank, Step, Walk, WalkEnd};
use gpubourse::types::{
    Country, Interconnect, Minute, OrderId, OrganizationId, Price, Region, SelfTrade, SiteId, SlaClass, Steps, Tier,
    Timestamp, Window,
};

use super::rng::Rng;
use super::widths::Widths;

/// What random orders are like.
#[derive(Debug, Clone, Copy)]
struct Shape {
    /// Orders are numbered below this.
    orders: u32,
    /// The minute it is.
    now: u32,
    /// Windows start within so many minutes.
    days: u32,
    /// Windows of bids are up to 2 to the power of this long, those of asks twice that; 0: a few minutes.
    doublings: u32,
    prices: u32,
}

const SMALL: Shape = Shape { orders: 40, now: 0, days: 0, doublings: 0, prices: 4 };
const LARGE: Shape = Shape { orders: 1_500, now: 29_000_000, days: 90, doublings: 15, prices: 40 };
/// Everything lies within a bin or two of a sketch, and finds few others.
const DENSE: Shape = Shape { orders: 900, now: 29_000_000, days: 3, doublings: 9, prices: 400 };

/// Two books with the same orders in them.
struct Pair {
    shape: Shape,
    fast: Widths,
    naive: NaiveBook,
}

#[test]
fn the_books_plan_the_same_walk_for_every_arrival() {
    let mut seen = Seen::default();
    for seed in 0..4_000 {
        let mut rng = Rng::new(seed);
        let mut pair = Pair::new(SMALL);
        for number in 0..rng.between(1, SMALL.orders) {
            pair.change(&mut rng, number);
        }
        assert_eq!(pair.fast.bids(), pair.naive.bids(), "seed {seed}");
        for _ in 0..4 {
            seen.note(pair.walk(&mut rng, seed));
        }
    }
    seen.demand(300);
}

#[test]
fn large_books_plan_the_same_walk_for_every_arrival() {
    for (shape, seeds) in [(LARGE, 0..6), (DENSE, 100..106)] {
        let mut seen = Seen::default();
        for seed in seeds {
            let mut rng = Rng::new(seed);
            let mut pair = Pair::new(shape);
            // Some are told the time only once there are orders, or late.
            let told = rng.below(shape.orders);
            for number in 0..shape.orders {
                pair.change(&mut rng, number);
                if number == told {
                    pair.fast.advance(pair.now());
                }
                if number % 8 == 0 && number > shape.orders / 4 {
                    seen.note(pair.walk(&mut rng, seed));
                }
            }
            pair.fast.advance(Minute::new(shape.now + 200 * DAY).start());
            pair.drain(&mut rng, seed, &mut seen);
        }
        seen.demand(20);
    }
}

const DAY: u32 = 24 * 60;

/// How often what matters occurred.
#[derive(Default)]
struct Seen([u32; 6]);

impl Seen {
    fn note(&mut self, (walk, fok): (Walk, bool)) {
        let fills = walk.steps.iter().filter(|step| matches!(step, Step::Fill { .. })).count();
        for (count, occurs) in self.0.iter_mut().zip([
            fills > 1,
            walk.steps.len() > fills,
            walk.end == WalkEnd::SelfTrade,
            walk.end == WalkEnd::FillLimit,
            walk.complete,
            fok && walk.steps.is_empty(),
        ]) {
            *count += u32::from(occurs);
        }
    }

    fn demand(&self, least: u32) {
        println!("several fills, cancels, self-trade ends, fill limits, complete, foks refused: {:?}", self.0);
        assert!(self.0.iter().all(|count| *count >= least), "too rare: {:?}", self.0);
    }
}

impl Pair {
    fn new(shape: Shape) -> Self {
        Self { shape, fast: Widths::default(), naive: NaiveBook::default() }
    }

    fn now(&self) -> Timestamp {
        Minute::new(self.shape.now).start().plus_millis(59_000)
    }

    /// Cancels everything in random order, with arrivals in between.
    fn drain(&mut self, rng: &mut Rng, seed: u64, seen: &mut Seen) {
        let mut orders: Vec<u32> = (0..self.shape.orders).collect();
        while !orders.is_empty() {
            let at = usize::try_from(rng.below(u32::try_from(orders.len()).unwrap())).unwrap();
            self.remove(OrderId::new(i64::from(orders.swap_remove(at))));
            if orders.len().is_multiple_of(16) {
                seen.note(self.walk(rng, seed));
            }
        }
        assert_eq!((self.fast.bids(), self.naive.bids()), (vec![], vec![]), "seed {seed}");
    }

    fn remove(&mut self, order: OrderId) {
        self.fast.remove(order);
        self.naive.remove(order);
    }

    fn change(&mut self, rng: &mut Rng, number: u32) {
        let known = OrderId::new(i64::from(rng.below(number + 1)));
        match rng.below(13) {
            12 => {
                let host = OrganizationId::new(i64::from(rng.below(4)));
                let rank = Rank { tier: rng.pick(Tier::ALL), score_bps: rng.between(9_500, 10_000) };
                self.fast.set_rank(host, rank);
                self.naive.set_rank(host, rank);
            }
            0 => self.remove(known),
            1 => {
                let (window, gpus) = (self.shape.window(rng), rng.between(1, 4));
                let sold = self.naive.sell(known, window, gpus);
                assert_eq!(self.fast.sell(known, window, gpus), sold);
                let bought = self.naive.buy(known, gpus);
                assert_eq!(self.fast.buy(known, gpus), bought);
            }
            2..7 => {
                let ask = self.shape.ask(rng, i64::from(number));
                self.fast.insert_ask(ask.clone());
                self.naive.insert_ask(ask);
            }
            _ => {
                let bid = self.shape.bid(rng, i64::from(number));
                self.fast.insert_bid(bid.clone());
                self.naive.insert_bid(bid);
            }
        }
    }

    /// Plans an arrival on both books and applies what it would do to both.
    fn walk(&mut self, rng: &mut Rng, seed: u64) -> (Walk, bool) {
        // Some arrive with a sequence lower than that of resting orders, as after a halt.
        let (shape, orders) = (self.shape, self.shape.orders);
        let id = i64::from(2 * if rng.chance(30) { rng.below(orders) } else { orders } + 1);
        let bids = rng.chance(60);
        let same_site = bids && rng.chance(30);
        let arrival = Arrival {
            now: self.now(),
            self_trade: if same_site { SelfTrade::Skip } else { rng.pick(SelfTrade::ALL) },
            fills_max: usize::try_from(rng.pick(&[1, 2, 3, 1_024])).unwrap(),
            fok: bids && rng.chance(30),
            same_site,
            avoid: (bids && rng.chance(20)).then(|| [1, 2].map(|_| OrganizationId::new(i64::from(rng.below(4))))),
        };
        if bids {
            let bid = BookBid { remaining: rng.between(1, 24), ..shape.arriving_bid(rng, id) };
            let (one, other) = (self.fast.walk_bid(&bid, arrival), self.naive.walk_bid(&bid, arrival));
            assert_eq!(one, other, "seed {seed}: {bid:?} {arrival:?}");
            for step in &one.steps {
                match *step {
                    Step::Cancel { maker } => self.remove(maker),
                    Step::Fill { maker, gpus } => {
                        assert_eq!(self.fast.sell(maker, bid.window, gpus), Ok(()));
                        assert_eq!(self.naive.sell(maker, bid.window, gpus), Ok(()));
                    }
                }
            }
            return (one, arrival.fok);
        }
        let ask = BookAsk { gpus: rng.between(1, 24), ..shape.arriving_ask(rng, id) };
        let (one, other) = (self.fast.walk_ask(&ask, arrival), self.naive.walk_ask(&ask, arrival));
        assert_eq!(one, other, "seed {seed}: {ask:?} {arrival:?}");
        for step in &one.steps {
            match *step {
                Step::Cancel { maker } => self.remove(maker),
                Step::Fill { maker, gpus } => {
                    assert_eq!(self.fast.buy(maker, gpus), Ok(()));
                    assert_eq!(self.naive.buy(maker, gpus), Ok(()));
                }
            }
        }
        (one, false)
    }
}

impl Shape {
    /// A window of up to so many minutes.
    fn spread(self, rng: &mut Rng, doublings: u32) -> Window {
        let length = (1 << rng.below(doublings + 1)) + rng.below(30);
        let start = match rng.below(50) {
            0 => rng.below(1_000),
            1 => u32::MAX - length - rng.below(1_000),
            _ => self.now + 60 * rng.below(self.days * 24),
        };
        Window::new(Minute::new(start), Minute::new(start + length))
    }

    fn window(self, rng: &mut Rng) -> Window {
        if self.doublings > 0 {
            return self.spread(rng, self.doublings);
        }
        let start = Minute::new(rng.between(1, 12));
        Window::new(start, start.plus(rng.between(1, 10)))
    }

    fn window_of_ask(self, rng: &mut Rng) -> Window {
        if self.doublings > 0 {
            return self.spread(rng, self.doublings + 1);
        }
        let start = Minute::new(rng.between(0, 6));
        Window::new(start, start.plus(rng.between(4, 24)))
    }

    fn ask(self, rng: &mut Rng, number: i64) -> BookAsk {
        let window = self.window_of_ask(rng);
        let ask = ask(rng, number, window);
        BookAsk { price: Price::from_micros(i64::from(rng.between(1, self.prices))), ..ask }
    }

    fn bid(self, rng: &mut Rng, number: i64) -> BookBid {
        let window = self.window(rng);
        let bid = bid(rng, number, window);
        BookBid { price: Price::from_micros(i64::from(rng.between(1, self.prices + 1))), ..bid }
    }

    fn arriving_ask(self, rng: &mut Rng, sequence: i64) -> BookAsk {
        BookAsk { id: OrderId::new(100_000), sequence, ..self.ask(rng, sequence) }
    }

    fn arriving_bid(self, rng: &mut Rng, sequence: i64) -> BookBid {
        BookBid { id: OrderId::new(100_000), sequence, ..self.bid(rng, sequence) }
    }
}

fn ask(rng: &mut Rng, number: i64, window: Window) -> BookAsk {
    let lot = rng.pick(&[1, 1, 2, 3, 4]);
    let gpus = lot * rng.between(1, 5);
    let mut sold = Steps::new();
    if rng.chance(40) {
        sold.add(Window::new(window.start.plus(2).min(window.end), window.end), lot).unwrap();
    }
    BookAsk {
        id: OrderId::new(number),
        organization: OrganizationId::new(i64::from(rng.below(4))),
        sequence: 2 * number,
        price: Price::default(),
        gpus,
        window,
        sold,
        lot,
        min_minutes: rng.pick(&[1, 1, 3, 6]),
        lead_minutes: rng.pick(&[0, 0, 0, 2, 5]),
        place: Arc::new(place(rng)),
    }
}

fn place(rng: &mut Rng) -> Place {
    let (site, region, country) = rng.pick(&[(1, "us-east", "US"), (2, "us-east", "US"), (3, "eu-north", "SE")]);
    Place {
        site: SiteId::new(site),
        region: Region::new(region).unwrap(),
        country: Country::new(country).unwrap(),
        interconnect: rng.pick(Interconnect::ALL),
        sla_class: rng.pick(SlaClass::ALL),
        primary: rng.chance(70),
        novation: rng.chance(20),
        host: OrganizationId::new(i64::from(rng.below(4))),
    }
}

fn bid(rng: &mut Rng, number: i64, window: Window) -> BookBid {
    let mut asked = Requirements::default();
    if rng.chance(15) {
        asked.regions = vec!["us-east".to_owned()];
    }
    if rng.chance(15) {
        asked.countries = vec!["SE".to_owned(), "DE".to_owned()];
    }
    if rng.chance(15) {
        asked.interconnects = vec![Interconnect::Roce, Interconnect::Infiniband];
    }
    if rng.chance(15) {
        asked.site_ids = vec![SiteId::new(1), SiteId::new(3)];
    }
    asked.min_sla_class = if rng.chance(15) { SlaClass::P99 } else { SlaClass::None };
    asked.primary_only = rng.chance(15);
    asked.min_tier = if rng.chance(15) { rng.pick(Tier::ALL) } else { Tier::Unverified };
    asked.min_score_bps = rng.chance(15).then(|| rng.between(9_600, 9_900));
    let lot = rng.pick(&[1, 1, 1, 2, 4]);
    BookBid {
        id: OrderId::new(number),
        organization: OrganizationId::new(i64::from(rng.below(4))),
        sequence: 2 * number,
        price: Price::default(),
        remaining: lot * rng.between(1, 5),
        window,
        lot,
        requirements: Arc::new(asked),
        monthly: rng.chance(20),
    }
}
