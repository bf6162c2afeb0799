//! The pages: in process as a strict browser would ask for them, and in a real browser against a real server.

mod browser;
mod driver;
mod forms;
mod pages;
mod sessions;
mod simulated;
mod surveillance;
pub mod visitor;
