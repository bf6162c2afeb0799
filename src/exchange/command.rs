//! What can be asked of the exchange.
//!
//! Commands are imperative and complete: parsed, with defaults filled in, free of clocks and randomness.
//! They are journalled as canonical JSON (sorted keys, integers only) and stay readable for ever, so a
//! field may be added with `#[serde(default)]` but never renamed or given another meaning.

mod plain;

use serde::{Deserialize, Serialize};

use super::fixes::IndexFix;
use super::ranks::Score;
use super::rights::Rights;
use super::terms::ContractTerms;
use crate::types::{
    ContractId, ContractStatus, Country, Fault, Funding, Interconnect, ListingId, Minute, Money, OrderId,
    OrganizationId, OrganizationKind, Price, ProductId, Region, SelfTrade, Side, SiteId, SlaClass, Slot, Source,
    Symbol, Tier, TimeInForce, Timestamp, Window,
};

/// A command with the record of who asked, when and under which request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// When it was sequenced: a record, never a rule (time is moved by [`Command::Advance`] alone).
    pub at: Timestamp,
    /// Who asked, as ids only: `user:<uuid>`, `key:<uuid>` or `system`.
    pub actor: String,
    /// The request it came with.
    pub request_id: String,
    /// The caller's `Idempotency-Key`, if the request carried one. Orders use `client_order_id`.
    pub idempotency_key: Option<String>,
    /// What is asked.
    pub command: Command,
}

/// Everything that can be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Command {
    /// Moves time forward, activates, completes and expires what is due.
    Advance {
        /// The new time.
        now: Timestamp,
    },
    /// Makes an organization.
    RegisterOrganization {
        /// Its name.
        name: String,
        /// What it is in the market for.
        organization_kind: OrganizationKind,
    },
    /// Suspends an organization (its orders are cancelled, new ones refused) or reinstates it.
    SuspendOrganization {
        /// Which.
        organization: OrganizationId,
        /// Whether it shall be suspended.
        suspended: bool,
    },
    /// Says how well the exchange knows an organization; an admin's word.
    SetTier {
        /// Which.
        organization: OrganizationId,
        /// How well.
        tier: Tier,
    },
    /// Publishes what providers have delivered of what they sold.
    PublishScores {
        /// One for each provider whose score has changed.
        scores: Vec<Score>,
    },
    /// Publishes fixes of the index of days gone by.
    PublishFixes {
        /// The journal row whose state they were made from.
        as_of: i64,
        /// The fixes.
        fixes: Vec<IndexFix>,
    },
    /// Makes a product.
    CreateProduct {
        /// Its name in the market.
        symbol: Symbol,
        /// What it is, for people.
        name: String,
        /// The price grid.
        tick: Price,
        /// The exchange's fee on the seller's side, frozen into each contract.
        fee_bps: u32,
    },
    /// Halts trading in a product or lifts the halt.
    HaltProduct {
        /// Which.
        product: ProductId,
        /// Whether it shall be halted.
        halted: bool,
    },
    /// Makes a site.
    CreateSite {
        /// The provider.
        organization: OrganizationId,
        /// Its name, for people.
        name: String,
        /// Where it is.
        region: Region,
        /// Where it is.
        country: Country,
        /// Power, in watts.
        power_w: Option<i64>,
        /// Power usage effectiveness, in thousandths.
        pue_milli: Option<i64>,
    },
    /// Lists capacity at a site.
    CreateListing {
        /// The provider.
        organization: OrganizationId,
        /// Where.
        site: SiteId,
        /// What.
        product: ProductId,
        /// How many GPUs.
        gpus: u32,
        /// From.
        start: Minute,
        /// To.
        end: Minute,
        /// GPUs in one machine.
        gpus_per_node: u32,
        /// Wiring.
        interconnect: Interconnect,
        /// Promise.
        sla_class: SlaClass,
        /// Whether its contracts may be resold.
        resale_allowed: bool,
        /// What else is agreed.
        #[serde(default, skip_serializing_if = "Rights::is_none")]
        rights: Rights,
    },
    /// Lowers a listing; absent fields stay.
    AmendListing {
        /// The provider.
        organization: OrganizationId,
        /// Which.
        listing: ListingId,
        /// How many GPUs.
        gpus: Option<u32>,
        /// From.
        start: Option<Minute>,
        /// To.
        end: Option<Minute>,
    },
    /// Places an ask.
    PlaceAsk(PlaceAsk),
    /// Places a bid.
    PlaceBid(PlaceBid),
    /// Amends an order; absent fields stay.
    AmendOrder(AmendOrder),
    /// Cancels an order.
    CancelOrder {
        /// Its owner.
        organization: OrganizationId,
        /// Which.
        order: OrderId,
    },
    /// Cancels every open order of an organization, in order of their numbers.
    CancelAll {
        /// The owner.
        organization: OrganizationId,
        /// Of this product only.
        product: Option<ProductId>,
        /// Of this side only.
        side: Option<Side>,
    },
    /// Money comes in from outside.
    Deposit {
        /// To whom.
        organization: OrganizationId,
        /// How much.
        amount: Money,
        /// The payment it stands for.
        reference: String,
    },
    /// Money goes out.
    Withdraw {
        /// From whom.
        organization: OrganizationId,
        /// How much.
        amount: Money,
        /// The payment it stands for.
        reference: String,
    },
    /// Ends a contract early, from the next minute on.
    EndContract {
        /// Which.
        contract: ContractId,
        /// As what: terminated, defaulted or recalled.
        status: ContractStatus,
        /// Whose doing it is; a recall is nobody's.
        fault: Option<Fault>,
        /// Why, for people.
        reason: String,
    },
    /// Publishes the terms of delivery; contracts made from then on have them.
    PublishTerms(ContractTerms),
    /// Registers the public key that secrets for an organization are sealed to.
    RegisterAccessKey {
        /// Whose.
        organization: OrganizationId,
        /// An age or SSH public key.
        key: String,
    },
    /// The provider says that the GPUs of a contract stand by.
    DeclareReady {
        /// The provider of the site.
        organization: OrganizationId,
        /// Which.
        contract: ContractId,
    },
    /// The provider hands access over.
    DeliverAccess {
        /// The provider of the site.
        organization: OrganizationId,
        /// Which.
        contract: ContractId,
        /// What is handed over.
        access: Access,
    },
    /// The buyer accepts what was handed over.
    AcceptDelivery {
        /// The buyer.
        organization: OrganizationId,
        /// Which.
        contract: ContractId,
    },
    /// The buyer sends back what was handed over.
    ObjectDelivery {
        /// The buyer.
        organization: OrganizationId,
        /// Which.
        contract: ContractId,
        /// Why, for people.
        reason: String,
    },
    /// Reports how many GPUs were up.
    Meter {
        /// The provider of the sites, or the buyer.
        organization: OrganizationId,
        /// Of which contracts.
        reports: Vec<MeterReport>,
    },
    /// The provider brings something forward for slots in dispute.
    AddEvidence {
        /// The provider of the site.
        organization: OrganizationId,
        /// Of which contract.
        contract: ContractId,
        /// From.
        start: Minute,
        /// To.
        end: Minute,
        /// What, for people.
        evidence: String,
    },
    /// Decides how many GPUs were up in slots in dispute.
    DecideDispute {
        /// Of which contract.
        contract: ContractId,
        /// From.
        start: Minute,
        /// To.
        end: Minute,
        /// From the renter's report to the provider's.
        gpus_up: u32,
        /// Why, for people.
        reason: String,
    },
    /// Settles the next contracts, youngest first.
    Settle {
        /// Those younger are settled; all from the youngest on if absent.
        after: Option<ContractId>,
        /// How many at most.
        limit: u32,
    },
    /// The seller says that it will not deliver.
    DeclareDefault {
        /// The seller.
        organization: OrganizationId,
        /// Which.
        contract: ContractId,
        /// Why, for people.
        reason: String,
    },
    /// Buyer or seller ends a contract by notice.
    GiveNotice {
        /// The buyer or the seller.
        organization: OrganizationId,
        /// Which.
        contract: ContractId,
        /// Why, for people.
        reason: String,
    },
    /// An admin proposes to recall a contract.
    ProposeRecall {
        /// Which.
        contract: ContractId,
        /// Why, for people.
        reason: String,
    },
    /// Another admin confirms it.
    ConfirmRecall {
        /// Which.
        contract: ContractId,
    },
    /// Changes the rules in force; only rules this program knows are accepted.
    SetRules {
        /// Their version.
        rules: u32,
    },
    /// Records a change outside the exchange (users, keys, roles): ids and words only, never secrets.
    Note {
        /// What kind of thing changed.
        subject: String,
        /// Which one.
        id: String,
        /// What was done to it.
        verb: String,
    },
}

/// What a provider hands over: where the GPUs are and how to enter. The exchange stores it and cannot read the secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    /// A name or address.
    pub host: String,
    /// A TCP port.
    pub port: u16,
    /// The host's public key, so that the renter knows whom it talks to.
    pub host_key: String,
    /// The user to enter as.
    pub user: String,
    /// The secret, sealed to `recipient` on the provider's side.
    pub sealed_secret: String,
    /// The public key it is sealed to: the one the buyer has registered.
    pub recipient: String,
}

/// How many GPUs of a contract were up, as one side reports it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeterReport {
    /// Which contract.
    pub contract: ContractId,
    /// Slots of equal state, in runs.
    pub runs: Vec<MeterRun>,
}

/// A run of slots: the first, how many, and the GPUs up in each. An array in the journal, which holds many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeterRun(pub u32, pub u32, pub u32);

impl MeterRun {
    /// Returns the minutes of the run.
    pub const fn window(self) -> Window {
        Slot::new(self.0).run(self.1)
    }

    /// Returns the GPUs up.
    pub const fn gpus_up(self) -> u32 {
        self.2
    }
}

/// What asks and bids have in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// How long it waits.
    pub time_in_force: TimeInForce,
    /// When a gtd order ends.
    pub expires_at: Option<Timestamp>,
    /// Refuse instead of filling on arrival.
    pub post_only: bool,
    /// What happens where it meets an order of its own organization.
    pub self_trade: SelfTrade,
    /// The caller's own name for it.
    pub client_order_id: Option<String>,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            time_in_force: TimeInForce::Gtc,
            expires_at: None,
            post_only: false,
            self_trade: SelfTrade::Skip,
            client_order_id: None,
        }
    }
}

/// An ask: GPUs out of a listing or a contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceAsk {
    /// Who sells.
    pub organization: OrganizationId,
    /// Out of what.
    pub source: Source,
    /// How many GPUs.
    pub gpus: u32,
    /// From; the source's start if absent.
    pub start: Option<Minute>,
    /// To; the source's end if absent.
    pub end: Option<Minute>,
    /// At what price.
    pub price: Price,
    /// Fills come in multiples of it; the source contract's, or 1, if absent.
    pub lot: Option<u32>,
    /// The shortest rental; the source contract's, or 1, if absent.
    pub min_minutes: Option<u32>,
    /// Notice the provider needs before a window starts.
    pub lead_minutes: u32,
    /// The rest.
    pub terms: Terms,
}

/// When a bid wants its GPUs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BidWindow {
    /// Over `[start, end)`.
    Fixed {
        /// From.
        start: Minute,
        /// To.
        end: Minute,
    },
    /// From the next minute on.
    AtOnce {
        /// For so long.
        minutes: u32,
    },
}

/// A block bid: every fill covers the whole window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceBid {
    /// Who buys.
    pub organization: OrganizationId,
    /// What.
    pub product: ProductId,
    /// How many GPUs.
    pub gpus: u32,
    /// When.
    pub window: BidWindow,
    /// The limit price.
    pub price: Price,
    /// Each fill is a multiple of it.
    pub lot: u32,
    /// What the capacity must be like.
    pub requirements: Requirements,
    /// All fills from one site; only with ioc and fok.
    pub same_site: bool,
    /// The rest.
    pub terms: Terms,
    /// The limit of the bid that is to replace what a seller defaults on, USD micros per GPU-hour; none is placed
    /// without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cover: Option<Price>,
    /// How what it buys is paid for; by the month only over more than 30 days.
    #[serde(default, skip_serializing_if = "Funding::is_full")]
    pub funding: Funding,
}

/// What a bid asks of the capacity that fills it. An empty list asks nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requirements {
    /// One of these regions.
    pub regions: Vec<String>,
    /// One of these countries.
    pub countries: Vec<String>,
    /// One of these.
    pub interconnects: Vec<Interconnect>,
    /// One of these sites.
    pub site_ids: Vec<SiteId>,
    /// At least this promise.
    pub min_sla_class: SlaClass,
    /// No resale.
    pub primary_only: bool,
    /// A provider known at least so well, when the bid meets its ask.
    #[serde(default, skip_serializing_if = "Tier::is_unverified")]
    pub min_tier: Tier,
    /// A provider with at least this published score then, in basis points.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_score_bps: Option<u32>,
}

impl Requirements {
    /// Tells whether anything is asked of the provider itself.
    pub const fn ask_for_rank(&self) -> bool {
        !self.min_tier.is_unverified() || self.min_score_bps.is_some()
    }
}

impl Default for Requirements {
    fn default() -> Self {
        Self {
            regions: Vec::new(),
            countries: Vec::new(),
            interconnects: Vec::new(),
            site_ids: Vec::new(),
            min_sla_class: SlaClass::None,
            primary_only: false,
            min_tier: Tier::Unverified,
            min_score_bps: None,
        }
    }
}

/// New values for an open order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AmendOrder {
    /// Its owner.
    pub organization: OrganizationId,
    /// Which.
    pub order: OrderId,
    /// How many GPUs, those already filled included.
    pub gpus: Option<u32>,
    /// At what price.
    pub price: Option<Price>,
    /// From.
    pub start: Option<Minute>,
    /// To.
    pub end: Option<Minute>,
    /// In multiples of what.
    pub lot: Option<u32>,
}

impl Command {
    /// Returns the word the journal calls the command by.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Advance { .. } => "advance",
            Self::RegisterOrganization { .. } => "register_organization",
            Self::SuspendOrganization { .. } => "suspend_organization",
            Self::SetTier { .. } => "set_tier",
            Self::PublishScores { .. } => "publish_scores",
            Self::PublishFixes { .. } => "publish_fixes",
            Self::CreateProduct { .. } => "create_product",
            Self::HaltProduct { .. } => "halt_product",
            Self::CreateSite { .. } => "create_site",
            Self::CreateListing { .. } => "create_listing",
            Self::AmendListing { .. } => "amend_listing",
            Self::PlaceAsk(_) => "place_ask",
            Self::PlaceBid(_) => "place_bid",
            Self::AmendOrder(_) => "amend_order",
            Self::CancelOrder { .. } => "cancel_order",
            Self::CancelAll { .. } => "cancel_all",
            Self::Deposit { .. } => "deposit",
            Self::Withdraw { .. } => "withdraw",
            Self::EndContract { .. } => "end_contract",
            Self::PublishTerms(_) => "publish_terms",
            Self::RegisterAccessKey { .. } => "register_access_key",
            Self::DeclareReady { .. } => "declare_ready",
            Self::DeliverAccess { .. } => "deliver_access",
            Self::AcceptDelivery { .. } => "accept_delivery",
            Self::ObjectDelivery { .. } => "object_delivery",
            Self::Meter { .. } => "meter",
            Self::AddEvidence { .. } => "add_evidence",
            Self::DecideDispute { .. } => "decide_dispute",
            Self::Settle { .. } => "settle",
            Self::DeclareDefault { .. } => "declare_default",
            Self::GiveNotice { .. } => "give_notice",
            Self::ProposeRecall { .. } => "propose_recall",
            Self::ConfirmRecall { .. } => "confirm_recall",
            Self::SetRules { .. } => "set_rules",
            Self::Note { .. } => "note",
        }
    }
}
