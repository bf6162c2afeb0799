//! The book alone and in the whole exchange, one thread, as a table: the index beside a walk from the best price on.
//!
//! `cargo bench --bench book`; `-- 100000`, `1000000`, `plain` or `whole` for a part. Random orders are on the hour within
//! a year, 1 hour to 90 days long (log-uniform), 1 to 64 GPUs, at 1,000 prices on both sides. A bid's time is that of
//! its walk and of applying its fills.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::as_conversions, clippy::panic)]

mod dice;
mod linear;
#[path = "../opening/mod.rs"]
mod opening;
mod plain;
mod whole;

use std::time::{Duration, Instant};

use dice::{NOW, Orders, WINDOW_HOURS_MAX};
use gpubourse::exchange::IndexedBook;
use gpubourse::exchange::book::{Arrival, Book, BookBid, Step};
use gpubourse::types::{OrderId, Price, SelfTrade, Timestamp, Window};
use linear::LinearBook;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

pub const ARRIVAL: Arrival = Arrival {
    now: Timestamp::from_millis(NOW as i64 * 60_000),
    self_trade: SelfTrade::Skip,
    fills_max: usize::MAX,
    fok: false,
    same_site: false,
    avoid: None,
};

fn main() {
    let parts: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let chosen = |part: &str| parts.is_empty() || parts.iter().any(|chosen| chosen == part);
    for (resting, rivals) in [(100_000, 2_000), (1_000_000, 200)] {
        if chosen(&resting.to_string()) {
            println!("\n{resting} resting asks");
            asks::<IndexedBook>("index", resting, 40_000);
            asks::<LinearBook>("walk", resting, rivals);
            println!("\n{resting} resting bids");
            bids::<IndexedBook>("index", resting, 20_000);
            bids::<LinearBook>("walk", resting, rivals / 4);
        }
    }
    if chosen("plain") {
        plain::run();
    }
    if chosen("whole") {
        whole::run();
    }
}

/// Times of one kind of operation.
#[derive(Default)]
pub struct Times(Vec<Duration>);

impl Times {
    pub fn of<T>(&mut self, operation: impl FnOnce() -> T) -> T {
        let began = Instant::now();
        let done = std::hint::black_box(operation());
        self.0.push(began.elapsed());
        done
    }

    pub fn print(mut self, book: &str, name: &str) {
        self.0.sort_unstable();
        let at = |share: usize| micros(self.0[(self.0.len() - 1) * share / 1_000]);
        let mean = micros(self.0.iter().sum::<Duration>()) / self.0.len() as f64;
        println!(
            "  {book:6} {name:28} p50 {:9.2}  p99 {:9.2}  p99.9 {:9.2}  mean {mean:9.2} us  ({})",
            at(500),
            at(990),
            at(999),
            self.0.len()
        );
    }
}

fn micros(time: Duration) -> f64 {
    time.as_nanos() as f64 / 1_000.0
}

/// Bids against resting asks; each is followed by a new ask, so that the book stays about as it is.
fn asks<B: Book>(name: &str, resting: u32, samples: usize) {
    let mut orders = Orders::new();
    let mut book = B::default();
    book.advance(ARRIVAL.now);
    let before = resident_bytes();
    let mut longest = Duration::ZERO;
    for _ in 0..resting {
        let ask = orders.ask();
        let began = Instant::now();
        book.insert_ask(ask);
        longest = longest.max(began.elapsed());
    }
    let bytes = resident_bytes().saturating_sub(before) / u64::from(resting);
    println!("  {name:6} {bytes} bytes an ask; longest insert while filling {:.0} us", micros(longest));
    let mut times = Times::default();
    let mut fills = 0;
    for _ in 0..samples {
        let bid = orders.bid();
        fills += times.of(|| buy(&mut book, &bid));
        book.insert_ask(orders.ask());
    }
    times.print(name, &format!("bid ({:.1} fills)", fills as f64 / samples as f64));
    let mut times = Times::default();
    for _ in 0..samples {
        let bid = hopeless(orders.bid());
        let walk = times.of(|| book.walk_bid(&bid, ARRIVAL));
        assert!(walk.steps.is_empty());
    }
    times.print(name, "bid that matches nothing");
    let mut times = Times::default();
    for _ in 0..40_000 {
        let ask = orders.ask();
        times.of(|| book.insert_ask(ask));
    }
    times.print(name, "ask insert");
    let mut times = Times::default();
    for _ in 0..40_000 {
        let id = OrderId::new(i64::from(1 + orders.dice.below(resting)));
        times.of(|| book.remove(id));
    }
    times.print(name, "ask cancel");
}

/// Walks and applies a bid; returns its fills.
fn buy<B: Book>(book: &mut B, bid: &BookBid) -> usize {
    let walk = book.walk_bid(bid, ARRIVAL);
    for step in &walk.steps {
        if let Step::Fill { maker, gpus } = *step {
            book.sell(maker, bid.window, gpus).unwrap();
        }
    }
    walk.steps.len()
}

/// At any price, for longer than any ask.
fn hopeless(bid: BookBid) -> BookBid {
    let end = bid.window.start.plus((WINDOW_HOURS_MAX + 240) * 60);
    BookBid { price: Price::from_micros(10_000_000), window: Window::new(bid.window.start, end), ..bid }
}

/// Asks against resting bids; bids that are filled make way for new ones.
fn bids<B: Book>(name: &str, resting: u32, samples: usize) {
    let mut orders = Orders::new();
    let mut book = B::default();
    book.advance(ARRIVAL.now);
    let mut remaining = Vec::new();
    let add = |book: &mut B, orders: &mut Orders, remaining: &mut Vec<u32>| {
        let bid = orders.bid();
        let at = bid.id.number() as usize;
        remaining.resize(remaining.len().max(at + 1), 0);
        remaining[at] = bid.remaining;
        book.insert_bid(bid);
    };
    (0..resting).for_each(|_| add(&mut book, &mut orders, &mut remaining));
    let (mut whole, mut per_fill) = (Times::default(), Times::default());
    let mut all_fills = 0;
    for _ in 0..samples {
        let ask = orders.ask();
        let walk = whole.of(|| {
            let walk = book.walk_ask(&ask, ARRIVAL);
            for step in &walk.steps {
                let Step::Fill { maker, gpus } = *step else { continue };
                book.buy(maker, gpus).unwrap();
                let left = &mut remaining[maker.number() as usize];
                *left -= gpus;
                if *left == 0 {
                    book.remove(maker);
                }
            }
            walk
        });
        all_fills += walk.steps.len();
        if let (Some(time), Some(fills)) = (whole.0.last(), u32::try_from(walk.steps.len()).ok().filter(|n| *n > 0)) {
            per_fill.0.push(*time / fills);
        }
        walk.steps.iter().for_each(|_| add(&mut book, &mut orders, &mut remaining));
    }
    whole.print(name, &format!("ask ({:.1} fills)", all_fills as f64 / samples as f64));
    per_fill.print(name, "ask, per fill");
}

/// What the process holds in memory; 0 where the system does not tell.
fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|rest| rest.split_whitespace().next()).and_then(|text| text.parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1_024
}
