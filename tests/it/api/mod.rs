//! The JSON API over a real exchange: no port, no network, a clock that stands still.

mod accounts;
mod admin;
mod bonds;
mod codes;
mod contracts;
mod coverage;
pub mod deliveries;
mod document;
mod follower;
mod forwarding;
mod funding;
mod hostile;
mod listings;
mod market;
mod numbers;
mod pages;
mod problems;
mod refusals;
mod reputation;
pub mod server;
mod statements;
mod stickiness;
mod stream;
mod titles;
mod trading;
mod unavailable;
pub mod world;
