//! Feed rows that are not written yet.
//!
//! Rows gather until there are many, because then those of one owner lie side by side. They are then a generation:
//! sorted and written slice by slice while the next one gathers. The watermark moves with a generation's last slice.

use super::{FeedRow, FeedStateRow};

/// How many feed rows wait, and how many are written at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pace {
    /// So many make a generation.
    pub(crate) generation: usize,
    /// At least so many ride on a batch while a generation is being written.
    pub(crate) slice: usize,
}

impl Default for Pace {
    fn default() -> Self {
        // A generation is also what a reader may have to look through in the append-only tables. A slice takes about
        // a millisecond.
        Self { generation: 50_000, slice: 1_000 }
    }
}

/// What waits to be written.
#[derive(Debug)]
pub(crate) struct Pending {
    /// Being written.
    current: Option<Generation>,
    /// Gathering, in no order.
    next: Vec<FeedRow>,
    /// Where the watermarks are once all this is written.
    mark: FeedStateRow,
}

#[derive(Debug)]
struct Generation {
    rows: Vec<FeedRow>,
    written: usize,
    mark: FeedStateRow,
}

/// The next rows to write.
#[derive(Debug, Default)]
pub(crate) struct Slice {
    pub(crate) rows: Vec<FeedRow>,
    /// The new watermarks, with the last rows of a generation.
    pub(crate) mark: Option<FeedStateRow>,
}

impl Pending {
    /// Begins with the rows past the watermarks.
    pub(crate) fn new(mark: FeedStateRow, rows: Vec<FeedRow>) -> Self {
        let mut pending = Self { current: None, next: Vec::new(), mark };
        pending.add(rows);
        pending
    }

    /// Takes in rows of a batch that is committed.
    pub(crate) fn add(&mut self, rows: Vec<FeedRow>) {
        self.mark.raise(&rows);
        self.next.extend(rows);
    }

    /// Returns what rides on a batch that adds so many rows: nothing while a generation gathers, then at least twice
    /// what is added, so that the next generation is no larger than this one.
    pub(crate) fn slice(&mut self, added: usize, pace: Pace) -> Slice {
        if self.current.is_none() && self.next.len() < pace.generation.max(1) {
            return Slice::default();
        }
        self.take(pace.slice.max(added.saturating_mul(2)))
    }

    /// Returns at most so many of the rows that wait, however few they are.
    pub(crate) fn take(&mut self, rows_max: usize) -> Slice {
        if self.current.is_none() && !self.next.is_empty() {
            let mut rows = std::mem::take(&mut self.next);
            rows.sort_unstable_by_key(FeedRow::place);
            rows.dedup();
            self.current = Some(Generation { rows, written: 0, mark: self.mark.clone() });
        }
        let Some(current) = &self.current else { return Slice::default() };
        let rows: Vec<_> = current.rows.iter().skip(current.written).take(rows_max.max(1)).cloned().collect();
        let is_last = current.written.saturating_add(rows.len()) == current.rows.len();
        Slice { rows, mark: is_last.then(|| current.mark.clone()) }
    }

    /// Forgets a slice whose transaction is committed.
    pub(crate) fn written(&mut self, rows: usize) {
        if let Some(current) = &mut self.current {
            current.written = current.written.saturating_add(rows);
            if current.written >= current.rows.len() {
                self.current = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Pace = Pace { generation: 4, slice: 3 };

    fn orders(numbers: impl IntoIterator<Item = i64>) -> Vec<FeedRow> {
        numbers.into_iter().map(|number| FeedRow { stream: 1, owner: number % 2, number }).collect()
    }

    fn numbers(slice: &Slice) -> (Vec<i64>, Option<i64>) {
        (slice.rows.iter().map(|row| row.number).collect(), slice.mark.as_ref().map(|mark| mark.orders))
    }

    #[test]
    fn a_generation_is_written_sorted_and_its_watermark_comes_last() {
        let mut pending = Pending::new(FeedStateRow::EMPTY, orders(1..=3));
        assert_eq!(numbers(&pending.slice(1, PACE)), (vec![], None));
        pending.add(orders([4, 5]));
        let slice = pending.slice(1, PACE);
        assert_eq!(numbers(&slice), (vec![2, 4, 1], None));
        // A slice that was not written is there again.
        assert_eq!(numbers(&pending.slice(1, PACE)), (vec![2, 4, 1], None));
        pending.written(slice.rows.len());
        pending.add(orders([6]));
        let slice = pending.slice(1, PACE);
        assert_eq!(numbers(&slice), (vec![3, 5], Some(5)));
        pending.written(slice.rows.len());
        assert_eq!(numbers(&pending.slice(1, PACE)), (vec![], None));
        assert_eq!(numbers(&pending.take(9)), (vec![6], Some(6)));
    }

    #[test]
    fn a_slice_keeps_ahead_of_what_is_added() {
        let mut pending = Pending::new(FeedStateRow::EMPTY, orders(1..=20));
        assert_eq!(pending.slice(1, PACE).rows.len(), 3);
        assert_eq!(pending.slice(7, PACE).rows.len(), 14);
    }
}
