//! `/v1/contracts` and chains of title.

use actix_web::web::Data;
use serde::Serialize;
use utoipa::ToSchema;

use super::order_answer::Free;
use super::products::PageQuery;
use crate::api::Api;
use crate::api::answer::{Answer, Reply};
use crate::api::extract::{PathId, Query};
use crate::api::page::{self, Page};
use crate::api::problem::Problem;
use crate::api::wire::{DeliveryTime, Id, Instant, Usd, UsdPerHour};
use crate::app::View;
use crate::app::contracts::Leg;
use crate::app::facade::{App, Caller};
use crate::app::face::{Faces, Mentioned};
use crate::app::former::{Left, LeftBy, Seen};
use crate::exchange::entities::Contract;
use crate::types::{ContractStatus, Funding, Kind, OrganizationId, Price, PublicId, Source, Steps};

/// GPUs held by a buyer over a window, under frozen terms.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Contract)]
pub struct ContractAnswer {
    /// Its id.
    pub id: Id,
    /// The trade that created it.
    pub trade_id: Id,
    /// Where it stands.
    pub status: ContractStatus,
    /// What is delivered.
    #[schema(example = "h100-sxm-80gb")]
    pub product: String,
    /// Where.
    pub site_id: Id,
    /// The listing its chain of title begins with.
    pub listing_id: Id,
    /// The contract it was resold out of.
    pub parent_id: Option<Id>,
    /// Contracts above it in the chain.
    pub depth: u8,
    /// Who sells.
    pub seller: Party,
    /// Who holds the GPUs.
    pub buyer: Party,
    /// How many GPUs.
    pub gpus: u32,
    /// From.
    pub start: DeliveryTime,
    /// To.
    pub end: DeliveryTime,
    /// At what price.
    pub price: UsdPerHour,
    /// Resales come in multiples of it.
    pub lot: u32,
    /// The shortest resale.
    pub min_minutes: u32,
    /// The exchange's fee on the seller's side, in basis points.
    pub fee_bps: u32,
    /// What lies in the buyer's escrow for it; absent where the caller has left it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub escrow: Option<Usd>,
    /// How it is paid for.
    pub funding: Funding,
    /// How far it is paid for, if that is done by the month.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub monthly: Option<MonthlyAnswer>,
    /// What lies on the seller's bond account for it; absent where the caller has left it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bond: Option<Usd>,
    /// When it was made.
    pub created_at: Instant,
    /// The first minute it no longer covers, if it ended early.
    pub ended_at: Option<DeliveryTime>,
    /// Whom its buyer took it over from, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub taken_over: Option<TakenOverAnswer>,
    /// GPUs that others took over from its buyer: it covers the rest.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub given_up: Vec<Free>,
    /// How the caller left it, if it sold it once and no longer does. Then everything else is its own leg: itself as the
    /// seller, whom it sold to, out of what and at what price; of what came later only the status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left: Option<LeftAnswer>,
}

/// How a seller left a contract.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Left)]
pub struct LeftAnswer {
    /// When.
    pub at: Instant,
    /// `taken_over`: the buyer took over what the seller held; `passed`: what the seller held ended by its doing, and the
    /// contract passed to the seller above.
    #[schema(example = "taken_over")]
    pub reason: &'static str,
    /// What it gained a GPU-hour over what it paid itself, negative at a loss.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gain: Option<UsdPerHour>,
    /// What came of it in the seller's time, as of the last settlement; absent where nothing was to be delivered in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub money: Option<LeftMoney>,
}

/// What came of a contract in the time of somebody who sold it before.
#[derive(Debug, Serialize, ToSchema)]
pub struct LeftMoney {
    /// GPU-minutes closed as delivered.
    pub delivered_gpu_minutes: u64,
    /// What fell due for them and left escrow.
    pub paid: Usd,
    /// The exchange's fee in it.
    pub fee: Usd,
    /// Credits that the seller paid.
    pub credited: Usd,
    /// Credits that it could not pay yet, and still owes.
    pub owed: Usd,
}

/// Whom a contract was taken over from.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TakenOver)]
pub struct TakenOverAnswer {
    /// The contract it was a part of.
    pub contract_id: Id,
    /// Who held it and left.
    pub seller: Party,
    /// What the buyer paid for the position; the contract's price is what it pays for what is delivered.
    pub price: UsdPerHour,
}

/// How far a contract under monthly funding is paid for. A month is 30 days from its start.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Monthly)]
pub struct MonthlyAnswer {
    /// Months paid for; the last may be shorter.
    pub months_funded: u32,
    /// The first minute that is not paid for yet.
    pub funded_until: DeliveryTime,
    /// What lies in escrow beside the months, goes to the seller if a draw is missed, and else comes back at the end.
    pub deposit: Usd,
    /// The next draw; null once all of the contract is paid for, and when it has ended.
    pub next_draw: Option<DrawAnswer>,
}

/// What is to be drawn for the next month.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Draw)]
pub struct DrawAnswer {
    /// When it is due: from then on it is tried every hour until it is made.
    pub at: DeliveryTime,
    /// When it is tried last: if the buyer cannot pay it then, the contract ends.
    pub until: DeliveryTime,
    /// How much.
    pub amount: Usd,
}

/// One side of a contract.
#[derive(Debug, Serialize, ToSchema)]
pub struct Party {
    /// Which organization.
    pub organization_id: Id,
    /// Its name.
    pub name: String,
}

/// The chain of title of a contract.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChainAnswer {
    /// The listing it begins with.
    pub listing_id: Id,
    /// From the first sale out of the listing to the contract itself.
    pub legs: Vec<LegAnswer>,
    /// Resales out of the contract, and out of those, that the caller may see.
    pub resales: Vec<ContractAnswer>,
}

/// One leg of a chain of title.
#[derive(Debug, Serialize, ToSchema)]
pub struct LegAnswer {
    /// Contracts above it in the chain.
    pub depth: u8,
    /// Since when somebody holds the GPUs under it.
    pub held_since: Instant,
    /// Where it stands.
    pub status: ContractStatus,
    /// What its seller gains a GPU-hour over what it pays itself, negative at a loss; for those who may see both legs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gain: Option<UsdPerHour>,
    /// The contract; absent where the caller is no party of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contract: Option<ContractAnswer>,
}

/// Lists the caller's contracts.
pub async fn list(
    api: Data<Api>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> Reply<Answer<Page<ContractAnswer>>> {
    let slice = page::slice(query.limit, query.cursor.as_deref())?;
    let (rows, mentioned) = api.app.contracts(&caller, slice).await?;
    let shown = Page::of(rows, |row| show_seen(&api.app, &row, &mentioned));
    Ok(Answer(shown.transpose()?))
}

/// Lists all contracts.
pub async fn list_all(
    api: Data<Api>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> Reply<Answer<Page<ContractAnswer>>> {
    let slice = page::slice(query.limit, query.cursor.as_deref())?;
    let (rows, mentioned) = api.app.all_contracts(&caller, slice).await?;
    let shown = Page::of(rows, |row| show(&api.app, &row, &mentioned));
    Ok(Answer(shown.transpose()?))
}

/// Shows one of the caller's contracts, those that it once sold included.
pub async fn get(api: Data<Api>, caller: Caller, id: PathId) -> Reply<Answer<ContractAnswer>> {
    let standing = api.app.contract(&caller, id.0).await?;
    Ok(Answer(show_seen(&api.app, &standing.seen, &standing.mentioned)?))
}

/// Shows the chain of title of one of the caller's contracts.
pub async fn chain(api: Data<Api>, caller: Caller, id: PathId) -> Reply<Answer<ChainAnswer>> {
    let chain = api.app.chain(&caller, id.0).await?;
    let listing = chain.legs.last().map(|leg| leg.contract.listing).ok_or_else(|| Problem::of("not_found"))?;
    let listing_id = api.app.live().read(|view| Faces::new(view, &chain.mentioned).listing(listing))?.into();
    let above = std::iter::once(None).chain(chain.legs.iter().map(Some));
    let legs = chain.legs.iter().zip(above).map(|(leg, above)| show_leg(&api.app, (leg, above), &chain.mentioned));
    let legs = legs.collect::<Result<_, _>>()?;
    let resales = chain.resales.iter().map(|row| show(&api.app, row, &chain.mentioned)).collect::<Result<_, _>>()?;
    Ok(Answer(ChainAnswer { listing_id, legs, resales }))
}

fn show_leg(app: &App, (leg, above): (&Leg, Option<&Leg>), mentioned: &Mentioned) -> Result<LegAnswer, Problem> {
    let contract = leg.seen.as_ref().map(|seen| show_seen(app, seen, mentioned)).transpose()?;
    let Contract { depth, created_at, status, .. } = leg.contract;
    let above = above.filter(|above| above.seen.is_some() && leg.seen.is_some());
    let gain = |above: &Leg| leg.contract.bought_at().micros().saturating_sub(above.contract.bought_at().micros());
    let gain = above.map(gain);
    let gain = gain.map(|micros| UsdPerHour(Price::from_micros(micros)));
    Ok(LegAnswer { depth, held_since: Instant(created_at), status, gain, contract })
}

fn show_seen(app: &App, seen: &Seen, mentioned: &Mentioned) -> Result<ContractAnswer, Problem> {
    let shown = show(app, &seen.contract, mentioned)?;
    Ok(match seen.left {
        None => shown,
        Some(left) => ContractAnswer { escrow: None, bond: None, monthly: None, left: Some(show_left(left)), ..shown },
    })
}

fn show_left(left: Left) -> LeftAnswer {
    let reason = match left.by {
        LeftBy::Takeover => "taken_over",
        LeftBy::Pass => "passed",
    };
    let money = left.leg.map(|leg| LeftMoney {
        delivered_gpu_minutes: leg.delivered,
        paid: Usd(leg.paid),
        fee: Usd(leg.fee),
        credited: Usd(leg.credited),
        owed: Usd(leg.owed),
    });
    LeftAnswer { at: Instant(left.at), reason, gain: left.gain.map(UsdPerHour), money }
}

pub(super) fn show(app: &App, row: &Contract, mentioned: &Mentioned) -> Result<ContractAnswer, Problem> {
    app.live().read(|view| {
        let faces = Faces::new(view, mentioned);
        let party = |id| party_of(view, faces, id);
        // A trade and its contract are made by one command, at one time.
        let face = |kind, number| PublicId { created_at: row.created_at, kind, number };
        let parent = match row.source {
            Source::Listing(_) => None,
            Source::Contract(parent) => Some(faces.contract(parent)?),
        };
        let taken_over = row.taken_over().map(|taken| {
            let contract_id = faces.contract(taken.contract)?.into();
            let answer = TakenOverAnswer { contract_id, seller: party(taken.seller)?, price: UsdPerHour(taken.price) };
            Ok::<_, Problem>(answer)
        });
        let given_up = row.given_up().into_iter().flat_map(Steps::runs);
        Ok(ContractAnswer {
            id: face(Kind::Contract, row.id.number()).into(),
            trade_id: face(Kind::Trade, row.trade.number()).into(),
            status: row.status,
            product: faces.symbol(row.product)?.into(),
            site_id: faces.site(row.site)?.into(),
            listing_id: faces.listing(row.listing)?.into(),
            parent_id: parent.map(Id::from),
            depth: row.depth,
            seller: party(row.seller)?,
            buyer: party(row.buyer)?,
            gpus: row.gpus,
            start: DeliveryTime(row.window.start),
            end: DeliveryTime(row.window.end),
            price: UsdPerHour(row.price),
            lot: row.lot,
            min_minutes: row.min_minutes,
            fee_bps: row.fee_bps,
            escrow: Some(Usd(row.escrow)),
            funding: row.funding(),
            monthly: monthly(row)?,
            bond: Some(Usd(row.bond)),
            created_at: Instant(row.created_at),
            ended_at: row.ended_at.map(DeliveryTime),
            taken_over: taken_over.transpose()?,
            given_up: given_up.map(Free::from).collect(),
            left: None,
        })
    })
}

fn monthly(row: &Contract) -> Result<Option<MonthlyAnswer>, Problem> {
    let (Some(monthly), Some(months_funded)) = (row.monthly, row.months_funded()) else { return Ok(None) };
    let deposit = row.deposit().map_err(|_| Problem::of("out_of_range"))?;
    let next_draw = monthly.next.map(|draw| DrawAnswer {
        at: DeliveryTime(draw.at),
        until: DeliveryTime(monthly.funded_until),
        amount: Usd(draw.amount),
    });
    let funded_until = DeliveryTime(monthly.funded_until);
    Ok(Some(MonthlyAnswer { months_funded, funded_until, deposit: Usd(deposit), next_draw }))
}

/// Returns an organization as a party of something.
///
/// # Errors
/// If there is no such organization: a bug.
pub fn party(app: &App, id: OrganizationId, mentioned: &Mentioned) -> Result<Party, Problem> {
    app.live().read(|view| party_of(view, Faces::new(view, mentioned), id))
}

fn party_of(view: &View, faces: Faces<'_>, id: OrganizationId) -> Result<Party, Problem> {
    let name = view.organizations.get(&id).map(|row| row.name.clone());
    Ok(Party { organization_id: faces.organization(id)?.into(), name: name.unwrap_or_default() })
}
