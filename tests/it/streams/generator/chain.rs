//! Chains of title: a holder offers all it holds at the lowest price, somebody else takes all of it.

use gpubourse::exchange::entities::Contract;
use gpubourse::exchange::{BidWindow, Command, Outcome, PlaceAsk, PlaceBid, Requirements, Terms};
use gpubourse::types::{Funding, OrderId, Price, Source};

use super::{Generator, TICK_MICROS, View};

/// The depth of the last contract a chain may have.
const DEPTH_LAST: u8 = 7;

/// How far the next link is.
#[derive(Debug, Default)]
pub enum Link {
    #[default]
    None,
    /// The ask has been sent.
    Offered,
    /// The ask rests under this number.
    Resting(OrderId),
}

impl Link {
    /// Learns the number of the ask that was sent.
    pub fn observe(&mut self, outcome: &Outcome) {
        if matches!(self, Self::Offered) {
            let resting = outcome.order.as_ref().filter(|order| order.status.is_open());
            *self = resting.map_or(Self::None, |order| Self::Resting(order.id));
        }
    }
}

impl Generator {
    /// Offers what the deepest holder holds.
    pub(super) fn offer_link(&mut self, view: &View) -> Option<Command> {
        let contract = self.deepest(view)?;
        let window = contract.window.from_minute(view.first_open());
        let free = contract.gpus.saturating_sub(view.used(Source::Contract(contract.id)).max_over(window));
        self.link = Link::Offered;
        Some(Command::PlaceAsk(PlaceAsk {
            organization: contract.buyer,
            source: Source::Contract(contract.id),
            gpus: free / contract.lot * contract.lot,
            start: Some(window.start),
            end: Some(window.end),
            price: Price::from_micros(TICK_MICROS),
            lot: None,
            min_minutes: None,
            lead_minutes: 0,
            terms: Terms::default(),
        }))
    }

    /// Takes all of the offered link.
    pub(super) fn buy_link(&mut self, view: &View) -> Option<Command> {
        let Link::Resting(id) = std::mem::take(&mut self.link) else { return None };
        let ask = view.order(id)?;
        let window = ask.window.from_minute(view.first_open());
        let buyers: Vec<_> = view.organizations.iter().map(|row| row.id).filter(|id| *id != ask.organization).collect();
        Some(Command::PlaceBid(PlaceBid {
            organization: self.rng.pick(&buyers),
            product: ask.product,
            gpus: ask.free_over(window).max(ask.lot),
            window: BidWindow::Fixed { start: window.start, end: window.end },
            price: ask.price,
            lot: ask.lot,
            requirements: Requirements::default(),
            same_site: false,
            cover: None,
            funding: Funding::Full,
            terms: Terms::default(),
        }))
    }

    fn deepest<'a>(&mut self, view: &View<'a>) -> Option<&'a Contract> {
        let first_open = view.first_open();
        let fit = |row: &&&Contract| {
            let open = row.window.from_minute(first_open.plus(3));
            let free = row
                .gpus
                .saturating_sub(view.used(Source::Contract(row.id)).max_over(row.window.from_minute(first_open)));
            let allowed = view.listing(row.listing).is_some_and(|listing| listing.resale_allowed);
            allowed && row.depth < DEPTH_LAST && open.minutes() >= row.min_minutes.max(1) && free >= row.lot
        };
        let mut rows: Vec<&Contract> = view.contracts.iter().filter(fit).copied().collect();
        rows.sort_by_key(|row| (row.depth, row.window.minutes(), row.id));
        if self.rng.chance(80) { rows.last().copied() } else { self.rng.pick_if_any(&rows) }
    }
}
