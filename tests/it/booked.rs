//! What live contracts cover by delivery day is kept up contract by contract: whatever happens to them, it is what adding
//! them all up comes to.

use std::collections::BTreeMap;

use gpubourse::app::View as Seen;
use gpubourse::exchange::{Command, Envelope, Exchange, Outcome, Snapshot};
use gpubourse::market::supply::Apart;
use gpubourse::market::tape::by_day;
use gpubourse::market::{Day, GpuMinutes};
use gpubourse::types::{ProductId, Source};

use crate::audit::course;
use crate::streams::generator::Generator;
use crate::streams::view::View;

const SEEDS: u64 = 12;
const COMMANDS: u32 = 400;
/// All days there are.
const FIRST: Day = Day::new(0);
const LAST: Day = Day::new(u32::MAX);

/// Adds up what every live contract covers.
fn recomputed(exchange: &Exchange) -> BTreeMap<ProductId, Apart> {
    let mut sums: BTreeMap<ProductId, Apart> = BTreeMap::new();
    for contract in exchange.contracts().filter(|contract| contract.status.is_live()) {
        let apart = sums.entry(contract.product).or_default();
        let is_primary = matches!(contract.source, Source::Listing(_));
        let days = if is_primary { &mut apart.primary } else { &mut apart.resale };
        for (day, piece) in by_day(contract.window) {
            let amount = GpuMinutes::new(contract.held_gpu_minutes(piece));
            let sum = days.entry(day).or_default();
            *sum = sum.plus(amount);
        }
    }
    for apart in sums.values_mut() {
        apart.primary.retain(|_, amount| amount.get() > 0);
        apart.resale.retain(|_, amount| amount.get() > 0);
    }
    sums
}

/// An exchange, and what is seen of it.
struct Both {
    exchange: Exchange,
    seen: Seen,
    rows: i64,
}

impl Both {
    fn new() -> Self {
        Self { exchange: Exchange::new(), seen: Seen::of(Snapshot::default(), 0), rows: 0 }
    }

    /// Executes a command and holds what is seen against the sum over all live contracts.
    fn execute(&mut self, envelope: &Envelope) -> Option<Outcome> {
        let outcome = self.exchange.execute(envelope).ok();
        self.rows += 1;
        self.seen.apply(&mut self.exchange.settle().unwrap(), self.rows);
        let expected = recomputed(&self.exchange);
        for product in self.exchange.products() {
            let found = self.seen.booked.of(product.id, FIRST, LAST);
            let expected = expected.get(&product.id).cloned().unwrap_or_default();
            assert_eq!(found, expected, "row {}, after {:?}", self.rows, envelope.command);
        }
        outcome
    }

    fn resold(&self) -> usize {
        let apart = self.exchange.products().map(|product| self.seen.booked.of(product.id, FIRST, LAST));
        apart.map(|apart| apart.resale.len()).sum()
    }
}

#[test]
fn what_live_contracts_cover_is_their_sum_whatever_happens_to_them() {
    let (mut resold, mut ended) = (0, 0);
    for seed in 0..SEEDS {
        let (mut both, mut generator, mut live) = (Both::new(), Generator::new(seed), 0);
        for _ in 0..COMMANDS {
            let envelope = generator.next(&View::of(&both.exchange));
            if let Some(outcome) = both.execute(&envelope)
                && !matches!(envelope.command, Command::Advance { .. })
            {
                generator.observe(&envelope, &outcome);
            }
            resold += both.resold();
            let now = both.exchange.contracts().count();
            ended += usize::from(now < live);
            live = now;
        }
    }
    assert!(resold > 0 && ended > 0, "{resold} {ended}");
}

#[test]
fn what_others_took_over_of_a_contract_is_theirs() {
    let (mut both, mut given_up) = (Both::new(), 0);
    for (envelope, ..) in &course().rows {
        both.execute(envelope);
        given_up += both.exchange.contracts().filter(|contract| contract.given_up().is_some()).count();
    }
    assert!(given_up > 0);
}
