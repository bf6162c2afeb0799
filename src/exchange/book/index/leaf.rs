//! The entries of the index, in leaves.

use super::lanes;
use super::sketch::{Column, Grid};

/// Where an entry stands: best first. A lower `price` is better here, whatever side the order is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Key {
    pub price: i64,
    pub sequence: i64,
    /// One order may have several entries; this is also the x of the entry's point.
    pub x: u32,
}

/// What the index knows of an order, or of one part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    pub key: Key,
    pub y: u32,
    /// At most so many GPUs can be had of it.
    pub gpus: u32,
    /// What it is like; see [`marks`](super::marks).
    pub marks: u64,
    /// The order's number in the arena of its side.
    pub order: u32,
}

/// What an index knows of everything under one child.
#[derive(Debug, Clone)]
pub struct Summary {
    pub column: Column,
    /// The largest.
    pub gpus: u32,
    /// All of them.
    pub marks: u64,
}

/// What a change adds to `stale` if nothing else in the leaf offers as much as the entry did.
pub const LOOSE: u32 = 8;
/// What any other change adds: marks may be gone with it.
const WORN: u32 = 1;

/// Up to `LEAF` entries by key, field by field.
#[derive(Debug)]
pub struct Leaf<const LEAF: usize> {
    len: usize,
    /// How much what the parent was last told may be too much: see [`LOOSE`] and [`WORN`].
    pub stale: u32,
    keys: [Key; LEAF],
    x: [u32; LEAF],
    y: [u32; LEAF],
    /// 0 where nothing stands.
    gpus: [u32; LEAF],
    orders: [u32; LEAF],
    marks: [u64; LEAF],
}

impl<const LEAF: usize> Leaf<LEAF> {
    pub fn new() -> Self {
        Self {
            len: 0,
            stale: 0,
            keys: [Key::default(); LEAF],
            x: [0; LEAF],
            y: [0; LEAF],
            gpus: [0; LEAF],
            orders: [0; LEAF],
            marks: [0; LEAF],
        }
    }

    pub const fn len(&self) -> usize {
        self.len
    }

    /// Returns how many entries stand before the key.
    pub fn before(&self, key: Key) -> usize {
        self.keys.get(..self.len).unwrap_or_default().partition_point(|other| *other < key)
    }

    /// Returns how many entries stand before the key or at it.
    pub fn behind(&self, key: Key) -> usize {
        self.keys.get(..self.len).unwrap_or_default().partition_point(|other| *other <= key)
    }

    pub fn key(&self, at: usize) -> Key {
        lanes::at(&self.keys, at)
    }

    pub fn order(&self, at: usize) -> u32 {
        lanes::at(&self.orders, at)
    }

    pub fn marks(&self, at: usize) -> u64 {
        lanes::at(&self.marks, at)
    }

    fn entry(&self, at: usize) -> Entry {
        Entry {
            key: self.key(at),
            y: lanes::at(&self.y, at),
            gpus: lanes::at(&self.gpus, at),
            marks: self.marks(at),
            order: self.order(at),
        }
    }

    pub fn entries(&self) -> impl Iterator<Item = Entry> + '_ {
        (0..self.len).map(|at| self.entry(at))
    }

    /// Returns a bit for every entry with at least so many GPUs whose point lies in the corner.
    pub fn hold(&self, x: u32, y: u32, gpus: u32) -> u64 {
        let mut flags = [0; LEAF];
        for (flag, ((its_x, its_y), its_gpus)) in flags.iter_mut().zip(self.x.iter().zip(&self.y).zip(&self.gpus)) {
            *flag = u8::from((*its_x <= x) & (*its_y >= y) & (*its_gpus >= gpus));
        }
        lanes::bits(&flags) & lanes::range(0, self.len)
    }

    /// Puts an entry in if there is room; else returns a new leaf with the later entries, the entry in one of the two.
    pub fn insert(&mut self, entry: &Entry) -> Option<Self> {
        let at = self.before(entry.key);
        if self.len < LEAF {
            self.put(at, entry);
            return None;
        }
        // Entries that come in order fill their leaves.
        let kept = if at == LEAF { LEAF } else { LEAF / 2 };
        let mut later = Self::new();
        (kept..LEAF).for_each(|from| later.put(later.len, &self.entry(from)));
        self.len = kept;
        lanes::clear(&mut self.gpus, kept);
        if at > kept || kept == LEAF {
            later.put(at.saturating_sub(kept), entry);
        } else {
            self.put(at, entry);
        }
        Some(later)
    }

    fn put(&mut self, at: usize, entry: &Entry) {
        lanes::insert(&mut self.keys, self.len, at, entry.key);
        lanes::insert(&mut self.x, self.len, at, entry.key.x);
        lanes::insert(&mut self.y, self.len, at, entry.y);
        lanes::insert(&mut self.gpus, self.len, at, entry.gpus);
        lanes::insert(&mut self.orders, self.len, at, entry.order);
        lanes::insert(&mut self.marks, self.len, at, entry.marks);
        self.len = self.len.saturating_add(1);
    }

    /// Takes an entry out; tells whether it was here.
    pub fn remove(&mut self, key: Key) -> bool {
        let at = self.before(key);
        if at >= self.len || self.key(at) != key {
            return false;
        }
        let (y, gpus) = (lanes::at(&self.y, at), lanes::at(&self.gpus, at));
        lanes::remove(&mut self.keys, self.len, at);
        lanes::remove(&mut self.x, self.len, at);
        lanes::remove(&mut self.y, self.len, at);
        lanes::remove(&mut self.gpus, self.len, at);
        lanes::remove(&mut self.orders, self.len, at);
        lanes::remove(&mut self.marks, self.len, at);
        self.len = self.len.saturating_sub(1);
        self.wear(key.x, y, gpus);
        true
    }

    /// Lowers what an entry offers; tells whether it was here.
    pub fn lower(&mut self, key: Key, y: u32, gpus: u32) -> bool {
        let at = self.before(key);
        if at >= self.len || self.key(at) != key {
            return false;
        }
        let before = (lanes::at(&self.y, at), lanes::at(&self.gpus, at));
        lanes::put(&mut self.y, at, y);
        lanes::put(&mut self.gpus, at, gpus);
        self.wear(key.x, before.0, before.1);
        true
    }

    /// Notes that an entry no longer offers what it did. What another one offers too is still there.
    fn wear(&mut self, x: u32, y: u32, gpus: u32) {
        let is_offered = self.hold(x, y, 0) != 0 && self.most_gpus() >= gpus;
        self.stale = self.stale.saturating_add(if is_offered { WORN } else { LOOSE });
    }

    fn most_gpus(&self) -> u32 {
        self.gpus.iter().fold(0, |most, gpus| most.max(*gpus))
    }

    /// Puts all entries of the next leaf behind its own.
    pub fn append(&mut self, next: &Self) {
        next.entries().for_each(|entry| self.put(self.len, &entry));
    }

    pub fn summary(&self, grid: Grid) -> Summary {
        Summary {
            column: Column::of(self.entries().map(|entry| grid.spot(entry.key.x, entry.y))),
            gpus: self.most_gpus(),
            marks: self.marks.iter().take(self.len).fold(0, |all, marks| all | marks),
        }
    }
}
