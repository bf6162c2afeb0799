//! SLA credits: posted without a claim, once per contract month, when its last slot closes.
//!
//! A month is 30 days from the contract's start. Where the share of GPU-minutes delivered is below the class, the buyer
//! gets a multiple of what the undelivered ones are worth, on top of their refund and at most the month's price. The
//! seller pays from the contract's bond, then from what it has; what it cannot pay stays owed and is paid when the contract
//! is settled next.

use super::super::book::Book;
use super::super::entities::{Account, Cause, Contract};
use super::super::terms::{CreditStep, promised_bps};
use super::super::{Event, Exchange, Failure};
use super::Month;
use crate::types::limits::BPS_WHOLE;
use crate::types::{AccountKind, Money, OutOfRange, Price, Timestamp};

impl<B: Book> Exchange<B> {
    pub(super) fn post_credits(&mut self, at: Timestamp, contract: &Contract) -> Result<(), Failure> {
        let listing = self.listings.get(&contract.listing).ok_or(Failure::Invariant("listing_missing"))?;
        let promised = promised_bps(listing.sla_class);
        let credits = self.terms_of(contract.terms)?.credits.clone();
        let delivery = self.delivery_mut(contract.id)?;
        let is_closed = |number: u32, month: &Month| {
            let covered = contract.held_gpu_minutes(contract.month(number));
            month.delivered.saturating_add(month.undelivered) >= covered
        };
        let closed: Vec<u32> = delivery
            .months
            .iter()
            .filter(|(number, month)| is_closed(**number, month))
            .map(|(number, _)| *number)
            .collect();
        let mut due = delivery.owed;
        for number in closed {
            let Some(month) = delivery.months.remove(&number) else { continue };
            let credit = credit(contract.price, &month, promised, &credits);
            let credit = credit.map_err(|_| Failure::Invariant("credit_range"))?;
            due = due.plus(credit).map_err(|_| Failure::Invariant("credit_range"))?;
        }
        self.pay_credit(at, contract, due)
    }

    /// Pays a credit as far as the seller can and notes the rest as owed.
    fn pay_credit(&mut self, at: Timestamp, contract: &Contract, due: Money) -> Result<(), Failure> {
        let range = |_| Failure::Invariant("credit_range");
        let from_bond = self.pay_from_bond(at, contract.id, due, Cause::Credit(contract.id))?;
        let rest = due.minus(from_bond).map_err(range)?;
        let from_purse = rest.min(self.available(contract.seller));
        let paid = from_bond.plus(from_purse).map_err(range)?;
        let delivery = self.delivery_mut(contract.id)?;
        let before = delivery.owed;
        delivery.owed = due.minus(paid).map_err(range)?;
        delivery.credited = delivery.credited.plus(paid).map_err(range)?;
        let owed = delivery.owed;
        let debit = Account { organization: contract.seller, kind: AccountKind::Available };
        let credit = Account { organization: contract.buyer, kind: AccountKind::Available };
        self.transfer(at, debit, credit, from_purse, Cause::Credit(contract.id), None)?;
        if owed != before {
            self.events.push(Event::CreditOwed { contract: contract.id, amount: owed });
        }
        Ok(())
    }
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
}
