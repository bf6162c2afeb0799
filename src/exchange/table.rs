//! Keyed rows that know what a batch touched and what they add to the digest.
//!
//! A row is shared with whoever was told of it when the batch was settled; it is copied when it is changed after that.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::Failure;

/// Rows of one kind. Reading is free; whoever may change a row marks it touched.
#[derive(Debug)]
pub struct Table<K, V> {
    /// Enters every row's hash, so that equal bytes of two kinds differ.
    kind: &'static str,
    rows: BTreeMap<K, Row<V>>,
    touched: BTreeSet<K>,
    /// Sum of the hashes of all rows as of the last [`Table::settle`], less those removed since.
    sum: u128,
}

#[derive(Debug)]
struct Row<V> {
    value: Arc<V>,
    /// What the row added to `sum`; 0 until it is settled for the first time.
    hash: u128,
}

impl<K: Ord + Clone + Serialize, V: Clone + Serialize> Table<K, V> {
    /// Returns an empty table.
    pub const fn new(kind: &'static str) -> Self {
        Self { kind, rows: BTreeMap::new(), touched: BTreeSet::new(), sum: 0 }
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
        self.touched.insert(key.clone());
        Some(Arc::make_mut(&mut row.value))
    }

    /// Adds a row or replaces the one with the same key.
    pub fn insert(&mut self, key: K, value: impl Into<Arc<V>>) {
        let value = value.into();
        self.remove(&key);
        self.touched.insert(key.clone());
        self.rows.insert(key, Row { value, hash: 0 });
    }

    /// Takes a row out.
    pub fn remove(&mut self, key: &K) -> Option<Arc<V>> {
        let row = self.rows.remove(key)?;
        self.touched.remove(key);
        self.sum = self.sum.wrapping_sub(row.hash);
        Some(row.value)
    }

    /// Returns all rows by key.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.rows.iter().map(|(key, row)| (key, &*row.value))
    }

    /// Returns all values by key.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.rows.values().map(|row| &*row.value)
    }

    /// Returns all values by key, to be kept.
    pub fn shared(&self) -> impl Iterator<Item = Arc<V>> {
        self.rows.values().map(|row| Arc::clone(&row.value))
    }

    /// Returns the largest key.
    pub fn last_key(&self) -> Option<K> {
        self.rows.last_key_value().map(|(key, _)| key.clone())
    }

    /// Returns the largest keys below one, or of all, in descending order.
    pub fn keys_below(&self, below: Option<&K>, count: usize) -> Vec<K> {
        let end = below.map_or(Bound::Unbounded, Bound::Excluded);
        self.rows.range((Bound::Unbounded, end)).rev().take(count).map(|(key, _)| key.clone()).collect()
    }

    /// Returns all keys, in order.
    pub fn keys(&self) -> impl Iterator<Item = K> {
        self.rows.keys().cloned()
    }

    /// Returns the number of rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Brings the sum up to date, hands each touched row to `each` and returns the sum.
    pub fn settle(&mut self, mut each: impl FnMut(&K, &Arc<V>)) -> Result<u128, Failure> {
        for key in std::mem::take(&mut self.touched) {
            if let Some(row) = self.rows.get_mut(&key) {
                let hash = hash(self.kind, &key, &*row.value)?;
                self.sum = self.sum.wrapping_sub(row.hash).wrapping_add(hash);
                row.hash = hash;
                each(&key, &row.value);
            }
        }
        Ok(self.sum)
    }

    /// Returns the sum computed from all rows anew.
    pub fn recomputed(&self) -> Result<u128, Failure> {
        let mut sum = 0u128;
        for (key, row) in &self.rows {
            sum = sum.wrapping_add(hash(self.kind, key, &*row.value)?);
        }
        Ok(sum)
    }
}

/// Returns the first 128 bits of SHA-256 over kind, key and canonical bytes.
pub fn hash<K: Serialize, V: Serialize>(kind: &str, key: &K, value: &V) -> Result<u128, Failure> {
    let bytes = postcard::to_allocvec(&(kind, key, value)).map_err(|_| Failure::Invariant("entity_not_encodable"))?;
    let digest = Sha256::digest(&bytes);
    let first = digest.first_chunk::<16>().ok_or(Failure::Invariant("digest_length"))?;
    Ok(u128::from_be_bytes(*first))
}
