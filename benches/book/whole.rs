//! The whole `Exchange::execute` at 100,000 resting orders of random windows: asks placed, asks cancelled, and bids
//! that mostly trade, in turn; matching, capacity, ledger, contracts and events included.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use gpubourse::exchange::{
    BidWindow, Book, Command, Envelope, Event, Exchange, IndexedBook, Made, Outcome, PlaceAsk, PlaceBid, Requirements,
    Terms,
};
use gpubourse::types::{Funding, ListingId, Minute, OrderId, Price, ProductId, Source, TimeInForce, Timestamp, Window};

use super::Times;
use super::dice::{Dice, NOW};
use super::linear::LinearBook;
use super::opening::{PROVIDER, RENTER, opening};

const RESTING: u32 = 100_000;
/// Commands between two settlements, as in a batch of the writer.
const BATCH: u32 = 500;

struct Market<B> {
    exchange: Exchange<B>,
    dice: Dice,
    placed: Vec<OrderId>,
    ended: HashSet<OrderId>,
}

pub fn run() {
    println!("\nthe whole exchange, {RESTING} resting orders");
    play::<IndexedBook>("index", 200_000);
    play::<LinearBook>("walk", 20_000);
}

fn play<B: Book>(name: &str, commands: u32) {
    let mut market = Market::<B>::new();
    let window = Window::new(Minute::new(NOW), Minute::new(NOW + 500 * 24 * 60));
    let advance = Command::Advance { now: Timestamp::from_millis(i64::from(NOW) * 60_000) };
    for command in std::iter::once(advance).chain(opening(window)) {
        market.exchange.execute(&envelope(command)).unwrap();
    }
    for _ in 0..RESTING {
        let ask = envelope(market.ask());
        let outcome = market.exchange.execute(&ask).unwrap();
        market.note(true, &outcome);
    }
    market.exchange.settle().unwrap();
    let mut times = [Times::default(), Times::default(), Times::default()];
    let (mut executing, mut settling) = (Duration::ZERO, Duration::ZERO);
    let (mut traded, mut fills) = (0, 0);
    for number in 0..commands {
        let kind = [0, 2, 1, 2, 2, 0, 2, 1, 2, 2][(number % 10) as usize];
        let command = match kind {
            0 => market.ask(),
            1 => market.cancel(),
            _ => market.bid(),
        };
        let envelope = envelope(command);
        let outcome = times[kind].of(|| market.exchange.execute(&envelope).unwrap());
        let trades = market.note(kind == 0, &outcome);
        traded += u32::from(trades > 0);
        fills += trades;
        executing += *times[kind].0.last().unwrap();
        if number % BATCH == BATCH - 1 {
            let began = Instant::now();
            market.exchange.settle().unwrap();
            settling += began.elapsed();
        }
    }
    println!(
        "  {name:6} {:.0} commands/s, {:.0} with a digest every {BATCH}; {} % trade, {fills} fills",
        f64::from(commands) / executing.as_secs_f64(),
        f64::from(commands) / (executing + settling).as_secs_f64(),
        traded * 100 / commands
    );
    for (times, what) in times.into_iter().zip(["place an ask", "cancel an ask", "place a bid"]) {
        times.print(name, what);
    }
}

impl<B: Book> Market<B> {
    fn new() -> Self {
        let dice = Dice(0x9E37_79B9_7F4A_7C15);
        Self { exchange: Exchange::new(), dice, placed: Vec::new(), ended: HashSet::new() }
    }

    /// Notes what became of orders; returns how many trades there were.
    fn note(&mut self, is_ask: bool, outcome: &Outcome) -> usize {
        if let (true, Made::Order(id)) = (is_ask, outcome.made) {
            self.placed.push(id);
        }
        let ended = outcome.events.iter().filter_map(|event| match event {
            Event::OrderEnded { order, .. } => Some(*order),
            _ => None,
        });
        self.ended.extend(ended);
        outcome.events.iter().filter(|event| matches!(event, Event::Traded { .. })).count()
    }

    fn ask(&mut self) -> Command {
        let window = self.dice.window();
        Command::PlaceAsk(PlaceAsk {
            organization: PROVIDER,
            source: Source::Listing(ListingId::new(i64::from(1 + self.dice.below(1_000)))),
            gpus: 1 + self.dice.below(64),
            start: Some(window.start.plus(1)),
            end: Some(window.end.plus(1)),
            price: self.price(),
            lot: Some(1),
            min_minutes: Some(1),
            lead_minutes: 0,
            terms: Terms::default(),
        })
    }

    /// Cancels some ask that is still open.
    fn cancel(&mut self) -> Command {
        loop {
            let at = self.dice.below(self.placed.len() as u32) as usize;
            let order = self.placed.swap_remove(at);
            if !self.ended.contains(&order) {
                return Command::CancelOrder { organization: PROVIDER, order };
            }
        }
    }

    fn bid(&mut self) -> Command {
        let window = self.dice.window();
        Command::PlaceBid(PlaceBid {
            organization: RENTER,
            product: ProductId::new(1),
            gpus: 1 + self.dice.below(64),
            window: BidWindow::Fixed { start: window.start.plus(1), end: window.end.plus(1) },
            price: self.price(),
            lot: 1,
            requirements: Requirements::default(),
            same_site: false,
            cover: None,
            funding: Funding::Full,
            terms: Terms { time_in_force: TimeInForce::Ioc, ..Terms::default() },
        })
    }

    fn price(&mut self) -> Price {
        Price::from_micros(i64::from(1 + self.dice.below(1_000)) * 1_000)
    }
}

fn envelope(command: Command) -> Envelope {
    Envelope {
        at: Timestamp::from_millis(i64::from(NOW) * 60_000),
        actor: "bench".to_owned(),
        request_id: "bench".to_owned(),
        idempotency_key: None,
        command,
    }
}
