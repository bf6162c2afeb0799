//! Things by number, for numbers that are handed out in order: found in a few steps, kept by number, without hashing.
//!
//! Numbers share pages of 64 and chapters of 64 pages. A page goes when its last thing goes, so old numbers that are
//! still in use cost a page each at worst, and numbers no longer in use cost nothing.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::marker::PhantomData;

use crate::types::{ContractId, ListingId, OrderId, OrganizationId, ProductId, SiteId};

const BITS: u32 = 6;
const LANES: usize = 1 << BITS;

/// A number handed out by the exchange.
pub trait Number: Copy + Ord + Debug {
    /// Returns the number.
    fn get(self) -> i64;

    /// Returns what has this number.
    fn of(number: i64) -> Self;
}

macro_rules! numbers {
    ($($name:ident),* $(,)?) => {$(
        impl Number for $name {
            fn get(self) -> i64 {
                self.number()
            }

            fn of(number: i64) -> Self {
                Self::new(number)
            }
        }
    )*};
}

numbers!(OrganizationId, ProductId, SiteId, ListingId, OrderId, ContractId);

/// 64 places, some of them taken.
#[derive(Debug)]
struct Lanes<T> {
    taken: u64,
    lanes: [Option<T>; LANES],
}

impl<T> Lanes<T> {
    fn new() -> Self {
        Self { taken: 0, lanes: std::array::from_fn(|_| None) }
    }

    fn get(&self, lane: usize) -> Option<&T> {
        self.lanes.get(lane)?.as_ref()
    }

    fn get_mut(&mut self, lane: usize) -> Option<&mut T> {
        self.lanes.get_mut(lane)?.as_mut()
    }

    fn put(&mut self, lane: usize, thing: T) -> Option<T> {
        self.taken |= bit(lane);
        self.lanes.get_mut(lane)?.replace(thing)
    }

    fn take(&mut self, lane: usize) -> Option<T> {
        self.taken &= !bit(lane);
        self.lanes.get_mut(lane)?.take()
    }

    fn iter(&self) -> impl Iterator<Item = (usize, &T)> {
        bits(self.taken).filter_map(|lane| Some((lane, self.get(lane)?)))
    }
}

type Chapter<T> = Lanes<Box<Lanes<T>>>;

/// A map from numbers.
#[derive(Debug)]
pub struct Paged<K, T> {
    chapters: BTreeMap<i64, Box<Chapter<T>>>,
    len: usize,
    keys: PhantomData<K>,
}

impl<K, T> Default for Paged<K, T> {
    fn default() -> Self {
        Self { chapters: BTreeMap::new(), len: 0, keys: PhantomData }
    }
}

impl<K: Number, T> Paged<K, T> {
    pub const fn len(&self) -> usize {
        self.len
    }

    pub fn get(&self, key: K) -> Option<&T> {
        let (chapter, page, lane) = place(key.get());
        self.chapters.get(&chapter)?.get(page)?.get(lane)
    }

    pub fn get_mut(&mut self, key: K) -> Option<&mut T> {
        let (chapter, page, lane) = place(key.get());
        self.chapters.get_mut(&chapter)?.get_mut(page)?.get_mut(lane)
    }

    /// Returns what is under a number; puts something there first if nothing is.
    pub fn get_or_insert_with(&mut self, key: K, new: impl FnOnce() -> T) -> Option<&mut T> {
        if self.get(key).is_none() {
            self.insert(key, new());
        }
        self.get_mut(key)
    }

    /// Puts something under a number; returns what was there.
    pub fn insert(&mut self, key: K, thing: T) -> Option<T> {
        let (chapter, page, lane) = place(key.get());
        let chapter = self.chapters.entry(chapter).or_insert_with(|| Box::new(Lanes::new()));
        if chapter.get(page).is_none() {
            chapter.put(page, Box::new(Lanes::new()));
        }
        let before = chapter.get_mut(page)?.put(lane, thing);
        self.len = self.len.saturating_add(usize::from(before.is_none()));
        before
    }

    pub fn remove(&mut self, key: K) -> Option<T> {
        let (chapter, page, lane) = place(key.get());
        let pages = self.chapters.get_mut(&chapter)?;
        let lanes = pages.get_mut(page)?;
        let thing = lanes.take(lane)?;
        self.len = self.len.saturating_sub(1);
        if lanes.taken == 0 {
            pages.take(page);
            if pages.taken == 0 {
                self.chapters.remove(&chapter);
            }
        }
        Some(thing)
    }

    /// Returns everything by number.
    pub fn iter(&self) -> impl Iterator<Item = (K, &T)> {
        self.chapters.iter().flat_map(|(chapter, pages)| {
            pages.iter().flat_map(move |(page, lanes)| {
                lanes.iter().map(move |(lane, thing)| (K::of(number(*chapter, page, lane)), thing))
            })
        })
    }
}

/// A set of numbers, 64 neighbours to a word.
#[derive(Debug, Clone)]
pub struct Numbers<K> {
    words: BTreeMap<i64, u64>,
    keys: PhantomData<K>,
}

impl<K> Default for Numbers<K> {
    fn default() -> Self {
        Self { words: BTreeMap::new(), keys: PhantomData }
    }
}

impl<K: Number> Numbers<K> {
    pub fn insert(&mut self, key: K) {
        let (word, lane) = split(key.get());
        *self.words.entry(word).or_default() |= bit(lane);
    }

    pub fn remove(&mut self, key: K) {
        let (at, lane) = split(key.get());
        if let Some(word) = self.words.get_mut(&at) {
            *word &= !bit(lane);
            if *word == 0 {
                self.words.remove(&at);
            }
        }
    }

    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Returns the numbers in order.
    pub fn iter(&self) -> impl Iterator<Item = K> {
        self.words.iter().flat_map(|(at, word)| bits(*word).map(move |lane| K::of(join(*at, lane))))
    }
}

fn split(number: i64) -> (i64, usize) {
    let lane = usize::try_from(number & 63).unwrap_or(0);
    (number >> BITS, lane)
}

fn join(above: i64, lane: usize) -> i64 {
    (above << BITS) | i64::try_from(lane).unwrap_or(0)
}

/// Returns a number's chapter, the page in it and the place on that.
fn place(number: i64) -> (i64, usize, usize) {
    let (above, lane) = split(number);
    let (chapter, page) = split(above);
    (chapter, page, lane)
}

fn number(chapter: i64, page: usize, lane: usize) -> i64 {
    join(join(chapter, page), lane)
}

const fn bit(lane: usize) -> u64 {
    1 << (lane & (LANES - 1))
}

/// Returns the set bits in order.
fn bits(mut word: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let lane = (word != 0).then(|| word.trailing_zeros())?;
        word &= word.wrapping_sub(1);
        usize::try_from(lane).ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    /// Numbers that share pages and chapters, and some far away.
    fn numbers() -> impl Strategy<Value = i64> {
        prop_oneof![0i64..200, 4_000i64..4_200, Just(i64::MAX), Just(i64::MIN), Just(-1)]
    }

    proptest! {
        #[test]
        fn agrees_with_a_map(changes in prop::collection::vec((numbers(), 0u32..100, any::<bool>()), 0..200)) {
            let (mut paged, mut map) = (Paged::<OrderId, u32>::default(), BTreeMap::new());
            let (mut numbers, mut set) = (Numbers::<OrderId>::default(), BTreeSet::new());
            for (number, value, add) in changes {
                let id = OrderId::new(number);
                if add {
                    prop_assert_eq!(paged.insert(id, value), map.insert(id, value));
                    numbers.insert(id);
                    set.insert(id);
                } else {
                    prop_assert_eq!(paged.remove(id), map.remove(&id));
                    numbers.remove(id);
                    set.remove(&id);
                }
                prop_assert_eq!(paged.get(id), map.get(&id));
                prop_assert_eq!(paged.len(), map.len());
                prop_assert_eq!(numbers.is_empty(), set.is_empty());
            }
            prop_assert!(paged.iter().eq(map.iter().map(|(id, value)| (*id, value))));
            prop_assert!(numbers.iter().eq(set.iter().copied()));
            prop_assert!(map.keys().all(|id| paged.remove(*id).is_some()));
            prop_assert!(paged.chapters.is_empty());
        }
    }
}
