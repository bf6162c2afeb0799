//! The daily index kept up trade by trade, for every slice of a product's trades.
//!
//! Invariant: the fixes are those that [`fix`] gives on the trades of each day at once. A day is fixed for good when a
//! trade of a later one arrives; of days gone by only the fix is kept, with a hash of its inputs.

use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

use super::{DayTrade, Fix, Inputs, RestingAsk, fix};
use crate::market::{Day, Tenor};
use crate::types::{OutOfRange, Price, Region};

/// Which of a product's trades; absent fields take all.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Slice {
    /// Where the GPUs stand.
    pub region: Option<Region>,
    /// How long they are rented.
    pub tenor: Option<Tenor>,
    /// Whether they were sold out of a listing, and not out of a contract.
    pub primary: Option<bool>,
}

/// What a fix was made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The day's trades.
    Trades,
    /// Asks resting at the end of a thin day.
    Asks,
    /// The fix of an earlier day.
    Carried,
}

/// A fix without the list of its inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fixed {
    /// The day.
    pub day: Day,
    /// The index.
    pub price: Price,
    /// Whether there were too few trades.
    pub thin: bool,
    /// The rule it was made by.
    pub rule_version: u32,
    /// What it was made from.
    pub origin: Origin,
    /// How many trades or asks are in it.
    pub inputs: usize,
    /// How many trades were too far from the median.
    pub dropped: usize,
    /// SHA-256 over the rule's version, the day and every input in order: number, price in micro-USD, weight in
    /// GPU-minutes (asks: GPUs), each as eight bytes, big-endian. A carried fix has its price as only input.
    pub hash: [u8; 32],
}

/// The fixes of every slice of one product's trades.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IndexFold {
    series: BTreeMap<Slice, Series>,
    day: Option<Day>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Series {
    closed: BTreeMap<Day, Fixed>,
    open: Vec<DayTrade>,
}

impl Origin {
    /// Returns its one spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trades => "trades",
            Self::Asks => "asks",
            Self::Carried => "carried",
        }
    }
}

impl Slice {
    /// Returns every slice that a trade lies in.
    fn around(region: &Region, tenor: Tenor, primary: bool) -> impl Iterator<Item = Self> {
        let regions = [None, Some(region)];
        regions.into_iter().flat_map(move |region| {
            [None, Some(tenor)].into_iter().flat_map(move |tenor| {
                [None, Some(primary)].map(|primary| Self { region: region.cloned(), tenor, primary })
            })
        })
    }
}

impl Fixed {
    fn of(fix: &Fix, trades: &[DayTrade], asks: &[RestingAsk]) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(u64::from(fix.rule_version).to_be_bytes());
        hasher.update(u64::from(fix.day.get()).to_be_bytes());
        let mut input = |number: i64, price: Price, weight: u64| {
            hasher.update(number.to_be_bytes());
            hasher.update(price.micros().to_be_bytes());
            hasher.update(weight.to_be_bytes());
        };
        let (origin, inputs, dropped) = match &fix.inputs {
            Inputs::Trades { used, dropped } => {
                let used: std::collections::BTreeSet<_> = used.iter().copied().collect();
                let in_it = trades.iter().filter(|trade| used.contains(&trade.trade));
                in_it.for_each(|trade| input(trade.trade.number(), trade.price, trade.gpu_minutes));
                (Origin::Trades, used.len(), dropped.len())
            }
            Inputs::Asks(used) => {
                let used: std::collections::BTreeSet<_> = used.iter().copied().collect();
                let in_it = asks.iter().filter(|ask| used.contains(&ask.order));
                in_it.for_each(|ask| input(ask.order.number(), ask.price, u64::from(ask.gpus)));
                (Origin::Asks, used.len(), 0)
            }
            Inputs::Carried(day) => {
                input(i64::from(day.get()), fix.price, 0);
                (Origin::Carried, 0, 0)
            }
        };
        let Fix { day, price, thin, rule_version, .. } = *fix;
        Self { day, price, thin, rule_version, origin, inputs, dropped, hash: hasher.finalize().into() }
    }
}

impl IndexFold {
    /// Folds in the next trade, made on a day.
    ///
    /// # Errors
    /// [`OutOfRange`] if a day that it ends cannot be fixed.
    pub fn add(
        &mut self,
        day: Day,
        trade: DayTrade,
        region: &Region,
        tenor: Tenor,
        primary: bool,
    ) -> Result<(), OutOfRange> {
        if let Some(open) = self.day.filter(|open| *open < day) {
            for series in self.series.values_mut().filter(|series| !series.open.is_empty()) {
                let trades = std::mem::take(&mut series.open);
                let fixed = fixed(open, &trades, &[], series.last())?;
                series.closed.extend(fixed.map(|fixed| (open, fixed)));
            }
        }
        self.day = Some(self.day.map_or(day, |open| open.max(day)));
        for slice in Slice::around(region, tenor, primary) {
            self.series.entry(slice).or_default().open.push(trade);
        }
        Ok(())
    }

    /// Returns one fix for each day from the first that has one to today, whose asks are given.
    ///
    /// # Errors
    /// [`OutOfRange`] if the last day cannot be fixed.
    pub fn fixes(&self, slice: &Slice, asks: &[RestingAsk], today: Day) -> Result<Vec<Fixed>, OutOfRange> {
        let nothing = Series::default();
        let series = self.series.get(slice).unwrap_or(&nothing);
        let open = self.day.filter(|_| !series.open.is_empty());
        let mut day = series.closed.keys().next().copied().or(open).unwrap_or(today);
        let mut fixes: Vec<Fixed> = Vec::new();
        while day <= today {
            let trades = if open == Some(day) { series.open.as_slice() } else { &[] };
            let asks = if day == today { asks } else { &[] };
            match series.closed.get(&day) {
                Some(closed) => fixes.push(*closed),
                None => fixes.extend(fixed(day, trades, asks, fixes.last())?),
            }
            day = day.next();
        }
        Ok(fixes)
    }

    /// Returns the regions that were traded in.
    pub fn regions(&self) -> impl Iterator<Item = &Region> {
        let whole = self.series.keys().filter(|slice| slice.tenor.is_none() && slice.primary.is_none());
        whole.filter_map(|slice| slice.region.as_ref())
    }
}

impl Series {
    fn last(&self) -> Option<&Fixed> {
        self.closed.values().next_back()
    }
}

/// Fixes a day; what is carried comes from the day before, which has carried it in turn.
fn fixed(
    day: Day,
    trades: &[DayTrade],
    asks: &[RestingAsk],
    last: Option<&Fixed>,
) -> Result<Option<Fixed>, OutOfRange> {
    let before = Day::new(day.get().saturating_sub(1));
    let fix = fix(day, trades, asks, last.map(|last| (before, last.price)))?;
    Ok(fix.map(|fix| Fixed::of(&fix, trades, asks)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{OrganizationId, TradeId};
    use proptest::prelude::*;

    fn region(name: &str) -> Region {
        Region::new(name).unwrap()
    }

    fn trade(number: i64, buyer: i64, micros: i64) -> DayTrade {
        DayTrade {
            trade: TradeId::new(number),
            buyer: OrganizationId::new(buyer),
            seller: OrganizationId::new(99),
            gpu_minutes: 60,
            price: Price::from_micros(micros),
            recalled: false,
        }
    }

    #[test]
    fn the_hash_names_every_input() {
        let five: Vec<_> = (1..=5).map(|number| trade(number, number, 2_000_000)).collect();
        let of = |trades: &[DayTrade]| fixed(Day::new(9), trades, &[], None).unwrap().unwrap();
        let first = of(&five);
        assert_eq!((first.inputs, first.dropped, first.origin.as_str()), (5, 0, "trades"));
        let mut other = five.clone();
        other[4].trade = TradeId::new(6);
        assert_ne!(of(&other).hash, first.hash);
        other[4] = DayTrade { gpu_minutes: 61, ..five[4] };
        assert_ne!(of(&other).hash, first.hash);
        assert_eq!(of(&five).hash, first.hash);
    }

    #[test]
    fn a_gap_carries_the_day_before() {
        let mut fold = IndexFold::default();
        for number in 1..=5 {
            fold.add(Day::new(10), trade(number, number, 2_000_000), &region("a"), Tenor::Day, true).unwrap();
        }
        fold.add(Day::new(13), trade(6, 1, 9_000_000), &region("b"), Tenor::Hour, false).unwrap();
        let fixes = fold.fixes(&Slice::default(), &[], Day::new(14)).unwrap();
        let shape: Vec<_> = fixes.iter().map(|fix| (fix.day.get(), fix.price.micros(), fix.origin.as_str())).collect();
        let carried = |day| (day, 2_000_000, "carried");
        assert_eq!(shape, [(10, 2_000_000, "trades"), carried(11), carried(12), carried(13), carried(14)]);
        let in_b = Slice { region: Some(region("b")), ..Slice::default() };
        assert_eq!(fold.fixes(&in_b, &[], Day::new(14)), Ok(vec![]));
        assert_eq!(fold.regions().count(), 2);
    }

    proptest! {
        #[test]
        fn folding_is_recomputing(
            rows in prop::collection::vec((0u32..4, 1i64..6, 1_800_000i64..2_200_000, 0usize..2, 0usize..6, any::<bool>()), 0..60),
        ) {
            let mut rows = rows;
            rows.sort_by_key(|row| row.0);
            let regions = [region("a"), region("b")];
            let mut fold = IndexFold::default();
            for (number, (day, buyer, micros, place, tenor, primary)) in (1..).zip(&rows) {
                let trade = trade(number, *buyer, *micros);
                fold.add(Day::new(*day), trade, &regions[*place], Tenor::ALL[*tenor], *primary).unwrap();
            }
            let slices = [
                Slice::default(),
                Slice { region: Some(regions[1].clone()), ..Slice::default() },
                Slice { tenor: Some(Tenor::ALL[2]), primary: Some(true), ..Slice::default() },
                Slice { region: Some(regions[0].clone()), tenor: None, primary: Some(false) },
            ];
            for slice in slices {
                let taken = |row: &(u32, i64, i64, usize, usize, bool)| {
                    slice.region.as_ref().is_none_or(|region| *region == regions[row.3])
                        && slice.tenor.is_none_or(|tenor| tenor == Tenor::ALL[row.4])
                        && slice.primary.is_none_or(|primary| primary == row.5)
                };
                let mut expected: Vec<Fixed> = Vec::new();
                for day in 0..6 {
                    let of_day = (1..).zip(&rows).filter(|(_, row)| row.0 == day && taken(row));
                    let trades: Vec<_> = of_day.map(|(number, row)| trade(number, row.1, row.2)).collect();
                    expected.extend(fixed(Day::new(day), &trades, &[], expected.last()).unwrap());
                }
                prop_assert_eq!(fold.fixes(&slice, &[], Day::new(5)).unwrap(), expected);
            }
        }
    }
}
