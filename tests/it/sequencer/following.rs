//! Processes that follow the writer of a PostgreSQL database, and one that takes over.

use std::sync::Arc;
use std::time::{Duration, Instant};

use gpubourse::app::clock::{Clock, ManualClock};
use gpubourse::app::sequencer::{self, JUMP_MAX_MS, Leading, Part, Running};
use gpubourse::app::verify::verify;
use gpubourse::app::{AppError, View};
use gpubourse::exchange::Made;
use gpubourse::store::{Pace, Store, StoreError, Tenure, read};
use gpubourse::types::Timestamp;

use super::{Market, ask, bid};
use crate::backend::Backend;
use crate::catalogue::Raw;

/// A writer and a follower on one database.
struct Pair {
    market: Market,
    follower: Running,
    followed: Store,
    clock: Arc<ManualClock>,
    backend: Backend,
}

impl Pair {
    async fn on(backend: Backend, part: Part) -> Self {
        let store = |holder: &str| {
            // States are written after every few, so that both their places are read.
            let pace = Pace { generation: 4, slice: 1, idle: 4 };
            backend.open().with_pace(pace).with_tenure(Tenure { holder: holder.to_owned(), ..Tenure::default() })
        };
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_795_000_000_000)));
        let running = sequencer::start(&store("first"), clock.clone()).unwrap();
        let market = Market { clock: clock.clone(), running };
        market.open_market().await;
        let followed = store("second");
        let follower = sequencer::start_as(part, &followed, clock.clone()).unwrap();
        Self { market, follower, followed, clock, backend }
    }

    async fn until(&self, sequence: i64) {
        self.follower.as_of.clone().wait_for(|as_of| *as_of >= sequence).await.unwrap();
    }
}

fn text(view: &std::sync::RwLock<View>) -> String {
    let view = view.read().unwrap();
    // Each says from where on it has seen what happened, and they began at different rows.
    format!("{view:?}").replace(&format!("{:?}", view.origin), "")
}

#[actix_web::test]
async fn a_follower_comes_to_the_same_and_answers_reads_as_the_writer_does() {
    let Some(backend) = Backend::postgres() else { return };
    let pair = Pair::on(backend, Part::Follower).await;
    pair.market.submit(ask(64)).await.unwrap();
    let start = pair.clock.now().minute().plus(120);
    let mut last = 0;
    for number in 0..20 {
        pair.clock.advance_ms(JUMP_MAX_MS / 10);
        let receipt = pair.market.submit(bid(start, &number.to_string())).await.unwrap();
        let Made::Order(order) = receipt.outcome.made else { panic!("{receipt:?}") };
        last = receipt.sequence;
        pair.until(last).await;
        let seen = read::orders::get(&mut pair.followed.reader().unwrap(), order).unwrap();
        assert_eq!(seen.as_deref(), receipt.outcome.order.as_deref());
    }
    assert_eq!(text(&pair.follower.view), text(&pair.market.running.view));
    assert_eq!(*pair.follower.as_of.borrow(), last);
    let leading = pair.follower.leading.clone().wait_for(|leading| *leading != Leading::Nobody).await.unwrap().clone();
    assert_eq!(leading, Leading::There("first".to_owned()));
    let refused = pair.follower.sequencer.submit(super::submission(ask(8))).await;
    assert!(matches!(refused, Err(AppError::NotApplied)), "{refused:?}");
    pair.follower.join();
    pair.market.running.join();
}

#[actix_web::test]
async fn a_candidate_takes_over_where_the_writer_ended_and_the_stale_one_writes_no_more() {
    let Some(backend) = Backend::postgres() else { return };
    let pair = Pair::on(backend, Part::Candidate).await;
    pair.market.submit(ask(64)).await.unwrap();
    let start = pair.clock.now().minute().plus(120);
    let last = pair.market.submit(bid(start, "a")).await.unwrap();
    pair.until(last.sequence).await;
    // As if the writer had stood still for too long.
    Raw::open(&pair.backend).run("UPDATE lease SET expires_at = 0");
    pair.follower.leading.clone().wait_for(|leading| *leading == Leading::Here).await.unwrap();
    let stale = pair.market.submit(bid(start, "b")).await;
    assert!(matches!(stale, Err(AppError::NotApplied)), "{stale:?}");
    pair.market.running.sequencer.closed().await;
    let again = pair.follower.sequencer.submit(super::submission(bid(start, "a"))).await.unwrap();
    assert!(again.outcome.replayed, "it knows what the writer before it has done");
    let next = pair.follower.sequencer.submit(super::submission(bid(start, "b"))).await.unwrap();
    assert_eq!(next.sequence, last.sequence + 2);
    pair.market.running.join();
    pair.follower.join();
    let verdict = verify(&pair.followed, None).unwrap();
    assert!(verdict.is_clean(), "{verdict:?}");
}

#[actix_web::test]
async fn a_follower_of_a_journal_that_was_not_executed_stops() {
    let Some(backend) = Backend::postgres() else { return };
    let pair = Pair::on(backend, Part::Candidate).await;
    let mut raw = Raw::open(&pair.backend);
    raw.run("CREATE FUNCTION forge() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.outcome := 'forged'; RETURN NEW; END $$");
    raw.run("CREATE TRIGGER forge BEFORE INSERT ON journal FOR EACH ROW EXECUTE FUNCTION forge()");
    pair.market.submit(ask(64)).await.unwrap();
    pair.follower.sequencer.closed().await;
    pair.market.running.join();
    pair.follower.join();
}

#[actix_web::test]
async fn a_writer_that_loses_its_session_takes_another_before_anybody_asks() {
    let Some(backend) = Backend::postgres() else { return };
    let tenure = Tenure { holder: "first".to_owned(), ttl: Duration::from_millis(500) };
    let store = backend.open().with_tenure(tenure);
    let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_795_000_000_000)));
    let running = sequencer::start(&store, clock.clone()).unwrap();
    let market = Market { clock, running };
    market.open_market().await;
    let epoch = || store.holder().unwrap().filter(|holder| holder.holds).map(|holder| holder.epoch);
    assert_eq!(epoch(), Some(1));
    Raw::open(&backend).run("SELECT pg_terminate_backend(split_part(session, '/', 1)::int) FROM lease");
    let until = Instant::now() + Duration::from_secs(30);
    while epoch() != Some(2) {
        assert!(Instant::now() < until, "nobody writes: {:?}", store.holder());
        tokio::task::yield_now().await;
    }
    market.submit(ask(64)).await.unwrap();
    market.running.join();
    let verdict = verify(&store, None).unwrap();
    assert!(verdict.is_clean(), "{verdict:?}");
}

#[test]
fn on_sqlite_there_is_nobody_to_follow() {
    let backend = Backend::sqlite();
    let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_795_000_000_000)));
    let refused = sequencer::start_as(Part::Follower, &backend.open(), clock.clone()).err();
    assert!(matches!(refused, Some(StoreError::Address(_))), "{refused:?}");
    sequencer::start_as(Part::Candidate, &backend.open(), clock).unwrap().join();
}
