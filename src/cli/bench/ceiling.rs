//! How fast a database takes the rows of orders from the store alone: no HTTP, no exchange, nobody who waits.

use std::ops::Range;
use std::time::{Duration, Instant};

use super::market::submission;
use super::micros;
use super::stream::Cast;
use super::write::broken;
use crate::app::clock::{Clock, SystemClock};
use crate::app::sequencer::{BATCH_MAX, Core};
use crate::cli::Failure;
use crate::store::{Batch, Store, StoreError};

/// Batches that are made before they are committed one after the other.
const TOGETHER: usize = 8;

/// Returns how many orders a second are committed, in batches as large as the writer makes them. Ends when the commits
/// have taken so long, or with the last order.
pub(super) fn ceiling(url: &str, cast: &Cast, orders: Range<u64>, duration: Duration) -> Result<u64, Failure> {
    let store = Store::open(url)?;
    let mut writer = store.writer()?;
    let mut core = Core::restore(writer.load()?)?;
    let (mut numbers, mut count, mut took) = (orders, 0_u64, Duration::ZERO);
    while took < duration && !numbers.is_empty() {
        let mut batches = Vec::new();
        for _ in 0..TOGETHER {
            let taken = batch(&mut core, cast, &mut numbers)?;
            count = count.saturating_add(taken.0);
            batches.extend(taken.1);
        }
        for batch in batches {
            let began = Instant::now();
            writer.commit::<StoreError>(&batch, None)?;
            writer.between()?;
            took += began.elapsed();
        }
    }
    Ok(count.saturating_mul(1_000_000).checked_div(micros(took)).unwrap_or_default())
}

/// Executes the next orders; returns how many, and what is to be written for them.
fn batch(core: &mut Core, cast: &Cast, numbers: &mut Range<u64>) -> Result<(u64, Option<Batch>), Failure> {
    let now = SystemClock.now();
    core.advance(now).map_err(broken)?;
    let mut count = 0;
    for number in numbers.by_ref().take(BATCH_MAX) {
        if let Some(draft) = cast.draft(number) {
            core.execute(submission(draft.command()), now).map_err(broken)?;
            count += 1;
        }
    }
    Ok((count, core.batch().map_err(Failure::new)?))
}
