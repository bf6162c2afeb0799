//! What a bundle says, held against itself: no database, no network, the exchange's own rules.

use std::collections::BTreeMap;

use super::{Bundle, Concern, Row, Sealed, VERSION, seal};
use crate::app::replay;
use crate::app::verify::Anchor;
use crate::exchange::delivery::Delivery;
use crate::exchange::entities::{Cause, Contract};
use crate::exchange::{Event, Exchange};
use crate::store::chain_hash;
use crate::types::{AccountKind, Money, OrganizationId, OutOfRange, Source, Window, hex};

/// What is wrong with a bundle, in sentences for people.
pub type Findings = Vec<String>;

/// Checks a bundle, also against rows of the chain that were noted elsewhere.
pub fn check(sealed: &Sealed, anchors: &[Anchor]) -> Findings {
    let mut found = Findings::new();
    let bundle = &sealed.bundle;
    if bundle.version != VERSION {
        found.push(format!("version {} is not known to this program", bundle.version));
        return found;
    }
    if !seal(bundle).is_ok_and(|seal| seal == sealed.seal) {
        found.push("seal: the bundle is not the one that was sealed".to_owned());
    }
    rows(bundle, anchors, &mut found);
    match_made(bundle, &mut found);
    contract(bundle, &mut found);
    chain_of_title(bundle, &mut found);
    if money(bundle, &mut found).is_err() {
        found.push("transfers: they add up to more than there is room for".to_owned());
    }
    found
}

/// Each row gives its hash with the one before it; rows next to each other are linked; noted hashes are met.
fn rows(bundle: &Bundle, anchors: &[Anchor], found: &mut Findings) {
    let mut last: Option<&Row> = None;
    for row in &bundle.rows {
        let at = row.sequence;
        match row.journal() {
            Some((entry, previous)) if chain_hash(&previous, &entry) == entry.hash => {}
            _ => found.push(format!("row {at}: it and the hash before it do not give its hash")),
        }
        if last.is_some_and(|last| last.sequence >= at) {
            found.push(format!("row {at}: not in order"));
        }
        let neighbour = last.filter(|last| last.sequence.checked_add(1) == Some(at));
        if neighbour.is_some_and(|last| last.hash != row.previous_hash) {
            found.push(format!("row {at}: not linked to the row before it"));
        }
        last = Some(row);
    }
    let head = &bundle.head;
    let beyond = |row: &&Row| row.sequence > head.sequence || (row.sequence == head.sequence && row.hash != head.hash);
    if let Some(row) = last.filter(beyond) {
        found.push(format!("row {}: not before the head", row.sequence));
    }
    for anchor in anchors {
        let hash = hex(&anchor.hash);
        let row = bundle.rows.iter().find(|row| row.sequence == anchor.sequence).map(|row| &row.hash);
        let next = bundle.rows.iter().find(|row| row.sequence.checked_sub(1) == Some(anchor.sequence));
        let head = (head.sequence == anchor.sequence).then_some(&head.hash);
        let known = [row, next.map(|row| &row.previous_hash), head];
        if known.iter().flatten().next().is_none() {
            found.push(format!("anchor {}: the bundle has no hash of that row", anchor.sequence));
        } else if known.iter().flatten().any(|known| **known != hash) {
            found.push(format!("anchor {}: the chain is another one", anchor.sequence));
        }
    }
}

/// The command of the trade, executed on the book before it, makes the trade and the contract.
fn match_made(bundle: &Bundle, found: &mut Findings) {
    let Some(row) = bundle.rows.iter().find(|row| row.sequence == bundle.traded_by) else {
        found.push(format!("trade: its row {} is missing", bundle.traded_by));
        return;
    };
    let envelope = row.journal().and_then(|(entry, _)| replay::envelope(&entry).ok());
    let exchange = Exchange::restore(bundle.book.snapshot());
    let (Some(envelope), Ok(mut exchange)) = (envelope, exchange) else {
        found.push("book: it cannot be restored, or the command of the trade cannot be read".to_owned());
        return;
    };
    let exchange: &mut Exchange = &mut exchange;
    let mut events = exchange.execute(&envelope).map(|outcome| outcome.events).unwrap_or_default();
    let concern = Concern { made: &bundle.made, orders: [bundle.trade.ask, bundle.trade.bid] };
    events.retain(|event| concern.event(event));
    let makes = |event: &Event| match event {
        Event::Traded { trade, contract } => **trade == bundle.trade && **contract == bundle.made,
        _ => false,
    };
    if !events.iter().any(makes) {
        found.push("trade: it does not follow from the book before it".to_owned());
    }
    if events != row.events {
        found.push(format!("row {}: it did something else than is said", row.sequence));
    }
}

/// What was frozen at the trade is what stands now, and the parts are about the same things.
fn contract(bundle: &Bundle, found: &mut Findings) {
    let Bundle { made, contract, trade, offer, orders: [ask, bid], .. } = bundle;
    let frozen = Contract {
        source: made.source,
        seller: made.seller,
        depth: made.depth,
        status: made.status,
        ended_at: made.ended_at,
        escrow: made.escrow,
        bond: made.bond,
        last_child: made.last_child,
        novation: if contract.taken_over() == made.taken_over() {
            made.novation.clone()
        } else {
            contract.novation.clone()
        },
        monthly: if contract.funding() == made.funding() { made.monthly } else { contract.monthly },
        ..contract.clone()
    };
    if frozen != *made {
        found.push("contract: its terms are not those it was made with".to_owned());
    }
    if (offer.listing.id, offer.site.id, offer.product.id) != (made.listing, made.site, made.product)
        || (offer.listing.site, offer.listing.product) != (made.site, made.product)
    {
        found.push("offer: not the one the contract was made out of".to_owned());
    }
    if (ask.id, bid.id) != (trade.ask, trade.bid) || (ask.product, bid.product) != (made.product, made.product) {
        found.push("orders: not those that traded".to_owned());
    }
    stands(bundle, found);
}

/// The contract stands as the rows left it.
fn stands(bundle: &Bundle, found: &mut Findings) {
    let Bundle { made, contract, .. } = bundle;
    let (mut status, mut title) = (made.status, (made.seller, made.source));
    for event in bundle.rows.iter().flat_map(|row| &row.events) {
        match event {
            Event::ContractMoved { contract, status: next } if *contract == made.id => status = *next,
            Event::ContractPassed { contract, seller, source } if *contract == made.id => title = (*seller, *source),
            _ => {}
        }
    }
    if status != contract.status {
        found.push("contract: its state is not the one it came to last".to_owned());
    }
    if title != (contract.seller, contract.source) {
        found.push("contract: it was not passed to whoever sells it now".to_owned());
    }
    if usize::from(contract.depth) != bundle.above.len() {
        found.push("chain: not as deep as the contract says".to_owned());
    }
}

/// Each contract was sold out of the one before it, the first one out of the listing.
fn chain_of_title(bundle: &Bundle, found: &mut Findings) {
    let mut source = Source::Listing(bundle.contract.listing);
    for leg in bundle.above.iter().chain([&bundle.contract]) {
        let same = (leg.listing, leg.product) == (bundle.contract.listing, bundle.contract.product);
        // What is taken over stands against the same seller, out of the same source.
        let taken = leg.taken_over().map(|taken| Source::Contract(taken.contract));
        if taken.unwrap_or(leg.source) != source || !same {
            found.push(format!("chain: contract {} was not sold out of what stands before it", leg.id));
        }
        source = Source::Contract(leg.id);
    }
    for leg in &bundle.below {
        if leg.source != source {
            found.push(format!("chain: contract {} was not sold out of it", leg.id));
        }
    }
}

/// What came into the contract's escrow went where it should, and the rest lies there.
fn money(bundle: &Bundle, found: &mut Findings) -> Result<(), OutOfRange> {
    let told = bundle.rows.iter().flat_map(|row| row.events.iter().map(move |event| (row, event)));
    let told: Vec<_> = told
        .filter_map(|(row, event)| match event {
            Event::Transferred { transfer } => Some((row, transfer)),
            _ => None,
        })
        .collect();
    if !told.iter().map(|(_, transfer)| *transfer).eq(&bundle.transfers) {
        found.push("transfers: not those that the rows made".to_owned());
    }
    if let Some((row, transfer)) = told.iter().find(|(row, transfer)| row.at != transfer.created_at) {
        found.push(format!("transfer {}: not made when row {} was", transfer.id, row.sequence));
    }
    let own = || bundle.transfers.iter().filter(|row| row.cause.contract() == Some(bundle.contract.id));
    let mut escrow = Money::ZERO;
    for row in own() {
        if row.credit.kind == AccountKind::Escrow {
            escrow = escrow.plus(row.amount)?;
        }
        if row.debit.kind == AccountKind::Escrow {
            escrow = escrow.minus(row.amount)?;
        }
    }
    if escrow != bundle.contract.escrow {
        found.push("transfers: they do not leave what lies in escrow".to_owned());
    }
    let sum = |wanted: fn(&Cause) -> bool| {
        own().filter(|row| wanted(&row.cause)).map(|row| row.amount).try_fold(Money::ZERO, Money::plus)
    };
    let payments = sum(|cause| matches!(cause, Cause::Payment(_) | Cause::OwnerShare(_) | Cause::Royalty(_)))?;
    let fees = sum(|cause| matches!(cause, Cause::Fee(_)))?;
    if let Some(monthly) = bundle.contract.monthly {
        let Contract { price, gpus, window, .. } = bundle.contract;
        let months = price.cost(gpus, Window::new(window.start, monthly.funded_until).minutes())?;
        let paid = sum(|cause| matches!(cause, Cause::Escrow(_) | Cause::Draw(_)))?;
        if paid != months.plus(bundle.contract.deposit()?)? {
            found.push("funding: what was drawn is not what the months paid for cost".to_owned());
        }
    }
    bond(bundle, found)?;
    let credits = sum(|cause| matches!(cause, Cause::Credit(_)))?;
    let due = payments.plus(fees)?;
    match &bundle.delivery {
        None if due != Money::ZERO || credits != Money::ZERO => {
            found.push("delivery: something was paid for, and there is none".to_owned());
        }
        None => {}
        Some(delivery) => {
            let (worth, share) = delivery.due(bundle.contract.price, bundle.contract.fee_bps)?;
            if due != worth || due != delivery.paid {
                found.push("delivery: what was paid is not what was delivered at the price".to_owned());
            }
            if fees != share || fees != delivery.fee {
                found.push("delivery: the fee is not its share".to_owned());
            }
            if credits != delivery.credited || credits_told(bundle)? != credits_of_legs(bundle, delivery)? {
                found.push("delivery: the credits are not those that were paid, each by who sold then".to_owned());
            }
        }
    }
    Ok(())
}

/// Returns what each seller has paid in credits, as the transfers tell.
fn credits_told(bundle: &Bundle) -> Result<BTreeMap<OrganizationId, Money>, OutOfRange> {
    let paid = bundle.transfers.iter().filter(|row| row.cause == Cause::Credit(bundle.contract.id));
    by_seller(paid.map(|row| (row.debit.organization, row.amount)))
}

/// Returns the same as the legs of the delivery have it.
fn credits_of_legs(bundle: &Bundle, delivery: &Delivery) -> Result<BTreeMap<OrganizationId, Money>, OutOfRange> {
    let present = (bundle.contract.seller, delivery.present_leg()?.credited);
    by_seller(delivery.earlier.iter().map(|row| (row.seller, row.leg.credited)).chain([present]))
}

fn by_seller(
    amounts: impl Iterator<Item = (OrganizationId, Money)>,
) -> Result<BTreeMap<OrganizationId, Money>, OutOfRange> {
    let mut sums: BTreeMap<OrganizationId, Money> = BTreeMap::new();
    for (seller, amount) in amounts.filter(|(_, amount)| !amount.is_zero()) {
        let sum = sums.entry(seller).or_default();
        *sum = sum.plus(amount)?;
    }
    Ok(sums)
}

/// The bond is what came with the trade less what was paid out of it and what went back, and none is left in the end.
fn bond(bundle: &Bundle, found: &mut Findings) -> Result<(), OutOfRange> {
    let Bundle { made, contract, .. } = bundle;
    let is_over = bundle.delivery.as_ref().is_none_or(|delivery| {
        delivery.delivered.saturating_add(delivery.undelivered) >= contract.covered_gpu_minutes()
    });
    if is_over && !contract.status.is_live() && !contract.bond.is_zero() {
        found.push("bond: something is left of it, and nothing that it is for".to_owned());
    }
    let mut left = made.bond;
    for row in bundle.transfers.iter().filter(|row| row.cause.contract() == Some(made.id)) {
        if row.credit.kind == AccountKind::Bond {
            left = left.plus(row.amount)?;
        }
        if row.debit.kind == AccountKind::Bond {
            left = left.minus(row.amount)?;
        }
    }
    // A part of the bond above came with it when it passed or was taken over, and parts of its own went along with what
    // passed from it or was taken over from it: no transfers, and not told by these rows.
    let has_come = bundle.rows.iter().flat_map(|row| &row.events).any(|event| match event {
        Event::ContractPassed { contract, .. } => *contract == made.id,
        _ => false,
    });
    let may_have_gone = contract.ended_at.is_some() || contract.given_up().is_some();
    let is_wrong = if may_have_gone { left < contract.bond } else { left != contract.bond };
    if !has_come && is_wrong {
        found.push("bond: what is left is not what came with the trade less what was paid out of it".to_owned());
    }
    Ok(())
}
