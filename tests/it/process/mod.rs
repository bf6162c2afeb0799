//! The program as its users meet it: a process, its exit codes, its messages, and HTTP over a real socket.

mod aftermath;
mod bench;
mod commands;
mod cut;
mod follow;
mod hostile;
pub mod http;
mod kill;
mod load;
mod market;
mod nodes;
mod outage;
mod persist;
mod postgres;
mod power;
pub mod program;
mod repeats;
mod replay;
mod shutdown;
mod standby;
mod wal;

/// Tells whether this is Linux, which some tests ask for what only it can do; says so if not.
fn on_linux() -> bool {
    let is_linux = cfg!(target_os = "linux");
    if !is_linux {
        println!("SKIPPED: only on Linux");
    }
    is_linux
}
