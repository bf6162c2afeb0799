//! Why the exchange refuses a command. Codes are part of the API: never rename one.

macro_rules! rejects {
    ($($(#[$doc:meta])* $variant:ident = $code:literal,)+) => {
        /// A refusal. A refused command has changed nothing.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reject { $($(#[$doc])* $variant,)+ }

        impl Reject {
            /// Every refusal, in the order in which the exchange looks for them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Returns the code the API and the journal call it by.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }
        }
    };
}

rejects! {
    /// The organization's kind may not do this.
    RoleRequired = "role_required",
    /// There is no such thing, or it belongs to others.
    NotFound = "not_found",
    /// There is no such product.
    UnknownProduct = "unknown_product",
    /// A requirement is malformed or names a site that does not exist.
    UnknownRequirement = "unknown_requirement",
    /// Not a number of GPUs that can be traded.
    InvalidGpus = "invalid_gpus",
    /// GPUs are no multiple of the lot, or the lot does not fit the source's.
    InvalidLot = "invalid_lot",
    /// Not a rental length, or shorter than the source's.
    InvalidMinMinutes = "invalid_min_minutes",
    /// Not a price.
    InvalidPrice = "invalid_price",
    /// Not a multiple of the product's tick.
    OffTick = "off_tick",
    /// The window ends before it starts, or is too long.
    InvalidWindow = "invalid_window",
    /// The window has begun or passed.
    WindowInPast = "window_in_past",
    /// An amount leaves the range of money.
    OutOfRange = "out_of_range",
    /// Attributes that exclude each other.
    InvalidCombination = "invalid_combination",
    /// Monthly funding of a window of 30 days or less, or while no terms of delivery are in force.
    FundingNotAllowed = "funding_not_allowed",
    /// A gtd without a time to come, or a time without gtd.
    InvalidExpiry = "invalid_expiry",
    /// The product is halted.
    MarketHalted = "market_halted",
    /// The organization is suspended.
    OrganizationSuspended = "organization_suspended",
    /// The contract behind the ask has ended.
    SourceNotLive = "source_not_live",
    /// The listing does not allow resale.
    ResaleNotAllowed = "resale_not_allowed",
    /// What is paid for by the month cannot be resold where its buyer would take it over.
    NovationNotAllowed = "novation_not_allowed",
    /// The chain of title would grow too long.
    ChainTooDeep = "chain_too_deep",
    /// The window leaves the source's.
    OutsideSourceWindow = "outside_source_window",
    /// The source has fewer GPUs free in some minute.
    InsufficientCapacity = "insufficient_capacity",
    /// The window is shorter than the shortest rental.
    BelowMinMinutes = "below_min_minutes",
    /// A bid with fills keeps its window.
    WindowFixed = "window_fixed",
    /// Below what is sold, or resting, in some minute to come.
    BelowSold = "below_sold",
    /// A post-only order that would fill on arrival.
    PostOnlyWouldTrade = "post_only_would_trade",
    /// The purse does not hold so much.
    InsufficientFunds = "insufficient_funds",
    /// The same `client_order_id` with another request.
    ClientOrderIdReused = "client_order_id_reused",
    /// The order has ended.
    OrderNotOpen = "order_not_open",
    /// The same `Idempotency-Key` with another request.
    IdempotencyKeyReused = "idempotency_key_reused",
    /// A product with this symbol exists.
    SymbolTaken = "symbol_taken",
    /// A name, reference or reason is empty or too long.
    InvalidText = "invalid_text",
    /// An amount of money that is not positive.
    InvalidAmount = "invalid_amount",
    /// A fee above the whole, or a tick that is not a price.
    InvalidTerms = "invalid_terms",
    /// Time only moves forward.
    TimeBackwards = "time_backwards",
    /// The contract has ended already.
    ContractNotLive = "contract_not_live",
    /// The contract cannot go there from where it stands.
    IllegalTransition = "illegal_transition",
    /// The contract was made before terms of delivery were published.
    NoDeliveryTerms = "no_delivery_terms",
    /// Access was not handed over yet.
    NotDelivered = "not_delivered",
    /// The buyer has registered no public key.
    NoAccessKey = "no_access_key",
    /// The secret is not sealed to the buyer's key.
    WrongRecipient = "wrong_recipient",
    /// The slot has not ended yet.
    SlotInFuture = "slot_in_future",
    /// The slot is closed, or the time for this is over.
    SlotClosed = "slot_closed",
    /// These slots are not in dispute.
    NotDisputed = "not_disputed",
    /// The terms allow no notice.
    NoticeNotAllowed = "notice_not_allowed",
    /// Notice was given before.
    NoticeGiven = "notice_given",
    /// The contract ends before the notice would have run out.
    NoticeTooLate = "notice_too_late",
    /// Nobody has proposed to recall the contract.
    RecallNotProposed = "recall_not_proposed",
    /// Whoever proposes a recall cannot confirm it.
    SamePerson = "same_person",
    /// Rules this program does not know.
    UnknownRules = "unknown_rules",
}

impl Reject {
    /// The refusals that only what is under terms of delivery meets.
    pub const OF_DELIVERY: &'static [Self] = &[
        Self::FundingNotAllowed,
        Self::NovationNotAllowed,
        Self::IllegalTransition,
        Self::NoDeliveryTerms,
        Self::NotDelivered,
        Self::NoAccessKey,
        Self::WrongRecipient,
        Self::SlotInFuture,
        Self::SlotClosed,
        Self::NotDisputed,
        Self::NoticeNotAllowed,
        Self::NoticeGiven,
        Self::NoticeTooLate,
        Self::RecallNotProposed,
        Self::SamePerson,
    ];

    /// Returns the refusals that every market meets, in the order in which the exchange looks for them.
    pub fn of_market() -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied().filter(|reject| !Self::OF_DELIVERY.contains(reject))
    }
}
