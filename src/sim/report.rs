//! What runs came to.

use std::fmt;

use sha2::{Digest, Sha256};

use super::audit::Tally;

/// What happened in a run, or in several.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Runs.
    pub seeds: u64,
    /// Commands in the journal, those of time left out.
    pub commands: u64,
    /// What happened in the market.
    pub market: Tally,
    /// Processes that died.
    pub crashes: u64,
    /// Replies that did not arrive.
    pub lost_replies: u64,
    /// Commits of which the writer was told an error and nothing was there.
    pub failed_commits: u64,
    /// Commits of which the writer was told an error and all was there.
    pub unknown_commits: u64,
    /// Copies of requests that the network made.
    pub duplicates: u64,
    /// The least commands of a run.
    pub commands_min: u64,
    /// Runs in which something happened.
    pub reached: Reached,
    /// Over everything that was asked, told and written, in order.
    pub digest: [u8; 32],
}

/// Runs in which something happened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reached {
    /// A resale.
    pub resale: u64,
    /// A halt.
    pub halt: u64,
    /// An order that expired.
    pub expiry: u64,
    /// A lost reply.
    pub lost_reply: u64,
    /// A crash.
    pub crash: u64,
    /// A commit of unknown outcome.
    pub unknown_commit: u64,
    /// A repeat that was known as such.
    pub repeat: u64,
    /// A contract that was delivered, paid and settled.
    pub settlement: u64,
    /// A contract settled that had passed to another seller.
    pub settled_pass: u64,
}

impl Report {
    /// Closes the report of one run.
    pub(super) fn close(&mut self, digest: [u8; 32]) {
        let reached = |count: u64| u64::from(count > 0);
        self.seeds = 1;
        self.commands_min = self.commands;
        self.digest = digest;
        self.reached = Reached {
            resale: reached(self.market.resales),
            halt: reached(self.market.halts),
            expiry: reached(self.market.expiries),
            lost_reply: reached(self.lost_replies),
            crash: reached(self.crashes),
            unknown_commit: reached(self.unknown_commits),
            repeat: reached(self.market.repeats),
            settlement: reached(self.market.settled),
            settled_pass: reached(self.market.settled_passed),
        };
    }

    /// Adds the report of the runs that follow.
    #[must_use]
    pub fn plus(mut self, next: &Self) -> Self {
        if self.seeds == 0 {
            return next.clone();
        }
        let mut hasher = Sha256::new();
        hasher.update(self.digest);
        hasher.update(next.digest);
        self.digest = hasher.finalize().into();
        self.commands_min = self.commands_min.min(next.commands_min);
        let (market, more) = (&mut self.market, &next.market);
        let (reached, also) = (&mut self.reached, &next.reached);
        for (sum, part) in [
            (&mut self.seeds, next.seeds),
            (&mut self.commands, next.commands),
            (&mut market.trades, more.trades),
            (&mut market.resales, more.resales),
            (&mut market.halts, more.halts),
            (&mut market.expiries, more.expiries),
            (&mut market.repeats, more.repeats),
            (&mut market.settled, more.settled),
            (&mut market.settled_passed, more.settled_passed),
            (&mut self.crashes, next.crashes),
            (&mut self.lost_replies, next.lost_replies),
            (&mut self.failed_commits, next.failed_commits),
            (&mut self.unknown_commits, next.unknown_commits),
            (&mut self.duplicates, next.duplicates),
            (&mut reached.resale, also.resale),
            (&mut reached.halt, also.halt),
            (&mut reached.expiry, also.expiry),
            (&mut reached.lost_reply, also.lost_reply),
            (&mut reached.crash, also.crash),
            (&mut reached.unknown_commit, also.unknown_commit),
            (&mut reached.repeat, also.repeat),
            (&mut reached.settlement, also.settlement),
            (&mut reached.settled_pass, also.settled_pass),
        ] {
            *sum = sum.saturating_add(part);
        }
        self
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seeds, commands, market, crashes, lost_replies, failed_commits, unknown_commits, .. } = self;
        let Tally { trades, resales, halts, expiries, repeats, settled, settled_passed } = market;
        write!(
            f,
            "{seeds} seeds, {commands} commands, {trades} trades, {resales} resales, {halts} halts, {expiries} expiries, \
             {settled} contracts settled, {settled_passed} of them passed on, {crashes} crashes, {lost_replies} lost replies, {failed_commits} failed commits, {unknown_commits} unknown \
             commits, {} duplicates, {repeats} repeats known, digest ",
            self.duplicates
        )?;
        self.digest.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
