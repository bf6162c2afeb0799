//! What the exchange says has happened. Past tense, in the order in which it happened.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::entities::{Contract, Order, Trade, Transfer};
use crate::types::{
    ContractId, ContractStatus, FixId, ListingId, Minute, Money, OrderId, OrderReason, OrderStatus, OrganizationId,
    Price, ProductId, SiteId, Source, Tier, Timestamp, Window,
};

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// Time moved.
    Advanced {
        /// To here.
        now: Timestamp,
    },
    /// An organization was made.
    OrganizationRegistered {
        /// Which.
        organization: OrganizationId,
    },
    /// An organization was suspended or reinstated.
    OrganizationSuspended {
        /// Which.
        organization: OrganizationId,
        /// Whether it is now suspended.
        suspended: bool,
    },
    /// The exchange knows an organization better, or less, than before.
    TierSet {
        /// Which.
        organization: OrganizationId,
        /// How well.
        tier: Tier,
    },
    /// A provider's score was published.
    ScorePublished {
        /// Whose.
        organization: OrganizationId,
        /// In basis points.
        score_bps: u32,
    },
    /// A fix of the index was published.
    IndexFixed {
        /// Its number.
        fix: FixId,
        /// Of which product.
        product: ProductId,
        /// The UTC day, counted from 1970-01-01.
        day: u32,
        /// The index, if the day has one.
        price: Option<Price>,
    },
    /// A product was made.
    ProductCreated {
        /// Which.
        product: ProductId,
    },
    /// A product was halted or its halt lifted.
    ProductHalted {
        /// Which.
        product: ProductId,
        /// Whether it is now halted.
        halted: bool,
    },
    /// A site was made.
    SiteCreated {
        /// Which.
        site: SiteId,
    },
    /// A listing was made.
    ListingCreated {
        /// Which.
        listing: ListingId,
    },
    /// A listing was lowered.
    ListingAmended {
        /// Which.
        listing: ListingId,
    },
    /// An order was accepted, as it stood before it traded.
    OrderPlaced {
        /// The order.
        order: Arc<Order>,
    },
    /// An order was amended, as it stood before it traded on.
    OrderAmended {
        /// The order.
        order: Arc<Order>,
    },
    /// An ask and a bid traded; the contract is what the trade created.
    Traded {
        /// The trade.
        trade: Arc<Trade>,
        /// The contract.
        contract: Arc<Contract>,
    },
    /// An order ended.
    OrderEnded {
        /// Which.
        order: OrderId,
        /// How.
        status: OrderStatus,
        /// Why, unless it was filled.
        reason: Option<OrderReason>,
    },
    /// Money moved.
    Transferred {
        /// The transfer.
        transfer: Transfer,
    },
    /// A contract became active or completed, or ended early.
    ContractMoved {
        /// Which.
        contract: ContractId,
        /// Where it stands now.
        status: ContractStatus,
    },
    /// A contract passed to another seller: the one above it ended by its buyer's doing, or was taken over.
    ContractPassed {
        /// Which.
        contract: ContractId,
        /// Who now sells it.
        seller: OrganizationId,
        /// Out of what.
        source: Source,
    },
    /// A contract was made that takes a part of another over, whose buyer leaves.
    ContractTakenOver {
        /// Which.
        contract: ContractId,
        /// The one it was a part of.
        from: ContractId,
    },
    /// Terms of delivery were published.
    TermsPublished {
        /// Their version.
        version: u32,
    },
    /// A public key was registered.
    AccessKeyRegistered {
        /// Whose.
        organization: OrganizationId,
    },
    /// Access was handed over.
    AccessDelivered {
        /// Of which contract.
        contract: ContractId,
    },
    /// A report was taken in.
    Metered {
        /// On which contract.
        contract: ContractId,
    },
    /// A report of several was refused.
    MeterRefused {
        /// On which contract.
        contract: ContractId,
        /// The code of the refusal.
        code: String,
    },
    /// Slots past their time are in dispute.
    DisputeOpened {
        /// Of which contract.
        contract: ContractId,
        /// Which.
        window: Window,
    },
    /// Slots in dispute are closed.
    DisputeClosed {
        /// Of which contract.
        contract: ContractId,
        /// Which.
        window: Window,
        /// GPUs that count as up.
        gpus: u32,
    },
    /// Notice was given.
    NoticeGiven {
        /// Of which contract.
        contract: ContractId,
        /// The first minute it no longer covers.
        ends_at: Minute,
    },
    /// An admin proposes a recall.
    RecallProposed {
        /// Of which contract.
        contract: ContractId,
    },
    /// A bid was placed in the buyer's name for what a seller defaulted on; told after what it bought.
    CoverPlaced {
        /// The contract that defaulted.
        contract: ContractId,
        /// The bid.
        order: OrderId,
    },
    /// Such a bid was refused.
    CoverNotPlaced {
        /// The contract that defaulted.
        contract: ContractId,
        /// The code of the refusal.
        code: String,
    },
    /// A seller could not pay a credit in full, or has paid some of what it owed.
    CreditOwed {
        /// For which contract.
        contract: ContractId,
        /// Who sells it, or did in its time.
        seller: OrganizationId,
        /// What it owes now.
        amount: Money,
    },
    /// The buyer could not pay a monthly draw; it is tried again until its month begins.
    DrawMissing {
        /// For which contract.
        contract: ContractId,
        /// What was to be drawn.
        amount: Money,
    },
    /// Contracts were settled.
    SettledThrough {
        /// Where the next command goes on; nothing if all were looked at.
        next: Option<ContractId>,
    },
    /// A repeated request: nothing happened, this is what the first one made.
    Replayed {
        /// What the first request made.
        made: Made,
    },
    /// Other rules are in force.
    RulesSet {
        /// Their version.
        rules: u32,
    },
    /// A change outside the exchange was recorded.
    Noted,
}

/// What an accepted request made, as remembered for its repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Made {
    /// An order.
    Order(OrderId),
    /// An organization.
    Organization(OrganizationId),
    /// A product.
    Product(ProductId),
    /// A site.
    Site(SiteId),
    /// A listing.
    Listing(ListingId),
    /// A transfer of this amount.
    Transfer(crate::types::TransferId, Money),
    /// A contract.
    Contract(ContractId),
    /// Nothing that has a number.
    Nothing,
}
