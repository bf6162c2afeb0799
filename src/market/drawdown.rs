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
    });
    Some(Drawdown {
        first,
        peak: *peak,
        current,
        drawdown: Ratio::change(peak.price.micros(), current.price.micros()),
        days_since_peak: Day::of(current.at).days_since(Day::of(peak.at)),
        trough,
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
