//! What the exchange keeps: plain data, changed only by [`super::Exchange`].
//!
//! Histories are chains: what was made last is named by whoever it belongs to (`last_*`), and each thing names the one
//! before it (`previous*`). So the append-only tables need no index but their numbers, and a page of anybody's history
//! is a walk from one row to the one before it.

use serde::{Deserialize, Serialize};

use super::bonds::AskBond;
use super::command::Requirements;
use super::event::Made;
use super::funding::Monthly;
use super::novation::Novation;
use super::rights::Rights;
use crate::types::{
    AccountKind, ContractId, ContractStatus, Country, Funding, Interconnect, ListingId, Minute, Money, OrderId,
    OrderReason, OrderStatus, OrganizationId, OrganizationKind, OutOfRange, PassId, Price, ProductId, Region,
    SelfTrade, Side, SiteId, SlaClass, Source, Steps, Symbol, Tier, TimeInForce, Timestamp, TradeId, TransferId,
    Turnover, Window,
};

/// Whoever trades.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Organization {
    /// Its number.
    pub id: OrganizationId,
    /// When it registered.
    pub created_at: Timestamp,
    /// Its name.
    pub name: String,
    /// What it is in the market for.
    pub kind: OrganizationKind,
    /// Whether it may place orders.
    pub suspended: bool,
    /// The public key that secrets for it are sealed to.
    pub access_key: Option<String>,
    /// How well the exchange knows it.
    #[serde(default, skip_serializing_if = "Tier::is_unverified")]
    pub tier: Tier,
    /// How much of what it sold it delivered, as published last, in basis points.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score_bps: Option<u32>,
}

/// A tradable specification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// Its number.
    pub id: ProductId,
    /// When it was made.
    pub created_at: Timestamp,
    /// Its name in the market.
    pub symbol: Symbol,
    /// What it is, for people.
    pub name: String,
    /// The price grid.
    pub tick: Price,
    /// The seller's fee.
    pub fee_bps: u32,
    /// Whether new orders are refused.
    pub halted: bool,
}

/// Where GPUs stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Site {
    /// Its number.
    pub id: SiteId,
    /// When it was made.
    pub created_at: Timestamp,
    /// The provider.
    pub organization: OrganizationId,
    /// Its name, for people.
    pub name: String,
    /// Where it is.
    pub region: Region,
    /// Where it is.
    pub country: Country,
    /// Power, in watts.
    pub power_w: Option<i64>,
    /// Power usage effectiveness, in thousandths.
    pub pue_milli: Option<i64>,
}

/// A provider's capacity: the title behind asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    /// Its number.
    pub id: ListingId,
    /// When it was made.
    pub created_at: Timestamp,
    /// The provider.
    pub organization: OrganizationId,
    /// Where.
    pub site: SiteId,
    /// What.
    pub product: ProductId,
    /// How many GPUs.
    pub gpus: u32,
    /// When.
    pub window: Window,
    /// GPUs in one machine.
    pub gpus_per_node: u32,
    /// Wiring.
    pub interconnect: Interconnect,
    /// Promise.
    pub sla_class: SlaClass,
    /// Whether its contracts may be resold.
    pub resale_allowed: bool,
    /// What else is agreed.
    pub rights: Rights,
}

/// An ask or a bid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Its number.
    pub id: OrderId,
    /// When it was placed.
    pub created_at: Timestamp,
    /// The exchange's time when it was placed.
    pub placed_at: Timestamp,
    /// Whose it is.
    pub organization: OrganizationId,
    /// Which side.
    pub side: Side,
    /// What is traded.
    pub product: ProductId,
    /// Out of what (asks).
    pub source: Option<Source>,
    /// Its place among orders of equal price; lower is earlier.
    pub sequence: i64,
    /// GPUs, those already filled included.
    pub gpus: u32,
    /// When; an ask's starts no earlier than the first minute open when it arrived.
    pub window: Window,
    /// `minutes` of a bid that started at once.
    pub minutes: Option<u32>,
    /// Limit price.
    pub price: Price,
    /// Fills come in multiples of it.
    pub lot: u32,
    /// The shortest rental (asks; 1 for bids).
    pub min_minutes: u32,
    /// Notice before a window starts (asks; 0 for bids).
    pub lead_minutes: u32,
    /// What a bid asks of the capacity.
    pub requirements: Requirements,
    /// All fills from one site.
    pub same_site: bool,
    /// How long it waits.
    pub time_in_force: TimeInForce,
    /// When a gtd order ends.
    pub expires_at: Option<Timestamp>,
    /// Refused instead of filling on arrival.
    pub post_only: bool,
    /// What happens where it meets its own organization's orders.
    pub self_trade: SelfTrade,
    /// The caller's name for it.
    pub client_order_id: Option<String>,
    /// What a repeat of the request must equal (only with a `client_order_id`).
    pub fingerprint: Option<u128>,
    /// Where it stands.
    pub status: OrderStatus,
    /// Why it ended, unless filled.
    pub reason: Option<OrderReason>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// A bid: GPUs filled. An ask: the most sold in any one minute.
    pub filled_gpus: u32,
    /// Number of fills.
    pub fills: u32,
    /// GPU-minutes filled.
    pub filled_gpu_minutes: u64,
    /// Price times GPU-minutes of all fills.
    pub turnover: Turnover,
    /// GPUs sold out of an ask, per minute.
    pub sold: Steps,
    /// Money held behind a bid.
    pub held: Money,
    /// The organization's order before it.
    pub previous: Option<OrderId>,
    /// Its last trade.
    pub last_trade: Option<TradeId>,
    /// The limit of the bid that is to replace what a seller defaults on (bids).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cover: Option<Price>,
    /// How what it buys is paid for (bids).
    #[serde(default, skip_serializing_if = "Funding::is_full")]
    pub funding: Funding,
    /// The collateral behind what it has left to sell (asks that need some).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bond: Option<AskBond>,
}

/// One fill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trade {
    /// Its number.
    pub id: TradeId,
    /// When.
    pub created_at: Timestamp,
    /// What was traded.
    pub product: ProductId,
    /// The ask.
    pub ask: OrderId,
    /// The bid.
    pub bid: OrderId,
    /// The contract it created.
    pub contract: ContractId,
    /// Who sold.
    pub seller: OrganizationId,
    /// Who bought.
    pub buyer: OrganizationId,
    /// The side that arrived.
    pub aggressor: Side,
    /// How many GPUs.
    pub gpus: u32,
    /// For when.
    pub window: Window,
    /// The price of the order with the lower sequence.
    pub price: Price,
    /// The ask's trade before it.
    pub previous_of_ask: Option<TradeId>,
    /// The bid's trade before it.
    pub previous_of_bid: Option<TradeId>,
    /// The product's trade before it.
    pub previous_of_product: Option<TradeId>,
}

/// What a trade created: GPUs held by a buyer over a window, under frozen terms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contract {
    /// Its number.
    pub id: ContractId,
    /// When it was made.
    pub created_at: Timestamp,
    /// The trade that created it.
    pub trade: TradeId,
    /// What is delivered.
    pub product: ProductId,
    /// Where.
    pub site: SiteId,
    /// The listing its chain of title begins with.
    pub listing: ListingId,
    /// Out of what it was sold; the source above if that contract ended by its buyer's doing.
    pub source: Source,
    /// Who sells; follows `source`. A contract that is taken over is made by who leaves and passes at once.
    pub seller: OrganizationId,
    /// Who holds the GPUs.
    pub buyer: OrganizationId,
    /// How many GPUs.
    pub gpus: u32,
    /// When.
    pub window: Window,
    /// At what price.
    pub price: Price,
    /// Resales come in multiples of it.
    pub lot: u32,
    /// The shortest resale.
    pub min_minutes: u32,
    /// The exchange's fee on the seller's side.
    pub fee_bps: u32,
    /// The version of the terms of delivery; 0 if none were published.
    pub terms: u32,
    /// Contracts above it in the chain.
    pub depth: u8,
    /// Where it stands.
    pub status: ContractStatus,
    /// The first minute it no longer covers, if it ended early.
    pub ended_at: Option<Minute>,
    /// What lies in the buyer's escrow for it.
    pub escrow: Money,
    /// What came to its first seller before it.
    pub previous_of_seller: Option<Holding>,
    /// What came to its buyer before it.
    pub previous_of_buyer: Option<Holding>,
    /// What was sold out of the contract it was sold out of before it.
    pub previous_of_parent: Option<Holding>,
    /// What was last sold out of it.
    pub last_child: Option<Holding>,
    /// How far it is paid for, if that is done by the month.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub monthly: Option<Monthly>,
    /// What lies on its seller's bond account for it.
    #[serde(default, skip_serializing_if = "Money::is_zero")]
    pub bond: Money,
    /// What others took over from it, and whom it was taken over from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub novation: Option<Box<Novation>>,
}

/// How a contract came to whoever has it in their history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holding {
    /// It was made for them.
    Made(ContractId),
    /// It passed to them.
    Passed(PassId),
}

/// A contract that passed to another seller, out of another source, because the one above it ended by its buyer's
/// doing, or was taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pass {
    /// Its number.
    pub id: PassId,
    /// When.
    pub created_at: Timestamp,
    /// Which contract.
    pub contract: ContractId,
    /// Who sells it from then on.
    pub seller: OrganizationId,
    /// Out of what.
    pub source: Source,
    /// What came to that seller before it.
    pub previous_of_seller: Option<Holding>,
    /// What was sold out of that source, if it is a contract, before it.
    pub previous_of_parent: Option<Holding>,
}

/// Where the trades of a product end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tape {
    /// The last trade.
    pub last_trade: Option<TradeId>,
}

/// One of an organization's accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Account {
    /// Whose.
    pub organization: OrganizationId,
    /// Which.
    pub kind: AccountKind,
}

/// Why money moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// Money came in.
    Deposit,
    /// Money went out.
    Withdrawal,
    /// Set aside for a bid's worst case.
    Hold(OrderId),
    /// Set free: price improvement, or a bid that ended or shrank.
    Release(OrderId),
    /// A fill's cost, or its first month and a deposit, from held to escrow.
    Escrow(ContractId),
    /// A later month of a contract that is paid for by the month, from available to escrow.
    Draw(ContractId),
    /// What is left of the deposit of a contract that ended because a draw was missed, to its seller.
    Forfeit(ContractId),
    /// The undelivered rest of a contract that ended early, or what lay behind the part that somebody took over.
    Refund(ContractId),
    /// What was delivered, less the fee, to the seller.
    Payment(ContractId),
    /// The exchange's fee on it.
    Fee(ContractId),
    /// What a seller pays for a promise it has not kept.
    Credit(ContractId),
    /// What a passed contract earns its new seller less, charged to the party at fault.
    PriceGap(ContractId),
    /// What whoever gives notice pays the other side.
    NoticeFee(ContractId),
    /// What was delivered, less the fee and what the host keeps, to the owner.
    OwnerShare(ContractId),
    /// What a resale at a gain pays to the owner.
    Royalty(ContractId),
    /// What taking a contract over costs its buyer, to whoever left; what of it a recall settles anew, either way.
    Novation(ContractId),
    /// The royalty on the gain of whoever left, out of what taking its contract over costs.
    NovationRoyalty(ContractId),
    /// What lay behind the GPUs that were taken over, from whoever left to the new buyer's escrow.
    Takeover(ContractId),
    /// Collateral for what an ask has left to sell.
    Bond(OrderId),
    /// Collateral set free: an ask that ended, shrank, or let minutes pass.
    BondRelease(OrderId),
    /// Collateral set free: a contract that is settled, or sold by somebody else.
    BondReturn(ContractId),
    /// What a cover bid holds above the refund, out of the defaulter's collateral; and back, what it did not spend.
    BondCover(ContractId),
}

/// One movement of money: double entry in one row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// Its number.
    pub id: TransferId,
    /// When.
    pub created_at: Timestamp,
    /// The account that has less.
    pub debit: Account,
    /// The account that has more.
    pub credit: Account,
    /// How much; positive.
    pub amount: Money,
    /// Why.
    pub cause: Cause,
    /// The payment a deposit or withdrawal stands for.
    pub reference: Option<String>,
    /// The debited organization's transfer before it.
    pub previous_of_debit: Option<TransferId>,
    /// The credited organization's transfer before it.
    pub previous_of_credit: Option<TransferId>,
}

/// An organization's accounts, and where its histories end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Purse {
    /// Free to spend.
    pub available: Money,
    /// Behind open bids.
    pub held: Money,
    /// Behind contracts.
    pub escrow: Money,
    /// Collateral.
    pub bond: Money,
    /// The world outside (the exchange only).
    pub external: Money,
    /// Its last order.
    pub last_order: Option<OrderId>,
    /// The last contract it bought or sold.
    pub last_holding: Option<Holding>,
    /// The last transfer from or to it.
    pub last_transfer: Option<TransferId>,
}

/// A `client_order_id` the exchange remembers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientOrder {
    /// The order it named.
    pub order: OrderId,
    /// What a repeat must equal.
    pub fingerprint: u128,
    /// The exchange's time when it was placed.
    pub placed_at: Timestamp,
    /// Whether the order has ended.
    pub ended: bool,
}

/// An `Idempotency-Key` the exchange remembers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RememberedKey {
    /// What a repeat must equal.
    pub fingerprint: u128,
    /// The exchange's time when it was used.
    pub used_at: Timestamp,
    /// What the request made.
    pub made: Made,
}

/// The exchange's clock and the numbers it hands out next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// The exchange's time.
    pub now: Timestamp,
    /// The rules in force.
    pub rules: u32,
    /// The next place in the queue.
    pub sequence: i64,
    /// The next organization.
    pub organization: i64,
    /// The next product.
    pub product: i64,
    /// The next site.
    pub site: i64,
    /// The next listing.
    pub listing: i64,
    /// The next order.
    pub order: i64,
    /// The next trade.
    pub trade: i64,
    /// The next contract.
    pub contract: i64,
    /// The next transfer.
    pub transfer: i64,
    /// The next change of a contract's seller.
    pub pass: i64,
    /// The next published fix of the index.
    pub fix: i64,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            now: Timestamp::default(),
            rules: 1,
            sequence: 1,
            organization: 1,
            product: 1,
            site: 1,
            listing: 1,
            order: 1,
            trade: 1,
            contract: 1,
            transfer: 1,
            pass: 1,
            fix: 1,
        }
    }
}

impl Holding {
    /// Returns the number that stands for it in a row: a contract's own, or a pass's with a minus.
    pub const fn code(self) -> i64 {
        match self {
            Self::Made(contract) => contract.number(),
            Self::Passed(pass) => pass.number().saturating_neg(),
        }
    }

    /// Returns what a number in a row stands for.
    pub const fn of_code(code: i64) -> Option<Self> {
        match code {
            1.. => Some(Self::Made(ContractId::new(code))),
            0 => None,
            _ => Some(Self::Passed(PassId::new(code.saturating_neg()))),
        }
    }
}

impl Purse {
    /// Returns the balance of one account.
    pub const fn balance(&self, kind: AccountKind) -> Money {
        match kind {
            AccountKind::Available => self.available,
            AccountKind::Held => self.held,
            AccountKind::Escrow => self.escrow,
            AccountKind::Bond => self.bond,
            AccountKind::External => self.external,
        }
    }

    /// Returns the sum of all accounts.
    ///
    /// # Errors
    /// [`OutOfRange`] beyond `i64`.
    pub fn total(&self) -> Result<Money, OutOfRange> {
        self.available.plus(self.held)?.plus(self.escrow)?.plus(self.bond)?.plus(self.external)
    }
}
