//! Resellers: they sign for a year or more, early, and sell what they do not need into the fall: one at any price, one never below
//! what it paid, one in between. Those who sign at the trough do well.

use super::Scene;
use super::desk::{Desk, Done, Task, Then};
use super::hosts::{Hosts, days};
use super::shelf::Standing;
use crate::app::AppError;
use crate::exchange::{Command, Event, PlaceAsk, PlaceBid};
use crate::types::{ContractId, OrganizationId, OrganizationKind, Price, Source, Window};

/// Name, at how many per cent of the price of the day it sells, whether below what it paid, days for which it leaves a price alone.
const RESELLERS: [(&str, u32, bool, u32); 3] = [
    ("SIMULATED reseller Ebb", 93, true, 3),
    ("SIMULATED reseller Rock", 101, false, 60),
    ("SIMULATED reseller Tern", 98, true, 14),
];
/// Day of the history, which reseller, for how many days.
const DEALS: [(u32, usize, u32); 7] =
    [(5, 0, 540), (12, 1, 540), (40, 2, 360), (290, 2, 540), (310, 0, 365), (700, 1, 365), (760, 0, 365)];
/// GPUs that a host lists for one, that it takes, and that it sells on.
const LISTED: u32 = 24;
const TAKEN: u32 = 16;
const SOLD_ON: u32 = 12;
/// What it bids, and what is asked, in per cent of the price of the day.
const BID_PERCENT: u32 = 104;
const ASK_PERCENT: u32 = 92;
/// Days after its purchase from which on it sells.
const SELLS_AFTER: u32 = 60;
/// Days ahead that it offers.
const AHEAD_DAYS: u32 = 14;

/// GPUs that a reseller holds.
#[derive(Debug, Clone, Copy)]
struct Holding {
    reseller: usize,
    contract: ContractId,
    gpus: u32,
    window: Window,
    paid: Price,
    /// The next fortnight that it may offer.
    next: u32,
}

/// All resellers and what they hold.
pub(super) struct Resellers {
    all: Vec<OrganizationId>,
    holdings: Vec<Holding>,
}

impl Resellers {
    /// Lets the resellers in.
    pub(super) fn enter(desk: &mut Desk) -> Result<Self, AppError> {
        let mut all = Vec::new();
        for (name, ..) in RESELLERS {
            all.push(desk.enter(name, OrganizationKind::Reseller)?);
        }
        Ok(Self { all, holdings: Vec::new() })
    }

    /// Returns the purchase of today, if there is one, and what is sold on.
    pub(super) fn act(&mut self, desk: &mut Desk, scene: &mut Scene, hosts: &Hosts) -> Result<Vec<Task>, AppError> {
        let (mut tasks, today) = (Vec::new(), scene.days_in());
        for (deal, (_, reseller, length)) in DEALS.iter().enumerate().filter(|(_, (day, ..))| *day == today) {
            tasks.extend(self.purchase(desk, scene, (hosts, deal), (*reseller, *length))?);
        }
        for place in 0..self.holdings.len() {
            tasks.extend(self.sell_on(scene, place)?);
        }
        Ok(tasks)
    }

    /// Returns a reseller's bid and the ask out of a listing made for it.
    fn purchase(
        &self,
        desk: &mut Desk,
        scene: &mut Scene,
        (hosts, deal): (&Hosts, usize),
        (reseller, length): (usize, u32),
    ) -> Result<Vec<Task>, AppError> {
        let (Some(buyer), Some(host)) = (self.all.get(reseller).copied(), hosts.host(deal)) else {
            return Ok(Vec::new());
        };
        let start = scene.day.window().start.plus(days(2));
        let window = Window::new(start, start.plus(days(length)));
        let listing = hosts.list(desk, scene, deal, (0, LISTED, window))?;
        let price = scene.price(0, BID_PERCENT)?;
        let Some(product) = scene.tracks.first().map(|track| track.product) else { return Ok(Vec::new()) };
        let bid = PlaceBid::plain(buyer, product, TAKEN, window, price);
        // What the reseller leaves goes on resting, like everything else that this host offers.
        let standing = Standing { percent: host.percent, ..host.standing(scene, 0, ASK_PERCENT)? };
        let ask = PlaceAsk::plain(host.organization, Source::Listing(listing), LISTED, window, standing.price);
        Ok(vec![
            Task::plain(Command::PlaceBid(bid)),
            Task { command: Command::PlaceAsk(ask), then: Then::Held(reseller, standing) },
        ])
    }

    /// Notes what a reseller has bought.
    pub(super) fn hold(&mut self, done: &Done, reseller: usize, scene: &Scene) {
        let buyer = self.all.get(reseller).copied();
        let sells_from = scene.day.window().start.plus(days(SELLS_AFTER));
        let mut first = 0_u32;
        while scene.fortnight(reseller, first).start < sells_from {
            first = first.saturating_add(1);
        }
        let events = done.outcome.iter().flat_map(|outcome| &outcome.events);
        self.holdings.extend(events.filter_map(|event| match event {
            Event::Traded { contract, .. } if Some(contract.buyer) == buyer => Some(Holding {
                reseller,
                contract: contract.id,
                gpus: contract.gpus,
                window: contract.window,
                paid: contract.price,
                next: first,
            }),
            _ => None,
        }));
    }

    /// Returns the ask of the next fortnight that a holding has, once it is near.
    fn sell_on(&mut self, scene: &mut Scene, place: usize) -> Result<Option<Task>, AppError> {
        let Some(holding) = self.holdings.get_mut(place) else { return Ok(None) };
        let window = scene.fortnight(holding.reseller, holding.next);
        let is_near = window.start <= scene.day.window().start.plus(days(AHEAD_DAYS));
        if !is_near || window.end > holding.window.end {
            return Ok(None);
        }
        holding.next = holding.next.saturating_add(1);
        let holding = *holding;
        let Some((organization, (_, percent, below_cost, patience))) =
            self.all.get(holding.reseller).copied().zip(RESELLERS.get(holding.reseller).copied())
        else {
            return Ok(None);
        };
        let floor = (!below_cost).then_some(holding.paid);
        let mut standing =
            Standing { organization, track: 0, percent, floor, price: holding.paid, patience, due: scene.day };
        standing.price = standing.target(scene)?;
        let (source, gpus) = (Source::Contract(holding.contract), SOLD_ON.min(holding.gpus));
        let ask = PlaceAsk::plain(organization, source, gpus, window, standing.price);
        Ok(Some(Task { command: Command::PlaceAsk(ask), then: Then::Stands(standing) }))
    }
}
