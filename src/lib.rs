//! gpubourse: an exchange for GPU-hours.
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::as_conversions, clippy::panic)
)]

pub mod api;
pub mod app;
pub mod auth;
pub mod cli;
pub mod exchange;
pub mod importers;
pub mod market;
pub mod store;
pub mod telemetry;
pub mod types;
