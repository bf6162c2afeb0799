//! A provider's reputation, by a formula that anybody can work out again from its inputs.
//!
//! `score = (sum of w * delivered + prior delivered) / (sum of w * contracted + prior contracted)`, in GPU-minutes whose
//! slots have closed. The weight `w` halves every 30 days after a contract ended; the prior is worth 2,000 GPU-hours of
//! which 97 % were delivered, so that somebody new is neither trusted nor distrusted.

use std::collections::BTreeMap;

use super::median::lower_median;
use super::{Day, GpuMinutes, Ratio};

/// Days in which a weight halves.
pub const HALF_LIFE_DAYS: u32 = 30;
/// The weight of today; weights are whole numbers of its parts.
pub const WEIGHT_ONE: u64 = 1 << 32;
/// What is taken as contracted before anything was: 2,000 GPU-hours.
pub const PRIOR_CONTRACTED: GpuMinutes = GpuMinutes::new(2_000 * 60);
/// What is taken as delivered of it: 97 %.
pub const PRIOR_DELIVERED: GpuMinutes = GpuMinutes::new(1_940 * 60);

/// What a weight becomes in a day, in parts of [`WEIGHT_ONE`]: `2^(32 - 1/30)`, to the nearest.
pub const DAY_FACTOR: u64 = 4_196_870_107;

/// How a contract ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// In time.
    Completed,
    /// By notice, or because its buyer was at fault.
    Terminated,
    /// It was not delivered.
    Defaulted,
    /// It was an error.
    Recalled,
}

/// What became of one contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    /// The day on which it ended, or today.
    pub day: Day,
    /// Closed as delivered.
    pub delivered: GpuMinutes,
    /// Closed as not delivered.
    pub undelivered: GpuMinutes,
    /// How it ended, if it has.
    pub ending: Option<Ending>,
    /// Minutes from when the provider was ready to the start; negative if it was late.
    pub lead_minutes: Option<i64>,
}

/// What of a day counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DayShare {
    /// Contracts that ended on it; today also those that have not.
    pub contracts: u64,
    /// GPU-minutes closed.
    pub contracted: GpuMinutes,
    /// Of those, delivered.
    pub delivered: GpuMinutes,
    /// Their weight.
    pub weight: u64,
}

/// A reputation and what it was worked out from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reputation {
    /// The score, 0 to 1.
    pub score: Option<Ratio>,
    /// Its inputs, by day; days without weight are left out.
    pub days: BTreeMap<Day, DayShare>,
    /// Contracts that completed.
    pub completed: u64,
    /// Contracts that defaulted.
    pub defaulted: u64,
    /// Contracts that were terminated.
    pub terminated: u64,
    /// Contracts that were recalled.
    pub recalled: u64,
    /// `completed / (completed + defaulted)`.
    pub completion_rate: Option<Ratio>,
    /// The lower median of the leads.
    pub lead_minutes: Option<i64>,
    /// How many there are.
    pub leads: u64,
}

/// Returns the weight of what ended so many days ago: [`DAY_FACTOR`] of the one before, rounded down each day, and exactly
/// half after each half-life.
pub fn weight(days_ago: u32) -> u64 {
    let (halves, days) = (days_ago.div_euclid(HALF_LIFE_DAYS), days_ago.rem_euclid(HALF_LIFE_DAYS));
    let decayed = (0..days).fold(u128::from(WEIGHT_ONE), |weight, _| {
        weight.saturating_mul(u128::from(DAY_FACTOR)).div_euclid(u128::from(WEIGHT_ONE))
    });
    u64::try_from(decayed).ok().and_then(|weight| weight.checked_shr(halves)).unwrap_or_default()
}

/// Returns the reputation that records make as of a day.
pub fn reputation(today: Day, records: impl IntoIterator<Item = Record>) -> Reputation {
    let mut made = Reputation::default();
    let mut leads = Vec::new();
    for record in records {
        let Record { day, delivered, undelivered, ending, lead_minutes } = record;
        leads.extend(lead_minutes);
        if let Some(ending) = ending {
            let count = match ending {
                Ending::Completed => &mut made.completed,
                Ending::Terminated => &mut made.terminated,
                Ending::Defaulted => &mut made.defaulted,
                Ending::Recalled => &mut made.recalled,
            };
            *count = count.saturating_add(1);
        }
        let weight = weight(today.days_since(day));
        let contracted = delivered.plus(undelivered);
        if weight == 0 || contracted == GpuMinutes::ZERO {
            continue;
        }
        let share = made.days.entry(day.min(today)).or_default();
        share.contracts = share.contracts.saturating_add(1);
        share.contracted = share.contracted.plus(contracted);
        share.delivered = share.delivered.plus(delivered);
        share.weight = weight;
    }
    made.leads = u64::try_from(leads.len()).unwrap_or(u64::MAX);
    made.lead_minutes = lower_median(leads);
    let decided = i128::from(made.completed).saturating_add(i128::from(made.defaulted));
    made.completion_rate = Ratio::of(made.completed.into(), decided);
    made.score = score(&made.days);
    made
}

fn score(days: &BTreeMap<Day, DayShare>) -> Option<Ratio> {
    let weighed = |prior: GpuMinutes, part: fn(&DayShare) -> GpuMinutes| {
        let of = |minutes: GpuMinutes, weight: u64| i128::from(minutes.get()).saturating_mul(i128::from(weight));
        let rows = days.values().map(|share| of(part(share), share.weight));
        rows.fold(of(prior, WEIGHT_ONE), i128::saturating_add)
    };
    let delivered = weighed(PRIOR_DELIVERED, |share| share.delivered);
    let contracted = weighed(PRIOR_CONTRACTED, |share| share.contracted);
    // Sums beyond what the ratio multiplies without loss lose digits that it would round away.
    let excess = contracted.checked_ilog2().unwrap_or_default().saturating_sub(MOST_BITS);
    Ratio::of(delivered.checked_shr(excess)?, contracted.checked_shr(excess)?)
}

/// Bits of a sum that a ratio is made of.
const MOST_BITS: u32 = 100;

#[cfg(test)]
mod tests {
    use super::*;

    const TODAY: Day = Day::new(20_000);

    fn record(days_ago: u32, delivered: u64, undelivered: u64) -> Record {
        Record {
            day: Day::new(20_000 - days_ago),
            delivered: GpuMinutes::new(delivered),
            undelivered: GpuMinutes::new(undelivered),
            ending: Some(Ending::Completed),
            lead_minutes: None,
        }
    }

    fn score_of(records: &[Record]) -> String {
        reputation(TODAY, records.iter().copied()).score.unwrap().to_string()
    }

    #[test]
    fn weights_halve_every_thirty_days() {
        assert_eq!((weight(0), weight(30), weight(60), weight(300)), (1 << 32, 1 << 31, 1 << 30, 1 << 22));
        // 2^(32 - 15/30) = 3,037,000,500 to the nearest; fifteen roundings down cost a few parts of four thousand million.
        assert!((3_037_000_480..=3_037_000_500).contains(&weight(15)), "{}", weight(15));
        // From one day to the next a weight falls, over the half-life too.
        assert!((0..200).all(|days| weight(days) > weight(days + 1)));
        assert_eq!((weight(30 * 33), weight(30 * 64), weight(u32::MAX)), (0, 0, 0));
    }

    #[test]
    fn nobody_knows_anything_of_somebody_new() {
        let new = reputation(TODAY, []);
        assert_eq!(new.score.unwrap().to_string(), "0.9700");
        assert_eq!((new.completion_rate, new.lead_minutes, new.leads), (None, None, 0));
    }

    #[test]
    fn what_was_delivered_counts_against_the_prior() {
        // 2,000 GPU-hours in full beside 2,000 at 97 %.
        assert_eq!(score_of(&[record(0, 120_000, 0)]), "0.9850");
        assert_eq!(score_of(&[record(0, 0, 120_000)]), "0.4850");
        // A half-life ago it weighs half: (1,000 + 1,940) of 3,000.
        assert_eq!(score_of(&[record(30, 120_000, 0)]), "0.9800");
        // (500 * 0.5 + 1,000 * 1 + 1,940) of (500 + 1,000 + 2,000) hours: 3,190 / 3,500.
        assert_eq!(score_of(&[record(30, 30_000, 30_000), record(0, 60_000, 0)]), "0.9114");
        // Years ago it weighs nothing.
        assert_eq!(score_of(&[record(2_000, 0, 1 << 60)]), "0.9700");
        assert_eq!(score_of(&[record(0, u64::MAX, 0)]), "1.0000");
        assert_eq!(score_of(&[record(0, u64::MAX / 2, u64::MAX / 2)]), "0.5000");
    }

    #[test]
    fn endings_and_leads_are_counted() {
        let with = |ending, lead_minutes| Record { ending, lead_minutes, ..record(1, 60, 0) };
        let made = reputation(
            TODAY,
            [
                with(Some(Ending::Completed), Some(90)),
                with(Some(Ending::Completed), Some(-5)),
                with(Some(Ending::Completed), Some(10)),
                with(Some(Ending::Defaulted), Some(20)),
                with(Some(Ending::Terminated), None),
                with(Some(Ending::Recalled), None),
                with(None, None),
            ],
        );
        assert_eq!((made.completed, made.defaulted, made.terminated, made.recalled), (3, 1, 1, 1));
        assert_eq!(made.completion_rate.unwrap().to_string(), "0.7500");
        assert_eq!((made.lead_minutes, made.leads), (Some(10), 4));
        let day = made.days[&Day::new(19_999)];
        assert_eq!((day.contracts, day.contracted.get(), day.weight), (7, 420, weight(1)));
    }
}
