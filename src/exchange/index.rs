//! Indexes that follow from the tables: what belongs to whom, and what came out of what.

use super::paged::{Number, Numbers, Paged};
use crate::types::{ContractId, Source};

/// Numbers by what they belong to, in order.
#[derive(Debug)]
pub(super) struct Index<K, I>(Paged<K, Numbers<I>>);

impl<K, I> Default for Index<K, I> {
    fn default() -> Self {
        Self(Paged::default())
    }
}

impl<K: Number, I: Number> Index<K, I> {
    pub(super) fn insert(&mut self, key: K, id: I) {
        if let Some(numbers) = self.0.get_or_insert_with(key, Numbers::default) {
            numbers.insert(id);
        }
    }

    pub(super) fn remove(&mut self, key: K, id: I) {
        if let Some(numbers) = self.0.get_mut(key) {
            numbers.remove(id);
            if numbers.is_empty() {
                self.0.remove(key);
            }
        }
    }

    /// Returns what belongs to a key.
    pub(super) fn of(&self, key: K) -> impl Iterator<Item = I> {
        self.0.get(key).into_iter().flat_map(Numbers::iter)
    }
}

/// What came out of each contract; nobody asks what came out of a listing.
#[derive(Debug)]
pub(super) struct OutOf<I>(Index<ContractId, I>);

impl<I> Default for OutOf<I> {
    fn default() -> Self {
        Self(Index::default())
    }
}

impl<I: Number> OutOf<I> {
    pub(super) fn insert(&mut self, source: Source, id: I) {
        if let Source::Contract(contract) = source {
            self.0.insert(contract, id);
        }
    }

    pub(super) fn remove(&mut self, source: Source, id: I) {
        if let Source::Contract(contract) = source {
            self.0.remove(contract, id);
        }
    }

    /// Returns what came out of a contract.
    pub(super) fn of(&self, contract: ContractId) -> impl Iterator<Item = I> {
        self.0.of(contract)
    }
}
