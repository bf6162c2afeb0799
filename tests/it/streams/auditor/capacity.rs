//! Capacity, counted minute by minute.

use gpubourse::exchange::entities::{Contract, Order};
use gpubourse::types::{Side, Source, Window};

use super::super::view::View;
use super::{Rule, Violation, check};

/// No minute to come is sold or offered twice, out of a listing or out of a contract.
pub fn oversold(view: &View) -> Result<(), Violation> {
    for listing in &view.listings {
        one_source(view, Source::Listing(listing.id), listing.window, listing.gpus)?;
    }
    for contract in &view.contracts {
        one_source(view, Source::Contract(contract.id), contract.window, contract.gpus)?;
    }
    Ok(())
}

fn one_source(view: &View, source: Source, window: Window, gpus: u32) -> Result<(), Violation> {
    let sold: Vec<&Contract> = view.contracts.iter().filter(|row| row.source == source).copied().collect();
    let offered: Vec<&Order> = view.orders.iter().filter(|row| row.source == Some(source)).copied().collect();
    let open = window.from_minute(view.first_open());
    let mut used = vec![0u64; usize::try_from(open.minutes()).unwrap()];
    let mut add = |from: Window, gpus: &dyn Fn(u32) -> u32| -> Result<(), Violation> {
        let from = from.from_minute(view.first_open());
        for minute in (from.start.get()..from.end.get()).filter(|minute| gpus(*minute) > 0) {
            let inside = (open.start.get()..open.end.get()).contains(&minute);
            check(inside, Rule::Oversold, || format!("{source:?} is {open:?}, used at minute {minute}"))?;
            used[usize::try_from(minute - open.start.get()).unwrap()] += u64::from(gpus(minute));
        }
        Ok(())
    };
    for contract in sold {
        add(contract.window, &|_| contract.gpus)?;
    }
    for ask in offered {
        let mut free = Vec::new();
        for (piece, sold) in ask.sold.pieces(ask.window) {
            let left = ask.gpus.checked_sub(sold);
            check(left.is_some(), Rule::Oversold, || format!("ask {} sold {sold} of {}", ask.id, ask.gpus))?;
            free.extend((piece.start.get()..piece.end.get()).map(|_| left.unwrap_or(0)));
        }
        let start = ask.window.start.get();
        add(ask.window, &|minute| free[usize::try_from(minute - start).unwrap()])?;
    }
    let most = used.into_iter().max().unwrap_or(0);
    check(most <= u64::from(gpus), Rule::Oversold, || format!("{source:?} has {gpus} GPUs, {most} are used"))
}

/// Every open order can still trade.
pub fn stale(view: &View) -> Result<(), Violation> {
    for order in &view.orders {
        let due = order.expires_at.is_some_and(|at| at <= view.counters.now);
        check(!due, Rule::Stale, || format!("order {} outlived its expiry", order.id))?;
        let alive = match order.side {
            Side::Bid => order.window.start >= view.first_open() && order.filled_gpus < order.gpus,
            Side::Ask => longest_run(order, order.window.from_minute(view.first_open())) >= order.min_minutes.max(1),
        };
        check(alive, Rule::Stale, || format!("order {} can no longer trade: {order:?}", order.id))?;
    }
    Ok(())
}

/// Returns the most minutes in a row with at least a lot free.
pub fn longest_run(ask: &Order, open: Window) -> u32 {
    let (mut longest, mut run) = (0, 0);
    for (piece, sold) in ask.sold.pieces(open) {
        run = if ask.gpus.saturating_sub(sold) >= ask.lot { run + piece.minutes() } else { 0 };
        longest = longest.max(run);
    }
    longest
}

/// Every contract hangs where it was sold: one below its source, sold by whoever holds that, in whole lots.
pub fn chains(view: &View) -> Result<(), Violation> {
    for contract in &view.contracts {
        let above = match contract.source {
            Source::Listing(id) => view.listing(id).map(|row| (row.id, row.organization, 0)),
            Source::Contract(id) => view.contract(id).map(|row| (row.listing, row.buyer, row.depth + 1)),
        };
        let hangs = above == Some((contract.listing, contract.seller, contract.depth));
        let site = view.listing(contract.listing).map(|row| (row.site, row.product));
        let stands = site == Some((contract.site, contract.product));
        let whole = contract.gpus % contract.lot == 0;
        check(hangs && stands && whole, Rule::BrokenChain, || format!("{contract:?} below {above:?}"))?;
    }
    Ok(())
}
