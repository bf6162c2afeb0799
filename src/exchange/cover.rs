//! Cover bids: what the exchange buys in a buyer's name for what a seller defaults on.
//!
//! A bid may carry a cover limit. Each contract under terms that fills it keeps the wish with its delivery. When the
//! contract defaults with its seller at fault, a bid for its GPUs over the minutes left is placed in the buyer's name: ioc,
//! at the cover limit, with the old bid's requirements and lot. It is judged like any other bid. What it holds above the
//! refund comes from the bond of the contract that ended, as far as that goes, and everything else from the buyer's purse.
//! Where it has bought, the bond keeps what it lent but for what that cost more than the refund for as many GPUs. It
//! carries the wish on, so what it buys is covered too; each is used up by one default.
//!
//! Invariant: a cover bid that is refused changes nothing; the default stands either way.
//! Invariant: it never trades with the seller of the ended contract or with whoever defaulted, nor out of their listings.

use super::book::Book;
use super::delivery::Cover;
use super::entities::Cause;
use super::judge::Draft;
use super::memory::ClientKey;
use super::trading::Party;
use super::{BidWindow, Event, Exchange, Failure, Made, PlaceBid, Terms};
use crate::types::{
    ContractId, ContractStatus, Funding, Money, OrganizationId, ProductId, SelfTrade, TimeInForce, Timestamp, Window,
};

/// What a buyer lost by a default, and wishes to have from somebody else.
pub(super) struct Lost {
    contract: ContractId,
    buyer: OrganizationId,
    product: ProductId,
    gpus: u32,
    window: Window,
    avoid: [OrganizationId; 2],
    funding: Funding,
    /// What lay behind the contract before it ended.
    escrow: Money,
    cover: Box<Cover>,
}

impl<B: Book> Exchange<B> {
    /// Keeps the wish of a bid with a contract it just made; one under no terms cannot default in time.
    pub(super) fn keep_cover(&mut self, id: ContractId, bid: Party) -> Result<(), Failure> {
        let Some(cover) = bid.cover else { return Ok(()) };
        if self.known(id)?.terms == 0 {
            return Ok(());
        }
        self.begin_delivery(id)?;
        self.delivery_mut(id)?.cover = Some(cover);
        Ok(())
    }

    /// Ends a contract and all below it by somebody's default; returns what is to be covered, by contract.
    pub(super) fn end_by_default(
        &mut self,
        at: Timestamp,
        id: ContractId,
        defaulter: OrganizationId,
    ) -> Result<Vec<Lost>, Failure> {
        let mut lost = Vec::new();
        self.note_lost(id, defaulter, &mut lost)?;
        lost.sort_by_key(|lost| lost.contract);
        self.end_with_children(at, id, ContractStatus::Defaulted, self.first_open())?;
        Ok(lost)
    }

    fn note_lost(&self, id: ContractId, defaulter: OrganizationId, lost: &mut Vec<Lost>) -> Result<(), Failure> {
        let contract = self.known(id)?;
        let window = contract.window.from_minute(self.first_open());
        // What others took over is not its buyer's to lose.
        let held = contract.held_over(window);
        let cover = self.deliveries.get(&id).and_then(|delivery| delivery.cover.clone());
        let lots = |cover: &Cover| held.checked_div(cover.lot).unwrap_or(0).saturating_mul(cover.lot);
        let cover = cover.map(|cover| (lots(&cover), cover));
        if let Some((gpus, cover)) = cover.filter(|(gpus, _)| *gpus > 0) {
            lost.push(Lost {
                contract: id,
                buyer: contract.buyer,
                product: contract.product,
                gpus,
                window,
                avoid: [contract.seller, defaulter],
                funding: contract.funding(),
                escrow: contract.escrow,
                cover,
            });
        }
        self.children(id).into_iter().try_for_each(|child| self.note_lost(child, defaulter, lost))
    }

    /// Places the cover bids, each after those before it have traded.
    pub(super) fn place_covers(&mut self, at: Timestamp, lost: Vec<Lost>) -> Result<(), Failure> {
        lost.into_iter().try_for_each(|lost| self.place_cover(at, lost))
    }

    fn place_cover(&mut self, at: Timestamp, lost: Lost) -> Result<(), Failure> {
        let Lost { contract, buyer, product, gpus, window, avoid, funding, escrow, cover } = lost;
        let bid = PlaceBid {
            organization: buyer,
            product,
            gpus,
            window: BidWindow::Fixed { start: window.start, end: window.end },
            price: cover.limit,
            lot: cover.lot,
            requirements: cover.requirements,
            same_site: cover.same_site,
            terms: Terms { time_in_force: TimeInForce::Ioc, self_trade: SelfTrade::Skip, ..Terms::default() },
            cover: Some(cover.limit),
            // What is left may be too short to be paid for by the month.
            funding: self.check_funding(funding, window).map_or(Funding::Full, |()| funding),
        };
        let draft = self.judge_bid(at, &bid).map(|draft| Draft { avoid: Some(avoid), ..draft });
        let event = match draft.and_then(|draft| self.enter_cover(at, draft, contract, escrow)) {
            Ok(Made::Order(order)) => Event::CoverPlaced { contract, order },
            Ok(_) => return Err(Failure::Invariant("cover_not_order")),
            Err(Failure::Reject(reject)) => Event::CoverNotPlaced { contract, code: reject.code().to_owned() },
            Err(failure) => return Err(failure),
        };
        self.events.push(event);
        Ok(())
    }
    /// Lets a cover bid enter, with what the bond of the contract that ended lends it.
    fn enter_cover(&mut self, at: Timestamp, draft: Draft, id: ContractId, escrow: Money) -> Result<Made, Failure> {
        let range = |_| Failure::Invariant("cover_range");
        let ended = self.known(id)?;
        let (buyer, refund) = (ended.buyer, escrow.minus(ended.escrow).map_err(range)?);
        let lent = draft.hold.minus(refund).map_err(range)?.max(Money::ZERO).min(ended.bond);
        self.require_available(buyer, draft.hold.minus(lent).map_err(range)?)?;
        self.pay_from_bond(at, id, lent, Cause::BondCover(id))?;
        let behind = |exchange: &Self| exchange.purses.get(&buyer).map_or(Money::ZERO, |purse| purse.escrow);
        let (before, wanted) = (behind(self), draft.order.gpus);
        let (made, order) = self.enter(at, draft, &ClientKey::None)?;
        let spent = behind(self).minus(before).map_err(range)?;
        let filled = order.map_or(0, |order| order.filled_gpus);
        let replaced = refund.portion(filled.into(), wanted.into()).map_err(range)?;
        let needed = spent.minus(replaced).map_err(range)?.max(Money::ZERO).min(lent);
        self.refill_bond(at, id, lent.minus(needed).map_err(range)?, Cause::BondCover(id))?;
        Ok(made)
    }
}
