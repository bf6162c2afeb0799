use super::*;
use crate::types::TradeId;

const PACE: Pace = Pace { generation: 4, slice: 3, idle: 9 };

fn tapes(numbers: impl IntoIterator<Item = i64>, last_trade: i64) -> States {
    let tape = Tape { last_trade: Some(TradeId::new(last_trade)) };
    States { tapes: numbers.into_iter().map(|number| (ProductId::new(number), tape)).collect(), ..States::default() }
}

fn mark(sequence: i64) -> Mark {
    Mark { sequence, trade: 0 }
}

/// Numbers, what they say, and where the mark is then.
fn told(slice: &Slice) -> (Vec<(i64, i64)>, Option<i64>) {
    let last = |tape: &Tape| tape.last_trade.map_or(0, TradeId::number);
    let tapes = slice.states.tapes.iter().map(|(id, tape)| (id.number(), last(tape)));
    (tapes.collect(), slice.mark.map(|mark| mark.sequence))
}

#[test]
fn a_generation_is_written_by_number_and_its_mark_comes_last() {
    let mut pending = Pending::default();
    pending.absorb(tapes([9, 3, 5], 1), mark(10));
    assert!(pending.riding(1, PACE).is_empty());
    pending.absorb(tapes([1, 3], 2), mark(11));
    let slice = pending.riding(1, PACE);
    assert_eq!(told(&slice), (vec![(1, 2), (3, 2), (5, 1)], None));
    // A slice that was not written is there again.
    assert_eq!(told(&pending.riding(1, PACE)), told(&slice));
    pending.written(&slice);
    // What changes meanwhile belongs to the next generation, and is what stands.
    pending.absorb(tapes([9], 3), mark(12));
    assert_eq!(pending.tapes.get(9).unwrap().1.last_trade, Some(TradeId::new(3)));
    let slice = pending.riding(1, PACE);
    assert_eq!(told(&slice), (vec![(9, 1)], Some(11)));
    pending.written(&slice);
    assert!(pending.tapes.get(5).is_none());
    assert!(pending.riding(1, PACE).is_empty());
    assert_eq!(told(&pending.next(9)), (vec![(9, 3)], Some(12)));
}

#[test]
fn a_slice_that_takes_the_last_states_leaves_the_mark_to_the_next() {
    let mut pending = Pending::default();
    pending.absorb(tapes([1, 2, 3], 1), mark(7));
    let slice = pending.next(3);
    assert_eq!(told(&slice), (vec![(1, 1), (2, 1), (3, 1)], None));
    pending.written(&slice);
    let slice = pending.next(3);
    assert_eq!(told(&slice), (vec![], Some(7)));
    assert!(!slice.is_empty());
    pending.written(&slice);
    assert!(pending.next(3).is_empty());
}

#[test]
fn a_slice_keeps_ahead_of_what_is_added() {
    let mut pending = Pending::default();
    pending.absorb(tapes(1..=40, 1), mark(1));
    assert_eq!(pending.riding(1, PACE).states.len(), 3);
    assert_eq!(pending.riding(7, PACE).states.len(), 11);
}
