//! A server killed under load comes back with everything it acknowledged and with nothing by halves, and fast.
//!
//! `GPUBOURSE_KILLS` and `GPUBOURSE_KILLS_ON_POSTGRES` set how often it is killed (60 and 20 where `CI` is set, else 3
//! and 2), `GPUBOURSE_KILL_SEED` repeats the choices of a run; when exactly a kill lands is up to the machine.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use super::aftermath::{Unanswered, judge};
use super::http::Request;
use super::load::{Progress, Round, load};
use super::market::Market;
use super::program::{self, Server};
use super::wal::pages_after_last_commit;
use crate::backend::{Backend, for_each_backend};
use crate::settings::{in_ci, setting};
use crate::streams::rng::Rng;

/// Commands of a cycle that are acknowledged before its kill.
const ACKNOWLEDGED_MIN: u32 = 100;
const VERIFY_EVERY: u32 = 10;
/// Orders that stand in the book throughout.
const OPEN_ORDERS: u32 = 10_000;
/// How long a server with so many open orders may take to be ready, in 99 of 100 restarts, where `GPUBOURSE_ALONE` says that
/// nothing else takes the machine's time: other tests beside it have made it four times as long.
const RESTART_MAX: Duration = Duration::from_secs(1);
/// The same beside other tests, or for a program that is not optimised.
const RESTART_BESIDE_OTHERS_MAX: Duration = Duration::from_secs(20);
/// How long a hundred commands may take.
const CYCLE_MAX: Duration = Duration::from_secs(60);

#[test]
fn a_killed_server_keeps_what_it_acknowledged_on_sqlite() {
    survive(&Backend::sqlite(), count("GPUBOURSE_KILLS", 60, 3));
}

#[test]
fn a_killed_server_keeps_what_it_acknowledged_on_postgres() {
    if let Some(backend) = Backend::postgres() {
        survive(&backend, count("GPUBOURSE_KILLS_ON_POSTGRES", 20, 2));
    }
}

/// The judge is judged: a successor that goes on from a state before the load is found out at once.
#[test]
fn a_lost_commit_would_be_noticed() {
    for_each_backend(|backend| {
        let folder = tempfile::tempdir().unwrap();
        Market::create_admin(folder.path(), &backend.url);
        let mut server = Server::start(&backend.url);
        let market = Market::set_up(&server);
        server.kill();
        let before = backend.copy();
        let mut server = Server::start(&backend.url);
        let moment = Moment::random(&mut Rng::new(1));
        let round = load(&mut server, &market, 1, |server, progress| moment.kill(server, progress));
        let successor = Server::start(&before.url);
        successor.wait_until_ready();
        verify(folder.path(), &before.url);
        assert!(finds_a_loss(&successor, &market, &round));
    });
}

/// Tells whether the judge objects to what a server has.
pub fn finds_a_loss(server: &Server, market: &Market, round: &Round) -> bool {
    catch_unwind(AssertUnwindSafe(|| judge(server, market, round))).is_err()
}

/// How often something is done: what the environment says, or what is enough for CI or for a look.
pub fn count(name: &str, in_ci_times: u32, times: u32) -> u32 {
    setting(name).map_or(if in_ci() { in_ci_times } else { times }, |count| u32::try_from(count).unwrap())
}

fn survive(backend: &Backend, kills: u32) {
    let folder = tempfile::tempdir().unwrap();
    let seed = setting("GPUBOURSE_KILL_SEED").unwrap_or_else(|| u64::from(std::process::id()) << 20);
    println!("{kills} kills on {}, seed {seed}", backend.url);
    let mut rng = Rng::new(seed);
    Market::create_admin(folder.path(), &backend.url);
    let mut server = Server::start(&backend.url);
    let market = Market::set_up(&server);
    market.fill(&server, OPEN_ORDERS);
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
        let begun = Instant::now();
        server = Server::start(&backend.url);
        server.wait_until_ready();
        totals.restarts.push(begun.elapsed());
        anchor = head(&server);
        totals.add(&round, torn, judge(&server, &market, &round));
        // So that what stands is the same in every cycle.
        market.clear(&server);
    }
    server.kill();
    verify_from(folder.path(), &backend.url, &anchor);
    println!("{totals:?}");
    totals.check();
}

/// When a server is killed: so many acknowledged commands into its load, and a moment after that.
pub struct Moment {
    acknowledged: u32,
    then: Duration,
}

impl Moment {
    pub fn random(rng: &mut Rng) -> Self {
        let acknowledged = ACKNOWLEDGED_MIN + rng.below(200);
        Self { acknowledged, then: Duration::from_micros(u64::from(rng.below(10_000))) }
    }

    /// Kills the server at this moment. Spins, because a sleep would wake with the scheduler's rhythm.
    pub fn kill(&self, server: &mut Server, progress: &Progress) {
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
    /// From the start of the successor until it takes requests.
    restarts: Vec<Duration>,
    /// Kills that left a trace of a commit whose answers were not all sent: begun, or done and not answered.
    between_begin_and_answer: u32,
    acknowledged: u32,
    in_flight: u32,
    /// Kills that cut the writing of a commit short.
    inside_a_commit: u32,
    /// Kills after a commit whose answers were not all sent.
    between_commit_and_answer: u32,
    unanswered: Unanswered,
}

impl Totals {
    fn add(&mut self, round: &Round, torn: usize, found: Unanswered) {
        let done = found.there + found.cancelled > 0;
        self.kills += 1;
        self.acknowledged += round.acknowledged;
        self.in_flight += round.in_flight;
        self.inside_a_commit += u32::from(torn > 0);
        self.between_commit_and_answer += u32::from(done);
        self.between_begin_and_answer += u32::from(torn > 0 || done);
        self.unanswered.there += found.there;
        self.unanswered.absent += found.absent;
        self.unanswered.cancelled += found.cancelled;
        self.unanswered.not_cancelled += found.not_cancelled;
    }

    fn check(&mut self) {
        assert!(self.between_begin_and_answer >= self.kills / 10, "the kills land beside the commits");
        self.restarts.sort();
        let rank = (self.restarts.len() * 99).div_ceil(100);
        let p99 = self.restarts[rank.saturating_sub(1)];
        println!("restart until ready, {OPEN_ORDERS} open orders: p99 {p99:?} of {}", self.restarts.len());
        let alone = in_ci() && std::env::var_os("GPUBOURSE_ALONE").is_some();
        let most = if alone { RESTART_MAX } else { RESTART_BESIDE_OTHERS_MAX };
        assert!(p99 < most, "a restart takes {p99:?}");
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
