//! A server told to stop answers what it has accepted.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::aftermath::judge;
use super::kill::verify;
use super::load::{Progress, load};
use super::market::{Market, PRODUCT};
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

#[test]
fn streams_end_when_the_server_is_told_to_stop() {
    let backend = Backend::sqlite();
    let folder = tempfile::tempdir().unwrap();
    Market::create_admin(folder.path(), &backend.url);
    let mut server = Server::start(&backend.url);
    Market::set_up(&server);
    let [mut reader, mut sleeper] = [(); 2].map(|()| {
        let mut stream = TcpStream::connect(server.address).unwrap();
        stream.set_read_timeout(Some(STOP_MAX)).unwrap();
        let path = format!("/v1/stream?topics=trades:{PRODUCT},book:{PRODUCT}");
        write!(stream, "GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
        stream
    });
    let mut text = String::new();
    for stream in [&mut sleeper, &mut reader] {
        text.clear();
        while !text.contains("event: snapshot") {
            let mut chunk = [0; 4_096];
            let count = stream.read(&mut chunk).unwrap();
            assert!(count > 0, "{text}");
            text.push_str(std::str::from_utf8(&chunk[..count]).unwrap());
        }
    }
    server.signal("TERM");
    let told = Instant::now();
    reader.read_to_string(&mut text).unwrap();
    assert!(text.ends_with("0\r\n\r\n"), "the stream did not end, it broke: {text}");
    assert!(server.wait_until_gone().success() && told.elapsed() < STOP_MAX, "{:?}", told.elapsed());
    assert_eq!(server.errors(), "");
}
