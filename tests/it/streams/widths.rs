//! The book in use beside the same book with very narrow trees: with those, small books have many levels, and
//! leaves are split, merged and emptied all the time. All of them must plan the same.

use gpubourse::exchange::IndexedBook;
use gpubourse::exchange::book::{Arrival, Book, BookAsk, BookBid, Rank, Walk};
use gpubourse::types::{OrderId, OrganizationId, OutOfRange, Timestamp, Window};

/// One book of three widths.
#[derive(Debug, Default)]
pub struct Widths {
    in_use: IndexedBook,
    narrow: IndexedBook<5, 4>,
    narrowest: IndexedBook<2, 2>,
}

impl Widths {
    fn same<T: PartialEq + std::fmt::Debug>(&self, what: &str, of: [T; 3]) -> T {
        let [in_use, narrow, narrowest] = of;
        assert_eq!(narrow, in_use, "{what} depends on the width of trees");
        assert_eq!(narrowest, in_use, "{what} depends on the width of trees");
        in_use
    }
}

impl Book for Widths {
    fn advance(&mut self, now: Timestamp) {
        self.in_use.advance(now);
        self.narrow.advance(now);
        // One never hears the time: its sketches are of no use, and its answers the same.
    }

    fn set_rank(&mut self, host: OrganizationId, rank: Rank) {
        self.in_use.set_rank(host, rank);
        self.narrow.set_rank(host, rank);
        self.narrowest.set_rank(host, rank);
    }

    fn insert_ask(&mut self, ask: BookAsk) {
        self.in_use.insert_ask(ask.clone());
        self.narrow.insert_ask(ask.clone());
        self.narrowest.insert_ask(ask);
    }

    fn insert_bid(&mut self, bid: BookBid) {
        self.in_use.insert_bid(bid.clone());
        self.narrow.insert_bid(bid.clone());
        self.narrowest.insert_bid(bid);
    }

    fn remove(&mut self, order: OrderId) {
        self.in_use.remove(order);
        self.narrow.remove(order);
        self.narrowest.remove(order);
    }

    fn sell(&mut self, ask: OrderId, window: Window, gpus: u32) -> Result<(), OutOfRange> {
        let sold = [
            self.in_use.sell(ask, window, gpus),
            self.narrow.sell(ask, window, gpus),
            self.narrowest.sell(ask, window, gpus),
        ];
        self.same("a sale", sold)
    }

    fn buy(&mut self, bid: OrderId, gpus: u32) -> Result<(), OutOfRange> {
        let bought = [self.in_use.buy(bid, gpus), self.narrow.buy(bid, gpus), self.narrowest.buy(bid, gpus)];
        self.same("a purchase", bought)
    }

    fn walk_bid(&self, bid: &BookBid, arrival: Arrival) -> Walk {
        let walks = [
            self.in_use.walk_bid(bid, arrival),
            self.narrow.walk_bid(bid, arrival),
            self.narrowest.walk_bid(bid, arrival),
        ];
        self.same("a bid's walk", walks)
    }

    fn walk_ask(&self, ask: &BookAsk, arrival: Arrival) -> Walk {
        let walks = [
            self.in_use.walk_ask(ask, arrival),
            self.narrow.walk_ask(ask, arrival),
            self.narrowest.walk_ask(ask, arrival),
        ];
        self.same("an ask's walk", walks)
    }

    fn bids(&self) -> Vec<OrderId> {
        self.same("the order of bids", [self.in_use.bids(), self.narrow.bids(), self.narrowest.bids()])
    }
}
