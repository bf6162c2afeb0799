//! The auditor's own purses, and the transfers beside them.

use super::facts::{Facts, Pocket, Purse, Transfer};
use super::market::{Market, out_of_range};
use super::order::Order;
use super::{Rule, Violation, ensure};

/// The exchange itself: all money from outside is its debt.
const EXCHANGE: i64 = 0;

impl Purse {
    fn pocket(&mut self, pocket: Pocket) -> &mut i64 {
        match pocket {
            Pocket::Available => &mut self.available,
            Pocket::Held => &mut self.held,
            Pocket::Escrow => &mut self.escrow,
            Pocket::Outside => &mut self.outside,
            Pocket::Bond => &mut self.bond,
        }
    }
}

impl Market {
    /// Moves money as the rules say.
    pub(super) fn pay(&mut self, from: (i64, Pocket), to: (i64, Pocket), micros: i64) -> Result<(), Violation> {
        if micros == 0 {
            return Ok(());
        }
        for ((organization, pocket), change) in [(from, micros.saturating_neg()), (to, micros)] {
            let balance = self.purses.entry(organization).or_default().pocket(pocket);
            *balance = balance.saturating_add(change);
            let covered = *balance >= 0 || pocket == Pocket::Outside;
            let balance = *balance;
            let told = || format!("{pocket:?} of {organization} would be {balance} after {micros}");
            ensure(covered, Rule::Overdrawn, told)?;
            self.paid.insert(organization);
        }
        Ok(())
    }

    /// Sets aside what an arriving bid may cost.
    pub(super) fn set_aside(&mut self, order: &Order) -> Result<(), Violation> {
        let hold = order.hold().map_err(|_| out_of_range("a bid"))?.micros();
        self.pay((order.organization, Pocket::Available), (order.organization, Pocket::Held), hold)
    }

    /// Sets aside more or less for a bid that was amended.
    pub(super) fn change_hold(&mut self, old: &Order, order: &Order) -> Result<(), Violation> {
        let hold = |order: &Order| order.hold().map_err(|_| out_of_range("a bid"));
        let more = hold(order)?.micros().saturating_sub(hold(old)?.micros());
        let (free, held) = ((order.organization, Pocket::Available), (order.organization, Pocket::Held));
        if more >= 0 { self.pay(free, held, more) } else { self.pay(held, free, more.saturating_neg()) }
    }

    /// Money comes in from outside, or goes out if negative.
    pub(super) fn move_outside(&mut self, organization: i64, micros: i64) -> Result<(), Violation> {
        let (outside, free) = ((EXCHANGE, Pocket::Outside), (organization, Pocket::Available));
        if micros >= 0 { self.pay(outside, free, micros) } else { self.pay(free, outside, micros.saturating_neg()) }
    }

    /// Adds the transfers up.
    pub(super) fn add_transfers(&mut self, facts: &Facts) -> Result<(), Violation> {
        facts.transfers.iter().try_for_each(|transfer| self.add_transfer(transfer))
    }

    /// Compares the purses: the rules', the durable ones, and what the transfers add up to.
    pub(super) fn compare_money(&mut self, facts: &Facts) -> Result<(), Violation> {
        for (organization, purse) in &facts.purses {
            let due = self.purses.get(organization).copied().unwrap_or_default();
            let told = || format!("{organization} has {purse:?}, due is {due:?}");
            ensure(purse.held == due.held, Rule::WrongHold, told)?;
            ensure(*purse == due, Rule::WrongBalance, told)?;
            self.paid.remove(organization);
            self.same_as_transfers(*organization, due)?;
        }
        let missing = self.paid.first();
        ensure(missing.is_none(), Rule::WrongBalance, || format!("{missing:?} was paid, and nothing says so"))
    }

    fn add_transfer(&mut self, transfer: &Transfer) -> Result<(), Violation> {
        self.last_transfer = self.last_transfer.saturating_add(1);
        let sound = transfer.micros > 0 && transfer.id == self.last_transfer;
        ensure(sound, Rule::WrongBalance, || format!("{transfer:?} where {} is due", self.last_transfer))?;
        for (account, change) in
            [(transfer.debit, transfer.micros.saturating_neg()), (transfer.credit, transfer.micros)]
        {
            let balance = self.ledger.entry(account).or_default();
            *balance = balance.saturating_add(change);
        }
        if let Some((flow, contract)) = transfer.flow {
            let sum = self.told.entry((contract, flow)).or_default();
            *sum = sum.saturating_add(transfer.micros);
            self.told_of.insert(contract);
        }
        Ok(())
    }

    fn same_as_transfers(&self, organization: i64, mut purse: Purse) -> Result<(), Violation> {
        for pocket in [Pocket::Available, Pocket::Held, Pocket::Escrow, Pocket::Outside, Pocket::Bond] {
            let sum = self.ledger.get(&(organization, pocket)).copied().unwrap_or(0);
            let balance = *purse.pocket(pocket);
            let told = || format!("{pocket:?} of {organization} is {balance}, transfers say {sum}");
            ensure(sum == balance, Rule::WrongBalance, told)?;
            ensure(sum >= 0 || pocket == Pocket::Outside, Rule::Overdrawn, told)?;
        }
        Ok(())
    }
}
