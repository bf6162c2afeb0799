//! The rule for prices far off their like.
//!
//! Like are the quotes of one file with the same product, kind and UTC day of observation: a series over
//! years may well move fourfold, the offers of one day should not. With at least five of them, those above four
//! times or below a quarter of their lower median are flagged. They stay: flagged, not dropped, and whoever
//! averages leaves them out. Quotes the source calls stale are judged but do not judge.

use std::collections::BTreeMap;

use super::{Quote, QuoteKind};
use crate::types::Symbol;

const QUOTES_MIN: usize = 5;
const FACTOR: i128 = 4;
const MS_PER_DAY: i64 = 24 * 60 * 60 * 1_000;

type Like = (Symbol, QuoteKind, i64);

/// Flags the outliers among the quotes of one file.
pub(super) fn flag(quotes: &mut [Quote]) {
    let mut prices: BTreeMap<Like, Vec<i64>> = BTreeMap::new();
    for quote in quotes.iter().filter(|quote| !quote.stale) {
        prices.entry(like(quote)).or_default().push(quote.price.micros());
    }
    let medians: BTreeMap<Like, i64> =
        prices.into_iter().filter_map(|(like, prices)| Some((like, lower_median(prices)?))).collect();
    for quote in quotes {
        if let Some(median) = medians.get(&like(quote)) {
            let (price, median) = (i128::from(quote.price.micros()), i128::from(*median));
            quote.outlier = price > median.saturating_mul(FACTOR) || price.saturating_mul(FACTOR) < median;
        }
    }
}

fn like(quote: &Quote) -> Like {
    let day = quote.observed_at.millis().div_euclid(MS_PER_DAY);
    (quote.product.clone(), quote.kind, day)
}

fn lower_median(mut prices: Vec<i64>) -> Option<i64> {
    prices.sort_unstable();
    let middle = prices.len().checked_sub(1)?.checked_div(2)?;
    prices.get(middle).copied().filter(|_| prices.len() >= QUOTES_MIN)
}
