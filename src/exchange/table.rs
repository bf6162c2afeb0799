//! Keyed rows that know what a batch touched and what they add to the digest.
//!
//! A row is shared with whoever was told of it when the batch was settled; it is copied when it is changed after that.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::Failure;
use super::paged::{Number, Paged};
use crate::types::OrganizationId;

/// What names a row, and how rows so named are kept.
pub trait Key: Ord + Clone + Serialize + Debug {
    /// A map from it.
    type Rows<T: Debug>: Rows<Self, T> + Debug;
}

impl<K: Number + Serialize> Key for K {
    type Rows<T: Debug> = Paged<K, T>;
}

impl Key for u32 {
    type Rows<T: Debug> = BTreeMap<Self, T>;
}

impl Key for (OrganizationId, String) {
    type Rows<T: Debug> = BTreeMap<Self, T>;
}

impl Key for (String, String) {
    type Rows<T: Debug> = BTreeMap<Self, T>;
}

/// A map that keeps its keys in order.
pub trait Rows<K, T>: Default {
    /// Returns what is under a key.
    fn get(&self, key: &K) -> Option<&T>;
    /// Returns what is under a key, to be changed.
    fn get_mut(&mut self, key: &K) -> Option<&mut T>;
    /// Puts something under a key; returns what was there.
    fn insert(&mut self, key: K, thing: T) -> Option<T>;
    /// Takes out what is under a key.
    fn remove(&mut self, key: &K) -> Option<T>;
    /// Returns everything by key.
    fn iter<'a>(&'a self) -> impl Iterator<Item = (K, &'a T)>
    where
        T: 'a;
    /// Returns the number of things.
    fn len(&self) -> usize;
}

impl<K: Number, T> Rows<K, T> for Paged<K, T> {
    fn get(&self, key: &K) -> Option<&T> {
        self.get(*key)
    }

    fn get_mut(&mut self, key: &K) -> Option<&mut T> {
        self.get_mut(*key)
    }

    fn insert(&mut self, key: K, thing: T) -> Option<T> {
        self.insert(key, thing)
    }

    fn remove(&mut self, key: &K) -> Option<T> {
        self.remove(*key)
    }

    fn iter<'a>(&'a self) -> impl Iterator<Item = (K, &'a T)>
    where
        T: 'a,
    {
        self.iter()
    }

    fn len(&self) -> usize {
        self.len()
    }
}

impl<K: Ord + Clone, T> Rows<K, T> for BTreeMap<K, T> {
    fn get(&self, key: &K) -> Option<&T> {
        self.get(key)
    }

    fn get_mut(&mut self, key: &K) -> Option<&mut T> {
        self.get_mut(key)
    }

    fn insert(&mut self, key: K, thing: T) -> Option<T> {
        self.insert(key, thing)
    }

    fn remove(&mut self, key: &K) -> Option<T> {
        self.remove(key)
    }

    fn iter<'a>(&'a self) -> impl Iterator<Item = (K, &'a T)>
    where
        T: 'a,
    {
        self.iter().map(|(key, thing)| (key.clone(), thing))
    }

    fn len(&self) -> usize {
        self.len()
    }
}

/// Rows of one kind. Reading is free; whoever may change a row marks it touched.
#[derive(Debug)]
pub struct Table<K: Key, V: Debug> {
    /// Enters every row's hash, so that equal bytes of two kinds differ.
    kind: &'static str,
    rows: K::Rows<Row<V>>,
    /// Every row that is marked is in here; so may be rows that are gone.
    touched: Vec<K>,
    /// Sum of the hashes of all rows as of the last [`Table::settle`], less those removed since.
    sum: u128,
}

#[derive(Debug)]
struct Row<V> {
    value: Arc<V>,
    touched: bool,
    /// What the row added to `sum`; 0 until it is settled for the first time.
    hash: u128,
}

impl<K: Key, V: Clone + Serialize + Debug> Table<K, V> {
    /// Returns an empty table.
    pub fn new(kind: &'static str) -> Self {
        Self { kind, rows: Default::default(), touched: Vec::new(), sum: 0 }
    }

    /// Returns a row.
    pub fn get(&self, key: &K) -> Option<&V> {
        self.rows.get(key).map(|row| &*row.value)
    }

    /// Returns a row as it is now, to be kept.
    pub fn share(&self, key: &K) -> Option<Arc<V>> {
        self.rows.get(key).map(|row| Arc::clone(&row.value))
    }

    /// Returns a row to be changed.
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let row = self.rows.get_mut(key)?;
        if !std::mem::replace(&mut row.touched, true) {
            self.touched.push(key.clone());
        }
        Some(Arc::make_mut(&mut row.value))
    }

    /// Adds a row or replaces the one with the same key.
    pub fn insert(&mut self, key: K, value: impl Into<Arc<V>>) {
        self.touched.push(key.clone());
        let row = Row { value: value.into(), touched: true, hash: 0 };
        if let Some(before) = self.rows.insert(key, row) {
            self.sum = self.sum.wrapping_sub(before.hash);
        }
    }

    /// Takes a row out.
    pub fn remove(&mut self, key: &K) -> Option<Arc<V>> {
        let row = self.rows.remove(key)?;
        self.sum = self.sum.wrapping_sub(row.hash);
        Some(row.value)
    }

    /// Returns all rows by key.
    pub fn iter(&self) -> impl Iterator<Item = (K, &V)> {
        self.rows.iter().map(|(key, row)| (key, &*row.value))
    }

    /// Returns all values by key.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.rows.iter().map(|(_, row)| &*row.value)
    }

    /// Returns all values by key, to be kept.
    pub fn shared(&self) -> impl Iterator<Item = Arc<V>> {
        self.rows.iter().map(|(_, row)| Arc::clone(&row.value))
    }

    /// Returns the number of rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Brings the sum up to date, hands each touched row to `each` by key and returns the sum.
    pub fn settle(&mut self, mut each: impl FnMut(&K, &Arc<V>)) -> Result<u128, Failure> {
        let mut touched = std::mem::take(&mut self.touched);
        touched.sort_unstable();
        let mut bytes = Vec::new();
        for key in touched.drain(..) {
            // A row may have come, gone and come again: it is settled once.
            let Some(row) = self.rows.get_mut(&key).filter(|row| row.touched) else { continue };
            let hash = hash_into(&mut bytes, self.kind, &key, &*row.value)?;
            self.sum = self.sum.wrapping_sub(row.hash).wrapping_add(hash);
            row.hash = hash;
            row.touched = false;
            each(&key, &row.value);
        }
        self.touched = touched;
        Ok(self.sum)
    }

    /// Returns the sum computed from all rows anew.
    pub fn recomputed(&self) -> Result<u128, Failure> {
        let (mut sum, mut bytes) = (0u128, Vec::new());
        for (key, row) in self.rows.iter() {
            sum = sum.wrapping_add(hash_into(&mut bytes, self.kind, &key, &*row.value)?);
        }
        Ok(sum)
    }
}

/// Returns the first 128 bits of SHA-256 over kind, key and canonical bytes.
pub fn hash<K: Serialize, V: Serialize>(kind: &str, key: &K, value: &V) -> Result<u128, Failure> {
    hash_into(&mut Vec::new(), kind, key, value)
}

/// Does what [`hash`] does in memory that is used again.
fn hash_into<K: Serialize, V: Serialize>(bytes: &mut Vec<u8>, kind: &str, key: &K, value: &V) -> Result<u128, Failure> {
    let mut empty = std::mem::take(bytes);
    empty.clear();
    *bytes = postcard::to_extend(&(kind, key, value), empty).map_err(|_| Failure::Invariant("entity_not_encodable"))?;
    let digest = Sha256::digest(&*bytes);
    let first = digest.first_chunk::<16>().ok_or(Failure::Invariant("digest_length"))?;
    Ok(u128::from_be_bytes(*first))
}
