//! Monthly funding: a long contract that is paid into escrow a month at a time, beside a deposit of one month.
//!
//! A bid of more than 30 days may choose it under terms of delivery; contracts it makes keep the choice. Months are 30
//! days from the start. The bid holds, and each contract takes into escrow, the cost of the first month and as much again
//! as a deposit. Each later month is drawn from what the buyer has available, `draw_before_minutes` before it begins. A
//! draw that the buyer cannot pay is tried again every hour, and last in the minute in which its month begins: if it is
//! missing then, the contract is terminated by its buyer's doing (see `contracts`) and the deposit goes to the
//! seller, whoever owns the GPUs: a split shares what is paid for minutes delivered, and it is the seller that lost its
//! time.
//!
//! The deposit is never drawn on: the last month is drawn like any other, and the deposit goes back with the last slot
//! that closes. A contract under notice draws no further than the notice runs.
//!
//! The cost of 720 hours is a whole number of micro-USD, so the months together cost what the whole window costs.
//!
//! Invariant: while a contract is live, its escrow is the deposit and the cost of the minutes funded, less what was paid
//! and refunded; every month that has begun is funded. So it covers what can still fall due of them, and the deposit lies
//! untouched.

use serde::{Deserialize, Serialize};

use super::book::Book;
use super::contracts::Charge;
use super::entities::{Cause, Contract};
use super::{Event, Exchange, Failure, Reject};
use crate::types::limits::{DRAW_AGAIN_MINUTES, MONTH_MINUTES};
use crate::types::{
    AccountKind, ContractId, ContractStatus, Funding, Minute, Money, OutOfRange, Price, Timestamp, Window,
};

/// How far a contract under monthly funding is paid for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Monthly {
    /// The first minute that is not paid for yet.
    pub funded_until: Minute,
    /// The next draw; none once all of the contract is paid for.
    pub next: Option<Draw>,
}

/// What is to be drawn for one month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draw {
    /// When it is due; it is missing from then on until it is made.
    pub at: Minute,
    /// The first minute it does not pay for.
    pub until: Minute,
    /// How much.
    pub amount: Money,
}

impl Funding {
    /// Returns what is set aside for GPUs over minutes when they are bought: all they cost, or the first month and a
    /// deposit of one month.
    ///
    /// # Errors
    /// [`OutOfRange`] beyond `i64`.
    pub fn set_aside(self, price: Price, gpus: u32, minutes: u32) -> Result<Money, OutOfRange> {
        match self {
            Self::Full => price.cost(gpus, minutes),
            Self::Monthly => price.cost(gpus, MONTH_MINUTES)?.times(2),
        }
    }
}

impl Draw {
    /// Returns the first minute after `now` in which it is tried. `from` is where its month begins.
    fn tried_at(&self, from: Minute, now: Minute) -> Minute {
        if self.at > now {
            return self.at;
        }
        let late = now.get().saturating_sub(self.at.get());
        let tries = late.div_euclid(DRAW_AGAIN_MINUTES).saturating_add(1);
        self.at.plus(tries.saturating_mul(DRAW_AGAIN_MINUTES)).min(from)
    }
}

impl Contract {
    /// Returns how it is paid for.
    pub const fn funding(&self) -> Funding {
        match self.monthly {
            Some(_) => Funding::Monthly,
            None => Funding::Full,
        }
    }

    /// Returns the deposit that lies behind it while it is live: one month's cost, or nothing.
    ///
    /// # Errors
    /// [`OutOfRange`] beyond `i64`.
    pub fn deposit(&self) -> Result<Money, OutOfRange> {
        self.monthly.map_or(Ok(Money::ZERO), |_| self.price.cost(self.gpus, MONTH_MINUTES))
    }

    /// Returns the months that are paid for, if that is done by the month.
    pub fn months_funded(&self) -> Option<u32> {
        let funded = |monthly: Monthly| Window::new(self.window.start, monthly.funded_until).minutes();
        self.monthly.map(|monthly| funded(monthly).div_ceil(MONTH_MINUTES))
    }
}

impl<B: Book> Exchange<B> {
    /// Refuses monthly funding where there is nothing to draw, or no terms that say when.
    pub(super) const fn check_funding(&self, funding: Funding, window: Window) -> Result<(), Reject> {
        let has_draws = window.minutes() > MONTH_MINUTES && self.terms_version() > 0;
        if funding.is_full() || has_draws { Ok(()) } else { Err(Reject::FundingNotAllowed) }
    }

    /// Returns how far a contract that is made now is paid for, if that is done by the month.
    pub(super) fn first_month(
        &self,
        funding: Funding,
        price: Price,
        gpus: u32,
        window: Window,
    ) -> Result<Option<Monthly>, Failure> {
        if funding.is_full() {
            return Ok(None);
        }
        let before = self.terms_of(self.terms_version())?.draw_before_minutes;
        funded(price, gpus, (window.start.plus(MONTH_MINUTES), window.end), before).map(Some)
    }

    /// Returns how a contract stands once it is paid for up to a minute.
    fn funded(&self, contract: &Contract, until: Minute) -> Result<Monthly, Failure> {
        let before = self.terms_of(contract.terms)?.draw_before_minutes;
        funded(contract.price, contract.gpus, (until, self.sure_window(contract).end), before)
    }

    /// Writes into the calendar when the next draw of a contract is tried, if there is one.
    pub(super) fn arm_draw(&mut self, id: ContractId) {
        let now = self.now().minute();
        let monthly = self.contracts.get(&id).and_then(|contract| contract.monthly);
        let tried =
            monthly.and_then(|Monthly { funded_until, next }| next.map(|draw| draw.tried_at(funded_until, now)));
        self.due.set_draw(id, tried);
    }

    /// Draws no further for a contract than it is sure to last.
    pub(super) fn shorten_draws(&mut self, id: ContractId) -> Result<(), Failure> {
        let Some(contract) = self.contracts.get(&id) else { return Ok(()) };
        let Some(monthly) = contract.monthly else { return Ok(()) };
        let monthly = self.funded(contract, monthly.funded_until)?;
        self.contract_mut(id)?.monthly = Some(monthly);
        self.arm_draw(id);
        Ok(())
    }

    /// Makes the draws that are due by now, by minute and number; what is missing when its month begins ends its contract.
    pub(super) fn make_draws(&mut self, at: Timestamp) -> Result<(), Failure> {
        let minute = self.now().minute();
        while let Some((_, id)) = self.due.first_draw().filter(|(tried, _)| *tried <= minute) {
            self.make_draw(at, id)?;
        }
        Ok(())
    }

    fn make_draw(&mut self, at: Timestamp, id: ContractId) -> Result<(), Failure> {
        let contract = self.contracts.get(&id).ok_or(Failure::Invariant("due_contract_missing"))?;
        let (buyer, from) = (contract.buyer, contract.monthly.map(|monthly| monthly.funded_until));
        let draw = contract.monthly.and_then(|monthly| monthly.next).ok_or(Failure::Invariant("draw_missing"))?;
        let from = from.ok_or(Failure::Invariant("draw_missing"))?;
        if self.available(buyer) < draw.amount {
            self.events.push(Event::DrawMissing { contract: id, amount: draw.amount });
            if from <= self.now().minute() {
                return self.end_by_buyer(at, id, ContractStatus::Terminated, (from, Charge::Deposit));
            }
            self.arm_draw(id);
            return Ok(());
        }
        let monthly = self.funded(contract, draw.until)?;
        let row = self.contract_mut(id)?;
        row.monthly = Some(monthly);
        row.escrow = row.escrow.plus(draw.amount).map_err(|_| Failure::Invariant("escrow_range"))?;
        let fund = (AccountKind::Available, AccountKind::Escrow);
        self.move_within(at, buyer, fund, draw.amount, Cause::Draw(id))?;
        self.arm_draw(id);
        Ok(())
    }
}

/// Returns how GPUs stand that are paid for up to a minute, and are wanted up to another.
fn funded(price: Price, gpus: u32, (until, end): (Minute, Minute), before: u32) -> Result<Monthly, Failure> {
    let month = Window::new(until, until.plus(MONTH_MINUTES).min(end));
    if month.is_empty() {
        return Ok(Monthly { funded_until: until, next: None });
    }
    let amount = price.cost(gpus, month.minutes()).map_err(|_| Failure::Invariant("draw_range"))?;
    Ok(Monthly { funded_until: until, next: Some(Draw { at: until.minus(before), until: month.end, amount }) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usd(text: &str) -> Money {
        Money::parse(text).unwrap()
    }

    #[test]
    fn months_cost_together_what_the_window_costs() {
        // A price of which no hour and no minute is a whole number of micro-dollars for 7 GPUs.
        let price = Price::from_micros(1_234_567);
        for rest in [0, 1, 59, 61, 43_199] {
            let whole = price.cost(7, 3 * MONTH_MINUTES + rest).unwrap();
            let months = price.cost(7, MONTH_MINUTES).unwrap().times(3).unwrap();
            assert_eq!(months.plus(price.cost(7, rest).unwrap()), Ok(whole), "{rest}");
        }
    }

    #[test]
    fn a_month_and_a_deposit_are_set_aside() {
        let price = Price::parse("4.00").unwrap();
        assert_eq!(Funding::Full.set_aside(price, 64, 90 * 1_440), Ok(usd("552960")));
        assert_eq!(Funding::Monthly.set_aside(price, 64, 90 * 1_440), Ok(usd("368640")));
        assert_eq!(Funding::Monthly.set_aside(price, 64, MONTH_MINUTES + 1), Ok(usd("368640")));
    }

    #[test]
    fn a_missing_draw_is_tried_every_hour_and_in_the_minute_its_month_begins() {
        let draw = Draw { at: Minute::new(1_000), until: Minute::new(9_000), amount: Money::ZERO };
        let from = Minute::new(1_130);
        let tried = |now| draw.tried_at(from, Minute::new(now)).get();
        assert_eq!([tried(0), tried(999), tried(1_000), tried(1_059)], [1_000, 1_000, 1_060, 1_060]);
        assert_eq!([tried(1_060), tried(1_119), tried(1_120), tried(1_129)], [1_120, 1_120, 1_130, 1_130]);
        assert_eq!(tried(2_000), 1_130, "time that came late finds it due at once");
    }
}
