//! Price stickiness: how long sellers leave a price as it is, and how much supply asks more than the market pays.
//!
//! The price of an ask stands from when it is set until it is set to another. It is set anew, a **repricing**, where the ask's
//! price is amended, or where its organization cancels it and puts another ask at another price on the same source within
//! [`REPLACED_WITHIN_MS`]. An ask put there again at the price of a cancelled one goes on standing: nothing was repriced.
//! An ask that is sold or expires was not repriced either, and neither was a price that has never been changed: how long
//! those have stood is shown beside it, because a median of changes alone says little where nobody changes anything.

use std::collections::{BTreeMap, VecDeque};

use super::median::lower_median;
use super::sources::{SourcedAsk, Sources, sources};
use super::{GpuMinutes, Ratio};
use crate::types::{OrderId, OrganizationId, Price, ProductId, SiteId, Source, Timestamp};

const MS_PER_DAY: i64 = 24 * 60 * 60 * 1_000;
/// An ask replaces one that was cancelled at most so long ago: a day.
pub const REPLACED_WITHIN_MS: i64 = MS_PER_DAY;
/// Repricings count for so many days.
pub const REPRICED_DAYS: i64 = 90;
/// Asks whose prices are remembered, and repricings of one product at one site; the oldest are forgotten.
pub const REMEMBERED_MAX: usize = 100_000;

/// What happened to the price of an ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// It was put on the market.
    Placed(OrderId, Quote),
    /// It was amended to a price.
    Amended(OrderId, Price, Timestamp),
    /// Its organization cancelled it.
    Cancelled(OrderId, Timestamp),
}

/// A price at which an ask stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quote {
    /// Who asks.
    pub organization: OrganizationId,
    /// Out of what.
    pub source: Source,
    /// For what.
    pub product: ProductId,
    /// Where the GPUs stand.
    pub site: SiteId,
    /// How much.
    pub price: Price,
    /// Since when.
    pub since: Timestamp,
}

/// A price was set anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repricing {
    /// When.
    pub at: Timestamp,
    /// How long the old price had stood, in milliseconds.
    pub stood_ms: i64,
    /// The old price.
    pub from: Price,
    /// The new one.
    pub to: Price,
}

/// What is known of prices and their changes. Invariant: it depends on the steps and their order alone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Spells {
    standing: BTreeMap<OrderId, Quote>,
    /// Cancelled asks that nothing has replaced yet, oldest first.
    cancelled: BTreeMap<(OrganizationId, Source), VecDeque<(Quote, Timestamp)>>,
    repricings: BTreeMap<(ProductId, SiteId), VecDeque<Repricing>>,
}

impl Spells {
    /// Takes the next step.
    pub fn take(&mut self, step: Step) {
        match step {
            Step::Placed(order, quote) => self.place(order, quote),
            Step::Amended(order, price, at) => self.amend(order, price, at),
            Step::Cancelled(order, at) => {
                if let Some(quote) = self.standing.remove(&order) {
                    self.cancelled.entry((quote.organization, quote.source)).or_default().push_back((quote, at));
                }
            }
        }
    }

    /// Returns since when the price of an ask stands, if it is remembered.
    pub fn since(&self, order: OrderId) -> Option<Timestamp> {
        self.standing.get(&order).map(|quote| quote.since)
    }

    /// Returns the asks of an organization that stand, or did until they were sold or expired.
    pub fn of(&self, organization: OrganizationId, product: Option<ProductId>) -> Vec<OrderId> {
        let takes = |quote: &Quote| {
            quote.organization == organization && product.is_none_or(|product| quote.product == product)
        };
        self.standing.iter().filter(|(_, quote)| takes(quote)).map(|(order, _)| *order).collect()
    }

    /// Returns the repricings of a product after a time, by site.
    pub fn repricings(&self, product: ProductId, after: Timestamp) -> impl Iterator<Item = (SiteId, &Repricing)> {
        let of_product = self.repricings.range((product, SiteId::new(i64::MIN))..=(product, SiteId::new(i64::MAX)));
        of_product.flat_map(move |((_, site), all)| {
            all.iter().filter(move |repricing| repricing.at > after).map(|repricing| (*site, repricing))
        })
    }

    /// Tells whether older repricings of a product at a site may have been forgotten.
    pub fn is_full(&self, product: ProductId, site: SiteId) -> bool {
        self.repricings.get(&(product, site)).is_some_and(|all| all.len() >= REMEMBERED_MAX)
    }

    fn place(&mut self, order: OrderId, mut quote: Quote) {
        if let Some(old) = self.replaced(&quote) {
            if old.price == quote.price {
                quote.since = old.since;
            } else {
                self.reprice(&old, quote.price, quote.since);
            }
        }
        self.standing.insert(order, quote);
        if self.standing.len() > REMEMBERED_MAX {
            self.standing.pop_first();
        }
    }

    fn amend(&mut self, order: OrderId, price: Price, at: Timestamp) {
        let Some(quote) = self.standing.get_mut(&order).filter(|quote| quote.price != price) else { return };
        let old = *quote;
        (quote.price, quote.since) = (price, at);
        self.reprice(&old, price, at);
    }

    /// Takes out the cancelled ask that another replaces: one of the same price, else the one cancelled first.
    fn replaced(&mut self, quote: &Quote) -> Option<Quote> {
        let key = (quote.organization, quote.source);
        let waiting = self.cancelled.get_mut(&key)?;
        let oldest = quote.since.plus_millis(-REPLACED_WITHIN_MS);
        waiting.retain(|(_, at)| *at >= oldest);
        let same = waiting.iter().position(|(old, _)| old.price == quote.price);
        let found = waiting.remove(same.unwrap_or_default()).map(|(old, _)| old);
        if waiting.is_empty() {
            self.cancelled.remove(&key);
        }
        found
    }

    fn reprice(&mut self, old: &Quote, to: Price, at: Timestamp) {
        let stood_ms = at.millis().saturating_sub(old.since.millis()).max(0);
        let all = self.repricings.entry((old.product, old.site)).or_default();
        all.push_back(Repricing { at, stood_ms, from: old.price, to });
        let forgotten = counted_after(at);
        while all.len() > REMEMBERED_MAX || all.front().is_some_and(|first| first.at < forgotten) {
            all.pop_front();
        }
    }
}

/// Returns the time after which repricings count at another.
pub const fn counted_after(now: Timestamp) -> Timestamp {
    now.plus_millis(REPRICED_DAYS.saturating_mul(MS_PER_DAY).saturating_neg())
}

/// A resting ask, and how long its price has stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StandingAsk {
    /// The ask.
    pub ask: SourcedAsk,
    /// For how many milliseconds.
    pub stood_ms: i64,
}

/// How sticky prices are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stickiness {
    /// Repricings.
    pub repricings: u64,
    /// Those that lowered a price.
    pub cuts: u64,
    /// The lower median of the days a price stood that was then changed.
    pub median_days: Option<Ratio>,
    /// The lower median of the changes of price, as ratios: `to / from - 1`.
    pub median_change: Option<Ratio>,
    /// The lower median of the days that prices of resting asks have stood.
    pub median_standing_days: Option<Ratio>,
    /// Who rests, and what of it is above the market or under water.
    pub sources: Sources,
    /// Offered, at what they paid or more, by resellers that paid more than the index; nothing without an index.
    pub held_at_cost: Option<GpuMinutes>,
    /// `held_at_cost / offered by resellers that paid more than the index`.
    pub held_at_cost_share: Option<Ratio>,
}

/// Returns how sticky prices are that changed so and rest so, against the index if there is one.
pub fn stickiness(repricings: &[Repricing], asks: &[StandingAsk], index: Option<Price>) -> Stickiness {
    let changes = repricings.iter().filter_map(|row| Ratio::change(row.from.micros(), row.to.micros()));
    let changes: Vec<i64> = changes.map(Ratio::ten_thousandths).collect();
    let sourced: Vec<SourcedAsk> = asks.iter().map(|row| row.ask).collect();
    let sources = sources(&sourced, index);
    let holds = |ask: &&SourcedAsk| ask.bought_at.is_some_and(|paid| Some(paid) > index && ask.price >= paid);
    let held = || sourced.iter().filter(holds).fold(GpuMinutes::ZERO, |sum, ask| sum.plus(ask.offered));
    let held_at_cost = index.map(|_| held());
    let wide = |amount: GpuMinutes| i128::from(amount.get());
    Stickiness {
        repricings: count(repricings.iter()),
        cuts: count(repricings.iter().filter(|row| row.to < row.from)),
        median_days: days(repricings.iter().map(|row| row.stood_ms)),
        median_change: lower_median(changes).and_then(|change| Ratio::of(change.into(), PER_WHOLE)),
        median_standing_days: days(asks.iter().map(|row| row.stood_ms)),
        sources,
        held_at_cost,
        held_at_cost_share: held_at_cost
            .zip(sources.resale_underwater)
            .and_then(|(held, under)| Ratio::of(wide(held), wide(under))),
    }
}

const PER_WHOLE: i128 = 10_000;

fn days(stood_ms: impl Iterator<Item = i64>) -> Option<Ratio> {
    lower_median(stood_ms.collect()).and_then(|ms| Ratio::of(ms.into(), MS_PER_DAY.into()))
}

fn count(rows: impl Iterator) -> u64 {
    u64::try_from(rows.count()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
