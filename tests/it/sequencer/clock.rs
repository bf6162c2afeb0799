//! A clock that somebody sets, or that stands still, in the middle of a delivery: nothing expires that is not due,
//! nobody pays more or less than without, and the journal's times never go backwards.

use std::collections::BTreeMap;

use gpubourse::app::AppError;
use gpubourse::app::clock::Clock;
use gpubourse::app::verify::verify;
use gpubourse::exchange::Command;
use gpubourse::exchange::entities::Purse;
use gpubourse::store::read::journal;
use gpubourse::types::{OrganizationId, TimeInForce};

use super::{Bench, ask, bid, submission};

const HOUR_MS: i64 = 3_600_000;

type Purses = BTreeMap<OrganizationId, Purse>;

fn note() -> Command {
    Command::Note { subject: "user".to_owned(), id: "1".to_owned(), verb: "created".to_owned() }
}

/// What a market has that time could take away.
fn standing(bench: &Bench) -> (Purses, usize, usize) {
    let view = bench.running.view.read().unwrap();
    (view.purses.clone(), view.orders.len(), view.titles.len())
}

/// Lets a clock jump while a contract is delivered and an order waits, sets it right again and lets both end; returns
/// the money before the jump and after the end.
async fn jumps(jump_ms: i64) -> (Purses, Purses) {
    let bench = Bench::start();
    bench.open_market().await;
    let begun = bench.clock.now();
    bench.submit(ask(64)).await.unwrap();
    bench.submit(bid(begun.minute().plus(120), "sold")).await.unwrap();
    let Command::PlaceBid(mut waiting) = bid(begun.minute().plus(600), "waits") else { panic!("not a bid") };
    waiting.price = gpubourse::types::Price::from_micros(1_000_000);
    waiting.terms.time_in_force = TimeInForce::Gtd;
    waiting.terms.expires_at = Some(begun.minute().plus(180).start());
    bench.submit(Command::PlaceBid(waiting)).await.unwrap();
    // The contract is from the 120th to the 240th minute.
    bench.clock.advance_ms(HOUR_MS * 5 / 2);
    bench.submit(note()).await.unwrap();
    let before = standing(&bench);
    assert_eq!((before.1, before.2), (2, 1));

    bench.clock.jump_ms(jump_ms);
    for _ in 0..3 {
        let answer = bench.submit(note()).await;
        match jump_ms {
            1.. => assert!(matches!(answer, Err(AppError::ClockJumped)), "{answer:?}"),
            _ => assert!(answer.is_ok(), "{answer:?}"),
        }
        assert_eq!(standing(&bench), before, "after a jump of {jump_ms} ms");
    }

    bench.clock.jump_ms(-jump_ms);
    if jump_ms < 0 {
        // Setting it right is a jump ahead, and somebody must say that it is right.
        bench.running.sequencer.accept_clock(submission(note())).await.unwrap();
    }
    bench.submit(note()).await.unwrap();
    assert_eq!(standing(&bench), before, "the clock is right again");
    bench.clock.advance_ms(HOUR_MS * 2);
    bench.submit(note()).await.unwrap();
    let after = standing(&bench);
    assert_eq!((after.1, after.2), (1, 0), "both have ended");

    let rows = bench.store.read(|db| journal::after(db, 0, u32::MAX)).unwrap();
    assert!(rows.is_sorted_by_key(|row| row.at), "times go backwards");
    let verdict = verify(&bench.store, None).unwrap();
    assert!(verdict.is_clean(), "{verdict:?}");
    (before.0, after.0)
}

#[actix_web::test]
async fn whatever_the_clock_does_everybody_pays_what_they_would_have_paid() {
    let undisturbed = jumps(0).await;
    assert_ne!(undisturbed.0, undisturbed.1, "the delivery was paid");
    for jump_ms in [HOUR_MS, -HOUR_MS, 24 * HOUR_MS, -24 * HOUR_MS] {
        assert_eq!(jumps(jump_ms).await, undisturbed, "after a jump of {jump_ms} ms");
    }
}
