//! An order as it looks outside.

use serde::Serialize;
use utoipa::ToSchema;

use crate::api::problem::Problem;
use crate::api::wire::{DeliveryTime, Id, Instant, Share, Usd, UsdPerHour};
use crate::app::App;
use crate::app::face::{Faces, Mentioned};
use crate::app::trading::OrderStanding;
use crate::exchange::Requirements;
use crate::exchange::entities::{Order, Trade};
use crate::types::{
    Funding, Interconnect, Kind, OrderReason, OrderStatus, PublicId, SelfTrade, Side, SlaClass, Source, Tier,
    TimeInForce, Timestamp, Window,
};

/// An ask or a bid.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Order)]
pub struct OrderAnswer {
    /// Its id.
    pub id: Id,
    /// Its place among orders of equal price; lower is earlier.
    pub sequence: i64,
    /// Where it stands.
    pub status: OrderStatus,
    /// Why it ended, unless it was filled.
    pub reason: Option<OrderReason>,
    /// Which side.
    pub side: Side,
    /// What is traded.
    #[schema(example = "h100-sxm-80gb")]
    pub product: String,
    /// An ask's listing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listing_id: Option<Id>,
    /// A resale ask's contract.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contract_id: Option<Id>,
    /// GPUs, those already filled included.
    pub gpus: u32,
    /// From.
    pub start: DeliveryTime,
    /// To.
    pub end: DeliveryTime,
    /// Limit price.
    pub price: UsdPerHour,
    /// Fills come in multiples of it.
    pub lot: u32,
    /// The shortest rental.
    pub min_minutes: u32,
    /// Notice before a window starts.
    pub lead_minutes: u32,
    /// How long it waits.
    pub time_in_force: TimeInForce,
    /// When a gtd order ends.
    pub expires_at: Option<Instant>,
    /// Whether it was refused instead of filling on arrival.
    pub post_only: bool,
    /// What happens where it meets its own organization's orders.
    pub self_trade_prevention: SelfTrade,
    /// A bid's: all fills from one site.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub same_site: Option<bool>,
    /// A bid's: up to what price the rest is bid for again if the seller defaults; absent if it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cover_price: Option<UsdPerHour>,
    /// A bid's: how what it buys is paid for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub funding: Option<Funding>,
    /// A bid's: what the capacity must be like.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requirements: Option<RequirementsAnswer>,
    /// The caller's name for it.
    pub client_order_id: Option<String>,
    /// GPUs filled; of an ask, the most sold in any one minute.
    pub filled_gpus: u32,
    /// GPUs still wanted; of an ask, the most free in any minute to come.
    pub remaining_gpus: u32,
    /// The mean price of the fills weighted by GPU-hours.
    pub average_price: Option<UsdPerHour>,
    /// The newest 1,000 fills, newest first (lists of orders leave them out).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fills: Option<Vec<Fill>>,
    /// Money held behind a bid.
    pub held: Usd,
    /// Collateral behind what an ask has left to sell.
    pub bond: Usd,
    /// What an ask still has free over time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub residual_schedule: Option<Vec<Free>>,
    /// When it was placed.
    pub created_at: Instant,
    /// When it ended.
    pub ended_at: Option<Instant>,
    /// The journal row this reflects.
    pub as_of: i64,
}

/// What a bid asks of the capacity.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Requirements)]
pub struct RequirementsAnswer {
    /// One of these regions.
    pub regions: Vec<String>,
    /// One of these countries.
    pub countries: Vec<String>,
    /// One of these.
    pub interconnects: Vec<Interconnect>,
    /// One of these sites.
    pub site_ids: Vec<Id>,
    /// At least this promise.
    pub min_sla_class: SlaClass,
    /// No resale.
    pub primary_only: bool,
    /// A provider known at least so well; absent if nothing is asked for.
    #[serde(skip_serializing_if = "Tier::is_unverified")]
    pub min_tier: Tier,
    /// A provider with at least this published score; absent if none is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_score: Option<Share>,
}

/// One fill of an order.
#[derive(Debug, Serialize, ToSchema)]
pub struct Fill {
    /// The trade.
    pub trade_id: Id,
    /// The contract it created.
    pub contract_id: Id,
    /// How many GPUs.
    pub gpus: u32,
    /// From.
    pub start: DeliveryTime,
    /// To.
    pub end: DeliveryTime,
    /// At what price.
    pub price: UsdPerHour,
}

/// GPUs free over a stretch of time.
#[derive(Debug, Serialize, ToSchema)]
pub struct Free {
    /// From.
    pub start: DeliveryTime,
    /// To.
    pub end: DeliveryTime,
    /// How many GPUs.
    pub gpus: u32,
}

impl From<(Window, u32)> for Free {
    fn from((window, gpus): (Window, u32)) -> Self {
        Self { start: DeliveryTime(window.start), end: DeliveryTime(window.end), gpus }
    }
}

/// Returns an order with its fills.
///
/// # Errors
/// `internal` if it mentions what does not exist.
pub fn show_standing(app: &App, standing: &OrderStanding) -> Result<OrderAnswer, Problem> {
    let mut answer = show(app, &standing.order, standing.now, standing.as_of, &standing.mentioned)?;
    answer.fills = Some(standing.fills.iter().map(|trade| fill(trade)).collect());
    Ok(answer)
}

/// Returns an order without its fills.
///
/// # Errors
/// `internal` if it mentions what does not exist.
pub fn show(
    app: &App,
    order: &Order,
    now: Timestamp,
    as_of: i64,
    mentioned: &Mentioned,
) -> Result<OrderAnswer, Problem> {
    let id = PublicId { created_at: order.created_at, kind: Kind::Order, number: order.id.number() };
    let (product, source, site_ids) = app.live().read(|view| -> Result<_, Problem> {
        let faces = Faces::new(view, mentioned);
        let source = order.source.map(|source| faces.source(source)).transpose()?;
        let sites: Result<Vec<_>, _> = order.requirements.site_ids.iter().map(|site| faces.site(*site)).collect();
        Ok((faces.symbol(order.product)?, source, sites?))
    })?;
    let is_bid = order.side == Side::Bid;
    let source_id = |contract: bool| match order.source {
        Some(Source::Contract(_)) if contract => source.map(Id::from),
        Some(Source::Listing(_)) if !contract => source.map(Id::from),
        _ => None,
    };
    Ok(OrderAnswer {
        id: id.into(),
        sequence: order.sequence,
        status: order.status,
        reason: order.reason,
        side: order.side,
        product: product.into(),
        listing_id: source_id(false),
        contract_id: source_id(true),
        gpus: order.gpus,
        start: DeliveryTime(order.window.start),
        end: DeliveryTime(order.window.end),
        price: UsdPerHour(order.price),
        lot: order.lot,
        min_minutes: order.min_minutes,
        lead_minutes: order.lead_minutes,
        time_in_force: order.time_in_force,
        expires_at: order.expires_at.map(Instant),
        post_only: order.post_only,
        self_trade_prevention: order.self_trade,
        same_site: is_bid.then_some(order.same_site),
        cover_price: order.cover.map(UsdPerHour),
        funding: is_bid.then_some(order.funding),
        requirements: is_bid.then(|| requirements(&order.requirements, site_ids)),
        client_order_id: order.client_order_id.clone(),
        filled_gpus: order.filled_gpus,
        remaining_gpus: order.remaining_gpus(now),
        average_price: order.average_price().map(UsdPerHour),
        fills: None,
        held: Usd(order.held),
        bond: Usd(order.bonded()),
        residual_schedule: (!is_bid).then(|| residual(order, now)),
        created_at: Instant(order.created_at),
        ended_at: order.ended_at.map(Instant),
        as_of,
    })
}

fn requirements(asked: &Requirements, sites: Vec<PublicId>) -> RequirementsAnswer {
    RequirementsAnswer {
        regions: asked.regions.clone(),
        countries: asked.countries.clone(),
        interconnects: asked.interconnects.clone(),
        site_ids: sites.into_iter().map(Id::from).collect(),
        min_sla_class: asked.min_sla_class,
        primary_only: asked.primary_only,
        min_tier: asked.min_tier,
        min_score: asked.min_score_bps.map(Share),
    }
}

fn residual(order: &Order, now: Timestamp) -> Vec<Free> {
    order.residual_schedule(now).into_iter().map(Free::from).collect()
}

fn fill(trade: &Trade) -> Fill {
    // A trade and its contract are made by one command, at one time.
    let face = |kind, number| PublicId { created_at: trade.created_at, kind, number };
    Fill {
        trade_id: face(Kind::Trade, trade.id.number()).into(),
        contract_id: face(Kind::Contract, trade.contract.number()).into(),
        gpus: trade.gpus,
        start: DeliveryTime(trade.window.start),
        end: DeliveryTime(trade.window.end),
        price: UsdPerHour(trade.price),
    }
}
