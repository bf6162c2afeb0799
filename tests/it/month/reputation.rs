//! The provider's reputation after the month, against what the events said.

use std::collections::BTreeMap;

use gpubourse::app::analytics::reputation::records;
use gpubourse::exchange::Event;
use gpubourse::market::Day;
use gpubourse::market::reputation::{PRIOR_CONTRACTED, PRIOR_DELIVERED, WEIGHT_ONE, reputation, weight};
use gpubourse::types::{ContractId, ContractStatus, Minute, Source};

use super::scene::{on_sqlite, played};
use crate::delivery::life::{P, R};

/// A contract as the events leave it.
struct Known {
    source: Source,
    status: ContractStatus,
    end: Minute,
}

fn known() -> BTreeMap<ContractId, Known> {
    let (mut all, mut now): (BTreeMap<ContractId, Known>, _) = (BTreeMap::new(), Minute::new(0));
    for event in &played().events {
        match event {
            Event::Advanced { now: at } => now = at.minute(),
            Event::Traded { contract, .. } => {
                let row = Known { source: contract.source, status: contract.status, end: contract.window.end };
                all.insert(contract.id, row);
            }
            Event::ContractPassed { contract, source, .. } => all.get_mut(contract).unwrap().source = *source,
            Event::ContractMoved { contract, status } => {
                let row = all.get_mut(contract).unwrap();
                row.status = *status;
                if [ContractStatus::Terminated, ContractStatus::Defaulted, ContractStatus::Recalled].contains(status) {
                    row.end = row.end.min(now.plus(1));
                }
            }
            _ => {}
        }
    }
    all
}

#[test]
fn the_score_is_what_the_formula_makes_of_every_first_sale() {
    let (_, written) = on_sqlite();
    let now = played().exchange.counters().now;
    let (records, looked_at, truncated) = records(&mut written.store.reader().unwrap(), P, now).unwrap();
    assert!(looked_at >= records.len() && !truncated);
    let made = reputation(Day::of(now), records.iter().copied());
    let known = known();
    let first = |id: &ContractId| matches!(known[id].source, Source::Listing(_));
    let own: Vec<_> = written.deliveries.iter().filter(|(id, _)| first(id)).collect();
    assert_eq!(records.len(), own.len());
    let count = |status| own.iter().filter(|(id, _)| known[id].status == status).count() as u64;
    assert_eq!(made.completed, count(ContractStatus::Settled));
    assert_eq!(made.defaulted, count(ContractStatus::Defaulted));
    assert_eq!(made.terminated, count(ContractStatus::Terminated));
    assert_eq!(made.recalled, count(ContractStatus::Recalled));
    assert!([made.completed, made.defaulted, made.terminated, made.recalled].iter().all(|count| *count > 0));
    assert_eq!(made.leads, own.iter().filter(|(_, row)| row.delivery.ready_at.is_some()).count() as u64);
    assert!(made.lead_minutes.is_some_and(|minutes| minutes > 0));
    let one = u128::from(WEIGHT_ONE);
    let mut delivered = u128::from(PRIOR_DELIVERED.get()) * one;
    let mut contracted = u128::from(PRIOR_CONTRACTED.get()) * one;
    for (id, standing) in own {
        let weight = u128::from(weight(Day::of(now).days_since(Day::of_minute(known[id].end))));
        delivered += weight * u128::from(standing.delivery.delivered);
        contracted += weight * u128::from(standing.delivery.delivered + standing.delivery.undelivered);
    }
    // Half up to four decimals.
    let score = (delivered * 20_000 + contracted) / (2 * contracted);
    assert_eq!(made.score.unwrap().ten_thousandths(), score as i64);
    assert!((5_000..9_700).contains(&score), "{score}: outages leave their mark");
}

#[test]
fn who_only_resells_has_delivered_nothing_of_its_own() {
    let (_, written) = on_sqlite();
    let now = played().exchange.counters().now;
    let (records, looked_at, _) = records(&mut written.store.reader().unwrap(), R, now).unwrap();
    assert!(records.is_empty() && looked_at > 100);
}
