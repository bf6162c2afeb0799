//! The terms of delivery: published by an admin, frozen into each contract by their version.
//!
//! A contract made before any were published has version 0: it starts and completes by the calendar alone, and nothing
//! is paid or refunded for it by itself.

use serde::{Deserialize, Serialize};

use super::book::Book;
use super::entities::Contract;
use super::{Event, Exchange, Failure, Made, Reject};
use crate::types::limits::{BPS_WHOLE, WINDOW_MINUTES_MAX};
use crate::types::{SlaClass, Tier};

/// What a contract month costs a seller that delivers less than it promised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreditStep {
    /// From this share of the contracted GPU-minutes on, in basis points.
    pub share_bps: u32,
    /// So many times what the undelivered GPU-minutes are worth.
    pub times: u32,
}

/// The collateral behind an ask, in basis points of what it has left to sell, by its organization's tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct BondRates {
    /// Of one that is not known.
    pub unverified: u32,
    /// Of one that is.
    pub verified: u32,
    /// Of one that has kept its word for long.
    pub trusted: u32,
}

impl BondRates {
    /// Returns the rate of a tier.
    pub const fn of(&self, tier: Tier) -> u32 {
        match tier {
            Tier::Unverified => self.unverified,
            Tier::Verified => self.verified,
            Tier::Trusted => self.trusted,
        }
    }

    /// Tells whether nobody needs collateral.
    pub fn are_zero(&self) -> bool {
        *self == Self::default()
    }
}

/// The terms of one version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContractTerms {
    /// A contract that is not accepted so many minutes after its start is a default.
    pub default_after_minutes: u32,
    /// So is one with no GPU up for so many minutes without a break.
    pub outage_default_minutes: u32,
    /// A slot closes so many minutes after its end; reports are taken until then.
    pub close_after_minutes: u32,
    /// How long a provider may add evidence to a slot in dispute, from when it would have closed.
    pub evidence_minutes: u32,
    /// After so many minutes without a decision the lower report counts.
    pub decision_minutes: u32,
    /// How many minutes before its month a monthly draw is made.
    pub draw_before_minutes: u32,
    /// How many minutes before the end notice must be given; 0 allows none.
    pub notice_minutes: u32,
    /// What it costs whoever gives it, in basis points of what the minutes after the end are worth.
    pub notice_fee_bps: u32,
    /// Credits by the share delivered, best share first; the last step begins at 0.
    pub credits: Vec<CreditStep>,
    /// The collateral behind an ask; none unless the terms say so.
    #[serde(default, skip_serializing_if = "BondRates::are_zero")]
    pub bonds: BondRates,
}

impl Default for ContractTerms {
    fn default() -> Self {
        let credits = [(9_900, 1), (9_800, 2), (0, 5)];
        Self {
            default_after_minutes: 60,
            outage_default_minutes: 1_440,
            close_after_minutes: 1_440,
            evidence_minutes: 72 * 60,
            decision_minutes: 14 * 24 * 60,
            draw_before_minutes: 72 * 60,
            notice_minutes: 7 * 24 * 60,
            notice_fee_bps: 1_000,
            credits: credits.map(|(share_bps, times)| CreditStep { share_bps, times }).to_vec(),
            bonds: BondRates::default(),
        }
    }
}

/// Steps in one table of credits.
const CREDIT_STEPS_MAX: usize = 16;
/// The largest multiple a step may name.
const CREDIT_TIMES_MAX: u32 = 100;

impl ContractTerms {
    /// Tells whether the terms can be published.
    fn is_sound(&self) -> bool {
        let spans = [
            self.default_after_minutes,
            self.outage_default_minutes,
            self.close_after_minutes,
            self.evidence_minutes,
            self.decision_minutes,
            self.draw_before_minutes,
        ];
        let descending = self.credits.iter().zip(self.credits.iter().skip(1)).all(|(a, b)| a.share_bps > b.share_bps);
        let in_range = |step: &CreditStep| step.share_bps < BPS_WHOLE && step.times <= CREDIT_TIMES_MAX;
        spans.iter().all(|minutes| (1..=WINDOW_MINUTES_MAX).contains(minutes))
            && self.decision_minutes >= self.evidence_minutes
            && self.notice_minutes <= WINDOW_MINUTES_MAX
            && self.notice_fee_bps <= BPS_WHOLE
            && Tier::ALL.iter().all(|tier| self.bonds.of(*tier) <= BPS_WHOLE)
            && self.credits.len() <= CREDIT_STEPS_MAX
            && descending
            && self.credits.iter().all(in_range)
            && self.credits.last().is_some_and(|step| step.share_bps == 0)
    }
}

/// Returns the share of GPU-minutes a class promises, in basis points.
pub const fn promised_bps(class: SlaClass) -> u32 {
    match class {
        SlaClass::None => 0,
        SlaClass::P98 => 9_800,
        SlaClass::P99 => 9_900,
        SlaClass::P999 => 9_990,
    }
}

impl<B: Book> Exchange<B> {
    /// Publishes terms; contracts made from now on have them.
    pub(super) fn publish_terms(&mut self, terms: &ContractTerms) -> Result<Made, Failure> {
        if !terms.is_sound() {
            return Err(Reject::InvalidTerms.into());
        }
        let version = self.terms_version().checked_add(1).ok_or(Reject::OutOfRange)?;
        self.add_terms(version, terms.clone());
        self.events.push(Event::TermsPublished { version });
        Ok(Made::Nothing)
    }

    /// Returns the version in force; 0 before any were published.
    pub const fn terms_version(&self) -> u32 {
        self.terms_version
    }

    pub(super) fn add_terms(&mut self, version: u32, terms: ContractTerms) {
        self.terms.insert(version, terms);
        self.terms_version = self.terms_version.max(version);
    }

    /// Returns the terms in force, if any were published.
    pub fn terms(&self) -> Option<&ContractTerms> {
        self.terms.get(&self.terms_version())
    }

    /// Refuses a contract that was made before terms were published.
    pub(super) fn terms_for(&self, contract: &Contract) -> Result<&ContractTerms, Reject> {
        self.terms.get(&contract.terms).ok_or(Reject::NoDeliveryTerms)
    }

    pub(super) fn terms_of(&self, version: u32) -> Result<&ContractTerms, Failure> {
        self.terms.get(&version).ok_or(Failure::Invariant("terms_missing"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_that_contradict_themselves_are_not_sound() {
        let sound = ContractTerms::default();
        assert!(sound.is_sound());
        let step = |share_bps, times| CreditStep { share_bps, times };
        let wrong = [
            ContractTerms { default_after_minutes: 0, ..sound.clone() },
            ContractTerms { evidence_minutes: sound.decision_minutes + 1, ..sound.clone() },
            ContractTerms { notice_fee_bps: 10_001, ..sound.clone() },
            ContractTerms { bonds: BondRates { trusted: 10_001, ..BondRates::default() }, ..sound.clone() },
            ContractTerms { credits: vec![], ..sound.clone() },
            ContractTerms { credits: vec![step(9_900, 1)], ..sound.clone() },
            ContractTerms { credits: vec![step(0, 1), step(0, 2)], ..sound.clone() },
            ContractTerms { credits: vec![step(10_000, 1), step(0, 2)], ..sound.clone() },
            ContractTerms { credits: vec![step(0, 101)], ..sound },
        ];
        assert!(wrong.iter().all(|terms| !terms.is_sound()));
    }
}
