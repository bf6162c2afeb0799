//! The index of one side: a B+-tree by key whose nodes carry sketches.
//!
//! Invariant: keys are unique and ascend from leaf to leaf; nothing but an empty tree has an empty leaf.
//! Invariant: what a node says of a child is an upper bound of what is under it; how tight it is changes no answer.

use super::arena::Arena;
use super::leaf::{Entry, Key, LOOSE, Leaf, Summary};
use super::node::{Child, Node};
use super::sketch::Grid;

/// The tree. `LEAF` and `FAN` are at most 64.
#[derive(Debug)]
pub struct Tree<const LEAF: usize, const FAN: usize> {
    pub(super) leaves: Arena<Leaf<LEAF>>,
    pub(super) nodes: Arena<Node<FAN>>,
    pub(super) root: u32,
    /// Levels of nodes above the leaves.
    pub(super) height: u32,
    pub(super) grid: Grid,
}

/// What becomes of an entry.
#[derive(Debug, Clone, Copy)]
enum Change {
    Remove,
    /// It offers so much less.
    Lower {
        y: u32,
        gpus: u32,
    },
}

impl<const LEAF: usize, const FAN: usize> Tree<LEAF, FAN> {
    /// When a leaf is so stale its summary is tightened.
    const STALE_ENTRIES: u32 = LOOSE * if LEAF >= 16 { 8 } else { 2 };
    /// After so many of its children's summaries became tighter a node's own is tightened.
    const STALE_CHILDREN: u32 = if FAN >= 8 { 4 } else { 1 };

    pub fn new() -> Self {
        const { assert!(LEAF >= 2 && LEAF <= 64 && FAN >= 2 && FAN <= 64, "leaves and nodes are masks of 64 bits") };
        let mut leaves = Arena::new();
        let root = leaves.insert(Leaf::new());
        Self { leaves, nodes: Arena::new(), root, height: 0, grid: Grid::default() }
    }

    /// Puts an entry in.
    pub fn insert(&mut self, entry: &Entry) {
        let Some(later) = self.insert_under(self.root, self.height, entry) else { return };
        let earlier = self.child(self.root, self.height);
        let later = self.child(later, self.height);
        let mut root = Node::new();
        root.insert(0, &earlier);
        root.insert(1, &later);
        self.root = self.nodes.insert(root);
        self.height = self.height.saturating_add(1);
    }

    /// Takes an entry out; tells whether it was there.
    pub fn remove(&mut self, key: Key) -> bool {
        let found = self.change_under(self.root, self.height, key, Change::Remove);
        while self.height > 0 && self.nodes.get(self.root).is_some_and(|node| node.len() == 1) {
            let Some(root) = self.nodes.remove(self.root) else { break };
            self.root = root.child(0);
            self.height = self.height.saturating_sub(1);
        }
        found
    }

    /// Lowers what an entry offers; tells whether it was there.
    pub fn lower(&mut self, key: Key, y: u32, gpus: u32) -> bool {
        self.change_under(self.root, self.height, key, Change::Lower { y, gpus })
    }

    /// Moves the sketches' bins, and makes every sketch anew.
    pub fn set_grid(&mut self, grid: Grid) {
        if self.grid != grid {
            self.grid = grid;
            self.remake_under(self.root, self.height);
        }
    }

    /// Puts an entry in under a node; returns the node that was split off behind it, if one was.
    fn insert_under(&mut self, id: u32, level: u32, entry: &Entry) -> Option<u32> {
        if level == 0 {
            let later = self.leaves.get_mut(id)?.insert(entry)?;
            return Some(self.leaves.insert(later));
        }
        let grid = self.grid;
        let node = self.nodes.get_mut(id)?;
        let lane = node.route(entry.key);
        let child = node.child(lane);
        node.lower_first(lane, entry.key);
        let Some(later) = self.insert_under(child, level.saturating_sub(1), entry) else {
            self.nodes.get_mut(id)?.raise(lane, entry, grid);
            return None;
        };
        let later = self.child(later, level.saturating_sub(1));
        self.tighten(id, level, lane);
        let later = self.nodes.get_mut(id)?.insert(lane.saturating_add(1), &later)?;
        Some(self.nodes.insert(later))
    }

    fn change_under(&mut self, id: u32, level: u32, key: Key, change: Change) -> bool {
        if level == 0 {
            let Some(leaf) = self.leaves.get_mut(id) else { return false };
            return match change {
                Change::Remove => leaf.remove(key),
                Change::Lower { y, gpus } => leaf.lower(key, y, gpus),
            };
        }
        let Some(node) = self.nodes.get(id) else { return false };
        let lane = node.route(key);
        let child = node.child(lane);
        let found = self.change_under(child, level.saturating_sub(1), key, change);
        if found {
            self.tidy(id, level, lane);
        }
        found
    }

    /// After a change under a child: drops it if it is empty, merges it if it is small, tightens it if that is due.
    fn tidy(&mut self, id: u32, level: u32, lane: usize) {
        let Some(node) = self.nodes.get(id) else { return };
        let below = level.saturating_sub(1);
        let child = node.child(lane);
        let (len, most, stale, due) = self.load(child, below);
        if len == 0 {
            self.free(child, below);
            if let Some(node) = self.nodes.get_mut(id) {
                node.remove(lane);
            }
            return;
        }
        if len <= most / 4 {
            let pairs = [(lane.checked_sub(1), lane), (Some(lane), lane.saturating_add(1))];
            let beside = pairs.into_iter().filter_map(|(left, right)| Some((left?, right)));
            let fits = |(left, right): &(usize, usize)| {
                let (left, right) = (self.load(node.child(*left), below).0, self.load(node.child(*right), below).0);
                left.saturating_add(right) <= most / 4 * 3
            };
            let pair = beside.filter(|(_, right)| *right < node.len()).find(fits);
            if let Some((left, right)) = pair {
                self.merge(id, level, left, right);
                return;
            }
        }
        if stale >= due {
            self.tighten(id, level, lane);
        }
    }

    /// Moves what is under one child into the child before it.
    fn merge(&mut self, id: u32, level: u32, left: usize, right: usize) {
        let Some(node) = self.nodes.get_mut(id) else { return };
        let (into, from) = (node.child(left), node.child(right));
        node.remove(right);
        if level == 1 {
            let from = self.leaves.remove(from);
            if let (Some(into), Some(from)) = (self.leaves.get_mut(into), from) {
                into.append(&from);
            }
        } else {
            let from = self.nodes.remove(from);
            if let (Some(into), Some(from)) = (self.nodes.get_mut(into), from) {
                into.append(&from);
            }
        }
        self.tighten(id, level, left);
    }

    /// Makes what a node says of a child as tight as what the child knows.
    fn tighten(&mut self, id: u32, level: u32, lane: usize) {
        let below = level.saturating_sub(1);
        let Some(child) = self.nodes.get(id).map(|node| node.child(lane)) else { return };
        let Some(summary) = self.summary(child, below) else { return };
        let stale = match below {
            0 => self.leaves.get_mut(child).map(|leaf| &mut leaf.stale),
            _ => self.nodes.get_mut(child).map(|node| &mut node.stale),
        };
        if let Some(stale) = stale {
            *stale = 0;
        }
        if let Some(node) = self.nodes.get_mut(id) {
            let is_tighter = node.set(lane, &summary);
            node.stale = node.stale.saturating_add(u32::from(is_tighter));
        }
    }

    fn remake_under(&mut self, id: u32, level: u32) {
        if level == 0 {
            return;
        }
        let lanes = self.nodes.get(id).map_or(0, Node::len);
        for lane in 0..lanes {
            let child = self.nodes.get(id).map_or(0, |node| node.child(lane));
            self.remake_under(child, level.saturating_sub(1));
            self.tighten(id, level, lane);
        }
    }

    pub(super) fn summary(&self, id: u32, level: u32) -> Option<Summary> {
        match level {
            0 => self.leaves.get(id).map(|leaf| leaf.summary(self.grid)),
            _ => self.nodes.get(id).map(Node::summary),
        }
    }

    fn child(&self, id: u32, level: u32) -> Child {
        let first = match level {
            0 => self.leaves.get(id).map(|leaf| leaf.key(0)),
            _ => self.nodes.get(id).map(|node| node.first(0)),
        };
        let summary = self.summary(id, level).unwrap_or_else(|| Leaf::<LEAF>::new().summary(self.grid));
        Child { first: first.unwrap_or_default(), id, summary }
    }

    /// Returns how full a leaf or node is, how full it can be, how stale its summary is, and may become.
    fn load(&self, id: u32, level: u32) -> (usize, usize, u32, u32) {
        if level == 0 {
            let leaf = self.leaves.get(id);
            return leaf.map_or((0, LEAF, 0, 0), |leaf| (leaf.len(), LEAF, leaf.stale, Self::STALE_ENTRIES));
        }
        let node = self.nodes.get(id);
        node.map_or((0, FAN, 0, 0), |node| (node.len(), FAN, node.stale, Self::STALE_CHILDREN))
    }

    fn free(&mut self, id: u32, level: u32) {
        if level == 0 {
            self.leaves.remove(id);
        } else {
            self.nodes.remove(id);
        }
    }
}
