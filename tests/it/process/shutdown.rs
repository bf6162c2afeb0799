//! A server told to stop answers what it has accepted.

use std::time::{Duration, Instant};

use super::aftermath::judge;
use super::kill::verify;
use super::load::{Progress, load};
use super::market::Market;
use super::program::Server;
use crate::backend::Backend;

const ACKNOWLEDGED_MIN: u32 = 200;
/// Less than what a server gives connections that do not end, far more than one under load needs.
const STOP_MAX: Duration = Duration::from_secs(20);

#[test]
fn sigterm_under_load_leaves_nothing_done_that_was_not_answered() {
    stops("TERM");
}

#[test]
fn sigint_under_load_leaves_nothing_done_that_was_not_answered() {
    stops("INT");
}

fn stops(signal: &str) {
    let backend = Backend::sqlite();
    let folder = tempfile::tempdir().unwrap();
    Market::create_admin(folder.path(), &backend.url);
    let mut server = Server::start(&backend.url);
    let market = Market::set_up(&server);
    // A connection that asks for nothing must not hold the server up.
    let idle = server.connect();
    let round = load(&mut server, &market, 0x5709, |server, progress| stop(server, progress, signal));
    assert!(round.acknowledged >= ACKNOWLEDGED_MIN);
    let told = Instant::now();
    let status = server.wait_until_gone();
    assert!(told.elapsed() < STOP_MAX, "stopping took {:?}", told.elapsed());
    drop(idle);
    assert!(status.success(), "{status}\n{}", server.errors());
    assert_eq!(server.errors(), "");
    verify(folder.path(), &backend.url);
    let successor = Server::start(&backend.url);
    successor.wait_until_ready();
    let found = judge(&successor, &market, &round);
    println!("{} acknowledged, {} not read, {found:?}", round.acknowledged, round.in_flight);
    // A request that crossed the closing of its connection may go unanswered, but then it was never begun.
    assert_eq!((found.there, found.cancelled), (0, 0), "done, but never answered: {found:?}");
}

fn stop(server: &mut Server, progress: &Progress, signal: &str) {
    while progress.acknowledged() < ACKNOWLEDGED_MIN {
        std::thread::yield_now();
    }
    progress.end();
    server.signal(signal);
}
