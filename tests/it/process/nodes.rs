//! Several servers on one PostgreSQL database, one of which is killed or stopped under load.
//!
//! `GPUBOURSE_TAKEOVERS` sets how often (5 times where `CI` is set, else 2).

use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::aftermath::judge;
use super::http::Request;
use super::kill::verify;
use super::load::{Progress, load_through};
use super::market::Market;
use super::program::{Server, run_fails, until};
use crate::backend::Backend;
use crate::catalogue::Raw;
use crate::settings::{in_ci, setting};
use crate::streams::rng::Rng;

/// How long the exchange may be without a writer, at the default lease of 5 s.
const TAKEOVER_MAX: Duration = Duration::from_secs(8);
/// Requests that succeed before the writer is hit, and again afterwards.
const ACKNOWLEDGED_MIN: u32 = 100;
/// Notes with every row of the journal which session has written it, under which lease.
const WITNESS: &str = "
    CREATE TABLE witness (sequence BIGINT, session TEXT);
    CREATE FUNCTION note_session() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO witness SELECT NEW.sequence, pg_backend_pid() || '/' || epoch FROM lease; RETURN NULL;
    END $$;
    CREATE TRIGGER witness AFTER INSERT ON journal FOR EACH ROW EXECUTE FUNCTION note_session()";
/// The sessions that have written, each as often as it began to.
const TURNS: &str = "
    SELECT session AS text FROM (SELECT sequence, session, lag(session) OVER (ORDER BY sequence) AS before FROM witness) w
    WHERE before IS DISTINCT FROM session ORDER BY sequence";

/// What happens to a server.
#[derive(Debug, Clone, Copy)]
enum Blow {
    Kill,
    /// It is stopped and goes on only after another has taken over.
    Stop,
}

#[test]
fn a_killed_writer_is_succeeded_and_nothing_acknowledged_is_lost() {
    survive(Blow::Kill);
}

#[test]
fn a_stopped_writer_is_succeeded_and_writes_no_more_when_it_goes_on() {
    survive(Blow::Stop);
}

fn survive(blow: Blow) {
    let Some(backend) = Backend::postgres() else { return };
    let folder = tempfile::tempdir().unwrap();
    let seed = u64::from(std::process::id()) << 20;
    let mut rng = Rng::new(seed);
    println!("{} x {blow:?}, seed {seed}", times());
    Market::create_admin(folder.path(), &backend.url);
    Raw::open(&backend).run(WITNESS);
    let node = Server::start_as("api", &backend.url);
    let mut writers = vec![Server::start(&backend.url), Server::start(&backend.url)];
    node.wait_until_ready();
    let market = Market::set_up(&node);
    for _ in 0..times() {
        let wanted = ACKNOWLEDGED_MIN + rng.below(100);
        let active = writers.iter().position(writes).unwrap();
        let mut hit = writers.swap_remove(active);
        let round =
            load_through(&node, &market, rng.next(), |progress| strike(blow, &mut hit, &writers, progress, wanted));
        assert!(round.denied + round.in_flight > 0, "nobody noticed");
        let found = judge(&writers[0], &market, &round);
        println!(
            "{} acknowledged, {} denied, {} unknown: {found:?}",
            round.acknowledged, round.denied, round.in_flight
        );
        writers.push(Server::start(&backend.url));
    }
    assert!(!node.errors().contains("panicked"), "{}", node.errors());
    drop((node, writers));
    let turns = Raw::open(&backend).texts(TURNS);
    let mut sessions: Vec<&str> = turns.iter().map(|turn| turn.split('/').next().unwrap()).collect();
    // The command that made the admin wrote first; then each server in its turn, which never comes again.
    assert_eq!(turns.len(), 1 + usize::try_from(times()).unwrap(), "{turns:?}");
    sessions.sort_unstable();
    sessions.dedup();
    assert_eq!(sessions.len(), turns.len(), "{turns:?}");
    verify(folder.path(), &backend.url);
}

/// Hits the server that writes, and waits until another does and is loaded as it was.
fn strike(blow: Blow, hit: &mut Server, others: &[Server], progress: &Progress, wanted: u32) {
    until("the load", || progress.acknowledged() >= wanted);
    match blow {
        Blow::Kill => hit.kill(),
        Blow::Stop => hit.signal("STOP"),
    }
    let begun = Instant::now();
    until("a successor", || others.iter().any(writes));
    let without_writer = begun.elapsed();
    println!("{blow:?}: another writes after {without_writer:?}");
    assert!(without_writer <= TAKEOVER_MAX, "{without_writer:?}");
    let before = progress.acknowledged();
    until("the load", || progress.acknowledged() >= before + ACKNOWLEDGED_MIN);
    if let Blow::Stop = blow {
        hit.signal("CONT");
        let status = hit.wait_until_gone();
        assert_eq!(status.code(), Some(1), "{}", hit.errors());
        assert!(hit.errors().contains("may no longer write"), "{}", hit.errors());
    }
}

/// Under load a stop falls into a transaction, whose session the database ends. This one falls between two.
#[test]
fn a_writer_stopped_between_two_transactions_applies_nothing_when_it_goes_on() {
    let Some(backend) = Backend::postgres() else { return };
    let folder = tempfile::tempdir().unwrap();
    Market::create_admin(folder.path(), &backend.url);
    let mut stale = Server::start(&backend.url);
    let market = Market::set_up(&stale);
    let successor = Server::start(&backend.url);
    let ask = |name: &str| {
        let body = json!({
            "side": "ask", "listing_id": market.listings[0], "gpus": 8, "price": "2", "client_order_id": name,
        });
        Request::post("/v1/orders", body).bearer(&market.keys[0])
    };
    let mut client = stale.connect();
    client.call(&ask("before")).unwrap().ok();
    stale.signal("STOP");
    client.send(&ask("stale")).unwrap();
    until("a successor", || writes(&successor));
    successor.connect().call(&ask("after")).unwrap().ok();
    stale.signal("CONT");
    // Unless it finds out before it looks at the request: then it closes the connection, or passes the request on.
    let passed_on = client.receive().is_ok_and(|answer| {
        let refused = (answer.status, &answer.body["applied"]) == (503, &json!("not_applied"));
        assert!(refused || answer.status == 201, "{}", answer.body);
        !refused
    });
    assert_eq!(stale.wait_until_gone().code(), Some(1), "{}", stale.errors());
    let again = successor.connect().call(&ask("stale")).unwrap();
    let expected = if passed_on { (200, true) } else { (201, false) };
    assert_eq!((again.status, again.is_replayed()), expected, "{}", again.body);
    drop(successor);
    verify(folder.path(), &backend.url);
}

#[test]
fn of_many_servers_that_start_at_once_on_an_empty_database_one_writes() {
    for _ in 0..times() {
        let Some(backend) = Backend::postgres() else { return };
        let servers: Vec<Server> = thread::scope(|scope| {
            let start = || Server::start_as("matcher", &backend.url);
            let started: Vec<_> = (0..8).map(|_| scope.spawn(start)).collect();
            started.into_iter().map(|server| server.join().unwrap()).collect()
        });
        for server in &servers {
            server.wait_until_ready();
        }
        let writing = servers.iter().filter(|server| writes(server)).count();
        assert_eq!(writing, 1);
        let refused = servers[0].connect().call(&Request::get("/v1/products")).unwrap();
        assert_eq!(refused.status, 421, "{}", refused.body);
    }
}

#[test]
fn what_was_written_through_a_node_is_read_there_and_soon_on_all_others() {
    let Some(backend) = Backend::postgres() else { return };
    let folder = tempfile::tempdir().unwrap();
    Market::create_admin(folder.path(), &backend.url);
    let writer = Server::start_as("matcher", &backend.url);
    let [one, other] = ["api", "api"].map(|role| Server::start_as(role, &backend.url));
    for server in [&writer, &one, &other] {
        server.wait_until_ready();
    }
    let market = Market::set_up(&one);
    let renter = &market.keys[1];
    let mut client = one.connect();
    for number in 0..50 {
        let bid = json!({
            "side": "bid", "product": super::market::PRODUCT, "gpus": 8, "price": "1",
            "start": "2030-01-01T00:00:00Z", "end": "2030-01-02T00:00:00Z", "client_order_id": number.to_string(),
        });
        let placed = client.call(&Request::post("/v1/orders", bid).bearer(renter)).unwrap().ok();
        let sequence = placed["as_of"].as_i64().unwrap();
        for node in [&one, &other] {
            let path = format!("/v1/balances?min_sequence={sequence}");
            let balances = node.connect().call(&Request::get(path).bearer(renter)).unwrap().ok();
            assert!(balances["as_of"].as_i64().unwrap() >= sequence, "{balances}");
            assert_eq!(balances["held"], format!("{}.00", 8 * 24 * (number + 1)), "{number}");
        }
    }
    // A key that is revoked on one node works on no other for long.
    let login = json!({"email": "renter-1@example.com", "password": "correct horse battery staple"});
    let token = client.call(&Request::post("/v1/auth/login", login)).unwrap().ok();
    let token = token["access_token"].as_str().unwrap();
    let made = json!({"name": "short-lived", "scopes": ["read"]});
    let made = client.call(&Request::post("/v1/api-keys", made).bearer(token)).unwrap().ok();
    let key = made["key"].as_str().unwrap();
    let asked = |node: &Server| node.connect().call(&Request::get("/v1/balances").bearer(key)).unwrap().status;
    assert_eq!(asked(&one), 200, "the node that made it knows it at once");
    until("the key elsewhere", || asked(&other) == 200);
    let revoke = Request::delete(format!("/v1/api-keys/{}", text(&made["id"]))).bearer(token);
    other.connect().call(&revoke).unwrap().ok();
    assert_eq!(asked(&other), 401, "the node that revoked it knows it at once");
    until("the end of the key elsewhere", || asked(&one) == 401);
    drop((one, other, writer));
    verify(folder.path(), &backend.url);
}

#[test]
fn roles_need_a_database_that_can_be_shared() {
    let folder = tempfile::tempdir().unwrap();
    for role in ["matcher", "api"] {
        let said = run_fails(folder.path(), &["serve", "--role", role, "--database-url", "sqlite:a.db"], "");
        assert!(said.contains("needs PostgreSQL"), "{said}");
    }
    assert!(!folder.path().join("a.db").exists());
}

fn writes(server: &Server) -> bool {
    server.readiness().is_some_and(|said| said["role"] == "writer")
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn times() -> u64 {
    let default = if in_ci() { 5 } else { 2 };
    setting("GPUBOURSE_TAKEOVERS").unwrap_or(default)
}
