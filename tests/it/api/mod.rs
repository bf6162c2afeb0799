//! The JSON API over a real exchange: no port, no network, a clock that stands still.

mod accounts;
mod admin;
mod contracts;
mod coverage;
mod document;
mod listings;
mod market;
mod problems;
mod refusals;
mod server;
mod trading;
mod world;
