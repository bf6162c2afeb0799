//! A history for the pages: the exchange's clock walks from the first day of the real H100 series to the present, while
//! seeded traders deal around the real price of each day.
//!
//! Everything but the price that they look at is made up, and the database says so from its first row on. What they ask goes
//! the way of everything else, through the sequencer, so the journal, its replay and `verify` hold. Invariant: what is
//! asked, and what is executed together, depends on the seed, the days and the series alone, so the same seed gives the same
//! journal.

mod desk;
mod hosts;
mod prices;
mod renters;
mod resellers;
mod shelf;

use super::dice::Dice;
use super::progress;
use crate::app::sequencer::Stepper;
use crate::app::{AppError, ManualClock, SIMULATED};
use crate::market::Day;
use crate::types::Timestamp;
use desk::{Desk, Then};
use hosts::Hosts;
pub(super) use prices::{Track, tracks};
use renters::Renters;
use resellers::Resellers;
use shelf::Shelf;

/// The first day of the series of the H100.
pub(super) const FIRST_DAY: &str = "2024-05-17T00:00:00Z";
/// Times of a day at which traders act, each anywhere in its half.
const TURNS: u32 = 2;
const MINUTES_PER_DAY: u32 = 24 * 60;
/// Days after which a person is told how far it is.
const TOLD_EVERY: u32 = 30;

/// Which history.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    /// Its first day.
    pub(super) first: Day,
    /// When it ends.
    pub(super) until: Timestamp,
    /// Which traders.
    pub(super) seed: u64,
}

/// What the walk looks at and where it is.
pub(super) struct Scene {
    plan: Plan,
    /// The products, the H100 first.
    tracks: Vec<Track>,
    dice: Dice,
    /// Today.
    day: Day,
    now: Timestamp,
}

impl Scene {
    /// Returns the days since the first.
    fn days_in(&self) -> u32 {
        self.day.days_since(self.plan.first)
    }
}

/// Everybody who trades.
struct Traders {
    hosts: Hosts,
    resellers: Resellers,
    renters: Renters,
    shelf: Shelf,
}

/// Walks the clock through the history and lets the traders act; returns how many commands that took.
pub(super) fn play(stepper: Stepper, clock: &ManualClock, plan: Plan, tracks: Vec<Track>) -> Result<u64, AppError> {
    let (day, now) = (plan.first, plan.first.start());
    let mut scene = Scene { plan, tracks, dice: Dice::new(plan.seed), day, now };
    let mut desk = Desk::new(stepper);
    prices::make_products(&mut desk, &mut scene.tracks)?;
    let mut traders = Traders::enter(&mut desk)?;
    let half = MINUTES_PER_DAY / TURNS;
    while scene.day <= Day::of(plan.until) {
        for turn in 0..TURNS {
            let minute = turn.saturating_mul(half).saturating_add(scene.dice.between(5, half.saturating_sub(5)));
            scene.now = scene.day.window().start.plus(minute).start();
            if scene.now > plan.until {
                break;
            }
            clock.set(scene.now);
            traders.act(&mut desk, &mut scene, turn == 0)?;
        }
        if scene.days_in().is_multiple_of(TOLD_EVERY) {
            progress(&format!("{SIMULATED} history, {}", scene.day));
        }
        scene.day = scene.day.next();
    }
    Ok(desk.commands())
}

impl Traders {
    fn enter(desk: &mut Desk) -> Result<Self, AppError> {
        Ok(Self {
            hosts: Hosts::enter(desk)?,
            resellers: Resellers::enter(desk)?,
            renters: Renters::enter(desk)?,
            shelf: Shelf::default(),
        })
    }

    /// Lets everybody ask, at once, and hear what came of it. Sellers look at the market once a day.
    fn act(&mut self, desk: &mut Desk, scene: &mut Scene, is_morning: bool) -> Result<(), AppError> {
        let mut tasks = Vec::new();
        if is_morning {
            tasks.extend(self.shelf.reprice(scene)?);
            tasks.extend(self.hosts.offer(desk, scene)?);
            tasks.extend(self.resellers.act(desk, scene, &self.hosts)?);
        }
        tasks.extend(self.renters.act(scene, &self.hosts)?);
        for done in desk.all(tasks)? {
            match done.then {
                Then::Nothing => {}
                Then::Stands(standing) => self.shelf.keep(&done, standing, scene),
                Then::Repriced(order, price) => self.shelf.repriced(&done, order, price),
                Then::TakenBack(who) => self.renters.remember(&done, who),
                Then::Held(reseller, standing) => {
                    self.resellers.hold(&done, reseller, scene);
                    self.shelf.keep(&done, standing, scene);
                }
            }
        }
        Ok(())
    }
}
