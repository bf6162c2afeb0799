//! Two fixed streams of plain orders, every delivery window equal, with known fills: for comparison with engines that
//! know no windows.
//!
//! A: 1,000,000 adds, cancels and immediate orders mixed. B: 1,000,000 adds, 200,000 immediate orders that cross,
//! 200,000 cancels. The streams and the fills are checked by hash.

use std::sync::Arc;
use std::time::{Duration, Instant};

use gpubourse::exchange::book::{Book, BookAsk, BookBid, Place, Step};
use gpubourse::exchange::{IndexedBook, Requirements};
use gpubourse::types::{
    Country, Interconnect, Minute, OrderId, OrganizationId, Price, Region, SiteId, SlaClass, Steps, Window,
};

use super::dice::{Dice, NOW};
use super::linear::LinearBook;
use super::{ARRIVAL, Times};

const MIDDLE: i64 = 1_000_000;
const SEED: u64 = 0x9E37_79B9_7F4A_7C15;
const FNV: u64 = 0xcbf2_9ce4_8422_2325;
const WINDOW: Window = Window::new(Minute::new(NOW), Minute::new(NOW + 60));

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Add,
    Cancel,
    Immediate,
}

#[derive(Debug, Clone, Copy)]
struct Operation {
    kind: Kind,
    buys: bool,
    gpus: u32,
    price: i64,
    id: i64,
}

struct Stream {
    name: &'static str,
    operations: Vec<Operation>,
    hash: u64,
    fills: u64,
}

pub fn run() {
    println!("\nplain orders, every window equal");
    for stream in [stream_a(), stream_b()] {
        let bytes = stream.operations.iter().fold(FNV, |hash, operation| operation.hash(hash));
        assert_eq!(bytes, stream.hash, "stream {} is another", stream.name);
        play::<IndexedBook>("index", &stream);
        play::<LinearBook>("walk", &stream);
    }
}

fn stream_a() -> Stream {
    let mut dice = Dice(SEED);
    let (mut live, mut operations, mut last) = (Vec::new(), Vec::new(), 0);
    for _ in 0..1_000_000 {
        let choice = dice.below(100);
        if (60..95).contains(&choice) && !live.is_empty() {
            operations.push(cancel(&mut dice, &mut live));
            continue;
        }
        last += 1;
        if choice >= 95 {
            operations.push(immediate(&mut dice, 100, last));
        } else {
            live.push(last);
            operations.push(add(&mut dice, 100, last));
        }
    }
    Stream { name: "A", operations, hash: 0xbade_1511_ff6c_5de6, fills: 0x61fb_ada4_6273_7c40 }
}

fn stream_b() -> Stream {
    let mut dice = Dice(SEED);
    let mut operations: Vec<Operation> = (1..=1_000_000).map(|id| add(&mut dice, 1_000, id)).collect();
    operations.extend((1_000_001..=1_200_000).map(|id| immediate(&mut dice, 1_000, id)));
    let mut live: Vec<i64> = (1..=1_000_000).collect();
    operations.extend((0..200_000).map(|_| cancel(&mut dice, &mut live)));
    Stream { name: "B", operations, hash: 0x94f8_95b0_8407_d72c, fills: 0x5507_7a2d_1100_fbac }
}

fn add(dice: &mut Dice, offsets: u32, id: i64) -> Operation {
    let buys = dice.below(2) == 0;
    let offset = i64::from(1 + dice.below(offsets));
    let gpus = 1 + dice.below(100);
    Operation { kind: Kind::Add, buys, gpus, price: if buys { MIDDLE - offset } else { MIDDLE + offset }, id }
}

fn immediate(dice: &mut Dice, offset: i64, id: i64) -> Operation {
    let buys = dice.below(2) == 0;
    let gpus = 1 + dice.below(200);
    Operation { kind: Kind::Immediate, buys, gpus, price: if buys { MIDDLE + offset } else { MIDDLE - offset }, id }
}

fn cancel(dice: &mut Dice, live: &mut Vec<i64>) -> Operation {
    let id = live.swap_remove(dice.below(live.len() as u32) as usize);
    Operation { kind: Kind::Cancel, buys: true, gpus: 0, price: 0, id }
}

impl Operation {
    fn hash(&self, hash: u64) -> u64 {
        let mut record = [0u8; 24];
        record[0] = self.kind as u8;
        record[1] = u8::from(!self.buys);
        record[4..8].copy_from_slice(&self.gpus.to_le_bytes());
        record[8..16].copy_from_slice(&self.price.to_le_bytes());
        record[16..].copy_from_slice(&self.id.to_le_bytes());
        record.iter().fold(hash, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
    }
}

/// A book, and what a driver of it must know: price and GPUs left of every order.
struct Player<B> {
    book: B,
    orders: Vec<(i64, u32)>,
    place: Arc<Place>,
    nothing: Arc<Requirements>,
    hash: u64,
    trades: u64,
    volume: u64,
}

fn play<B: Book>(name: &str, stream: &Stream) {
    let place = Place {
        site: SiteId::new(1),
        region: Region::new("us-central1").unwrap(),
        country: Country::new("US").unwrap(),
        interconnect: Interconnect::Infiniband,
        sla_class: SlaClass::P99,
        primary: true,
        novation: false,
        host: OrganizationId::new(1),
    };
    let mut player = Player {
        book: B::default(),
        orders: vec![(0, 0); stream.operations.len() + 1],
        place: Arc::new(place),
        nothing: Arc::default(),
        hash: FNV,
        trades: 0,
        volume: 0,
    };
    player.book.advance(ARRIVAL.now);
    let (mut all, mut crossing) = (Times::default(), Times::default());
    let began = Instant::now();
    for operation in &stream.operations {
        all.of(|| player.execute(operation));
        if operation.kind == Kind::Immediate {
            crossing.0.extend(all.0.last());
        }
    }
    let elapsed = began.elapsed();
    assert_eq!(player.hash, stream.fills, "{name}: other fills");
    let rate = |count: usize, time: Duration| count as f64 / time.as_secs_f64() / 1e6;
    let in_crossing: Duration = crossing.0.iter().sum();
    println!(
        "  {name:6} {}: {:.2} M operations/s, crossing alone {:.2} M/s; {} trades, volume {}, fills as known",
        stream.name,
        rate(stream.operations.len(), elapsed),
        rate(crossing.0.len(), in_crossing),
        player.trades,
        player.volume
    );
    all.print(name, &format!("{} operation", stream.name));
    crossing.print(name, &format!("{} crossing", stream.name));
}

impl<B: Book> Player<B> {
    fn execute(&mut self, operation: &Operation) {
        match (operation.kind, operation.buys) {
            (Kind::Cancel, _) => self.book.remove(OrderId::new(operation.id)),
            (kind, true) => self.buy(operation, kind == Kind::Add),
            (kind, false) => self.sell(operation, kind == Kind::Add),
        }
    }

    fn buy(&mut self, operation: &Operation, rests: bool) {
        let mut bid = BookBid {
            id: OrderId::new(operation.id),
            organization: OrganizationId::new(1),
            sequence: operation.id,
            price: Price::from_micros(operation.price),
            remaining: operation.gpus,
            window: WINDOW,
            lot: 1,
            requirements: Arc::clone(&self.nothing),
            monthly: false,
        };
        for step in self.book.walk_bid(&bid, ARRIVAL).steps {
            let Step::Fill { maker, gpus } = step else { continue };
            bid.remaining -= gpus;
            if self.note(maker, gpus) {
                self.book.remove(maker);
            } else {
                self.book.sell(maker, WINDOW, gpus).unwrap();
            }
        }
        if rests && bid.remaining > 0 {
            self.orders[operation.id as usize] = (operation.price, bid.remaining);
            self.book.insert_bid(bid);
        }
    }

    fn sell(&mut self, operation: &Operation, rests: bool) {
        let mut ask = BookAsk {
            id: OrderId::new(operation.id),
            organization: OrganizationId::new(2),
            sequence: operation.id,
            price: Price::from_micros(operation.price),
            gpus: operation.gpus,
            window: WINDOW,
            sold: Steps::new(),
            lot: 1,
            min_minutes: 1,
            lead_minutes: 0,
            place: Arc::clone(&self.place),
        };
        for step in self.book.walk_ask(&ask, ARRIVAL).steps {
            let Step::Fill { maker, gpus } = step else { continue };
            ask.gpus -= gpus;
            if self.note(maker, gpus) {
                self.book.remove(maker);
            } else {
                self.book.buy(maker, gpus).unwrap();
            }
        }
        if rests && ask.gpus > 0 {
            self.orders[operation.id as usize] = (operation.price, ask.gpus);
            self.book.insert_ask(ask);
        }
    }

    /// Notes a fill; tells whether the resting order is filled.
    fn note(&mut self, maker: OrderId, gpus: u32) -> bool {
        let (price, left) = &mut self.orders[maker.number() as usize];
        *left -= gpus;
        for value in [maker.number() as u64, *price as u64, u64::from(gpus)] {
            self.hash = (self.hash ^ value).wrapping_mul(0x0100_0000_01b3);
        }
        self.trades += 1;
        self.volume += u64::from(gpus);
        *left == 0
    }
}
