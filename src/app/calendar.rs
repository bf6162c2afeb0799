//! A provider's capacity by delivery day: what of each listing is sold, on offer and free.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::booked::covered;
use super::view::Title;
use super::{App, AppError, Live, facade::Caller};
use crate::exchange::entities::{Listing, Order};
use crate::market::supply::ByDay;
use crate::market::tape::by_day;
use crate::market::{Day, GpuMinutes};
use crate::types::{ContractId, ListingId, OrderId, OrganizationId, Side, Source, Steps, Timestamp, Window};

/// Live contracts a calendar is made from, the newest; older ones are left out.
pub const CONTRACTS_MAX: usize = 20_000;

/// Orders or contracts looked at under one lock of the view.
const STRETCH: usize = 1_000;

/// The listings of a provider, day by day.
#[derive(Debug, Clone)]
pub struct Calendar {
    /// Those that are not over, newest first.
    pub listings: Vec<ListingDays>,
    /// Whether contracts older than the newest [`CONTRACTS_MAX`] were left out.
    pub truncated: bool,
}

/// A listing, day by day.
#[derive(Debug, Clone)]
pub struct ListingDays {
    /// The listing.
    pub listing: Listing,
    /// The days that were asked for.
    pub days: Vec<DayUse>,
}

/// What becomes of a listing on a day; of today, in the minutes that are left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayUse {
    /// The day.
    pub day: Day,
    /// Listed.
    pub listed: GpuMinutes,
    /// Sold out of it.
    pub sold: GpuMinutes,
    /// Resting in its asks.
    pub offered: GpuMinutes,
}

impl DayUse {
    /// Returns what is neither sold nor on offer.
    pub const fn free(self) -> GpuMinutes {
        let taken = self.sold.get().saturating_add(self.offered.get());
        GpuMinutes::new(self.listed.get().saturating_sub(taken))
    }
}

/// What becomes of an organization's capacity.
#[derive(Default)]
struct Use {
    sold: BTreeMap<ListingId, ByDay>,
    offered: BTreeMap<ListingId, ByDay>,
}

impl App {
    /// Returns the caller's listings that are not over, newest first, for so many days from now on.
    ///
    /// # Errors
    /// `role_required`, `scope_required`; if the computation panics.
    pub async fn calendar(&self, caller: &Caller, days: u32) -> Result<Calendar, AppError> {
        let organization = caller.member(super::Scope::Read)?;
        self.compute(move |app| calendar(app.live(), organization, days)).await
    }
}

fn calendar(live: &Live, organization: OrganizationId, days: u32) -> Calendar {
    let (now, listings, orders, contracts) = live.read(|view| {
        let mine = view.listings.values().rev().filter(|listing| listing.organization == organization);
        let current = mine.filter(|listing| listing.window.end > view.now.first_open_minute());
        let orders = view.orders_of.get(&organization).into_iter().flatten();
        let contracts = view.titles_of.get(&organization).into_iter().flatten().rev();
        let contracts = contracts.take(CONTRACTS_MAX.saturating_add(1));
        (
            view.now,
            current.cloned().collect::<Vec<Listing>>(),
            orders.copied().collect::<Vec<OrderId>>(),
            contracts.copied().collect::<Vec<ContractId>>(),
        )
    });
    let today = Day::of(now);
    let last = Day::new(today.get().saturating_add(days));
    let shown = Window::new(now.first_open_minute(), last.window().start);
    let mut uses = Use::default();
    for orders in orders.chunks(STRETCH) {
        uses.offer(live, orders, now);
    }
    for contracts in contracts.get(..CONTRACTS_MAX).unwrap_or(&contracts).chunks(STRETCH) {
        uses.sell(live, (organization, contracts), shown);
    }
    let of = |listing: Listing| {
        let mut listed = ByDay::new();
        add(&mut listed, listing.window, shown, |piece| GpuMinutes::block(piece, listing.gpus));
        let on = |amounts: Option<&ByDay>, day| amounts.and_then(|days| days.get(&day)).copied().unwrap_or_default();
        let (sold, offered) = (uses.sold.get(&listing.id), uses.offered.get(&listing.id));
        let day = |day| DayUse { day, listed: on(Some(&listed), day), sold: on(sold, day), offered: on(offered, day) };
        ListingDays { days: (today.get()..last.get()).map(Day::new).map(day).collect(), listing }
    };
    Calendar { listings: listings.into_iter().map(of).collect(), truncated: contracts.len() > CONTRACTS_MAX }
}

impl Use {
    fn offer(&mut self, live: &Live, orders: &[OrderId], now: Timestamp) {
        let asks: Vec<Arc<Order>> = live.read(|view| {
            let orders = orders.iter().filter_map(|id| view.orders.get(id));
            orders.filter(|order| order.side == Side::Ask).cloned().collect()
        });
        for ask in &asks {
            let Some(Source::Listing(listing)) = ask.source else { continue };
            let days = self.offered.entry(listing).or_default();
            for (window, gpus) in ask.residual_schedule(now) {
                add(days, window, window, |piece| GpuMinutes::block(piece, gpus));
            }
        }
    }

    fn sell(&mut self, live: &Live, (organization, contracts): (OrganizationId, &[ContractId]), shown: Window) {
        let titles: Vec<(Title, Option<Steps>)> = live.read(|view| {
            let title = |id: &ContractId| Some((*view.titles.get(id)?, view.booked.given_up(*id).cloned()));
            let titles = contracts.iter().filter_map(title);
            titles.filter(|(title, _)| title.seller == organization && title.primary).collect()
        });
        for (title, given_up) in &titles {
            let days = self.sold.entry(title.listing).or_default();
            add(days, title.window, shown, |piece| covered(title, given_up.as_ref(), piece));
        }
    }
}

/// Adds what a window has, day by day, of the minutes that are shown.
fn add(days: &mut ByDay, window: Window, shown: Window, amount: impl Fn(Window) -> GpuMinutes) {
    for (day, piece) in by_day(window.shared(shown)) {
        let sum = days.entry(day).or_default();
        *sum = sum.plus(amount(piece));
    }
}
