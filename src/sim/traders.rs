//! What traders and the admin ask for: steered by what anybody can see, so that orders meet and run out.

use std::sync::Arc;

use super::fold::Fold;
use super::hosts;
use super::rng::Rng;
use super::setup::{self, ORGANIZATIONS, PRODUCTS, TICK_MICROS};
use crate::exchange::entities::{Contract, Order};
use crate::exchange::{AmendOrder, BidWindow, Command, PlaceAsk, PlaceBid, Requirements, Terms};
use crate::types::{
    ContractId, ContractStatus, Fault, Funding, Minute, Money, OrganizationId, Price, ProductId, SelfTrade, Side,
    SlaClass, Source, TimeInForce, Window,
};

/// Orders that may rest at once.
const OPEN_ORDERS_MAX: usize = 36;
/// Listings that should have hours left to sell.
const LISTINGS_MIN: usize = 4;
/// In a thousand requests, how many are about deliveries where there are terms.
const DELIVERIES: u32 = 450;

/// Returns who asks for what next.
pub(super) fn errand(rng: &mut Rng, fold: &Fold) -> (String, Command) {
    let command = command(rng, fold);
    let actor = match &command {
        Command::PlaceAsk(ask) => ask.organization,
        Command::PlaceBid(bid) => bid.organization,
        Command::AmendOrder(amend) => amend.organization,
        Command::CreateListing { organization, .. }
        | Command::CancelOrder { organization, .. }
        | Command::DeclareReady { organization, .. }
        | Command::DeliverAccess { organization, .. }
        | Command::AcceptDelivery { organization, .. }
        | Command::Meter { organization, .. }
        | Command::CancelAll { organization, .. } => *organization,
        _ => OrganizationId::EXCHANGE,
    };
    (format!("user:{actor}"), command)
}

fn command(rng: &mut Rng, fold: &Fold) -> Command {
    if let Some(command) = calm_down(rng, fold) {
        return command;
    }
    if !fold.terms.is_empty()
        && rng.chance(DELIVERIES)
        && let Some(command) = hosts::errand(rng, fold)
    {
        return command;
    }
    let chosen = match rng.below(1_000) {
        0..230 => ask_from_listing(rng, fold),
        230..400 => ask_from_contract(rng, fold),
        400..760 => bid(rng, fold),
        760..850 => amend(rng, fold),
        850..900 => cancel(rng, fold),
        900..905 => Some(cancel_all(rng)),
        905..925 => Some(Command::HaltProduct { product: product(rng), halted: true }),
        925..930 => Some(Command::SuspendOrganization { organization: organization(rng), suspended: true }),
        930..945 => Some(list(rng, fold)),
        945..955 => lower(rng, fold),
        955..970 => end_contract(rng, fold),
        _ => Some(wallet(rng)),
    };
    chosen.or_else(|| bid(rng, fold)).unwrap_or_else(|| wallet(rng))
}

/// Ends halts and suspensions before long, and keeps something to sell.
fn calm_down(rng: &mut Rng, fold: &Fold) -> Option<Command> {
    if let Some(row) = fold.products.values().find(|row| row.halted)
        && rng.chance(150)
    {
        return Some(Command::HaltProduct { product: row.id, halted: false });
    }
    if let Some(row) = fold.organizations.values().find(|row| row.suspended)
        && rng.chance(200)
    {
        return Some(Command::SuspendOrganization { organization: row.id, suspended: false });
    }
    if fold.orders.len() >= OPEN_ORDERS_MAX {
        return cancel(rng, fold);
    }
    let until = first_open(fold).plus(60);
    let live = fold.listings.values().filter(|row| row.window.end > until).count();
    (live < LISTINGS_MIN && rng.chance(500)).then(|| list(rng, fold))
}

fn first_open(fold: &Fold) -> Minute {
    // A request takes a while to arrive.
    fold.counters.now.first_open_minute().plus(2)
}

fn organization(rng: &mut Rng) -> OrganizationId {
    let last = u32::try_from(ORGANIZATIONS).unwrap_or(1);
    OrganizationId::new(i64::from(rng.between(1, last)))
}

fn product(rng: &mut Rng) -> ProductId {
    let last = u32::try_from(PRODUCTS).unwrap_or(1);
    ProductId::new(i64::from(rng.between(1, last)))
}

fn price(rng: &mut Rng, first_tick: u32, last_tick: u32) -> Price {
    Price::from_micros(i64::from(rng.between(first_tick, last_tick)).saturating_mul(TICK_MICROS))
}

/// Returns a window inside the given one, most often all of it.
fn inside(rng: &mut Rng, whole: Window) -> Window {
    let minutes = whole.minutes();
    if minutes < 2 || rng.chance(400) {
        return whole;
    }
    let length = rng.between(1, minutes);
    let start = whole.start.plus(rng.below(minutes.saturating_sub(length).saturating_add(1)));
    Window::new(start, start.plus(length))
}

/// Returns a multiple of the lot, at most `most` where that is possible.
fn part_of(rng: &mut Rng, most: u32, lot: u32) -> u32 {
    let lots = most.checked_div(lot).unwrap_or(0).min(4);
    lot.saturating_mul(rng.between(1, lots.max(1)))
}

fn list(rng: &mut Rng, fold: &Fold) -> Command {
    let (number, product) = (i64::from(rng.below(100)), product(rng).number());
    setup::listing(rng, number, product, first_open(fold))
}

fn lower(rng: &mut Rng, fold: &Fold) -> Option<Command> {
    let rows: Vec<_> = fold.listings.values().filter(|row| row.window.end > first_open(fold)).collect();
    let row = rng.pick(&rows)?;
    let (organization, listing) = (row.organization, row.id);
    let (mut gpus, mut start, mut end) = (None, None, None);
    match rng.below(3) {
        0 => gpus = Some(rng.between(1, row.gpus)),
        1 => start = Some(row.window.start.plus(rng.between(1, 30))),
        _ => end = Some(row.window.end.minus(rng.between(1, 30))),
    }
    Some(Command::AmendListing { organization, listing, gpus, start, end })
}

/// Prefers contracts that were resold.
fn end_contract(rng: &mut Rng, fold: &Fold) -> Option<Command> {
    let resold: Vec<ContractId> = fold
        .contracts
        .values()
        .filter_map(|row| match row.source {
            Source::Contract(above) => Some(above),
            Source::Listing(_) => None,
        })
        .collect();
    let resold = rng.pick(&resold).filter(|_| rng.chance(600));
    let contract = resold.or_else(|| fold.contracts.keys().nth(rng.place(fold.contracts.len())).copied())?;
    let ways = [
        (ContractStatus::Terminated, Some(Fault::Buyer)),
        (ContractStatus::Defaulted, Some(Fault::Seller)),
        (ContractStatus::Recalled, None),
    ];
    let (status, fault) = rng.pick(&ways)?;
    Some(Command::EndContract { contract, status, fault, reason: "notice given".to_owned() })
}

fn ask_from_listing(rng: &mut Rng, fold: &Fold) -> Option<Command> {
    let first_open = first_open(fold);
    let rows: Vec<_> = fold.listings.values().filter(|row| row.window.end > first_open.plus(5)).collect();
    let listing = rng.pick(&rows)?;
    let window = inside(rng, listing.window.from_minute(first_open));
    let source = Source::Listing(listing.id);
    let lot = rng.pick_or(&[1, 1, 2, 4], 1);
    let (gpus, price) = (free(rng, fold, source, window, (listing.gpus, lot)), price(rng, 12, 30));
    let min_minutes = rng.pick_or(&[None, None, Some(10)], None);
    let lead_minutes = rng.pick_or(&[0, 0, 0, 5], 0);
    let ask = ask(rng, fold, (listing.organization, source), (gpus, window, price));
    Some(Command::PlaceAsk(PlaceAsk { lot: Some(lot), min_minutes, lead_minutes, ..ask }))
}

/// Resells, most often below cost.
fn ask_from_contract(rng: &mut Rng, fold: &Fold) -> Option<Command> {
    let first_open = first_open(fold);
    let rows: Vec<&Arc<Contract>> = fold.contracts.values().filter(|row| row.window.end > first_open).collect();
    let contract = rng.pick(&rows)?;
    let window = inside(rng, contract.window.from_minute(first_open));
    let source = Source::Contract(contract.id);
    let gpus = free(rng, fold, source, window, (contract.gpus, contract.lot));
    let price = price(rng, 5, 14);
    Some(Command::PlaceAsk(ask(rng, fold, (contract.buyer, source), (gpus, window, price))))
}

/// Returns some of the GPUs that are free; now and then more than there are.
fn free(rng: &mut Rng, fold: &Fold, source: Source, window: Window, (gpus, lot): (u32, u32)) -> u32 {
    let free = gpus.saturating_sub(fold.used(source).max_over(window));
    if rng.chance(60) { free.saturating_add(lot) } else { part_of(rng, free, lot) }
}

fn ask(
    rng: &mut Rng,
    fold: &Fold,
    (organization, source): (OrganizationId, Source),
    (gpus, window, price): (u32, Window, Price),
) -> PlaceAsk {
    PlaceAsk { terms: terms(rng, fold, Side::Ask), ..PlaceAsk::plain(organization, source, gpus, window, price) }
}

/// Most often bids for something that is on offer, cheap things first.
fn bid(rng: &mut Rng, fold: &Fold) -> Option<Command> {
    let first_open = first_open(fold);
    let asks: Vec<&Arc<Order>> =
        fold.orders.values().filter(|row| row.side == Side::Ask && row.window.end > first_open).collect();
    let cheapest = asks.iter().min_by_key(|ask| (ask.price, ask.sequence)).copied();
    let target = if rng.chance(350) { cheapest } else { rng.pick(&asks) };
    let target = target.filter(|_| rng.chance(850));
    let whole = target.map(|ask| ask.window.from_minute(first_open));
    let start = first_open.plus(rng.below(90));
    let window = whole.unwrap_or(Window::new(start, start.plus(rng.between(10, 120))));
    let window = inside(rng, window);
    let lot = rng.pick_or(&[1, 1, 1, 2, 4], 1);
    let most = target.map_or(8, |ask| ask.free_over(window).saturating_add(rng.below(6)));
    let price = match target {
        Some(ask) if rng.chance(800) => {
            Price::from_micros(ask.price.micros().saturating_add(i64::from(rng.below(3)).saturating_mul(TICK_MICROS)))
        }
        _ => price(rng, 4, 20),
    };
    let organization = match target {
        Some(ask) if rng.chance(100) => ask.organization,
        _ => organization(rng),
    };
    let at_once = rng.chance(50).then_some(BidWindow::AtOnce { minutes: rng.between(5, 60) });
    Some(Command::PlaceBid(PlaceBid {
        organization,
        product: target.map_or_else(|| product(rng), |ask| ask.product),
        gpus: part_of(rng, most, lot),
        window: at_once.unwrap_or(BidWindow::Fixed { start: window.start, end: window.end }),
        price,
        lot,
        requirements: requirements(rng),
        same_site: false,
        cover: None,
        funding: Funding::Full,
        terms: terms(rng, fold, Side::Bid),
    }))
}

fn requirements(rng: &mut Rng) -> Requirements {
    let mut asked = Requirements::default();
    if rng.chance(120) {
        asked.regions.push("us-east".to_owned());
    }
    if rng.chance(80) {
        asked.min_sla_class = SlaClass::P98;
    }
    asked.primary_only = rng.chance(80);
    asked
}

fn terms(rng: &mut Rng, fold: &Fold, side: Side) -> Terms {
    let time_in_force = match (rng.below(100), side) {
        (0..18, _) => TimeInForce::Gtd,
        (18..26, _) => TimeInForce::Ioc,
        (26..36, Side::Bid) => TimeInForce::Fok,
        _ => TimeInForce::Gtc,
    };
    let rests = matches!(time_in_force, TimeInForce::Gtc | TimeInForce::Gtd);
    let expires = fold.counters.now.plus_millis(i64::from(rng.between(60_000, 1_800_000)));
    let modes = [SelfTrade::CancelNewest, SelfTrade::CancelOldest, SelfTrade::CancelBoth];
    Terms {
        time_in_force,
        expires_at: (time_in_force == TimeInForce::Gtd).then_some(expires),
        post_only: rests && rng.chance(40),
        self_trade: if rng.chance(300) { rng.pick_or(&modes, SelfTrade::Skip) } else { SelfTrade::Skip },
        client_order_id: None,
    }
}

fn open_order(rng: &mut Rng, fold: &Fold) -> Option<Arc<Order>> {
    fold.orders.values().nth(rng.place(fold.orders.len())).cloned()
}

fn amend(rng: &mut Rng, fold: &Fold) -> Option<Command> {
    let order = open_order(rng, fold)?;
    let mut amend = AmendOrder::unchanged(order.organization, order.id);
    match rng.below(5) {
        0 => amend.price = Some(price(rng, 8, 25)),
        1 => amend.gpus = Some(order.gpus.saturating_add(order.lot)),
        2 => amend.gpus = Some(order.gpus.saturating_sub(order.lot)),
        3 if order.side == Side::Ask => {
            let window = inside(rng, order.window.from_minute(first_open(fold)));
            (amend.start, amend.end) = (Some(window.start), Some(window.end));
        }
        3 => amend.end = Some(order.window.end.plus(rng.between(1, 20))),
        _ => {
            amend.price = Some(price(rng, 5, 20));
            amend.lot = Some(1);
        }
    }
    Some(Command::AmendOrder(amend))
}

fn cancel(rng: &mut Rng, fold: &Fold) -> Option<Command> {
    let order = open_order(rng, fold)?;
    Some(Command::CancelOrder { organization: order.organization, order: order.id })
}

fn cancel_all(rng: &mut Rng) -> Command {
    Command::CancelAll {
        organization: organization(rng),
        product: rng.chance(500).then(|| product(rng)),
        side: rng.pick_or(&[None, Some(Side::Ask), Some(Side::Bid)], None),
    }
}

fn wallet(rng: &mut Rng) -> Command {
    let organization = organization(rng);
    let amount = Money::from_micros(i64::from(rng.between(1, 60)).saturating_mul(1_000_000));
    if rng.chance(600) {
        Command::Deposit { organization, amount, reference: "wire".to_owned() }
    } else {
        Command::Withdraw { organization, amount, reference: "wire".to_owned() }
    }
}
