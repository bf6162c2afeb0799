//! Depth: what so many GPUs would cost out of resting asks, taken as the exchange takes them.
//!
//! Asks are walked from the cheapest; from each is taken what is still wanted, rounded down to its lot.

use super::candles::{mean, turnover};
use crate::types::{Minute, Price, Window};

const MINUTES_PER_HOUR: u32 = 60;

/// What one ask could give over a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offer {
    /// At what price.
    pub price: Price,
    /// GPUs free in every minute of the window.
    pub gpus: u32,
    /// Fills come in multiples of it.
    pub lot: u32,
}

/// What so many GPUs would cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Quote {
    /// GPUs asked for.
    pub wanted: u32,
    /// GPUs that could be had of them.
    pub available: u32,
    /// The price of the cheapest GPU.
    pub best: Option<Price>,
    /// The price of the last GPU; nothing if not all can be had.
    pub marginal: Option<Price>,
    /// The mean price of those that can be had, half up.
    pub average: Option<Price>,
    turnover: i128,
}

impl Quote {
    /// Returns a quote for so many GPUs that has seen no ask yet.
    pub fn new(wanted: u32) -> Self {
        Self { wanted, ..Self::default() }
    }

    /// Takes what is wanted from the next ask; asks come in order of price.
    pub fn take(&mut self, offer: Offer) {
        let most = self.wanted.saturating_sub(self.available).min(offer.gpus);
        let over = most.checked_rem(offer.lot).unwrap_or(most);
        let taken = most.saturating_sub(over);
        if taken == 0 {
            return;
        }
        self.available = self.available.saturating_add(taken);
        self.turnover = self.turnover.saturating_add(turnover(offer.price, u64::from(taken)));
        self.best = self.best.or(Some(offer.price));
        self.average = mean(self.turnover, u64::from(self.available));
        self.marginal = Some(offer.price).filter(|_| self.is_full());
    }

    /// Tells whether no more is wanted.
    pub const fn is_full(&self) -> bool {
        self.available >= self.wanted
    }
}

/// Returns a window cut at full hours.
pub fn by_hour(window: Window) -> impl Iterator<Item = Window> {
    let mut start = window.start;
    std::iter::from_fn(move || {
        if start >= window.end {
            return None;
        }
        let over = start.get().checked_rem(MINUTES_PER_HOUR).unwrap_or_default();
        let hour = Minute::new(start.get().saturating_add(MINUTES_PER_HOUR.saturating_sub(over)));
        let piece = Window::new(start, window.end.min(hour));
        start = piece.end;
        Some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_cut_at_full_hours() {
        let cut = |start: u32, end: u32| -> Vec<(u32, u32)> {
            let window = Window::new(Minute::new(start), Minute::new(end));
            by_hour(window).map(|hour| (hour.start.get(), hour.end.get())).collect()
        };
        assert_eq!(cut(60, 180), [(60, 120), (120, 180)]);
        assert_eq!(cut(59, 121), [(59, 60), (60, 120), (120, 121)]);
        assert_eq!(cut(60, 60), []);
        assert_eq!(cut(u32::MAX - 1, u32::MAX), [(u32::MAX - 1, u32::MAX)]);
    }

    fn quote(wanted: u32, offers: &[(i64, u32, u32)]) -> (u32, Option<i64>, Option<i64>, Option<i64>) {
        let mut quote = Quote::new(wanted);
        for (micros, gpus, lot) in offers {
            quote.take(Offer { price: Price::from_micros(*micros), gpus: *gpus, lot: *lot });
        }
        let micros = |price: Option<Price>| price.map(Price::micros);
        (quote.available, micros(quote.best), micros(quote.marginal), micros(quote.average))
    }

    #[test]
    fn the_last_gpu_sets_the_marginal_price() {
        let offers = [(100, 8, 8), (200, 4, 1), (300, 100, 8)];
        assert_eq!(quote(8, &offers), (8, Some(100), Some(100), Some(100)));
        assert_eq!(quote(10, &offers), (10, Some(100), Some(200), Some(120)));
        // Whole nodes are not split: 4 are taken at 200, none of the first node.
        assert_eq!(quote(4, &offers), (4, Some(200), Some(200), Some(200)));
        // 8 + 4 + 8 of 21 can be had: there is no price for the last one.
        assert_eq!(quote(21, &offers), (20, Some(100), None, Some(200)));
        assert_eq!(quote(1, &[]), (0, None, None, None));
    }
}
