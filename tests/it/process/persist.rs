//! Clients that do not give up: they ask until they are answered, and hold against the server what it said before.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::http::{Answer, Client, Request};
use super::load::{Commands, Round, Sent};
use super::market::Market;

const CONNECTIONS: u64 = 16;
/// How long a client waits before it asks again: far less than it is told to, so that it is in the way.
const PAUSE: Duration = Duration::from_millis(20);
const POLL: Duration = Duration::from_millis(1);
/// How long anything may take that a test waits for, unless it says something else.
pub const WAIT_MAX: Duration = Duration::from_secs(60);

/// What clients heard, all together.
#[derive(Debug, Default)]
pub struct Heard {
    pub acknowledged: AtomicU32,
    /// Answers that nothing was done.
    pub not_applied: AtomicU32,
    /// Answers that it is not known whether anything was done.
    pub unknown: AtomicU32,
    /// Requests without an answer.
    pub unanswered: AtomicU32,
    end: AtomicBool,
    /// Set by a client that heard what it must not hear.
    failed: AtomicBool,
}

impl Heard {
    pub fn unavailable(&self) -> u32 {
        self.not_applied.load(Ordering::SeqCst) + self.unknown.load(Ordering::SeqCst)
    }

    /// Waits until so many more commands are acknowledged.
    pub fn wait_for_acknowledged(&self, more: u32) {
        self.wait_for_acknowledged_within(WAIT_MAX, more);
    }

    /// The same, in some time.
    pub fn wait_for_acknowledged_within(&self, time: Duration, more: u32) {
        self.wait_for(time, more, "acknowledged", || self.acknowledged.load(Ordering::SeqCst));
    }

    /// Waits until so many more answers are that the service is not available.
    pub fn wait_for_unavailable(&self, more: u32) {
        self.wait_for(WAIT_MAX, more, "unavailable", || self.unavailable());
    }

    fn wait_for(&self, time: Duration, more: u32, what: &str, count: impl Fn() -> u32) {
        let (begin, started) = (count(), Instant::now());
        while count() < begin + more {
            let in_time = started.elapsed() < time && !self.failed.load(Ordering::SeqCst);
            assert!(in_time, "only {} of {more} {what}", count() - begin);
            thread::sleep(POLL);
        }
    }
}

/// Lets clients trade, with a rest between two commands of each, while `meanwhile` does what it does. Ends when it is
/// over: with commands that were answered, and those that could not be.
pub fn persist(
    address: SocketAddr,
    market: &Market,
    seed: u64,
    rest: Duration,
    meanwhile: impl FnOnce(&Heard),
) -> (Round, Heard) {
    let heard = Heard::default();
    let mut round = Round::default();
    thread::scope(|scope| {
        let clients: Vec<_> = (0..CONNECTIONS)
            .map(|number| {
                let commands = Commands::new(market, seed, number);
                let client = Persistent { address, market, heard: &heard, rest, connection: None, commands };
                scope.spawn(move || client.run())
            })
            .collect();
        // However it ends, the clients must end, too.
        let ended = End(&heard.end);
        meanwhile(&heard);
        drop(ended);
        clients.into_iter().for_each(|client| round.orders.extend(client.join().unwrap()));
    });
    round.acknowledged = heard.acknowledged.load(Ordering::SeqCst);
    (round, heard)
}

struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl Drop for Persistent<'_> {
    fn drop(&mut self) {
        self.heard.failed.fetch_or(thread::panicking(), Ordering::SeqCst);
    }
}

struct Persistent<'a> {
    address: SocketAddr,
    market: &'a Market,
    heard: &'a Heard,
    rest: Duration,
    connection: Option<Client>,
    commands: Commands<'a>,
}

impl Persistent<'_> {
    fn run(mut self) -> Vec<Sent> {
        let mut all = Vec::new();
        while !self.heard.end.load(Ordering::SeqCst) {
            let mut sent = self.commands.next();
            self.ask_until_answered(&mut sent);
            all.push(sent);
            thread::sleep(self.rest);
            if self.commands.rng.chance(10) {
                self.look();
            }
        }
        all
    }

    fn ask_until_answered(&mut self, sent: &mut Sent) {
        let request = sent.request(self.market);
        // Whether it may be there although nobody said so.
        let mut in_doubt = false;
        loop {
            match self.ask(&request) {
                Some(answer) if answer.status == 503 => in_doubt |= self.unavailable(&answer),
                Some(answer) => {
                    match (answer.status, answer.is_replayed()) {
                        (201, false) => {}
                        (200, true) => assert!(in_doubt, "it was there, and was said not to be: {}", answer.body),
                        (status, _) => panic!("{status} {}", answer.body),
                    }
                    self.heard.acknowledged.fetch_add(1, Ordering::SeqCst);
                    sent.placed = Some(answer.body);
                    return;
                }
                None => {
                    in_doubt = true;
                    self.heard.unanswered.fetch_add(1, Ordering::SeqCst);
                }
            }
            if self.heard.end.load(Ordering::SeqCst) {
                return;
            }
            if self.commands.rng.chance(10) {
                self.look();
            }
            thread::sleep(PAUSE);
        }
    }

    /// Reads something that is in the database alone.
    fn look(&mut self) {
        let request = Request::get("/v1/contracts?limit=1").bearer(&self.market.keys[0]);
        if let Some(answer) = self.ask(&request) {
            assert!([200, 503].contains(&answer.status), "{} {}", answer.status, answer.body);
        }
    }

    /// Returns the answer, if there is a server and it gives one.
    fn ask(&mut self, request: &Request) -> Option<Answer> {
        if self.connection.is_none() {
            self.connection = Client::connect(self.address).ok();
        }
        let answer = self.connection.as_mut()?.call(request).ok();
        if answer.is_none() {
            self.connection = None;
        }
        answer
    }

    /// Counts an answer that says when to ask again and what is known; returns whether the command is in doubt.
    fn unavailable(&self, answer: &Answer) -> bool {
        let seconds = answer.header("retry-after").and_then(|text| text.parse::<u32>().ok());
        assert!(seconds.is_some_and(|seconds| seconds > 0), "{:?}", answer.headers);
        let in_doubt = match answer.body["applied"].as_str() {
            Some("not_applied") => false,
            Some("unknown") => true,
            _ => panic!("it does not say whether it is applied: {}", answer.body),
        };
        let count = if in_doubt { &self.heard.unknown } else { &self.heard.not_applied };
        count.fetch_add(1, Ordering::SeqCst);
        in_doubt
    }
}
