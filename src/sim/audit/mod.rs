//! The auditor: it knows the rules, and shares nothing with the exchange but [`crate::types`].
//!
//! It is told the journal rows that are durable and what they changed, and keeps its own books: it works every accepted
//! command out again, by plain walks over plain lists, and compares. And it is told every reply, and compares it with
//! the journal.

mod check;
mod contracts;
mod delivery;
mod facts;
mod market;
mod money;
mod order;
mod replies;
mod scan;
mod time;
mod walk;

pub(crate) use facts::{
    Amend, Contract, Facts, Flow, Listing, Lower, Place, Pocket, Purse, Reply, Report, Request, Row, Standing, Terms,
    Trade, Transfer, Wants,
};
pub use market::Tally;

use market::Market;
use replies::Replies;

/// What must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// The journal has no gap and no request twice.
    Journal,
    /// What was acknowledged is durable.
    LostAcknowledged,
    /// A reply says what the journal says.
    WrongReply,
    /// What was said not to be applied is not.
    AppliedAllTheSame,
    /// A retry has no second effect.
    AppliedTwice,
    /// A repeat repeats something.
    WrongRepeat,
    /// A command against the rules was accepted.
    WronglyAccepted,
    /// A command was refused without a reason.
    WronglyRefused,
    /// No minute of a listing or a contract is sold or offered twice.
    Oversold,
    /// No eligible better-priced or earlier order is passed over.
    PassedOver,
    /// An order stops only when nothing eligible is left.
    LeftOver,
    /// A trade needs an arrival.
    UnexpectedTrade,
    /// Nobody trades with themselves.
    TradedWithItself,
    /// A fill is as large as it can be, and no larger.
    WrongSize,
    /// The price is that of the order with the lower sequence.
    WrongPrice,
    /// A contract says what its orders said.
    WrongTerms,
    /// A contract hangs where it was sold.
    BrokenChain,
    /// An order stands as its commands say.
    WrongOrder,
    /// An order ends when and as it should.
    WrongEnd,
    /// A hold is the worst case of an open bid.
    WrongHold,
    /// A contract ends when it should.
    WrongContract,
    /// Nobody is paid for a minute that was not delivered.
    PaidForNothing,
    /// What is paid bit by bit is what one settlement in the end would pay, and all that was set aside is accounted for.
    Instalments,
    /// Balances are what the rules say.
    WrongBalance,
    /// All accounts together are zero.
    Unbalanced,
    /// No customer's account is negative.
    Overdrawn,
    /// No resting ask is eligible for a resting bid of another organization.
    NotQuiet,
    /// What comes back after a restart is what was committed.
    WrongRestart,
    /// A state that should be impossible was reported.
    BrokenInvariant,
}

/// A rule that did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which.
    pub rule: Rule,
    /// How.
    pub detail: String,
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}: {}", self.rule, self.detail)
    }
}

/// Returns the violation unless the condition holds.
pub(crate) fn ensure(holds: bool, rule: Rule, detail: impl FnOnce() -> String) -> Result<(), Violation> {
    if holds { Ok(()) } else { Err(Violation { rule, detail: detail() }) }
}

/// Returns a violation.
fn violation<T>(rule: Rule, detail: String) -> Result<T, Violation> {
    Err(Violation { rule, detail })
}

/// The auditor.
#[derive(Debug, Default)]
pub(crate) struct Auditor {
    market: Market,
    replies: Replies,
}

impl Auditor {
    /// Judges what one transaction made durable.
    pub(crate) fn committed(&mut self, facts: Facts) -> Result<(), Violation> {
        self.market.begin(&facts);
        for row in &facts.rows {
            let first = self.replies.row(row)?;
            let made = match row.outcome.as_str() {
                "ok" => self.market.accepted(row)?,
                "replayed" => {
                    self.market.tally.repeats = self.market.tally.repeats.saturating_add(1);
                    first
                }
                refusal => {
                    self.market.refused(row, refusal)?;
                    None
                }
            };
            self.replies.made(row, made);
        }
        self.market.end(&facts)
    }

    /// Judges a reply.
    pub(crate) fn replied(&mut self, request_id: &str, reply: &Reply) -> Result<(), Violation> {
        self.replies.reply(request_id, reply)
    }

    /// Judges the whole state.
    pub(crate) fn scan(&self) -> Result<(), Violation> {
        self.market.scan()
    }

    /// Judges what a restart found.
    pub(crate) fn restarted(&self, sequence: i64) -> Result<(), Violation> {
        let last = self.replies.last();
        ensure(sequence == last, Rule::WrongRestart, || format!("row {last} was committed, the last is {sequence}"))
    }

    /// What has happened in the market.
    pub(crate) const fn tally(&self) -> &Tally {
        &self.market.tally
    }
}
