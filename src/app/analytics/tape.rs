//! The folds of [`crate::market::tape`], kept up with what the store has.
//!
//! When a server starts it reads the tape once, in order, along the key of its table; who asks meanwhile waits. After that a
//! figure costs the trades that were made since somebody last asked. Nothing is kept that the tape does not give again.

use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::OwnedMutexGuard;

use crate::app::{App, AppError};
use crate::market::tape::{Print, Tape};
use crate::store::read::tape::{Printed, after};
use crate::store::{Reader, StoreError};
use crate::types::{OutOfRange, ProductId, Region, SiteId, TradeId};

/// Trades read in one statement, and statements after which others have their turn.
const STRETCH: u32 = 5_000;
const STRETCHES: u32 = 20;

/// The tape of every product as far as it was read.
#[derive(Debug, Default)]
pub struct Tapes {
    last: Option<TradeId>,
    as_of: i64,
    /// The recalls the view knew of: what was folded before the next one has the recalled trade in it.
    recalled: u64,
    by_product: BTreeMap<ProductId, Tape>,
}

impl Tapes {
    /// Returns how many recalls the view knew of.
    pub const fn recalled(&self) -> u64 {
        self.recalled
    }

    /// Returns a product's tape; nothing if it never traded.
    pub fn of(&self, product: ProductId) -> Option<&Tape> {
        self.by_product.get(&product)
    }
}

impl App {
    /// Reads the tape at least as far as the view, and returns it.
    ///
    /// # Errors
    /// If the store fails.
    pub(in crate::app) async fn tapes(&self) -> Result<OwnedMutexGuard<Tapes>, AppError> {
        let mut tapes = self.figures().tapes.clone().lock_owned().await;
        let as_of = self.live().as_of();
        if tapes.as_of >= as_of {
            return Ok(tapes);
        }
        let (as_of, recalled, regions) = self.live().read(|view| {
            let regions = view.sites.iter().map(|(id, site)| (*id, site.region.clone()));
            (view.as_of, view.recalled, Arc::new(regions.collect::<BTreeMap<_, _>>()))
        });
        if tapes.recalled != recalled {
            // Rare enough to read all of it again.
            *tapes = Tapes { recalled, ..Tapes::default() };
        }
        loop {
            let regions = Arc::clone(&regions);
            let read = self.read(move |reader| catch_up(reader, &mut tapes, &regions).map(|done| (tapes, done)));
            let (read, done) = read.await?;
            tapes = read;
            if done.map_err(|error| AppError::Internal(format!("tape: {error}")))? {
                break;
            }
        }
        tapes.as_of = as_of;
        Ok(tapes)
    }
}

/// Reads on, but not for long: a server that ends meanwhile waits for it. Tells whether the end was reached.
fn catch_up(
    reader: &mut Reader,
    tapes: &mut Tapes,
    regions: &BTreeMap<SiteId, Region>,
) -> Result<Result<bool, OutOfRange>, StoreError> {
    for _ in 0..STRETCHES {
        let printed = after(reader, tapes.last.unwrap_or(TradeId::new(0)), STRETCH)?;
        if printed.is_empty() {
            return Ok(Ok(true));
        }
        for row in printed {
            // A site that the view does not know yet was made after it: so was the trade, and it can wait.
            let Some(region) = regions.get(&row.site) else { return Ok(Ok(true)) };
            tapes.last = Some(row.trade);
            let tape = tapes.by_product.entry(row.product).or_default();
            if let Err(error) = tape.add(&print(&row, region)) {
                return Ok(Err(error));
            }
        }
    }
    Ok(Ok(false))
}

fn print(row: &Printed, region: &Region) -> Print {
    Print {
        at: row.at,
        trade: row.day_trade(),
        gpus: row.gpus,
        window: row.window,
        primary: row.primary,
        taken_over: row.taken_over,
        region: region.clone(),
    }
}
