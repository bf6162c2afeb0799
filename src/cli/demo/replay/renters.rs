//! Renters: they bid for hours and days soon, now and then for months, around the price of the day, and the more of them
//! the more prices rise. One of them takes most of its bids back.

use super::Scene;
use super::desk::{Desk, Done, Task, Then};
use super::hosts::{Hosts, days};
use crate::app::AppError;
use crate::exchange::{Command, PlaceBid, Terms};
use crate::types::{Minute, OrderId, OrganizationId, OrganizationKind, ProductId, TimeInForce, Window};

const RENTERS: u32 = 12;
/// Bids at each turn while prices stand still.
const BIDS: u32 = 7;
/// Above that, in per cent of some weeks before, prices rise; below the other they fall.
const RISING: i64 = 103;
const FALLING: i64 = 97;
const HOUR: u32 = 60;
const DAY_HOURS: u32 = 24;
/// Days within which most bids begin.
const SOON_DAYS: u32 = 3;
/// One bid of so many begins later, within so many days, and waits for a price.
const EARLY_EVERY: u32 = 4;
const EARLY_DAYS: u32 = 20;
const HOURS: [u32; 6] = [4, 8, 24, 24, 72, 168];
const GPUS: [u32; 6] = [1, 2, 4, 8, 8, 16];
/// A host that is short of GPUs bids too: on one turn of so many.
const HOST_EVERY: u32 = 3;
/// Bids for months: on one turn of so many.
const TERM_EVERY: u32 = 8;
const TERM_DAYS: [u32; 3] = [30, 60, 90];
/// Bids of the renter who takes them back: on one turn of so many.
const FICKLE_EVERY: u32 = 4;
const FICKLE_BIDS: u32 = 2;

/// All renters.
pub(super) struct Renters {
    all: Vec<OrganizationId>,
    /// What is taken back at the next turn.
    to_take_back: Vec<(OrganizationId, OrderId)>,
}

impl Renters {
    /// Lets the renters in.
    pub(super) fn enter(desk: &mut Desk) -> Result<Self, AppError> {
        let mut all = Vec::new();
        for number in 1..=RENTERS {
            all.push(desk.enter(&format!("SIMULATED renter {number:02}"), OrganizationKind::Renter)?);
        }
        Ok(Self { all, to_take_back: Vec::new() })
    }

    /// Returns what renters ask at a turn.
    pub(super) fn act(&mut self, scene: &mut Scene, hosts: &Hosts) -> Result<Vec<Task>, AppError> {
        let back = std::mem::take(&mut self.to_take_back).into_iter();
        let back = back.map(|(organization, order)| Task::plain(Command::CancelOrder { organization, order }));
        let mut tasks: Vec<Task> = back.collect();
        let trend = scene.tracks.first().map_or(100, |track| track.trend(scene.day));
        let bids = match trend {
            ..=FALLING => BIDS.saturating_sub(2),
            RISING.. => BIDS.saturating_mul(2),
            _ => BIDS,
        };
        for _ in 0..bids {
            let who = scene.dice.pick(&self.all, OrganizationId::EXCHANGE);
            tasks.extend(bid(scene, who)?);
        }
        if scene.dice.below(HOST_EVERY) == 0 {
            let place = usize::try_from(scene.dice.below(HOST_EVERY)).unwrap_or_default();
            if let Some(host) = hosts.host(place) {
                tasks.extend(bid(scene, host.organization)?);
            }
        }
        if scene.dice.below(TERM_EVERY) == 0 {
            let who = scene.dice.pick(&self.all, OrganizationId::EXCHANGE);
            tasks.push(term(scene, who)?);
        }
        if let Some(fickle) = self.all.last().copied().filter(|_| scene.dice.below(FICKLE_EVERY) == 0) {
            for _ in 0..FICKLE_BIDS {
                tasks.extend(fleeting(scene, fickle)?);
            }
        }
        Ok(tasks)
    }

    /// Notes a bid that is to be taken back.
    pub(super) fn remember(&mut self, done: &Done, who: OrganizationId) {
        self.to_take_back.extend(done.resting().map(|order| (who, order)));
    }
}

/// Returns a bid for hours or days soon; every second one is for the H100.
fn bid(scene: &mut Scene, who: OrganizationId) -> Result<Option<Task>, AppError> {
    let tracks = u32::try_from(scene.tracks.len()).unwrap_or(1);
    let track = if scene.dice.below(2) == 0 { 0 } else { scene.dice.below(tracks) };
    let track = usize::try_from(track).unwrap_or_default();
    let is_early = scene.dice.below(EARLY_EVERY) == 0;
    let (days_ahead, percent) = match is_early {
        true => (EARLY_DAYS, scene.dice.between(90, 100)),
        false => (SOON_DAYS, scene.dice.between(86, 122)),
    };
    let price = scene.price(track, percent)?;
    let gpus = scene.dice.pick(&GPUS, 1);
    let terms = match scene.dice.below(5) {
        0 => Terms { time_in_force: TimeInForce::Ioc, ..Terms::default() },
        _ => Terms::default(),
    };
    let wanted = within(scene, days_ahead).zip(scene.tracks.get(track).map(|track| track.product));
    Ok(wanted.map(|(window, product)| {
        let bid = PlaceBid { terms, ..PlaceBid::plain(who, product, gpus, window, price) };
        Task::plain(Command::PlaceBid(bid))
    }))
}

/// Returns a bid at the best price there should be, which is taken back at the next turn.
fn fleeting(scene: &mut Scene, who: OrganizationId) -> Result<Option<Task>, AppError> {
    let price = scene.price(0, 99)?;
    let wanted = within(scene, SOON_DAYS).zip(scene.tracks.first().map(|track| track.product));
    Ok(wanted.map(|(window, product)| Task {
        command: Command::PlaceBid(PlaceBid::plain(who, product, 1, window, price)),
        then: Then::TakenBack(who),
    }))
}

/// Returns a bid for months of H100s.
fn term(scene: &mut Scene, who: OrganizationId) -> Result<Task, AppError> {
    let percent = scene.dice.between(80, 100);
    let price = scene.price(0, percent)?;
    let start = scene.day.window().start.plus(days(scene.dice.between(8, 40)));
    let window = Window::new(start, start.plus(days(scene.dice.pick(&TERM_DAYS, 30))));
    let gpus = scene.dice.pick(&[4, 8], 4);
    let product = scene.tracks.first().map_or(ProductId::new(0), |track| track.product);
    Ok(Task::plain(Command::PlaceBid(PlaceBid::plain(who, product, gpus, window, price))))
}

/// Returns a window that starts within some days, inside a fortnight that one of the hosts offers; nothing before the first.
fn within(scene: &mut Scene, days_ahead: u32) -> Option<Window> {
    let now = scene.now.minute().get();
    let hour = now.saturating_sub(now.checked_rem(HOUR).unwrap_or_default());
    let latest = days_ahead.saturating_mul(DAY_HOURS);
    let start = Minute::new(hour).plus(scene.dice.between(2, latest).saturating_mul(HOUR));
    let hours = scene.dice.pick(&HOURS, DAY_HOURS);
    let hosts = u32::try_from(Hosts::count()).unwrap_or(1);
    let place = usize::try_from(scene.dice.below(hosts)).unwrap_or_default();
    let end = start.plus(hours.saturating_mul(HOUR)).min(scene.fortnight_at(place, start)?.end);
    Some(Window::new(start, end)).filter(|window| !window.is_empty())
}
