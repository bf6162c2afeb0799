//! The inner nodes of the index.

use super::lanes;
use super::leaf::{Entry, Key, Summary};
use super::sketch::{Grid, Sketch, Spot};

/// Up to `FAN` children by key, with what the index knows of each.
#[derive(Debug)]
pub struct Node<const FAN: usize> {
    len: usize,
    /// Children whose summaries were tightened, or that left, since the parent was last told what is here.
    pub stale: u32,
    /// No key under a child is before its own here, and none under the child before it is at or after it.
    firsts: [Key; FAN],
    children: [u32; FAN],
    gpus: [u32; FAN],
    marks: [u64; FAN],
    sketch: Sketch<FAN>,
}

/// A child on its way into a node.
pub struct Child {
    pub first: Key,
    pub id: u32,
    pub summary: Summary,
}

impl<const FAN: usize> Node<FAN> {
    pub const fn new() -> Self {
        Self {
            len: 0,
            stale: 0,
            firsts: [Key { price: 0, sequence: 0, x: 0 }; FAN],
            children: [0; FAN],
            gpus: [0; FAN],
            marks: [0; FAN],
            sketch: Sketch::new(),
        }
    }

    pub const fn len(&self) -> usize {
        self.len
    }

    pub fn first(&self, lane: usize) -> Key {
        lanes::at(&self.firsts, lane)
    }

    pub fn child(&self, lane: usize) -> u32 {
        lanes::at(&self.children, lane)
    }

    pub fn gpus(&self, lane: usize) -> u32 {
        lanes::at(&self.gpus, lane)
    }

    pub fn marks(&self, lane: usize) -> u64 {
        lanes::at(&self.marks, lane)
    }

    /// Returns the child under which the key belongs.
    pub fn route(&self, key: Key) -> usize {
        let firsts = self.firsts.get(..self.len).unwrap_or_default();
        firsts.partition_point(|first| *first <= key).saturating_sub(1)
    }

    /// Returns a bit for every child that may hold a point as wanted.
    pub fn may_hold(&self, wanted: Spot) -> u64 {
        self.sketch.may_hold(wanted) & lanes::range(0, self.len)
    }

    /// Lets a child's summary cover one more entry.
    pub fn raise(&mut self, lane: usize, entry: &Entry, grid: Grid) {
        self.sketch.raise(lane, grid.spot(entry.key.x, entry.y));
        let (gpus, marks) = (self.gpus(lane).max(entry.gpus), self.marks(lane) | entry.marks);
        lanes::put(&mut self.gpus, lane, gpus);
        lanes::put(&mut self.marks, lane, marks);
    }

    /// Makes room for a key before all others.
    pub fn lower_first(&mut self, lane: usize, key: Key) {
        if key < self.first(lane) {
            lanes::put(&mut self.firsts, lane, key);
        }
    }

    /// Writes what is known of a child; tells whether that is another thing than before.
    pub fn set(&mut self, lane: usize, summary: &Summary) -> bool {
        let is_other = self.sketch.set(lane, &summary.column)
            || self.gpus(lane) != summary.gpus
            || self.marks(lane) != summary.marks;
        lanes::put(&mut self.gpus, lane, summary.gpus);
        lanes::put(&mut self.marks, lane, summary.marks);
        is_other
    }

    /// Puts a child in if there is room; else returns a new node with the later children, the child in one of the two.
    pub fn insert(&mut self, lane: usize, child: &Child) -> Option<Self> {
        if self.len < FAN {
            self.put(lane, child);
            return None;
        }
        let kept = if lane == FAN { FAN } else { FAN / 2 };
        let mut later = Self::new();
        (kept..FAN).for_each(|from| later.put(later.len, &self.take(from)));
        self.clear(kept);
        if lane > kept || kept == FAN {
            later.put(lane.saturating_sub(kept), child);
        } else {
            self.put(lane, child);
        }
        Some(later)
    }

    fn put(&mut self, lane: usize, child: &Child) {
        lanes::insert(&mut self.firsts, self.len, lane, child.first);
        lanes::insert(&mut self.children, self.len, lane, child.id);
        lanes::insert(&mut self.gpus, self.len, lane, child.summary.gpus);
        lanes::insert(&mut self.marks, self.len, lane, child.summary.marks);
        self.sketch.insert(self.len, lane, &child.summary.column);
        self.len = self.len.saturating_add(1);
    }

    fn take(&self, lane: usize) -> Child {
        Child { first: self.first(lane), id: self.child(lane), summary: self.summary_of(lane) }
    }

    fn clear(&mut self, from: usize) {
        self.len = from;
        lanes::clear(&mut self.firsts, from);
        lanes::clear(&mut self.children, from);
        lanes::clear(&mut self.gpus, from);
        lanes::clear(&mut self.marks, from);
        self.sketch.clear(from);
    }

    pub fn remove(&mut self, lane: usize) {
        lanes::remove(&mut self.firsts, self.len, lane);
        lanes::remove(&mut self.children, self.len, lane);
        lanes::remove(&mut self.gpus, self.len, lane);
        lanes::remove(&mut self.marks, self.len, lane);
        self.sketch.remove(self.len, lane);
        self.len = self.len.saturating_sub(1);
        self.stale = self.stale.saturating_add(1);
    }

    /// Puts all children of the next node behind its own.
    pub fn append(&mut self, next: &Self) {
        (0..next.len).for_each(|lane| self.put(self.len, &next.take(lane)));
    }

    /// Returns what the node says of one child.
    pub fn summary_of(&self, lane: usize) -> Summary {
        Summary { column: self.sketch.column(lane), gpus: self.gpus(lane), marks: self.marks(lane) }
    }

    pub fn summary(&self) -> Summary {
        Summary {
            column: self.sketch.total(),
            gpus: self.gpus.iter().fold(0, |most, gpus| most.max(*gpus)),
            marks: self.marks.iter().fold(0, |all, marks| all | marks),
        }
    }
}
