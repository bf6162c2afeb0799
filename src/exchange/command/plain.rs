//! Orders and amendments that ask for nothing out of the ordinary: what is rarely stated is left as it is if nobody says so.

use super::{AmendOrder, BidWindow, PlaceAsk, PlaceBid, Requirements, Terms};
use crate::types::{Funding, OrderId, OrganizationId, Price, ProductId, Source, Window};

impl PlaceAsk {
    /// Returns an ask that offers GPUs over a window, in lots and for as short as the source allows.
    pub fn plain(organization: OrganizationId, source: Source, gpus: u32, window: Window, price: Price) -> Self {
        Self {
            organization,
            source,
            gpus,
            start: Some(window.start),
            end: Some(window.end),
            price,
            lot: None,
            min_minutes: None,
            lead_minutes: 0,
            terms: Terms::default(),
        }
    }
}

impl PlaceBid {
    /// Returns a bid that asks for nothing but GPUs over a window, one or more, paid for at once.
    pub fn plain(organization: OrganizationId, product: ProductId, gpus: u32, window: Window, price: Price) -> Self {
        Self {
            organization,
            product,
            gpus,
            window: BidWindow::Fixed { start: window.start, end: window.end },
            price,
            lot: 1,
            requirements: Requirements::default(),
            same_site: false,
            terms: Terms::default(),
            cover: None,
            funding: Funding::Full,
        }
    }
}

impl AmendOrder {
    /// Returns an amendment that changes nothing yet.
    pub const fn unchanged(organization: OrganizationId, order: OrderId) -> Self {
        Self { organization, order, gpus: None, price: None, start: None, end: None, lot: None }
    }
}
