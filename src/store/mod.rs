//! The durable truth: the only module that names diesel.

pub mod accounts;
pub mod db;
pub mod error;
mod schema_accounts;

pub use db::Db;
pub use error::StoreError;
