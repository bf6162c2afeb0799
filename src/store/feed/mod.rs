//! Which numbers belong to whom: the clustered index that pages of history are read from.
//!
//! Its rows are scattered over as many pages as there are owners, so they are not written with the batch that makes
//! them: they wait in memory ([`pending`]) and are written sorted, in slices that ride on later batches, behind a
//! watermark ([`state`]). What lies past the watermark is found in the append-only tables, by readers and after a
//! restart ([`unwritten`]).
//!
//! Invariants: each row of a table up to its watermark is in the feed; the feed holds nothing that does not follow
//! from the journal. Owners that no append-only table names, the sellers a contract passed from, are written with
//! their batch.

pub(crate) mod pending;
pub(crate) mod state;
pub(crate) mod unwritten;

use crate::exchange::Changes;
use crate::store::row::row;
use crate::types::Source;

pub(crate) use pending::{Pace, Pending};
pub(crate) use state::FeedStateRow;

/// What a stream lists, and the number that stands for it in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    /// The orders of an organization.
    OrdersOfOrganization,
    /// The contracts an organization buys or sells, or once sold.
    ContractsOfOrganization,
    /// The transfers to or from an organization.
    TransfersOfOrganization,
    /// The trades of an order.
    TradesOfOrder,
    /// The trades of a product.
    TradesOfProduct,
    /// The contracts made out of a contract.
    ContractsOfContract,
    /// The contracts whose chain begins with a listing.
    ContractsOfListing,
}

impl Stream {
    /// Returns the number that stands for the stream in the table.
    pub(crate) const fn code(self) -> i64 {
        match self {
            Self::OrdersOfOrganization => 1,
            Self::ContractsOfOrganization => 2,
            Self::TransfersOfOrganization => 3,
            Self::TradesOfOrder => 4,
            Self::TradesOfProduct => 5,
            Self::ContractsOfContract => 6,
            Self::ContractsOfListing => 7,
        }
    }
}

row! {
    /// One number in one stream.
    FeedRow in feed (stream, owner, number) Keep {
        stream: i64,
        owner: i64,
        number: i64,
    }
}

/// Feed rows in the making.
#[derive(Debug, Default)]
pub(crate) struct FeedRows(Vec<FeedRow>);

impl FeedRows {
    pub(crate) fn order(&mut self, number: i64, organization: i64) {
        self.add(Stream::OrdersOfOrganization, organization, number);
    }

    pub(crate) fn trade(&mut self, number: i64, [ask, bid]: [i64; 2], product: i64) {
        self.add(Stream::TradesOfOrder, ask, number);
        self.add(Stream::TradesOfOrder, bid, number);
        self.add(Stream::TradesOfProduct, product, number);
    }

    pub(crate) fn contract(&mut self, number: i64, [seller, buyer]: [i64; 2], listing: i64, parent: Option<i64>) {
        self.add(Stream::ContractsOfOrganization, seller, number);
        self.add(Stream::ContractsOfOrganization, buyer, number);
        self.add(Stream::ContractsOfListing, listing, number);
        if let Some(parent) = parent {
            self.add(Stream::ContractsOfContract, parent, number);
        }
    }

    pub(crate) fn transfer(&mut self, number: i64, [debit, credit]: [i64; 2]) {
        self.add(Stream::TransfersOfOrganization, debit, number);
        self.add(Stream::TransfersOfOrganization, credit, number);
    }

    /// Returns the rows, sorted and without repeats.
    pub(crate) fn sorted(self) -> Vec<FeedRow> {
        let mut rows = self.0;
        rows.sort_unstable_by_key(FeedRow::place);
        rows.dedup();
        rows
    }

    fn add(&mut self, stream: Stream, owner: i64, number: i64) {
        self.0.push(FeedRow { stream: stream.code(), owner, number });
    }
}

impl FeedRow {
    const fn place(&self) -> (i64, i64, i64) {
        (self.stream, self.owner, self.number)
    }
}

/// Returns the feed rows that follow from the rows a batch adds to the append-only tables.
pub(crate) fn rows(changes: &Changes) -> Vec<FeedRow> {
    let mut rows = FeedRows::default();
    for order in &changes.placed {
        rows.order(order.id.number(), order.organization.number());
    }
    for trade in &changes.trades {
        rows.trade(trade.id.number(), [trade.ask.number(), trade.bid.number()], trade.product.number());
    }
    for contract in &changes.contracted {
        let parent = match contract.source {
            Source::Contract(parent) => Some(parent.number()),
            _ => None,
        };
        let parties = [contract.seller.number(), contract.buyer.number()];
        rows.contract(contract.id.number(), parties, contract.listing.number(), parent);
    }
    for transfer in &changes.transfers {
        rows.transfer(
            transfer.id.number(),
            [transfer.debit.organization.number(), transfer.credit.organization.number()],
        );
    }
    rows.sorted()
}

/// Returns the feed rows that no append-only table tells of. A contract that passed has another seller; whoever sold
/// it before keeps it in their history.
pub(crate) fn passed(changes: &Changes) -> Vec<FeedRow> {
    let mut rows = FeedRows::default();
    for (contract, seller) in &changes.passed {
        rows.add(Stream::ContractsOfOrganization, seller.number(), contract.number());
    }
    rows.sorted()
}
