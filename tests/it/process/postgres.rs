//! A PostgreSQL server of a test's own, to be stopped and started while the program uses it.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use diesel::sql_types::BigInt;
use diesel::{Connection, PgConnection, QueryableByName, RunQueryDsl, sql_query};
use tempfile::TempDir;

use super::program::text;
use crate::settings::in_ci;

const INSTALLED: &str = "/usr/lib/postgresql";

/// A server on a port and in a folder of its own; stopped when it is dropped.
pub struct Postgres {
    folder: TempDir,
    programs: PathBuf,
    port: u16,
}

impl Postgres {
    /// Starts a server; nothing, and says so, where PostgreSQL is not installed.
    ///
    /// It writes its log as late as it may: whoever does not wait for that loses much when it is stopped at once.
    pub fn start() -> Option<Self> {
        let Some(programs) = newest_installed() else {
            assert!(!in_ci(), "PostgreSQL is not installed");
            println!("SKIPPED: PostgreSQL is not installed in {INSTALLED}");
            return None;
        };
        let server = Self::empty(programs, Self::free_port());
        done(server.command("initdb").args([
            "-U",
            "gpubourse",
            "--auth=trust",
            "-E",
            "UTF8",
            "--locale=C",
            "--no-sync",
        ]));
        server.begin();
        Some(server)
    }

    fn empty(programs: PathBuf, port: u16) -> Self {
        let server = Self { folder: tempfile::tempdir().unwrap(), programs, port };
        fs::create_dir(server.data()).unwrap();
        fs::set_permissions(server.data(), fs::Permissions::from_mode(0o700)).unwrap();
        if is_root() {
            fs::set_permissions(server.folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
            done(Command::new("chown").arg("postgres").arg(server.data()));
        }
        server
    }

    /// Starts a copy of this server, on another port, which follows it under a name and takes no writes.
    pub fn follower(&self, port: u16, name: &str) -> Self {
        let follower = Self::empty(self.programs.clone(), port);
        let leader = format!("host=127.0.0.1 port={} user=gpubourse application_name={name}", self.port);
        let copy = ["-R", "-X", "stream", "-c", "fast", "--no-sync", "-d", &leader];
        done(follower.command("pg_basebackup").args(copy));
        follower.begin();
        follower
    }

    /// Returns a port that nobody listens on.
    pub fn free_port() -> u16 {
        TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
    }

    /// Returns the URL of its one database.
    pub fn url(&self) -> String {
        format!("postgres://gpubourse@127.0.0.1:{}/postgres", self.port)
    }

    /// Starts it again. What its processes share is in its folder, so that nothing stays behind when they are killed.
    pub fn begin(&self) {
        let options = format!(
            "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c wal_writer_delay=10s \
             -c wal_writer_flush_after=0 -c autovacuum=off -c dynamic_shared_memory_type=mmap",
            self.port
        );
        let log = self.data().join("log");
        done(self.command("pg_ctl").args(["-w", "-t", "60", "-o", &options, "-l"]).arg(log).arg("start"));
    }

    /// Ends it in the middle of whatever it does.
    pub fn stop_at_once(&self) {
        done(self.command("pg_ctl").args(["-m", "immediate", "-w", "-t", "60", "stop"]));
    }

    /// Stops whoever writes the log behind commits that do not wait for it, until the server ends: what such commits wrote
    /// stays in memory.
    pub fn hold_log(&self) {
        let writer = "SELECT pid::bigint AS pid FROM pg_stat_activity WHERE backend_type = 'walwriter'";
        let Process { pid } = sql_query(writer).get_result(&mut self.connect()).unwrap();
        done(Command::new("kill").arg("-STOP").arg(pid.to_string()));
    }

    /// SIGKILL, to all its processes at once: none of them does anything any more. Linux.
    pub fn kill(&self) {
        let note = self.data().join("postmaster.pid");
        let first = fs::read_to_string(&note).unwrap().lines().next().unwrap().to_owned();
        let mut all = children_of(&first);
        all.insert(0, first);
        done(Command::new("kill").arg("-KILL").args(&all));
        // So that nobody is asked later to stop whoever has this number then.
        fs::remove_file(note).unwrap();
    }

    /// Lets a follower take writes.
    pub fn promote(&self) {
        done(self.command("pg_ctl").args(["-w", "-t", "60", "promote"]));
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn connect(&self) -> PgConnection {
        PgConnection::establish(&self.url()).unwrap()
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Returns one of its programs as a command on its data, run by somebody it does not refuse to run for.
    fn command(&self, name: &str) -> Command {
        let program = self.programs.join(name);
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command.arg("-D").arg(self.data()).current_dir("/").stdin(Stdio::null());
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if self.data().join("postmaster.pid").exists() {
            let _ = self.command("pg_ctl").args(["-m", "immediate", "-w", "-t", "20", "stop"]).output();
        }
    }
}

fn newest_installed() -> Option<PathBuf> {
    let versions = fs::read_dir(INSTALLED).ok()?.filter_map(Result::ok);
    let number =
        |path: &Path| path.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse::<u32>().ok());
    let installed = versions.map(|entry| entry.path()).filter(|path| path.join("bin/initdb").exists());
    installed.max_by_key(|path| number(path)).map(|path| path.join("bin"))
}

/// Returns the processes that a process has started.
fn children_of(parent: &str) -> Vec<String> {
    let processes = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let statuses = processes.filter_map(|entry| fs::read_to_string(entry.path().join("status")).ok());
    let field = |status: &str, name: &str| {
        status.lines().find_map(|line| line.strip_prefix(name)).map(|value| value.trim().to_owned())
    };
    let children = statuses.filter(|status| field(status, "PPid:").is_some_and(|number| number == parent));
    children.filter_map(|status| field(&status, "Pid:")).collect()
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output().unwrap();
    text(&output.stdout).trim() == "0"
}

/// Runs a command that must succeed. What it starts must not hold its output open.
fn done(command: &mut Command) {
    let folder = tempfile::tempdir().unwrap();
    let said = folder.path().join("said");
    let (out, err) = (fs::File::create(&said).unwrap(), fs::File::options().append(true).open(&said).unwrap());
    let status = command.stdout(out).stderr(err).status().unwrap();
    assert!(status.success(), "{command:?}: {status}\n{}", fs::read_to_string(&said).unwrap());
}

#[derive(QueryableByName)]
struct Process {
    #[diesel(sql_type = BigInt)]
    pid: i64,
}
