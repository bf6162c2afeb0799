//! A provider's capacity by delivery day: what of each listing is sold, on offer and free.

use std::collections::BTreeMap;

use super::reads::Slice;
use super::{App, AppError, View, facade::Caller};
use crate::exchange::entities::{Contract, Listing};
use crate::market::{Day, GpuMinutes};
use crate::store::read;
use crate::types::limits::PAGE_ROWS_MAX;
use crate::types::{ListingId, OrganizationId, Side, Source, Timestamp, Window};

/// Contracts a calendar is made from; older ones are left out.
pub const CONTRACTS_READ_MAX: usize = 10_000;

/// A listing, day by day.
#[derive(Debug, Clone)]
pub struct ListingDays {
    /// The listing.
    pub listing: Listing,
    /// The days that were asked for.
    pub days: Vec<DayUse>,
}

/// What becomes of a listing on a day. Minutes gone by count as sold or free, not as offered.
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

impl App {
    /// Returns the caller's listings that are not over, newest first, for so many days from today.
    ///
    /// # Errors
    /// `role_required`, `scope_required`, or if the store fails.
    pub async fn calendar(&self, caller: &Caller, days: u32) -> Result<Vec<ListingDays>, AppError> {
        let organization = caller.member(super::Scope::Read)?;
        let sold = self.sold_by(organization).await?;
        Ok(self.live().read(|view| {
            let today = Day::of(view.now);
            let mine = view.listings.values().rev().filter(|listing| listing.organization == organization);
            let current = mine.filter(|listing| Day::of_minute(listing.window.end) >= today);
            current.map(|listing| of_listing(view, listing, sold.get(&listing.id), (today, days))).collect()
        }))
    }

    /// Returns what an organization has sold out of each of its listings: window and GPUs.
    async fn sold_by(&self, organization: OrganizationId) -> Result<BTreeMap<ListingId, Vec<(Window, u32)>>, AppError> {
        self.read(move |reader| {
            let mut sold: BTreeMap<ListingId, Vec<(Window, u32)>> = BTreeMap::new();
            let mut page = Slice::first(PAGE_ROWS_MAX);
            let mut count = 0_usize;
            loop {
                let found = read::contracts::of_organization(reader, organization, page)?;
                count = count.saturating_add(found.rows.len());
                for contract in found.rows.iter().filter(|contract| contract.seller == organization) {
                    if let Source::Listing(listing) = contract.source {
                        sold.entry(listing).or_default().push((delivered(contract), contract.gpus));
                    }
                }
                match found.next.filter(|_| count < CONTRACTS_READ_MAX) {
                    Some(next) => page = page.after(next),
                    None => return Ok(sold),
                }
            }
        })
        .await
    }
}

/// Returns the window a contract stands for: one that ended early ends there.
fn delivered(contract: &Contract) -> Window {
    let end = contract.ended_at.map_or(contract.window.end, |ended| ended.min(contract.window.end));
    Window::new(contract.window.start, end)
}

fn of_listing(
    view: &View,
    listing: &Listing,
    sold: Option<&Vec<(Window, u32)>>,
    (today, days): (Day, u32),
) -> ListingDays {
    let offers = offers(view, listing, view.now);
    let last = Day::new(today.get().saturating_add(days));
    let day = |day: Day| DayUse {
        day,
        listed: within(&[(listing.window, listing.gpus)], day),
        sold: sold.map(|sold| within(sold, day)).unwrap_or_default(),
        offered: within(&offers, day),
    };
    ListingDays { listing: listing.clone(), days: (today.get()..last.get()).map(Day::new).map(day).collect() }
}

fn offers(view: &View, listing: &Listing, now: Timestamp) -> Vec<(Window, u32)> {
    let source = Some(Source::Listing(listing.id));
    let asks = view.side(listing.product, Side::Ask).filter(|ask| ask.source == source);
    asks.flat_map(|ask| ask.residual_schedule(now)).collect()
}

fn within(pieces: &[(Window, u32)], day: Day) -> GpuMinutes {
    let day = day.window();
    pieces.iter().fold(GpuMinutes::ZERO, |sum, (window, gpus)| {
        let shared = Window::new(window.start.max(day.start), window.end.min(day.end));
        sum.plus(GpuMinutes::block(shared, *gpus))
    })
}
