//! What the auditor is told: plain facts about commands, replies and what is durable.

use crate::types::{
    Fault, Interconnect, Minute, OrderReason, OrderStatus, SelfTrade, Side, SlaClass, Source, Steps, TimeInForce,
    Timestamp, Window,
};

/// What one commit made durable.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    /// The journal rows, in order.
    pub(crate) rows: Vec<Row>,
    /// Trades with their contracts, by number.
    pub(crate) trades: Vec<Trade>,
    /// Money moved, by number.
    pub(crate) transfers: Vec<Transfer>,
    /// Orders touched, as they stand.
    pub(crate) orders: Vec<Standing>,
    /// Contracts touched that are live, as they stand, and whether they are in use.
    pub(crate) live: Vec<(Contract, bool)>,
    /// Contracts touched that are over.
    pub(crate) completed: Vec<i64>,
    /// Purses touched, as they stand.
    pub(crate) purses: Vec<(i64, Purse)>,
}

/// A journal row.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) sequence: i64,
    pub(crate) request_id: String,
    /// What makes a repeat known: whose, and under which name.
    pub(crate) name: Option<(String, String)>,
    /// The command as written.
    pub(crate) text: String,
    pub(crate) request: Request,
    /// `ok`, `replayed` or a refusal.
    pub(crate) outcome: String,
}

/// What a reply said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reply {
    /// Accepted, at this place in the journal; this is what it made.
    Done { sequence: i64, made: (&'static str, i64), replayed: bool },
    /// Refused.
    Refused(&'static str),
    /// Not applied.
    NotApplied,
    /// Nobody knows.
    Unknown,
    /// A bug.
    Broken(String),
}

/// A command, as far as the auditor looks at it.
#[derive(Debug, Clone)]
pub(crate) enum Request {
    Advance(Timestamp),
    Register,
    Product {
        fee_bps: u32,
    },
    Halt {
        product: i64,
        halted: bool,
    },
    Site {
        organization: i64,
        region: String,
        country: String,
    },
    List(Listing),
    Lower(Lower),
    EndContract {
        contract: i64,
        fault: Option<Fault>,
    },
    Place(Place),
    Amend(Amend),
    Cancel {
        organization: i64,
        order: i64,
    },
    CancelAll {
        organization: i64,
        product: Option<i64>,
        side: Option<Side>,
    },
    Suspend {
        organization: i64,
        suspended: bool,
    },
    /// Money from outside, or out if negative.
    Money {
        organization: i64,
        micros: i64,
    },
    /// Terms of delivery for contracts made from now on.
    Publish(Terms),
    Ready {
        contract: i64,
    },
    HandOver {
        contract: i64,
    },
    Accept {
        organization: i64,
        contract: i64,
    },
    Meter {
        organization: i64,
        reports: Vec<Report>,
    },
    /// Settles everything.
    Settle,
    /// Nothing the traders do.
    Other,
}

/// Terms of delivery.
#[derive(Debug, Clone)]
pub(crate) struct Terms {
    pub(crate) close_after_minutes: u32,
    /// From this share delivered on, so many times what was not: best share first.
    pub(crate) credits: Vec<(u32, u32)>,
}

/// A provider's report on one contract.
#[derive(Debug, Clone)]
pub(crate) struct Report {
    pub(crate) contract: i64,
    /// GPUs up over minutes.
    pub(crate) runs: Vec<(Window, u32)>,
}

/// A listing.
#[derive(Debug, Clone)]
pub(crate) struct Listing {
    pub(crate) organization: i64,
    pub(crate) site: i64,
    pub(crate) product: i64,
    pub(crate) gpus: u32,
    pub(crate) window: Window,
    pub(crate) interconnect: Interconnect,
    pub(crate) sla_class: SlaClass,
    pub(crate) resale_allowed: bool,
}

/// New values of a listing.
#[derive(Debug, Clone)]
pub(crate) struct Lower {
    pub(crate) organization: i64,
    pub(crate) listing: i64,
    pub(crate) gpus: Option<u32>,
    pub(crate) start: Option<Minute>,
    pub(crate) end: Option<Minute>,
}

/// An order as it was asked for.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) organization: i64,
    pub(crate) side: Side,
    /// Bids; an ask's follows from its source.
    pub(crate) product: i64,
    pub(crate) source: Option<Source>,
    pub(crate) gpus: u32,
    pub(crate) start: Option<Minute>,
    pub(crate) end: Option<Minute>,
    /// A bid that starts at once, for so long.
    pub(crate) minutes: Option<u32>,
    pub(crate) price_micros: i64,
    pub(crate) lot: Option<u32>,
    pub(crate) min_minutes: Option<u32>,
    pub(crate) lead_minutes: u32,
    pub(crate) wants: Wants,
    pub(crate) time_in_force: TimeInForce,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) post_only: bool,
    pub(crate) self_trade: SelfTrade,
}

/// What a bid wants of the capacity.
#[derive(Debug, Clone)]
pub(crate) struct Wants {
    pub(crate) regions: Vec<String>,
    pub(crate) countries: Vec<String>,
    pub(crate) interconnects: Vec<Interconnect>,
    pub(crate) sites: Vec<i64>,
    pub(crate) min_sla_class: SlaClass,
    pub(crate) primary_only: bool,
}

/// An amendment.
#[derive(Debug, Clone)]
pub(crate) struct Amend {
    pub(crate) organization: i64,
    pub(crate) order: i64,
    pub(crate) gpus: Option<u32>,
    pub(crate) price_micros: Option<i64>,
    pub(crate) start: Option<Minute>,
    pub(crate) end: Option<Minute>,
    pub(crate) lot: Option<u32>,
}

/// A trade with the contract it made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trade {
    pub(crate) id: i64,
    pub(crate) ask: i64,
    pub(crate) bid: i64,
    pub(crate) gpus: u32,
    pub(crate) price_micros: i64,
    pub(crate) contract: Contract,
}

/// A contract: when it was made, or as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Contract {
    pub(crate) id: i64,
    pub(crate) product: i64,
    pub(crate) site: i64,
    pub(crate) listing: i64,
    pub(crate) source: Source,
    pub(crate) seller: i64,
    pub(crate) buyer: i64,
    pub(crate) gpus: u32,
    pub(crate) window: Window,
    pub(crate) price_micros: i64,
    pub(crate) lot: u32,
    pub(crate) min_minutes: u32,
    pub(crate) fee_bps: u32,
    pub(crate) depth: u8,
    pub(crate) escrow_micros: i64,
}

/// A movement of money: whose less, whose more.
#[derive(Debug, Clone)]
pub(crate) struct Transfer {
    pub(crate) id: i64,
    pub(crate) debit: (i64, Pocket),
    pub(crate) credit: (i64, Pocket),
    pub(crate) micros: i64,
    /// What it is for, and for which contract.
    pub(crate) flow: Option<(Flow, i64)>,
}

/// What money that leaves a contract's escrow is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Flow {
    Payment,
    Fee,
    Refund,
    PriceGap,
}

/// One of an organization's accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Pocket {
    Available,
    Held,
    Escrow,
    Outside,
    Bond,
}

/// An order as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) id: i64,
    pub(crate) sequence: i64,
    pub(crate) gpus: u32,
    pub(crate) window: Window,
    pub(crate) price_micros: i64,
    pub(crate) lot: u32,
    pub(crate) filled_gpus: u32,
    pub(crate) sold: Steps,
    pub(crate) held_micros: i64,
    pub(crate) status: OrderStatus,
    pub(crate) reason: Option<OrderReason>,
}

/// An organization's balances, in micro-USD.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Purse {
    pub(crate) available: i64,
    pub(crate) held: i64,
    pub(crate) escrow: i64,
    pub(crate) outside: i64,
    pub(crate) bond: i64,
}
