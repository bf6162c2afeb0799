//! How well organizations are known, and what they have delivered: what a bid may ask of the provider behind an ask.
//!
//! A tier is an admin's word; a score is worked out outside, by the open formula of [`crate::market::reputation`], and
//! published here, so that a replay judges by what was known then. Both are judged at the time of matching: what rests
//! may become eligible when they rise, and then trades as when a halt is lifted; contracts stay as they are.
//!
//! Invariant: every book knows the rank of every organization as its row has it.

use serde::{Deserialize, Serialize};

use super::book::{Book, Rank};
use super::entities::Organization;
use super::{Event, Exchange, Failure, Made, Reject};
use crate::types::limits::{BPS_WHOLE, SCORE_PRIOR_BPS, SCORES_MAX};
use crate::types::{OrganizationId, ProductId, Tier, Timestamp};

/// A provider's score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Score {
    /// Whose.
    pub organization: OrganizationId,
    /// How much of what it sold it delivered, in basis points.
    pub score_bps: u32,
}

impl Organization {
    /// Returns what a bid may ask of it; one without a published score counts as the prior does.
    pub fn rank(&self) -> Rank {
        Rank { tier: self.tier, score_bps: self.score_bps.unwrap_or(SCORE_PRIOR_BPS) }
    }
}

impl<B: Book> Exchange<B> {
    /// Says how well an organization is known.
    pub(super) fn set_tier(
        &mut self,
        at: Timestamp,
        organization: OrganizationId,
        tier: Tier,
    ) -> Result<Made, Failure> {
        let row = self.organizations.get_mut(&organization).ok_or(Reject::NotFound)?;
        let rises = tier > row.tier;
        row.tier = tier;
        self.events.push(Event::TierSet { organization, tier });
        self.tell_books(organization)?;
        self.match_ranked(at, rises)?;
        Ok(Made::Organization(organization))
    }

    /// Publishes scores, each in place of the one before.
    pub(super) fn publish_scores(&mut self, at: Timestamp, scores: &[Score]) -> Result<Made, Failure> {
        if scores.is_empty() || scores.len() > SCORES_MAX || scores.iter().any(|score| score.score_bps > BPS_WHOLE) {
            return Err(Reject::InvalidCombination.into());
        }
        if scores.iter().any(|score| self.organizations.get(&score.organization).is_none()) {
            return Err(Reject::NotFound.into());
        }
        let mut rises = false;
        for &Score { organization, score_bps } in scores {
            let row = self.organizations.get_mut(&organization).ok_or(Failure::Invariant("organization_missing"))?;
            rises |= score_bps > row.rank().score_bps;
            row.score_bps = Some(score_bps);
            self.events.push(Event::ScorePublished { organization, score_bps });
            self.tell_books(organization)?;
        }
        self.match_ranked(at, rises)?;
        Ok(Made::Nothing)
    }

    fn tell_books(&mut self, organization: OrganizationId) -> Result<(), Failure> {
        let row = self.organizations.get(&organization).ok_or(Failure::Invariant("organization_missing"))?;
        let rank = row.rank();
        self.books.values_mut().for_each(|book| book.set_rank(organization, rank));
        Ok(())
    }

    /// Lets the resting bids that ask for a rank walk in their order, if some may have become eligible.
    fn match_ranked(&mut self, at: Timestamp, rises: bool) -> Result<(), Failure> {
        if !rises {
            return Ok(());
        }
        let trading = self.products.values().filter(|row| !row.halted);
        let trading: Vec<ProductId> = trading.map(|row| row.id).collect();
        trading.into_iter().try_for_each(|id| self.walk_resting_bids(at, id, |bid| bid.requirements.ask_for_rank()))
    }
}
