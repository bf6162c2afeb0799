//! Where each resting order is, by its number.

use std::collections::BTreeMap;

use super::lanes;
use crate::types::OrderId;

const PAGE: usize = 64;
const PAGE_BITS: u32 = 6;

/// An order's number in the arena of its side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Position {
    #[default]
    Nowhere,
    Ask(u32),
    Bid(u32),
}

/// Positions by order. Orders are numbered as they come, so the resting ones lie close together: they are kept in
/// pages of neighbouring numbers.
#[derive(Debug, Default)]
pub struct Directory {
    pages: BTreeMap<i64, Box<Page>>,
}

#[derive(Debug)]
struct Page {
    used: usize,
    positions: [Position; PAGE],
}

impl Directory {
    pub fn get(&self, order: OrderId) -> Position {
        let (page, within) = split(order);
        self.pages.get(&page).map_or(Position::Nowhere, |page| lanes::at(&page.positions, within))
    }

    /// Writes down where an order is that was nowhere.
    pub fn insert(&mut self, order: OrderId, position: Position) {
        let (page, within) = split(order);
        let empty = || Box::new(Page { used: 0, positions: [Position::Nowhere; PAGE] });
        let page = self.pages.entry(page).or_insert_with(empty);
        page.used = page.used.saturating_add(1);
        lanes::put(&mut page.positions, within, position);
    }

    /// Forgets an order; returns where it was.
    pub fn remove(&mut self, order: OrderId) -> Position {
        let (number, within) = split(order);
        let Some(page) = self.pages.get_mut(&number) else { return Position::Nowhere };
        let position = lanes::at(&page.positions, within);
        if position != Position::Nowhere {
            lanes::put(&mut page.positions, within, Position::Nowhere);
            page.used = page.used.saturating_sub(1);
            if page.used == 0 {
                self.pages.remove(&number);
            }
        }
        position
    }
}

fn split(order: OrderId) -> (i64, usize) {
    let number = order.number();
    let within = number & ((1 << PAGE_BITS) - 1);
    (number >> PAGE_BITS, usize::try_from(within).unwrap_or(0))
}
