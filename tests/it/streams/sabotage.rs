//! Books with one fault each.

use std::marker::PhantomData;

use gpubourse::exchange::NaiveBook;
use gpubourse::exchange::book::{Arrival, Book, BookAsk, BookBid, Rank, Step, Walk};
use gpubourse::types::{OrderId, OrganizationId, OutOfRange, Price, SelfTrade, Window};

/// How a book's walks are wrong.
pub trait Fault: Default {
    fn bid(book: &NaiveBook, bid: &BookBid, arrival: Arrival) -> Walk {
        book.walk_bid(bid, arrival)
    }

    fn ask(book: &NaiveBook, ask: &BookAsk, arrival: Arrival) -> Walk {
        book.walk_ask(ask, arrival)
    }
}

/// The reference book with a fault.
#[derive(Default)]
pub struct Faulty<F>(NaiveBook, PhantomData<F>);

impl<F: Fault> Book for Faulty<F> {
    fn set_rank(&mut self, host: OrganizationId, rank: Rank) {
        self.0.set_rank(host, rank);
    }

    fn insert_ask(&mut self, ask: BookAsk) {
        self.0.insert_ask(ask);
    }

    fn insert_bid(&mut self, bid: BookBid) {
        self.0.insert_bid(bid);
    }

    fn remove(&mut self, order: OrderId) {
        self.0.remove(order);
    }

    fn sell(&mut self, ask: OrderId, window: Window, gpus: u32) -> Result<(), OutOfRange> {
        self.0.sell(ask, window, gpus)
    }

    fn buy(&mut self, bid: OrderId, gpus: u32) -> Result<(), OutOfRange> {
        self.0.buy(bid, gpus)
    }

    fn walk_bid(&self, bid: &BookBid, arrival: Arrival) -> Walk {
        F::bid(&self.0, bid, arrival)
    }

    fn walk_ask(&self, ask: &BookAsk, arrival: Arrival) -> Walk {
        F::ask(&self.0, ask, arrival)
    }

    fn bids(&self) -> Vec<OrderId> {
        self.0.bids()
    }
}

/// Skips the best ask where there are several.
#[derive(Default)]
pub struct SkipsTheBest;
impl Fault for SkipsTheBest {
    fn bid(book: &NaiveBook, bid: &BookBid, arrival: Arrival) -> Walk {
        let mut walk = book.walk_bid(bid, arrival);
        if walk.steps.len() > 1 {
            walk.steps.remove(0);
        }
        walk
    }
}

/// Visits bids of one price from the latest on.
#[derive(Default)]
pub struct ForgetsTheSequence;
impl Fault for ForgetsTheSequence {
    fn ask(book: &NaiveBook, ask: &BookAsk, arrival: Arrival) -> Walk {
        let mut walk = book.walk_ask(ask, arrival);
        walk.steps.reverse();
        walk
    }
}

/// Leaves the last fill away.
#[derive(Default)]
pub struct StopsEarly;
impl Fault for StopsEarly {
    fn ask(book: &NaiveBook, ask: &BookAsk, arrival: Arrival) -> Walk {
        let mut walk = book.walk_ask(ask, arrival);
        walk.steps.pop();
        walk
    }
}

/// Does not know whose orders are whose.
#[derive(Default)]
pub struct ForgetsTheOwner;
impl Fault for ForgetsTheOwner {
    fn bid(book: &NaiveBook, bid: &BookBid, arrival: Arrival) -> Walk {
        book.walk_bid(&BookBid { organization: OrganizationId::EXCHANGE, ..bid.clone() }, arrival)
    }
}

/// Lets an ask sell below its price.
#[derive(Default)]
pub struct ForgetsTheLimit;
impl Fault for ForgetsTheLimit {
    fn ask(book: &NaiveBook, ask: &BookAsk, arrival: Arrival) -> Walk {
        book.walk_ask(&BookAsk { price: Price::from_micros(1), ..ask.clone() }, arrival)
    }
}

/// Fills one lot more than there is.
#[derive(Default)]
pub struct FillsTooMany;
impl Fault for FillsTooMany {
    fn bid(book: &NaiveBook, bid: &BookBid, arrival: Arrival) -> Walk {
        let more = BookBid { remaining: bid.remaining + bid.lot, ..bid.clone() };
        book.walk_bid(&more, arrival)
    }
}

/// Fills one GPU less than it could.
#[derive(Default)]
pub struct FillsTooFew;
impl Fault for FillsTooFew {
    fn bid(book: &NaiveBook, bid: &BookBid, arrival: Arrival) -> Walk {
        let mut walk = book.walk_bid(bid, arrival);
        if let Some(Step::Fill { gpus, .. }) = walk.steps.first_mut()
            && *gpus > 1
        {
            *gpus -= 1;
        }
        walk
    }
}

/// Passes own orders over whatever the mode.
#[derive(Default)]
pub struct AlwaysSkipsOwn;
impl Fault for AlwaysSkipsOwn {
    fn bid(book: &NaiveBook, bid: &BookBid, arrival: Arrival) -> Walk {
        book.walk_bid(bid, Arrival { self_trade: SelfTrade::Skip, ..arrival })
    }
}

/// Cancels the resting own order whatever the mode.
#[derive(Default)]
pub struct AlwaysCancelsTheOldest;
impl Fault for AlwaysCancelsTheOldest {
    fn bid(book: &NaiveBook, bid: &BookBid, arrival: Arrival) -> Walk {
        let mode = if arrival.same_site { arrival.self_trade } else { SelfTrade::CancelOldest };
        book.walk_bid(bid, Arrival { self_trade: mode, ..arrival })
    }
}

/// Treats a fok like an ioc.
#[derive(Default)]
pub struct FillsFokInPart;
impl Fault for FillsFokInPart {
    fn bid(book: &NaiveBook, bid: &BookBid, arrival: Arrival) -> Walk {
        book.walk_bid(bid, Arrival { fok: false, ..arrival })
    }
}

/// Never fills a fok.
#[derive(Default)]
pub struct RefusesFok;
impl Fault for RefusesFok {
    fn bid(book: &NaiveBook, bid: &BookBid, arrival: Arrival) -> Walk {
        let remaining = if arrival.fok { 1_000_000 } else { bid.remaining };
        book.walk_bid(&BookBid { remaining, ..bid.clone() }, arrival)
    }
}
