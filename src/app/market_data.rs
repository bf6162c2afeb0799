//! What everybody may see of the market: books of a window, trades, quotes. No names, no ids of organizations.

use std::ops::{ControlFlow, Deref};
use std::sync::Arc;

use super::analytics::resting::{ORDERS_MAX, pass_over};
use super::books::State;
pub use super::books::{Level, Sides};
use super::catalogue::product_by_symbol;
use super::reads::{Listed, Quote, QuoteFilter, Slice};
use super::{App, AppError, Live, View};
use crate::exchange::entities::{Order, Trade};
use crate::store::{quotes, read};
use crate::types::{Minute, ProductId, Side, Symbol, Timestamp, Window};

/// Price levels shown on each side of a book.
pub const LEVELS_MAX: usize = 1_000;
/// Minutes of the window a book is for, unless the caller says otherwise.
pub const WINDOW_MINUTES_DEFAULT: u32 = 24 * 60;

const MINUTES_PER_HOUR: u32 = 60;
const MS_PER_MINUTE: i64 = 60_000;

/// The book of a window.
#[derive(Debug, Clone)]
pub struct WindowBook {
    /// The window.
    pub window: Window,
    /// What is asked and bid.
    pub sides: Arc<Sides>,
    /// The exchange's time.
    pub now: Timestamp,
    /// The journal row it reflects.
    pub as_of: i64,
}

impl Deref for WindowBook {
    type Target = Sides;

    fn deref(&self) -> &Sides {
        &self.sides
    }
}

impl App {
    /// Returns the book of a window; by default the 24 hours from the next full hour.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for a product that does not exist; `invalid_window`.
    pub fn book(&self, symbol: &Symbol, start: Option<Minute>, end: Option<Minute>) -> Result<WindowBook, AppError> {
        let found = self.live().read(|view| {
            let product = product_by_symbol(view, symbol)?.id;
            Some((product, State::of(view, product), view.now, view.as_of))
        });
        let (product, state, now, as_of) = found.ok_or(AppError::NotFound)?;
        let start = start.unwrap_or_else(|| next_full_hour(now));
        let window = Window::new(start, end.unwrap_or_else(|| start.plus(WINDOW_MINUTES_DEFAULT)));
        if window.is_empty() {
            return Err(crate::exchange::Reject::InvalidWindow.into());
        }
        let sides = self.figures().books.get((product, window), state, || self.sides(product, window));
        Ok(WindowBook { window, sides, now, as_of })
    }

    /// Makes up a book.
    fn sides(&self, product: ProductId, window: Window) -> Sides {
        let asks = levels(self.live(), (product, Side::Ask), window, |view, ask| takeable(ask, window, view.now));
        let bids = levels(self.live(), (product, Side::Bid), window, |view, bid| bid.remaining_gpus(view.now));
        Sides { asks, bids, ..Sides::default() }
    }

    /// Returns the trades of a product, newest first.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for a product that does not exist, or if the store fails.
    pub async fn trades(&self, symbol: &Symbol, slice: Slice) -> Result<Listed<Trade>, AppError> {
        let product = self.product(symbol)?.id;
        self.read(move |reader| read::trades::of_product(reader, product, slice)).await
    }

    /// Returns imported prices, newest first.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn quotes(&self, filter: QuoteFilter, slice: Slice) -> Result<Listed<Quote>, AppError> {
        self.read(move |reader| quotes::page(reader.db(), &filter, slice)).await
    }
}

/// Returns the best levels of a side, of as many GPUs as the closure says of each order whose window overlaps one.
fn levels(live: &Live, side: (ProductId, Side), window: Window, gpus: impl Fn(&View, &Order) -> u32) -> Vec<Level> {
    let mut levels: Vec<Level> = Vec::new();
    pass_over(live, side, Some(window), ORDERS_MAX, |view, order| {
        let gpus = gpus(view, order);
        if gpus == 0 {
            return ControlFlow::Continue(());
        }
        // Orders come by price, so those of one price come one after the other.
        if levels.last().is_none_or(|level| level.price != order.price) {
            if levels.len() == LEVELS_MAX {
                return ControlFlow::Break(());
            }
            levels.push(Level { price: order.price, gpus: 0, orders: 0 });
        }
        if let Some(level) = levels.last_mut() {
            level.gpus = level.gpus.saturating_add(u64::from(gpus));
            level.orders = level.orders.saturating_add(1);
        }
        ControlFlow::Continue(())
    });
    levels
}

/// Returns the GPUs that a bid for exactly this window could take from an ask.
pub(super) fn takeable(ask: &Order, window: Window, now: Timestamp) -> u32 {
    if window.minutes() < ask.min_minutes || !fits(ask, window, now) {
        return 0;
    }
    let free = ask.free_over(window);
    free.checked_rem(ask.lot).map_or(0, |over| free.saturating_sub(over))
}

/// Tells whether an ask can still be had for a window, however short.
pub(super) fn fits(ask: &Order, window: Window, now: Timestamp) -> bool {
    let notice_ms = window.start.start().millis().saturating_sub(now.millis());
    let lead_ms = i64::from(ask.lead_minutes).saturating_mul(MS_PER_MINUTE);
    ask.open_window(now).contains(window) && notice_ms >= lead_ms
}

/// Returns the first full hour that is open.
pub(super) fn next_full_hour(now: Timestamp) -> Minute {
    let first = now.first_open_minute();
    let over = first.get().checked_rem(MINUTES_PER_HOUR).unwrap_or_default();
    if over == 0 { first } else { first.plus(MINUTES_PER_HOUR.saturating_sub(over)) }
}
