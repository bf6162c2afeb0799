//! The durable truth: the only module that names diesel.

pub mod db;
pub mod error;

pub use db::Db;
pub use error::StoreError;
