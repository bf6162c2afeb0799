//! How far a price fell from its peak, and how far it came back.

use std::collections::BTreeMap;

use super::median::lower_median;
use super::{Day, Ratio};
use crate::types::{Price, Timestamp};

/// A price at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    /// When.
    pub at: Timestamp,
    /// How much.
    pub price: Price,
}

/// The lowest price since the peak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trough {
    /// The first time the lowest price was reached.
    pub point: Point,
    /// `trough / peak - 1`: the deepest drawdown.
    pub drawdown: Option<Ratio>,
    /// `current / trough - 1`.
    pub rebound: Option<Ratio>,
    /// From the peak's day to the trough's.
    pub days: u32,
    /// From the peak's day to the first at or below the middle between peak and trough: the half-life of the fall.
    pub half_life_days: Option<u32>,
}

/// A straight piece of the path of a price, from one turning point to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leg {
    /// Where it begins.
    pub from: Point,
    /// Where it ends.
    pub to: Point,
    /// `to / from - 1`.
    pub change: Option<Ratio>,
    /// From the one's day to the other's.
    pub days: u32,
}

/// The path of a price in its three corners: to its peak, down to the trough, and to where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piecewise {
    /// From the first point to the peak, to the trough, to the last point; a leg between one point and itself is left out.
    pub legs: Vec<Leg>,
    /// In words: `8.00 -> 2.00 in 90 days; back to 2.60`.
    pub says: String,
}

/// Where a series stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drawdown {
    /// The first point.
    pub first: Point,
    /// The first time the highest price was reached.
    pub peak: Point,
    /// The last point.
    pub current: Point,
    /// `current / peak - 1`: zero or less.
    pub drawdown: Option<Ratio>,
    /// From the peak's day to the last point's.
    pub days_since_peak: u32,
    /// Days on which a price stood below the highest before it: a price holds until the next.
    pub days_under_water: u32,
    /// The lowest since; nothing if the peak is the last point.
    pub trough: Option<Trough>,
}

/// Returns one point per UTC day, at its start: the lower median of the day's prices.
pub fn daily(points: &[(Timestamp, Price)]) -> Vec<Point> {
    let mut days: BTreeMap<Day, Vec<i64>> = BTreeMap::new();
    for (at, price) in points {
        days.entry(Day::of(*at)).or_default().push(price.micros());
    }
    let point = |(day, prices): (Day, Vec<i64>)| {
        Some(Point { at: day.start(), price: Price::from_micros(lower_median(prices)?) })
    };
    days.into_iter().filter_map(point).collect()
}

/// Returns where a series, in order of time, stands; nothing for an empty one.
pub fn drawdown(series: &[Point]) -> Option<Drawdown> {
    let (first, current) = (*series.first()?, *series.last()?);
    // Reversed, `max_by_key` returns the first of equal maxima; `min_by_key` does so by itself.
    let (at, peak) = series.iter().enumerate().rev().max_by_key(|(_, point)| point.price)?;
    let since = series.get(at.saturating_add(1)..).unwrap_or_default();
    let trough = since.iter().min_by_key(|point| point.price).map(|trough| Trough {
        point: *trough,
        drawdown: Ratio::change(peak.price.micros(), trough.price.micros()),
        rebound: Ratio::change(trough.price.micros(), current.price.micros()),
        days: days(peak, trough),
        half_life_days: half_life(since, peak, trough),
    });
    Some(Drawdown {
        first,
        peak: *peak,
        current,
        drawdown: Ratio::change(peak.price.micros(), current.price.micros()),
        days_since_peak: days(peak, &current),
        days_under_water: under_water(series),
        trough,
    })
}

impl Drawdown {
    /// Returns the path in its corners.
    pub fn piecewise(&self) -> Piecewise {
        let corners = [Some(self.first), Some(self.peak), self.trough.map(|trough| trough.point), Some(self.current)];
        let corners: Vec<Point> = corners.into_iter().flatten().collect();
        let pieces = corners.iter().zip(corners.iter().skip(1)).filter(|(from, to)| from.at != to.at);
        let legs = pieces.map(|(from, to)| Leg {
            from: *from,
            to: *to,
            change: Ratio::change(from.price.micros(), to.price.micros()),
            days: days(from, to),
        });
        Piecewise { legs: legs.collect(), says: self.says() }
    }

    fn says(&self) -> String {
        let Some(Trough { point, days, .. }) = self.trough.filter(|trough| trough.point.price < self.peak.price) else {
            return format!("{} at its peak", self.current.price);
        };
        let day = if days == 1 { "day" } else { "days" };
        let fall = format!("{} -> {} in {days} {day}", self.peak.price, point.price);
        let is_back = self.current.price > point.price;
        if is_back { format!("{fall}; back to {}", self.current.price) } else { fall }
    }
}

fn days(from: &Point, to: &Point) -> u32 {
    Day::of(to.at).days_since(Day::of(from.at))
}

fn half_life(since: &[Point], peak: &Point, trough: &Point) -> Option<u32> {
    let both = i128::from(peak.price.micros()).saturating_add(trough.price.micros().into());
    let is_half = |point: &&Point| i128::from(point.price.micros()).saturating_mul(2) <= both;
    since.iter().find(is_half).filter(|_| trough.price < peak.price).map(|point| days(peak, point))
}

fn under_water(series: &[Point]) -> u32 {
    let mut highest = None;
    let held = series.iter().zip(series.iter().skip(1));
    held.fold(0, |sum: u32, (point, next)| {
        highest = highest.max(Some(point.price));
        if Some(point.price) < highest { sum.saturating_add(days(point, next)) } else { sum }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(prices: &[i64]) -> Vec<Point> {
        let point = |(day, price): (u32, &i64)| Point { at: Day::new(day).start(), price: Price::from_micros(*price) };
        (100..).zip(prices).map(point).collect()
    }

    #[test]
    fn peak_trough_and_rebound_are_dated() {
        let found = drawdown(&series(&[600, 800, 700, 800, 200, 300, 200, 250])).unwrap();
        assert_eq!(found.first.price.micros(), 600);
        assert_eq!((found.peak.price.micros(), Day::of(found.peak.at)), (800, Day::new(101)));
        assert_eq!(found.current.price.micros(), 250);
        assert_eq!(found.drawdown.unwrap().to_string(), "-0.6875");
        assert_eq!(found.days_since_peak, 6);
        let trough = found.trough.unwrap();
        assert_eq!((trough.point.price.micros(), Day::of(trough.point.at)), (200, Day::new(104)));
        assert_eq!(trough.drawdown.unwrap().to_string(), "-0.7500");
        assert_eq!(trough.rebound.unwrap().to_string(), "0.2500");
    }

    #[test]
    fn the_fall_has_a_half_life_and_days_under_water() {
        // The middle between 800 and 200 is 500: first passed on the third day after the peak.
        let found = drawdown(&series(&[600, 800, 700, 501, 500, 800, 200, 300])).unwrap();
        let trough = found.trough.unwrap();
        assert_eq!((trough.days, trough.half_life_days), (5, Some(3)));
        // 700, 501 and 500 for a day each, and 200; the last price has not stood yet.
        assert_eq!(found.days_under_water, 4);
        // A price holds until the next: here for a week below 8.
        let point = |day: u32, micros: i64| Point { at: Day::new(day).start(), price: Price::from_micros(micros) };
        assert_eq!(drawdown(&[point(1, 8), point(2, 7), point(9, 9)]).unwrap().days_under_water, 7);
        // No fall, no half-life.
        let flat = drawdown(&series(&[5, 5, 5])).unwrap();
        assert_eq!((flat.days_under_water, flat.trough.unwrap().half_life_days), (0, None));
    }

    #[test]
    fn a_path_is_told_in_its_corners() {
        let dollars = |prices: &[i64]| series(&prices.iter().map(|cents| cents * 10_000).collect::<Vec<_>>());
        let told = |prices: &[i64]| drawdown(&dollars(prices)).unwrap().piecewise();
        let whole = told(&[600, 800, 700, 200, 260]);
        assert_eq!(whole.says, "8.00 -> 2.00 in 2 days; back to 2.60");
        let legs = |told: Piecewise| -> Vec<(i64, i64, u32, String)> {
            let cents = |point: Point| point.price.micros() / 10_000;
            told.legs
                .iter()
                .map(|leg| (cents(leg.from), cents(leg.to), leg.days, leg.change.unwrap().to_string()))
                .collect()
        };
        let expected = [(600, 800, 1, "0.3333"), (800, 200, 2, "-0.7500"), (200, 260, 1, "0.3000")];
        assert_eq!(legs(whole), expected.map(|(from, to, days, change)| (from, to, days, change.to_owned())));
        // From its peak on to its lowest, now: one leg, and nothing came back.
        let down = told(&[800, 200]);
        assert_eq!(down.says, "8.00 -> 2.00 in 1 day");
        assert_eq!(legs(down).len(), 1);
        for prices in [&[200, 800][..], &[800], &[800, 800]] {
            assert_eq!(told(prices).says, "8.00 at its peak", "{prices:?}");
        }
        assert!(told(&[800]).legs.is_empty());
    }

    #[test]
    fn at_the_peak_there_is_no_trough() {
        let found = drawdown(&series(&[100, 200])).unwrap();
        assert_eq!((found.drawdown.unwrap().ten_thousandths(), found.days_since_peak, found.trough), (0, 0, None));
        assert_eq!(drawdown(&[]), None);
    }

    #[test]
    fn a_day_is_one_point() {
        let at = |day: u32, minutes: i64| Day::new(day).start().plus_millis(minutes * 60_000);
        let prices = [(at(7, 5), 300), (at(7, 1_439), 100), (at(6, 0), 900), (at(7, 9), 200), (at(7, 9), 400)];
        let points: Vec<_> = prices.iter().map(|(at, price)| (*at, Price::from_micros(*price))).collect();
        let daily: Vec<_> = daily(&points).iter().map(|point| (Day::of(point.at), point.price.micros())).collect();
        assert_eq!(daily, [(Day::new(6), 900), (Day::new(7), 200)]);
    }
}
