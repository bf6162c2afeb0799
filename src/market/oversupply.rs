//! Oversupply: how much more is offered than taken, over a horizon of days back and ahead.
//!
//! The **oversupply index** is the weighted mean of four components, each 0 (none) to 100 (all), half up:
//!
//! | component | formula | weight |
//! |---|---|---|
//! | unsold | `expired / (sold_delivered + expired)`, last days | 35 |
//! | cover | `offered / (offered + sold)`, next days against last days | 25 |
//! | imbalance | `max(0, (offered - bid_near) / (offered + bid_near))`, next days | 25 |
//! | resale | `resale_offered / offered`, next days | 15 |
//!
//! A component without a denominator is left out and the other weights stand for the whole; with fewer than two there is
//! no index. Below 35 the market is short, up to 65 balanced, above it a glut.

use super::{GpuMinutes, Ratio};
use crate::types::Money;

/// Weights of unsold, cover, imbalance and resale, in hundredths.
pub const WEIGHTS: [(&str, u32); 4] = [("unsold", 35), ("cover", 25), ("imbalance", 25), ("resale", 15)];
/// The least index of a balanced market.
pub const BALANCED_FROM: u32 = 35;
/// The greatest index of a balanced market.
pub const BALANCED_TO: u32 = 65;
/// The horizons, in days.
pub const HORIZONS: [u32; 4] = [7, 30, 90, 365];

const WHOLE: i128 = 10_000;
const PER_POINT: i128 = 100;
const COMPONENTS_MIN: usize = 2;

/// What oversupply is computed from; flows back are of the last days, those ahead of the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flows {
    /// Days back and ahead.
    pub days: u32,
    /// Offered ahead, out of listings and contracts.
    pub offered: GpuMinutes,
    /// Offered ahead, out of contracts.
    pub resale_offered: GpuMinutes,
    /// Wanted ahead at 0.9 times the index or more.
    pub bid_near: GpuMinutes,
    /// Sold out of listings back, whenever it is delivered.
    pub sold: GpuMinutes,
    /// Sold out of listings and delivered back.
    pub delivered: GpuMinutes,
    /// Passed free in asks out of listings back.
    pub expired: GpuMinutes,
    /// What those would have earned at their asks' prices.
    pub expired_value: Money,
}

/// Whether there is too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// More is wanted than offered.
    Short,
    /// Neither.
    Balanced,
    /// More is offered than wanted.
    Glut,
}

/// How much too much there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Oversupply {
    /// What it was computed from.
    pub flows: Flows,
    /// `resale_offered / offered`.
    pub resale_share: Option<Ratio>,
    /// `offered / (sold / days)`.
    pub days_of_supply: Option<Ratio>,
    /// `delivered / (delivered + expired)`.
    pub sell_through: Option<Ratio>,
    /// `(offered - bid_near) / (offered + bid_near)`: -1 (only bids) to 1 (only asks).
    pub book_imbalance: Option<Ratio>,
    /// The components of the index in the order of [`WEIGHTS`], each 0 to 1.
    pub components: [Option<Ratio>; 4],
    /// The index, 0 to 100.
    pub index: Option<u32>,
    /// What it says.
    pub state: Option<State>,
}

impl State {
    /// Returns its one spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Short => "short",
            Self::Balanced => "balanced",
            Self::Glut => "glut",
        }
    }

    const fn of(index: u32) -> Self {
        match index {
            ..BALANCED_FROM => Self::Short,
            BALANCED_FROM..=BALANCED_TO => Self::Balanced,
            _ => Self::Glut,
        }
    }
}

/// Returns how much too much there is.
pub fn oversupply(flows: Flows) -> Oversupply {
    let (offered, resale, bid) = (wide(flows.offered), wide(flows.resale_offered), wide(flows.bid_near));
    let (sold, delivered, expired) = (wide(flows.sold), wide(flows.delivered), wide(flows.expired));
    let passed = delivered.saturating_add(expired);
    let both = offered.saturating_add(bid);
    let more = offered.saturating_sub(bid);
    let resale_share = Ratio::of(resale, offered);
    let components = [
        Ratio::of(expired, passed),
        Ratio::of(offered, offered.saturating_add(sold)),
        Ratio::of(more.max(0), both),
        resale_share,
    ];
    let index = index(&components);
    Oversupply {
        flows,
        resale_share,
        days_of_supply: Ratio::of(offered.saturating_mul(i128::from(flows.days)), sold),
        sell_through: Ratio::of(delivered, passed),
        book_imbalance: Ratio::of(more, both),
        components,
        index,
        state: index.map(State::of),
    }
}

fn index(components: &[Option<Ratio>; 4]) -> Option<u32> {
    let known = components.iter().zip(WEIGHTS).filter_map(|(part, (_, weight))| Some(((*part)?, i128::from(weight))));
    let (mut count, mut sum, mut weights) = (0_usize, 0_i128, 0_i128);
    for (part, weight) in known {
        count = count.saturating_add(1);
        sum = sum.saturating_add(i128::from(part.ten_thousandths()).saturating_mul(weight));
        weights = weights.saturating_add(weight);
    }
    if count < COMPONENTS_MIN {
        return None;
    }
    // A weighted mean in ten-thousandths, half up to whole points.
    let scale = weights.saturating_mul(WHOLE).saturating_mul(2).checked_div(PER_POINT)?;
    let twice = sum.saturating_mul(2).saturating_add(scale.checked_div(2)?);
    u32::try_from(twice.checked_div_euclid(scale)?).ok()
}

fn wide(amount: GpuMinutes) -> i128 {
    i128::from(amount.get())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn flows(offered: u64, resale: u64, bid: u64, sold: u64, delivered: u64, expired: u64) -> Flows {
        Flows {
            days: 30,
            offered: GpuMinutes::new(offered),
            resale_offered: GpuMinutes::new(resale),
            bid_near: GpuMinutes::new(bid),
            sold: GpuMinutes::new(sold),
            delivered: GpuMinutes::new(delivered),
            expired: GpuMinutes::new(expired),
            expired_value: Money::ZERO,
        }
    }

    #[test]
    fn a_glut_by_hand() {
        // unsold 300/400 = 0.75, cover 900/1200 = 0.75, imbalance 800/1000 = 0.8, resale 0.4:
        // 0.35 * 75 + 0.25 * 75 + 0.25 * 80 + 0.15 * 40 = 26.25 + 18.75 + 20 + 6 = 71
        let found = oversupply(flows(900, 360, 100, 300, 100, 300));
        let text = |ratio: Option<Ratio>| ratio.unwrap().to_string();
        assert_eq!((found.index, found.state.unwrap().as_str()), (Some(71), "glut"));
        assert_eq!(text(found.sell_through), "0.2500");
        assert_eq!(text(found.days_of_supply), "90.0000");
        assert_eq!(text(found.book_imbalance), "0.8000");
        assert_eq!(text(found.resale_share), "0.4000");
    }

    #[test]
    fn what_has_no_denominator_is_left_out() {
        let nothing = oversupply(flows(0, 0, 0, 0, 0, 0));
        assert_eq!(
            (nothing.index, nothing.state, nothing.days_of_supply, nothing.sell_through),
            (None, None, None, None)
        );
        // Only bids: imbalance 0 counts, -1 is shown; cover 0/300. Nothing expired.
        let short = oversupply(flows(0, 0, 100, 300, 100, 0));
        assert_eq!((short.index, short.state.unwrap().as_str()), (Some(0), "short"));
        assert_eq!(short.book_imbalance.unwrap().to_string(), "-1.0000");
        // One component is not a market: sold once, nothing rests.
        assert_eq!(oversupply(flows(0, 0, 0, 300, 0, 0)).index, None);
        // Cover 0.5 (25), imbalance 0 (25), resale 0 (15) of 65: 19.23.
        assert_eq!(oversupply(flows(100, 0, 100, 100, 0, 0)).index, Some(19));
    }

    #[test]
    fn weights_are_a_whole_and_states_meet() {
        assert_eq!(WEIGHTS.iter().map(|(_, weight)| weight).sum::<u32>(), 100);
        let states = [0, 34, 35, 65, 66, 100].map(|index| State::of(index).as_str());
        assert_eq!(states, ["short", "short", "balanced", "balanced", "glut", "glut"]);
    }

    proptest! {
        #[test]
        fn more_unsold_is_never_less_oversupply(
            amounts in prop::collection::vec(0u64..1_000_000, 6), more in 0u64..1_000_000,
        ) {
            let of = |expired| oversupply(flows(
                amounts[0], amounts[1].min(amounts[0]), amounts[2], amounts[3], 1 + amounts[4], expired));
            let (before, after) = (of(amounts[5]).index, of(amounts[5] + more).index);
            prop_assert!(before <= after, "{before:?} {after:?}");
            prop_assert!(after.is_none_or(|index| index <= 100));
        }
    }
}
