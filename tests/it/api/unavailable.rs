//! A writer that is busy, gone or broken: what callers are told about their requests.

use std::sync::mpsc::{Receiver, Sender, channel};

use diesel::connection::SimpleConnection;
use futures_util::FutureExt;
use gpubourse::app::sequencer::{QUEUE_MAX, SIDE_QUEUE_MAX, Side, Submission};
use gpubourse::app::{AppError, Sequencer};
use gpubourse::exchange::Command;
use gpubourse::store::Db;
use serde_json::json;

use super::world::{Answer, Market, Who};

/// Keeps the writer busy until told to go on, or to panic.
async fn hold_the_writer(sequencer: &Sequencer) -> Sender<bool> {
    let (go_on, told): (Sender<bool>, Receiver<bool>) = channel();
    let (busy, is_busy) = tokio::sync::oneshot::channel();
    let sequencer = sequencer.clone();
    actix_web::rt::spawn(async move {
        let side = Side {
            submission: None,
            before: Some(Box::new(move |_| {
                busy.send(()).unwrap();
                assert!(told.recv().unwrap(), "the writer is told to panic");
                Ok(())
            })),
        };
        drop(sequencer.side(side, |_, _| Ok(())).await);
    });
    is_busy.await.unwrap();
    go_on
}

fn note() -> Submission {
    let command = Command::Note { subject: "test".to_owned(), id: "1".to_owned(), verb: "noted".to_owned() };
    Submission { actor: "system".to_owned(), request_id: "r".to_owned(), idempotency_key: None, command }
}

#[track_caller]
fn unavailable(answer: &Answer, applied: &str) {
    answer.refused(503, "unavailable");
    assert_eq!(answer.body["applied"], applied);
    assert!(answer.header("retry-after").unwrap().parse::<u64>().unwrap() >= 1);
}

#[actix_web::test]
async fn a_full_queue_answers_at_once_that_nothing_was_applied() {
    let market = Market::open().await;
    let world = &market.world;
    let sequencer = world.api.app.sequencer().clone();
    let go_on = hold_the_writer(&sequencer).await;
    for _ in 0..QUEUE_MAX {
        // The command is queued at the first poll; that nobody waits for its answer does not matter.
        assert!(sequencer.submit(note()).now_or_never().is_none());
    }
    for _ in 0..SIDE_QUEUE_MAX {
        let side = Side { submission: None, before: None };
        assert!(sequencer.side(side, |_, _| Ok(())).now_or_never().is_none());
    }
    let bid = || market.bid(8, "2", 0..24);
    unavailable(&world.post(&market.renter, "/v1/orders", bid()).await, "not_applied");
    unavailable(&world.post(&market.renter, "/v1/orders/preview", bid()).await, "not_applied");
    unavailable(
        &world.post(&market.renter, "/v1/api-keys", json!({"name": "k", "scopes": ["read"]})).await,
        "not_applied",
    );
    unavailable(&world.deposit(&market.admin, &market.renter, "1", "k").await, "not_applied");
    let batch = world.post(&market.renter, "/v1/orders/batch", json!({"orders": [bid()]})).await.expect(200);
    assert_eq!(batch["results"][0]["problem"]["applied"], "not_applied");
    world.get(&market.renter, "/v1/balances").await.expect(200);
    go_on.send(true).unwrap();
    while sequencer.waiting() > 0 {
        tokio::task::yield_now().await;
    }
    let placed = world.post(&market.renter, "/v1/orders", bid()).await.expect(201);
    let orders = world.get(&market.renter, "/v1/orders").await.expect(200);
    assert_eq!(orders["data"].as_array().unwrap().len(), 1, "what was refused was not applied");
    assert_eq!(orders["data"][0]["id"], placed["id"]);
}

#[actix_web::test]
async fn a_writer_that_dies_leaves_the_fate_of_what_it_had_unknown_and_takes_no_more() {
    let market = Market::open().await;
    let world = &market.world;
    let go_on = hold_the_writer(world.api.app.sequencer()).await;
    let in_flight = world.post(&market.renter, "/v1/orders", market.bid(8, "2", 0..24));
    let dying = async {
        while world.api.app.sequencer().waiting() == 0 {
            tokio::task::yield_now().await;
        }
        go_on.send(false).unwrap();
    };
    let (in_flight, ()) = futures_util::future::join(in_flight, dying).await;
    unavailable(&in_flight, "unknown");
    unavailable(&world.post(&market.renter, "/v1/orders", market.bid(8, "2", 0..24)).await, "not_applied");
    unavailable(&world.public("/health/ready").await, "not_applied");
    assert_eq!(world.public("/health/live").await.status, 200);
    world.get(&market.renter, "/v1/balances").await.expect(200);
}

#[actix_web::test]
async fn a_broken_database_is_an_internal_error_that_says_nothing_of_it() {
    let market = Market::open().await;
    let world = &market.world;
    let side = Side { submission: None, before: None };
    let rename = |db: &mut Db, _: Option<&_>| {
        let Db::Sqlite(conn) = db else { return Err(AppError::NotFound) };
        conn.batch_execute("ALTER TABLE transfers RENAME TO gone")
            .map_err(|error| AppError::Internal(error.to_string()))
    };
    world.api.app.sequencer().side(side, rename).await.unwrap();
    let broken = world.get(&market.renter, "/v1/transfers").await;
    broken.refused(500, "internal");
    assert!(!broken.text.contains("transfers") && !broken.text.contains("table"), "{}", broken.text);
}

const HOUR_MS: i64 = 3_600_000;

#[actix_web::test]
async fn a_clock_that_jumps_ahead_stops_trading_until_an_admin_accepts_it() {
    for jump_ms in [HOUR_MS, 24 * HOUR_MS] {
        let market = Market::open().await;
        let world = &market.world;
        let bid = || market.bid(8, "2", 0..24);
        let resting = world.post(&market.renter, "/v1/orders", bid()).await.expect(201);
        let order = format!("/v1/orders/{}", resting["id"].as_str().unwrap());
        let before = world.public("/v1/audit/head").await.expect(200);
        world.clock.jump_ms(jump_ms);
        let stopped = world.post(&market.renter, "/v1/orders", bid()).await;
        // A token of 15 minutes has expired by such a clock.
        stopped.refused(401, "expired_token");
        let renter = Who { token: world.login("renter@example.com").await, ..market.renter.clone() };
        let admin = Who { token: world.login("admin@example.com").await, ..market.admin.clone() };
        let stopped = world.post(&renter, "/v1/orders", bid()).await;
        stopped.refused(503, "clock");
        assert_eq!(stopped.body["applied"], "not_applied");
        assert!(stopped.header("retry-after").is_some());
        world.post(&renter, "/v1/orders/preview", bid()).await.refused(503, "clock");
        world.public("/health/ready").await.refused(503, "clock");
        assert_eq!(world.get(&renter, &order).await.expect(200)["status"], "open", "nothing has expired");
        assert_eq!(world.public("/v1/audit/head").await.expect(200), before, "nothing is in the journal");
        let state = world.get(&admin, "/v1/admin/clock").await.expect(200);
        assert_eq!((&state["believed"], &state["jump_ms"]), (&json!(false), &json!(jump_ms)));
        world.post(&renter, "/v1/admin/clock/acceptance", json!({})).await.refused(403, "role_required");
        let state = world.post(&admin, "/v1/admin/clock/acceptance", json!({})).await.expect(200);
        assert_eq!((&state["believed"], &state["jump_ms"]), (&json!(true), &json!(null)));
        world.post(&admin, "/v1/admin/clock/acceptance", json!({})).await.refused(409, "clock_believed");
        world.public("/health/ready").await.expect(200);
        let journal = world.get(&admin, "/v1/admin/journal?limit=1").await.expect(200);
        assert_eq!(journal["data"][0]["command"]["subject"], "clock");
    }
}

#[actix_web::test]
async fn a_clock_that_goes_back_or_stands_still_holds_nothing_up_and_time_never_goes_backwards() {
    for jump_ms in [0, -HOUR_MS, -24 * HOUR_MS] {
        let market = Market::open().await;
        let world = &market.world;
        let bid = market.bid(8, "2", 0..24);
        world.clock.jump_ms(jump_ms);
        // A token from a time to come is not believed; a new one is.
        let renter = Who { token: world.login("renter@example.com").await, ..market.renter.clone() };
        let auditor = Who { token: world.login("auditor@example.com").await, ..market.auditor.clone() };
        for _ in 0..3 {
            world.post(&renter, "/v1/orders", bid.clone()).await.expect(201);
        }
        world.public("/health/ready").await.expect(200);
        let rows = world.get(&auditor, "/v1/admin/journal?limit=200").await.expect(200);
        let times: Vec<&str> = rows["data"].as_array().unwrap().iter().map(|row| row["at"].as_str().unwrap()).collect();
        assert!(times.is_sorted_by(|newer, older| newer >= older), "{times:?}");
    }
}
