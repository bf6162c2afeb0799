//! Commands that are sent again and again, over connections that are cut, each have their effect once.
//!
//! `GPUBOURSE_REPEATED` sets how many commands (10,000 where `CI` is set, else 1,000), `GPUBOURSE_KILL_SEED` repeats the
//! choices of a run.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::thread;

use serde_json::Value;

use super::aftermath::judge;
use super::http::{Client, Request};
use super::kill::{count, verify};
use super::load::{CONNECTIONS, Commands, Round, Sent};
use super::market::Market;
use super::program::Server;
use crate::backend::Backend;
use crate::settings::setting;
use crate::streams::rng::Rng;

/// How often a command is sent at most.
const SENT_MAX: u32 = 5;
const SABOTAGED_COMMANDS: u32 = 200;

#[test]
fn commands_sent_up_to_five_times_over_cut_connections_have_their_effects_once() {
    let scene = Scene::set_up(count("GPUBOURSE_REPEATED", 10_000, 1_000));
    let round = scene.send_all();
    assert_eq!(scene.effects(), scene.commands.len());
    // Asking once more changes nothing either.
    assert!(round.orders.iter().all(|sent| sent.placed.is_some()));
    let found = judge(&scene.server, &scene.market, &round);
    assert_eq!((found.there, found.absent), (0, 0));
    assert_eq!(scene.effects(), scene.commands.len());
    verify(scene.folder.path(), &scene.backend.url);
}

#[test]
fn commands_that_do_not_say_which_they_are_have_more_effects() {
    let mut scene = Scene::set_up(SABOTAGED_COMMANDS);
    scene.commands.iter_mut().for_each(|sent| drop(sent.body.as_object_mut().unwrap().remove("client_order_id")));
    scene.send_all();
    let (effects, commands) = (scene.effects(), scene.commands.len());
    assert!(effects > commands, "{effects} effects of {commands} commands");
}

struct Scene {
    backend: Backend,
    folder: tempfile::TempDir,
    server: Server,
    market: Market,
    commands: Vec<Sent>,
    seed: u64,
}

/// Tells whether the server can know a command again.
fn says_which(sent: &Sent) -> bool {
    sent.key.is_some() || sent.body.get("client_order_id").is_some()
}

/// One sending of a command.
#[derive(Debug, Clone, Copy)]
struct Sending {
    command: usize,
    /// How much of it is sent before the connection is cut; all, and the answer is waited for, if absent.
    cut_after_percent: Option<usize>,
}

impl Scene {
    fn set_up(commands: u32) -> Self {
        let seed = setting("GPUBOURSE_KILL_SEED").unwrap_or_else(|| u64::from(std::process::id()) << 20);
        println!("seed {seed}");
        let (backend, folder) = (Backend::sqlite(), tempfile::tempdir().unwrap());
        Market::create_admin(folder.path(), &backend.url);
        let server = Server::start(&backend.url);
        let market = Market::set_up(&server);
        let mut source = Commands::new(&market, seed, 0);
        let commands = (0..commands).map(|_| source.next()).collect();
        Self { backend, folder, server, market, commands, seed }
    }

    /// Sends everything as often as chance has it, all mixed up; returns what was answered first.
    fn send_all(&self) -> Round {
        let sendings = self.sendings();
        println!("{} commands, sent {} times", self.commands.len(), sendings.len());
        let share = sendings.len().div_ceil(usize::try_from(CONNECTIONS).unwrap());
        let answers: Vec<(usize, u16, Value)> = thread::scope(|scope| {
            let senders: Vec<_> =
                sendings.chunks(share).map(|share| scope.spawn(|| self.send(self.server.address, share))).collect();
            senders.into_iter().flat_map(|sender| sender.join().unwrap()).collect()
        });
        let mut orders = self.commands.clone();
        let mut made = BTreeMap::new();
        for (command, status, answer) in answers {
            let sent = &mut orders[command];
            if says_which(sent) {
                let made = made.entry(command).or_insert(0);
                *made += u32::from(status == 201);
                assert!(*made <= 1, "made twice: {answer}");
                let first = sent.placed.as_ref().map_or(&answer, |first| first);
                assert_eq!(first["id"], answer["id"], "two answers to one command");
            }
            sent.placed = Some(answer);
        }
        Round { orders, ..Round::default() }
    }

    fn sendings(&self) -> Vec<Sending> {
        let mut rng = Rng::new(self.seed);
        let mut sendings = Vec::new();
        for command in 0..self.commands.len() {
            // One of them is answered: whoever wants something done asks until it is.
            sendings.push(Sending { command, cut_after_percent: None });
            for _ in 1..rng.between(1, SENT_MAX) {
                let percent = if rng.chance(50) { 100 } else { rng.below(100) };
                let cut_after_percent = rng.chance(40).then_some(usize::try_from(percent).unwrap());
                sendings.push(Sending { command, cut_after_percent });
            }
        }
        for at in (1..sendings.len()).rev() {
            let other = rng.below(u32::try_from(at + 1).unwrap());
            sendings.swap(at, usize::try_from(other).unwrap());
        }
        sendings
    }

    fn send(&self, address: SocketAddr, sendings: &[Sending]) -> Vec<(usize, u16, Value)> {
        let mut client = Client::connect(address).unwrap();
        let mut answers = Vec::new();
        for Sending { command, cut_after_percent } in sendings {
            let request = self.commands[*command].request(&self.market);
            if let Some(percent) = cut_after_percent {
                client.send_part(&request, *percent).unwrap();
                client = Client::connect(address).unwrap();
                continue;
            }
            let answer = client.call(&request).unwrap();
            let expected = if answer.is_replayed() { 200 } else { 201 };
            assert_eq!(answer.status, expected, "{}", answer.body);
            answers.push((*command, answer.status, answer.body));
        }
        answers
    }

    /// Counts the orders and the deposits that are there.
    fn effects(&self) -> usize {
        let mut ids = BTreeSet::new();
        for (who, key) in self.market.keys.iter().enumerate() {
            let orders = self.list(key, "/v1/orders");
            ids.extend(orders.iter().map(|order| order["id"].as_str().unwrap().to_owned()));
            let transfers = self.list(key, "/v1/transfers");
            let deposits = transfers.iter().filter(|transfer| transfer["cause"] == "deposit");
            // The first one, of each renter, is what the market began with.
            let first = usize::from(self.market.renters().contains(&who));
            let deposits: Vec<_> = deposits.map(|row| row["id"].as_str().unwrap().to_owned()).collect();
            ids.extend(deposits.into_iter().rev().skip(first));
        }
        ids.len()
    }

    /// Reads a list to its end.
    fn list(&self, key: &str, path: &str) -> Vec<Value> {
        let mut client = self.server.connect();
        let (mut rows, mut cursor) = (Vec::new(), String::new());
        loop {
            let answer = client.call(&Request::get(format!("{path}?limit=200{cursor}")).bearer(key)).unwrap().ok();
            rows.extend(answer["data"].as_array().unwrap().iter().cloned());
            match answer["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return rows,
            }
        }
    }
}
