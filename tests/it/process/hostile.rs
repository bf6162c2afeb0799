//! Connections that mean no good, while others trade: garbage, bodies of 10 MB, heads and bodies that never end, and
//! thousands that say nothing. Orders keep flowing, nobody gets an error of the server, and memory stays bounded.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use super::aftermath::judge;
use super::kill::verify;
use super::market::Market;
use super::on_linux;
use super::persist::{Heard, WAIT_MAX, persist};
use super::program::{Server, text};
use crate::backend::Backend;
use crate::settings::in_ci;
use crate::streams::rng::Rng;

const GARBAGE_STREAMS: u32 = 500;
const BIG_BODIES: u32 = 20;
const BIG_BODY: usize = 10_000_000;
const SLOW_STREAMS: u32 = 100;
/// How long slow streams go on: longer than the server waits for a head or for a body.
const SLOW: Duration = Duration::from_secs(12);
const DRIP_EVERY: Duration = Duration::from_millis(200);
const MEMORY_MAX: u64 = 512 * 1024 * 1024;
/// Commands that must be acknowledged in the middle of each kind of trouble, and how long that may take.
const SOME: u32 = 100;
const SOME_WITHIN: Duration = Duration::from_secs(20);
/// The same for a server that is known to stand still.
const SOME_WITHIN_SABOTAGED: Duration = Duration::from_secs(2);
/// How long each client rests between two commands: what counts is that they are answered, not how many.
const PACE: Duration = Duration::from_millis(20);
/// Files this process may need beside idle connections.
const FILES_ELSE: u64 = 4_000;

#[test]
fn orders_keep_flowing_through_hostile_connections() {
    if !on_linux() {
        return;
    }
    let idle = if in_ci() { 10_000 } else { 1_000 };
    allow_files(u64::try_from(idle).unwrap() + FILES_ELSE);
    let scene = Scene::set_up();
    let address = scene.server.address;
    let (round, heard) = persist(address, &scene.market, 0x4057, PACE, |heard| {
        let flows = || heard.wait_for_acknowledged_within(SOME_WITHIN, SOME);
        let silent: Vec<_> = (0..idle).map(|_| connect(address)).collect();
        flows();
        let garbage = garbage(address);
        flows();
        big_bodies(address, &scene.market);
        flows();
        slow_streams(address, &scene.market, heard);
        flows();
        garbage.into_iter().chain(silent).for_each(|stream| no_server_error(stream, "garbage or silence"));
    });
    let peak = scene.server.memory_peak();
    println!("{heard:?}, {} MiB at most", peak >> 20);
    assert!(peak < MEMORY_MAX, "{peak} bytes");
    assert_eq!(heard.unavailable(), 0, "nothing was wrong with the exchange");
    judge(&scene.server, &scene.market, &round);
    verify(scene.folder.path(), &scene.backend.url);
    assert!(!scene.server.errors().contains("panicked"), "{}", scene.server.errors());
}

#[test]
fn a_server_that_stands_still_is_found_out() {
    let scene = Scene::set_up();
    let found = catch_unwind(AssertUnwindSafe(|| {
        persist(scene.server.address, &scene.market, 0x57a4d, PACE, |heard| {
            heard.wait_for_acknowledged(SOME);
            scene.server.signal("STOP");
            let _goes_on = GoesOn(&scene.server);
            heard.wait_for_acknowledged_within(SOME_WITHIN_SABOTAGED, SOME);
        });
    }));
    assert!(found.is_err(), "orders flowed through a server that stood still");
}

struct GoesOn<'a>(&'a Server);

impl Drop for GoesOn<'_> {
    fn drop(&mut self) {
        self.0.signal("CONT");
    }
}

struct Scene {
    backend: Backend,
    folder: tempfile::TempDir,
    server: Server,
    market: Market,
}

impl Scene {
    fn set_up() -> Self {
        let (backend, folder) = (Backend::sqlite(), tempfile::tempdir().unwrap());
        Market::create_admin(folder.path(), &backend.url);
        let server = Server::start(&backend.url);
        let market = Market::set_up(&server);
        Self { backend, folder, server, market }
    }
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_write_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

/// Sends what is no request, or only begins like one; the server may hang up at any time.
fn garbage(address: SocketAddr) -> Vec<TcpStream> {
    let mut rng = Rng::new(0x6a4b);
    let beginnings: [&[u8]; 6] = [
        b"",
        b"GET / HTTP/1.1\r\n",
        b"POST /v1/orders HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
        b"POST /v1/orders HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ];
    let streams = (0..GARBAGE_STREAMS).map(|_| {
        let mut stream = connect(address);
        let mut bytes = rng.pick(&beginnings).to_vec();
        for _ in 0..rng.below(4_096) {
            bytes.extend_from_slice(&rng.next().to_ne_bytes());
        }
        let _ = stream.write_all(&bytes);
        stream
    });
    streams.collect()
}

/// Sends bodies that are far too large, by people who may place orders; each is refused.
fn big_bodies(address: SocketAddr, market: &Market) {
    let body = vec![b' '; BIG_BODY];
    for number in 0..BIG_BODIES {
        let mut stream = connect(address);
        let key = &market.keys[0];
        let head = format!(
            "POST /v1/orders HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\n"
        );
        let framed = if number % 2 == 0 {
            format!("{head}content-length: {BIG_BODY}\r\n\r\n")
        } else {
            format!("{head}transfer-encoding: chunked\r\n\r\n{BIG_BODY:x}\r\n")
        };
        // It hangs up before it has read all; what it said may be lost with that.
        let _ = stream.write_all(framed.as_bytes()).and_then(|()| stream.write_all(&body));
        stream.set_read_timeout(Some(WAIT_MAX)).unwrap();
        let mut said = [0; 12];
        let refused = stream.read_exact(&mut said).is_err() || said == *b"HTTP/1.1 413";
        assert!(refused, "{}", text(&said));
    }
}

/// Sends heads and bodies a byte at a time, for longer than the server waits, while others trade.
fn slow_streams(address: SocketAddr, market: &Market, heard: &Heard) {
    let key = &market.keys[0];
    let head = format!("POST /v1/orders HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\n");
    let body = format!("{head}content-type: application/json\r\ncontent-length: 5000\r\n\r\n{{");
    let mut streams: Vec<_> = (0..SLOW_STREAMS * 2).map(|_| connect(address)).collect();
    for (number, stream) in streams.iter_mut().enumerate() {
        let begun = if number % 2 == 0 { head.as_bytes() } else { body.as_bytes() };
        let _ = stream.write_all(begun);
    }
    let begun = Instant::now();
    while begun.elapsed() < SLOW {
        for stream in &mut streams {
            let _ = stream.write_all(b" ");
        }
        heard.wait_for_acknowledged_within(SOME_WITHIN, 1);
        thread::sleep(DRIP_EVERY);
    }
    for (number, stream) in streams.into_iter().enumerate() {
        stream.set_nonblocking(true).unwrap();
        let (said, over) = what_was_said(stream);
        let refused = over && (said.is_empty() || said.starts_with("HTTP/1.1 4"));
        assert!(refused, "slow {}, over: {over}: {said}", if number % 2 == 0 { "head" } else { "body" });
    }
}

fn no_server_error(stream: TcpStream, what: &str) {
    stream.set_nonblocking(true).unwrap();
    let (said, _) = what_was_said(stream);
    assert!(!said.contains("HTTP/1.1 5"), "{what}: {said}");
}

/// Returns what the server has said, as far as the stream waits for it, and whether it has hung up.
fn what_was_said(mut stream: TcpStream) -> (String, bool) {
    let mut said = Vec::new();
    let mut chunk = [0; 4_096];
    let over = loop {
        match stream.read(&mut chunk) {
            Ok(0) => break true,
            Ok(read) => said.extend_from_slice(&chunk[..read]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => break error.kind() != ErrorKind::WouldBlock,
        }
    };
    (text(&said), over)
}

/// Lets this process, and the servers it starts, have so many files open.
fn allow_files(needed: u64) {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
    let mut numbers = line.split_whitespace().map(|word| word.parse().unwrap_or(u64::MAX));
    let (soft, hard): (u64, u64) = (numbers.next().unwrap(), numbers.next().unwrap());
    assert!(hard >= needed, "at most {hard} files may be open, the test needs {needed}: raise `ulimit -Hn`");
    if soft < needed {
        let process = std::process::id().to_string();
        let status =
            Command::new("prlimit").args(["--pid", &process, &format!("--nofile={needed}:")]).status().unwrap();
        assert!(status.success(), "prlimit: {status}");
    }
}
