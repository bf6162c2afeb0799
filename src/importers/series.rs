//! Price series out of quotes.

use std::collections::BTreeSet;

use super::{Quote, QuoteKind};
use crate::types::{Price, Symbol, Timestamp};

/// What makes a series: sources, kinds and terms are never mixed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SeriesKey {
    /// Whose prices.
    pub source: String,
    /// What they are.
    pub kind: QuoteKind,
    /// The variant within the kind.
    pub term: Option<String>,
    /// Of what.
    pub product: Symbol,
    /// Where, as the source writes it; nothing for anywhere.
    pub region: Option<String>,
}

/// Returns the series the quotes belong to, in order, each with its region.
pub fn keys(quotes: &[Quote]) -> BTreeSet<SeriesKey> {
    let key = |quote: &Quote| SeriesKey {
        source: quote.source.clone(),
        kind: quote.kind,
        term: quote.term.clone(),
        product: quote.product.clone(),
        region: quote.region.clone(),
    };
    quotes.iter().map(key).collect()
}

/// Returns the prices of a series with their times, in order of time; outliers and stale prices are left out.
///
/// One time may have several prices (machines of several sizes): [`crate::market::drawdown::daily`] makes them one.
pub fn points(quotes: &[Quote], key: &SeriesKey) -> Vec<(Timestamp, Price)> {
    let belongs = |quote: &&Quote| {
        quote.source == key.source
            && quote.kind == key.kind
            && quote.term == key.term
            && quote.product == key.product
            && (key.region.is_none() || quote.region == key.region)
            && !quote.outlier
            && !quote.stale
    };
    let mut points: Vec<_> = quotes.iter().filter(belongs).map(|quote| (quote.observed_at, quote.price)).collect();
    points.sort_unstable();
    points
}
