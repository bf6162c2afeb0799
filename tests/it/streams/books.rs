//! The two books alone: every kind of arrival over random books, with limits on fills that a whole exchange
//! would need a thousand orders to reach, and with arriving orders older than resting ones.

use std::sync::Arc;

use gpubourse::exchange::Requirements;
use gpubourse::exchange::book::{
    Arrival, Book, BookAsk, BookBid, NaiveBook, Place, PriceTimeBook, Step, Walk, WalkEnd,
};
use gpubourse::types::{
    Country, Interconnect, Minute, OrderId, OrganizationId, Price, Region, SelfTrade, SiteId, SlaClass, Steps,
    Timestamp, Window,
};

use super::rng::Rng;

const NOW: Timestamp = Timestamp::from_millis(59_000);
const ORDERS: u32 = 40;

/// Two books with the same orders in them.
#[derive(Default)]
struct Pair {
    fast: PriceTimeBook,
    naive: NaiveBook,
}

#[test]
fn two_books_plan_the_same_walk_for_every_arrival() {
    let mut seen = [0u32; 6];
    for seed in 0..4_000 {
        let mut rng = Rng::new(seed);
        let mut pair = Pair::default();
        for number in 0..rng.between(1, ORDERS) {
            pair.change(&mut rng, number);
        }
        assert_eq!(pair.fast.bids(), pair.naive.bids(), "seed {seed}");
        for _ in 0..4 {
            let (walk, fok) = pair.walk(&mut rng, seed);
            let fills = walk.steps.iter().filter(|step| matches!(step, Step::Fill { .. })).count();
            for (count, occurs) in seen.iter_mut().zip([
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
    }
    println!("several fills, cancels, self-trade ends, fill limits, complete, foks refused: {seen:?}");
    assert!(seen.iter().all(|count| *count >= 300), "too rare: {seen:?}");
}

impl Pair {
    fn remove(&mut self, order: OrderId) {
        self.fast.remove(order);
        self.naive.remove(order);
    }

    fn change(&mut self, rng: &mut Rng, number: u32) {
        let known = OrderId::new(i64::from(rng.below(number + 1)));
        match rng.below(12) {
            0 => self.remove(known),
            1 => {
                let (window, gpus) = (window(rng), rng.between(1, 4));
                let sold = self.naive.sell(known, window, gpus);
                // Only sales inside an ask's window occur; the reference refuses others as well.
                if sold.is_ok() {
                    assert_eq!(self.fast.sell(known, window, gpus), sold);
                }
                let bought = self.naive.buy(known, gpus);
                assert_eq!(self.fast.buy(known, gpus), bought);
            }
            2..7 => {
                let ask = ask(rng, i64::from(number));
                self.fast.insert_ask(ask.clone());
                self.naive.insert_ask(ask);
            }
            _ => {
                let bid = bid(rng, i64::from(number));
                self.fast.insert_bid(bid.clone());
                self.naive.insert_bid(bid);
            }
        }
    }

    /// Plans an arrival on both books and applies what it would do to both.
    fn walk(&mut self, rng: &mut Rng, seed: u64) -> (Walk, bool) {
        // Some arrive with a sequence lower than that of resting orders, as after a halt.
        let id = i64::from(2 * if rng.chance(30) { rng.below(ORDERS) } else { ORDERS } + 1);
        let bids = rng.chance(60);
        let same_site = bids && rng.chance(30);
        let arrival = Arrival {
            now: NOW,
            self_trade: if same_site { SelfTrade::Skip } else { rng.pick(SelfTrade::ALL) },
            fills_max: usize::try_from(rng.pick(&[1, 2, 3, 1_024])).unwrap(),
            fok: bids && rng.chance(30),
            same_site,
        };
        if bids {
            let bid = BookBid { id: OrderId::new(1_000), sequence: id, remaining: rng.between(1, 24), ..bid(rng, id) };
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
        let ask = BookAsk { id: OrderId::new(1_000), sequence: id, gpus: rng.between(1, 24), ..ask(rng, id) };
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

fn window(rng: &mut Rng) -> Window {
    let start = Minute::new(rng.between(1, 12));
    Window::new(start, start.plus(rng.between(1, 10)))
}

fn ask(rng: &mut Rng, number: i64) -> BookAsk {
    let lot = rng.pick(&[1, 1, 2, 3, 4]);
    let start = Minute::new(rng.between(0, 6));
    let window = Window::new(start, start.plus(rng.between(4, 24)));
    let gpus = lot * rng.between(1, 5);
    let mut sold = Steps::new();
    if rng.chance(40) {
        sold.add(Window::new(window.start.plus(2), window.end), lot).unwrap();
    }
    BookAsk {
        id: OrderId::new(number),
        organization: OrganizationId::new(i64::from(rng.below(4))),
        sequence: 2 * number,
        price: Price::from_micros(i64::from(rng.between(1, 4))),
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
    }
}

fn bid(rng: &mut Rng, number: i64) -> BookBid {
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
    let lot = rng.pick(&[1, 1, 1, 2, 4]);
    BookBid {
        id: OrderId::new(number),
        organization: OrganizationId::new(i64::from(rng.below(4))),
        sequence: 2 * number,
        price: Price::from_micros(i64::from(rng.between(1, 5))),
        remaining: lot * rng.between(1, 5),
        window: window(rng),
        lot,
        requirements: Arc::new(asked),
    }
}
