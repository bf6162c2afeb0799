//! SLA credits: posted without a claim, once per contract month, when its last slot closes.
//!
//! A month is 30 days from the contract's start. Where the share of GPU-minutes delivered is below the class, the buyer
//! gets a multiple of what the undelivered ones are worth, on top of their refund and at most the month's price. The
//! seller pays from the contract's bond, then from what it has; what it cannot pay stays owed and is paid when the contract
//! is settled next.
//!
//! A month in which the contract passed to another seller has one credit, for all of it. Each seller pays its part by the
//! GPU-minutes not delivered in its time: of `credit * undelivered_up_to_its_end / undelivered`, rounded down, what those
//! before it do not pay. So the parts are the credit, to the micro-USD, and who delivered everything pays nothing. What a
//! seller owes is its own debt, whoever sells by then; an earlier seller has its bond back and pays from what it has.

use super::super::book::Book;
use super::super::entities::{Cause, Contract};
use super::super::terms::{CreditStep, promised_bps};
use super::super::trading::account;
use super::super::{Event, Exchange, Failure};
use super::Month;
use crate::types::limits::BPS_WHOLE;
use crate::types::{AccountKind, Money, OrganizationId, OutOfRange, Price, Timestamp};

impl<B: Book> Exchange<B> {
    pub(super) fn post_credits(&mut self, at: Timestamp, contract: &Contract) -> Result<(), Failure> {
        let range = |_| Failure::Invariant("credit_range");
        let more = self.closed_credits(contract)?;
        let (present, earlier) = more.split_last().ok_or(Failure::Invariant("credit_range"))?;
        for (place, more) in earlier.iter().enumerate() {
            self.pay_earlier_credit(at, contract, place, *more)?;
        }
        let owed = self.begun(contract.id)?.present_leg().map_err(range)?.owed;
        let due = owed.plus(*present).map_err(range)?;
        let from_bond = self.pay_from_bond(at, contract.id, due, Cause::Credit(contract.id))?;
        let rest = due.minus(from_bond).map_err(range)?;
        let from_purse = self.pay_credit(at, contract, contract.seller, rest)?;
        let paid = from_bond.plus(from_purse).map_err(range)?;
        self.note_credit(contract, contract.seller, (owed, due, paid)).map(drop)
    }

    /// Takes out the months whose last slot has closed; returns what each seller of the contract is to pay for them, oldest
    /// first.
    fn closed_credits(&mut self, contract: &Contract) -> Result<Vec<Money>, Failure> {
        let range = |_| Failure::Invariant("credit_range");
        let listing = self.listings.get(&contract.listing).ok_or(Failure::Invariant("listing_missing"))?;
        let promised = promised_bps(listing.sla_class);
        let credits = self.terms_of(contract.terms)?.credits.clone();
        let delivery = self.delivery_mut(contract.id)?;
        let is_closed = |number: u32, month: &Month| {
            let covered = contract.held_gpu_minutes(contract.month(number));
            month.delivered.saturating_add(month.undelivered) >= covered
        };
        let months = delivery.months.iter().filter(|(number, month)| is_closed(**number, month));
        let closed: Vec<u32> = months.map(|(number, _)| *number).collect();
        let mut sums = vec![Money::ZERO; delivery.earlier.len().saturating_add(1)];
        for number in closed {
            let Some((month, undelivered)) = delivery.take_month(number) else { continue };
            let credit = credit(contract.price, &month, promised, &credits).map_err(range)?;
            for (sum, part) in sums.iter_mut().zip(split(credit, &undelivered).map_err(range)?) {
                *sum = sum.plus(part).map_err(range)?;
            }
        }
        Ok(sums)
    }

    /// Lets somebody who sold the contract before pay what it owes, and so much more, as far as it can.
    fn pay_earlier_credit(
        &mut self,
        at: Timestamp,
        contract: &Contract,
        place: usize,
        more: Money,
    ) -> Result<(), Failure> {
        let range = |_| Failure::Invariant("credit_range");
        let row = self.begun(contract.id)?.earlier.get(place).ok_or(Failure::Invariant("seller_missing"))?;
        let (seller, owed) = (row.seller, row.leg.owed);
        let due = owed.plus(more).map_err(range)?;
        let paid = self.pay_credit(at, contract, seller, due)?;
        let left = self.note_credit(contract, seller, (owed, due, paid))?;
        let delivery = self.delivery_mut(contract.id)?;
        let row = delivery.earlier.get_mut(place).ok_or(Failure::Invariant("seller_missing"))?;
        row.leg.owed = left;
        row.leg.credited = row.leg.credited.plus(paid).map_err(range)?;
        Ok(())
    }

    /// Pays a credit from what a seller has; returns how much that was.
    fn pay_credit(
        &mut self,
        at: Timestamp,
        contract: &Contract,
        seller: OrganizationId,
        due: Money,
    ) -> Result<Money, Failure> {
        let paid = due.min(self.available(seller));
        let (debit, credit) =
            (account(seller, AccountKind::Available), account(contract.buyer, AccountKind::Available));
        self.transfer(at, debit, credit, paid, Cause::Credit(contract.id), None)?;
        Ok(paid)
    }

    /// Notes what a seller owed before, was to pay and has paid; returns what it owes now.
    fn note_credit(
        &mut self,
        contract: &Contract,
        seller: OrganizationId,
        (before, due, paid): (Money, Money, Money),
    ) -> Result<Money, Failure> {
        let range = |_| Failure::Invariant("credit_range");
        let owed = due.minus(paid).map_err(range)?;
        let delivery = self.delivery_mut(contract.id)?;
        delivery.owed = delivery.owed.minus(before).and_then(|rest| rest.plus(owed)).map_err(range)?;
        delivery.credited = delivery.credited.plus(paid).map_err(range)?;
        if owed != before {
            self.events.push(Event::CreditOwed { contract: contract.id, seller, amount: owed });
        }
        Ok(owed)
    }
}

/// Divides a credit by what each seller did not deliver, oldest first.
fn split(credit: Money, undelivered: &[u64]) -> Result<Vec<Money>, OutOfRange> {
    let whole = undelivered.iter().copied().fold(0, u64::saturating_add).max(1);
    let (mut until, mut before) = (0_u64, Money::ZERO);
    let parts = undelivered.iter().map(|own| {
        until = until.saturating_add(*own);
        let up_to = credit.portion(until.into(), whole.into())?;
        let part = up_to.minus(before)?;
        before = up_to;
        Ok(part)
    });
    parts.collect()
}

/// Returns the credit for a closed month.
fn credit(price: Price, month: &Month, promised_bps: u32, steps: &[CreditStep]) -> Result<Money, OutOfRange> {
    let covered = month.delivered.saturating_add(month.undelivered);
    let reaches = |bps: u32| {
        u128::from(month.delivered).saturating_mul(u128::from(BPS_WHOLE))
            >= u128::from(covered).saturating_mul(u128::from(bps))
    };
    if reaches(promised_bps) {
        return Ok(Money::ZERO);
    }
    let times = steps.iter().find(|step| reaches(step.share_bps)).map_or(0, |step| step.times);
    let credit = price.due(month.undelivered)?.times(times)?;
    Ok(credit.min(price.due(covered)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::terms::ContractTerms;

    /// A month of 100,000 GPU-minutes at 0.60 USD an hour: 0.01 USD a GPU-minute.
    #[test]
    fn the_multiple_grows_with_what_was_not_delivered() {
        let price = Price::from_micros(600_000);
        let steps = ContractTerms::default().credits;
        for (undelivered, promised, expected) in [
            (0, 9_990, "0.00"),
            (100, 9_990, "0.00"),
            (101, 9_990, "1.01"),
            (1_000, 9_990, "10.00"),
            (1_001, 9_990, "20.02"),
            (2_000, 9_990, "40.00"),
            (2_001, 9_990, "100.05"),
            (50_000, 9_990, "1000.00"),
            (1_000, 9_900, "0.00"),
            (50_000, 0, "0.00"),
        ] {
            let month = Month { delivered: 100_000 - undelivered, undelivered };
            let credit = credit(price, &month, promised, &steps).unwrap();
            assert_eq!(credit.to_string(), expected, "{undelivered} of 100,000 at {promised}");
        }
    }

    #[test]
    fn each_seller_pays_by_what_it_did_not_deliver_and_all_of_it_is_paid() {
        let micros = |parts: &[i64]| parts.iter().map(|part| Money::from_micros(*part)).collect::<Vec<_>>();
        for (credit, undelivered, parts) in [
            (100, vec![50], vec![100]),
            (100, vec![1, 1, 1], vec![33, 33, 34]),
            (100, vec![2, 0, 1], vec![66, 0, 34]),
            // The rest of a rounded part is not paid by whoever delivered everything.
            (100, vec![1, 2, 0], vec![33, 67, 0]),
            (0, vec![0, 0], vec![0, 0]),
            (i64::MAX, vec![u64::MAX / 2, 1], vec![i64::MAX - 1, 1]),
        ] {
            let split = split(Money::from_micros(credit), &undelivered).unwrap();
            assert_eq!(split, micros(&parts), "{credit} over {undelivered:?}");
        }
    }
}
