//! What a bid may ask of the provider behind an ask: how well it is known, and what it has delivered.
//!
//! Ranks change while orders rest, so they stand beside the places of capacity and not in them: a change is one entry, and
//! no order is touched.

use crate::exchange::command::Requirements;
use crate::exchange::paged::Paged;
use crate::types::limits::SCORE_PRIOR_BPS;
use crate::types::{OrganizationId, Tier};

/// What is known of a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rank {
    /// How well the exchange knows it.
    pub tier: Tier,
    /// Its published score, in basis points.
    pub score_bps: u32,
}

impl Default for Rank {
    fn default() -> Self {
        Self { tier: Tier::Unverified, score_bps: SCORE_PRIOR_BPS }
    }
}

/// The ranks of providers; one without an entry is new.
#[derive(Debug, Default)]
pub struct Ranks(Paged<OrganizationId, Rank>);

impl Ranks {
    /// Changes what is known of a provider.
    pub fn set(&mut self, host: OrganizationId, rank: Rank) {
        self.0.insert(host, rank);
    }

    /// Tells whether a provider is what a bid asks for.
    pub fn meet(&self, asked: &Requirements, host: OrganizationId) -> bool {
        if !asked.ask_for_rank() {
            return true;
        }
        let rank = self.0.get(host).copied().unwrap_or_default();
        rank.tier >= asked.min_tier && asked.min_score_bps.is_none_or(|least| rank.score_bps >= least)
    }
}
