//! Finding capacity by need: what a bid for exactly this window could take, and what it would cost.
//!
//! It reads the view and promises nothing: the preview of a bid is the exchange's own word.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use super::analytics::resting::{ORDERS_MAX, pass_over};
use super::catalogue::product_named;
use super::market_data::takeable;
use super::{App, AppError, View, facade::Caller};
use crate::exchange::Reject;
use crate::exchange::entities::{Order, Product};
use crate::types::{Country, Interconnect, Money, Price, Region, Side, SiteId, SlaClass, Turnover, Window};

/// What somebody needs.
#[derive(Debug, Clone)]
pub struct Need {
    /// What.
    pub product: String,
    /// How many GPUs.
    pub gpus: u32,
    /// When.
    pub window: Window,
    /// Where; anywhere if absent.
    pub region: Option<String>,
    /// All from one site.
    pub one_site: bool,
    /// Not out of resale.
    pub primary_only: bool,
}

/// An offer that fits.
#[derive(Debug, Clone)]
pub struct Offer {
    /// Where.
    pub site: SiteId,
    /// Where.
    pub region: Region,
    /// Where.
    pub country: Country,
    /// Wiring.
    pub interconnect: Interconnect,
    /// Promise.
    pub sla_class: SlaClass,
    /// Whether a listing backs it, and not a contract.
    pub primary: bool,
    /// At what price.
    pub price: Price,
    /// GPUs that could be taken over the whole window.
    pub gpus: u32,
    /// In multiples of what.
    pub lot: u32,
    /// Its place among offers of one price.
    pub sequence: i64,
    /// What all of them cost over the window.
    pub cost: Money,
}

/// The cheapest way to what is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// GPUs found: all that are needed, or fewer.
    pub gpus: u32,
    /// What they cost over the window.
    pub cost: Money,
    /// The highest price among them: a bid needs no higher limit.
    pub limit: Price,
    /// The mean price.
    pub average: Price,
    /// Offers it takes from.
    pub offers: usize,
}

/// What was found.
#[derive(Debug, Clone)]
pub struct Found {
    /// The product.
    pub product: Product,
    /// Offers that fit, cheapest first.
    pub offers: Vec<Offer>,
    /// The cheapest way; nothing if there is no offer.
    pub plan: Option<Plan>,
    /// Whether more asks rest than the cheapest 100,000, which were looked at.
    pub truncated: bool,
}

impl App {
    /// Finds capacity. Own offers are left out: nobody rents from themselves.
    ///
    /// # Errors
    /// `unknown_product`, `invalid_gpus`, `invalid_window`.
    pub fn find(&self, caller: Option<&Caller>, need: &Need) -> Result<Found, AppError> {
        if need.gpus == 0 {
            return Err(Reject::InvalidGpus.into());
        }
        if need.window.is_empty() {
            return Err(Reject::InvalidWindow.into());
        }
        let own = caller.and_then(|caller| caller.principal.organization);
        let product = self.live().read(|view| product_named(view, &need.product).cloned());
        let product = product.ok_or(Reject::UnknownProduct)?;
        let mut offers: Vec<Offer> = Vec::new();
        let side = (product.id, Side::Ask);
        let passed = pass_over(self.live(), side, Some(need.window), ORDERS_MAX, |view, ask| {
            offers.extend(Some(ask).filter(|ask| Some(ask.organization) != own).and_then(|ask| offer(view, ask, need)));
            ControlFlow::Continue(())
        });
        offers.sort_by_key(|offer| (offer.price, offer.sequence));
        let plan = if need.one_site { of_one_site(&offers, need) } else { cheapest(offers.iter(), need) };
        Ok(Found { product, offers, plan, truncated: passed.truncated })
    }
}

fn offer(view: &View, ask: &Order, need: &Need) -> Option<Offer> {
    let gpus = takeable(ask, need.window, view.now);
    if gpus == 0 {
        return None;
    }
    let primary = ask.source?.is_listing();
    let listing = view.listing_behind(ask)?;
    let site = view.sites.get(&listing.site)?;
    let there = need.region.as_deref().is_none_or(|region| site.region.as_str() == region);
    if !there || (need.primary_only && !primary) {
        return None;
    }
    Some(Offer {
        site: site.id,
        region: site.region.clone(),
        country: site.country.clone(),
        interconnect: listing.interconnect,
        sla_class: listing.sla_class,
        primary,
        price: ask.price,
        gpus,
        lot: ask.lot,
        sequence: ask.sequence,
        cost: ask.price.cost(gpus, need.window.minutes()).ok()?,
    })
}

/// Returns the site that gives all that is needed for least; if none does, the one that gives most.
fn of_one_site(offers: &[Offer], need: &Need) -> Option<Plan> {
    let sites: BTreeSet<SiteId> = offers.iter().map(|offer| offer.site).collect();
    let plans = sites.into_iter().filter_map(|site| cheapest(offers.iter().filter(|offer| offer.site == site), need));
    plans.min_by_key(|plan| (need.gpus.saturating_sub(plan.gpus), plan.cost))
}

/// Walks offers from the cheapest as a bid would.
fn cheapest<'a>(offers: impl Iterator<Item = &'a Offer>, need: &Need) -> Option<Plan> {
    let minutes = need.window.minutes();
    let (mut left, mut cost, mut turnover) = (need.gpus, Money::ZERO, Turnover::ZERO);
    let (mut limit, mut taken_from) = (None, 0_usize);
    for offer in offers {
        let wanted = left.min(offer.gpus);
        let taken = wanted.saturating_sub(wanted.checked_rem(offer.lot).unwrap_or_default());
        if taken == 0 {
            continue;
        }
        cost = cost.plus(offer.price.cost(taken, minutes).ok()?).ok()?;
        turnover = turnover.plus(offer.price.turnover(taken, minutes).ok()?).ok()?;
        limit = Some(offer.price);
        taken_from = taken_from.saturating_add(1);
        left = left.saturating_sub(taken);
        if left == 0 {
            break;
        }
    }
    let gpus = need.gpus.saturating_sub(left);
    let average = turnover.mean(u64::from(gpus).saturating_mul(minutes.into()))?;
    Some(Plan { gpus, cost, limit: limit?, average, offers: taken_from })
}
