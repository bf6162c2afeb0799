//! Which numbers belong to whom: the clustered index that pages of history are read from.
//!
//! Invariant: the feed follows from the other tables alone. It is written inline now; because nothing reads it
//! but pages of history, it can be written later and in slices behind a watermark without another schema.

use crate::exchange::Changes;
use crate::store::row::row;
use crate::types::Source;

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

/// Returns the feed rows a batch adds, sorted and without repeats.
pub(crate) fn rows(changes: &Changes) -> Vec<FeedRow> {
    let mut keys = Vec::new();
    let mut add = |stream: Stream, owner: i64, number: i64| keys.push((stream.code(), owner, number));
    for order in &changes.placed {
        add(Stream::OrdersOfOrganization, order.organization.number(), order.id.number());
    }
    for trade in &changes.trades {
        add(Stream::TradesOfOrder, trade.ask.number(), trade.id.number());
        add(Stream::TradesOfOrder, trade.bid.number(), trade.id.number());
        add(Stream::TradesOfProduct, trade.product.number(), trade.id.number());
    }
    for contract in &changes.contracted {
        let number = contract.id.number();
        add(Stream::ContractsOfOrganization, contract.seller.number(), number);
        add(Stream::ContractsOfOrganization, contract.buyer.number(), number);
        add(Stream::ContractsOfListing, contract.listing.number(), number);
        if let Source::Contract(parent) = contract.source {
            add(Stream::ContractsOfContract, parent.number(), number);
        }
    }
    // A contract that passed has another seller; whoever sold it before keeps it in their history.
    for (contract, seller) in &changes.passed {
        add(Stream::ContractsOfOrganization, seller.number(), contract.number());
    }
    for transfer in &changes.transfers {
        add(Stream::TransfersOfOrganization, transfer.debit.organization.number(), transfer.id.number());
        add(Stream::TransfersOfOrganization, transfer.credit.organization.number(), transfer.id.number());
    }
    keys.sort_unstable();
    keys.dedup();
    keys.into_iter().map(|(stream, owner, number)| FeedRow { stream, owner, number }).collect()
}
