//! Who somebody is: passwords, access tokens, API keys, roles and scopes.
//!
//! Invariant: nothing here reads a clock, draws randomness, waits or touches a database. Salts, token bytes and
//! `now` are arguments, so everything can be tested at its boundaries. A secret that was handed out is kept as
//! its SHA-256 alone, and no `Debug` shows one.

pub mod access;
pub mod email;
pub mod error;
mod hop;
mod hs256;
pub mod password;
pub mod secret;
pub mod token;

pub use access::{Role, Scope};
pub use email::EmailAddress;
pub use error::AuthError;
pub use secret::{Minted, Secret, SecretHash, SecretKind};
pub use token::{Claims, KeyRing};
