//! Pictures drawn on the server: small lines and bars, in whole units of their own grid.

use crate::types::Price;

/// The width of a sparkline's grid.
pub const SPARK_WIDTH: i64 = 120;
/// The height of a sparkline's grid.
pub const SPARK_HEIGHT: i64 = 32;

/// Returns the points of a line through prices in order, as `points` of a `polyline`, evenly spaced over the grid; nothing
/// for fewer than two.
pub fn line(prices: &[Price], width: i64, height: i64) -> Option<String> {
    let (low, high) = (prices.iter().min()?.micros(), prices.iter().max()?.micros());
    let last = i64::try_from(prices.len()).ok()?.checked_sub(1).filter(|last| *last > 0)?;
    let span = high.checked_sub(low)?;
    let mut points = String::new();
    for (at, price) in (0_i64..).zip(prices) {
        let x = scale(at, last, width)?;
        let up = if span == 0 { height / 2 } else { scale(price.micros().checked_sub(low)?, span, height)? };
        points.push_str(&format!("{x},{} ", height.saturating_sub(up)));
    }
    points.pop();
    Some(points)
}

/// Returns a part of a whole on a grid.
pub fn scale(part: i64, whole: i64, grid: i64) -> Option<i64> {
    let scaled = i128::from(part).checked_mul(i128::from(grid))?.checked_div(i128::from(whole))?;
    i64::try_from(scaled).ok()
}

/// Returns the part of a whole in steps of 5, 0 to 100, for the classes that widths and shades are drawn by; anything
/// above nothing is at least one step.
pub fn step(part: u64, whole: u64) -> u64 {
    if whole == 0 || part == 0 {
        return 0;
    }
    let twentieths = u128::from(part).saturating_mul(20).saturating_add(u128::from(whole / 2)) / u128::from(whole);
    u64::try_from(twentieths).unwrap_or(20).clamp(1, 20).saturating_mul(5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_spans_its_grid() {
        let prices = [8, 2, 5].map(Price::from_micros);
        assert_eq!(line(&prices, 100, 30).unwrap(), "0,0 50,30 100,15");
        assert_eq!(line(&[3, 3].map(Price::from_micros), 100, 30).unwrap(), "0,15 100,15");
        assert_eq!(line(&[Price::from_micros(1)], 100, 30), None);
        assert_eq!(line(&[], 100, 30), None);
    }

    #[test]
    fn shares_come_in_steps_of_five() {
        assert_eq!(
            [step(0, 9), step(1, 1_000), step(1, 2), step(9, 9), step(10, 9), step(1, 0)],
            [0, 5, 50, 100, 100, 0]
        );
    }
}
