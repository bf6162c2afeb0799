//! The small closed sets of the market, with one spelling for wire, journal and tables.

use serde::{Deserialize, Serialize};
use std::fmt;

use super::{ContractId, ListingId};

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal,)+ })+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $text)] $variant,)+ }

        impl $name {
            /// Every value, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Returns the one spelling of the value.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// Returns the value spelled so, if there is one.
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)+ _ => None }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }
    )+};
}

words! {
    /// What an organization is in the market for.
    OrganizationKind {
        /// Posts capacity.
        Provider = "provider",
        /// Buys to resell.
        Reseller = "reseller",
        /// Buys to use.
        Renter = "renter",
    }
    /// How well the exchange knows an organization; ordered.
    #[derive(Default)]
    Tier {
        /// Not at all, or not yet.
        #[default]
        Unverified = "unverified",
        /// It is who it says it is.
        Verified = "verified",
        /// It has kept its word for long.
        Trusted = "trusted",
    }
    /// The side of an order.
    Side {
        /// Offers GPUs.
        Ask = "ask",
        /// Wants GPUs.
        Bid = "bid",
    }
    /// What a node is wired with.
    Interconnect {
        /// InfiniBand.
        Infiniband = "infiniband",
        /// RDMA over converged Ethernet.
        Roce = "roce",
        /// Plain Ethernet.
        Ethernet = "ethernet",
        /// Not stated by the provider.
        Unspecified = "unspecified",
    }
    /// The share of hours a provider promises, in per cent; ordered.
    SlaClass {
        /// Nothing promised.
        None = "none",
        /// 98 %.
        P98 = "98",
        /// 99 %.
        P99 = "99",
        /// 99.9 %.
        P999 = "99.9",
    }
    /// How long an order waits.
    TimeInForce {
        /// Until cancelled.
        Gtc = "gtc",
        /// Until `expires_at`.
        Gtd = "gtd",
        /// Fills what it can at once, cancels the rest.
        Ioc = "ioc",
        /// Fills completely at once or does nothing.
        Fok = "fok",
    }
    /// What happens where an order meets one of its own organization.
    SelfTrade {
        /// The own order is passed over.
        Skip = "skip",
        /// The order with the higher sequence is cancelled.
        CancelNewest = "cancel_newest",
        /// The order with the lower sequence is cancelled.
        CancelOldest = "cancel_oldest",
        /// Both are cancelled.
        CancelBoth = "cancel_both",
    }
    /// When a contract is paid for into escrow.
    #[derive(Default)]
    Funding {
        /// All of it when it is made.
        #[default]
        Full = "full",
        /// The first month and a deposit when it is made, each later month shortly before it begins.
        Monthly = "monthly",
    }
    /// What the index of a day was made from.
    FixOrigin {
        /// The day's trades.
        Trades = "trades",
        /// Asks resting at the end of a thin day.
        Asks = "asks",
        /// The fix of an earlier day.
        Carried = "carried",
    }
    /// What a resale makes of its seller.
    #[derive(Default)]
    ResaleForm {
        /// It stays liable: its buyer's contract is with it, and its own goes on.
        #[default]
        Sublease = "sublease",
        /// It leaves: its buyer takes its contract over for what is sold.
        Novation = "novation",
    }
    /// Where an order stands.
    OrderStatus {
        /// Resting without fills.
        Open = "open",
        /// Resting with fills.
        PartiallyFilled = "partially_filled",
        /// Nothing left to trade.
        Filled = "filled",
        /// Ended before it was filled.
        Cancelled = "cancelled",
        /// Its time passed.
        Expired = "expired",
    }
    /// Why an order ended other than by being filled.
    OrderReason {
        /// A fok that could not be completed.
        FokIncomplete = "fok_incomplete",
        /// What an ioc could not fill.
        IocRemainder = "ioc_remainder",
        /// Met an order of its own organization.
        SelfTrade = "self_trade",
        /// The command had made all the fills it may.
        FillLimit = "fill_limit",
        /// Its time passed.
        Expired = "expired",
        /// Its owner asked.
        Requested = "requested",
        /// The contract behind it ended.
        SourceEnded = "source_ended",
        /// Its organization was suspended.
        OrganizationSuspended = "organization_suspended",
    }
    /// Where a contract stands; which may follow which is in `exchange::life`.
    ContractStatus {
        /// Before its window.
        Scheduled = "scheduled",
        /// Its provider says that the GPUs stand by.
        Ready = "ready",
        /// Access is handed over and not yet accepted.
        Delivered = "delivered",
        /// In its window, and in use.
        Active = "active",
        /// In its window without access.
        Late = "late",
        /// In use with fewer GPUs up than were sold.
        Degraded = "degraded",
        /// In use while both sides report differently.
        Disputed = "disputed",
        /// After its window.
        Completed = "completed",
        /// After its window, with every minute paid or refunded.
        Settled = "settled",
        /// Ended early by notice or agreement, or because a monthly draw was missed.
        Terminated = "terminated",
        /// Ended early by a failure of one side.
        Defaulted = "defaulted",
        /// Undone by the exchange.
        Recalled = "recalled",
    }
    /// Whose doing the early end of a contract is.
    Fault {
        /// The buyer failed or gave notice.
        Buyer = "buyer",
        /// The seller failed or gave notice.
        Seller = "seller",
    }
    /// One of an organization's purses.
    AccountKind {
        /// Free to spend.
        Available = "available",
        /// Behind open bids.
        Held = "held",
        /// Behind contracts.
        Escrow = "escrow",
        /// Collateral of sellers.
        Bond = "bond",
        /// The world outside; of the exchange only.
        External = "external",
    }
}

impl Funding {
    /// Tells whether nothing was chosen.
    pub const fn is_full(&self) -> bool {
        matches!(self, Self::Full)
    }
}

impl ResaleForm {
    /// Tells whether nothing was chosen.
    pub const fn is_sublease(&self) -> bool {
        matches!(self, Self::Sublease)
    }
}

impl Tier {
    /// Tells whether this is where every organization begins.
    pub const fn is_unverified(&self) -> bool {
        matches!(self, Self::Unverified)
    }
}

impl OrderStatus {
    /// Tells whether the order can still trade.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Open | Self::PartiallyFilled)
    }
}

impl ContractStatus {
    /// Tells whether the contract can still back a resale.
    pub const fn is_live(self) -> bool {
        match self {
            Self::Scheduled | Self::Ready | Self::Delivered | Self::Active => true,
            Self::Late | Self::Degraded | Self::Disputed => true,
            Self::Completed | Self::Settled | Self::Terminated | Self::Defaulted | Self::Recalled => false,
        }
    }
}

impl AccountKind {
    /// Returns the number that stands for the kind in tables.
    pub const fn code(self) -> i64 {
        match self {
            Self::Available => 0,
            Self::Held => 1,
            Self::Escrow => 2,
            Self::Bond => 3,
            Self::External => 4,
        }
    }
}

/// The title behind an ask or a contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A provider's capacity.
    Listing(ListingId),
    /// A contract its buyer resells.
    Contract(ContractId),
}

impl Source {
    /// Tells whether it is a listing: then what it gives is sold for the first time.
    pub const fn is_listing(self) -> bool {
        matches!(self, Self::Listing(_))
    }

    /// Returns the word and the number that stand for the source in tables.
    pub const fn parts(self) -> (&'static str, i64) {
        match self {
            Self::Listing(id) => ("listing", id.number()),
            Self::Contract(id) => ("contract", id.number()),
        }
    }

    /// Returns the source written as [`Source::parts`], if it is one.
    pub fn from_parts(word: &str, number: i64) -> Option<Self> {
        match word {
            "listing" => Some(Self::Listing(ListingId::new(number))),
            "contract" => Some(Self::Contract(ContractId::new(number))),
            _ => None,
        }
    }
}
