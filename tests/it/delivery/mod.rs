//! From contract to cash: handshake, heartbeats, disputes, settlement and defaults, in the pure exchange.

mod bonds;
mod bonds_random;
pub mod cover;
pub mod credits;
mod ending;
mod funding;
mod handshake;
pub mod life;
mod novation;
mod random;
mod rights;
mod settlement;
mod story;
