//! What time does by itself.

use super::market::Market;
use super::{Rule, Violation, ensure};
use crate::types::{Minute, OrderReason, OrderStatus, Side, Timestamp};

impl Market {
    /// Orders whose time has passed end, contracts that are over are completed.
    pub(super) fn advance(&mut self, now: Timestamp) -> Result<(), Violation> {
        ensure(now >= self.now, Rule::WronglyAccepted, || format!("from {} back to {now}", self.now))?;
        self.now = now;
        let first_open = self.first_open();
        let due = self.orders.values().filter(|order| {
            let passed = order.expires_at.is_some_and(|at| at <= now);
            passed || !order.can_trade(first_open)
        });
        let expired = (OrderStatus::Expired, Some(OrderReason::Expired));
        let how = |side| move |spent| if side == Side::Bid { expired } else { spent };
        let due: Vec<_> = due.map(|row| (row.id, how(row.side)(row.how_spent(first_open)))).collect();
        for (id, (status, reason)) in due {
            self.finish(id, status, reason)?;
        }
        self.begin_books();
        let over = self.contracts.values().filter(|row| row.window.end <= now.minute());
        let over: Vec<(i64, Minute, i64)> = over.map(|row| (row.id, row.window.end, row.escrow_micros)).collect();
        for (id, end, escrow) in over {
            self.completed.push(id);
            self.end_book(id, end, escrow);
        }
        self.contracts.retain(|_, row| row.window.end > now.minute());
        Ok(())
    }
}
