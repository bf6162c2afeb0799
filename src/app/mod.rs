//! Use cases: what people and programs do with the exchange, and who may.

pub mod accounts;
pub mod admin;
pub mod analytics;
pub mod catalogue;
pub mod clock;
pub mod contracts;
pub mod error;
pub mod facade;
pub mod face;
pub mod ids;
pub mod ingest;
pub mod market_data;
pub mod overview;
pub mod permission;
pub mod principal;
pub mod reads;
mod replay;
pub mod sequencer;
pub mod series;
pub mod supply;
pub mod trading;
pub mod venue;
pub mod verify;
pub mod view;
pub mod wallet;

pub use accounts::Accounts;
pub use clock::{Clock, ManualClock, SystemClock};
pub use error::AppError;
pub use facade::{App, Live};
pub use ids::{Ids, OsIds, SeededIds};
pub use ingest::Ingest;
pub use principal::{Principal, Role, Scope};
pub use sequencer::{Receipt, Sequencer, Side, Submission};
pub use venue::Venue;
pub use view::View;
