//! The integration tests, in one binary because each binary links the whole crate again.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::as_conversions, clippy::panic)]

mod backend;
mod store;
