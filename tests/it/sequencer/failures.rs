//! When something goes wrong: nobody hears of success that is not durable, and the next command works.

use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};

use actix_web::rt::spawn;
use futures_util::future::join_all;
use gpubourse::app::clock::{Clock, ManualClock};
use gpubourse::app::sequencer::{self, BATCH_MAX, QUEUE_MAX, Sequencer, Side};
use gpubourse::app::verify::verify;
use gpubourse::app::{AppError, Receipt};
use gpubourse::exchange::Command;
use gpubourse::exchange::entities::Order;
use gpubourse::store::read::journal;
use gpubourse::store::{Pace, Store};
use gpubourse::types::{Minute, Price, Timestamp};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::{Market, ask, bid, submission};
use crate::backend::Backend;
use crate::catalogue::Raw;

/// A price that somebody has taught the database to refuse.
const CURSED: i64 = 1_313_000;

/// A market on a database of either kind that others can get at.
struct Scene {
    market: Market,
    raw: Raw,
    store: Store,
    clock: Arc<ManualClock>,
    _backend: Backend,
}

impl Scene {
    async fn on(backend: Backend) -> Self {
        println!("on {}", backend.url);
        // Nothing is written but what commands write.
        let store = backend.open().with_pace(Pace::NEVER);
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_795_000_000_000)));
        let running = sequencer::start(&store, clock.clone()).unwrap();
        let market = Market { clock: clock.clone(), running };
        market.open_market().await;
        market.submit(ask(16)).await.unwrap();
        Self { market, raw: Raw::open(&backend), store, clock, _backend: backend }
    }

    async fn both() -> Vec<Self> {
        let mut scenes = vec![Self::on(Backend::sqlite()).await];
        if let Some(backend) = Backend::postgres() {
            scenes.push(Self::on(backend).await);
        }
        scenes
    }

    /// Keeps the writer busy until something is sent.
    async fn hold_the_writer(&self) -> Sender<()> {
        let (release, held) = channel();
        let (enter, entered) = oneshot::channel();
        let sequencer = self.market.running.sequencer.clone();
        spawn(async move {
            let side = Side { submission: None, before: None };
            let wait = move |_: &mut gpubourse::store::Db, _: Option<&Receipt>| {
                enter.send(()).unwrap();
                held.recv().unwrap();
                Ok(())
            };
            sequencer.side(side, wait).await.unwrap();
        });
        entered.await.unwrap();
        release
    }

    /// The view is as far as the journal, and the next command is the next row.
    async fn works(&mut self, name: &str) {
        let as_of = journal_len(&self.store);
        let running = &self.market.running;
        let seen = (running.view.read().unwrap().as_of, *running.as_of.borrow());
        assert_eq!(seen, (as_of, as_of));
        let start = self.clock.now().minute().plus(120);
        let receipt = self.market.submit(bid(start, name)).await.unwrap();
        assert_eq!(receipt.sequence, as_of + 1);
    }

    /// Everybody heard so, the database is as it was, and the next command works.
    async fn has_applied_nothing(
        mut self,
        answers: impl IntoIterator<Item = JoinHandle<Result<Receipt, AppError>>>,
        before: &[String],
    ) {
        for answer in join_all(answers).await {
            assert!(matches!(answer, Ok(Err(AppError::NotApplied))), "{answer:?}");
        }
        assert_eq!(self.raw.everything(), before);
        self.works("after").await;
        self.end();
    }

    /// The digest a restart compares is right, and so is every row.
    fn end(self) {
        let Self { market, store, clock, _backend, .. } = self;
        market.running.join();
        sequencer::start(&store, clock).unwrap().join();
        let verdict = verify(&store, None).unwrap();
        assert!(verdict.is_clean(), "{verdict:?}");
    }
}

async fn submit(sequencer: Sequencer, command: Command) -> Result<Receipt, AppError> {
    sequencer.submit(submission(command)).await
}

fn note(id: &str) -> Command {
    Command::Note { subject: "user".to_owned(), id: id.to_owned(), verb: "created".to_owned() }
}

fn cursed() -> Command {
    let Command::PlaceAsk(mut order) = ask(8) else { panic!("not an ask") };
    order.price = Price::from_micros(CURSED);
    Command::PlaceAsk(order)
}

/// An order that is refused.
fn long_gone() -> Command {
    bid(Minute::new(0), "refused")
}

fn journal_len(store: &Store) -> i64 {
    store.read(journal::head).unwrap().map_or(0, |row| row.sequence)
}

/// Makes a table refuse whatever comes with the cursed price: as it is written, or only at the commit.
fn curse(raw: &mut Raw, table: &str, at_commit: bool) {
    let cursed = format!("EXISTS (SELECT 1 FROM orders WHERE price = {CURSED})");
    let sql = match (raw.is_sqlite(), at_commit) {
        // What is there already is updated: both must fail.
        (true, false) => ["INSERT", "UPDATE"]
            .map(|verb| {
                format!(
                    "CREATE TRIGGER curse_{verb} AFTER {verb} ON {table} WHEN {cursed}
                     BEGIN SELECT RAISE(ABORT, 'cursed'); END;"
                )
            })
            .concat(),
        (true, true) => format!(
            "CREATE TABLE saints (id INTEGER PRIMARY KEY);
             CREATE TABLE sins (id INTEGER REFERENCES saints (id) DEFERRABLE INITIALLY DEFERRED);
             CREATE TRIGGER curse AFTER INSERT ON {table} WHEN {cursed} BEGIN INSERT INTO sins VALUES (1); END"
        ),
        (false, at_commit) => format!(
            "CREATE FUNCTION curse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF {cursed} THEN RAISE EXCEPTION 'cursed'; END IF; RETURN NULL; END $$;
             CREATE {} TRIGGER curse AFTER INSERT OR UPDATE ON {table} {} FOR EACH ROW EXECUTE FUNCTION curse()",
            if at_commit { "CONSTRAINT" } else { "" },
            if at_commit { "DEFERRABLE INITIALLY DEFERRED" } else { "" },
        ),
    };
    raw.run(&sql);
}

#[actix_web::test]
async fn a_write_that_fails_is_not_applied_wherever_it_fails() {
    // As the order itself is written, in what is written after it, and only when all is to be made durable.
    for (table, at_commit) in
        [("orders", false), ("pending_states", false), ("exchange_state", false), ("orders", true)]
    {
        for mut scene in Scene::both().await {
            curse(&mut scene.raw, table, at_commit);
            let before = scene.raw.everything();
            for name in ["first", "second"] {
                let answer = scene.market.submit(cursed()).await;
                assert!(matches!(answer, Err(AppError::NotApplied)), "{table}: {answer:?}");
                if name == "first" {
                    assert_eq!(scene.raw.everything(), before, "{table}");
                }
                scene.works(name).await;
            }
            scene.end();
        }
    }
}

#[actix_web::test]
async fn followers_are_never_told_of_a_batch_that_fails() {
    for mut scene in Scene::both().await {
        curse(&mut scene.raw, "orders", false);
        let view = Arc::clone(&scene.market.running.view);
        let told = |after: i64| {
            let batches = view.read().unwrap().ring.after(after, usize::MAX);
            batches.map(|batches| batches.iter().map(|batch| batch.sequence).collect::<Vec<_>>())
        };
        let as_of = view.read().unwrap().as_of;
        assert_eq!(told(as_of), Some(vec![]));
        scene.works("before").await;
        assert_eq!(told(as_of), Some(vec![as_of + 1]));
        assert!(matches!(scene.market.submit(cursed()).await, Err(AppError::NotApplied)));
        // The view was built anew: what came before it is not there, what comes after it is.
        assert_eq!((told(as_of), told(as_of + 1)), (None, Some(vec![])));
        scene.works("after").await;
        assert_eq!(told(as_of + 1), Some(vec![as_of + 2]));
        drop(view);
        scene.end();
    }
}

#[actix_web::test]
async fn everybody_in_a_batch_that_fails_hears_so() {
    for mut scene in Scene::both().await {
        curse(&mut scene.raw, "orders", false);
        let before = scene.raw.everything();
        let release = scene.hold_the_writer().await;
        let sequencer = scene.market.running.sequencer.clone();
        let commands = [note("1"), cursed(), note("2")];
        let answers = commands.map(|command| spawn(submit(sequencer.clone(), command)));
        while sequencer.waiting() < 3 {
            tokio::task::yield_now().await;
        }
        release.send(()).unwrap();
        drop(sequencer);
        scene.has_applied_nothing(answers, &before).await;
    }
}

#[actix_web::test]
async fn what_was_executed_on_top_of_a_batch_that_fails_is_not_applied() {
    for mut scene in Scene::both().await {
        curse(&mut scene.raw, "orders", false);
        let before = scene.raw.everything();
        scene.raw.run(if scene.raw.is_sqlite() { "BEGIN EXCLUSIVE" } else { "BEGIN; LOCK TABLE journal" });
        let sequencer = scene.market.running.sequencer.clone();
        let mut answers = Vec::new();
        // The first is on its way to the database and waits there; the others are executed meanwhile.
        for command in [cursed(), note("1"), ask(8), note("2")] {
            answers.push(spawn(submit(sequencer.clone(), command)));
            tokio::task::yield_now().await;
            while sequencer.waiting() > 0 {
                tokio::task::yield_now().await;
            }
        }
        scene.raw.run("ROLLBACK");
        drop(sequencer);
        scene.has_applied_nothing(answers, &before).await;
    }
}

#[actix_web::test]
async fn a_database_that_is_locked_for_too_long_applies_nothing() {
    let mut scene = Scene::on(Backend::sqlite()).await;
    let before = scene.raw.everything();
    scene.raw.run("BEGIN EXCLUSIVE");
    let answer = scene.market.submit(ask(8)).await;
    assert!(matches!(answer, Err(AppError::NotApplied)), "{answer:?}");
    scene.raw.run("ROLLBACK");
    assert_eq!(scene.raw.everything(), before);
    scene.works("after").await;
    scene.end();
}

#[actix_web::test]
async fn a_store_that_cannot_be_read_refuses_until_it_can() {
    for mut scene in Scene::both().await {
        let before = scene.raw.everything();
        scene.raw.run("ALTER TABLE orders RENAME TO gone");
        let first = scene.market.submit(ask(8)).await;
        assert!(matches!(first, Err(AppError::Unknown)), "{first:?}");
        for _ in 0..3 {
            let next = scene.market.submit(ask(8)).await;
            assert!(matches!(next, Err(AppError::NotApplied)), "{next:?}");
        }
        scene.raw.run("ALTER TABLE gone RENAME TO orders");
        assert_eq!(scene.raw.everything(), before);
        let mut answer = scene.market.submit(ask(8)).await;
        for _ in 0..100 {
            if answer.is_ok() {
                break;
            }
            answer = scene.market.submit(ask(8)).await;
        }
        assert!(answer.is_ok(), "{answer:?}");
        scene.end();
    }
}

#[actix_web::test]
async fn a_full_queue_applies_nothing_and_what_waits_shares_commits() {
    for scene in Scene::both().await {
        let release = scene.hold_the_writer().await;
        let before = journal_len(&scene.store);
        let sequencer = scene.market.running.sequencer.clone();
        let waiting: Vec<_> =
            (0..QUEUE_MAX).map(|number| spawn(submit(sequencer.clone(), note(&number.to_string())))).collect();
        while sequencer.waiting() < QUEUE_MAX {
            tokio::task::yield_now().await;
        }
        let late = sequencer.submit(submission(note("late"))).await;
        assert!(matches!(late, Err(AppError::NotApplied)), "{late:?}");
        let preview = sequencer.preview(ask(8)).await;
        assert!(matches!(preview, Err(AppError::NotApplied)), "{preview:?}");
        release.send(()).unwrap();
        let answers = join_all(waiting).await;
        let sequences: Vec<_> = answers.into_iter().map(|answer| answer.unwrap().unwrap().sequence).collect();
        assert!(sequences.iter().copied().eq(before + 1..=before + i64::try_from(QUEUE_MAX).unwrap()));
        drop(sequencer);
        let rows = scene.store.read(|db| journal::after(db, before, u32::MAX)).unwrap();
        assert_eq!(rows.len(), QUEUE_MAX);
        let batches = rows.iter().filter(|row| row.digest.is_some()).count();
        assert_eq!(batches, QUEUE_MAX.div_ceil(BATCH_MAX));
        assert!(rows.last().unwrap().digest.is_some());
        scene.end();
    }
}

#[actix_web::test]
async fn a_preview_says_what_comes_and_changes_nothing() {
    for mut scene in Scene::both().await {
        let before = scene.raw.everything();
        let start = scene.clock.now().minute().plus(120);
        let sequencer = scene.market.running.sequencer.clone();
        let mut previews = Vec::new();
        for _ in 0..3 {
            previews.push(sequencer.preview(bid(start, "seen")).await.unwrap());
            assert!(matches!(sequencer.preview(long_gone()).await, Err(AppError::Reject(_))));
        }
        assert_eq!(scene.raw.everything(), before);
        assert!(previews.iter().all(|preview| *preview == previews[0]));
        let order = scene.market.submit(bid(start, "seen")).await.unwrap().outcome.order.unwrap();
        // What a repeat must equal is remembered of orders that exist.
        assert_eq!(previews[0].order, Order { fingerprint: None, ..(*order).clone() });
        assert_eq!(previews[0].fills.len(), 1);
        drop(sequencer);
        scene.end();
    }
}
