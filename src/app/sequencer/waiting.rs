//! Callers that wait for a commit, and what they hear if there is none.

use tokio::sync::oneshot;

use super::core::{Core, Stop};
use super::guard::Guard;
use super::{Job, Receipt};
use crate::app::AppError;
use crate::exchange::Preview;

/// An answer that waits for the commit.
pub(super) enum Waiting {
    Command(oneshot::Sender<Result<Receipt, AppError>>, Box<Result<Receipt, AppError>>),
    Preview(oneshot::Sender<Result<Preview, AppError>>, Box<Result<Preview, AppError>>),
}

impl Waiting {
    /// Executes one job; gives it back with the name of the invariant if that broke the exchange.
    pub(super) fn of(core: &mut Core, job: Job, guard: &mut Guard) -> Result<Self, (Job, String)> {
        let in_doubt = match &job {
            Job::AcceptClock(..) => guard.accept().is_none().then_some(AppError::Conflict("clock_believed")),
            _ => guard.now().is_none().then_some(AppError::ClockJumped),
        };
        let now = match (in_doubt, guard.now()) {
            (None, Some(now)) => now,
            (error, _) => return Self::refusal(job, error.unwrap_or(AppError::ClockJumped)),
        };
        if let Err(Stop::Broken(name)) = core.advance(now) {
            return Err((job, name));
        }
        match job {
            Job::Preview(command, reply) => {
                let answer = core.preview(&command);
                Ok(Self::Preview(reply, Box::new(answer)))
            }
            Job::Command(submission, reply) | Job::AcceptClock(submission, reply) => {
                match core.execute(*submission, now) {
                    Ok(receipt) => Ok(Self::Command(reply, Box::new(Ok(receipt)))),
                    Err(Stop::Refused(refusal)) => Ok(Self::Command(reply, Box::new(Err(refusal)))),
                    Err(Stop::Broken(name)) => {
                        drop(reply.send(Err(AppError::Internal(name.clone()))));
                        Err((Job::Gone, name))
                    }
                }
            }
            Job::Gone => Err((Job::Gone, "job_gone".to_owned())),
        }
    }

    /// Returns the answer of a job that is not executed.
    fn refusal(job: Job, error: AppError) -> Result<Self, (Job, String)> {
        match job {
            Job::Command(_, reply) | Job::AcceptClock(_, reply) => Ok(Self::Command(reply, Box::new(Err(error)))),
            Job::Preview(_, reply) => Ok(Self::Preview(reply, Box::new(Err(error)))),
            Job::Gone => Err((Job::Gone, "job_gone".to_owned())),
        }
    }

    /// Gives the answer.
    pub(super) fn answer(self) {
        // A caller that went away does not mind.
        match self {
            Self::Command(reply, answer) => drop(reply.send(*answer)),
            Self::Preview(reply, answer) => drop(reply.send(*answer)),
        }
    }

    /// Says why there is no answer.
    pub(super) fn fail(self, error: &AppError) {
        match self {
            Self::Command(reply, _) => drop(reply.send(Err(error.clone()))),
            Self::Preview(reply, _) => drop(reply.send(Err(AppError::NotApplied))),
        }
    }
}

/// Answers that nothing was done.
pub(super) fn refuse(job: Job) {
    fail(job, &AppError::NotApplied);
}

/// Answers why nothing was done.
pub(super) fn fail(job: Job, error: &AppError) {
    match job {
        Job::Command(_, reply) | Job::AcceptClock(_, reply) => drop(reply.send(Err(error.clone()))),
        Job::Preview(_, reply) => drop(reply.send(Err(error.clone()))),
        Job::Gone => {}
    }
}
