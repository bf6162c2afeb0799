//! The resources of `/v1`: bodies in, answers out; nothing is decided here.

pub mod admin;
pub mod analytics;
pub mod api_keys;
pub mod audit;
pub mod auth;
pub mod candles;
pub mod contracts;
pub mod deliveries;
pub mod depth;
pub mod echo;
pub mod forward_curve;
pub mod handshake;
pub mod journal;
pub mod listings;
pub mod markets;
pub mod meter;
pub mod order_answer;
pub mod order_bodies;
pub mod orders;
pub mod oversupply;
pub mod products;
pub mod quotes;
pub mod sites;
pub mod terms;
pub mod wallet;
pub mod words;
