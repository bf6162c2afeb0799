//! The daily index of a product, whole or of a slice of its trades.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};

use super::kept::Made;
use super::resting::{ORDERS_MAX, Passed, pass};
use crate::app::catalogue::product_by_symbol;
use crate::app::{App, AppError, Live};
use crate::exchange::entities::Order;
use crate::exchange::fixes::PublishedFix;
use crate::market::index::{Fixed, IndexFold, RestingAsk, Slice, fixed};
use crate::market::{Day, Tenor};
use crate::types::{FixId, FixOrigin, OutOfRange, ProductId, Side, Symbol, Timestamp};

/// Days an index goes back: five years, so that a fall and its peak are in it.
pub const INDEX_DAYS_MAX: u32 = 5 * 366;

/// Indices whose fixes before today are kept; beyond it all are forgotten.
const INDICES_MAX: usize = 512;

/// The daily index of a product, oldest first.
#[derive(Debug, Clone)]
pub struct Index {
    /// One fix for each day from the first that has one, at most [`INDEX_DAYS_MAX`] and today.
    pub fixes: Vec<Arc<Fixed>>,
    /// Whether fixes before the first were left out.
    pub truncated: bool,
    /// The journal row it reflects.
    pub as_of: i64,
}

/// A fix as it was published.
#[derive(Debug, Clone)]
pub struct Version {
    /// Which publication of its day it is, from 1 on.
    pub version: u32,
    /// Whether it is the last one.
    pub current: bool,
    /// The fix, and when it was published.
    pub published: Arc<PublishedFix>,
}

/// What was published of an index.
#[derive(Debug, Clone)]
pub struct Versions {
    /// By day and version, of at most [`INDEX_DAYS_MAX`] days, the newest.
    pub versions: Vec<Version>,
    /// Whether days before the first were left out.
    pub truncated: bool,
    /// The journal row it reflects.
    pub as_of: i64,
}

/// As of when the fixes before today are what they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct State {
    today: Day,
    recalled: u64,
    published: Option<FixId>,
}

/// The fixes before today of those indices that were asked for.
#[derive(Debug, Default)]
pub(super) struct Indices(Mutex<BTreeMap<(ProductId, Slice), (State, Before)>>);

/// The fixes before today, oldest first.
type Before = Arc<Vec<Arc<Fixed>>>;

impl Indices {
    /// Returns what is kept if it is as of a state, and makes it otherwise.
    fn get(
        &self,
        of: (ProductId, Slice),
        state: State,
        make: impl FnOnce() -> Result<Vec<Arc<Fixed>>, OutOfRange>,
    ) -> Result<Before, OutOfRange> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, fixes)) = kept.get(&of).filter(|(as_of, _)| *as_of == state) {
            return Ok(Arc::clone(fixes));
        }
        if kept.len() >= INDICES_MAX && !kept.contains_key(&of) {
            kept.clear();
        }
        let fixes = Arc::new(make()?);
        kept.insert(of, (state, Arc::clone(&fixes)));
        Ok(fixes)
    }
}

impl App {
    /// Returns everything that was published of a slice of a product's index, from one day to another.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for a product that does not exist, or if the store fails.
    pub async fn index_versions(
        &self,
        symbol: &Symbol,
        slice: &Slice,
        (first, last): (Day, Day),
    ) -> Result<Versions, AppError> {
        let published = self.published().await?;
        let seen = self.live().read(|view| Some((product_by_symbol(view, symbol)?.id, view.as_of)));
        let (product, as_of) = seen.ok_or(AppError::NotFound)?;
        let days = published.of(product, slice).into_iter().flatten().filter(|(day, _)| (first..=last).contains(*day));
        let days: Vec<_> = days.map(|(_, versions)| versions).collect();
        let older = days.len().saturating_sub(usize::try_from(INDEX_DAYS_MAX).unwrap_or(usize::MAX));
        let numbered = |versions: &&Vec<Arc<PublishedFix>>| {
            let last = u32::try_from(versions.len()).unwrap_or(u32::MAX);
            let version = |(version, published): (u32, &Arc<PublishedFix>)| Version {
                version,
                current: version == last,
                published: Arc::clone(published),
            };
            (1_u32..).zip(versions.iter()).map(version).collect::<Vec<_>>()
        };
        let versions = days.iter().skip(older).flat_map(numbered).collect();
        Ok(Versions { versions, truncated: older > 0, as_of })
    }

    /// Returns the daily index of a product from its own trades.
    ///
    /// # Errors
    /// As [`App::index_of`].
    pub async fn index(&self, symbol: &Symbol) -> Result<Index, AppError> {
        self.index_of(symbol, &Slice::default()).await
    }

    /// Returns the daily index of a slice of a product's own trades. A thin day takes the asks that rest now if it is
    /// today; of a day gone by those it was published with, else it carries the last fix forward.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for a product that does not exist, or if the store fails.
    pub async fn index_of(&self, symbol: &Symbol, slice: &Slice) -> Result<Index, AppError> {
        // Of the day that it is now the tapes may not know every trade, of those before it they will.
        let seen = self.live().read(|view| Some((product_by_symbol(view, symbol)?.id, Day::of(view.now), view.as_of)));
        let (product, today, as_of) = seen.ok_or(AppError::NotFound)?;
        let index = self.index_with(symbol, (product, slice), (today, as_of), None).await?;
        if index.fixes.last().is_some_and(|fix| fix.day == today && fix.origin == FixOrigin::Trades) {
            return Ok(index);
        }
        // Asks are looked at where nothing else is known, and while nobody waits for the tapes.
        match &self.resting_fix(product, slice, today).await?.figure {
            Some(resting) => self.index_with(symbol, (product, slice), (today, as_of), Some(resting)).await,
            None => Ok(index),
        }
    }

    /// Returns an index whose fix of today is what resting asks come to, if they are given and it is thin.
    async fn index_with(
        &self,
        symbol: &Symbol,
        (product, slice): (ProductId, &Slice),
        (today, as_of): (Day, i64),
        resting: Option<&Fixed>,
    ) -> Result<Index, AppError> {
        let tapes = self.tapes().await?;
        let published = self.published().await?;
        let nothing = IndexFold::default();
        let fold = tapes.of(product).map_or(&nothing, |tape| &tape.index);
        let out_of_range = |error| AppError::Internal(format!("index of {symbol}: {error}"));
        let (none, kept) = (BTreeMap::new(), published.kept(product, slice));
        let kept = kept.unwrap_or(&none);
        let state = State { today, recalled: tapes.recalled(), published: published.last() };
        let before = self.figures().indices.get((product, slice.clone()), state, || fold.before(slice, kept, today));
        let before = before.map_err(out_of_range)?;
        let last = before.last().map(|fixed| &**fixed);
        let now = fold.on(slice, kept.get(&today), resting, (today, last)).map_err(out_of_range)?;
        let mut fixes: Vec<Arc<Fixed>> = before.iter().cloned().chain(now.map(Arc::new)).collect();
        let shown = usize::try_from(INDEX_DAYS_MAX).unwrap_or(usize::MAX).saturating_add(1);
        let older = fixes.len().saturating_sub(shown);
        fixes.drain(..older);
        Ok(Index { fixes, truncated: older > 0, as_of })
    }

    /// Returns what resting asks come to as the fix of today; nothing if none rests that counts.
    async fn resting_fix(
        &self,
        product: ProductId,
        slice: &Slice,
        today: Day,
    ) -> Result<Arc<Made<Option<Fixed>>>, AppError> {
        let of = slice.clone();
        let make = move |app: Self| async move {
            let (now, as_of) = app.live().read(|view| (view.now, view.as_of));
            let made = app.compute(move |app| {
                let (asks, passed) = resting_asks(app.live(), product, &of);
                fixed(today, &[], &asks, None).map(|figure| (figure, passed))
            });
            let (figure, passed) =
                made.await?.map_err(|error| AppError::Internal(format!("index of {product}: {error}")))?;
            Ok(Made { figure, orders: passed.orders, truncated: passed.truncated, now, as_of })
        };
        self.figures().resting.get(self, (product, slice.clone(), today), make).await
    }
}

/// Returns what an ask still offers at most.
pub(in crate::app) fn resting_ask(ask: &Order, now: Timestamp, primary: bool) -> RestingAsk {
    RestingAsk { order: ask.id, price: ask.price, gpus: ask.remaining_gpus(now), primary }
}

/// Returns the asks that rest now in a slice, with what they still offer at most.
pub(super) fn resting_asks(live: &Live, product: ProductId, slice: &Slice) -> (Vec<RestingAsk>, Passed) {
    let wants_primary = slice.primary.unwrap_or(true);
    let mut asks = Vec::new();
    let passed = pass(live, (product, Side::Ask), ORDERS_MAX, |view, ask| {
        let in_region =
            slice.region.as_ref().is_none_or(|region| view.region_of(ask).is_some_and(|found| found == region));
        // An ask can be rented for a tenor if what is left of it is as long.
        if in_region && slice.tenor.is_none_or(|tenor| Tenor::of(ask.open_window(view.now)) >= tenor) {
            // The asks that count: those of hosts, unless the index is of resale alone.
            asks.push(resting_ask(ask, view.now, ask.is_primary() == wants_primary));
        }
        ControlFlow::Continue(())
    });
    (asks, passed)
}
