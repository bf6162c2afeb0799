//! Pure market analytics: index, drawdown, supply and demand.
//!
//! Numbers in, numbers out: no clock, no I/O, no float. Invariants: prices stay in micro-USD and capacity in
//! GPU-minutes until the edge; every division rounds once, half up; a zero denominator gives nothing.

pub mod day;
pub mod drawdown;
pub mod index;
mod median;
pub mod ratio;
pub mod supply;

pub use day::Day;
pub use ratio::{GpuMinutes, Ratio};
