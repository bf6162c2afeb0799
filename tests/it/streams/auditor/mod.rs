//! Judges an exchange from the outside: from its entities and events, by its own arithmetic.
//!
//! Nothing here asks the exchange or a book whether something is right. Capacity is counted minute by
//! minute, eligibility is written down a third time, money is folded from the transfers.

mod capacity;
mod floor;
mod money;
mod priority;

use std::fmt;

use gpubourse::exchange::entities::Order;
use gpubourse::exchange::{Command, Event, Outcome};
use gpubourse::types::limits::SCORE_PRIOR_BPS;
use gpubourse::types::{ContractStatus, OrganizationId};

use super::view::View;
use money::Books;

/// What must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// No minute of a listing or contract is sold or offered twice.
    Oversold,
    /// No resting ask is eligible for a resting bid of another organization.
    NotQuiet,
    /// Nobody trades with themselves.
    TradedWithItself,
    /// A fill needs an eligible pair.
    NotEligible,
    /// No eligible better-priced or earlier order is passed over.
    PassedOver,
    /// A fill is as large as it can be, and no larger.
    WrongSize,
    /// The price is that of the order with the lower sequence.
    WrongPrice,
    /// Trade and contract say what the orders said.
    WrongTerms,
    /// Own orders are cancelled only by the arriving order's mode.
    WrongSelfTrade,
    /// A fok is filled wholly or not at all, and not refused what it could have had.
    WrongFok,
    /// An order stays or ends as its time in force says.
    WrongEnd,
    /// An arriving order stops only when nothing eligible is left.
    LeftOver,
    /// Trades come from arrivals alone.
    TradeWithoutArrival,
    /// A contract's seller and depth follow from its source.
    BrokenChain,
    /// Orders whose time has passed are gone.
    Stale,
    /// All accounts together are zero.
    Unbalanced,
    /// No customer's account is negative.
    Overdrawn,
    /// Balances are what the transfers add up to.
    WrongBalance,
    /// Holds are the worst cases of open bids.
    WrongHold,
    /// A contract's escrow is what can still fall due.
    WrongEscrow,
    /// A rejected or repeated command changes nothing.
    RefusalChangedState,
    /// Digests agree: of two books, of two runs, after a restart, computed anew.
    WrongDigest,
    /// Two books give one outcome.
    Disagreement,
    /// A preview says what placing does.
    WrongPreview,
    /// A state that should be impossible was reported.
    BrokenInvariant,
}

/// A rule that did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    pub rule: Rule,
    pub detail: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.rule, self.detail)
    }
}

/// Returns the violation unless the condition holds.
pub fn check(holds: bool, rule: Rule, detail: impl FnOnce() -> String) -> Result<(), Violation> {
    if holds { Ok(()) } else { Err(Violation { rule, detail: detail() }) }
}

/// What the auditor remembers of a stream.
#[derive(Debug, Clone, Default)]
pub struct Auditor {
    books: Books,
}

/// The resting orders as they were before a command.
#[derive(Debug, Clone)]
pub struct Before {
    pub orders: Vec<Order>,
    /// Whether the command raises a rank, so that resting bids walk.
    pub rises: bool,
}

/// Tells whether a command raises what somebody is known as, or what they are said to have delivered.
fn rises(view: &View, command: &Command) -> bool {
    let row = |id: OrganizationId| view.organizations.iter().find(|row| row.id == id);
    match command {
        Command::SetTier { organization, tier } => row(*organization).is_some_and(|row| *tier > row.tier),
        Command::PublishScores { scores } => (0..scores.len()).any(|at| {
            // Somebody may be named twice: then the later score takes the place of the earlier one.
            let earlier = scores[..at].iter().rev().find(|earlier| earlier.organization == scores[at].organization);
            let known = || row(scores[at].organization).map(|row| row.score_bps.unwrap_or(SCORE_PRIOR_BPS));
            earlier.map(|earlier| earlier.score_bps).or_else(known).is_some_and(|before| scores[at].score_bps > before)
        }),
        _ => false,
    }
}

impl Auditor {
    /// Copies what judging the command will need.
    pub fn before(&self, view: &View, command: &Command) -> Before {
        let product = match command {
            Command::PlaceBid(bid) => Some(bid.product),
            Command::PlaceAsk(ask) => view.origin(ask.source).map(|listing| listing.product),
            Command::AmendOrder(amend) => view.order(amend.order).map(|order| order.product),
            Command::HaltProduct { product, .. } => Some(*product),
            _ => None,
        };
        // A rank that rises may let the bids of every product trade.
        let all = matches!(command, Command::SetTier { .. } | Command::PublishScores { .. });
        let met = |order: &&&Order| all || Some(order.product) == product;
        let orders = view.orders.iter().filter(met).map(|order| (*order).clone()).collect();
        Before { orders, rises: rises(view, command) }
    }

    /// Judges an accepted command: its trades, its transfers and the balances after it.
    pub fn after(&mut self, before: &Before, view: &View, outcome: &Outcome) -> Result<(), Violation> {
        if outcome.replayed {
            return Ok(());
        }
        match outcome.events.first() {
            // Where ranks rise, or a halt is over under which they did, orders trade that rested; where none rises, none does.
            Some(Event::TierSet { .. } | Event::ScorePublished { .. }) => {
                let orders = if before.rises { before.orders.as_slice() } else { &[] };
                priority::woken(orders, view, &outcome.events)?;
            }
            Some(Event::ProductHalted { halted: false, .. }) => {
                priority::woken(&before.orders, view, &outcome.events)?;
            }
            _ => priority::arrivals(&before.orders, view, &outcome.events)?,
        }
        self.books.take(&outcome.events)?;
        for event in &outcome.events {
            if let Event::ContractMoved { contract, status } = event
                && !matches!(status, ContractStatus::Active | ContractStatus::Completed)
            {
                self.books.cut_short(*contract, view.first_open())?;
            }
        }
        self.books.compare(view)
    }

    /// Judges the whole state.
    pub fn scan(&self, view: &View) -> Result<(), Violation> {
        capacity::oversold(view)?;
        capacity::stale(view)?;
        capacity::chains(view)?;
        priority::quiet(view)?;
        self.books.escrows(view)
    }
}
