//! The daily index kept up trade by trade, for every slice of a product's trades.
//!
//! Invariant: the fixes are those that [`fix`] gives on the trades of each day at once. A day is fixed for good when a
//! trade of a later one arrives; of days gone by only the fix is kept, with a hash of its inputs.

use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::Arc;

use super::{DayTrade, Fix, Inputs, RestingAsk, fix};
use crate::market::{Day, Tenor};
use crate::types::{FixOrigin, OutOfRange, Price, Region, TradeId, hex};

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

/// A fix without the list of its inputs.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    pub origin: FixOrigin,
    /// How many trades or asks are in it.
    pub inputs: usize,
    /// The least and the greatest of their numbers.
    pub between: Option<(i64, i64)>,
    /// The trades that were too far from the median.
    pub dropped: Vec<TradeId>,
    /// SHA-256 over the rule's version, the day and every input in order: number, price in micro-USD, weight in
    /// GPU-minutes (asks: GPUs), each as eight bytes, big-endian. A carried fix has its price as only input. In lower-case hexadecimal digits.
    pub hash: String,
    /// Which publication of this day it is, from 1 on; nothing if it is not published (yet).
    pub version: Option<u32>,
}

/// What was published of a day last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Which publication of this day it is, from 1 on.
    pub version: u32,
    /// The fix; nothing if it says that there is none.
    pub fixed: Option<Fixed>,
}

/// What there is to publish of a day: a fix, or that there is none.
pub type ToPublish = (Day, Option<Fixed>);

/// The fixes of every slice of one product's trades.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IndexFold {
    /// What trades were enough for, by day; every slice in which something was traded is here.
    closed: BTreeMap<Slice, BTreeMap<Day, Fixed>>,
    /// The day of the last trade.
    day: Option<Day>,
    /// The trades of that day: each once, whatever slices it lies in.
    open: Open,
}

/// Trades by where, for how long, and whether out of a listing.
type Open = BTreeMap<Region, BTreeMap<(Tenor, bool), Vec<DayTrade>>>;

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

    /// Returns the trades that lie in it, some at a time.
    fn within<'a>(&'a self, open: &'a Open) -> impl Iterator<Item = &'a Vec<DayTrade>> {
        let regions = open.iter().filter(|(name, _)| self.region.as_ref().is_none_or(|region| region == *name));
        let takes = |(tenor, primary): (Tenor, bool)| {
            self.tenor.is_none_or(|wanted| wanted == tenor) && self.primary.is_none_or(|wanted| wanted == primary)
        };
        regions.flat_map(|(_, kinds)| kinds).filter(move |(kind, _)| takes(**kind)).map(|(_, trades)| trades)
    }

    fn is_in(&self, open: &Open) -> bool {
        self.within(open).next().is_some()
    }

    /// Returns the trades that lie in it, in order.
    fn of(&self, open: &Open) -> Vec<DayTrade> {
        let mut trades: Vec<DayTrade> = self.within(open).flatten().copied().collect();
        // Trades have their numbers in the order in which they were made.
        trades.sort_by_key(|trade| trade.trade);
        trades
    }
}

impl Fixed {
    fn of(fix: &Fix, trades: &[DayTrade], asks: &[RestingAsk]) -> Self {
        let mut digest = InputDigest::new(fix.rule_version, fix.day);
        let (origin, inputs, dropped) = match &fix.inputs {
            Inputs::Trades { used, dropped } => {
                let in_it = among(trades, used, |trade| trade.trade);
                in_it.for_each(|trade| digest.add(trade.trade.number(), trade.price, trade.gpu_minutes));
                (FixOrigin::Trades, used.len(), dropped.clone())
            }
            Inputs::Asks(used) => {
                let in_it = among(asks, used, |ask| ask.order);
                in_it.for_each(|ask| digest.add(ask.order.number(), ask.price, u64::from(ask.gpus)));
                (FixOrigin::Asks, used.len(), Vec::new())
            }
            Inputs::Carried(_) => (FixOrigin::Carried, 0, Vec::new()),
        };
        let between = digest.between;
        if let Inputs::Carried(day) = fix.inputs {
            digest.add(i64::from(day.get()), fix.price, 0);
        }
        let Fix { day, price, thin, rule_version, .. } = *fix;
        let hash = digest.finish();
        Self { day, price, thin, rule_version, origin, inputs, between, dropped, hash, version: None }
    }
}

/// Returns those of all that are used, of which there are only some, in the same order.
fn among<'a, T, N: Copy + PartialEq>(
    all: &'a [T],
    used: &'a [N],
    number: impl Fn(&T) -> N,
) -> impl Iterator<Item = &'a T> {
    let mut used = used.iter().copied().peekable();
    all.iter().filter(move |one| used.next_if_eq(&number(one)).is_some())
}

/// The digest of a fix's inputs, and between which numbers they are.
struct InputDigest {
    hasher: Sha256,
    between: Option<(i64, i64)>,
}

impl InputDigest {
    fn new(rule_version: u32, day: Day) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(u64::from(rule_version).to_be_bytes());
        hasher.update(u64::from(day.get()).to_be_bytes());
        Self { hasher, between: None }
    }

    fn add(&mut self, number: i64, price: Price, weight: u64) {
        self.hasher.update(number.to_be_bytes());
        self.hasher.update(price.micros().to_be_bytes());
        self.hasher.update(weight.to_be_bytes());
        self.between =
            Some(self.between.map_or((number, number), |(least, most)| (least.min(number), most.max(number))));
    }

    fn finish(self) -> String {
        hex(&self.hasher.finalize())
    }
}

/// Returns the digest of a fix without inputs.
pub fn hash_of_nothing(rule_version: u32, day: Day) -> String {
    InputDigest::new(rule_version, day).finish()
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
        if self.day.is_some_and(|open| open < day) {
            self.close()?;
        }
        self.day = Some(self.day.map_or(day, |open| open.max(day)));
        let kind = (tenor, primary);
        if let Some(trades) = self.open.get_mut(region).and_then(|kinds| kinds.get_mut(&kind)) {
            trades.push(trade);
            return Ok(());
        }
        for slice in Slice::around(region, tenor, primary) {
            self.closed.entry(slice).or_default();
        }
        self.open.entry(region.clone()).or_default().insert(kind, vec![trade]);
        Ok(())
    }

    /// Fixes the day of the last trade for good.
    fn close(&mut self) -> Result<(), OutOfRange> {
        let open = std::mem::take(&mut self.open);
        let Some(day) = self.day else { return Ok(()) };
        for (slice, closed) in &mut self.closed {
            let trades = slice.of(&open);
            if !trades.is_empty() {
                closed.extend(fixed(day, &trades, &[], None)?.map(|fixed| (day, fixed)));
            }
        }
        Ok(())
    }

    /// Returns one fix for each day from the first that has one to before today. They change when a day is over, when
    /// something is published and when a trade is recalled, and not otherwise. What was published is given by day: of thin
    /// days gone by it is all that is known of their asks.
    ///
    /// # Errors
    /// [`OutOfRange`] if the last day cannot be fixed.
    pub fn before(
        &self,
        slice: &Slice,
        published: &BTreeMap<Day, Kept>,
        today: Day,
    ) -> Result<Vec<Arc<Fixed>>, OutOfRange> {
        let mut fixes: Vec<Arc<Fixed>> = Vec::new();
        let mut day = self.first(slice, published).unwrap_or(today);
        while day < today {
            let last = fixes.last().map(|fixed| &**fixed);
            fixes.extend(self.of_day(slice, day, published.get(&day), None, last)?.map(Arc::new));
            day = day.next();
        }
        Ok(fixes)
    }

    /// Returns the fix of today after those before it; what resting asks come to is given for the case that it is thin.
    ///
    /// # Errors
    /// [`OutOfRange`] if it cannot be fixed.
    pub fn on(
        &self,
        slice: &Slice,
        published: Option<&Kept>,
        resting: Option<&Fixed>,
        (today, last): (Day, Option<&Fixed>),
    ) -> Result<Option<Fixed>, OutOfRange> {
        self.of_day(slice, today, published, resting, last)
    }

    /// Returns what of the days before today is not published as it is: new fixes made of trades, of yesterday that of the
    /// asks given, and whatever a recall has changed.
    ///
    /// # Errors
    /// [`OutOfRange`] if the last day cannot be fixed.
    pub fn to_publish(
        &self,
        slice: &Slice,
        published: &BTreeMap<Day, Kept>,
        asks: &[RestingAsk],
        today: Day,
    ) -> Result<Vec<ToPublish>, OutOfRange> {
        let (mut due, mut last) = (Vec::new(), None::<Fixed>);
        let resting = fixed(today.before(), &[], asks, None)?;
        let mut day = self.first(slice, published).unwrap_or_else(|| today.before());
        while day < today {
            let kept = published.get(&day);
            let resting = resting.as_ref().filter(|_| day.next() == today && kept.is_none());
            let fixed = self.of_day(slice, day, kept, resting, last.as_ref())?;
            let is_due = match (&fixed, kept) {
                // A day that carries the one before is published only in the place of a fix.
                (Some(fixed), None) => fixed.origin != FixOrigin::Carried,
                (Some(fixed), Some(_)) => fixed.version.is_none(),
                (None, kept) => kept.is_some_and(|kept| kept.fixed.is_some()),
            };
            if is_due {
                due.push((day, fixed.clone()));
            }
            last = fixed.or(last);
            day = day.next();
        }
        Ok(due)
    }

    /// Tells whether the trades of a day are enough for a fix.
    pub fn is_made(&self, slice: &Slice, day: Day) -> bool {
        self.made(slice, day).is_ok_and(|made| made.is_some())
    }

    /// Returns the slices in which something was traded.
    pub fn slices(&self) -> impl Iterator<Item = &Slice> {
        self.closed.keys()
    }

    /// Returns the first day that has trades enough, or of which something was published.
    fn first(&self, slice: &Slice, published: &BTreeMap<Day, Kept>) -> Option<Day> {
        let closed = self.closed.get(slice).and_then(|closed| closed.keys().next().copied());
        let open = self.day.filter(|_| slice.is_in(&self.open));
        [closed, open, published.keys().next().copied()].into_iter().flatten().min()
    }

    /// Returns the fix that the trades of a day are enough for.
    fn made(&self, slice: &Slice, day: Day) -> Result<Option<Fixed>, OutOfRange> {
        match self.closed.get(slice).and_then(|closed| closed.get(&day)) {
            Some(closed) => Ok(Some(closed.clone())),
            None if self.day == Some(day) => fixed(day, &slice.of(&self.open), &[], None),
            None => Ok(None),
        }
    }

    /// Returns the fix of a day after those before it.
    fn of_day(
        &self,
        slice: &Slice,
        day: Day,
        kept: Option<&Kept>,
        resting: Option<&Fixed>,
        last: Option<&Fixed>,
    ) -> Result<Option<Fixed>, OutOfRange> {
        let kept_fix = kept.and_then(|kept| kept.fixed.as_ref());
        let found = match (self.made(slice, day)?, kept_fix) {
            (Some(made), _) => Some(made),
            (None, Some(kept)) if kept.origin == FixOrigin::Asks => Some(kept.clone()),
            (None, _) => match resting {
                Some(resting) => Some(resting.clone()),
                None => fixed(day, &[], &[], last)?,
            },
        };
        Ok(found.map(|mut found| {
            let same = kept_fix.filter(|kept| kept.hash == found.hash && kept.price == found.price);
            found.version = same.and(kept).map(|kept| kept.version);
            found
        }))
    }

    /// Returns the regions that were traded in.
    pub fn regions(&self) -> impl Iterator<Item = &Region> {
        let whole = self.closed.keys().filter(|slice| slice.tenor.is_none() && slice.primary.is_none());
        whole.filter_map(|slice| slice.region.as_ref())
    }
}

/// Fixes a day as a fold and as `verify` do; what is carried comes from the day before, which has carried it in turn.
pub fn fixed(
    day: Day,
    trades: &[DayTrade],
    asks: &[RestingAsk],
    last: Option<&Fixed>,
) -> Result<Option<Fixed>, OutOfRange> {
    let fix = fix(day, trades, asks, last.map(|last| (day.before(), last.price)))?;
    Ok(fix.map(|fix| Fixed::of(&fix, trades, asks)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::OrganizationId;
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

    /// The fixes of every day to today.
    fn fixes(fold: &IndexFold, slice: &Slice, today: u32) -> Vec<Fixed> {
        let (none, today) = (BTreeMap::new(), Day::new(today));
        let mut fixes: Vec<Fixed> =
            fold.before(slice, &none, today).unwrap().iter().map(|fixed| (**fixed).clone()).collect();
        fixes.extend(fold.on(slice, None, None, (today, fixes.last())).unwrap());
        fixes
    }

    #[test]
    fn the_hash_names_every_input() {
        let five: Vec<_> = (1..=5).map(|number| trade(number, number, 2_000_000)).collect();
        let of = |trades: &[DayTrade]| fixed(Day::new(9), trades, &[], None).unwrap().unwrap();
        let first = of(&five);
        assert_eq!((first.inputs, first.dropped.len(), first.origin.as_str()), (5, 0, "trades"));
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
        let found = fixes(&fold, &Slice::default(), 14);
        let shape: Vec<_> = found.iter().map(|fix| (fix.day.get(), fix.price.micros(), fix.origin.as_str())).collect();
        let carried = |day| (day, 2_000_000, "carried");
        assert_eq!(shape, [(10, 2_000_000, "trades"), carried(11), carried(12), carried(13), carried(14)]);
        let in_b = Slice { region: Some(region("b")), ..Slice::default() };
        assert_eq!(fixes(&fold, &in_b, 14), vec![]);
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
                prop_assert_eq!(fixes(&fold, &slice, 5), expected);
            }
        }
    }
}
