//! The stretches in which an ask can still sell: what a bid's window must lie in.

use super::super::BookAsk;
use crate::types::{Minute, Steps, Window};

/// A stretch that cannot be longer, with the most GPUs free in any of its minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    pub window: Window,
    pub gpus: u32,
}

/// Returns the stretches of a window in which at least a lot is free and that are long enough to be rented.
///
/// A fill of `k` GPUs needs a lot free in every minute of it: outside the stretches an ask sells nothing.
pub fn stretches(ask: &BookAsk, sold: &Steps, within: Window) -> impl Iterator<Item = Stretch> {
    let mut pieces = sold.pieces(within);
    let longest = std::iter::from_fn(move || {
        let is_free = |(window, sold): (Window, u32)| {
            let gpus = ask.gpus.saturating_sub(sold);
            (gpus > 0 && gpus >= ask.lot).then_some(Stretch { window, gpus })
        };
        let mut stretch = pieces.find_map(is_free)?;
        for next in pieces.by_ref().map_while(is_free) {
            stretch.window.end = next.window.end;
            stretch.gpus = stretch.gpus.max(next.gpus);
        }
        Some(stretch)
    });
    longest.filter(|stretch| stretch.window.minutes() >= ask.min_minutes)
}

/// Returns a part of the ask's window that contains the given one and cuts no stretch.
pub fn around(ask: &BookAsk, window: Window) -> Window {
    let steps = ask.sold.steps();
    let blocked = |(_, sold): &(Minute, u32)| ask.gpus.saturating_sub(*sold) < ask.lot.max(1);
    let (before, _) = steps.split_at(steps.partition_point(|(at, _)| *at <= window.start));
    let start = match before.iter().rposition(blocked) {
        None => ask.window.start,
        Some(last) => before.get(last.saturating_add(1)).map_or(window.start, |(at, _)| *at),
    };
    let (_, behind) = steps.split_at(steps.partition_point(|(at, _)| *at < window.end));
    let end = behind.iter().find(|step| blocked(step)).map_or(ask.window.end, |(at, _)| *at);
    Window::new(start, end).shared(ask.window)
}
