//! What providers, buyers and the admin do about deliveries, in runs that have terms of delivery.

use std::sync::Arc;

use super::fold::Fold;
use super::rng::Rng;
use super::setup;
use crate::exchange::delivery::Delivery;
use crate::exchange::entities::Contract;
use crate::exchange::{Access, Command, MeterReport};
use crate::types::limits::SETTLE_CONTRACTS_MAX;
use crate::types::{ContractStatus, Minute, OrganizationId, Slot};

/// Returns what somebody does about a delivery, if there is anything to do.
pub(super) fn errand(rng: &mut Rng, fold: &Fold) -> Option<Command> {
    match rng.below(100) {
        0..8 => return Some(settlement()),
        8..45 => return heartbeats(rng, fold),
        _ => {}
    }
    let waits = |row: &&Arc<Contract>| {
        let delivery = fold.deliveries.get(&row.id);
        delivery.is_none_or(|delivery| delivery.accepted_from.is_none())
    };
    let waiting: Vec<&Arc<Contract>> = fold.contracts.values().filter(waits).collect();
    let contract = rng.pick(&waiting)?;
    let host = fold.listings.get(&contract.listing)?.organization;
    Some(match contract.status {
        ContractStatus::Scheduled => Command::DeclareReady { organization: host, contract: contract.id },
        ContractStatus::Ready | ContractStatus::Late => hand_over(host, contract),
        _ => Command::AcceptDelivery { organization: contract.buyer, contract: contract.id },
    })
}

/// Returns the settlement of everything.
pub(super) const fn settlement() -> Command {
    Command::Settle { after: None, limit: SETTLE_CONTRACTS_MAX }
}

/// One host reports on everything it has handed over.
fn heartbeats(rng: &mut Rng, fold: &Fold) -> Option<Command> {
    let hosts: Vec<OrganizationId> = fold.sites.values().map(|site| site.organization).collect();
    let organization = rng.pick(&hosts)?;
    let mut reports = Vec::new();
    for contract in fold.contracts.values().chain(fold.unsettled.values()) {
        let host = fold.listings.get(&contract.listing).map(|listing| listing.organization);
        let delivery = fold.deliveries.get(&contract.id).filter(|_| host == Some(organization));
        reports.extend(delivery.and_then(|delivery| report(rng, fold, contract, delivery)));
    }
    (!reports.is_empty()).then_some(Command::Meter { organization, reports })
}

fn hand_over(host: OrganizationId, contract: &Contract) -> Command {
    let access = Access {
        host: "node.example".to_owned(),
        port: 22,
        host_key: "ssh-ed25519 AAAA".to_owned(),
        user: "ubuntu".to_owned(),
        sealed_secret: "sealed".to_owned(),
        recipient: setup::key_of(contract.buyer),
    };
    Command::DeliverAccess { organization: host, contract: contract.id, access }
}

/// Reports all slots that are open, or the last few: most often that all are up.
fn report(rng: &mut Rng, fold: &Fold, contract: &Contract, delivery: &Delivery) -> Option<MeterReport> {
    let now = fold.counters.now.minute();
    // A request takes a while to arrive, and slots close meanwhile.
    let open = now.minus(setup::CLOSE_AFTER_MINUTES).plus(2 * Slot::MINUTES);
    let first = delivery.delivered_at?.min(contract.window.start).max(open);
    let first = Slot::of(first.max(Slot::of(contract.window.start).start()));
    let last = Slot::of(now).start().min(Slot::end_of(contract.covered().end));
    let slots = slots_between(first, last)?;
    let few = rng.between(1, slots);
    let first = if rng.chance(700) { first } else { Slot::of(first.run(slots.saturating_sub(few)).end) };
    let slots = slots_between(first, last)?;
    let gpus_up = match rng.below(100) {
        0..8 => 0,
        8..16 => rng.below(contract.gpus.saturating_add(2)),
        _ => contract.gpus,
    };
    Some(MeterReport::run(contract.id, first, slots, gpus_up))
}

fn slots_between(first: Slot, end: Minute) -> Option<u32> {
    let slots = end.get().saturating_sub(first.start().get()).div_euclid(Slot::MINUTES);
    Some(slots).filter(|slots| *slots > 0)
}
