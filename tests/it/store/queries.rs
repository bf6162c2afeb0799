//! Every read of history.

use std::sync::Arc;

use gpubourse::exchange::Changes;
use gpubourse::exchange::entities::{Cause, Counters, Holding, Order, Pass, Purse, Tape, Trade};
use gpubourse::store::read::{Listed, Page, contracts, journal, orders, trades, transfers};
use gpubourse::store::{Batch, Reader, Store, StoreError};
use gpubourse::types::*;

use super::{commit, sample};
use crate::backend::for_each_backend;

/// A second batch: contract 1 is resold as contract 2 and then passes to another seller, and more orders come.
pub fn second(first: &Batch) -> Batch {
    let mut changes =
        Changes { counters: Counters { now: sample::at(5), ..first.changes.counters }, ..Changes::default() };
    // The first two orders belong to two organizations.
    let previous = |number: i64| Some(OrderId::new(if number == 3 { 1 } else { number - 1 }));
    let cancelled =
        |number| Order { status: OrderStatus::Cancelled, previous: previous(number), ..sample::ask(number) };
    changes.placed = (3..=12).map(cancelled).map(Arc::new).collect();
    changes.orders = changes.placed.iter().map(|order| (order.id, Arc::clone(order))).collect();
    let mut child = sample::contract(2);
    let first_made = Some(Holding::Made(ContractId::new(1)));
    let made = Some(Holding::Made(child.id));
    child.source = Source::Contract(ContractId::new(1));
    child.previous_of_seller = first_made;
    (child.seller, child.buyer, child.depth) = (sample::organization(2), sample::organization(3), 1);
    changes.contracted = vec![Arc::new(child.clone())];
    (child.source, child.seller, child.depth) = (Source::Listing(ListingId::new(1)), sample::organization(1), 0);
    let mut parent = sample::contract(1);
    (parent.status, parent.ended_at) = (ContractStatus::Terminated, Some(Minute::new(30_000_090)));
    parent.last_child = made;
    changes.contracts = [parent, child].into_iter().map(|contract| (contract.id, Arc::new(contract))).collect();
    let pass = Pass {
        id: PassId::new(2),
        created_at: sample::at(5),
        contract: ContractId::new(2),
        seller: sample::organization(1),
        source: Source::Listing(ListingId::new(1)),
        previous_of_seller: first_made,
        previous_of_parent: None,
    };
    changes.passed = vec![pass];
    let trade = Trade {
        id: TradeId::new(2),
        contract: ContractId::new(2),
        ask: OrderId::new(3),
        bid: OrderId::new(2),
        previous_of_bid: Some(TradeId::new(1)),
        previous_of_product: Some(TradeId::new(1)),
        ..sample::trade()
    };
    changes.trades = vec![Arc::new(trade)];
    changes.transfers = vec![sample::transfer(4, Cause::Refund(ContractId::new(1)), None)];
    let last_trade = Some(TradeId::new(2));
    changes.tapes = [(ProductId::new(1), Tape { last_trade })].into();
    let bid = Order { last_trade, fills: 2, ..(*first.changes.orders[&OrderId::new(2)]).clone() };
    let sold = Steps::block(sample::window(60, 120), 8);
    let ask = Order { last_trade, fills: 1, sold, ..cancelled(3) };
    changes.orders.extend([(bid.id, Arc::new(bid)), (ask.id, Arc::new(ask))]);
    let last_transfer = Some(TransferId::new(4));
    changes.purses = [
        (OrganizationId::EXCHANGE, Purse { last_transfer, ..Purse::default() }),
        (
            sample::organization(1),
            Purse {
                last_order: Some(OrderId::new(12)),
                last_holding: Some(Holding::Passed(pass.id)),
                ..Purse::default()
            },
        ),
        (
            sample::organization(2),
            Purse { last_order: Some(OrderId::new(2)), last_holding: made, last_transfer, ..Purse::default() },
        ),
        (sample::organization(3), Purse { last_holding: made, ..Purse::default() }),
    ]
    .into();
    sample::batch(3, first.journal.last().unwrap().hash, &["{\"kind\":\"c\",\"v\":1}"], changes)
}

fn filled(store: &Store) -> (Batch, Batch) {
    let mut writer = store.writer().unwrap();
    let first = sample::first();
    let second = second(&first);
    commit(&mut writer, &first).unwrap();
    commit(&mut writer, &second).unwrap();
    (first, second)
}

fn numbers<T>(listed: &Listed<T>, number: impl Fn(&T) -> i64) -> Vec<i64> {
    listed.rows.iter().map(number).collect()
}

#[test]
fn orders_are_found_by_number_and_by_owner() {
    for_each_backend(|backend| {
        let store = backend.open();
        let (first, second) = filled(&store);
        let run = |reader: &mut Reader| {
            for (number, batch) in [(1, &first), (2, &second), (3, &second)] {
                let order = orders::get(reader, OrderId::new(number))?;
                assert_eq!(order.as_ref(), batch.changes.orders.get(&OrderId::new(number)));
            }
            assert_eq!(orders::get(reader, OrderId::new(99))?, None);
            let mut of = |filter: orders::OrderFilter, page: Page| {
                let rows = orders::of_organization(reader, sample::organization(1), &filter, page);
                rows.map(|rows| numbers(&rows, |order: &Arc<Order>| order.id.number()))
            };
            let any = orders::OrderFilter::default();
            assert_eq!(of(any, Page::first(4))?, [12, 11, 10, 9]);
            assert_eq!(of(any, Page { before: Some(4), limit: 9 })?, [3, 1]);
            let partial = orders::OrderFilter { status: Some(OrderStatus::PartiallyFilled), ..any };
            assert_eq!(of(partial, Page::first(4))?, [1]);
            let bids = orders::OrderFilter { side: Some(Side::Bid), ..any };
            assert_eq!(of(bids, Page::first(4))?, [0; 0]);
            let other = orders::OrderFilter { product: Some(ProductId::new(2)), ..any };
            assert_eq!(of(other, Page::first(4))?, [0; 0]);
            let same = orders::OrderFilter { product: Some(ProductId::new(1)), side: Some(Side::Ask), ..any };
            assert_eq!(of(same, Page::first(1))?, [12]);
            Ok::<_, StoreError>(())
        };
        run(&mut store.reader().unwrap()).unwrap();
    });
}

#[test]
fn trades_are_found_by_order_and_by_product() {
    for_each_backend(|backend| {
        let store = backend.open();
        let (first, second) = filled(&store);
        let ask = &first.changes.orders[&OrderId::new(1)];
        let bid = &second.changes.orders[&OrderId::new(2)];
        let run = |reader: &mut Reader| {
            assert_eq!(trades::get(reader, TradeId::new(1))?, Some(sample::trade()));
            assert_eq!(trades::get(reader, TradeId::new(9))?, None);
            let id = |trade: &Trade| trade.id.number();
            assert_eq!(numbers(&trades::of_order(reader, ask, Page::first(9))?, id), [1]);
            assert_eq!(numbers(&trades::of_order(reader, bid, Page::first(9))?, id), [2, 1]);
            let product = ProductId::new(1);
            assert_eq!(numbers(&trades::of_product(reader, product, Page { before: Some(2), limit: 9 })?, id), [1]);
            assert_eq!(numbers(&trades::of_product(reader, product, Page::first(1))?, id), [2]);
            assert_eq!(trades::of_product(reader, ProductId::new(2), Page::first(9))?.rows, []);
            // A place of somebody else's history is no place of this one.
            assert_eq!(trades::of_order(reader, ask, Page { before: Some(2), limit: 9 })?.rows, []);
            Ok::<_, StoreError>(())
        };
        run(&mut store.reader().unwrap()).unwrap();
    });
}

#[test]
fn contracts_are_found_by_party_chain_and_listing() {
    for_each_backend(|backend| {
        let store = backend.open();
        let (_, second) = filled(&store);
        let page = Page::first(9);
        let run = |reader: &mut Reader| {
            for (id, contract) in &second.changes.contracts {
                assert_eq!(contracts::get(reader, *id)?.as_ref(), Some(&**contract));
            }
            assert_eq!(contracts::get(reader, ContractId::new(9))?, None);
            let id = |contract: &gpubourse::exchange::entities::Contract| contract.id.number();
            // Organization 1 sells contract 2 since it passed; organization 2, who sold it before, keeps it.
            for (organization, expected) in [(1, vec![2, 1]), (2, vec![2, 1]), (3, vec![2]), (4, vec![])] {
                let rows = contracts::of_organization(reader, sample::organization(organization), page)?;
                assert_eq!(numbers(&rows, id), expected, "organization {organization}");
            }
            assert_eq!(
                numbers(&contracts::children(reader, &second.changes.contracts[&ContractId::new(1)], page)?, id),
                [2]
            );
            assert_eq!(contracts::children(reader, &second.changes.contracts[&ContractId::new(2)], page)?.rows, []);
            let first = contracts::of_organization(reader, sample::organization(1), Page::first(1))?;
            assert_eq!((numbers(&first, id), first.next), (vec![2], Some(-2)));
            let rest =
                contracts::of_organization(reader, sample::organization(1), Page { before: Some(-2), limit: 1 })?;
            assert_eq!((numbers(&rest, id), rest.next), (vec![1], None));
            let other =
                contracts::of_organization(reader, sample::organization(3), Page { before: Some(-2), limit: 1 })?;
            assert_eq!((other.rows, other.next), (vec![], None));
            assert_eq!(numbers(&contracts::all(reader, Page { before: Some(2), limit: 9 })?, id), [1]);
            assert_eq!(numbers(&contracts::all(reader, Page::first(1))?, id), [2]);
            Ok::<_, StoreError>(())
        };
        run(&mut store.reader().unwrap()).unwrap();
    });
}

#[test]
fn transfers_are_found_by_party() {
    for_each_backend(|backend| {
        let store = backend.open();
        let (first, _) = filled(&store);
        let run = |reader: &mut Reader| {
            for transfer in &first.changes.transfers {
                assert_eq!(transfers::get(reader, transfer.id)?.as_ref(), Some(transfer));
            }
            let id = |transfer: &gpubourse::exchange::entities::Transfer| transfer.id.number();
            let of = transfers::of_organization(reader, sample::organization(2), Page { before: Some(4), limit: 2 })?;
            assert_eq!(numbers(&of, id), [3, 2]);
            let of = transfers::of_organization(reader, OrganizationId::EXCHANGE, Page::first(9))?;
            assert_eq!(numbers(&of, id), [4, 3, 2, 1]);
            assert_eq!(transfers::of_organization(reader, sample::organization(1), Page::first(9))?.rows, []);
            Ok::<_, StoreError>(())
        };
        run(&mut store.reader().unwrap()).unwrap();
    });
}

#[test]
fn every_cause_of_a_transfer_survives_its_columns() {
    for_each_backend(|backend| {
        let causes = [
            Cause::Deposit,
            Cause::Withdrawal,
            Cause::Hold(OrderId::new(4)),
            Cause::Release(OrderId::new(5)),
            Cause::Escrow(ContractId::new(6)),
            Cause::Refund(ContractId::new(7)),
            Cause::PriceGap(ContractId::new(8)),
            Cause::Draw(ContractId::new(9)),
            Cause::Forfeit(ContractId::new(10)),
            Cause::Novation(ContractId::new(11)),
            Cause::NovationRoyalty(ContractId::new(12)),
            Cause::Takeover(ContractId::new(13)),
        ];
        let expected: Vec<_> = (1..).zip(causes).map(|(number, cause)| sample::transfer(number, cause, None)).collect();
        let changes = Changes { transfers: expected.clone(), ..Changes::default() };
        let store = backend.open();
        commit(&mut store.writer().unwrap(), &sample::batch(1, [0; 32], &["{}"], changes)).unwrap();
        for transfer in expected {
            assert_eq!(transfers::get(&mut store.reader().unwrap(), transfer.id).unwrap(), Some(transfer));
        }
    });
}

#[test]
fn the_journal_is_read_from_both_ends() {
    for_each_backend(|backend| {
        let store = backend.open();
        assert_eq!(store.read(journal::head).unwrap(), None);
        let (first, second) = filled(&store);
        let rows: Vec<_> = first.journal.iter().chain(&second.journal).cloned().collect();
        store
            .read(|db| {
                assert_eq!(journal::head(db)?.as_ref(), rows.last());
                assert_eq!(journal::after(db, 0, 9)?, rows);
                assert_eq!(journal::after(db, 1, 1)?, rows[1..2]);
                let page = journal::page(db, Page { before: Some(3), limit: 9 })?;
                assert_eq!(page, Listed { rows: vec![rows[1].clone(), rows[0].clone()], next: None });
                Ok::<_, StoreError>(())
            })
            .unwrap();
    });
}
