//! Hosts: they list capacity for half a year, offer it two weeks at a time around the price of the day, and differ in how
//! often they look at that.

use std::collections::BTreeMap;

use super::Scene;
use super::desk::{Desk, Task, Then};
use super::shelf::Standing;
use crate::app::AppError;
use crate::exchange::rights::Rights;
use crate::exchange::{Command, Made, PlaceAsk};
use crate::market::Day;
use crate::types::{
    Country, Interconnect, ListingId, Minute, OrganizationId, OrganizationKind, Region, SiteId, SlaClass, Source,
    Window,
};

/// Fortnights of one listing.
const LISTED_FORTNIGHTS: u32 = 13;
/// Days that are offered together.
const FORTNIGHT: u32 = 14;
/// Days by which the fortnights of one host begin later than those of the one before: no day is the end of all offers.
const SHIFT_DAYS: u32 = 3;
/// Days ahead that are on offer at least.
const AHEAD_DAYS: u32 = 28;
/// GPUs of a host by half-year: more and more, until prices have fallen. The other products have half as many.
const GPUS: [u32; 6] = [24, 40, 64, 64, 48, 40];
const GPUS_LATER: u32 = 40;
/// Parts of a host's GPUs in eighths, and their prices in per cent of its own.
const RUNGS: [(u32, u32); 3] = [(4, 100), (2, 104), (2, 110)];
const EIGHTHS: u32 = 8;
/// How often a host offers a part of its GPUs for half a year, and how many, and for what part of the price.
const RESERVED_EVERY: u32 = 91;
const RESERVED_GPUS: u32 = 16;
const RESERVED_DAYS: u32 = 180;
const RESERVED_PERCENT: u32 = 90;
const RESERVED_MINUTES: u32 = 30 * 24 * 60;
const WEEK: u32 = 7;

/// Name, region, country, price in per cent of the day's, days for which it leaves a price alone.
const HOSTS: [(&str, &str, &str, u32, u32); 4] = [
    ("SIMULATED host Boreal", "europe-north1", "FI", 96, 2),
    ("SIMULATED host Delta", "us-central1", "US", 101, 5),
    ("SIMULATED host Canal", "europe-west4", "NL", 107, 12),
    ("SIMULATED host Sound", "us-east4", "US", 118, 45),
];

/// A host.
#[derive(Debug, Clone, Copy)]
pub(super) struct Host {
    /// Whose it is.
    pub(super) organization: OrganizationId,
    site: SiteId,
    /// At how many per cent of the price of the day it sells.
    pub(super) percent: u32,
    /// How many days it leaves a price alone.
    pub(super) patience: u32,
}

/// All hosts and what they have listed.
pub(super) struct Hosts {
    all: Vec<Host>,
    /// By host, product and half-year.
    listings: BTreeMap<(usize, usize, u32), (ListingId, u32)>,
    /// The next fortnight to be offered, by host.
    next: Vec<u32>,
}

impl Hosts {
    /// Lets the hosts in.
    pub(super) fn enter(desk: &mut Desk) -> Result<Self, AppError> {
        let mut all = Vec::new();
        for (name, region, country, percent, patience) in HOSTS {
            let organization = desk.enter(name, OrganizationKind::Provider)?;
            let (Some(region), Some(country)) = (Region::new(region), Country::new(country)) else {
                return Err(AppError::Internal(format!("{name} is nowhere")));
            };
            let name = format!("{name}, {region}");
            let made =
                desk.must(Command::CreateSite { organization, name, region, country, power_w: None, pue_milli: None })?;
            let Made::Site(site) = made else { return Err(AppError::Internal("no site was made".to_owned())) };
            all.push(Host { organization, site, percent, patience });
        }
        let next = vec![0; all.len()];
        Ok(Self { all, listings: BTreeMap::new(), next })
    }

    /// Returns how many hosts there are.
    pub(super) const fn count() -> usize {
        HOSTS.len()
    }

    /// Returns the host of a place, counted round.
    pub(super) fn host(&self, place: usize) -> Option<Host> {
        self.all.get(place.checked_rem(self.all.len())?).copied()
    }

    /// Returns what hosts put on the market today.
    pub(super) fn offer(&mut self, desk: &mut Desk, scene: &mut Scene) -> Result<Vec<Task>, AppError> {
        let mut tasks = Vec::new();
        let until = scene.day.window().start.plus(days(AHEAD_DAYS));
        for host in 0..self.all.len() {
            while let Some(number) = self.next.get_mut(host)
                && scene.fortnight(host, *number).start < until
            {
                let this = *number;
                *number = number.saturating_add(1);
                for track in 0..scene.tracks.len() {
                    tasks.extend(self.fortnight(desk, scene, (host, this), track)?);
                }
            }
        }
        if scene.days_in().is_multiple_of(RESERVED_EVERY) {
            tasks.extend(self.reserved(desk, scene)?);
        }
        Ok(tasks)
    }

    fn fortnight(
        &mut self,
        desk: &mut Desk,
        scene: &mut Scene,
        (place, number): (usize, u32),
        track: usize,
    ) -> Result<Vec<Task>, AppError> {
        let Some(host) = self.host(place) else { return Ok(Vec::new()) };
        let (listing, gpus) = self.listing(desk, scene, (place, number), track)?;
        let window = scene.fortnight(place, number);
        let mut tasks = Vec::new();
        for (eighths, percent) in RUNGS {
            let percent = host.percent.saturating_mul(percent).div_euclid(100);
            let gpus = gpus.saturating_mul(eighths).div_euclid(EIGHTHS);
            let standing = host.standing(scene, track, percent)?;
            let ask = PlaceAsk::plain(host.organization, Source::Listing(listing), gpus, window, standing.price);
            tasks.push(Task { command: Command::PlaceAsk(ask), then: Then::Stands(standing) });
        }
        Ok(tasks)
    }

    /// Returns the listing out of which a fortnight is offered, with its GPUs.
    fn listing(
        &mut self,
        desk: &mut Desk,
        scene: &Scene,
        (place, number): (usize, u32),
        track: usize,
    ) -> Result<(ListingId, u32), AppError> {
        let half_year = number.div_euclid(LISTED_FORTNIGHTS);
        if let Some(listed) = self.listings.get(&(place, track, half_year)) {
            return Ok(*listed);
        }
        let of_h100 = usize::try_from(half_year).ok().and_then(|half| GPUS.get(half)).copied().unwrap_or(GPUS_LATER);
        let gpus = if track == 0 { of_h100 } else { of_h100 / 2 };
        let first = half_year.saturating_mul(LISTED_FORTNIGHTS);
        let last = first.saturating_add(LISTED_FORTNIGHTS - 1);
        let window = Window::new(scene.fortnight(place, first).start, scene.fortnight(place, last).end);
        let listing = self.list(desk, scene, place, (track, gpus, window))?;
        self.listings.insert((place, track, half_year), (listing, gpus));
        Ok((listing, gpus))
    }

    /// Lists GPUs of a product over a window.
    pub(super) fn list(
        &self,
        desk: &mut Desk,
        scene: &Scene,
        place: usize,
        (track, gpus, window): (usize, u32, Window),
    ) -> Result<ListingId, AppError> {
        let (Some(host), Some(track)) = (self.host(place), scene.tracks.get(track)) else {
            return Err(AppError::Internal("a host or a product is missing".to_owned()));
        };
        let command = Command::CreateListing {
            organization: host.organization,
            site: host.site,
            product: track.product,
            gpus,
            start: window.start,
            end: window.end,
            gpus_per_node: 8,
            interconnect: Interconnect::Infiniband,
            sla_class: SlaClass::None,
            resale_allowed: true,
            rights: Rights::default(),
        };
        let Made::Listing(listing) = desk.must(command)? else {
            return Err(AppError::Internal("no listing was made".to_owned()));
        };
        Ok(listing)
    }

    /// Returns the offer of half a year that one host after the other makes.
    fn reserved(&self, desk: &mut Desk, scene: &mut Scene) -> Result<Option<Task>, AppError> {
        let place = usize::try_from(scene.days_in() / RESERVED_EVERY).unwrap_or_default();
        let Some(host) = self.host(place) else { return Ok(None) };
        let start = scene.day.window().start.plus(days(WEEK));
        let window = Window::new(start, start.plus(days(RESERVED_DAYS)));
        let listing = self.list(desk, scene, place, (0, RESERVED_GPUS, window))?;
        let standing = host.standing(scene, 0, RESERVED_PERCENT)?;
        let ask = PlaceAsk {
            min_minutes: Some(RESERVED_MINUTES),
            ..PlaceAsk::plain(host.organization, Source::Listing(listing), RESERVED_GPUS, window, standing.price)
        };
        Ok(Some(Task { command: Command::PlaceAsk(ask), then: Then::Stands(standing) }))
    }
}

impl Host {
    /// Returns an ask of this host as it will be looked after.
    pub(super) fn standing(&self, scene: &mut Scene, track: usize, percent: u32) -> Result<Standing, AppError> {
        let Self { organization, patience, .. } = *self;
        let due = scene.day;
        let price = scene.price(track, percent)?;
        Ok(Standing { organization, track, percent, floor: None, price, patience, due })
    }
}

impl Scene {
    fn second_day(&self) -> Day {
        self.plan.first.next()
    }

    /// Returns one of the fortnights of a host or reseller, counted from the second day of the history; the first may be shorter.
    pub(super) fn fortnight(&self, place: usize, number: u32) -> Window {
        let since = |number: u32| {
            number.checked_sub(1).map_or(0, |before| lead(place).saturating_add(before.saturating_mul(FORTNIGHT)))
        };
        let base = self.second_day().window().start;
        let at = |number: u32| base.plus(days(since(number)));
        Window::new(at(number), at(number.saturating_add(1)))
    }

    /// Returns the fortnight of a host that a minute lies in; nothing before the first.
    pub(super) fn fortnight_at(&self, place: usize, minute: Minute) -> Option<Window> {
        let day = Day::of_minute(minute).get().checked_sub(self.second_day().get())?;
        let number = day.checked_sub(lead(place)).map_or(0, |later| later.div_euclid(FORTNIGHT).saturating_add(1));
        Some(self.fortnight(place, number))
    }
}

/// Returns the days of the first fortnight of a host.
fn lead(place: usize) -> u32 {
    let shift = u32::try_from(place).unwrap_or_default().saturating_mul(SHIFT_DAYS).checked_rem(FORTNIGHT);
    shift.filter(|shift| *shift > 0).unwrap_or(FORTNIGHT)
}

/// Returns days in minutes.
pub(super) const fn days(days: u32) -> u32 {
    days.saturating_mul(super::MINUTES_PER_DAY)
}

#[cfg(test)]
mod tests {
    use super::super::Plan;
    use super::*;
    use crate::cli::demo::dice::Dice;
    use crate::types::Timestamp;

    #[test]
    fn fortnights_follow_each_other_and_end_on_different_days() {
        let (first, seed) = (Day::new(20_000), 1);
        let plan = Plan { first, until: Timestamp::default(), seed };
        let scene = Scene { plan, tracks: Vec::new(), dice: Dice::new(seed), day: first, now: first.start() };
        for place in 0..Hosts::count() {
            assert_eq!(scene.fortnight(place, 0).start, first.next().window().start);
            assert_eq!(scene.fortnight_at(place, first.window().start), None);
            for number in 0..60 {
                let window = scene.fortnight(place, number);
                assert_eq!(window.end, scene.fortnight(place, number + 1).start);
                assert!(number == 0 || window.minutes() == days(FORTNIGHT), "{place} {number}");
                for minute in [window.start, window.end.minus(1)] {
                    assert_eq!(scene.fortnight_at(place, minute), Some(window), "{place} {number}");
                }
            }
        }
        let ends: std::collections::BTreeSet<u32> =
            (0..Hosts::count()).map(|place| Day::of_minute(scene.fortnight(place, 5).end).get() % FORTNIGHT).collect();
        assert_eq!(ends.len(), Hosts::count());
    }
}
