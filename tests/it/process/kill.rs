//! A server killed under load comes back with everything it acknowledged and with nothing by halves.
//!
//! `GPUBOURSE_KILLS` sets how often it is killed (60 where `CI` is set, else 3), `GPUBOURSE_KILL_SEED` repeats the
//! choices of a run; when exactly a kill lands is up to the machine.

use std::fs::{self, OpenOptions};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use super::aftermath::{Unanswered, judge};
use super::http::Request;
use super::load::{Progress, load};
use super::market::Market;
use super::program::{self, Server};
use super::wal::pages_after_last_commit;
use crate::backend::Backend;
use crate::streams::rng::Rng;

const KILLS_IN_CI: u32 = 60;
const KILLS: u32 = 3;
const KILLS_ON_POSTGRES: u32 = 5;
/// Commands of a cycle that are acknowledged before its kill.
const ACKNOWLEDGED_MIN: u32 = 100;
const VERIFY_EVERY: u32 = 10;
/// How long a hundred commands may take.
const CYCLE_MAX: Duration = Duration::from_secs(60);

#[test]
fn a_killed_server_keeps_what_it_acknowledged_on_sqlite() {
    let kills = setting("GPUBOURSE_KILLS");
    let default = if std::env::var_os("CI").is_some() { KILLS_IN_CI } else { KILLS };
    survive(&Backend::sqlite(), kills.map_or(default, |kills| u32::try_from(kills).unwrap()));
}

#[test]
fn a_killed_server_keeps_what_it_acknowledged_on_postgres() {
    if let Some(backend) = Backend::postgres() {
        survive(&backend, KILLS_ON_POSTGRES);
    }
}

/// The judge is judged: a server that lost what it acknowledged is found out.
#[test]
fn a_lost_commit_would_be_noticed() {
    let backend = Backend::sqlite();
    let folder = tempfile::tempdir().unwrap();
    Market::create_admin(folder.path(), &backend.url);
    let mut server = Server::start(&backend.url);
    let market = Market::set_up(&server);
    let log = format!("{}-wal", backend.path.as_deref().unwrap());
    let before_the_load = fs::metadata(&log).unwrap().len();
    let moment = Moment::random(&mut Rng::new(1));
    let round = load(&mut server, &market, 1, |server, progress| moment.kill(server, progress));
    OpenOptions::new().write(true).open(&log).unwrap().set_len(before_the_load).unwrap();
    let successor = Server::start(&backend.url);
    successor.wait_until_ready();
    verify(folder.path(), &backend.url);
    let judged = catch_unwind(AssertUnwindSafe(|| judge(&successor, &market, &round)));
    assert!(judged.is_err(), "{judged:?}");
}

fn survive(backend: &Backend, kills: u32) {
    let folder = tempfile::tempdir().unwrap();
    let seed = setting("GPUBOURSE_KILL_SEED").unwrap_or_else(|| u64::from(std::process::id()) << 20);
    println!("{kills} kills on {}, seed {seed}", backend.url);
    let mut rng = Rng::new(seed);
    Market::create_admin(folder.path(), &backend.url);
    let mut server = Server::start(&backend.url);
    let market = Market::set_up(&server);
    let mut totals = Totals::default();
    let mut anchor = head(&server);
    for cycle in 1..=kills {
        let moment = Moment::random(&mut rng);
        let round = load(&mut server, &market, rng.next(), |server, progress| moment.kill(server, progress));
        assert!(round.acknowledged >= ACKNOWLEDGED_MIN, "cycle {cycle}: {} acknowledged", round.acknowledged);
        assert!(round.in_flight > 0, "cycle {cycle}: nothing was in flight");
        let torn = backend.path.as_deref().map_or(0, pages_after_last_commit);
        if cycle % VERIFY_EVERY == 0 {
            verify_from(folder.path(), &backend.url, &anchor);
        }
        assert!(!server.errors().contains("panicked"), "{}", server.errors());
        server = Server::start(&backend.url);
        server.wait_until_ready();
        anchor = head(&server);
        totals.add(round.acknowledged, round.in_flight, torn, judge(&server, &market, &round));
    }
    server.kill();
    verify_from(folder.path(), &backend.url, &anchor);
    println!("{totals:?}");
}

/// When a server is killed: so many acknowledged commands into its load, and a moment after that.
struct Moment {
    acknowledged: u32,
    then: Duration,
}

impl Moment {
    fn random(rng: &mut Rng) -> Self {
        let acknowledged = ACKNOWLEDGED_MIN + rng.below(200);
        Self { acknowledged, then: Duration::from_micros(u64::from(rng.below(10_000))) }
    }

    /// Kills the server at this moment. Spins, because a sleep would wake with the scheduler's rhythm.
    fn kill(&self, server: &mut Server, progress: &Progress) {
        let started = Instant::now();
        while progress.acknowledged() < self.acknowledged {
            assert!(started.elapsed() < CYCLE_MAX, "only {} acknowledged", progress.acknowledged());
            std::thread::yield_now();
        }
        let reached = Instant::now();
        while reached.elapsed() < self.then {
            std::thread::yield_now();
        }
        progress.end();
        server.kill();
    }
}

/// What all kills of a run hit.
#[derive(Debug, Default)]
#[allow(dead_code, reason = "printed")]
struct Totals {
    kills: u32,
    acknowledged: u32,
    in_flight: u32,
    /// Kills that cut the writing of a commit short.
    inside_a_commit: u32,
    /// Kills after a commit whose answers were not all sent.
    between_commit_and_answer: u32,
    unanswered: Unanswered,
}

impl Totals {
    fn add(&mut self, acknowledged: u32, in_flight: u32, torn: usize, found: Unanswered) {
        self.kills += 1;
        self.acknowledged += acknowledged;
        self.in_flight += in_flight;
        self.inside_a_commit += u32::from(torn > 0);
        self.between_commit_and_answer += u32::from(found.there + found.cancelled > 0);
        self.unanswered.there += found.there;
        self.unanswered.absent += found.absent;
        self.unanswered.cancelled += found.cancelled;
        self.unanswered.not_cancelled += found.not_cancelled;
    }
}

pub fn verify(folder: &Path, database_url: &str) {
    let said = program::run_ok(folder, &["verify", "--database-url", database_url], "");
    assert!(said.contains("verified: the chain, the replay and every table agree"), "{said}");
}

/// As [`verify`], and the chain up to a head noted earlier is still the same.
fn verify_from(folder: &Path, database_url: &str, anchor: &str) {
    let said = program::run_ok(folder, &["verify", "--anchor", anchor, "--database-url", database_url], "");
    assert!(said.contains("verified: the chain, the replay and every table agree"), "{said}");
}

/// Returns the head of the chain as `verify --anchor` takes it.
fn head(server: &Server) -> String {
    let head = server.connect().call(&Request::get("/v1/audit/head")).unwrap().ok();
    format!("{}:{}", head["sequence"], head["hash"].as_str().unwrap())
}

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is {text:?}")))
}
