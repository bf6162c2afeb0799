//! Contracts that end by notice, and those that are recalled.

use gpubourse::exchange::terms::ContractTerms;
use gpubourse::exchange::{Command, Event};
use gpubourse::types::{ContractId, ContractStatus, Fault, OrganizationId, Source};

use super::life::{DAY, Life, P, R, X, Y, minute};

/// 8 GPUs for twenty days from minute 60 on at 3.00, bought by R: 11,520.00 in all.
fn sold() -> (Life, ContractId) {
    let mut life = Life::new();
    let id = life.sell(Life::listing(), R, 8, (60, 60 + 20 * DAY), "3.00");
    life.hand_over(id);
    life.advance(60);
    (life, id)
}

fn notice(organization: OrganizationId, contract: ContractId) -> Command {
    Command::GiveNotice { organization, contract, reason: "we move".into() }
}

fn ends_at(life: &Life) -> u32 {
    let given = life.events.iter().rev().find_map(|event| match event {
        Event::NoticeGiven { ends_at, .. } => Some(ends_at.get() - minute(0).get()),
        _ => None,
    });
    given.expect("no notice was given")
}

#[test]
fn a_buyer_that_gives_notice_pays_for_seven_days_and_a_tenth_of_the_rest() {
    let (mut life, id) = sold();
    life.done(notice(R, id));
    let end = ends_at(&life);
    assert!((60 + 7 * DAY..=61 + 7 * DAY).contains(&end), "{end}");
    assert!(life.contract(id).status.is_live());
    let last_slot = end / 5 * 5;
    life.operate((60, last_slot), &[(id, 8)]);
    life.advance(end + 10);
    life.meter(P, id, (last_slot, end), 8).unwrap();
    assert_eq!((life.contract(id).status, life.contract(id).ended_at), (ContractStatus::Terminated, Some(minute(end))));
    life.advance(end + 2 * DAY);
    life.settle();
    let worth = |minutes: u32| 8 * i64::from(minutes) * 3_000_000 / 60;
    let fee = worth(60 + 20 * DAY - end) / 10;
    assert_eq!(life.sum(id, "buyer's notice").micros(), fee);
    assert_eq!(life.sum(id, "payment").micros() + life.sum(id, "fee").micros(), worth(end - 60));
    assert_eq!(life.sum(id, "refund").micros(), 11_520_000_000 - worth(end - 60) - fee);
    life.check_money();
}

#[test]
fn what_a_buyer_resold_passes_to_its_seller_and_the_fee_is_no_more_than_what_is_left() {
    let (mut life, id) = sold();
    // All of it resold for next to nothing: the gap takes nearly everything that comes back.
    let child = life.sell(Source::Contract(id), X, 8, (60 + DAY, 60 + 20 * DAY), "0.01");
    life.hand_over(child);
    life.done(notice(R, id));
    let end = ends_at(&life);
    life.operate((60, 60 + DAY), &[(id, 8)]);
    life.operate((60 + DAY, end / 5 * 5), &[(child, 8)]);
    life.advance(end + 5);
    assert_eq!((life.contract(child).seller, life.contract(child).status.is_live()), (P, true));
    let rest = i64::from(60 + 20 * DAY - end);
    let left = 8 * rest * 10_000 / 60;
    let gap = 8 * rest * 3_000_000 / 60 - left;
    assert_eq!(life.sum(id, "gap").micros(), gap);
    assert_eq!(life.sum(id, "buyer's notice").micros(), left, "a tenth would be more");
    life.check_money();
}

#[test]
fn a_sellers_notice_is_paid_at_once_and_ends_everything_below_in_the_same_minute() {
    let (mut life, id) = sold();
    let child = life.sell(Source::Contract(id), X, 4, (60 + DAY, 60 + 20 * DAY), "2.00");
    life.done(notice(P, id));
    let end = ends_at(&life);
    assert_eq!(life.sum(id, "seller's notice").micros(), 8 * i64::from(60 + 20 * DAY - end) * 3_000_000 / 60 / 10);
    // However late time moves.
    life.minute = end + 3 * DAY;
    life.run(Command::Advance { now: super::life::at(end + 3 * DAY) }).unwrap();
    let ended = [id, child].map(|id| (life.contract(id).status, life.contract(id).ended_at));
    assert_eq!(ended, [(ContractStatus::Terminated, Some(minute(end))); 2]);
    life.check_money();
}

#[test]
fn what_is_under_notice_is_resold_no_further_than_it_runs() {
    let (mut life, id) = sold();
    life.done(notice(R, id));
    let end = ends_at(&life);
    assert!(life.try_sell(Source::Contract(id), X, 4, (60 + DAY, end + 1), 1_000_000).is_none());
    assert!(life.try_sell(Source::Contract(id), X, 4, (60 + DAY, end), 1_000_000).is_some());
}

#[test]
fn notice_is_refused_where_there_is_none_to_give() {
    let (mut life, id) = sold();
    for stranger in [X, Y] {
        assert_eq!(life.run(notice(stranger, id)).unwrap_err(), "not_found");
    }
    life.done(notice(R, id));
    assert_eq!(life.run(notice(R, id)).unwrap_err(), "notice_given");
    assert_eq!(life.run(notice(P, id)).unwrap_err(), "notice_given");
    let short = life.sell(Life::listing(), X, 8, (120, 60 + 7 * DAY), "3.00");
    assert_eq!(life.run(notice(X, short)).unwrap_err(), "notice_too_late");
    life.done(Command::PublishTerms(ContractTerms { notice_minutes: 0, ..ContractTerms::default() }));
    let fixed = life.sell(Life::listing(), X, 8, (120, 60 + 20 * DAY), "3.00");
    assert_eq!(life.run(notice(X, fixed)).unwrap_err(), "notice_not_allowed");
    let dear = life.contract(id).clone();
    assert_eq!(dear.status, ContractStatus::Active);
}

#[test]
fn a_seller_without_the_money_cannot_give_notice() {
    let (mut life, _) = sold();
    let id = life.sell(Life::listing(), X, 8, (120, 60 + 20 * DAY), "3.00");
    let amount = life.exchange.purses().find(|(who, _)| *who == P).unwrap().1.available;
    life.done(Command::Withdraw { organization: P, amount, reference: "wire".into() });
    assert_eq!(life.run(notice(P, id)).unwrap_err(), "insufficient_funds");
}

#[test]
fn two_admins_recall_what_is_not_delivered() {
    let (mut life, id) = sold();
    let child = life.sell(Source::Contract(id), X, 4, (60 + 2 * DAY, 60 + 20 * DAY), "2.00");
    let (propose, confirm) = (
        Command::ProposeRecall { contract: id, reason: "a fat finger".into() },
        Command::ConfirmRecall { contract: id },
    );
    life.operate((60, 60 + DAY), &[(id, 8)]);
    assert_eq!(life.run(confirm.clone()).unwrap_err(), "recall_not_proposed");
    life.done(propose.clone());
    assert_eq!(life.run(confirm.clone()).unwrap_err(), "same_person");
    life.actor = "user:2";
    life.done(confirm.clone());
    assert_eq!(
        [id, child].map(|id| life.exchange.contract(id).map(|row| row.status)),
        [Some(ContractStatus::Recalled), None]
    );
    assert_eq!(life.run(confirm).unwrap_err(), "contract_not_live");
    assert_eq!(life.run(propose).unwrap_err(), "contract_not_live");
    life.advance(60 + 3 * DAY);
    life.settle();
    // The day that was delivered stays sold: 8 x 24 h x 3.00, and the minute in which it ended.
    let paid = life.sum(id, "payment").micros() + life.sum(id, "fee").micros();
    assert_eq!(paid, 576_000_000);
    assert_eq!(life.sum(id, "refund").micros(), 11_520_000_000 - paid);
    assert_eq!(life.sum(child, "refund"), life.sum(child, "escrow"));
    life.check_money();
}

#[test]
fn each_seller_is_paid_for_the_minutes_in_which_it_sold_whenever_they_close() {
    let (mut life, first) = sold();
    let child = life.sell(Source::Contract(first), X, 8, (61, 60 + 20 * DAY), "2.00");
    life.hand_over(child);
    let end = 60 + DAY;
    life.operate((60, end), &[(child, 8)]);
    let (status, fault) = (ContractStatus::Terminated, Some(Fault::Buyer));
    life.done(Command::EndContract { contract: first, status, fault, reason: "it is broke".into() });
    life.operate((end, end + DAY), &[(child, 8)]);
    life.advance(end + 3 * DAY);
    life.settle();
    // Nothing had closed when it passed, in the minute after: what was up before is R's, what was up after is P's.
    let net = |gpu_minutes: i64, micros: i64| {
        let due = gpu_minutes * micros / 60;
        due - due * i64::from(super::life::FEE_BPS) / 10_000
    };
    let paid = |id, who| life.paid.get(&(id, who)).map_or(0, |amount| amount.micros());
    let accepted = i64::from(life.exchange.delivery(child).unwrap().accepted_from.unwrap().get() - minute(0).get());
    let (before, after) = (i64::from(end) + 1 - accepted.max(61), i64::from(DAY) - 1);
    assert_eq!((paid(child, R), paid(child, P)), (net(8 * before, 2_000_000), net(8 * after, 2_000_000)));
    assert_eq!(paid(first, P), net(8 * before, 3_000_000), "each of its own leg: R pays P what it was delivered");
    life.check_money();
}
