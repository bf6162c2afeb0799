//! Asks that somebody looks after: from time to time they are set to the price of the day.

use super::Scene;
use super::desk::{Done, Task, Then};
use crate::exchange::{AmendOrder, Command};
use crate::market::Day;
use crate::types::{OrderId, OrganizationId, Price};

/// An ask smaller changes than which nobody bothers with, in per cent.
const CHANGE_MIN: i64 = 1;
const PER_CENT: i64 = 100;

/// An ask that rests.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standing {
    /// Whose.
    pub(super) organization: OrganizationId,
    /// Of which product.
    pub(super) track: usize,
    /// At how many per cent of the price of the day.
    pub(super) percent: u32,
    /// Never below that.
    pub(super) floor: Option<Price>,
    /// At what price now.
    pub(super) price: Price,
    /// How many days its seller leaves a price alone.
    pub(super) patience: u32,
    /// When it looks again.
    pub(super) due: Day,
}

/// All asks that are looked after, oldest first.
#[derive(Default)]
pub(super) struct Shelf(Vec<(OrderId, Standing)>);

impl Standing {
    /// Returns at what price it should stand today.
    pub(super) fn target(&self, scene: &mut Scene) -> Result<Price, crate::app::AppError> {
        let of_day = scene.price(self.track, self.percent)?;
        Ok(self.floor.map_or(of_day, |floor| floor.max(of_day)))
    }

    /// Puts off the next look.
    fn put_off(&mut self, scene: &mut Scene) {
        let days = self.patience.saturating_add(scene.dice.below(self.patience.saturating_add(1)));
        self.due = Day::new(scene.day.get().saturating_add(days.max(1)));
    }
}

impl Shelf {
    /// Keeps an ask if it rests.
    pub(super) fn keep(&mut self, done: &Done, standing: Standing, scene: &mut Scene) {
        if let Some(order) = done.resting() {
            let mut standing = standing;
            standing.put_off(scene);
            self.0.push((order, standing));
        }
    }

    /// Returns the new prices of those whose sellers look today.
    pub(super) fn reprice(&mut self, scene: &mut Scene) -> Result<Vec<Task>, crate::app::AppError> {
        let (mut tasks, today) = (Vec::new(), scene.day);
        for (order, standing) in self.0.iter_mut().filter(|(_, standing)| standing.due <= today) {
            standing.put_off(scene);
            let price = standing.target(scene)?;
            let moved = price.micros().saturating_sub(standing.price.micros()).saturating_abs();
            if moved.saturating_mul(PER_CENT) <= standing.price.micros().saturating_mul(CHANGE_MIN) {
                continue;
            }
            let (organization, order) = (standing.organization, *order);
            let amend = AmendOrder { price: Some(price), ..AmendOrder::unchanged(organization, order) };
            tasks.push(Task { command: Command::AmendOrder(amend), then: Then::Repriced(order, price) });
        }
        Ok(tasks)
    }

    /// Notes a new price, or that the ask is gone.
    pub(super) fn repriced(&mut self, done: &Done, order: OrderId, price: Price) {
        if done.resting().is_none() {
            self.0.retain(|(kept, _)| *kept != order);
        } else if let Some((_, standing)) = self.0.iter_mut().find(|(kept, _)| *kept == order) {
            standing.price = price;
        }
    }
}
