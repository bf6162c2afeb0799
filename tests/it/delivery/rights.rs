//! Owners and royalties: one delivered minute pays every leg of its chain, and of each leg everybody who has a right.

use gpubourse::exchange::Command;
use gpubourse::exchange::rights::{HostFee, Owner, Rights};
use gpubourse::types::{ContractId, ContractStatus, Funding, ListingId, Money, OrganizationId, Price, Source};

use super::life::{DAY, Life, P, R, X, Y};

/// The fourth to register owns the GPUs.
const OWNER: OrganizationId = Y;

fn owned(host_fee: HostFee, royalty_bps: u32) -> Life {
    let owner = Owner { organization: OWNER, host_fee };
    Life::with_rights(Rights { owner: Some(owner), royalty_bps, ..Rights::default() })
}

fn available(life: &Life, who: OrganizationId) -> Money {
    life.exchange.purses().find(|(id, _)| *id == who).unwrap().1.available
}

fn usd(text: &str) -> Money {
    Money::parse(text).unwrap()
}

/// What came to somebody since.
fn gained(life: &Life, who: OrganizationId, before: Money) -> Money {
    available(life, who).minus(before).unwrap()
}

fn deliver(life: &mut Life, id: ContractId, window: (u32, u32), up: u32) {
    life.operate(window, &[(id, up)]);
    life.advance(window.1 + 2 * DAY);
    life.settle();
}

#[test]
fn the_host_keeps_its_rate_and_the_owner_gets_the_rest() {
    let mut life = owned(HostFee::PerGpuHour(Price::parse("0.50").unwrap()), 0);
    let id = life.sell(Life::listing(), X, 8, (60, 60 + DAY), "3.00");
    life.hand_over(id);
    let (host, owner) = (available(&life, P), available(&life, OWNER));
    deliver(&mut life, id, (60, 60 + DAY), 8);
    // 192 GPU-hours: 576.00, of which the exchange has 14.40 and the host 96.00.
    assert_eq!(life.sum(id, "fee"), usd("14.40"));
    assert_eq!((gained(&life, P, host), life.sum(id, "payment")), (usd("96"), usd("96")));
    assert_eq!((gained(&life, OWNER, owner), life.sum(id, "owner")), (usd("465.60"), usd("465.60")));
    life.check_money();
}

#[test]
fn an_outage_is_lost_by_host_and_owner_alike() {
    let mut life = owned(HostFee::ShareBps(2_500), 0);
    let id = life.sell(Life::listing(), X, 8, (60, 60 + DAY), "3.00");
    life.hand_over(id);
    deliver(&mut life, id, (60, 60 + DAY), 4);
    // Half of it: 288.00 less 7.20, a quarter for the host.
    assert_eq!((life.sum(id, "payment"), life.sum(id, "owner")), (usd("70.20"), usd("210.60")));
    assert_eq!(life.sum(id, "refund"), usd("288"));
    life.check_money();
}

#[test]
fn the_deposit_of_a_buyer_that_missed_its_draw_is_the_hosts_alone() {
    let mut life = owned(HostFee::PerGpuHour(Price::parse("0.50").unwrap()), 0);
    life.funding = Funding::Monthly;
    let (start, month) = (60, 30 * DAY);
    let id = life.sell(Life::listing(), R, 8, (start, start + 3 * month), "3.00");
    life.hand_over(id);
    let amount = available(&life, R);
    life.done(Command::Withdraw { organization: R, amount, reference: "wire".into() });
    life.advance(start);
    let (host, owner) = (available(&life, P), available(&life, OWNER));
    life.operate((start, start + month), &[(id, 8)]);
    assert_eq!((life.contract(id).status, life.sum(id, "forfeit")), (ContractStatus::Terminated, usd("17280")));
    assert_eq!((gained(&life, P, host), gained(&life, OWNER, owner)), (usd("17280"), Money::ZERO));
    life.advance(start + month + 2 * DAY);
    life.settle();
    // Of the month that was delivered, 5,760 GPU-hours, the host keeps 0.50 an hour; the owner has 17,280.00 less 432.00
    // and that.
    assert_eq!((gained(&life, P, host), gained(&life, OWNER, owner)), (usd("20160"), usd("13968")));
    life.check_money();
}

#[test]
fn a_resale_at_a_gain_pays_its_royalty_and_one_at_a_loss_pays_none() {
    let mut life = owned(HostFee::ShareBps(10_000), 1_000);
    let first = life.sell(Life::listing(), R, 8, (60, 60 + DAY), "2.00");
    let dear = life.sell(Source::Contract(first), X, 4, (60, 60 + DAY), "3.00");
    let cheap = life.sell(Source::Contract(first), X, 4, (60, 60 + DAY), "1.50");
    for id in [dear, cheap] {
        life.hand_over(id);
    }
    let owner = available(&life, OWNER);
    life.operate((60, 60 + DAY), &[(dear, 4), (cheap, 4)]);
    life.advance(60 + 3 * DAY);
    life.settle();
    // 96 GPU-hours each. The gain of 1.00 an hour pays a tenth; the loss nothing.
    assert_eq!((life.sum(dear, "royalty"), life.sum(cheap, "royalty")), (usd("9.60"), Money::ZERO));
    assert_eq!(life.sum(dear, "payment"), usd("271.20"), "288.00 less 7.20 and the royalty");
    assert_eq!(life.sum(cheap, "payment"), usd("140.40"));
    assert_eq!(life.sum(first, "payment"), usd("374.40"), "the host keeps all of 384.00 but the fee");
    assert_eq!(gained(&life, OWNER, owner), usd("9.60"));
    life.check_money();
}

#[test]
fn without_another_owner_the_royalty_is_the_hosts() {
    let mut life = Life::with_rights(Rights { royalty_bps: 10_000, ..Rights::default() });
    let first = life.sell(Life::listing(), R, 8, (60, 60 + DAY), "2.00");
    let resold = life.sell(Source::Contract(first), X, 8, (60, 60 + DAY), "2.50");
    life.hand_over(resold);
    let host = available(&life, P);
    deliver(&mut life, resold, (60, 60 + DAY), 8);
    assert_eq!(life.sum(resold, "royalty"), usd("96"));
    assert_eq!(gained(&life, P, host), usd("374.40").plus(usd("96")).unwrap());
    life.check_money();
}

#[test]
fn instalments_come_to_what_one_payment_would() {
    let run = |cadence: u32| {
        let mut life = owned(HostFee::PerGpuHour(Price::parse("0.333333").unwrap()), 0);
        let id = life.sell(Life::listing(), X, 7, (61, 61 + 2 * DAY), "1.234567");
        life.hand_over(id);
        life.advance(60);
        let mut minute = 60;
        while minute < 60 + 5 * DAY {
            minute += cadence;
            life.advance(minute);
            let (from, until) = (minute.saturating_sub(cadence).max(60), minute.min(60 + 2 * DAY));
            if from < until {
                life.meter(P, id, (from, until), 1 + minute / cadence % 7).unwrap();
            }
            life.settle();
        }
        let delivered = life.sum(id, "payment").plus(life.sum(id, "owner")).unwrap();
        (life, id, delivered)
    };
    // The same reports, settled as they come or not before the end.
    let (often, id, _) = run(5);
    let mut seldom = owned(HostFee::PerGpuHour(Price::parse("0.333333").unwrap()), 0);
    for (envelope, word) in &often.rows {
        let is_settlement = matches!(envelope.command, Command::Settle { .. });
        let is_opening = seldom.rows.iter().any(|(known, _)| known.request_id == envelope.request_id);
        if *word == "ok" && !is_settlement && !is_opening {
            seldom.done(envelope.command.clone());
        }
    }
    seldom.settle();
    for cause in ["payment", "owner", "fee", "refund"] {
        assert_eq!(seldom.sum(id, cause), often.sum(id, cause), "{cause}");
    }
    assert!(often.sum(id, "owner") > Money::ZERO && often.sum(id, "payment") > Money::ZERO);
}

#[test]
fn rights_that_cannot_be_are_refused() {
    let mut life = Life::new();
    let template = life.rows.iter().find_map(|(envelope, _)| match &envelope.command {
        command @ Command::CreateListing { .. } => Some(command.clone()),
        _ => None,
    });
    let list = |life: &mut Life, with: Rights| {
        let mut command = template.clone().unwrap();
        let Command::CreateListing { rights, .. } = &mut command else { panic!("not a listing") };
        *rights = with;
        life.run(command).map(drop)
    };
    let owner = |organization, host_fee| Rights { owner: Some(Owner { organization, host_fee }), ..Rights::default() };
    let all = HostFee::ShareBps(10_000);
    for (rights, code) in [
        (owner(OrganizationId::new(99), all), "not_found"),
        (owner(OrganizationId::EXCHANGE, all), "not_found"),
        (owner(P, all), "invalid_combination"),
        (owner(OWNER, HostFee::ShareBps(10_001)), "invalid_terms"),
        (owner(OWNER, HostFee::PerGpuHour(Price::from_micros(-1))), "invalid_terms"),
        (owner(OWNER, HostFee::PerKwMonth { price: usd("1"), watts_per_gpu: 100_001 }), "invalid_terms"),
        (Rights { royalty_bps: 10_001, ..Rights::default() }, "invalid_terms"),
        (Rights { chain_max: Some(0), ..Rights::default() }, "invalid_terms"),
        (Rights { chain_max: Some(9), ..Rights::default() }, "invalid_terms"),
    ] {
        assert_eq!(list(&mut life, rights), Err(code), "{rights:?}");
    }
    list(&mut life, Rights { chain_max: Some(2), ..Rights::default() }).unwrap();
    let listing = Source::Listing(ListingId::new(2));
    let first = life.sell(listing, R, 8, (60, 60 + DAY), "2.00");
    let second = life.sell(Source::Contract(first), X, 8, (60, 60 + DAY), "2.00");
    assert!(life.try_sell(Source::Contract(second), Y, 8, (60, 60 + DAY), 2_000_000).is_none(), "two and no more");
}
