//! One binary for every test that needs more than one module: each file under `tests/` would link the crate again.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::as_conversions, clippy::panic)]
#![allow(clippy::string_slice)]

mod accounts;
mod agent;
mod api;
mod architecture;
mod audit;
mod backend;
mod booked;
mod catalogue;
mod course;
mod delivery;
mod histories;
mod lease_model;
mod licences;
mod month;
mod price_paths;
mod process;
mod readme;
mod scenarios;
mod sequencer;
mod settings;
mod sim;
mod store;
mod streams;
mod twins;
mod web;
