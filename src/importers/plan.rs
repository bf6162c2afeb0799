//! From imported offers to organizations, sites, listings and asks.
//!
//! Pure data: whoever executes the plan turns indices into the ids the exchange hands out. What an offer lacks is
//! supplied by an explicit assumption or the offer is refused; how often each assumption was used is counted.
//! Place and wiring an offer does not state stay unstated: region `unspecified`, country `ZZ` (ISO 3166 leaves
//! it to users; it is the customary code for an unknown one).

use std::collections::{BTreeMap, BTreeSet};

use super::{Offer, Refusal, RefusalCode};
use crate::types::limits::{GPUS_MAX, KEY_CHARS_MAX, NAME_CHARS_MAX, WINDOW_MINUTES_MAX};
use crate::types::{Country, Interconnect, Minute, Price, Region, SlaClass, Symbol, Timestamp};

const MINUTES_PER_DAY: u32 = 24 * 60;
const REGION_UNSTATED: &str = "unspecified";
const COUNTRY_UNSTATED: &str = "ZZ";

/// What the user lets the plan assume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Assumptions {
    /// GPUs of an offer that states no quantity.
    pub gpus: Option<u32>,
    /// Days of an offer that states no end.
    pub days: Option<u32>,
    /// The exchange's time: offers start at its first open minute.
    pub now: Timestamp,
    /// The price grid; prices round up to it.
    pub tick: Price,
}

/// How often each assumption was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Used {
    /// Offers whose quantity was assumed.
    pub gpus: u64,
    /// Offers whose end was assumed.
    pub days: u64,
    /// Offers whose price was rounded up to the tick.
    pub rounded: u64,
    /// Offers without a region or a country.
    pub place_unstated: u64,
    /// Offers that do not say how many GPUs a machine has; their lot stands in.
    pub node_unstated: u64,
}

impl Used {
    /// Says in words what was assumed and how often; nothing for what was not.
    pub fn lines(&self, assumptions: &Assumptions) -> Vec<String> {
        let gpus = assumptions.gpus.unwrap_or_default();
        let days = assumptions.days.unwrap_or_default();
        let lines = [
            (self.gpus, format!("state no quantity: {gpus} GPUs assumed, in whole lots")),
            (self.days, format!("state no end: {days} days assumed")),
            (self.rounded, format!("have a price off the grid: rounded up to ${}", assumptions.tick)),
            (self.place_unstated, format!("state no region or country: {REGION_UNSTATED}, {COUNTRY_UNSTATED}")),
            (self.node_unstated, "do not say how many GPUs a machine has: one lot assumed".to_owned()),
        ];
        let happened = lines.into_iter().filter(|(count, _)| *count > 0);
        happened.map(|(count, line)| format!("{count} offers {line}")).collect()
    }
}

/// A site to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedSite {
    /// Its organization, by position in [`Plan::organizations`].
    pub organization: usize,
    /// Its name.
    pub name: String,
    /// Where it is.
    pub region: Region,
    /// Where it is.
    pub country: Country,
}

/// A listing to be made, with the ask to be placed out of all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedListing {
    /// Its site, by position in [`Plan::sites`].
    pub site: usize,
    /// What.
    pub product: Symbol,
    /// How many GPUs.
    pub gpus: u32,
    /// From.
    pub start: Minute,
    /// To.
    pub end: Minute,
    /// GPUs in one machine.
    pub gpus_per_node: u32,
    /// Wiring.
    pub interconnect: Interconnect,
    /// Promise.
    pub sla_class: SlaClass,
    /// The ask's price, on the tick.
    pub price: Price,
    /// The ask's lot.
    pub lot: u32,
    /// The offer's name at its source: the ask's `client_order_id`.
    pub external_id: String,
}

/// An offer that is not in the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedOffer {
    /// The row it came from.
    pub row: u64,
    /// The offer's name at its source.
    pub external_id: String,
    /// Why.
    pub refusal: Refusal,
}

/// What is to be made, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// Every product a listing needs.
    pub products: BTreeSet<Symbol>,
    /// The providers' names.
    pub organizations: Vec<String>,
    /// The sites.
    pub sites: Vec<PlannedSite>,
    /// The listings and asks.
    pub listings: Vec<PlannedListing>,
    /// What was left out.
    pub refused: Vec<RefusedOffer>,
    /// What was assumed.
    pub used: Used,
}

/// Plans how the offers get into the exchange.
pub fn plan(offers: &[Offer], assumptions: &Assumptions) -> Plan {
    let mut planner =
        Planner { assumptions, plan: Plan::default(), organizations: BTreeMap::new(), sites: BTreeMap::new() };
    for offer in offers {
        if let Err(refusal) = planner.take(offer) {
            let external_id = offer.external_id.clone();
            planner.plan.refused.push(RefusedOffer { row: offer.row, external_id, refusal });
        }
    }
    planner.plan
}

type SiteKey = (usize, String, Region, Country);

struct Planner<'a> {
    assumptions: &'a Assumptions,
    plan: Plan,
    organizations: BTreeMap<String, usize>,
    sites: BTreeMap<SiteKey, usize>,
}

impl Planner<'_> {
    fn take(&mut self, offer: &Offer) -> Result<(), Refusal> {
        let lot = offer.lot.max(1);
        let gpus = self.gpus(offer, lot)?;
        let (start, end) = self.window(offer)?;
        let out_of_range = |_| Refusal::new(RefusalCode::OutOfRange, "the price does not fit the tick");
        let price = offer.price.up_to_tick(self.assumptions.tick).map_err(out_of_range)?;
        let site = self.site(offer)?;
        count(&mut self.plan.used.gpus, offer.gpus.is_none());
        count(&mut self.plan.used.days, offer.end.is_none());
        count(&mut self.plan.used.rounded, price != offer.price);
        count(&mut self.plan.used.place_unstated, offer.region.is_none() || offer.country.is_none());
        count(&mut self.plan.used.node_unstated, offer.gpus_per_node.is_none());
        self.plan.products.insert(offer.product.clone());
        self.plan.listings.push(PlannedListing {
            site,
            product: offer.product.clone(),
            gpus,
            start,
            end,
            gpus_per_node: offer.gpus_per_node.unwrap_or(lot),
            interconnect: offer.interconnect,
            sla_class: offer.sla_class,
            price,
            lot,
            external_id: offer.external_id.chars().take(KEY_CHARS_MAX).collect(),
        });
        Ok(())
    }

    fn gpus(&self, offer: &Offer, lot: u32) -> Result<u32, Refusal> {
        let no_quantity = || Refusal::new(RefusalCode::NoQuantity, "the offer does not say how many GPUs there are");
        let gpus = offer.gpus.or(self.assumptions.gpus).ok_or_else(no_quantity)?.min(GPUS_MAX);
        let whole = gpus.checked_div(lot).and_then(|lots| lots.checked_mul(lot)).filter(|gpus| *gpus > 0);
        whole.ok_or_else(|| {
            let detail = format!("{gpus} GPUs are less than the {lot} sold at once");
            Refusal::new(RefusalCode::QuantityBelowLot, detail)
        })
    }

    fn window(&self, offer: &Offer) -> Result<(Minute, Minute), Refusal> {
        let first = self.assumptions.now.first_open_minute();
        let start = offer.start.unwrap_or(first).max(first);
        let assumed = self.assumptions.days.map(|days| start.plus(days.saturating_mul(MINUTES_PER_DAY)));
        let no_end = || Refusal::new(RefusalCode::NoEnd, "the offer does not say until when it stands");
        let end = offer.end.or(assumed).ok_or_else(no_end)?.min(start.plus(WINDOW_MINUTES_MAX));
        match start < end {
            true => Ok((start, end)),
            false => Err(Refusal::new(RefusalCode::Ended, format!("the offer ended at {end}"))),
        }
    }

    fn site(&mut self, offer: &Offer) -> Result<usize, Refusal> {
        let invalid = || Refusal::new(RefusalCode::OutOfRange, "the place has no valid name");
        let region = offer.region.clone().or_else(|| Region::new(REGION_UNSTATED)).ok_or_else(invalid)?;
        let country = offer.country.clone().or_else(|| Country::new(COUNTRY_UNSTATED)).ok_or_else(invalid)?;
        let name: String = offer.provider.chars().take(NAME_CHARS_MAX).collect();
        let organizations = &mut self.plan.organizations;
        let organization = *self.organizations.entry(name.clone()).or_insert_with(|| {
            organizations.push(name);
            organizations.len().saturating_sub(1)
        });
        let name: String = offer.site.chars().take(NAME_CHARS_MAX).collect();
        let sites = &mut self.plan.sites;
        let key = (organization, name.clone(), region.clone(), country.clone());
        Ok(*self.sites.entry(key).or_insert_with(|| {
            sites.push(PlannedSite { organization, name, region, country });
            sites.len().saturating_sub(1)
        }))
    }
}

fn count(counter: &mut u64, happened: bool) {
    *counter = counter.saturating_add(u64::from(happened));
}
