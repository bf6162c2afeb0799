//! Credits of the model: of each month, for what each seller did not deliver in its own time.

use std::collections::BTreeMap;

use gpubourse::exchange::Event;
use gpubourse::types::{ContractId, Money, OrganizationId};
use proptest::prelude::*;

use super::Model;
use crate::delivery::life::DAY;

impl Model {
    /// GPU-minutes that a contract covers between two minutes.
    fn covered(&self, id: ContractId, (since, until): (u32, u32)) -> u64 {
        let leg = &self.legs[&id];
        let over = |(from, to): (u32, u32)| {
            u64::from(to.min(until).min(leg.window.1).saturating_sub(from.max(since).max(leg.window.0)))
        };
        let gone: u64 = leg.gone.iter().map(|(window, gpus)| over(*window) * u64::from(*gpus)).sum();
        over((0, u32::MAX)) * u64::from(leg.gpus) - gone
    }

    /// What each of a contract's sellers is to pay in credits, oldest first: of each month's, for what was not delivered in
    /// its own time.
    fn credits(&self, id: ContractId) -> Vec<i128> {
        let leg = &self.legs[&id];
        let ends: Vec<u32> = leg.sellers.iter().skip(1).map(|(since, _)| *since).chain([u32::MAX]).collect();
        let mut credits = vec![0; leg.sellers.len()];
        let mut from = leg.window.0;
        while from < leg.window.1 {
            let month = (from, from + 30 * DAY);
            let worth = |gpu_minutes: u64| i128::from(leg.price) * i128::from(gpu_minutes) / 60;
            let missing = |window| self.covered(id, window) - self.delivered(id, window);
            let (covered, undelivered) = (self.covered(id, month), missing(month));
            let reaches = |bps: u64| (covered - undelivered) * 10_000 >= covered * bps;
            let times =
                [(9_990, 0), (9_900, 1), (9_800, 2), (0, 5)].into_iter().find(|(bps, _)| reaches(*bps)).unwrap().1;
            let credit = worth(covered).min(worth(undelivered) * times);
            let (mut so_far, mut paid) = (0, 0);
            for (place, ((since, _), until)) in leg.sellers.iter().zip(&ends).enumerate() {
                so_far += missing((month.0.max(*since), month.1.min(*until).max(month.0.max(*since))));
                let up_to = credit * i128::from(so_far) / i128::from(undelivered.max(1));
                credits[place] += up_to - paid;
                paid = up_to;
            }
            from = month.1;
        }
        credits
    }

    /// Each seller has paid, or owes, the credits for its own time.
    pub(super) fn check_credits(&self, id: ContractId) -> Result<(), TestCaseError> {
        let (leg, credits) = (&self.legs[&id], self.credits(id));
        let Some(delivery) = self.life.finished.get(&id) else {
            prop_assert!(credits.iter().all(|credit| *credit == 0), "credits of {}, of which nothing began", id);
            return Ok(());
        };
        let owed = |org: OrganizationId| {
            let earlier = delivery.earlier.iter().map(|row| (row.seller, row.leg.owed));
            let present = (leg.sellers.last().unwrap().1, delivery.present_leg().unwrap().owed);
            let own = earlier.chain([present]).filter(|(seller, _)| *seller == org);
            own.map(|(_, owed)| i128::from(owed.micros())).sum::<i128>()
        };
        for (_, seller) in &leg.sellers {
            let own = leg.sellers.iter().zip(&credits).filter(|((_, other), _)| other == seller);
            let own: i128 = own.map(|(_, credit)| *credit).sum();
            let paid = self.life.credited.get(&(id, *seller)).map_or(0, |paid| i128::from(paid.micros()));
            prop_assert_eq!(paid + owed(*seller), own, "credits of {} to {}", seller, id);
        }
        Ok(())
    }

    /// Contracts of which more than one seller has paid, or owes, a credit.
    pub(super) fn shares_credits(&self) -> bool {
        let shares = |id: &ContractId| self.credits(*id).iter().filter(|credit| **credit > 0).count() > 1;
        self.legs.keys().any(shares)
    }

    /// Whether a contract passed while its seller owed.
    pub(super) fn has_passed_in_debt(&self) -> bool {
        let mut owed: BTreeMap<ContractId, Money> = BTreeMap::new();
        self.life.events.iter().any(|event| match event {
            Event::CreditOwed { contract, amount, .. } => {
                owed.insert(*contract, *amount);
                false
            }
            Event::ContractPassed { contract, .. } => owed.get(contract).is_some_and(|owed| *owed > Money::ZERO),
            _ => false,
        })
    }

    /// Whether somebody owes for a contract that it does not sell any more.
    pub(super) fn owes_for_what_has_passed(&self) -> bool {
        self.life.finished.values().any(|delivery| delivery.earlier.iter().any(|row| row.leg.owed > Money::ZERO))
    }
}
