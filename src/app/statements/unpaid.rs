//! What fell due of a seller that keeps nothing of it: all of it went from the buyer to the exchange and to the owner of the
//! GPUs, so no transfer of the seller's own tells of it. The owners' transfers do.

use std::collections::{BTreeMap, BTreeSet};

use super::fold::{Fold, Folded, Part, Sums, Time};
use super::{READ_AT_ONCE, beyond};
use crate::app::View;
use crate::app::reads::{Listed, Slice};
use crate::exchange::entities::{Cause, Transfer};
use crate::store::{Reader, StoreError, read};
use crate::types::{ContractId, OrganizationId, TransferId};

/// Returns the owners of what an organization hosts for nothing.
pub(super) fn owners(view: &View, host: OrganizationId) -> Vec<OrganizationId> {
    let hosted = view.listings.values().filter(|listing| listing.organization == host);
    let owners = hosted.filter_map(|listing| listing.rights.owner).filter(|owner| owner.host_fee.is_nothing());
    owners.map(|owner| owner.organization).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Adds to a seller's figures what fell due in the month and went to such owners whole.
pub(super) fn add(
    reader: &mut Reader,
    (seller, owners): (OrganizationId, &[OrganizationId]),
    fold: &Fold,
    figures: &mut Folded,
) -> Result<(), StoreError> {
    for owner in owners {
        let mut page = Slice::first(u32::try_from(READ_AT_ONCE).unwrap_or(u32::MAX));
        let last = read::balances::of(reader, *owner)?.last_transfer;
        loop {
            let Listed { rows, next } = read::transfers::back_from(reader, *owner, last, page)?;
            add_page(reader, seller, fold, (&rows, figures))?;
            let is_done = rows.last().is_some_and(|row| fold.time(row) == Time::Before);
            match next.filter(|_| !is_done) {
                Some(next) => page = page.after(next),
                None => break,
            }
        }
    }
    Ok(())
}

fn add_page(
    reader: &mut Reader,
    seller: OrganizationId,
    fold: &Fold,
    (rows, figures): (&[Transfer], &mut Folded),
) -> Result<(), StoreError> {
    let share = |row: &&Transfer| matches!(row.cause, Cause::OwnerShare(_)) && fold.time(row) == Time::Within;
    let shares: Vec<&Transfer> = rows.iter().filter(share).collect();
    let ids: BTreeSet<ContractId> = shares.iter().filter_map(|row| row.cause.contract()).collect();
    let ids: Vec<ContractId> = ids.into_iter().collect();
    let sold = read::contracts::numbered(reader, &ids)?.into_iter().filter(|row| row.seller == seller);
    let sold: BTreeSet<ContractId> = sold.map(|row| row.id).collect();
    let before: Vec<TransferId> = shares.iter().flat_map(|row| before(row.id)).collect();
    let before = read::transfers::numbered(reader, &before)?;
    let before: BTreeMap<TransferId, Transfer> = before.into_iter().map(|row| (row.id, row)).collect();
    for share in shares {
        let Some(contract) = share.cause.contract().filter(|contract| sold.contains(contract)) else { continue };
        let Some(more) = due(share, &before).map_err(|_| beyond(share.id))? else { continue };
        let sums = figures.contracts.entry((contract, Part::Sold)).or_default();
        *sums = sums.plus(&more).map_err(|_| beyond(share.id))?;
    }
    Ok(())
}

/// Returns what fell due, of which an owner had a share; nothing if the seller was paid too: then its own transfer tells.
fn due(share: &Transfer, before: &BTreeMap<TransferId, Transfer>) -> Result<Option<Sums>, crate::types::OutOfRange> {
    let of = |row: &&Transfer| row.cause.contract() == share.cause.contract();
    let [last, other] = self::before(share.id).map(|id| before.get(&id).filter(of));
    let (fee, payment) = match last {
        Some(row) if matches!(row.cause, Cause::Fee(_)) => (row.amount, other),
        other => (crate::types::Money::ZERO, other),
    };
    if payment.is_some_and(|row| matches!(row.cause, Cause::Payment(_))) {
        return Ok(None);
    }
    Ok(Some(Sums { due: share.amount.plus(fee)?, fees: fee, owner_shares: share.amount, ..Sums::default() }))
}

/// Returns the two transfers before one.
const fn before(id: TransferId) -> [TransferId; 2] {
    let last = id.number().saturating_sub(1);
    [TransferId::new(last), TransferId::new(last.saturating_sub(1))]
}
