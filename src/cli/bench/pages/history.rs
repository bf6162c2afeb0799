//! Makes a history: its days, its fixes, and what of it is asked for afterwards.

use std::sync::Arc;
use std::time::Instant;

use uuid::Uuid;

use super::desk::Desk;
use super::known::{Known, Member};
use super::plan::{DAY_MS, Plan, Size};
use super::roll::Roll;
use super::scene::{LISTED_EVERY_DAYS, Scene};
use super::traders::{Traders, Turn};
use crate::app::clock::ManualClock;
use crate::app::ids::OsIds;
use crate::app::{AppError, Venue};
use crate::cli::Failure;
use crate::types::{Kind, OrganizationId, PublicId, Timestamp};

/// Days after which a person is told how far it is.
const TOLD_EVERY_DAYS: u32 = 50;
const MINUTE_MS: i64 = 60_000;

/// Makes a history in an empty database.
pub(super) async fn make(url: &str, plan: &Plan) -> Result<Known, Failure> {
    let Size { trades, orders, days, organizations } = plan.size;
    println!(
        "making {trades} trades in {days} days and {orders} open orders, of {organizations} organizations, in {url}"
    );
    let mut desk = Desk::open(url, plan.first())?;
    let mut roll = Roll::new();
    let mut scene = Scene::make(&mut desk, plan)?;
    walk(&mut desk, &mut roll, &mut scene, plan)?;
    let known = known(&desk, &scene, plan);
    desk.close()?;
    publish(url, plan.until).await?;
    known
}

fn walk(desk: &mut Desk, roll: &mut Roll, scene: &mut Scene, plan: &Plan) -> Result<(), Failure> {
    let mut traders = Traders::default();
    let turns = plan.turns();
    let (began, mut number) = (Instant::now(), 0_u64);
    for day in 0..plan.size.days {
        if day.is_multiple_of(LISTED_EVERY_DAYS) {
            desk.advance(plan.day(day))?;
            scene.list(desk, roll, plan.day(day))?;
        }
        let apart = DAY_MS.div_euclid(turns.into());
        for turn in 0..turns {
            let minutes = roll.between(1, u32::try_from(apart / MINUTE_MS / 2).unwrap_or(1));
            let within =
                i64::from(turn).saturating_mul(apart).saturating_add(i64::from(minutes).saturating_mul(MINUTE_MS));
            desk.advance(plan.day(day).plus_millis(within))?;
            traders.act(desk, roll, &Turn { plan, scene, day, number })?;
            number = number.saturating_add(1);
        }
        if day.saturating_add(1).is_multiple_of(TOLD_EVERY_DAYS) {
            println!(
                "  day {}: {} trades, {} commands, {:.0?}",
                day.saturating_add(1),
                desk.trades,
                desk.commands,
                began.elapsed()
            );
        }
    }
    Ok(())
}

/// Publishes the fixes of all days, as a server does that finds none.
async fn publish(url: &str, until: Timestamp) -> Result<(), Failure> {
    let began = Instant::now();
    let venue = Venue::open(url, Arc::new(ManualClock::at(until)), Arc::new(OsIds), Vec::new()).await?;
    let opened = began.elapsed();
    let published: Result<usize, AppError> = venue.app().publish_fixes().await;
    venue.close();
    println!(
        "{} fixes of the index published in {:.0?}, the database opened in {opened:.1?}",
        published?,
        began.elapsed()
    );
    Ok(())
}

fn known(desk: &Desk, scene: &Scene, plan: &Plan) -> Result<Known, Failure> {
    let missing = |what: &str| Failure::new(format!("the history has no {what}; it is too small"));
    let id = |kind, number, created_at: Timestamp| PublicId { created_at, kind, number }.to_uuid();
    let member = |organization: Option<&OrganizationId>| -> Result<Member, Failure> {
        let number = organization.ok_or_else(|| missing("organization"))?.number();
        Ok(Member { number, id: id(Kind::Organization, number, plan.first()) })
    };
    let contract: Uuid = match &desk.resold {
        Some(contract) => id(Kind::Contract, contract.id.number(), contract.created_at),
        None => return Err(missing("resale")),
    };
    let listing = scene.first_listing().ok_or_else(|| missing("listing"))?;
    Ok(Known {
        size: plan.size,
        symbols: scene.symbols.iter().map(|symbol| symbol.to_string()).collect(),
        provider: member(scene.providers.first())?,
        reseller: member(scene.resellers.first())?,
        renter: member(scene.renters.first())?,
        renters: u32::try_from(scene.renters.len()).unwrap_or(1),
        listing: id(Kind::Listing, listing.number(), scene.listed_at),
        contract,
    })
}
