//! A machine that loses power under load comes back with everything that was acknowledged.
//!
//! The server is killed, and then its files are made what a power cut would have left of them: what was synced and, of
//! the rest, nothing or random sectors. `GPUBOURSE_POWER_CUTS` sets how often (10 where `CI` is set, else 3),
//! `GPUBOURSE_KILL_SEED` repeats the choices of a run.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::aftermath::judge;
use super::http::Request;
use super::kill::{Moment, count, finds_a_loss, verify};
use super::load::{Commands, Round, load};
use super::market::Market;
use super::power::{Disk, Fault};
use super::program::{SABOTAGE, Server};
use crate::backend::Backend;
use crate::settings::setting;
use crate::streams::rng::Rng;

/// Cuts until a sabotaged server must have been found out.
const SABOTAGED_CUTS_MAX: u32 = 5;

#[test]
fn a_power_cut_takes_nothing_that_was_acknowledged() {
    let cuts = count("GPUBOURSE_POWER_CUTS", 10, 3);
    let Some(mut scene) = Scene::set_up(None) else { return };
    let (mut lost, mut acknowledged) = (0, 0);
    for cut in 1..=cuts {
        let round = scene.load_until_cut();
        lost += scene.lost;
        acknowledged += round.acknowledged;
        verify(scene.folder.path(), &scene.backend.url);
        scene.restart();
        let found = judge(&scene.server, &scene.market, &round);
        println!("cut {cut}: {} acknowledged, {} writes lost, {found:?}", round.acknowledged, scene.lost);
    }
    println!("{cuts} cuts: {acknowledged} acknowledged, {lost} writes lost");
    assert!(lost > 0, "no cut ever took anything: are they power cuts?");
}

#[test]
fn a_server_that_does_not_sync_its_commits_is_found_out() {
    if !cfg!(debug_assertions) {
        println!("SKIPPED: a program built without its checks cannot be sabotaged");
        return;
    }
    let Some(mut scene) = Scene::set_up(Some("durability")) else { return };
    let found = (0..SABOTAGED_CUTS_MAX).any(|_| {
        let round = scene.load_until_cut();
        scene.restart();
        finds_a_loss(&scene.server, &scene.market, &round)
    });
    assert!(found, "{SABOTAGED_CUTS_MAX} power cuts did not show that commits are not synced");
}

/// A kill between the writing of a commit and its sync leaves a commit that is there and not durable. The successor
/// finds it and answers by it.
#[test]
fn what_a_killed_server_left_unsynced_is_durable_before_anybody_hears_of_it() {
    let Some(mut scene) = Scene::set_up(None) else { return };
    let mut commands = Commands::new(&scene.market, 7, 0);
    let sent = std::iter::repeat_with(|| commands.next()).find(|sent| sent.key.is_none()).unwrap();
    let mut client = scene.server.connect();
    scene.disk.go_wrong(Fault::SyncHangs);
    client.send(&sent.request(&scene.market)).unwrap();
    scene.disk.wait_until_hung();
    scene.server.kill();
    scene.disk.go_wrong(Fault::SyncFails);
    let started = catch_unwind(AssertUnwindSafe(|| Server::start_with(&scene.backend.url, &scene.environment)));
    assert!(started.is_err(), "it serves what it could not make durable");
    scene.disk.go_wrong(Fault::None);
    scene.server = Server::start_with(&scene.backend.url, &scene.environment);
    let key = &scene.market.keys[sent.who];
    let list = |server: &Server| {
        let answer = server.connect().call(&Request::get("/v1/orders").bearer(key)).unwrap().ok();
        answer["data"].as_array().unwrap().iter().map(|order| order["id"].clone()).collect::<Vec<_>>()
    };
    let seen = list(&scene.server);
    scene.server.kill();
    assert_eq!(seen.len(), 1, "the commit was not there");
    scene.disk.cut_power(None);
    let successor = Server::start_with(&scene.backend.url, &scene.environment);
    successor.wait_until_ready();
    assert_eq!(list(&successor), seen, "it was said to be there");
}

/// A market on a database on a disk that loses what is not synced.
struct Scene {
    backend: Backend,
    disk: Disk,
    folder: tempfile::TempDir,
    environment: Vec<(&'static str, String)>,
    server: Server,
    market: Market,
    rng: Rng,
    /// Writes that the last cut took.
    lost: usize,
}

impl Scene {
    fn set_up(sabotage: Option<&str>) -> Option<Self> {
        let seed = setting("GPUBOURSE_KILL_SEED").unwrap_or_else(|| u64::from(std::process::id()) << 20);
        println!("seed {seed}");
        let (backend, folder) = (Backend::sqlite(), tempfile::tempdir().unwrap());
        let disk = Disk::below(backend.path.as_deref().unwrap())?;
        Market::create_admin(folder.path(), &backend.url);
        let mut environment = disk.environment();
        environment.extend(sabotage.map(|what| (SABOTAGE, what.to_owned())));
        let server = Server::start_with(&backend.url, &environment);
        let market = Market::set_up(&server);
        Some(Self { backend, disk, folder, environment, server, market, rng: Rng::new(seed), lost: 0 })
    }

    /// Loads the server until the power goes. In every other cut random sectors of what is not synced survive.
    fn load_until_cut(&mut self) -> Round {
        let moment = Moment::random(&mut self.rng);
        let seed = self.rng.next();
        let round = load(&mut self.server, &self.market, seed, |server, progress| moment.kill(server, progress));
        let partly = self.rng.chance(50);
        self.lost = self.disk.cut_power(partly.then_some(&mut self.rng));
        round
    }

    fn restart(&mut self) {
        self.server = Server::start_with(&self.backend.url, &self.environment);
        self.server.wait_until_ready();
    }
}
