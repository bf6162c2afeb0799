//! Who trades in a generated history, and on what: made before its first day.

use super::desk::Desk;
use super::plan::Plan;
use super::roll::Roll;
use crate::app::ingest::{FEE_BPS, TICK};
use crate::cli::Failure;
use crate::exchange::rights::Rights;
use crate::exchange::{Command, Made};
use crate::types::{
    Country, Interconnect, ListingId, Money, OrganizationId, OrganizationKind, Price, ProductId, Region, SiteId,
    SlaClass, Symbol, Timestamp, Window,
};

/// Products; the first is traded most.
pub(super) const PRODUCTS: u32 = 50;
/// How often a product is chosen: the n-th in proportion to `1 / (n + FLATTEN)`, so that the first has a tenth of everything.
const FLATTEN: u32 = 4;
const SHARES: u32 = 1_000_000;
/// Of so many organizations one sells, and one buys to resell.
const SELLS: u32 = 5;
const RESELLS: u32 = 20;
/// One choice of so many falls on the first of a kind, so that one organization of each kind has very much.
const FIRST_OF: u32 = 20;
/// One provider of so many has two sites.
const TWO_SITES: u32 = 4;
const FUNDS: Money = Money::from_micros(1_000_000_000_000_000);
const PLACES: [(&str, &str); 4] =
    [("us-central1", "US"), ("us-east5", "US"), ("europe-west4", "NL"), ("asia-northeast1", "JP")];
/// Products that a provider lists, and days after which it lists again.
const LISTED: u32 = 4;
pub(super) const LISTED_EVERY_DAYS: u32 = 150;
/// Days that a listing lasts: what rests at the end of the history reaches so far ahead.
const LISTED_DAYS: u32 = 600;
const LISTED_GPUS: u32 = 1_000_000;
/// Prices at the end of the history, in micro-USD: the first product's, and how much less each next one costs.
const PRICE: i64 = 2_600_000;
const PRICE_STEP: i64 = 40_000;

const MINUTES_PER_DAY: u32 = 24 * 60;

/// A listing that asks are placed out of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Listed {
    pub(super) organization: OrganizationId,
    pub(super) listing: ListingId,
}

/// Everybody and everything.
pub(super) struct Scene {
    pub(super) symbols: Vec<Symbol>,
    pub(super) providers: Vec<OrganizationId>,
    pub(super) resellers: Vec<OrganizationId>,
    pub(super) renters: Vec<OrganizationId>,
    sites: Vec<(OrganizationId, SiteId)>,
    /// By product, those of the last time that providers listed.
    listed: Vec<Vec<Listed>>,
    /// When that was.
    pub(super) listed_at: Timestamp,
    /// Up to which of [`SHARES`] each product is chosen.
    shares: Vec<u32>,
}

impl Scene {
    /// Makes organizations with money, products and sites.
    pub(super) fn make(desk: &mut Desk, plan: &Plan) -> Result<Self, Failure> {
        let (sellers, resellers) =
            (plan.size.organizations.div_euclid(SELLS), plan.size.organizations.div_euclid(RESELLS));
        let renters = plan.size.organizations.saturating_sub(sellers).saturating_sub(resellers);
        let mut symbols = Vec::new();
        for number in 0..PRODUCTS {
            let symbol = Symbol::new(format!("bench-gpu-{number}")).ok_or_else(|| broken("symbol"))?;
            let name = format!("Bench GPU {number}");
            desk.must(Command::CreateProduct { symbol: symbol.clone(), name, tick: TICK, fee_bps: FEE_BPS })?;
            symbols.push(symbol);
        }
        let mut scene = Self {
            symbols,
            providers: enter(desk, OrganizationKind::Provider, sellers)?,
            resellers: enter(desk, OrganizationKind::Reseller, resellers)?,
            renters: enter(desk, OrganizationKind::Renter, renters)?,
            sites: Vec::new(),
            listed: Vec::new(),
            listed_at: plan.first(),
            shares: shares(),
        };
        for (number, organization) in (0_u32..).zip(&scene.providers) {
            let sites = if number.is_multiple_of(TWO_SITES) { 2 } else { 1 };
            for site in 0..sites {
                scene.sites.push((*organization, make_site(desk, *organization, number.saturating_add(site))?));
            }
        }
        Ok(scene)
    }

    /// Lets every provider list some products at each of its sites.
    pub(super) fn list(&mut self, desk: &mut Desk, roll: &mut Roll, now: Timestamp) -> Result<(), Failure> {
        self.listed = (0..PRODUCTS).map(|_| Vec::new()).collect();
        self.listed_at = now;
        let start = now.first_open_minute();
        let window = Window::new(start, start.plus(LISTED_DAYS.saturating_mul(MINUTES_PER_DAY)));
        for (organization, site) in self.sites.clone() {
            let is_first = self.providers.first() == Some(&organization);
            for number in 0..LISTED {
                let product = if is_first { number } else { self.product(roll) };
                let Made::Listing(listing) = desk.must(listing(organization, site, product_id(product), window))?
                else {
                    return Err(broken("listing"));
                };
                if let Some(listed) = self.listed.get_mut(place(product)) {
                    listed.push(Listed { organization, listing });
                }
            }
        }
        Ok(())
    }

    /// Returns the place of a product, as often as it is traded.
    pub(super) fn product(&self, roll: &mut Roll) -> u32 {
        let rolled = roll.below(SHARES);
        let found = self.shares.partition_point(|share| *share <= rolled);
        u32::try_from(found).unwrap_or_default().min(PRODUCTS.saturating_sub(1))
    }

    /// Returns a listing of a product, if there is one.
    pub(super) fn listing(&self, roll: &mut Roll, product: u32) -> Option<Listed> {
        chosen(roll, self.listed.get(place(product))?)
    }

    /// Returns the first provider's listing of the first product.
    pub(super) fn first_listing(&self) -> Option<ListingId> {
        let of_first = self.listed.first()?.iter().find(|listed| Some(&listed.organization) == self.providers.first());
        of_first.map(|listed| listed.listing)
    }

    /// Returns a renter, or of a few bids a reseller.
    pub(super) fn buyer(&self, roll: &mut Roll, resells: bool) -> Option<OrganizationId> {
        chosen(roll, if resells { &self.resellers } else { &self.renters })
    }

    /// Returns what a product costs on a day of the history: it falls from four times its last price to three quarters of it at
    /// 60 % of the days, and comes back.
    pub(super) fn price(plan: &Plan, product: u32, day: u32, percent: u32) -> Price {
        let last = PRICE.saturating_sub(i64::from(product).saturating_mul(PRICE_STEP));
        let done = i64::from(day).saturating_mul(1_000).checked_div(i64::from(plan.size.days)).unwrap_or_default();
        let share = match done {
            ..600 => 4_000_i64.saturating_sub(done.saturating_mul(3_250) / 600),
            _ => 750_i64.saturating_add(done.saturating_sub(600).saturating_mul(250) / 400),
        };
        let micros = last.saturating_mul(share).saturating_mul(i64::from(percent)) / 100_000;
        let price = Price::from_micros(micros.max(TICK.micros()));
        price.up_to_tick(TICK).unwrap_or(price)
    }
}

/// Returns one of several; often the first.
fn chosen<T: Copy>(roll: &mut Roll, all: &[T]) -> Option<T> {
    let number = if roll.below(FIRST_OF) == 0 { 0 } else { roll.below(u32::try_from(all.len()).ok()?) };
    all.get(place(number)).copied()
}

/// Returns the number of a product by its place.
pub(super) fn product_id(product: u32) -> ProductId {
    ProductId::new(i64::from(product).saturating_add(1))
}

fn place(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn shares() -> Vec<u32> {
    let weights: Vec<u32> = (0..PRODUCTS).map(|number| SHARES / number.saturating_add(FLATTEN)).collect();
    let sum: u64 = weights.iter().copied().map(u64::from).sum();
    let mut upto = 0_u64;
    let share = |weight: u32| {
        upto = upto.saturating_add(weight.into());
        let share = upto.saturating_mul(SHARES.into()).checked_div(sum).unwrap_or_default();
        u32::try_from(share).unwrap_or(SHARES)
    };
    weights.into_iter().map(share).collect()
}

fn enter(desk: &mut Desk, kind: OrganizationKind, count: u32) -> Result<Vec<OrganizationId>, Failure> {
    let mut all = Vec::new();
    for number in 0..count.max(1) {
        let register = Command::RegisterOrganization { name: format!("{kind} {number}"), organization_kind: kind };
        let Made::Organization(organization) = desk.must(register)? else { return Err(broken("organization")) };
        desk.must(Command::Deposit { organization, amount: FUNDS, reference: "bench".to_owned() })?;
        all.push(organization);
    }
    Ok(all)
}

fn make_site(desk: &mut Desk, organization: OrganizationId, number: u32) -> Result<SiteId, Failure> {
    let at = number.checked_rem(u32::try_from(PLACES.len()).unwrap_or(1)).unwrap_or_default();
    let (region, country) = PLACES.get(place(at)).copied().ok_or_else(|| broken("place"))?;
    let (Some(region), Some(country)) = (Region::new(region), Country::new(country)) else {
        return Err(broken("place"));
    };
    let name = format!("site {number}");
    let site = Command::CreateSite { organization, name, region, country, power_w: None, pue_milli: None };
    match desk.must(site)? {
        Made::Site(site) => Ok(site),
        _ => Err(broken("site")),
    }
}

fn listing(organization: OrganizationId, site: SiteId, product: ProductId, window: Window) -> Command {
    Command::CreateListing {
        organization,
        site,
        product,
        gpus: LISTED_GPUS,
        start: window.start,
        end: window.end,
        gpus_per_node: 8,
        interconnect: Interconnect::Infiniband,
        sla_class: SlaClass::P99,
        resale_allowed: true,
        rights: Rights::default(),
    }
}

fn broken(what: &str) -> Failure {
    Failure::new(format!("the benchmark could not make a {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::bench::pages::plan::Size;

    #[test]
    fn the_first_product_has_about_a_tenth_and_every_product_something() {
        let shares = shares();
        assert_eq!((shares.len(), shares.last().copied()), (50, Some(SHARES)));
        assert!((80_000..110_000).contains(&shares[0]));
        assert!(shares.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn a_price_falls_and_comes_back() {
        let plan = Plan { size: Size { days: 1_000, ..Size::default() }, ..Plan::default() };
        let cents = |day| Scene::price(&plan, 0, day, 100).micros() / 10_000;
        assert_eq!((cents(0), cents(600), cents(1_000)), (1_040, 195, 260));
    }
}
