//! The whole `Exchange::execute` beside 10,000 and 100,000 resting asks with random windows: placing an ask,
//! cancelling one, and a bid that trades; matching, capacity, ledger, contract and events included.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::as_conversions, clippy::panic)]

mod opening;

use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use gpubourse::exchange::{
    BidWindow, Command, Envelope, Exchange, IndexedBook, Made, PlaceAsk, PlaceBid, Requirements, Terms,
};
use gpubourse::types::{Funding, ListingId, Minute, OrderId, Price, ProductId, Source, TimeInForce, Timestamp, Window};

use opening::{PROVIDER, RENTER, opening};

const HOUR: u32 = 60;
const DAY: u32 = 24 * HOUR;

/// A small generator (xorshift64) so that every run sees the same stream.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 33) % u64::from(bound)) as u32
    }

    /// A window within 90 days whose length is log-uniform between an hour and 90 days.
    fn window(&mut self) -> (u32, u32) {
        let hours = 1u32 << self.below(11);
        let minutes = (hours + self.below(hours)).min(90 * 24) * HOUR;
        let start = 10 + self.below(90 * DAY);
        (start, start + minutes)
    }
}

struct Market {
    exchange: Exchange<IndexedBook>,
    dice: Dice,
}

impl Market {
    fn with_asks(count: u32) -> Self {
        let mut market = Self { exchange: Exchange::new(), dice: Dice(0x9E37_79B9_7F4A_7C15) };
        for command in opening(Window::new(Minute::new(0), Minute::new(200 * DAY))) {
            market.run(command);
        }
        for _ in 0..count {
            let ask = market.ask(1_000 + 10);
            market.run(ask);
        }
        market.exchange.settle().unwrap();
        market
    }

    fn run(&mut self, command: Command) -> Made {
        let envelope = Envelope {
            at: Timestamp::from_millis(0),
            actor: "bench".to_owned(),
            request_id: "bench".to_owned(),
            idempotency_key: None,
            command,
        };
        self.exchange.execute(&envelope).unwrap().made
    }

    fn ask(&mut self, cheapest_ticks: u32) -> Command {
        let (start, end) = self.dice.window();
        Command::PlaceAsk(PlaceAsk {
            organization: PROVIDER,
            source: Source::Listing(ListingId::new(i64::from(1 + self.dice.below(1_000)))),
            gpus: 1 + self.dice.below(64),
            start: Some(Minute::new(start)),
            end: Some(Minute::new(end)),
            price: Price::from_micros(i64::from(cheapest_ticks + self.dice.below(1_000)) * 1_000),
            lot: Some(1),
            min_minutes: Some(1),
            lead_minutes: 0,
            terms: Terms::default(),
        })
    }

    fn bid(&mut self) -> Command {
        let (start, end) = self.dice.window();
        Command::PlaceBid(PlaceBid {
            organization: RENTER,
            product: ProductId::new(1),
            gpus: 1 + self.dice.below(8),
            window: BidWindow::Fixed { start: Minute::new(start), end: Minute::new(end) },
            price: Price::from_micros(i64::from(1_000 + self.dice.below(1_000)) * 1_000),
            lot: 1,
            requirements: Requirements::default(),
            same_site: false,
            cover: None,
            funding: Funding::Full,
            terms: Terms { time_in_force: TimeInForce::Ioc, ..Terms::default() },
        })
    }
}

fn exchange(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("exchange");
    for resting in [10_000u32, 100_000] {
        let mut market = Market::with_asks(resting);
        let mut placed: Vec<OrderId> = Vec::new();
        group.bench_function(BenchmarkId::new("add", resting), |bencher| {
            bencher.iter(|| {
                let ask = market.ask(1_000 + 10);
                if let Made::Order(id) = market.run(ask) {
                    placed.push(id);
                }
            });
        });
        group.bench_function(BenchmarkId::new("cancel", resting), |bencher| {
            bencher.iter_batched(
                || placed.pop(),
                |order| {
                    // Criterion may ask for more iterations than were placed: place and cancel then.
                    let order = order.unwrap_or_else(|| match market.exchange.orders().next() {
                        Some(first) => first.id,
                        None => panic!("no order to cancel"),
                    });
                    market.run(Command::CancelOrder { organization: PROVIDER, order })
                },
                BatchSize::PerIteration,
            );
        });
        let mut market = Market::with_asks(resting);
        group.bench_function(BenchmarkId::new("match", resting), |bencher| {
            bencher.iter(|| {
                let bid = market.bid();
                market.run(bid)
            });
        });
        market.exchange.settle().unwrap();
    }
    group.finish();
}

criterion_group!(benches, exchange);
criterion_main!(benches);
