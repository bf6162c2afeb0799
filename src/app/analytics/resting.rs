//! Passes over what rests on one side of a product's book, a stretch at a time: the writer waits for one stretch at most.
//!
//! What changes between two stretches may be seen as it was before or after, or, where its price changed, twice or not
//! at all. The figures made from such a pass say as of which journal row it began.

use std::ops::ControlFlow;
use std::sync::Arc;

use crate::app::view::{Place, View};
use crate::app::{App, AppError, Live};
use crate::exchange::entities::Order;
use crate::types::{ProductId, Side, Window};

/// Orders that one pass looks at.
pub const ORDERS_MAX: usize = 100_000;
/// Orders looked at under one lock of the view.
const STRETCH: usize = 1_000;

/// How far a pass came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passed {
    /// Orders looked at.
    pub orders: usize,
    /// Whether there were more than one pass looks at.
    pub truncated: bool,
}

/// As [`pass_over`], whatever the orders' windows.
pub fn pass(
    live: &Live,
    side: (ProductId, Side),
    orders_max: usize,
    see: impl FnMut(&View, &Arc<Order>) -> ControlFlow<()>,
) -> Passed {
    pass_over(live, side, None, orders_max, see)
}

/// Goes over the open orders of a side whose windows overlap one, if one is given; the others cost next to nothing, but count.
/// The cheapest asks or the dearest bids come first, until the closure breaks or so many were seen. The
/// closure runs under the lock of the view: it copies and does not compute.
pub fn pass_over(
    live: &Live,
    (product, side): (ProductId, Side),
    window: Option<Window>,
    orders_max: usize,
    mut see: impl FnMut(&View, &Arc<Order>) -> ControlFlow<()>,
) -> Passed {
    let (mut after, mut orders) = (None::<Place>, 0_usize);
    loop {
        let most = STRETCH.min(orders_max.saturating_sub(orders));
        let went_on = live.read(|view| {
            let before = orders;
            for (place, resting) in view.side_after(product, side, after).take(most) {
                orders = orders.saturating_add(1);
                after = Some(place);
                if window.is_some_and(|window| !resting.window.overlaps(window)) {
                    continue;
                }
                if see(view, &resting.order).is_break() {
                    return None;
                }
            }
            let is_whole = orders.saturating_sub(before) == most;
            Some(is_whole && view.side_after(product, side, after).next().is_some())
        });
        match went_on {
            None | Some(false) => return Passed { orders, truncated: false },
            Some(true) if orders >= orders_max => return Passed { orders, truncated: true },
            Some(true) => {}
        }
    }
}

impl App {
    /// Computes where it keeps nobody waiting.
    ///
    /// # Errors
    /// If the computation panics.
    pub(in crate::app) async fn compute<T: Send + 'static>(
        &self,
        compute: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> Result<T, AppError> {
        let app = self.clone();
        let done = tokio::task::spawn_blocking(move || compute(&app)).await;
        done.map_err(|error| AppError::Internal(format!("compute: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::view::Resting;
    use crate::exchange::command::Requirements;
    use crate::types::{Minute, TimeInForce, Timestamp, Turnover};
    use crate::types::{Money, OrderId, OrderStatus, OrganizationId, Price, SelfTrade, Steps};
    use std::sync::RwLock;
    use tokio::sync::watch;

    fn ask(number: i64, price: Price) -> Order {
        Order {
            id: OrderId::new(number),
            created_at: Timestamp::default(),
            placed_at: Timestamp::default(),
            organization: OrganizationId::new(1),
            side: Side::Ask,
            product: ProductId::new(1),
            source: None,
            sequence: number,
            gpus: 1,
            window: Window::new(Minute::new(1), Minute::new(2)),
            minutes: None,
            price,
            lot: 1,
            min_minutes: 1,
            lead_minutes: 0,
            requirements: Requirements::default(),
            same_site: false,
            time_in_force: TimeInForce::Gtc,
            expires_at: None,
            post_only: false,
            self_trade: SelfTrade::CancelNewest,
            client_order_id: None,
            fingerprint: None,
            status: OrderStatus::Open,
            reason: None,
            ended_at: None,
            filled_gpus: 0,
            fills: 0,
            filled_gpu_minutes: 0,
            turnover: Turnover::ZERO,
            sold: Steps::new(),
            held: Money::ZERO,
            previous: None,
            last_trade: None,
            cover: None,
            funding: crate::types::Funding::Full,
            bond: None,
        }
    }

    /// A view of so many asks, dearest first by number.
    fn live(asks: i64) -> Live {
        let mut view = View::default();
        let book = view.book.entry((ProductId::new(1), Side::Ask)).or_default();
        for number in 1..=asks {
            let price = Price::from_micros(asks.saturating_sub(number));
            let order = Arc::new(ask(number, price));
            let window = order.window;
            book.insert((price, number, OrderId::new(number)), Resting { window, order });
        }
        Live::new(Arc::new(RwLock::new(view)), watch::channel(0).1)
    }

    fn seen(asks: i64, most: usize, stop_at: usize) -> (Vec<i64>, Passed) {
        let mut numbers = Vec::new();
        let passed = pass(&live(asks), (ProductId::new(1), Side::Ask), most, |_, order| {
            numbers.push(order.id.number());
            if numbers.len() == stop_at { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        (numbers, passed)
    }

    #[test]
    fn a_pass_sees_every_order_once_the_cheapest_first() {
        let (numbers, passed) = seen(2_500, ORDERS_MAX, usize::MAX);
        assert_eq!(numbers, (1..=2_500).rev().collect::<Vec<_>>());
        assert_eq!(passed, Passed { orders: 2_500, truncated: false });
    }

    #[test]
    fn a_pass_says_whether_it_was_cut_off() {
        for (asks, most, stop_at, expected) in [
            (1_000, 1_000, usize::MAX, (1_000, false)),
            (1_001, 1_000, usize::MAX, (1_000, true)),
            (2_500, 2_500, usize::MAX, (2_500, false)),
            (2_501, 2_500, usize::MAX, (2_500, true)),
            (2_500, ORDERS_MAX, 1_200, (1_200, false)),
            (0, ORDERS_MAX, usize::MAX, (0, false)),
        ] {
            let (numbers, passed) = seen(asks, most, stop_at);
            assert_eq!((numbers.len(), passed.truncated), expected, "{asks} {most} {stop_at}");
        }
    }
}
