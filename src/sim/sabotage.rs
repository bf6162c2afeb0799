//! Faults that a right program does not have, to show that the auditor finds them. For tests alone.

use std::sync::Arc;

use crate::exchange::Snapshot;
use crate::store::Recovered;
use crate::types::limits::WINDOW_MINUTES_MAX;
use crate::types::{Money, Side, Source};

/// A fault of the disk or of what is read back from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sabotage {
    /// A commit is acknowledged and then lost.
    LoseAcknowledged,
    /// After a restart, money behind a bid is free to spend.
    ForgetHold,
    /// After a restart, a sold GPU is on offer again.
    SellTwice,
    /// After a restart, the best ask is eligible for nobody.
    PassOver,
    /// After a restart, no request is remembered, so that a retry is executed again.
    ForgetRequests,
    /// After a restart, nothing seems to have been paid for what was delivered.
    ForgetPayments,
    /// After a restart, everything that was accepted seems to have been up all the time.
    ForgetOutages,
}

impl Sabotage {
    /// Every one.
    pub const ALL: &'static [Self] = &[
        Self::LoseAcknowledged,
        Self::ForgetHold,
        Self::SellTwice,
        Self::PassOver,
        Self::ForgetRequests,
        Self::ForgetPayments,
        Self::ForgetOutages,
    ];

    /// Changes what a restart reads; the digest would tell, so it goes as well.
    pub(super) fn spoil(self, recovered: Recovered) -> Recovered {
        let Recovered { mut snapshot, digest, .. } = recovered;
        let spoilt = match self {
            Self::LoseAcknowledged => false,
            Self::ForgetHold => forget_hold(&mut snapshot),
            Self::SellTwice => forget_sale(&mut snapshot),
            Self::PassOver => pass_over_best_ask(&mut snapshot),
            Self::ForgetRequests => {
                snapshot.client_orders.clear();
                snapshot.keys.clear();
                true
            }
            Self::ForgetPayments => forget_payments(&mut snapshot),
            Self::ForgetOutages => forget_outages(&mut snapshot),
        };
        Recovered { snapshot, digest: digest.filter(|_| !spoilt), ..recovered }
    }
}

fn forget_hold(snapshot: &mut Snapshot) -> bool {
    let Some((_, purse)) = snapshot.purses.iter_mut().find(|(_, purse)| purse.held > Money::ZERO) else {
        return false;
    };
    let Ok(available) = purse.available.plus(purse.held) else { return false };
    purse.available = available;
    true
}

fn forget_sale(snapshot: &mut Snapshot) -> bool {
    let resold = |id| snapshot.contracts.iter().any(|row| row.source == Source::Contract(id));
    let offered = |id| snapshot.orders.iter().any(|row| row.source == Some(Source::Contract(id)));
    let at = snapshot.contracts.iter().position(|row| !resold(row.id) && !offered(row.id));
    at.map(|at| snapshot.contracts.remove(at)).is_some()
}

fn forget_payments(snapshot: &mut Snapshot) -> bool {
    let mut spoilt = false;
    for (_, delivery) in &mut snapshot.deliveries {
        if delivery.paid > Money::ZERO && delivery.earlier.is_empty() {
            let delivery = Arc::make_mut(delivery);
            (delivery.paid, delivery.fee) = (Money::ZERO, Money::ZERO);
            spoilt = true;
        }
    }
    spoilt
}

fn forget_outages(snapshot: &mut Snapshot) -> bool {
    let mut spoilt = false;
    for (_, delivery) in &mut snapshot.deliveries {
        if delivery.undelivered > 0 && delivery.earlier.is_empty() {
            let delivery = Arc::make_mut(delivery);
            delivery.delivered = delivery.delivered.saturating_add(std::mem::take(&mut delivery.undelivered));
            spoilt = true;
        }
    }
    spoilt
}

/// Makes the best ask want more notice than any bid gives.
fn pass_over_best_ask(snapshot: &mut Snapshot) -> bool {
    let asks = snapshot.orders.iter_mut().filter(|order| order.side == Side::Ask);
    let best = asks.min_by_key(|order| (order.price, order.sequence));
    best.map(|order| Arc::make_mut(order).lead_minutes = WINDOW_MINUTES_MAX).is_some()
}
