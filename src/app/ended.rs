//! What passed unsold in asks that have ended.

use std::collections::BTreeMap;

use crate::exchange::entities::Order;
use crate::market::lapsed::Lapsed;
use crate::types::{ListingId, ProductId, SiteId, Source, Timestamp};

/// The sums over asks that have ended, out of listings and out of contracts apart: the latter are the same hours once more.
#[derive(Debug, Default)]
pub struct Ended {
    by_site: BTreeMap<(ProductId, SiteId), Lapsed>,
    resale: BTreeMap<ProductId, Lapsed>,
}

impl Ended {
    /// Adds an ask that has ended; bids offered nothing. Where the GPUs of a listing stand is asked for.
    pub fn add(&mut self, ask: &Order, now: Timestamp, site_of: impl FnOnce(ListingId) -> Option<SiteId>) {
        let Some(source) = ask.source else { return };
        let pieces = ask.lapsed(now);
        if pieces.is_empty() {
            return;
        }
        let sum = match source {
            Source::Listing(listing) => {
                let Some(site) = site_of(listing) else { return };
                self.by_site.entry((ask.product, site)).or_default()
            }
            Source::Contract(_) => self.resale.entry(ask.product).or_default(),
        };
        sum.add(&pieces, ask.price);
    }

    /// Returns what passed unsold of a product out of listings, by site.
    pub fn primary(&self, product: ProductId) -> impl Iterator<Item = (SiteId, &Lapsed)> {
        let of_product = self.by_site.iter().filter(move |((of, _), _)| *of == product);
        of_product.map(|((_, site), lapsed)| (*site, lapsed))
    }

    /// Returns what passed unsold of a product out of contracts.
    pub fn resale(&self, product: ProductId) -> Option<&Lapsed> {
        self.resale.get(&product)
    }
}
