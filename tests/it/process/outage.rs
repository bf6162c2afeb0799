//! A disk that is full or fails, a database that is restarted or gone: nobody hears a false success, what was
//! acknowledged stays, and the service goes on by itself, or ends where only a new process can know what is there.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::Duration;

use super::aftermath::judge;
use super::kill::verify;
use super::market::Market;
use super::persist::persist;
use super::postgres::Postgres;
use super::power::{Disk, Fault};
use super::program::{SABOTAGE, Server};
use crate::backend::Backend;
use crate::settings::in_ci;

/// Commands that are acknowledged before something happens, and again after it.
const SOME: u32 = 100;
/// Answers that the service is not available.
const REFUSALS: u32 = 50;
/// What fits onto a disk that is nearly full.
const BYTES_LEFT: u64 = 64 * 1024;

#[test]
fn a_full_disk_takes_nothing_and_when_there_is_room_the_service_goes_on() {
    let Some(disk) = OnDisk::set_up() else { return };
    disk.runs_full(Fault::FullAfter(BYTES_LEFT));
}

#[test]
fn a_full_disk_that_says_nothing_is_found_out() {
    let Some(disk) = OnDisk::set_up() else { return };
    let found = catch_unwind(AssertUnwindSafe(|| disk.runs_full(Fault::SilentlyFullAfter(BYTES_LEFT))));
    assert!(found.is_err(), "what was never written was not missed");
}

#[test]
fn a_disk_that_fails_ends_the_server_and_the_next_one_knows_what_is_there() {
    for power_goes in [false, true] {
        let Some(disk) = OnDisk::set_up() else { return };
        disk.fails(Fault::SyncFails, power_goes);
    }
}

#[test]
fn a_disk_that_fails_and_says_nothing_is_found_out() {
    let Some(disk) = OnDisk::set_up() else { return };
    let found = catch_unwind(AssertUnwindSafe(|| disk.fails(Fault::SyncLies, true)));
    assert!(found.is_err(), "what was never synced was not missed");
}

#[test]
fn a_database_that_is_restarted_under_load_loses_nothing() {
    if let Some(postgres) = Postgres::start() {
        goes_away(&postgres, Duration::ZERO, &[]);
    }
}

#[test]
fn a_database_that_is_gone_for_a_while_is_waited_for() {
    if let Some(postgres) = Postgres::start() {
        // Longer than a read waits for a connection, so that reads are refused, too.
        goes_away(&postgres, Duration::from_secs(if in_ci() { 30 } else { 7 }), &[]);
    }
}

#[test]
fn a_database_that_does_not_wait_for_its_log_is_found_out() {
    if !cfg!(debug_assertions) {
        println!("SKIPPED: a program built without its checks cannot be sabotaged");
        return;
    }
    let Some(postgres) = Postgres::start() else { return };
    postgres.hold_log();
    let environment = [(SABOTAGE, "durability".to_owned())];
    let found = catch_unwind(AssertUnwindSafe(|| goes_away(&postgres, Duration::ZERO, &environment)));
    assert!(found.is_err(), "commits that were lost with the server's memory were not missed");
}

/// Stops the database at once, starts it again after some time, and judges what is there then and after a restart.
fn goes_away(postgres: &Postgres, how_long: Duration, environment: &[(&str, String)]) {
    let (url, folder) = (postgres.url(), tempfile::tempdir().unwrap());
    Market::create_admin(folder.path(), &url);
    let mut server = Server::start_with(&url, environment);
    let market = Market::set_up(&server);
    let (round, heard) = persist(server.address, &market, 0xda7a, Duration::ZERO, |heard| {
        heard.wait_for_acknowledged(SOME);
        postgres.stop_at_once();
        heard.wait_for_unavailable(REFUSALS);
        thread::sleep(how_long);
        postgres.begin();
        heard.wait_for_acknowledged(SOME);
    });
    println!("{heard:?}");
    judge(&server, &market, &round);
    verify(folder.path(), &url);
    server.kill();
    let successor = Server::start(&url);
    successor.wait_until_ready();
    judge(&successor, &market, &round);
}

/// A market on a database on a disk that can go wrong.
struct OnDisk {
    backend: Backend,
    disk: Disk,
    folder: tempfile::TempDir,
    server: Server,
    market: Market,
}

impl OnDisk {
    fn set_up() -> Option<Self> {
        let (backend, folder) = (Backend::sqlite(), tempfile::tempdir().unwrap());
        let disk = Disk::below(backend.path.as_deref().unwrap())?;
        Market::create_admin(folder.path(), &backend.url);
        let server = Server::start_with(&backend.url, &disk.environment());
        let market = Market::set_up(&server);
        Some(Self { backend, disk, folder, server, market })
    }

    fn restart(&mut self) {
        self.server = Server::start_with(&self.backend.url, &self.disk.environment());
        self.server.wait_until_ready();
    }

    fn runs_full(mut self, full: Fault) {
        let (round, heard) = persist(self.server.address, &self.market, 0xf011, Duration::ZERO, |heard| {
            heard.wait_for_acknowledged(SOME);
            self.disk.go_wrong(full);
            match full {
                Fault::FullAfter(_) => heard.wait_for_unavailable(REFUSALS),
                _ => heard.wait_for_acknowledged(SOME),
            }
            self.disk.go_wrong(Fault::None);
            heard.wait_for_acknowledged(SOME);
        });
        println!("{heard:?}");
        judge(&self.server, &self.market, &round);
        self.server.kill();
        self.disk.cut_power(None);
        verify(self.folder.path(), &self.backend.url);
        self.restart();
        judge(&self.server, &self.market, &round);
    }

    /// Lets the disk fail, with what happens to it then, and judges the successor. A disk that says so ends the server.
    fn fails(mut self, failure: Fault, power_goes: bool) {
        let Self { server, disk, market, .. } = &mut self;
        let (round, heard) = persist(server.address, market, 0xd15c, Duration::ZERO, |heard| {
            heard.wait_for_acknowledged(SOME);
            disk.go_wrong(failure);
            if failure == Fault::SyncFails {
                let status = server.wait_until_gone();
                assert_eq!(status.code(), Some(1), "{status}\n{}", server.errors());
                assert!(server.errors().contains("the disk failed"), "{}", server.errors());
            } else {
                heard.wait_for_acknowledged(SOME);
                server.kill();
            }
            disk.go_wrong(Fault::None);
        });
        println!("{heard:?}");
        if power_goes {
            disk.cut_power(None);
        }
        verify(self.folder.path(), &self.backend.url);
        self.restart();
        judge(&self.server, &self.market, &round);
    }
}
