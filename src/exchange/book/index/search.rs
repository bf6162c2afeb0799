//! Finding the entries an arriving order can meet, best first.

use std::ops::ControlFlow;

use super::lanes;
use super::leaf::Key;
use super::marks::Wanted;
use super::sketch::Spot;
use super::tree::Tree;

/// What is searched for: entries with `key.x <= x`, `y >= y`, so many GPUs and a price up to a limit.
#[derive(Debug, Clone, Copy)]
pub struct Search<'a> {
    pub x: u32,
    pub y: u32,
    pub gpus: u32,
    pub price_max: i64,
    pub wanted: &'a Wanted,
    /// Only entries behind this one.
    pub after: Option<Key>,
}

impl<const LEAF: usize, const FAN: usize> Tree<LEAF, FAN> {
    /// Shows every entry that is searched for, in order, until told to stop: its key and its order.
    pub fn visit(&self, search: &Search, mut show: impl FnMut(Key, u32) -> ControlFlow<()>) {
        let spot = self.grid.spot(search.x, search.y);
        let _ = self.visit_under(self.root, self.height, search, spot, search.after, &mut show);
    }

    fn visit_under(
        &self,
        id: u32,
        level: u32,
        search: &Search,
        spot: Spot,
        after: Option<Key>,
        show: &mut impl FnMut(Key, u32) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        if level == 0 {
            return self.visit_leaf(id, search, after, show);
        }
        let Some(node) = self.nodes.get(id) else { return ControlFlow::Continue(()) };
        let from = after.map_or(0, |after| node.route(after));
        let mut bits = node.may_hold(spot) & lanes::range(from, node.len());
        while bits != 0 {
            let lane;
            (lane, bits) = lanes::lowest(bits);
            if node.first(lane).price > search.price_max {
                return ControlFlow::Break(());
            }
            if node.gpus(lane) < search.gpus || !search.wanted.may_be(node.marks(lane)) {
                continue;
            }
            let after = if lane == from { after } else { None };
            self.visit_under(node.child(lane), level.saturating_sub(1), search, spot, after, show)?;
        }
        ControlFlow::Continue(())
    }

    fn visit_leaf(
        &self,
        id: u32,
        search: &Search,
        after: Option<Key>,
        show: &mut impl FnMut(Key, u32) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let Some(leaf) = self.leaves.get(id) else { return ControlFlow::Continue(()) };
        let from = after.map_or(0, |after| leaf.behind(after));
        let mut bits = leaf.hold(search.x, search.y, search.gpus) & lanes::range(from, leaf.len());
        while bits != 0 {
            let at;
            (at, bits) = lanes::lowest(bits);
            let key = leaf.key(at);
            if key.price > search.price_max {
                return ControlFlow::Break(());
            }
            if search.wanted.may_be(leaf.marks(at)) {
                show(key, leaf.order(at))?;
            }
        }
        ControlFlow::Continue(())
    }
}
