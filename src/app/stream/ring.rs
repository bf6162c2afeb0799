//! What the latest batches changed, for those who follow the market.
//!
//! The writer fills it under the lock of the view, so it keeps references and no text, and keeps nothing while nobody
//! asks. Invariant: each entry follows on the one before it; whoever asks for what came after a journal row gets all of it or is told that it
//! is not there.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::exchange::Changes;
use crate::exchange::entities::{Contract, Order, Purse, Trade};
use crate::types::limits::{STREAM_BATCHES_BYTES_MAX, STREAM_BATCHES_MAX};
use crate::types::{OrganizationId, Price, ProductId, Timestamp};

/// About what the parts of a batch take, in bytes.
const BATCH_BYTES: usize = 256;
const TRADE_BYTES: usize = 256;
const ORDER_BYTES: usize = 512;
const CONTRACT_BYTES: usize = 512;
const SMALL_BYTES: usize = 64;

/// The top of a product's book over all delivery windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Top {
    /// The highest resting bid.
    pub best_bid: Option<Price>,
    /// The lowest resting ask.
    pub best_ask: Option<Price>,
    /// Resting bids.
    pub bids: usize,
    /// Resting asks.
    pub asks: usize,
}

/// What one committed batch changed.
#[derive(Debug, Default)]
pub struct Batch {
    /// The last journal row of the batch before.
    pub previous: i64,
    /// Its own last journal row.
    pub sequence: i64,
    /// The exchange's time after it.
    pub now: Timestamp,
    /// Trades made, by number.
    pub trades: Vec<Arc<Trade>>,
    /// Orders touched, as they stand after it.
    pub orders: Vec<Arc<Order>>,
    /// Contracts touched, as they stand after it.
    pub contracts: Vec<Arc<Contract>>,
    /// Books touched, as they stand after it.
    pub tops: Vec<(ProductId, Top)>,
    /// Purses touched, as they are after it.
    pub purses: Vec<(OrganizationId, Purse)>,
}

/// The latest batches, oldest first.
#[derive(Debug)]
pub struct Ring {
    batches: VecDeque<Arc<Batch>>,
    bytes: usize,
    /// The journal row after which the first batch comes.
    start: i64,
    /// Batches since somebody last asked.
    unasked: AtomicUsize,
}

impl Default for Ring {
    fn default() -> Self {
        Self { batches: VecDeque::new(), bytes: 0, start: 0, unasked: AtomicUsize::new(STREAM_BATCHES_MAX) }
    }
}

impl Batch {
    /// Returns what a batch is about to change, but for the books.
    pub fn of(changes: &Changes, previous: i64, sequence: i64) -> Self {
        Self {
            previous,
            sequence,
            now: changes.counters.now,
            trades: changes.trades.clone(),
            orders: changes.orders.values().cloned().collect(),
            contracts: changes.contracts.values().cloned().collect(),
            tops: Vec::new(),
            purses: changes.purses.iter().map(|(id, purse)| (*id, *purse)).collect(),
        }
    }

    fn bytes(&self) -> usize {
        let parts = [
            (self.trades.len(), TRADE_BYTES),
            (self.orders.len(), ORDER_BYTES),
            (self.contracts.len(), CONTRACT_BYTES),
            (self.tops.len().saturating_add(self.purses.len()), SMALL_BYTES),
        ];
        parts.into_iter().fold(BATCH_BYTES, |sum, (count, each)| sum.saturating_add(count.saturating_mul(each)))
    }
}

impl Ring {
    /// Tells whether somebody follows, or may come back.
    pub fn is_wanted(&self) -> bool {
        self.unasked.load(Ordering::Relaxed) < STREAM_BATCHES_MAX
    }

    /// Says that somebody follows from now on.
    pub fn want(&self) {
        self.unasked.store(0, Ordering::Relaxed);
    }

    /// Notes a batch of which nothing is kept.
    pub fn skip(&mut self, sequence: i64) {
        if !self.batches.is_empty() {
            self.batches.clear();
            self.bytes = 0;
        }
        self.start = sequence;
    }

    /// Keeps a batch, and lets the oldest go where there is no room.
    pub fn push(&mut self, batch: Batch) {
        self.unasked.fetch_add(1, Ordering::Relaxed);
        self.bytes = self.bytes.saturating_add(batch.bytes());
        self.batches.push_back(Arc::new(batch));
        while self.batches.len() > STREAM_BATCHES_MAX || self.bytes > STREAM_BATCHES_BYTES_MAX {
            let Some(oldest) = self.batches.pop_front() else { return };
            self.bytes = self.bytes.saturating_sub(oldest.bytes());
            self.start = oldest.sequence;
        }
    }

    /// Returns the next batches after a journal row, at most so many; nothing if not all are here, or no batch ends with that row.
    pub fn after(&self, sequence: i64, most: usize) -> Option<Vec<Arc<Batch>>> {
        self.want();
        let at = self.batches.partition_point(|batch| batch.sequence <= sequence);
        let before = at.checked_sub(1).and_then(|before| self.batches.get(before));
        let is_known = before.map_or(self.start, |batch| batch.sequence) == sequence;
        is_known.then(|| self.batches.iter().skip(at).take(most).cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(previous: i64, sequence: i64) -> Batch {
        Batch { previous, sequence, ..Batch::default() }
    }

    fn sequences(ring: &Ring, after: i64) -> Option<Vec<i64>> {
        ring.after(after, 3).map(|batches| batches.iter().map(|batch| batch.sequence).collect())
    }

    /// Batches of two rows each after a row.
    fn ring(start: i64, batches: i64) -> Ring {
        let mut ring = Ring::default();
        ring.skip(start);
        ring.want();
        (0..batches).for_each(|at| ring.push(batch(start + 2 * at, start + 2 * at + 2)));
        ring
    }

    #[test]
    fn what_came_after_a_batch_is_there_or_said_not_to_be() {
        let ring = ring(10, 4);
        for (after, expected) in [
            (9, None),
            (10, Some(vec![12, 14, 16])),
            (11, None),
            (12, Some(vec![14, 16, 18])),
            (16, Some(vec![18])),
            (18, Some(vec![])),
            (19, None),
            (20, None),
        ] {
            assert_eq!(sequences(&ring, after), expected, "{after}");
        }
    }

    #[test]
    fn the_oldest_go_first() {
        let most = i64::try_from(STREAM_BATCHES_MAX).unwrap();
        let mut ring = ring(0, most);
        assert_eq!(sequences(&ring, 0), Some(vec![2, 4, 6]));
        ring.push(batch(2 * most, 2 * most + 2));
        assert_eq!((sequences(&ring, 0), sequences(&ring, 2)), (None, Some(vec![4, 6, 8])));
    }

    #[test]
    fn bytes_are_bounded_too() {
        let mut ring = ring(0, 0);
        let purses = vec![(OrganizationId::new(1), Purse::default()); STREAM_BATCHES_BYTES_MAX / SMALL_BYTES / 2];
        for at in 0..3 {
            ring.push(Batch { purses: purses.clone(), ..batch(at, at + 1) });
        }
        assert!(ring.bytes <= STREAM_BATCHES_BYTES_MAX && ring.bytes > 0);
        assert_eq!((sequences(&ring, 1), sequences(&ring, 2)), (None, Some(vec![3])));
    }

    #[test]
    fn nothing_is_kept_for_nobody() {
        let mut ring = Ring::default();
        assert!(!ring.is_wanted());
        ring.skip(7);
        assert_eq!(sequences(&ring, 7), Some(vec![]));
        assert!(ring.is_wanted());
        for at in 0..STREAM_BATCHES_MAX {
            assert!(ring.is_wanted(), "{at}");
            let at = i64::try_from(at).unwrap();
            ring.push(batch(7 + at, 8 + at));
        }
        assert!(!ring.is_wanted());
        ring.skip(20_000);
        assert_eq!((ring.bytes, sequences(&ring, 7), sequences(&ring, 20_000)), (0, None, Some(vec![])));
    }
}
