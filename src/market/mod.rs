//! Pure market analytics: index, drawdown, supply and demand.
//!
//! Numbers in, numbers out: no clock, no I/O, no float. Invariants: prices stay in micro-USD and capacity in
//! GPU-minutes until the edge; every division rounds once, half up; a zero denominator gives nothing.

pub mod candles;
pub mod day;
pub mod depth;
pub mod drawdown;
pub mod forward;
pub mod index;
pub mod lapsed;
pub mod levels;
mod median;
pub mod oversupply;
pub mod ratio;
pub mod reputation;
pub mod sources;
pub mod stickiness;
pub mod supply;
pub mod surveillance;
pub mod tape;

pub use crate::types::Tenor;
pub use candles::Interval;
pub use day::Day;
pub use forward::Month;
pub use ratio::{GpuMinutes, Ratio};
