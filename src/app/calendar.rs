//! A provider's capacity by delivery day: what of each listing is sold, on offer and free.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::reads::Slice;
use super::{App, AppError, facade::Caller};
use crate::exchange::entities::{Contract, Listing, Order};
use crate::market::{Day, GpuMinutes};
use crate::store::read;
use crate::types::limits::PAGE_ROWS_MAX;
use crate::types::{ListingId, OrganizationId, Side, Source, Window};

/// Contracts a calendar is made from; older ones are left out.
pub const CONTRACTS_READ_MAX: usize = 10_000;

/// Windows, each with its GPUs.
type Pieces = Vec<(Window, u32)>;

/// The listings of a provider, day by day.
#[derive(Debug, Clone)]
pub struct Calendar {
    /// Those that are not over, newest first.
    pub listings: Vec<ListingDays>,
    /// Whether contracts older than the newest [`CONTRACTS_READ_MAX`] were left out.
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
    pub async fn calendar(&self, caller: &Caller, days: u32) -> Result<Calendar, AppError> {
        let organization = caller.member(super::Scope::Read)?;
        let (sold, truncated) = self.sold_by(organization).await?;
        let (now, listings, asks) = self.live().read(|view| {
            let today = Day::of(view.now);
            let mine = view.listings.values().rev().filter(|listing| listing.organization == organization);
            let current = mine.filter(|listing| Day::of_minute(listing.window.end) >= today);
            let orders = view.orders_of.get(&organization).into_iter().flatten();
            let asks = orders.filter_map(|id| view.orders.get(id)).filter(|order| order.side == Side::Ask);
            (view.now, current.cloned().collect::<Vec<Listing>>(), asks.cloned().collect::<Vec<Arc<Order>>>())
        });
        let mut offered: BTreeMap<ListingId, Pieces> = BTreeMap::new();
        for ask in &asks {
            if let Some(Source::Listing(listing)) = ask.source {
                offered.entry(listing).or_default().extend(ask.residual_schedule(now));
            }
        }
        let today = Day::of(now);
        let of = |listing: Listing| {
            let (sold, offered) = (sold.get(&listing.id), offered.get(&listing.id));
            of_listing(listing, sold, offered, (today, days))
        };
        Ok(Calendar { listings: listings.into_iter().map(of).collect(), truncated })
    }

    /// Returns what an organization has sold out of each of its listings: window and GPUs.
    async fn sold_by(&self, organization: OrganizationId) -> Result<(BTreeMap<ListingId, Pieces>, bool), AppError> {
        self.read(move |reader| {
            let mut sold: BTreeMap<ListingId, Pieces> = BTreeMap::new();
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
                match found.next {
                    Some(_) if count >= CONTRACTS_READ_MAX => return Ok((sold, true)),
                    Some(next) => page = page.after(next),
                    None => return Ok((sold, false)),
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
    listing: Listing,
    sold: Option<&Pieces>,
    offered: Option<&Pieces>,
    (today, days): (Day, u32),
) -> ListingDays {
    let last = Day::new(today.get().saturating_add(days));
    let day = |day: Day| DayUse {
        day,
        listed: within(&[(listing.window, listing.gpus)], day),
        sold: sold.map(|sold| within(sold, day)).unwrap_or_default(),
        offered: offered.map(|offered| within(offered, day)).unwrap_or_default(),
    };
    let days = (today.get()..last.get()).map(Day::new).map(day).collect();
    ListingDays { listing, days }
}

fn within(pieces: &[(Window, u32)], day: Day) -> GpuMinutes {
    let day = day.window();
    pieces.iter().fold(GpuMinutes::ZERO, |sum, (window, gpus)| {
        let shared = Window::new(window.start.max(day.start), window.end.min(day.end));
        sum.plus(GpuMinutes::block(shared, *gpus))
    })
}
