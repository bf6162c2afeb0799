//! Fixes of the index as they were published: what they are made of, when they are due, and what was published so far.
//!
//! Invariant: what is published of a day is made from one state of the exchange, that after the journal row it names, so
//! that `verify` can make it again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::sync::OwnedMutexGuard;

use super::index::resting_ask;
use super::resting::ORDERS_MAX;
use crate::app::{App, AppError, View};
use crate::exchange::Command;
use crate::exchange::entities::Order;
use crate::exchange::fixes::{IndexFix, PublishedFix};
use crate::market::Day;
use crate::market::index::{Fixed, IndexFold, Kept, RULE_VERSION, RestingAsk, Slice, hash_of_nothing};
use crate::store::{Reader, StoreError, read};
use crate::types::limits::FIXES_MAX;
use crate::types::{FixId, FixOrigin, OutOfRange, ProductId, Side, Timestamp, TradeId};

/// Fixes read in one statement.
const STRETCH: u32 = 2_000;

/// Every publication of a day, the oldest first.
type Versions = Vec<Arc<PublishedFix>>;

/// What was published so far.
#[derive(Debug, Default)]
pub struct Published {
    last: Option<FixId>,
    as_of: i64,
    by_slice: BTreeMap<ProductId, BTreeMap<Slice, Series>>,
}

/// What was published of a slice.
#[derive(Debug, Default)]
struct Series {
    versions: BTreeMap<Day, Versions>,
    /// The last of them, in the form in which an index is made of it.
    kept: BTreeMap<Day, Kept>,
}

impl Published {
    /// Returns what was published of a slice, by day, the oldest version first.
    pub fn of(&self, product: ProductId, slice: &Slice) -> Option<&BTreeMap<Day, Versions>> {
        Some(&self.by_slice.get(&product)?.get(slice)?.versions)
    }

    /// Returns what was published last of each day of a slice.
    pub fn kept(&self, product: ProductId, slice: &Slice) -> Option<&BTreeMap<Day, Kept>> {
        Some(&self.by_slice.get(&product)?.get(slice)?.kept)
    }

    /// Returns the last publication that is known.
    pub const fn last(&self) -> Option<FixId> {
        self.last
    }

    /// Tells whether anything was published of a day of the whole product.
    fn says(&self, product: ProductId, day: Day) -> bool {
        self.of(product, &Slice::default()).is_some_and(|days| days.contains_key(&day))
    }

    fn add(&mut self, published: PublishedFix) {
        self.last = Some(published.id);
        let (fix, day) = (&published.fix, Day::new(published.fix.day));
        let series = self.by_slice.entry(fix.product).or_default().entry(slice_of(fix)).or_default();
        let versions = series.versions.entry(day).or_default();
        let version = u32::try_from(versions.len()).unwrap_or(u32::MAX).saturating_add(1);
        series.kept.insert(day, kept(fix, version));
        versions.push(Arc::new(published));
    }
}

impl App {
    /// Reads what was published at least as far as the view, and returns it.
    ///
    /// # Errors
    /// If the store fails.
    pub(in crate::app) async fn published(&self) -> Result<OwnedMutexGuard<Published>, AppError> {
        let mut published = self.figures().published.clone().lock_owned().await;
        let as_of = self.live().as_of();
        if published.as_of >= as_of {
            return Ok(published);
        }
        let mut published = self.read(move |reader| catch_up(reader, &mut published).map(|()| published)).await?;
        published.as_of = as_of;
        Ok(published)
    }

    /// Publishes fixes of days gone by that were not, or that a recall has changed; returns how many those are.
    ///
    /// # Errors
    /// If the store fails or the writer does not take a command; what was published stays so.
    pub async fn publish_fixes(&self) -> Result<usize, AppError> {
        // Two that publish at once would publish everything twice.
        let _alone = self.figures().publishing.lock().await;
        let (as_of, fixes) = self.fixes_due().await?;
        for fixes in fixes.chunks(FIXES_MAX) {
            self.run(None, Command::PublishFixes { as_of, fixes: fixes.to_vec() }).await?;
        }
        Ok(fixes.len())
    }

    /// Returns what [`App::publish_fixes`] would publish, and the journal row it is made from.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn fixes_due(&self) -> Result<(i64, Vec<IndexFix>), AppError> {
        loop {
            let today = Day::of(self.live().read(|view| view.now));
            let tapes = self.tapes().await?;
            // Whatever the tapes may have seen, the view has then seen too.
            let head = self.read(|reader| read::journal::head(reader.db())).await?.map_or(0, |row| row.sequence);
            if !self.live().reaches(head).await {
                return Err(AppError::Internal(format!("the view does not reach row {head}")));
            }
            let published = self.published().await?;
            let nothing = IndexFold::default();
            let fold_of = |product| tapes.of(product).map_or(&nothing, |tape| &tape.index);
            let products: Vec<ProductId> = self.live().read(|view| view.products.keys().copied().collect());
            let needs_asks = |product: &ProductId| {
                let made = fold_of(*product).is_made(&Slice::default(), today.before());
                !made && !published.says(*product, today.before())
            };
            let thin: Vec<ProductId> = products.iter().copied().filter(needs_asks).collect();
            let moment = self.live().read(|view| {
                let is_same = tapes.recalled() == view.recalled && Day::of(view.now) == today;
                let asks = || thin.iter().map(|product| (*product, primary_asks(view, *product)));
                is_same.then(|| (view.as_of, view.now, asks().collect::<BTreeMap<_, _>>()))
            });
            // A contract was recalled meanwhile, or a day has begun: the tapes may have seen that or not.
            let Some((as_of, now, asks)) = moment else { continue };
            let mut fixes = Vec::new();
            for product in products {
                let asks = offered(asks.get(&product).into_iter().flatten().map(|ask| &**ask), now);
                let due = due(product, fold_of(product), &published, &asks, today);
                fixes.extend(due.map_err(|error| AppError::Internal(format!("index of {product}: {error}")))?);
            }
            // Whoever works them out again reads the trades of each day once.
            fixes.sort_by_key(|fix| fix.day);
            return Ok((as_of, fixes));
        }
    }
}

fn catch_up(reader: &mut Reader, published: &mut Published) -> Result<(), StoreError> {
    loop {
        let fixes = read::fixes::after(reader.db(), published.last.unwrap_or(FixId::new(0)), STRETCH)?;
        if fixes.is_empty() {
            return Ok(());
        }
        fixes.into_iter().for_each(|fix| published.add(fix));
    }
}

/// Returns what is due of every slice of a product's trades.
fn due(
    product: ProductId,
    fold: &IndexFold,
    published: &Published,
    asks: &[RestingAsk],
    today: Day,
) -> Result<Vec<IndexFix>, OutOfRange> {
    let whole = Slice::default();
    let known = published.by_slice.get(&product).into_iter().flat_map(BTreeMap::keys);
    let slices: BTreeSet<&Slice> = fold.slices().chain(known).chain([&whole]).collect();
    let (mut due, none) = (Vec::new(), BTreeMap::new());
    for slice in slices {
        // What rests is an index of the whole product alone.
        let asks = if *slice == whole { asks } else { &[] };
        let days = fold.to_publish(slice, published.kept(product, slice).unwrap_or(&none), asks, today)?;
        due.extend(days.iter().map(|(day, fixed)| index_fix(product, slice, *day, fixed.as_ref())));
    }
    Ok(due)
}

/// Returns the cheapest asks out of listings that rest.
fn primary_asks(view: &View, product: ProductId) -> Vec<Arc<Order>> {
    let asks = view.side_after(product, Side::Ask, None).take(ORDERS_MAX);
    asks.map(|(_, resting)| &resting.order).filter(|ask| ask.is_primary()).cloned().collect()
}

/// Returns what asks out of listings still offer.
pub(in crate::app) fn offered<'a>(asks: impl Iterator<Item = &'a Order>, now: Timestamp) -> Vec<RestingAsk> {
    asks.map(|ask| resting_ask(ask, now, true)).collect()
}

/// Returns a fix in the form in which it is published; without one, that the day has none.
pub(in crate::app) fn index_fix(product: ProductId, slice: &Slice, day: Day, fixed: Option<&Fixed>) -> IndexFix {
    let Slice { region, tenor, primary } = slice.clone();
    IndexFix {
        product,
        region,
        tenor,
        primary,
        day: day.get(),
        price: fixed.map(|fixed| fixed.price),
        thin: fixed.is_none_or(|fixed| fixed.thin),
        rule_version: fixed.map_or(RULE_VERSION, |fixed| fixed.rule_version),
        origin: fixed.map_or(FixOrigin::Carried, |fixed| fixed.origin),
        inputs: fixed.map_or(0, |fixed| u32::try_from(fixed.inputs).unwrap_or(u32::MAX)),
        between: fixed.and_then(|fixed| fixed.between),
        dropped: fixed.map(|fixed| fixed.dropped.iter().map(|trade| trade.number()).collect()).unwrap_or_default(),
        hash: fixed.map_or_else(|| hash_of_nothing(RULE_VERSION, day), |fixed| fixed.hash.clone()),
    }
}

/// Returns the slice of a published fix.
pub(in crate::app) fn slice_of(fix: &IndexFix) -> Slice {
    Slice { region: fix.region.clone(), tenor: fix.tenor, primary: fix.primary }
}

fn kept(fix: &IndexFix, version: u32) -> Kept {
    let fixed = fix.price.map(|price| Fixed {
        day: Day::new(fix.day),
        price,
        thin: fix.thin,
        rule_version: fix.rule_version,
        origin: fix.origin,
        inputs: usize::try_from(fix.inputs).unwrap_or(usize::MAX),
        between: fix.between,
        dropped: fix.dropped.iter().map(|trade| TradeId::new(*trade)).collect(),
        hash: fix.hash.clone(),
        version: Some(version),
    });
    Kept { version, fixed }
}
