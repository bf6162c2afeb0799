//! Use cases: what people and programs do with the exchange, and who may.

pub mod admin;
pub mod catalogue;
pub mod contracts;
pub mod error;
pub mod facade;
pub mod face;
pub mod market_data;
pub mod principal;
pub mod reads;
pub mod sequencer;
pub mod trading;
pub mod view;
pub mod wallet;

pub use error::AppError;
pub use facade::App;
pub use principal::{Principal, Role, Scope};
pub use sequencer::{Receipt, Sequencer, Side, Submission};
pub use view::View;
