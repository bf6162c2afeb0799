//! The program as its users meet it: a process, its exit codes, its messages, and HTTP over a real socket.

mod aftermath;
mod commands;
mod http;
mod kill;
mod load;
mod market;
pub mod program;
mod shutdown;
mod wal;
