//! A dozen renters and two resellers, seeded: the same seed bids the same over the same book.
//!
//! They go the way of the API: funded by a deposit, they bid through the use cases that its handlers call.
//! The resellers are the story in small: they sign long and early, then sell what they do not need below
//! what they paid.

use uuid::Uuid;

use super::dice::Dice;
use super::scaled;
use crate::app::facade::Caller;
use crate::app::ingest::Ingest;
use crate::app::trading::{NewAsk, NewBid, NewOrder, NewRequirements, OrderStanding};
use crate::app::{AppError, Principal, Role, Venue};
use crate::exchange::entities::Product;
use crate::exchange::{BidWindow, Command, Terms};
use crate::types::{
    ContractId, Funding, Kind, Minute, Money, OrganizationId, OrganizationKind, Price, PublicId, Side, SlaClass, Tier,
    TimeInForce, Timestamp,
};

const HOUR: u32 = 60;
const DAY: u32 = 24 * HOUR;
const RENTERS: u32 = 12;
const BIDS_EACH: u32 = 5;
const FUNDS: Money = Money::from_micros(250_000_000_000);
const RESELLERS: [&str; 2] = ["Reseller 01", "Reseller 02"];

/// A product with what it asks at least.
struct Offered {
    product: Product,
    best: Price,
}

/// Lets the resellers buy and resell, and the renters bid.
pub(super) async fn play(venue: &Venue, seed: u64) -> Result<(), AppError> {
    let mut dice = Dice::new(seed);
    let ingest = venue.ingest("system");
    for name in RESELLERS {
        let caller = enter(&ingest, name, OrganizationKind::Reseller).await?;
        resell(venue, &caller, name).await?;
    }
    for number in 1..=RENTERS {
        let name = format!("Renter {number:02}");
        let caller = enter(&ingest, &name, OrganizationKind::Renter).await?;
        for bid in 1..=BIDS_EACH {
            place_bid(venue, &caller, &format!("demo-{number}-{bid}"), &mut dice).await?;
        }
    }
    Ok(())
}

/// Makes an organization, funds it, and returns it as the API would know it.
async fn enter(ingest: &Ingest, name: &str, kind: OrganizationKind) -> Result<Caller, AppError> {
    let register = Command::RegisterOrganization { name: name.to_owned(), organization_kind: kind };
    let (number, _) = ingest.once(format!("demo:organization:{name}"), register).await?;
    let organization = OrganizationId::new(number);
    let reference = "demo funds".to_owned();
    ingest.once(format!("demo:deposit:{name}"), Command::Deposit { organization, amount: FUNDS, reference }).await?;
    let role = Role::Member(kind);
    let principal = Principal {
        user: Uuid::nil(),
        key: None,
        organization: Some(organization),
        role,
        scopes: role.scopes().to_vec(),
    };
    Ok(Caller { principal, request_id: "demo".to_owned() })
}

/// Places one bid; what the exchange refuses is part of the show and not an error.
async fn place_bid(venue: &Venue, caller: &Caller, name: &str, dice: &mut Dice) -> Result<(), AppError> {
    let offered = offered(venue);
    // Every second bid is for an H100: that is the market people ask about.
    let h100: Vec<&Offered> = offered.iter().filter(|row| row.product.symbol.as_str().starts_with("h100")).collect();
    let all: Vec<&Offered> = offered.iter().collect();
    let choice = if dice.below(2) == 0 && !h100.is_empty() { &h100 } else { &all };
    let Some(first) = choice.first() else { return Ok(()) };
    let target = dice.pick(choice, first);
    let start = first_full_hour(venue).plus(dice.below(72).saturating_mul(HOUR));
    let minutes = dice.pick(&[4 * HOUR, 8 * HOUR, DAY, 3 * DAY, 7 * DAY], DAY);
    let percent = dice.pick(&[85, 95, 105, 115, 140], 100);
    let bid = NewBid {
        product: target.product.symbol.to_string(),
        gpus: dice.pick(&[1, 2, 4, 8, 8], 1),
        window: BidWindow::Fixed { start, end: start.plus(minutes) },
        price: scaled(target.best, percent, target.product.tick)?,
        lot: 1,
        requirements: anything(),
        same_site: false,
        cover: None,
        funding: Funding::Full,
        terms: Terms {
            time_in_force: dice.pick(&[TimeInForce::Gtc, TimeInForce::Gtc, TimeInForce::Ioc], TimeInForce::Gtc),
            client_order_id: Some(name.to_owned()),
            ..Terms::default()
        },
    };
    place(venue, caller, NewOrder::Bid(bid)).await.map(drop)
}

/// Buys H100s for four weeks at any price near the best, then offers most of them for less.
async fn resell(venue: &Venue, caller: &Caller, name: &str) -> Result<(), AppError> {
    let offered = offered(venue);
    let Some(h100) = offered.iter().find(|row| row.product.symbol.as_str() == "h100-sxm-80gb") else { return Ok(()) };
    let start = first_full_hour(venue).plus(2 * HOUR);
    let bid = NewBid {
        product: h100.product.symbol.to_string(),
        gpus: 16,
        window: BidWindow::Fixed { start, end: start.plus(28 * DAY) },
        price: scaled(h100.best, 250, h100.product.tick)?,
        lot: 1,
        requirements: anything(),
        same_site: false,
        cover: None,
        funding: Funding::Full,
        terms: Terms { client_order_id: Some(format!("demo-{name}").replace(' ', "-")), ..Terms::default() },
    };
    let Some(bought) = place(venue, caller, NewOrder::Bid(bid)).await? else { return Ok(()) };
    for fill in &bought.fills {
        let price = scaled(fill.price, 80, h100.product.tick)?;
        let source = PublicId { created_at: fill.created_at, kind: Kind::Contract, number: fill.contract.number() };
        let ask = resale(source, fill.contract, fill.gpus, price);
        place(venue, caller, NewOrder::Ask(ask)).await?;
    }
    Ok(())
}

fn resale(source: PublicId, contract: ContractId, gpus: u32, price: Price) -> NewAsk {
    let client_order_id = Some(format!("demo-resale-{contract}"));
    NewAsk {
        source,
        gpus,
        start: None,
        end: None,
        price,
        lot: None,
        min_minutes: None,
        lead_minutes: 0,
        terms: Terms { client_order_id, ..Terms::default() },
    }
}

async fn place(venue: &Venue, caller: &Caller, order: NewOrder) -> Result<Option<OrderStanding>, AppError> {
    match venue.app().place_order(caller, order).await {
        Ok(accepted) => Ok(Some(accepted.value)),
        Err(AppError::Reject(reject)) => {
            tracing::info!(code = reject.code(), "a demo order was refused");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Returns every product with open asks, and the best of them.
fn offered(venue: &Venue) -> Vec<Offered> {
    venue.live().read(|view| {
        let products = view.products.values();
        let best = |product: &Product| view.side(product.id, Side::Ask).map(|ask| ask.price).min();
        products.filter_map(|product| best(product).map(|best| Offered { product: product.clone(), best })).collect()
    })
}

fn anything() -> NewRequirements {
    NewRequirements {
        regions: Vec::new(),
        countries: Vec::new(),
        interconnects: Vec::new(),
        sites: Vec::new(),
        min_sla_class: SlaClass::None,
        primary_only: false,
        min_tier: Tier::Unverified,
        min_score_bps: None,
    }
}

fn first_full_hour(venue: &Venue) -> Minute {
    let now: Timestamp = venue.clock().now();
    let minute = now.minute().get();
    Minute::new(minute.saturating_sub(minute.checked_rem(HOUR).unwrap_or_default())).plus(2 * HOUR)
}
