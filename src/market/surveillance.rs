//! Surveillance hints: where whoever looks after the market should look first.
//!
//! None of them is a finding. Two organizations may have honest reasons to trade both ways, a maker of markets cancels much,
//! and a large trade moves an index by being large. So each hint says what it counts and names what it was counted from.
//! What the exchange has recalled is in none of them.

pub mod cancels;
pub mod fixes;
pub mod pairs;

use super::GpuMinutes;
use super::index::DayTrade;
use crate::types::{ContractId, ProductId, Timestamp};

/// A trade with the contract that it made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deal {
    /// When it was made.
    pub at: Timestamp,
    /// What was traded.
    pub product: ProductId,
    /// Who, how much, at what price.
    pub trade: DayTrade,
    /// What it made.
    pub contract: ContractId,
}

impl Deal {
    /// Returns how much was traded.
    pub const fn amount(&self) -> GpuMinutes {
        GpuMinutes::new(self.trade.gpu_minutes)
    }
}

#[cfg(test)]
mod tests;
