//! Use cases: what people and programs do with the exchange, and who may.

pub mod accounts;
pub mod clock;
pub mod error;
pub mod ids;
pub mod permission;
pub mod principal;
pub mod sequencer;
pub mod view;

pub use accounts::Accounts;
pub use clock::{Clock, ManualClock, SystemClock};
pub use error::AppError;
pub use ids::{Ids, OsIds, SeededIds};
pub use principal::{Principal, Role, Scope};
pub use sequencer::{Receipt, Sequencer, Side, Submission};
pub use view::View;
