//! The real binary: commands that run to their end, and a server that is killed or stopped.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use super::http::{Client, Request};

/// The program under test.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_gpubourse");
/// What a program built with its checks leaves out, to see whether a test would notice: see `store::connect`.
pub const SABOTAGE: &str = "GPUBOURSE_SABOTAGE";
const ROLE: &str = "GPUBOURSE_ROLE";
/// What the environment of the tests may set.
const SETTINGS: [&str; 10] = [
    "GPUBOURSE_DATABASE_URL",
    "GPUBOURSE_BIND",
    "GPUBOURSE_TOKEN_SECRETS",
    "GPUBOURSE_LOG",
    "GPUBOURSE_SERVER",
    "GPUBOURSE_API_KEY",
    "GPUBOURSE_ADVERTISE",
    "GPUBOURSE_LEASE_MS",
    ROLE,
    SABOTAGE,
];
/// How long a server may take to start or to stop.
const WAIT_MAX: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(5);

/// Returns the program with none of the settings that the environment of the tests may hold.
pub fn program(folder: &Path) -> Command {
    let mut command = Command::new(PROGRAM);
    command.current_dir(folder);
    for name in SETTINGS {
        command.env_remove(name);
    }
    command
}

/// Runs a command to its end.
pub fn run(folder: &Path, arguments: &[&str], input: &str) -> Output {
    let mut command = program(folder);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A command that fails before it reads its input closes the pipe; that is for the exit code to say.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

/// Runs a command that must succeed; returns what it printed.
pub fn run_ok(folder: &Path, arguments: &[&str], input: &str) -> String {
    let output = run(folder, arguments, input);
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{arguments:?}: {}\n{out}{err}", output.status);
    out
}

/// Runs a command that must fail with a message and without a panic; returns the message.
pub fn run_fails(folder: &Path, arguments: &[&str], input: &str) -> String {
    let output = run(folder, arguments, input);
    let err = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {}\n{err}", text(&output.stdout));
    assert!(err.starts_with("gpubourse: ") && err.trim_end().lines().count() == 1, "{arguments:?}: {err}");
    err
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A running server; killed when it is dropped.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
    log: PathBuf,
    _folder: TempDir,
}

impl Server {
    /// Starts `gpubourse serve` on a database and a free port and waits until it says where it listens.
    pub fn start(database_url: &str) -> Self {
        Self::start_with(database_url, &[])
    }

    /// As [`Server::start`], in a role among several nodes.
    pub fn start_as(role: &str, database_url: &str) -> Self {
        Self::start_with(database_url, &[(ROLE, role.to_owned())])
    }

    /// As [`Server::start`], with more in its environment.
    pub fn start_with(database_url: &str, environment: &[(&str, String)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("stderr");
        let mut command = program(folder.path());
        command.args(["serve", "--no-rate-limits", "--bind", "127.0.0.1:0", "--database-url", database_url]);
        command.envs(environment.iter().cloned());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(File::create(&log).unwrap());
        let mut child = command.spawn().unwrap();
        let said = first_line(&mut child);
        let address = said.strip_prefix("serving on http://").and_then(|rest| rest.split(' ').next());
        let Some(address) = address.and_then(|address| address.parse().ok()) else {
            let _ = child.kill();
            let _ = child.wait();
            panic!("the server said {said:?} and {}", std::fs::read_to_string(&log).unwrap());
        };
        Self { child, address, log, _folder: folder }
    }

    pub fn connect(&self) -> Client {
        Client::connect(self.address).unwrap()
    }

    /// Returns what a server says of itself that is ready; nothing if it is not.
    pub fn readiness(&self) -> Option<Value> {
        let asked = Client::connect(self.address).and_then(|mut client| client.call(&Request::get("/health/ready")));
        asked.ok().filter(|answer| answer.status == 200).map(|answer| answer.body)
    }

    /// Returns the most memory it has held so far, in bytes; Linux.
    pub fn memory_peak(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse().unwrap();
        kibibytes * 1_024
    }

    /// Waits until the exchange takes requests.
    pub fn wait_until_ready(&self) {
        let until = Instant::now() + WAIT_MAX;
        let mut last = None;
        while Instant::now() < until {
            let asked =
                Client::connect(self.address).and_then(|mut client| client.call(&Request::get("/health/ready")));
            match asked {
                Ok(answer) if answer.status == 200 && answer.body["takes_writes"] == true => return,
                other => last = Some(other),
            }
            thread::sleep(POLL);
        }
        panic!("not ready: {last:?}\n{}", self.errors());
    }

    /// SIGKILL, at once. Returns after the process is gone.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends a signal by name.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status().unwrap();
        assert!(status.success(), "kill -{name}: {status}");
    }

    /// Waits until the process has ended by itself.
    pub fn wait_until_gone(&mut self) -> ExitStatus {
        let until = Instant::now() + WAIT_MAX;
        while Instant::now() < until {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            thread::sleep(POLL);
        }
        panic!("still running after {WAIT_MAX:?}\n{}", self.errors());
    }

    /// Returns what the server wrote to its standard error.
    pub fn errors(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until something is so. Asking without a pause would take the processor, and the ports of the machine, from
/// those who are to bring it about.
pub fn until(what: &str, mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < WAIT_MAX, "waited too long for {what}");
        thread::sleep(POLL);
    }
}

/// Returns the first line a child prints, and keeps reading so that it never prints into a closed pipe.
fn first_line(child: &mut Child) -> String {
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let (give, take) = mpsc::channel();
    thread::spawn(move || {
        let first = lines.next().and_then(Result::ok).unwrap_or_default();
        let _ = give.send(first);
        lines.for_each(drop);
    });
    take.recv_timeout(WAIT_MAX).unwrap_or_default()
}
