//! Who sold a contract when, and what came of it under each.
//!
//! A contract that passes to another seller has one leg for each: what is delivered in its time is due to it, and the
//! credits for what is not delivered in its time are its to pay, whenever the slots and the month they lie in close. What it
//! owes when the contract passes stays its own debt.
//!
//! Invariant: the legs of the earlier sellers and that of the present one add up to the delivery, in every figure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::close::add_months;
use super::{Delivery, Month, gpu_minutes};
use crate::types::{Minute, Money, OrganizationId, OutOfRange, Price, Source, Window};

/// Who sold a contract before it passed to another seller, and out of what: what is delivered until then is theirs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Earlier {
    /// It held until this minute.
    pub until: Minute,
    /// The source.
    pub source: Source,
    /// Who sold.
    pub seller: OrganizationId,
    /// What came of it.
    pub leg: Leg,
    /// Its part of the months with open slots.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub months: BTreeMap<u32, Month>,
}

/// What was delivered under one seller, and what was paid for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Leg {
    /// GPU-minutes closed as delivered.
    pub delivered: u64,
    /// What fell due and was paid out of escrow, the fee included.
    pub paid: Money,
    /// The fee in it.
    pub fee: Money,
    /// What somebody who is no party got of it.
    pub claimed: Money,
    /// Credits the seller has paid.
    #[serde(default, skip_serializing_if = "Money::is_zero")]
    pub credited: Money,
    /// Credits it could not pay yet.
    #[serde(default, skip_serializing_if = "Money::is_zero")]
    pub owed: Money,
}

impl Leg {
    /// Returns what is due for it so far, and the fee in that.
    pub(super) fn due(&self, price: Price, fee_bps: u32) -> Result<(Money, Money), OutOfRange> {
        let due = price.due(self.delivered)?;
        Ok((due, due.share(fee_bps)?))
    }

    /// Returns both together.
    ///
    /// # Errors
    /// [`OutOfRange`] beyond `i64`.
    pub fn plus(&self, other: &Self) -> Result<Self, OutOfRange> {
        Ok(Self {
            delivered: self.delivered.checked_add(other.delivered).ok_or(OutOfRange)?,
            paid: self.paid.plus(other.paid)?,
            fee: self.fee.plus(other.fee)?,
            claimed: self.claimed.plus(other.claimed)?,
            credited: self.credited.plus(other.credited)?,
            owed: self.owed.plus(other.owed)?,
        })
    }

    /// Returns what is left of it beside another.
    pub(super) fn minus(&self, other: &Self) -> Result<Self, OutOfRange> {
        Ok(Self {
            delivered: self.delivered.checked_sub(other.delivered).ok_or(OutOfRange)?,
            paid: self.paid.minus(other.paid)?,
            fee: self.fee.minus(other.fee)?,
            claimed: self.claimed.minus(other.claimed)?,
            credited: self.credited.minus(other.credited)?,
            owed: self.owed.minus(other.owed)?,
        })
    }
}

impl Month {
    fn minus(self, other: Self) -> Self {
        Self {
            delivered: self.delivered.saturating_sub(other.delivered),
            undelivered: self.undelivered.saturating_sub(other.undelivered),
        }
    }
}

impl Delivery {
    /// Counts GPU-minutes under whoever sold then; returns the sources of the contract over a window, piece by piece.
    pub(super) fn count_legs(
        &mut self,
        (start, present): (Minute, Source),
        window: Window,
        (up, kept): (u32, u32),
    ) -> Vec<(Window, Source)> {
        let mut pieces = Vec::new();
        let mut left = window;
        for earlier in &mut self.earlier {
            let piece = Window::new(left.start, left.end.min(earlier.until));
            if !piece.is_empty() {
                earlier.leg.delivered = earlier.leg.delivered.saturating_add(gpu_minutes(up, piece));
                add_months(&mut earlier.months, start, piece, (up, kept));
                pieces.push((piece, earlier.source));
                left = left.from_minute(earlier.until);
            }
        }
        if !left.is_empty() {
            pieces.push((left, present));
        }
        pieces
    }

    /// Makes the present seller an earlier one: from a minute on somebody else sells.
    pub(in crate::exchange) fn pass(
        &mut self,
        until: Minute,
        (seller, source): (OrganizationId, Source),
    ) -> Result<(), OutOfRange> {
        let leg = self.present_leg()?;
        let own = self.months.keys().map(|number| (*number, self.present_month(*number)));
        let months = own.filter(|(_, month)| *month != Month::default()).collect();
        self.earlier.push(Earlier { until, source, seller, leg, months });
        Ok(())
    }

    /// Returns the present seller's part of a month with open slots.
    fn present_month(&self, number: u32) -> Month {
        let month = self.months.get(&number).copied().unwrap_or_default();
        let earlier = self.earlier.iter().filter_map(|earlier| earlier.months.get(&number));
        earlier.fold(month, |rest, own| rest.minus(*own))
    }

    /// Takes out a month whose last slot has closed; returns it with the GPU-minutes that each seller did not deliver in it,
    /// oldest first.
    pub(super) fn take_month(&mut self, number: u32) -> Option<(Month, Vec<u64>)> {
        let present = self.present_month(number);
        let month = self.months.remove(&number)?;
        let earlier = self.earlier.iter_mut().map(|earlier| earlier.months.remove(&number).unwrap_or_default());
        let own = earlier.chain([present]).map(|own| own.undelivered).collect();
        Some((month, own))
    }

    /// Returns what came of the contract under all its sellers.
    const fn all_legs(&self) -> Leg {
        Leg {
            delivered: self.delivered,
            paid: self.paid,
            fee: self.fee,
            claimed: self.claimed,
            credited: self.credited,
            owed: self.owed,
        }
    }

    /// Returns what came of it under the present seller.
    ///
    /// # Errors
    /// [`OutOfRange`] if the legs are more than the whole: a bug.
    pub fn present_leg(&self) -> Result<Leg, OutOfRange> {
        self.earlier.iter().try_fold(self.all_legs(), |rest, earlier| rest.minus(&earlier.leg))
    }

    /// Returns what is due for what was delivered so far, and the fee in that: under each seller rounded down by itself.
    ///
    /// # Errors
    /// [`OutOfRange`] beyond `i64`.
    pub fn due(&self, price: Price, fee_bps: u32) -> Result<(Money, Money), OutOfRange> {
        let earlier = self.earlier.iter().map(|earlier| earlier.leg);
        earlier.chain([self.present_leg()?]).try_fold((Money::ZERO, Money::ZERO), |(due, fee), leg| {
            let (more_due, more_fee) = leg.due(price, fee_bps)?;
            Ok((due.plus(more_due)?, fee.plus(more_fee)?))
        })
    }
}
