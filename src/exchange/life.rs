//! The life of a contract: which status may follow which.
//!
//! ```text
//! scheduled -> ready -> delivered -> active -> completed -> settled
//! ```
//! Beside it: `late` (in its window without access), `degraded` and `disputed` (in use, not as sold), and the early ends
//! `terminated`, `defaulted` and `recalled`, which every live contract may come to. Contracts made under no terms go
//! from scheduled to active and to completed by the calendar.

use super::{Failure, Reject};
use crate::types::ContractStatus::{
    self, Active, Completed, Defaulted, Degraded, Delivered, Disputed, Late, Ready, Recalled, Scheduled, Settled,
    Terminated,
};

/// Every step of a contract's life: from here, to one of these.
pub const TRANSITIONS: &[(ContractStatus, &[ContractStatus])] = &[
    (Scheduled, &[Ready, Late, Active, Terminated, Defaulted, Recalled]),
    // An objection sends access back.
    (Ready, &[Delivered, Late, Terminated, Defaulted, Recalled]),
    (Delivered, &[Ready, Delivered, Active, Degraded, Disputed, Late, Completed, Terminated, Defaulted, Recalled]),
    (Late, &[Delivered, Completed, Terminated, Defaulted, Recalled]),
    (Active, &[Degraded, Disputed, Completed, Terminated, Defaulted, Recalled]),
    (Degraded, &[Active, Disputed, Completed, Terminated, Defaulted, Recalled]),
    (Disputed, &[Active, Degraded, Completed, Terminated, Defaulted, Recalled]),
    (Completed, &[Settled]),
];

/// Tells whether a contract may go from one status to another.
pub fn may_follow(from: ContractStatus, to: ContractStatus) -> bool {
    TRANSITIONS.iter().any(|(status, next)| *status == from && next.contains(&to))
}

/// Refuses what the table does not know.
pub(super) fn require(from: ContractStatus, to: ContractStatus) -> Result<(), Reject> {
    if may_follow(from, to) { Ok(()) } else { Err(Reject::IllegalTransition) }
}

/// Names the broken invariant where the exchange itself would leave the table.
pub(super) fn ensure(from: ContractStatus, to: ContractStatus) -> Result<(), Failure> {
    if may_follow(from, to) { Ok(()) } else { Err(Failure::Invariant("illegal_transition")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_live_contract_can_end_early_and_no_ended_one_lives_again() {
        for status in ContractStatus::ALL.iter().copied() {
            let ends = [Terminated, Defaulted, Recalled].iter().all(|end| may_follow(status, *end));
            assert_eq!(ends, status.is_live(), "{status}");
            let revives = ContractStatus::ALL.iter().any(|next| next.is_live() && may_follow(status, *next));
            assert_eq!(revives, status.is_live(), "{status}");
        }
    }

    #[test]
    fn the_main_line_is_in_the_table() {
        let line = [Scheduled, Ready, Delivered, Active, Completed, Settled];
        assert!(line.iter().zip(line.iter().skip(1)).all(|(from, to)| may_follow(*from, *to)));
        assert!(!may_follow(Scheduled, Delivered) && !may_follow(Active, Settled));
    }
}
