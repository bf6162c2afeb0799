//! Where the traders hand in what they ask, and hear what came of it.

use super::shelf::Standing;
use crate::app::sequencer::Stepper;
use crate::app::{AppError, SIMULATED, Submission};
use crate::exchange::{Command, Made, Outcome};
use crate::types::{Money, OrderId, OrganizationId, OrganizationKind, Price};

/// Who asks, as the journal records it: no person and no key is behind a simulated trader.
const ACTOR: &str = "system";
const REQUEST: &str = SIMULATED;
/// What every trader begins with.
const FUNDS: Money = Money::from_micros(500_000_000_000_000);

/// What a trader asks, and what it does once it is answered.
pub(super) struct Task {
    /// What is asked.
    pub(super) command: Command,
    /// What follows.
    pub(super) then: Then,
}

/// What follows an answer.
#[derive(Clone, Copy)]
pub(super) enum Then {
    /// Nothing.
    Nothing,
    /// The ask is looked after.
    Stands(Standing),
    /// The ask that is looked after has another price, or is gone.
    Repriced(OrderId, Price),
    /// The bid is taken back at the next turn.
    TakenBack(OrganizationId),
    /// What the reseller of this place bought is its to sell; what is left of the ask is looked after.
    Held(usize, Standing),
}

/// The answer to a task; nothing if it was refused.
pub(super) struct Done {
    /// What follows.
    pub(super) then: Then,
    /// What came of it.
    pub(super) outcome: Option<Outcome>,
}

/// The way to the sequencer.
pub(super) struct Desk {
    stepper: Stepper,
    commands: u64,
}

impl Task {
    /// Returns a task that nothing follows.
    pub(super) const fn plain(command: Command) -> Self {
        Self { command, then: Then::Nothing }
    }
}

impl Done {
    /// Returns the order that was placed, if it still waits.
    pub(super) fn resting(&self) -> Option<OrderId> {
        let order = self.outcome.as_ref()?.order.as_ref()?;
        order.status.is_open().then_some(order.id)
    }
}

impl Desk {
    /// Returns the desk of an exchange.
    pub(super) const fn new(stepper: Stepper) -> Self {
        Self { stepper, commands: 0 }
    }

    /// Returns how many commands were handed in.
    pub(super) const fn commands(&self) -> u64 {
        self.commands
    }

    /// Hands in what must not be refused; returns what it made.
    pub(super) fn must(&mut self, command: Command) -> Result<Made, AppError> {
        self.commands = self.commands.saturating_add(1);
        let answer = self.stepper.batch(vec![submission(command)]).pop();
        Ok(answer.unwrap_or(Err(AppError::Unknown))?.outcome.made)
    }

    /// Makes an organization and gives it money.
    pub(super) fn enter(&mut self, name: &str, kind: OrganizationKind) -> Result<OrganizationId, AppError> {
        let register = Command::RegisterOrganization { name: name.to_owned(), organization_kind: kind };
        let Made::Organization(organization) = self.must(register)? else {
            return Err(AppError::Internal("no organization was made".to_owned()));
        };
        let reference = format!("{SIMULATED} funds");
        self.must(Command::Deposit { organization, amount: FUNDS, reference })?;
        Ok(organization)
    }

    /// Hands in everything in this order, as one batch. A refusal is part of trading: an ask may have sold out, a bid
    /// may find no money.
    pub(super) fn all(&mut self, tasks: Vec<Task>) -> Result<Vec<Done>, AppError> {
        self.commands = self.commands.saturating_add(u64::try_from(tasks.len()).unwrap_or(u64::MAX));
        let (asked, then): (Vec<Submission>, Vec<Then>) =
            tasks.into_iter().map(|task| (submission(task.command), task.then)).unzip();
        let answers = self.stepper.batch(asked).into_iter().zip(then);
        answers
            .map(|(answer, then)| match answer {
                Ok(receipt) => Ok(Done { then, outcome: Some(receipt.outcome) }),
                Err(AppError::Reject(_)) => Ok(Done { then, outcome: None }),
                Err(error) => Err(error),
            })
            .collect()
    }
}

fn submission(command: Command) -> Submission {
    Submission { actor: ACTOR.to_owned(), request_id: REQUEST.to_owned(), idempotency_key: None, command }
}
