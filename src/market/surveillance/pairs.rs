//! Wash pairs: two organizations that sell the same product to each other.
//!
//! A **round trip** is what one sold to the other and bought back within [`ROUND_TRIP_MS`]: of each trade, what it gives back of
//! the other's trades before it, the oldest first, each GPU-minute once.

use std::collections::{BTreeMap, VecDeque};

use super::Deal;
use crate::market::{GpuMinutes, Ratio};
use crate::types::{ContractId, Money, OrganizationId, OutOfRange, ProductId, Timestamp};

/// What comes back counts if it does so within a day.
pub const ROUND_TRIP_MS: i64 = 24 * 60 * 60 * 1_000;
/// Contracts that a pair names, the newest.
pub const NAMED_MAX: usize = 5;

/// What one of a pair sold to the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sold {
    /// Trades.
    pub trades: u64,
    /// How much.
    pub amount: GpuMinutes,
    /// For how much: of each trade `floor(price * GPU-minutes / 60)`.
    pub value: Money,
}

/// Two organizations that sold to each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WashPair {
    /// What they traded.
    pub product: ProductId,
    /// The one with the lower number.
    pub first: OrganizationId,
    /// The other.
    pub second: OrganizationId,
    /// What the first sold to the second.
    pub sold: Sold,
    /// What the second sold to the first.
    pub bought: Sold,
    /// Trades that brought something back.
    pub round_trips: u64,
    /// What they brought back.
    pub returned: GpuMinutes,
    /// What they traded with each other, of all that either traded.
    pub share: Option<Ratio>,
    /// The contracts of their newest trades, newest first.
    pub contracts: Vec<ContractId>,
}

#[derive(Debug, Default)]
struct Pair {
    /// What the one with the lower number sold, then the other.
    sold: [Sold; 2],
    round_trips: u64,
    returned: GpuMinutes,
    /// What may still come back, oldest first, and which of the two sold it.
    out: VecDeque<(Timestamp, u64)>,
    seller: usize,
    contracts: VecDeque<ContractId>,
}

/// Returns the pairs of which each sold to the other, by what came back, then by the smaller of both amounts.
///
/// The deals come in the order in which they were made.
///
/// # Errors
/// [`OutOfRange`] where a sum of values leaves `i64`.
pub fn wash_pairs(deals: &[Deal]) -> Result<Vec<WashPair>, OutOfRange> {
    let mut pairs: BTreeMap<(ProductId, OrganizationId, OrganizationId), Pair> = BTreeMap::new();
    let mut traded: BTreeMap<(ProductId, OrganizationId), GpuMinutes> = BTreeMap::new();
    for deal in deals.iter().filter(|deal| !deal.trade.recalled) {
        let (seller, buyer) = (deal.trade.seller, deal.trade.buyer);
        for party in [seller, buyer] {
            let sum = traded.entry((deal.product, party)).or_default();
            *sum = sum.plus(deal.amount());
        }
        let key = (deal.product, seller.min(buyer), seller.max(buyer));
        pairs.entry(key).or_default().add(deal, usize::from(seller > buyer))?;
    }
    let both = pairs.into_iter().filter(|(_, pair)| pair.sold.iter().all(|sold| sold.trades > 0));
    let mut found: Vec<WashPair> = both.map(|(key, pair)| pair.shown(key, &traded)).collect();
    found.sort_by_key(|pair| {
        (std::cmp::Reverse((pair.returned, pair.sold.amount.min(pair.bought.amount))), pair.product, pair.first)
    });
    Ok(found)
}

impl Pair {
    fn add(&mut self, deal: &Deal, seller: usize) -> Result<(), OutOfRange> {
        if let Some(sold) = self.sold.get_mut(seller) {
            sold.trades = sold.trades.saturating_add(1);
            sold.amount = sold.amount.plus(deal.amount());
            sold.value = sold.value.plus(deal.trade.price.due(deal.trade.gpu_minutes)?)?;
        }
        self.contracts.push_front(deal.contract);
        self.contracts.truncate(NAMED_MAX);
        self.give_back(deal, seller);
        Ok(())
    }

    /// Takes off what is out what comes back with a deal; what is left of it is out in turn.
    fn give_back(&mut self, deal: &Deal, seller: usize) {
        let oldest = deal.at.plus_millis(ROUND_TRIP_MS.saturating_neg());
        self.out.retain(|(at, _)| *at >= oldest);
        let mut left = deal.trade.gpu_minutes;
        while self.seller != seller
            && left > 0
            && let Some((_, out)) = self.out.front_mut()
        {
            let back = left.min(*out);
            left = left.saturating_sub(back);
            *out = out.saturating_sub(back);
            self.returned = self.returned.plus(GpuMinutes::new(back));
            if *out == 0 {
                self.out.pop_front();
            }
        }
        if left < deal.trade.gpu_minutes {
            self.round_trips = self.round_trips.saturating_add(1);
        }
        if left > 0 {
            self.seller = seller;
            self.out.push_back((deal.at, left));
        }
    }

    fn shown(
        self,
        (product, first, second): (ProductId, OrganizationId, OrganizationId),
        traded: &BTreeMap<(ProductId, OrganizationId), GpuMinutes>,
    ) -> WashPair {
        let [sold, bought] = self.sold;
        let of = |party| traded.get(&(product, party)).map_or(0, |amount| i128::from(amount.get()));
        let both = i128::from(sold.amount.plus(bought.amount).get());
        // What they traded with each other is in the amount of either.
        let all = of(first).saturating_add(of(second)).saturating_sub(both);
        WashPair {
            product,
            first,
            second,
            sold,
            bought,
            round_trips: self.round_trips,
            returned: self.returned,
            share: Ratio::of(both, all),
            contracts: self.contracts.into(),
        }
    }
}
