//! Whether an index is what it says it is.

use super::free::stretches;
use super::sketch::Column;
use super::tree::Tree;
use super::{Entry, IndexedBook, entry_of_ask, key_of_bid, turned};
use std::collections::BTreeMap;

/// Tests have fewer orders.
const ORDERS_MAX: u32 = 10_000;

impl<const LEAF: usize, const FAN: usize> IndexedBook<LEAF, FAN> {
    /// Panics where the index and the orders disagree.
    pub fn check(&self) {
        let asks = self.asks_index.checked_entries();
        let mut expected = BTreeMap::new();
        for order in 0..ORDERS_MAX {
            if let Some(ask) = self.asks.get(order) {
                let entries = stretches(ask, &ask.sold, ask.window).map(|stretch| entry_of_ask(ask, order, stretch));
                expected.extend(entries.map(|entry| (entry.key, entry)));
            }
        }
        assert!(expected.into_values().eq(asks), "asks and their entries differ");
        let bids = self.bids_index.checked_entries();
        assert_eq!(bids.len(), self.bids.len());
        for entry in bids {
            let bid = self.bids.get(entry.order).unwrap();
            let (y, gpus) = (turned(bid.window.end.get()), bid.remaining);
            assert_eq!(entry, Entry { key: key_of_bid(bid), y, gpus, marks: 0, order: entry.order });
        }
    }

    /// The levels of nodes over the leaves of asks and of bids.
    pub fn heights(&self) -> (u32, u32) {
        (self.asks_index.height, self.bids_index.height)
    }
}

impl<const LEAF: usize, const FAN: usize> Tree<LEAF, FAN> {
    /// Returns all entries; panics where keys are out of order or a sketch promises less than there is.
    fn checked_entries(&self) -> Vec<Entry> {
        let mut entries = Vec::new();
        let (mut leaves, mut nodes) = (0, 0);
        self.check_under(self.root, self.height, &mut entries, (&mut leaves, &mut nodes));
        assert_eq!((leaves, nodes), (self.leaves.len(), self.nodes.len()), "leaves or nodes are lost");
        assert!(entries.is_sorted_by(|a: &Entry, b| a.key < b.key), "keys do not ascend");
        entries
    }

    /// Collects the entries under a node and checks what the node says of them.
    fn check_under(&self, id: u32, level: u32, entries: &mut Vec<Entry>, (leaves, nodes): (&mut usize, &mut usize)) {
        if level == 0 {
            *leaves += 1;
            let leaf = self.leaves.get(id).unwrap();
            assert!(leaf.len() > 0 || self.height == 0, "an empty leaf");
            entries.extend(leaf.entries());
            return;
        }
        *nodes += 1;
        let node = self.nodes.get(id).unwrap();
        assert!(node.len() > usize::from(level == self.height), "a node that should not be");
        for lane in 0..node.len() {
            let from = entries.len();
            self.check_under(node.child(lane), level - 1, entries, (leaves, nodes));
            let (before, under) = entries.split_at(from);
            assert!(under.iter().all(|entry| entry.key >= node.first(lane)), "a key before its node");
            let is_between = lane == 0 || before.last().is_none_or(|last| last.key < node.first(lane));
            assert!(is_between, "a key behind its node");
            let said = node.summary_of(lane);
            let spots = under.iter().map(|entry| self.grid.spot(entry.key.x, entry.y));
            assert!(said.column.covers(&Column::of(spots)), "a sketch promises too little");
            let fits = |entry: &Entry| said.gpus >= entry.gpus && said.marks & entry.marks == entry.marks;
            assert!(under.iter().all(fits), "a summary promises too little");
        }
        assert_eq!(node.may_hold(self.grid.spot(u32::MAX, 0)).count_ones() as usize, node.len(), "lost children");
    }
}
