//! What was bought for a default, on both databases: recovered, verified, and told by a bundle of its own.

use gpubourse::app::bundle::{Bundle, Sealed, check, export};
use gpubourse::app::verify::verify;
use gpubourse::exchange::{Command, Event, Exchange, PlaceBid};
use gpubourse::types::{ContractId, Interconnect, ListingId, Price, ProductId, SiteId, SlaClass, Source, Symbol};

use super::scene::write;
use crate::backend::for_each_backend;
use crate::delivery::cover::{Q, ask, declare, market, of_q, sold, two_lots};
use crate::delivery::life::{DAY, Life, P, R, X, Y, minute};

/// Three contracts of P's that default, one by declaration and two by time, all bought again from Q; one that lives on
/// with its wish. Q does not deliver the first in time either, and nobody is left to buy it from. Returns what was
/// bought.
fn played() -> (Life, ContractId, Vec<ContractId>) {
    let mut life = market();
    sell_another_product(&mut life);
    let declared = sold(&mut life);
    for buyer in [R, X] {
        life.sell(Life::listing(), buyer, 8, (60, 600), "2.00");
    }
    life.sell(Life::listing(), X, 8, (900, 1_200), "2.00");
    ask(&mut life, Q, of_q(), 64, "3.50");
    life.done(declare(P, declared));
    life.advance(130);
    let bought = life.events.iter().filter_map(|event| match event {
        Event::Traded { contract, .. } if contract.seller == Q => Some(contract.id),
        _ => None,
    });
    let bought = bought.collect();
    (life, declared, bought)
}

/// Another product's contract, which defaults in the minute in which two of the three do: its refund is numbered first.
fn sell_another_product(life: &mut Life) {
    let (product, window) = (ProductId::new(2), (minute(0), minute(200 * DAY)));
    life.done(Command::CreateProduct {
        symbol: Symbol::new("other").unwrap(),
        name: "Other".into(),
        tick: Price::from_micros(1),
        fee_bps: 10,
    });
    life.done(Command::CreateListing {
        organization: P,
        site: SiteId::new(1),
        product,
        gpus: 16,
        start: window.0,
        end: window.1,
        gpus_per_node: 8,
        interconnect: Interconnect::Roce,
        sla_class: SlaClass::P99,
        resale_allowed: true,
        rights: gpubourse::exchange::rights::Rights::default(),
    });
    ask(life, P, Source::Listing(ListingId::new(3)), 16, "3.00");
    let sold = life.done(Command::PlaceBid(PlaceBid { organization: Y, product, ..two_lots() }));
    assert_eq!(sold.order.unwrap().filled_gpus, 16);
}

#[test]
fn what_covers_a_default_is_recovered_verified_and_told_by_its_bundle() {
    let (life, declared, bought) = played();
    assert_eq!(bought.len(), 3);
    for_each_backend(|backend| {
        let written = write(backend, &life);
        assert_eq!(written.digest, life.exchange.recomputed_digest().unwrap());
        let again: Exchange = Exchange::restore(written.store.writer().unwrap().load().unwrap().snapshot).unwrap();
        assert_eq!(again.recomputed_digest().unwrap(), written.digest);
        let wishes = |exchange: &Exchange| {
            let contracts = exchange.contracts().map(|row| row.id).collect::<Vec<_>>();
            contracts.into_iter().filter(|id| exchange.delivery(*id).is_some_and(|row| row.cover.is_some())).count()
        };
        assert_eq!((wishes(&again), wishes(&life.exchange)), (3, 3), "two bought, and one that lives on");
        let verdict = verify(&written.store, None).unwrap();
        assert!(verdict.is_clean(), "{verdict:?}");
        for id in &bought {
            let bundle = export(&written.store, *id).unwrap();
            assert_eq!(bundle.orders[1].cover, Some(Price::from_micros(4_000_000)));
            sound(bundle);
        }
        let defaulted = export(&written.store, declared).unwrap();
        let tells = |event: &Event| matches!(event, Event::CoverPlaced { .. });
        assert!(defaulted.rows.iter().flat_map(|row| &row.events).any(tells));
        sound(defaulted);
    });
}

fn sound(bundle: Bundle) {
    let id = bundle.contract.id;
    assert_eq!(bundle.made.product, ProductId::new(1));
    let text = serde_json::to_string(&Sealed::of(bundle).unwrap()).unwrap();
    let sealed: Sealed = serde_json::from_str(&text).unwrap();
    assert_eq!(check(&sealed, &[]), Vec::<String>::new(), "{id}");
}
