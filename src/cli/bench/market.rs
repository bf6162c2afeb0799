//! The market the load runs in: many organizations, products, listings and resting asks.

use std::sync::Arc;

use clap::Args;
use futures_util::future::join_all;

use super::Scratch;
use super::stream::{AHEAD, ASK_MINUTES_MAX, Buyer, Cast, Dice, Listed, Seller};
use crate::app::clock::SystemClock;
use crate::app::ids::{Ids, OsIds};
use crate::app::ingest::{FEE_BPS, TICK};
use crate::app::{AppError, Receipt, Role, Scope, Side, Submission, Venue};
use crate::auth::{EmailAddress, SecretKind};
use crate::cli::Failure;
use crate::exchange::{Command, Made};
use crate::store::accounts::{ApiKey, User, insert_api_key, insert_user};
use crate::types::{
    Country, Interconnect, Kind, ListingId, Minute, Money, OrganizationId, OrganizationKind, ProductId, PublicId,
    Region, SiteId, SlaClass, Symbol, Timestamp,
};

const PRODUCTS: u32 = 50;
/// Of so many organizations one sells.
const SELLS: u64 = 5;
const LISTINGS_EACH: u64 = 10;
const FUNDS: Money = Money::from_micros(1_000_000_000_000_000);
/// Commands under way at once while the market is set up.
const TOGETHER: usize = 1_000;
/// Users written in one transaction, each with a key.
const USERS_TOGETHER: usize = 200;
/// Resting asks have the numbers from here on, which no measurement reaches.
const RESTING_FROM: u64 = 1 << 40;

/// Who trades in a market, and on what.
#[derive(Debug, Clone, Args)]
pub struct Place {
    /// Organizations, a fifth of which sell.
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u64).range(SELLS..))]
    organizations: u64,
    /// An empty database to use; a temporary SQLite file if not given.
    #[arg(long)]
    database_url: Option<String>,
}

impl Place {
    /// Returns the address of the database, by default one in a folder.
    pub fn url(&self, folder: &Scratch) -> String {
        self.database_url.clone().unwrap_or_else(|| folder.database())
    }

    /// Sets the market up in its database, which must be empty.
    pub async fn open(&self, url: &str, resting: Resting) -> Result<Cast, Failure> {
        println!("setting the market up in {url}");
        let venue = Venue::open(url, Arc::new(SystemClock), Arc::new(OsIds), Vec::new()).await?;
        let cast = fill(&venue, self.organizations, resting).await;
        venue.close();
        Ok(cast?)
    }
}

/// What stands in the books of a market before anything is measured.
#[derive(Debug, Clone, Copy)]
pub enum Resting {
    /// So many asks.
    Asks(u64),
    /// So many orders, asks and bids in turn.
    Both(u64),
}

async fn fill(venue: &Venue, organizations: u64, resting: Resting) -> Result<Cast, AppError> {
    let sellers = organizations / SELLS;
    let now = venue.clock().now().minute();
    let mut cast = Cast { now, ..Cast::default() };
    cast.symbols = (0..PRODUCTS).map(|number| format!("bench-gpu-{number}")).collect();
    let products = cast.symbols.iter().map(|name| product(name)).collect::<Result<Vec<_>, _>>()?;
    run(venue, products).await?;
    cast.sellers = self::sellers(venue, sellers, now).await?;
    cast.buyers = buyers(venue, organizations.saturating_sub(sellers)).await?;
    let (Resting::Asks(count) | Resting::Both(count)) = resting;
    let orders = (RESTING_FROM..RESTING_FROM.saturating_add(count)).filter_map(|number| match resting {
        Resting::Asks(_) => cast.ask(number),
        Resting::Both(_) => cast.resting(number),
    });
    execute(venue, orders.map(|draft| draft.command())).await?;
    Ok(cast)
}

fn product(name: &str) -> Result<Command, AppError> {
    let symbol = Symbol::new(name).ok_or_else(|| broken("symbol"))?;
    Ok(Command::CreateProduct { symbol, name: name.to_owned(), tick: TICK, fee_bps: FEE_BPS })
}

async fn sellers(venue: &Venue, count: u64, now: Minute) -> Result<Vec<Seller>, AppError> {
    let members = members(venue, OrganizationKind::Provider, count).await?;
    let place = (Region::new("us-central1"), Country::new("US"));
    let (Some(region), Some(country)) = place else { return Err(broken("place")) };
    let site = |organization: OrganizationId| Command::CreateSite {
        organization,
        name: format!("site of {organization}"),
        region: region.clone(),
        country: country.clone(),
        power_w: None,
        pue_milli: None,
    };
    let sites = run(venue, members.iter().map(|(organization, _)| site(*organization))).await?;
    let (mut listings, mut products) = (Vec::new(), Vec::new());
    for (number, (receipt, (organization, _))) in (0_u64..).zip(sites.iter().zip(&members)) {
        let Made::Site(site) = receipt.outcome.made else { return Err(broken("site")) };
        let mut dice = Dice::of(number);
        for _ in 0..LISTINGS_EACH {
            let product = dice.below(PRODUCTS);
            products.push(usize::try_from(product).unwrap_or_default());
            listings.push(listing(*organization, site, product, now));
        }
    }
    let mut made = run(venue, listings).await?.into_iter().zip(products);
    let seller = |(organization, key)| {
        let mine = made.by_ref().take(usize::try_from(LISTINGS_EACH).unwrap_or_default());
        let listings = mine.filter_map(|(receipt, product)| match receipt.outcome.made {
            Made::Listing(id) => Some(Listed { id, public: public(receipt.at, id), product }),
            _ => None,
        });
        Seller { organization, key, listings: listings.collect() }
    };
    Ok(members.into_iter().map(seller).collect())
}

async fn buyers(venue: &Venue, count: u64) -> Result<Vec<Buyer>, AppError> {
    let members = members(venue, OrganizationKind::Renter, count).await?;
    let deposit = |organization| Command::Deposit { organization, amount: FUNDS, reference: "bench".to_owned() };
    run(venue, members.iter().map(|(organization, _)| deposit(*organization))).await?;
    Ok(members.into_iter().map(|(organization, key)| Buyer { organization, key }).collect())
}

fn listing(organization: OrganizationId, site: SiteId, product: u32, now: Minute) -> Command {
    Command::CreateListing {
        organization,
        site,
        product: ProductId::new(i64::from(product) + 1),
        gpus: 1_000_000,
        start: now,
        end: now.plus(AHEAD.saturating_add(ASK_MINUTES_MAX).saturating_mul(2)),
        gpus_per_node: 8,
        interconnect: Interconnect::Infiniband,
        sla_class: SlaClass::P99,
        resale_allowed: true,
        rights: crate::exchange::rights::Rights::default(),
    }
}

fn public(created_at: Timestamp, id: ListingId) -> uuid::Uuid {
    PublicId { created_at, kind: Kind::Listing, number: id.number() }.to_uuid()
}

/// Makes organizations, each with a user and an API key.
async fn members(venue: &Venue, kind: OrganizationKind, count: u64) -> Result<Vec<(OrganizationId, String)>, AppError> {
    let register =
        |number: u64| Command::RegisterOrganization { name: format!("{kind} {number}"), organization_kind: kind };
    let made = run(venue, (0..count).map(register)).await?;
    let mut members = Vec::new();
    for receipts in made.chunks(USERS_TOGETHER) {
        let mut rows = Vec::new();
        for receipt in receipts {
            let Made::Organization(organization) = receipt.outcome.made else { return Err(broken("organization")) };
            let (user, key, secret) = member(organization, kind, receipt.at)?;
            rows.push((user, key));
            members.push((organization, secret));
        }
        let side = Side { submission: None, before: None };
        let write = venue.app().sequencer().side(side, move |db, _| {
            rows.iter().try_for_each(|(user, key)| {
                insert_user(db, user)?;
                insert_api_key(db, key)
            })?;
            Ok(())
        });
        write.await?;
    }
    Ok(members)
}

fn member(
    organization: OrganizationId,
    kind: OrganizationKind,
    now: Timestamp,
) -> Result<(User, ApiKey, String), AppError> {
    let ids: &dyn Ids = &OsIds;
    let email = EmailAddress::parse(&format!("{organization}@bench.invalid")).ok_or_else(|| broken("address"))?;
    let user = User {
        id: ids.uuid(now)?,
        organization: Some(organization),
        email,
        // Nobody logs in here: the hash fits no password.
        password_hash: "none".to_owned(),
        role: Role::Member(kind),
        created_at: now,
        disabled: false,
    };
    let minted = SecretKind::ApiKey.mint(ids.random()?);
    let key = ApiKey {
        id: ids.uuid(now)?,
        hash: minted.hash,
        user: user.id,
        organization: Some(organization),
        name: "bench".to_owned(),
        scopes: vec![Scope::Read, Scope::Trade],
        last_four: minted.last_four,
        created_at: now,
        expires_at: None,
        revoked_at: None,
    };
    Ok((user, key, minted.secret.expose().to_owned()))
}

/// Executes commands, many at a time; all must succeed.
async fn run(venue: &Venue, commands: impl IntoIterator<Item = Command>) -> Result<Vec<Receipt>, AppError> {
    let mut receipts = Vec::new();
    together(venue, commands, |receipt| receipts.push(receipt)).await?;
    Ok(receipts)
}

/// As [`run`], of so many that nobody wants to keep what they did.
async fn execute(venue: &Venue, commands: impl IntoIterator<Item = Command>) -> Result<(), AppError> {
    together(venue, commands, drop).await
}

async fn together(
    venue: &Venue,
    commands: impl IntoIterator<Item = Command>,
    mut each: impl FnMut(Receipt),
) -> Result<(), AppError> {
    let mut commands = commands.into_iter().peekable();
    while commands.peek().is_some() {
        let some = commands.by_ref().take(TOGETHER).map(|command| venue.app().sequencer().submit(submission(command)));
        for receipt in join_all(some.collect::<Vec<_>>()).await {
            each(receipt?);
        }
    }
    Ok(())
}

/// Returns a command as the journal records those of the load.
pub fn submission(command: Command) -> Submission {
    Submission { actor: "system".to_owned(), request_id: "bench".to_owned(), idempotency_key: None, command }
}

fn broken(what: &str) -> AppError {
    AppError::Internal(format!("the benchmark could not make a {what}"))
}
