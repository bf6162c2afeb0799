//! Every history, read page by page, holds what belongs to its owner: all of it, newest first, whatever the pages.

use std::collections::BTreeMap;
use std::fmt::Debug;

use gpubourse::store::read::{Listed, Page, contracts, orders, trades, transfers};
use gpubourse::store::{Reader, StoreError};
use gpubourse::types::{ContractId, OrderId, OrganizationId, ProductId, Source, TradeId, TransferId};

use crate::course::Course;
use crate::streams::rng::Rng;

/// What each owner's history holds, oldest first, worked out from what the commands changed.
#[derive(Default)]
struct Histories {
    orders: BTreeMap<OrganizationId, Vec<OrderId>>,
    transfers: BTreeMap<OrganizationId, Vec<TransferId>>,
    holdings: BTreeMap<OrganizationId, Vec<ContractId>>,
    trades: BTreeMap<OrderId, Vec<TradeId>>,
    tape: BTreeMap<ProductId, Vec<TradeId>>,
    children: BTreeMap<ContractId, Vec<ContractId>>,
}

impl Histories {
    fn of(course: &Course) -> Self {
        let mut all = Self::default();
        for order in course.orders.values() {
            all.orders.entry(order.organization).or_default().push(order.id);
        }
        for transfer in &course.transfers {
            let parties = [transfer.debit.organization, transfer.credit.organization];
            add(&mut all.transfers, &parties, transfer.id);
        }
        for trade in &course.trades {
            all.trades.entry(trade.ask).or_default().push(trade.id);
            all.trades.entry(trade.bid).or_default().push(trade.id);
            all.tape.entry(trade.product).or_default().push(trade.id);
        }
        for (contract, seller, source) in &course.holdings {
            let buyer = course.contracts[contract].buyer;
            let held = |all: &Self, owner| all.holdings.get(&owner).is_some_and(|held| held.contains(contract));
            for owner in [*seller, buyer] {
                // Whoever has it already, as its buyer, does not have it twice.
                if owner != buyer || !held(&all, owner) {
                    all.holdings.entry(owner).or_default().push(*contract);
                }
            }
            if let Source::Contract(parent) = source {
                all.children.entry(*parent).or_default().push(*contract);
            }
        }
        all
    }
}

fn add<K: Ord + Copy, V: PartialEq + Copy>(lists: &mut BTreeMap<K, Vec<V>>, owners: &[K], value: V) {
    for owner in owners {
        let list = lists.entry(*owner).or_default();
        if list.last() != Some(&value) {
            list.push(value);
        }
    }
}

/// Compares every history of a course with what the tables say.
pub fn compare(reader: &mut Reader, course: &Course, rng: &mut Rng) {
    let all = Histories::of(course);
    let any = orders::OrderFilter::default();
    for (owner, list) in &all.orders {
        let read = |page| orders::of_organization(reader, *owner, &any, page);
        assert_eq!(backwards(list), pages(rng, read, |order| order.id), "orders of {owner}");
        filtered(reader, course, *owner, rng);
    }
    for (owner, list) in &all.transfers {
        let read = |page| transfers::of_organization(reader, *owner, page);
        assert_eq!(backwards(list), pages(rng, read, |transfer| transfer.id), "transfers of {owner}");
    }
    for (owner, list) in &all.trades {
        let read = |page| trades::of_order(reader, &course.orders[owner], page);
        assert_eq!(backwards(list), pages(rng, read, |trade| trade.id), "trades of order {owner}");
    }
    for (owner, list) in &all.tape {
        let read = |page| trades::of_product(reader, *owner, page);
        assert_eq!(backwards(list), pages(rng, read, |trade| trade.id), "trades of product {owner}");
    }
    for (owner, list) in &all.holdings {
        let read = |page| contracts::of_organization(reader, *owner, page);
        assert_eq!(backwards(list), pages(rng, read, |contract| contract.id), "contracts of {owner}");
    }
    for (owner, list) in &all.children {
        let read = |page| contracts::children(reader, &course.contracts[owner], page);
        assert_eq!(backwards(list), pages(rng, read, |contract| contract.id), "children of {owner}");
    }
}

/// A filter takes what fits it and leaves the rest out.
fn filtered(reader: &mut Reader, course: &Course, owner: OrganizationId, rng: &mut Rng) {
    let some = course.orders.values().nth(usize::try_from(rng.below(20)).unwrap()).unwrap();
    let filter = orders::OrderFilter {
        status: rng.chance(50).then_some(some.status),
        side: rng.chance(50).then_some(some.side),
        product: rng.chance(50).then_some(some.product),
    };
    let fits = course.orders.values().filter(|order| order.organization == owner && filter.takes(order));
    let list: Vec<_> = fits.map(|order| order.id).collect();
    let read = |page| orders::of_organization(reader, owner, &filter, page);
    assert_eq!(backwards(&list), pages(rng, read, |order| order.id), "{filter:?} of {owner}");
}

/// Returns a list newest first, each thing where it comes first.
fn backwards<K: PartialEq + Copy>(list: &[K]) -> Vec<K> {
    let mut seen = Vec::new();
    list.iter().rev().for_each(|key| {
        if !seen.contains(key) {
            seen.push(*key);
        }
    });
    seen
}

fn pages<T, K: Ord + Debug + Copy>(
    rng: &mut Rng,
    mut read: impl FnMut(Page) -> Result<Listed<T>, StoreError>,
    key: impl Fn(&T) -> K,
) -> Vec<K> {
    let limit = rng.between(1, 7);
    let mut page = Page::first(limit);
    let mut seen: Vec<K> = Vec::new();
    loop {
        let listed = read(page).unwrap();
        assert!(listed.rows.len() <= usize::try_from(limit).unwrap());
        seen.extend(listed.rows.iter().map(&key));
        let Some(next) = listed.next else { return backwards(&seen.into_iter().rev().collect::<Vec<_>>()) };
        page = page.after(next);
    }
}
