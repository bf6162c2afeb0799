//! `verify` finds any one changed value, whatever the table and the column, and says who wrote it last.
//!
//! The database is what the sequencer left of a random stream. Tables and columns are the database's own word: a
//! column nobody thought of is changed like the others.

mod chain;
mod command_line;
mod damage;
mod history;
mod values;

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use gpubourse::app::clock::ManualClock;
use gpubourse::app::sequencer;
use gpubourse::app::verify::{Verdict, verify};
use gpubourse::exchange::Command;
use gpubourse::store::{Pace, Store};
use gpubourse::types::Timestamp;
use tempfile::TempDir;

use crate::backend::Backend;
use crate::catalogue::{Raw, Table};
use crate::course::{Course, Step, block_on, follow};
use crate::streams::rng::Rng;
use history::History;

const COMMANDS: u32 = 450;
/// So many of the last commands, or a few more, have their states not in their tables.
const WAITING: usize = 60;

/// A database with rows of every kind, and a connection that may change them.
struct Scene {
    backend: Backend,
    store: Store,
    raw: Raw,
    tables: Vec<Table>,
    history: History,
}

impl Scene {
    fn sqlite() -> Self {
        static TEMPLATE: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
        let (_, template) = TEMPLATE.get_or_init(|| {
            let folder = tempfile::tempdir().unwrap();
            let backend = Backend::sqlite();
            fill(&backend);
            let path = folder.path().join("template.db");
            std::fs::copy(backend.path.as_deref().unwrap(), &path).unwrap();
            (folder, path)
        });
        let backend = Backend::sqlite();
        std::fs::copy(template, backend.path.as_deref().unwrap()).unwrap();
        Self::on(backend)
    }

    fn postgres() -> Option<Self> {
        let backend = Backend::postgres()?;
        fill(&backend);
        Some(Self::on(backend))
    }

    /// Opens it, and takes away what keeps honest people from changing it.
    fn on(backend: Backend) -> Self {
        let store = backend.open();
        let mut raw = Raw::open(&backend);
        let tables = raw.tables();
        disarm(&mut raw, &tables);
        let history = History::of(&store);
        let mut scene = Self { backend, store, raw, tables, history };
        scene.save();
        scene
    }

    fn save(&mut self) {
        for Table { name, .. } in &self.tables {
            self.raw.run(&format!("DROP TABLE IF EXISTS saved_{name}"));
            self.raw.run(&format!("CREATE TEMPORARY TABLE saved_{name} AS SELECT * FROM {name}"));
        }
    }

    /// Runs a test on each table: on those behind what waits while something waits, on the others when nothing does. As
    /// long as a state waits, its table may say anything it was since the mark.
    fn for_each_table(&mut self, mut test: impl FnMut(&mut Self, &Table)) {
        let behind = |table: &&Table| ["pending_states", "states_mark"].contains(&table.name.as_str());
        let (waiting, others): (Vec<_>, Vec<_>) = self.tables.clone().into_iter().partition(|table| behind(&table));
        waiting.iter().for_each(|table| test(self, table));
        self.store.writer().unwrap().write_waiting().unwrap();
        self.save();
        others.iter().for_each(|table| test(self, table));
    }

    fn verdict(&self) -> Verdict {
        verify(&self.store, None).unwrap()
    }

    /// Changes one table, verifies, and puts the table back. Nothing if the database refuses or nothing changes.
    fn changed(&mut self, table: &str, sql: &str) -> Option<Verdict> {
        if !self.raw.try_change(sql).is_ok_and(|rows| rows > 0) {
            return None;
        }
        let verdict = self.verdict();
        self.restore(table);
        Some(verdict)
    }

    fn restore(&mut self, table: &str) {
        let keys = self.tables.iter().find(|row| row.name == table).unwrap().keys();
        let keys = keys.map(|key| format!("\"{}\"", key.name)).collect::<Vec<_>>().join(", ");
        let differ = format!("SELECT {keys} FROM (SELECT * FROM {table} EXCEPT SELECT * FROM saved_{table}) AS other");
        self.raw.run(&format!("DELETE FROM {table} WHERE ({keys}) IN ({differ})"));
        self.raw.run(&format!("INSERT INTO {table} SELECT * FROM saved_{table} EXCEPT SELECT * FROM {table}"));
    }
}

/// A stream that leaves every kind of row behind; found once.
pub fn course() -> &'static Course {
    static COURSE: OnceLock<Course> = OnceLock::new();
    COURSE.get_or_init(|| Course::rich(COMMANDS))
}

/// Runs a rich stream through the sequencer.
fn fill(backend: &Backend) {
    let course = course();
    let clock = Arc::new(ManualClock::at(Timestamp::default()));
    let (written, waiting) = course.steps.split_at(first_waiting(&course.steps));
    for (steps, pace) in [(written, Pace::default()), (waiting, Pace::NEVER)] {
        let running = sequencer::start(&backend.open().with_pace(pace), clock.clone()).unwrap();
        block_on(follow(steps, &running, &clock, &mut Rng::new(7), 9));
        running.join();
    }
    let mut raw = Raw::open(backend);
    if raw.is_sqlite() {
        raw.run("PRAGMA wal_checkpoint(TRUNCATE)");
    }
}

/// Returns where what waits begins: with an order whose state does. A batch that changes no state could stand on either
/// side of the mark, and nobody could tell; which commands share a batch is a matter of time.
fn first_waiting(steps: &[Step]) -> usize {
    let has_states = |step: &Step| {
        let places = matches!(step.submission.command, Command::PlaceAsk(_) | Command::PlaceBid(_));
        places && step.answer.as_ref().is_ok_and(|outcome| !outcome.replayed)
    };
    steps[..steps.len() - WAITING].iter().rposition(has_states).expect("no order was placed")
}

fn disarm(raw: &mut Raw, tables: &[Table]) {
    let statements = if raw.is_sqlite() {
        raw.run("PRAGMA ignore_check_constraints = ON");
        raw.texts("SELECT 'DROP TRIGGER ' || name AS text FROM sqlite_schema WHERE type = 'trigger'")
    } else {
        tables.iter().for_each(|table| raw.run(&format!("ALTER TABLE {} DISABLE TRIGGER USER", table.name)));
        raw.texts(
            "SELECT 'ALTER TABLE ' || conrelid::regclass || ' DROP CONSTRAINT ' || conname AS text FROM pg_constraint
             WHERE contype = 'c' AND connamespace = 'public'::regnamespace",
        )
    };
    assert!(statements.len() >= 3, "{statements:?}");
    statements.iter().for_each(|statement| raw.run(statement));
}

/// Runs a test on a database of each kind.
fn for_each_scene(test: impl Fn(&mut Scene)) {
    println!("on SQLite");
    test(&mut Scene::sqlite());
    if let Some(mut scene) = Scene::postgres() {
        println!("on PostgreSQL");
        test(&mut scene);
    }
}
