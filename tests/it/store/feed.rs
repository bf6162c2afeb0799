//! Pages of history are the same however far the feed is brought up.

use gpubourse::exchange::Changes;
use gpubourse::exchange::entities::Counters;
use gpubourse::store::read::{Page, contracts, orders, trades, transfers};
use gpubourse::store::verify::{Expected, compare};
use gpubourse::store::{Batch, Db, Store, StoreError, Writer};
use gpubourse::types::*;

use super::{commit, queries, run, sample, texts};
use crate::backend::{Backend, for_each_backend};

/// More rows than any test here makes.
const NEVER: usize = 1_000;

/// A history being written, and what must be in the tables.
struct Scene {
    store: Store,
    writer: Writer,
    expected: Expected,
    last: Batch,
}

impl Scene {
    /// Two batches whose feed rows wait, but for the one that a contract's passing makes.
    fn new(backend: &Backend) -> Self {
        let store = backend.open();
        let mut writer = store.writer().unwrap();
        writer.set_feed_pace(NEVER, NEVER);
        let first = sample::first();
        let mut scene = Self { store, writer, expected: Expected::default(), last: Batch::default() };
        let second = queries::second(&first);
        scene.commit(first);
        scene.commit(second);
        assert_eq!((scene.listed(), scene.marks()), (1, [0; 4]));
        scene
    }

    fn commit(&mut self, batch: Batch) {
        commit(&mut self.writer, &batch).unwrap();
        self.expected.take(batch.journal.last().unwrap(), &batch.changes).unwrap();
        self.last = batch;
    }

    /// Returns a batch that adds nothing to the feed.
    fn empty(&self) -> Batch {
        let changes = Changes {
            counters: Counters { now: sample::at(9), ..self.last.changes.counters },
            digest: self.last.changes.digest,
            ..Changes::default()
        };
        let last = self.last.journal.last().unwrap();
        sample::batch(last.sequence + 1, last.hash, &["{\"kind\":\"d\",\"v\":1}"], changes)
    }

    fn tick(&mut self) {
        let batch = self.empty();
        self.commit(batch);
    }

    /// The process dies and another one goes on.
    fn restart(self, backend: &Backend) -> Self {
        let Self { store, writer, expected, last } = self;
        drop((store, writer));
        let store = backend.open();
        let writer = store.writer().unwrap();
        Self { store, writer, expected, last }
    }

    fn listed(&mut self) -> usize {
        let count = texts(self.writer.db(), "SELECT CAST(COUNT(*) AS TEXT) AS text FROM feed");
        count[0].parse().unwrap()
    }

    fn marks(&mut self) -> [i64; 4] {
        ["orders", "trades", "contracts", "transfers"].map(|column| {
            let mark = texts(self.writer.db(), &format!("SELECT CAST({column} AS TEXT) AS text FROM feed_state"));
            mark[0].parse().unwrap()
        })
    }

    fn is_sound(&mut self) {
        assert_eq!(compare(self.writer.db(), &self.expected).unwrap(), []);
    }

    fn pages(&self) -> Vec<String> {
        self.store.read(pages).unwrap()
    }

    /// Changes the tables, compares them, and takes the change back.
    fn found(&mut self, sql: &str) -> Vec<&'static str> {
        let Self { writer, expected, .. } = self;
        let mut found = Vec::new();
        let undone = writer.side(|db| {
            run(db, sql)?;
            found = compare(db, expected)?.iter().map(|mismatch| mismatch.table).collect();
            Err::<(), _>(StoreError::Connection("undone".into()))
        });
        assert_eq!(undone.unwrap_err().to_string(), "connection: undone", "{sql}");
        found
    }
}

/// Returns the numbers on every page that is read from the feed.
fn pages(db: &mut Db) -> Result<Vec<String>, StoreError> {
    let mut lines = Vec::new();
    let mut line = |name: &str, owner: i64, page: &dyn std::fmt::Debug, numbers: Vec<i64>| {
        lines.push(format!("{name} {owner} {page:?}: {numbers:?}"));
    };
    for page in [Page::first(9), Page::first(2), Page { before: Some(4), limit: 9 }, Page { before: Some(2), limit: 1 }]
    {
        for owner in 0..=4 {
            let organization = OrganizationId::new(owner);
            for status in [None, Some(OrderStatus::Cancelled), Some(OrderStatus::PartiallyFilled)] {
                let filter = orders::OrderFilter { status, side: Some(Side::Ask), product: Some(ProductId::new(1)) };
                let rows = orders::of_organization(db, organization, &filter, page)?;
                line("orders", owner, &(status, page), rows.iter().map(|row| row.id.number()).collect());
            }
            let rows = transfers::of_organization(db, organization, page)?;
            line("transfers", owner, &page, rows.iter().map(|row| row.id.number()).collect());
            for (name, rows) in [
                ("contracts", contracts::of_organization(db, organization, page)?),
                ("children", contracts::children(db, ContractId::new(owner), page)?),
                ("of listing", contracts::of_listing(db, ListingId::new(owner), page)?),
            ] {
                line(name, owner, &page, rows.iter().map(|row| row.id.number()).collect());
            }
            for (name, rows) in [
                ("of order", trades::of_order(db, OrderId::new(owner), page)?),
                ("of product", trades::of_product(db, ProductId::new(owner), page)?),
            ] {
                line(name, owner, &page, rows.iter().map(|row| row.id.number()).collect());
            }
            for after in 0..=2 {
                let rows = trades::of_product_after(db, ProductId::new(owner), TradeId::new(after), page.limit)?;
                line("after", owner, &(after, page.limit), rows.iter().map(|row| row.id.number()).collect());
            }
        }
    }
    Ok(lines)
}

#[test]
fn pages_are_the_same_before_during_and_after_the_feed_is_written() {
    for_each_backend(|backend| {
        let mut scene = Scene::new(backend);
        let before = scene.pages();
        assert!(before.iter().filter(|line| !line.ends_with("[]")).count() > 50, "{before:#?}");
        scene.writer.set_feed_pace(1, 4);
        let mut between = 0;
        while scene.marks() == [0; 4] {
            scene.tick();
            scene.is_sound();
            assert_eq!(scene.pages(), before);
            between += usize::from(scene.marks() == [0; 4]);
        }
        assert!(between > 3, "{between}");
        assert_eq!(scene.marks(), [12, 2, 2, 4]);
        let listed = scene.listed();
        scene.tick();
        scene.writer.idle().unwrap();
        assert_eq!(scene.listed(), listed);
    });
}

#[test]
fn idle_moments_bring_the_feed_up() {
    for_each_backend(|backend| {
        let mut scene = Scene::new(backend);
        let before = scene.pages();
        scene.writer.idle().unwrap();
        assert_eq!(scene.marks(), [12, 2, 2, 4]);
        scene.is_sound();
        assert_eq!(scene.pages(), before);
    });
}

#[test]
fn a_restart_goes_on_where_the_feed_ends() {
    for_each_backend(|backend| {
        for slices in [0, 2, 9] {
            let backend = if backend.path.is_some() { Backend::sqlite() } else { Backend::postgres().unwrap() };
            let mut scene = Scene::new(&backend);
            let before = scene.pages();
            scene.writer.set_feed_pace(1, 4);
            for _ in 0..slices {
                scene.tick();
            }
            let (listed, marks) = (scene.listed(), scene.marks());
            assert_eq!(marks == [0; 4], slices < 9);
            let mut scene = scene.restart(&backend);
            assert_eq!((scene.listed(), scene.marks()), (listed, marks));
            scene.is_sound();
            assert_eq!(scene.pages(), before);
            // Whether or not anybody asked for the state.
            if slices == 2 {
                scene.writer.load().unwrap();
            }
            scene.writer.set_feed_pace(1, NEVER);
            scene.tick();
            assert_eq!(scene.marks(), [12, 2, 2, 4]);
            scene.is_sound();
            assert_eq!(scene.pages(), before);
        }
    });
}

#[test]
fn a_failed_commit_owes_the_feed_nothing_and_pays_nothing() {
    for_each_backend(|backend| {
        let mut scene = Scene::new(backend);
        let before = scene.pages();
        scene.writer.set_feed_pace(1, 4);
        scene.tick();
        let listed = scene.listed();
        let mut lost = scene.empty();
        lost.changes.placed = vec![sample::ask(13)];
        lost.changes.orders = [(OrderId::new(13), sample::ask(13))].into();
        let mut refuse = |_: &mut Db| Err(StoreError::Connection("made to fail".into()));
        assert!(scene.writer.commit(&lost, Some(&mut refuse)).is_err());
        assert_eq!(scene.listed(), listed);
        scene.is_sound();
        scene.writer.idle().unwrap();
        assert_eq!(scene.marks(), [12, 2, 2, 4]);
        scene.is_sound();
        assert_eq!(scene.pages(), before);
        // The same again after it is loaded, and this time it holds.
        scene.writer.load().unwrap();
        scene.commit(lost);
        scene.writer.idle().unwrap();
        assert_eq!(scene.marks(), [13, 2, 2, 4]);
        scene.is_sound();
    });
}

#[test]
fn what_the_feed_promises_is_held_against_it() {
    for_each_backend(|backend| {
        let mut scene = Scene::new(backend);
        // Nothing is written but what cannot be found again; that must be there.
        assert_eq!(scene.found("UPDATE feed_state SET orders = 1"), ["feed"]);
        assert_eq!(scene.found("UPDATE feed_state SET trades = 1"), ["feed"; 3]);
        assert_eq!(scene.found("UPDATE feed_state SET contracts = 1"), ["feed"; 3]);
        assert_eq!(scene.found("UPDATE feed_state SET transfers = -1"), ["feed_state"]);
        assert_eq!(scene.found("DELETE FROM feed"), ["feed"]);
        // Ahead of the watermark only what is expected may be there.
        assert_eq!(scene.found("INSERT INTO feed VALUES (1, 1, 12)"), [""; 0]);
        assert_eq!(scene.found("INSERT INTO feed VALUES (1, 2, 12)"), ["feed"]);
        scene.writer.idle().unwrap();
        assert_eq!(scene.found("UPDATE feed_state SET orders = orders + 1"), ["feed_state"]);
        // Some of it again is no harm.
        assert_eq!(scene.found("UPDATE feed_state SET orders = orders - 1"), [""; 0]);
        assert_eq!(scene.found("DELETE FROM feed WHERE stream = 1 AND owner = 1 AND number = 12"), ["feed"]);
        scene.writer.side(|db| run(db, "DELETE FROM feed_state")).unwrap();
        assert!(matches!(scene.store.read(pages), Err(StoreError::Corrupt { table: "feed_state", .. })));
        assert!(matches!(scene.writer.load(), Err(StoreError::Corrupt { table: "feed_state", .. })));
    });
}
