//! The database's first server is killed under load and its synchronous standby promoted, as `docs/operations.md` says.
//!
//! `GPUBOURSE_PROMOTIONS` sets how often (once if not set); each time the dead one is made anew, as the next standby.

use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::sql_types::{Bool, Text};
use diesel::{PgConnection, QueryableByName, RunQueryDsl, sql_query};

use super::aftermath::judge;
use super::http::Request;
use super::kill::{finds_a_loss, verify};
use super::load::{Progress, load_through};
use super::market::Market;
use super::on_linux;
use super::postgres::Postgres;
use super::program::{Server, until};
use crate::settings::setting;
use crate::streams::rng::Rng;

/// Requests that succeed before the primary is killed, and again afterwards.
const ACKNOWLEDGED_MIN: u32 = 100;
/// How long the exchange may take to write again once a standby is promoted.
const RESUME_MAX: Duration = Duration::from_secs(20);
/// The name under which the standby follows.
const STANDBY: &str = "standby";
/// How a server is told whom its commits wait for.
const WAITS: &str = "ALTER SYSTEM SET synchronous_standby_names = 'ANY 1 (standby)'";
const WAITS_FOR_NOBODY: &str = "ALTER SYSTEM SET synchronous_standby_names = ''";
const FOLLOWS_NOBODY: &str = "ALTER SYSTEM SET primary_conninfo = ''";

#[test]
fn a_killed_primary_is_replaced_by_its_standby_and_nothing_acknowledged_is_lost() {
    let Some(mut pair) = Pair::start() else { return };
    let (url, folder) = (pair.url(), tempfile::tempdir().unwrap());
    let seed = u64::from(std::process::id()) << 20;
    let mut rng = Rng::new(seed);
    println!("{} promotions, seed {seed}", times());
    Market::create_admin(folder.path(), &url);
    let writer = Server::start(&url);
    let node = Server::start_as("api", &url);
    node.wait_until_ready();
    let market = Market::set_up(&node);
    for number in 1..=times() {
        pair.wait_for_standby();
        let wanted = ACKNOWLEDGED_MIN + rng.below(200);
        let round = load_through(&node, &market, rng.next(), |progress| pair.fail_over(progress, wanted));
        println!("{} acknowledged, {} denied, {} unknown", round.acknowledged, round.denied, round.in_flight);
        assert!(round.denied + round.in_flight > 0, "nobody noticed");
        println!("{:?}", judge(&writer, &market, &round));
        follows(&node, &writer, &market);
        verify(folder.path(), &url);
        if number < times() {
            pair.make_standby();
        }
    }
    for server in [&node, &writer] {
        assert!(server.readiness().is_some(), "{}", server.errors());
        assert!(!server.errors().contains("panicked"), "{}", server.errors());
    }
}

/// A node has read all that was written until now.
fn follows(node: &Server, writer: &Server, market: &Market) {
    let ask = |server: &Server, path: &str| {
        let request = Request::get(path).bearer(&market.keys[1]);
        server.connect().call(&request).unwrap()
    };
    let head = ask(writer, "/v1/audit/head").ok();
    let path = format!("/v1/balances?min_sequence={}", head["sequence"]);
    until("the node", || ask(node, &path).status == 200);
}

/// The judge is judged: what a primary did not share before it died is missed.
#[test]
fn a_standby_that_is_not_waited_for_is_found_out() {
    let Some(pair) = Pair::start() else { return };
    let (url, folder) = (pair.url(), tempfile::tempdir().unwrap());
    Market::create_admin(folder.path(), &url);
    let mut server = Server::start(&url);
    let market = Market::set_up(&server);
    pair.wait_for_standby();
    let round = load_through(&server, &market, 1, |progress| {
        wait_for(progress, ACKNOWLEDGED_MIN);
        pair.part();
        wait_for(progress, ACKNOWLEDGED_MIN);
        pair.primary.kill();
    });
    server.kill();
    pair.promote();
    let successor = Server::start(&url);
    successor.wait_until_ready();
    verify(folder.path(), &url);
    assert!(finds_a_loss(&successor, &market, &round), "commits that nobody waited for were not missed");
}

/// A server that takes writes and one that follows it.
struct Pair {
    primary: Postgres,
    standby: Postgres,
}

impl Pair {
    fn start() -> Option<Self> {
        if !on_linux() {
            return None;
        }
        let primary = Postgres::start()?;
        let standby = primary.follower(Postgres::free_port(), STANDBY);
        Some(Self { primary, standby })
    }

    /// Returns the address that finds whichever takes writes.
    fn url(&self) -> String {
        let (one, other) = (self.primary.port(), self.standby.port());
        format!(
            "postgres://gpubourse@127.0.0.1:{one},127.0.0.1:{other}/postgres\
             ?target_session_attrs=read-write&connect_timeout=2&tcp_user_timeout=5000"
        )
    }

    /// Lets every commit wait for the standby from now on.
    fn wait_for_standby(&self) {
        let mut primary = self.primary.connect();
        configure(&mut primary, WAITS);
        until("the standby", || {
            let waited_for = "SELECT EXISTS (SELECT FROM pg_stat_replication WHERE sync_state = 'quorum') AS answer";
            is(&mut primary, waited_for)
        });
    }

    /// Kills the primary after so many more requests, promotes the standby, and waits until all is as it was.
    fn fail_over(&mut self, progress: &Progress, wanted: u32) {
        wait_for(progress, wanted);
        self.primary.kill();
        self.promote();
        let begun = Instant::now();
        wait_for(progress, 1);
        println!("the next request succeeded {:?} after the promotion", begun.elapsed());
        assert!(begun.elapsed() <= RESUME_MAX, "{:?}", begun.elapsed());
        wait_for(progress, ACKNOWLEDGED_MIN);
        std::mem::swap(&mut self.primary, &mut self.standby);
    }

    fn promote(&self) {
        self.standby.promote();
        configure(&mut self.standby.connect(), WAITS_FOR_NOBODY);
    }

    /// Makes the one that was killed anew, on its port.
    fn make_standby(&mut self) {
        self.standby = self.primary.follower(self.standby.port(), STANDBY);
    }

    /// Ends all replication without anybody waiting for it.
    fn part(&self) {
        configure(&mut self.primary.connect(), WAITS_FOR_NOBODY);
        let mut standby = self.standby.connect();
        configure(&mut standby, FOLLOWS_NOBODY);
        until("the end of replication", || {
            is(&mut standby, "SELECT NOT EXISTS (SELECT FROM pg_stat_wal_receiver) AS answer")
        });
    }
}

/// Changes a setting of a running server, and waits until it has heard of it.
fn configure(server: &mut PgConnection, change: &str) {
    let loaded = "SELECT pg_conf_load_time()::text AS answer";
    let before = ask::<TextAnswer>(server, loaded).answer;
    server.batch_execute(change).unwrap();
    server.batch_execute("SELECT pg_reload_conf()").unwrap();
    until("the setting", || ask::<TextAnswer>(server, loaded).answer != before);
}

fn wait_for(progress: &Progress, more: u32) {
    let before = progress.acknowledged();
    until("the load", || progress.acknowledged() >= before + more);
}

fn is(server: &mut PgConnection, question: &str) -> bool {
    ask::<Answer>(server, question).answer
}

fn ask<T: QueryableByName<diesel::pg::Pg> + 'static>(server: &mut PgConnection, question: &str) -> T {
    sql_query(question).get_result(server).unwrap()
}

#[derive(QueryableByName)]
struct Answer {
    #[diesel(sql_type = Bool)]
    answer: bool,
}

#[derive(QueryableByName)]
struct TextAnswer {
    #[diesel(sql_type = Text)]
    answer: String,
}

fn times() -> u64 {
    setting("GPUBOURSE_PROMOTIONS").unwrap_or(1)
}
