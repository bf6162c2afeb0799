//! Who is behind the supply, and how much of it asks more than the market pays.
//!
//! Shares are of the GPU-minutes that resting asks offer. A source is who stands behind an ask: a host out of its own
//! listing, or a reseller out of a contract. (Owners whose GPUs a host lists will be a third; nothing says yet which they
//! are, so they count as hosts.)

use std::collections::BTreeMap;

use super::{GpuMinutes, Ratio};
use crate::types::{OrganizationId, Price};

/// Asks above this many tenths of the index are above the market.
pub const ABOVE_INDEX_TENTHS: i128 = 12;
const TENTHS: i128 = 10;

/// What one ask offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourcedAsk {
    /// Whose it is.
    pub organization: OrganizationId,
    /// At what price.
    pub price: Price,
    /// How much.
    pub offered: GpuMinutes,
    /// What its reseller paid; nothing for a host.
    pub bought_at: Option<Price>,
}

/// What one kind of source offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Share {
    /// Organizations.
    pub organizations: u64,
    /// What they offer.
    pub offered: GpuMinutes,
    /// Of all that is offered.
    pub share: Option<Ratio>,
}

/// Who is behind the supply of a product or a region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sources {
    /// Asks.
    pub asks: u64,
    /// All that is offered.
    pub offered: GpuMinutes,
    /// Out of listings.
    pub host: Share,
    /// Out of contracts.
    pub reseller: Share,
    /// Herfindahl-Hirschman index of what organizations offer: the sum of squared shares; 1 is a monopoly.
    pub hhi: Option<Ratio>,
    /// Offered at more than 1.2 times the index; nothing without an index.
    pub above_index: Option<GpuMinutes>,
    /// `above_index / offered`.
    pub above_index_share: Option<Ratio>,
    /// Offered by resellers at less than they paid.
    pub resale_at_loss: GpuMinutes,
    /// `resale_at_loss / offered by resellers`.
    pub resale_at_loss_share: Option<Ratio>,
    /// Offered by resellers that paid more than the index; nothing without an index.
    pub resale_underwater: Option<GpuMinutes>,
    /// `resale_underwater / offered by resellers`.
    pub resale_underwater_share: Option<Ratio>,
}

/// Returns who is behind these asks, against the index if there is one.
pub fn sources(asks: &[SourcedAsk], index: Option<Price>) -> Sources {
    let sum = |takes: &dyn Fn(&SourcedAsk) -> bool| {
        asks.iter().filter(|ask| takes(ask)).fold(GpuMinutes::ZERO, |sum, ask| sum.plus(ask.offered))
    };
    let offered = sum(&|_| true);
    let host = share(asks.iter().filter(|ask| ask.bought_at.is_none()), offered);
    let reseller = share(asks.iter().filter(|ask| ask.bought_at.is_some()), offered);
    let above_index = index.map(|index| sum(&|ask| is_above(ask.price, index)));
    let resale_at_loss = sum(&|ask| ask.bought_at.is_some_and(|paid| ask.price < paid));
    let resale_underwater = index.map(|index| sum(&|ask| ask.bought_at.is_some_and(|paid| paid > index)));
    let of = |part: GpuMinutes, whole: GpuMinutes| Ratio::of(wide(part), wide(whole));
    Sources {
        asks: u64::try_from(asks.len()).unwrap_or(u64::MAX),
        offered,
        host,
        reseller,
        hhi: hhi(asks, offered),
        above_index,
        above_index_share: above_index.and_then(|above| of(above, offered)),
        resale_at_loss,
        resale_at_loss_share: of(resale_at_loss, reseller.offered),
        resale_underwater,
        resale_underwater_share: resale_underwater.and_then(|under| of(under, reseller.offered)),
    }
}

fn is_above(price: Price, index: Price) -> bool {
    let tenths = |price: Price, by: i128| i128::from(price.micros()).saturating_mul(by);
    tenths(price, TENTHS) > tenths(index, ABOVE_INDEX_TENTHS)
}

fn share<'a>(asks: impl Iterator<Item = &'a SourcedAsk>, whole: GpuMinutes) -> Share {
    let by_owner = by_owner(asks);
    let offered = by_owner.values().fold(GpuMinutes::ZERO, |sum, offered| sum.plus(*offered));
    let organizations = u64::try_from(by_owner.len()).unwrap_or(u64::MAX);
    Share { organizations, offered, share: Ratio::of(wide(offered), wide(whole)) }
}

fn by_owner<'a>(asks: impl Iterator<Item = &'a SourcedAsk>) -> BTreeMap<OrganizationId, GpuMinutes> {
    let mut owners: BTreeMap<OrganizationId, GpuMinutes> = BTreeMap::new();
    for ask in asks.filter(|ask| ask.offered > GpuMinutes::ZERO) {
        let owner = owners.entry(ask.organization).or_default();
        *owner = owner.plus(ask.offered);
    }
    owners
}

fn hhi(asks: &[SourcedAsk], whole: GpuMinutes) -> Option<Ratio> {
    let square = |amount: GpuMinutes| wide(amount).checked_mul(wide(amount));
    let owners = by_owner(asks.iter());
    let squares = owners.into_values().try_fold(0_i128, |sum, offered| sum.checked_add(square(offered)?))?;
    Ratio::of(squares, square(whole)?)
}

fn wide(amount: GpuMinutes) -> i128 {
    i128::from(amount.get())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(owner: i64, cents: i64, minutes: u64, bought_at: Option<i64>) -> SourcedAsk {
        SourcedAsk {
            organization: OrganizationId::new(owner),
            price: Price::from_micros(cents * 10_000),
            offered: GpuMinutes::new(minutes),
            bought_at: bought_at.map(|cents| Price::from_micros(cents * 10_000)),
        }
    }

    #[test]
    fn sources_by_hand() {
        // Shares 50 % and 30 % of two hosts, 20 % of a reseller that paid $3: 0.25 + 0.09 + 0.04 = 0.38.
        let asks =
            [ask(1, 200, 300, None), ask(1, 240, 200, None), ask(2, 241, 300, None), ask(3, 150, 200, Some(300))];
        let found = sources(&asks, Some(Price::from_micros(2_000_000)));
        let text = |ratio: Option<Ratio>| ratio.map(|ratio| ratio.to_string()).unwrap_or_default();
        assert_eq!((found.asks, found.offered.get(), text(found.hhi)), (4, 1_000, "0.3800".to_owned()));
        assert_eq!((found.host.organizations, text(found.host.share)), (2, "0.8000".to_owned()));
        assert_eq!((found.reseller.organizations, text(found.reseller.share)), (1, "0.2000".to_owned()));
        // 1.2 times $2 is $2.40: an ask at it is not above it.
        assert_eq!(found.above_index.unwrap().get(), 300);
        assert_eq!((found.resale_at_loss.get(), found.resale_underwater.unwrap().get()), (200, 200));
        assert_eq!(text(found.resale_underwater_share), "1.0000");
        let none = sources(&[], None);
        assert_eq!((none.hhi, none.host.share, none.above_index, none.resale_at_loss_share), (None, None, None, None));
        // A reseller that paid the index is not under water, and one that asks what it paid loses nothing.
        let even = sources(&[ask(3, 200, 60, Some(200))], Some(Price::from_micros(2_000_000)));
        assert_eq!((even.resale_at_loss.get(), even.resale_underwater.unwrap().get()), (0, 0));
    }
}
