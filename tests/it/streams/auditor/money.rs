//! Money, folded from the transfers.

use std::collections::BTreeMap;

use gpubourse::exchange::Event;
use gpubourse::exchange::entities::{Cause, Contract, Transfer};
use gpubourse::types::{AccountKind, ContractId, ContractStatus, Minute, OrganizationId, Side};

use super::super::view::View;
use super::{Rule, Violation, check};

/// The auditor's own ledger.
#[derive(Debug, Clone, Default)]
pub struct Books {
    accounts: BTreeMap<(OrganizationId, AccountKind), i64>,
    contracts: BTreeMap<ContractId, Escrow>,
}

/// A contract's money.
#[derive(Debug, Clone)]
struct Escrow {
    made: Contract,
    micros: i64,
    /// Whether it ended before its time.
    cut: bool,
}

impl Books {
    /// Folds one command's transfers.
    pub fn take(&mut self, events: &[Event]) -> Result<(), Violation> {
        for event in events {
            match event {
                Event::Traded { contract, .. } => {
                    let made = (**contract).clone();
                    let found = self.contracts.entry(contract.id);
                    found.and_modify(|row| row.made = made.clone()).or_insert(Escrow { made, micros: 0, cut: false });
                }
                Event::ContractMoved { contract, status } => {
                    if let Some(row) = self.contracts.get_mut(contract) {
                        row.cut = !status.is_live() && *status != ContractStatus::Completed;
                    }
                }
                _ => {}
            }
        }
        let transfers = events.iter().filter_map(|event| match event {
            Event::Transferred { transfer } => Some(transfer),
            _ => None,
        });
        transfers.into_iter().try_for_each(|transfer| self.fold(transfer))
    }

    fn fold(&mut self, transfer: &Transfer) -> Result<(), Violation> {
        let micros = transfer.amount.micros();
        check(micros > 0, Rule::WrongBalance, || format!("nothing is moved: {transfer:?}"))?;
        for (account, change) in [(transfer.debit, -micros), (transfer.credit, micros)] {
            *self.accounts.entry((account.organization, account.kind)).or_default() += change;
            if account.kind != AccountKind::Escrow {
                continue;
            }
            let (Cause::Escrow(id) | Cause::Refund(id) | Cause::PriceGap(id)) = transfer.cause else {
                return check(false, Rule::WrongEscrow, || format!("no contract is named: {transfer:?}"));
            };
            let row = self.contracts.get_mut(&id).filter(|row| row.made.buyer == account.organization);
            check(row.is_some(), Rule::WrongEscrow, || format!("not the buyer's: {transfer:?}"))?;
            row.unwrap().micros += change;
        }
        Ok(())
    }

    /// Compares the balances and holds with the exchange's.
    pub fn compare(&self, view: &View) -> Result<(), Violation> {
        let mut sum = 0i128;
        let mut accounts = 0;
        for (organization, purse) in &view.purses {
            for kind in AccountKind::ALL {
                let balance = purse.balance(*kind).micros();
                let due = self.accounts.get(&(*organization, *kind)).copied();
                accounts += usize::from(due.is_some());
                sum += i128::from(balance);
                let text = || format!("{kind} of {organization} is {balance}, transfers say {due:?}");
                check(balance >= 0 || *kind == AccountKind::External, Rule::Overdrawn, text)?;
                check(balance == due.unwrap_or(0), Rule::WrongBalance, text)?;
            }
        }
        check(sum == 0, Rule::Unbalanced, || format!("the sum is {sum}"))?;
        check(accounts == self.accounts.len(), Rule::WrongBalance, || "an account is missing".to_owned())?;
        holds(view)
    }

    /// Compares each contract's escrow with what it must cover.
    pub fn escrows(&self, view: &View) -> Result<(), Violation> {
        let mut by_buyer: BTreeMap<OrganizationId, i64> = BTreeMap::new();
        for (id, row) in &self.contracts {
            *by_buyer.entry(row.made.buyer).or_default() += row.micros;
            let worst = row.made.price.cost(row.made.gpus, row.made.window.minutes()).unwrap().micros();
            let whole = row.micros == worst;
            check(whole || row.cut, Rule::WrongEscrow, || format!("contract {id} has {} of {worst}", row.micros))?;
            check((0..=worst).contains(&row.micros), Rule::WrongEscrow, || format!("contract {id}: {}", row.micros))?;
        }
        for contract in &view.contracts {
            let tally = self.contracts.get(&contract.id).map(|row| row.micros);
            let said = contract.escrow.micros();
            check(tally == Some(said), Rule::WrongEscrow, || {
                format!("contract {} says {said}: {tally:?}", contract.id)
            })?;
        }
        for (organization, purse) in &view.purses {
            let due = by_buyer.get(organization).copied().unwrap_or(0);
            let text = || format!("escrow of {organization} is {}, contracts say {due}", purse.escrow);
            check(purse.escrow.micros() == due, Rule::WrongEscrow, text)?;
        }
        Ok(())
    }

    /// What stays of a contract that was cut short covers the minutes delivered, and no others.
    pub fn cut_short(&self, id: ContractId, ended_at: Minute) -> Result<(), Violation> {
        let Some(row) = self.contracts.get(&id) else { return Ok(()) };
        let window = row.made.window;
        let delivered = ended_at.get().min(window.end.get()).saturating_sub(window.start.get());
        let due = row.made.price.due(u64::from(row.made.gpus) * u64::from(delivered)).unwrap().micros();
        let most = row.made.price.cost(row.made.gpus, delivered).unwrap().micros();
        let text = || format!("contract {id} keeps {}, {due} to {most} are due", row.micros);
        check((due..=most).contains(&row.micros), Rule::WrongEscrow, text)
    }
}

/// Holds are the worst cases of open bids.
fn holds(view: &View) -> Result<(), Violation> {
    let mut held: BTreeMap<OrganizationId, i64> = BTreeMap::new();
    for bid in view.orders.iter().filter(|order| order.side == Side::Bid) {
        let worst = bid.price.cost(bid.gpus - bid.filled_gpus, bid.window.minutes()).unwrap().micros();
        let text = || format!("bid {} holds {}, worst case {worst}", bid.id, bid.held);
        check(bid.held.micros() == worst, Rule::WrongHold, text)?;
        *held.entry(bid.organization).or_default() += worst;
    }
    for (organization, purse) in &view.purses {
        let due = held.get(organization).copied().unwrap_or(0);
        let text = || format!("{organization} holds {}, open bids {due}", purse.held);
        check(purse.held.micros() == due, Rule::WrongHold, text)?;
    }
    Ok(())
}
