//! What an order still offers or wants, and what became of the rest.

use super::entities::Order;
use crate::types::{Price, Side, Source, Timestamp, Window};

impl Order {
    /// Tells whether it sells out of a listing, and not out of a contract.
    pub const fn is_primary(&self) -> bool {
        matches!(self.source, Some(Source::Listing(_)))
    }

    /// Returns the window that can still trade.
    pub fn open_window(&self, now: Timestamp) -> Window {
        self.window.from_minute(now.first_open_minute())
    }

    /// Returns the GPUs an ask still offers over a window inside its own.
    pub fn free_over(&self, window: Window) -> u32 {
        self.gpus.saturating_sub(self.sold.max_over(window))
    }

    /// Returns a bid's GPUs still wanted, or the most an ask has free in any minute to come.
    pub fn remaining_gpus(&self, now: Timestamp) -> u32 {
        if !self.status.is_open() {
            return 0;
        }
        match self.side {
            Side::Bid => self.gpus.saturating_sub(self.filled_gpus),
            Side::Ask => {
                let open = self.open_window(now);
                if open.is_empty() { 0 } else { self.gpus.saturating_sub(self.sold.min_over(open)) }
            }
        }
    }

    /// Returns what an ask still has free, minute by minute, from now on.
    pub fn residual_schedule(&self, now: Timestamp) -> Vec<(Window, u32)> {
        if self.side == Side::Bid || !self.status.is_open() {
            return Vec::new();
        }
        self.unsold(self.open_window(now)).filter(|(_, free)| *free > 0).collect()
    }

    /// Returns what an ask had free in the minutes that passed while it was open.
    pub fn lapsed(&self, now: Timestamp) -> Vec<(Window, u32)> {
        let until = self.ended_at.unwrap_or(now).first_open_minute();
        let past = Window::new(self.window.start, self.window.end.min(until));
        if self.side == Side::Bid || past.is_empty() {
            return Vec::new();
        }
        self.unsold(past).filter(|(_, free)| *free > 0).collect()
    }

    /// Returns what an ask has not sold, piece by piece over a window.
    pub(super) fn unsold(&self, window: Window) -> impl Iterator<Item = (Window, u32)> + '_ {
        self.sold.pieces(window).map(|(piece, sold)| (piece, self.gpus.saturating_sub(sold)))
    }

    /// Returns the mean price of the fills weighted by GPU-minutes, half up to the micro-dollar.
    pub fn average_price(&self) -> Option<Price> {
        self.turnover.mean(self.filled_gpu_minutes)
    }
}
