//! Whether the random lives come to what they are to look at.

use std::collections::BTreeMap;

use gpubourse::exchange::Event;
use gpubourse::types::{ContractId, Money, ResaleForm};
use proptest::prelude::*;

use super::{Model, Op, op, op_of_debts, op_of_months, op_of_positions};

/// Plays some lives and tells how many of them have each of what is looked for.
fn count<const N: usize>(
    ops: impl Strategy<Value = Op>,
    begin: fn() -> Model,
    has: [fn(&Model) -> bool; N],
) -> [usize; N] {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let lives = prop::collection::vec(ops, 1..80);
    let mut counts = [0; N];
    for _ in 0..200 {
        let mut model = begin();
        lives.new_tree(&mut runner).unwrap().current().iter().for_each(|op| model.play(op));
        model.check().unwrap();
        counts.iter_mut().zip(has).for_each(|(count, has)| *count += usize::from(has(&model)));
    }
    counts
}

impl Model {
    fn has_moved(&self, cause: &str) -> bool {
        self.legs.keys().any(|id| self.life.sum(*id, cause) > Money::ZERO)
    }

    fn has_moved_by_the_month(&self, cause: &str) -> bool {
        self.legs.iter().any(|(id, leg)| leg.monthly && self.life.sum(*id, cause) > Money::ZERO)
    }

    /// The most contracts that were taken over one from the other.
    fn deepest(&self) -> u32 {
        let mut depths: BTreeMap<ContractId, u32> = BTreeMap::new();
        for event in &self.life.events {
            if let Event::ContractTakenOver { contract, from } = event {
                let depth = depths.get(from).copied().unwrap_or(0) + 1;
                depths.insert(*contract, depth);
            }
        }
        depths.into_values().max().unwrap_or(0)
    }

    fn has_seen(&self, wanted: fn(&Event) -> bool) -> bool {
        self.life.events.iter().any(wanted)
    }
}

#[test]
fn the_lives_are_worth_looking_at() {
    let counts = count(
        op(),
        Model::new,
        [
            |model| model.has_moved("payment"),
            |model| model.legs.values().any(|leg| leg.parent.at(0).flatten().is_some()),
            |model| model.has_seen(|event| matches!(event, Event::ContractPassed { .. })),
            |model| model.has_seen(|event| matches!(event, Event::DisputeOpened { .. })),
            |model| model.has_moved("buyer's notice"),
        ],
    );
    println!("of 200 lives were paid, resold, passed, disputed, noticed: {counts:?}");
    let [paid, resold, passed, disputed, noticed] = counts;
    assert!(paid > 25 && resold > 60 && passed > 5 && disputed > 5 && noticed > 5);
}

#[test]
fn the_months_are_worth_looking_at() {
    let counts = count(
        op_of_months(),
        Model::new,
        [
            |model| model.has_moved("draw"),
            |model| model.has_moved("forfeit"),
            |model| model.has_moved_by_the_month("gap"),
            |model| model.has_moved_by_the_month("buyer's notice"),
            |model| model.has_moved_by_the_month("payment"),
            |model| model.has_seen(|event| matches!(event, Event::ContractPassed { .. })),
            Model::shares_credits,
            Model::owes_for_what_has_passed,
        ],
    );
    println!(
        "of 200 lives had draws, missed ones, gaps, notices, payments, passes, shared credits, debts left behind: {counts:?}"
    );
    let [drawn, missed, gaps, noticed, paid, passed, shared, indebted] = counts;
    assert!(drawn > 60 && missed > 20 && gaps > 4 && noticed > 10 && paid > 8 && passed > 8);
    assert!(shared > 4 && indebted > 2);
}

#[test]
fn the_debts_are_worth_looking_at() {
    let counts = count(
        op_of_debts(),
        Model::in_want,
        [Model::has_passed_in_debt, Model::shares_credits, Model::owes_for_what_has_passed],
    );
    println!("of 200 lives passed in debt, shared credits, left debts behind: {counts:?}");
    let [in_debt, shared, indebted] = counts;
    assert!(in_debt > 20 && shared > 20 && indebted > 20);
}

#[test]
fn the_lives_in_which_sellers_leave_are_worth_looking_at() {
    let counts = count(
        op_of_positions(),
        || Model::on(ResaleForm::Novation),
        [
            |model| model.has_moved("takeover"),
            |model| model.has_moved("novation royalty"),
            |model| model.has_moved("novation back"),
            |model| model.legs.values().any(|leg| leg.gone.len() > 1),
            // Taken over from what was taken over.
            |model| model.deepest() > 1,
            |model| {
                let taken = model.life.events.iter().filter_map(|event| match event {
                    Event::ContractTakenOver { contract, .. } => Some(*contract),
                    _ => None,
                });
                taken.into_iter().any(|id| model.life.sum(id, "payment") > Money::ZERO)
            },
        ],
    );
    println!("of 200 lives were taken over, at a gain, recalled, more than once, in a row, and paid: {counts:?}");
    let [taken, gained, recalled, often, rows, paid] = counts;
    assert!(taken > 40 && gained > 10 && recalled > 2 && often > 5 && rows > 3 && paid > 5);
}
