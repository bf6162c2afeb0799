//! Bodies of `/v1/orders`: bids, asks, amendments and batches.
//!
//! A bid and an ask have different fields, so `side` is read first and the rest as exactly that kind of order:
//! a field of the other side is an unknown field, and every error names its place.

use serde::Deserialize;
use serde_json::{Value, json};
use std::borrow::Cow;
use utoipa::openapi::{OneOfBuilder, Ref, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::api::extract::JsonBody;
use crate::api::extract::body::{json_body, strict, strict_value};
use crate::api::problem::Problem;
use crate::api::wire::{DeliveryTime, Id, Instant, Share, UsdPerHour};
use crate::app::trading::{NewAsk, NewBid, NewOrder, NewRequirements, OrderChange};
use crate::exchange::{BidWindow, Terms};
use crate::types::limits::BATCH_ORDERS_MAX;
use crate::types::{Funding, Interconnect, Kind, PublicId, SelfTrade, Side, SlaClass, Tier, TimeInForce};

pub const BATCH_BYTES_MAX: usize = 1_024 * 1_024;
const KEY_RULE: &str = "must be 1 to 128 visible ASCII characters";

/// A bid: GPUs wanted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewBidBody {
    /// `bid`.
    pub side: Side,
    /// What.
    #[schema(example = "h100-sxm-80gb")]
    pub product: String,
    /// How many GPUs.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub gpus: u32,
    /// From; together with `end`, or neither with `minutes`.
    pub start: Option<DeliveryTime>,
    /// To.
    pub end: Option<DeliveryTime>,
    /// Instead of start and end: from the next minute on, for so long.
    #[schema(minimum = 1, maximum = 5_270_400)]
    pub minutes: Option<u32>,
    /// The limit price.
    pub price: UsdPerHour,
    /// Each fill is a multiple of it; 1 if absent.
    #[schema(minimum = 1)]
    pub lot: Option<u32>,
    /// `gtc` if absent.
    pub time_in_force: Option<TimeInForce>,
    /// When a gtd order ends.
    pub expires_at: Option<Instant>,
    /// What the capacity must be like.
    pub requirements: Option<RequirementsBody>,
    /// All fills from one site; with ioc and fok.
    pub same_site: Option<bool>,
    /// If the seller of what this buys defaults under terms of delivery, the exchange bids for the rest in the
    /// buyer's name, ioc, up to this price; not if absent.
    pub cover_price: Option<UsdPerHour>,
    /// `full` if absent. `monthly`, for more than 30 days and under terms of delivery: the first month and a deposit of
    /// one month are held, each later month is drawn before it begins.
    pub funding: Option<Funding>,
    /// Refused instead of filling on arrival.
    pub post_only: Option<bool>,
    /// `skip` if absent.
    pub self_trade_prevention: Option<SelfTrade>,
    /// The caller's name for it; a repeat with the same one does nothing.
    #[schema(pattern = "^[!-~]{1,128}$")]
    pub client_order_id: Option<String>,
}

/// An ask: GPUs offered.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAskBody {
    /// `ask`.
    pub side: Side,
    /// The listing to sell out of, or `contract_id`.
    pub listing_id: Option<Id>,
    /// The contract to resell.
    pub contract_id: Option<Id>,
    /// How many GPUs.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub gpus: u32,
    /// From; the source's start if absent.
    pub start: Option<DeliveryTime>,
    /// To; the source's end if absent.
    pub end: Option<DeliveryTime>,
    /// At what price.
    pub price: UsdPerHour,
    /// Fills come in multiples of it; the contract's, or 1, if absent.
    #[schema(minimum = 1)]
    pub lot: Option<u32>,
    /// The shortest rental; the contract's, or 1, if absent.
    #[schema(minimum = 1, maximum = 5_270_400)]
    pub min_minutes: Option<u32>,
    /// Notice needed before a window starts; 0 if absent.
    #[schema(maximum = 5_270_400)]
    pub lead_minutes: Option<u32>,
    /// `gtc` if absent; not `fok`.
    pub time_in_force: Option<TimeInForce>,
    /// When a gtd order ends.
    pub expires_at: Option<Instant>,
    /// Refused instead of filling on arrival.
    pub post_only: Option<bool>,
    /// `skip` if absent.
    pub self_trade_prevention: Option<SelfTrade>,
    /// The caller's name for it; a repeat with the same one does nothing.
    #[schema(pattern = "^[!-~]{1,128}$")]
    pub client_order_id: Option<String>,
}

/// What a bid asks of the capacity. An absent or empty list asks nothing.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RequirementsBody {
    /// One of these regions.
    #[schema(max_items = 64)]
    pub regions: Option<Vec<String>>,
    /// One of these countries.
    #[schema(max_items = 64)]
    pub countries: Option<Vec<String>>,
    /// One of these.
    pub interconnects: Option<Vec<Interconnect>>,
    /// One of these sites.
    pub site_ids: Option<Vec<Id>>,
    /// At least this promise.
    pub min_sla_class: Option<SlaClass>,
    /// No resale.
    pub primary_only: Option<bool>,
    /// A provider known at least so well at the time of the match.
    pub min_tier: Option<Tier>,
    /// A provider with at least this published score at the time of the match; one of whom none was published has 0.97.
    pub min_score: Option<Share>,
}

/// An order to be placed: a bid or an ask.
#[derive(Debug)]
pub enum NewOrderBody {
    /// A bid.
    Bid(Box<NewBidBody>),
    /// An ask.
    Ask(Box<NewAskBody>),
}

/// New values of an order; absent ones stay.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OrderChangeBody {
    /// How many GPUs, those already filled included.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub gpus: Option<u32>,
    /// At what price.
    pub price: Option<UsdPerHour>,
    /// From.
    pub start: Option<DeliveryTime>,
    /// To.
    pub end: Option<DeliveryTime>,
    /// In multiples of what.
    #[schema(minimum = 1)]
    pub lot: Option<u32>,
}

json_body!(OrderChangeBody, {"price": "1.90"});

/// Up to 100 orders, each independent of the others.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchBody {
    /// The orders, placed in this order.
    #[schema(value_type = Vec<NewOrderBody>, max_items = 100, min_items = 1)]
    pub orders: Vec<Value>,
}

#[derive(Deserialize)]
struct SideOnly {
    side: Side,
}

impl NewOrderBody {
    /// Reads a body that is as it should be; where one is not, [`strict`] finds the field.
    fn quick(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        let SideOnly { side } = serde_json::from_slice(bytes)?;
        match side {
            Side::Bid => serde_json::from_slice(bytes).map(|body| Self::Bid(Box::new(body))),
            Side::Ask => serde_json::from_slice(bytes).map(|body| Self::Ask(Box::new(body))),
        }
    }

    /// Reads one order of a batch.
    ///
    /// # Errors
    /// `invalid_field`.
    pub fn of_value(value: Value) -> Result<Self, Problem> {
        let side = value.get("side").cloned().unwrap_or(Value::Null);
        let side: Side = match side {
            Value::Null => return Err(Problem::field("side", "missing field `side`")),
            side => serde_json::from_value(side).map_err(|error| Problem::field("side", error.to_string()))?,
        };
        match side {
            Side::Bid => strict_value(value).map(|body| Self::Bid(Box::new(body))),
            Side::Ask => strict_value(value).map(|body| Self::Ask(Box::new(body))),
        }
    }

    /// Returns the order that is asked for.
    ///
    /// # Errors
    /// `invalid_field`, `invalid_combination`, or `not_found` for an id that names no listing or contract.
    pub fn order(self) -> Result<NewOrder, Problem> {
        match self {
            Self::Bid(body) => bid(*body).map(NewOrder::Bid),
            Self::Ask(body) => ask(*body).map(NewOrder::Ask),
        }
    }
}

impl JsonBody for NewOrderBody {
    fn read(bytes: &[u8]) -> Result<Self, Problem> {
        if let Ok(order) = Self::quick(bytes) {
            return Ok(order);
        }
        let SideOnly { side } = strict(bytes)?;
        match side {
            Side::Bid => strict(bytes).map(|body| Self::Bid(Box::new(body))),
            Side::Ask => strict(bytes).map(|body| Self::Ask(Box::new(body))),
        }
    }

    fn example() -> Value {
        json!({
            "side": "bid",
            "product": "h100-sxm-80gb",
            "gpus": 16,
            "start": "2027-01-04T08:00:00Z",
            "end": "2027-01-11T08:00:00Z",
            "price": "1.94",
            "lot": 8,
            "time_in_force": "gtc",
            "requirements": {"countries": ["US"], "interconnects": ["infiniband"]},
            "client_order_id": "train-42",
        })
    }
}

impl JsonBody for BatchBody {
    const BYTES_MAX: usize = BATCH_BYTES_MAX;

    fn read(bytes: &[u8]) -> Result<Self, Problem> {
        let batch: Self = strict(bytes)?;
        if batch.orders.is_empty() || batch.orders.len() > BATCH_ORDERS_MAX {
            return Err(Problem::field("orders", format!("must be 1 to {BATCH_ORDERS_MAX} orders")));
        }
        Ok(batch)
    }

    fn example() -> Value {
        json!({"orders": [NewOrderBody::example()]})
    }
}

impl PartialSchema for NewOrderBody {
    fn schema() -> RefOr<Schema> {
        OneOfBuilder::new()
            .item(Ref::from_schema_name(NewBidBody::name()))
            .item(Ref::from_schema_name(NewAskBody::name()))
            .into()
    }
}

impl ToSchema for NewOrderBody {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("NewOrder")
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((NewBidBody::name().into_owned(), NewBidBody::schema()));
        schemas.push((NewAskBody::name().into_owned(), NewAskBody::schema()));
        NewBidBody::schemas(schemas);
        NewAskBody::schemas(schemas);
    }
}

impl From<OrderChangeBody> for OrderChange {
    fn from(body: OrderChangeBody) -> Self {
        Self {
            gpus: body.gpus,
            price: body.price.map(|price| price.0),
            start: body.start.map(|time| time.0),
            end: body.end.map(|time| time.0),
            lot: body.lot,
        }
    }
}

fn bid(body: NewBidBody) -> Result<NewBid, Problem> {
    let window = match (body.start, body.end, body.minutes) {
        (Some(start), Some(end), None) => BidWindow::Fixed { start: start.0, end: end.0 },
        (None, None, Some(minutes)) => BidWindow::AtOnce { minutes },
        (None, _, None) => return Err(Problem::field("start", "is needed, or minutes")),
        (Some(_), None, None) => return Err(Problem::field("end", "is needed with start")),
        (_, _, Some(_)) => return Err(Problem::of("invalid_combination").saying("minutes replaces start and end")),
    };
    let asked = body.requirements.unwrap_or_default();
    Ok(NewBid {
        product: body.product,
        gpus: body.gpus,
        window,
        price: body.price.0,
        lot: body.lot.unwrap_or(1),
        requirements: NewRequirements {
            regions: asked.regions.unwrap_or_default(),
            countries: asked.countries.unwrap_or_default(),
            interconnects: asked.interconnects.unwrap_or_default(),
            sites: asked.site_ids.unwrap_or_default().into_iter().map(|id| id.of(Kind::Site).ok()).collect(),
            min_sla_class: asked.min_sla_class.unwrap_or(SlaClass::None),
            primary_only: asked.primary_only.unwrap_or_default(),
            min_tier: asked.min_tier.unwrap_or_default(),
            min_score_bps: asked.min_score.map(|share| share.0),
        },
        same_site: body.same_site.unwrap_or_default(),
        cover: body.cover_price.map(|price| price.0),
        funding: body.funding.unwrap_or_default(),
        terms: terms(
            body.time_in_force,
            body.expires_at,
            body.post_only,
            body.self_trade_prevention,
            body.client_order_id,
        )?,
    })
}

fn ask(body: NewAskBody) -> Result<NewAsk, Problem> {
    Ok(NewAsk {
        source: source(body.listing_id, body.contract_id)?,
        gpus: body.gpus,
        start: body.start.map(|time| time.0),
        end: body.end.map(|time| time.0),
        price: body.price.0,
        lot: body.lot,
        min_minutes: body.min_minutes,
        lead_minutes: body.lead_minutes.unwrap_or_default(),
        terms: terms(
            body.time_in_force,
            body.expires_at,
            body.post_only,
            body.self_trade_prevention,
            body.client_order_id,
        )?,
    })
}

fn source(listing: Option<Id>, contract: Option<Id>) -> Result<PublicId, Problem> {
    match (listing, contract) {
        (Some(id), None) => Ok(id.of(Kind::Listing)?),
        (None, Some(id)) => Ok(id.of(Kind::Contract)?),
        (None, None) => Err(Problem::field("listing_id", "is needed, or contract_id")),
        (Some(_), Some(_)) => Err(Problem::of("invalid_combination").saying("an ask has one source")),
    }
}

fn terms(
    time_in_force: Option<TimeInForce>,
    expires_at: Option<Instant>,
    post_only: Option<bool>,
    self_trade: Option<SelfTrade>,
    client_order_id: Option<String>,
) -> Result<Terms, Problem> {
    let fits = |id: &String| (1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
    if client_order_id.as_ref().is_some_and(|id| !fits(id)) {
        return Err(Problem::field("client_order_id", KEY_RULE));
    }
    Ok(Terms {
        time_in_force: time_in_force.unwrap_or(TimeInForce::Gtc),
        expires_at: expires_at.map(|time| time.0),
        post_only: post_only.unwrap_or_default(),
        self_trade: self_trade.unwrap_or(SelfTrade::Skip),
        client_order_id,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: Value) -> Result<NewOrder, Problem> {
        let whole = NewOrderBody::read(value.to_string().as_bytes()).and_then(NewOrderBody::order);
        let part = NewOrderBody::of_value(value).and_then(NewOrderBody::order);
        assert_eq!(whole.as_ref().err().map(Problem::code), part.as_ref().err().map(Problem::code));
        whole
    }

    #[test]
    fn the_example_is_a_bid() {
        let NewOrder::Bid(bid) = read(NewOrderBody::example()).unwrap() else { panic!("an ask") };
        assert_eq!((bid.gpus, bid.lot, bid.price.micros()), (16, 8, 1_940_000));
        assert_eq!(bid.terms.client_order_id.as_deref(), Some("train-42"));
        assert_eq!(bid.requirements.countries, ["US"]);
    }

    #[test]
    fn a_field_of_the_other_side_is_unknown() {
        for (value, field) in [
            (json!({"side": "bid", "listing_id": "x"}), "listing_id"),
            (json!({"side": "ask", "requirements": {}}), "requirements"),
            (json!({"side": "both"}), "side"),
            (json!({"gpus": 8}), "side"),
        ] {
            let document = read(value.clone()).unwrap_err().document("r");
            assert_eq!((document.code, document.errors[0].field.as_str()), ("invalid_field", field), "{value}");
        }
    }

    #[test]
    fn a_bid_has_a_window_or_minutes() {
        let base = json!({"side": "bid", "product": "p", "gpus": 1, "price": "1"});
        let with = |extra: Value| {
            let mut value = base.clone();
            value.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
            read(value)
        };
        assert!(with(json!({"minutes": 60})).is_ok());
        assert!(with(json!({"start": "2027-01-01T00:00:00Z", "end": "2027-01-02T00:00:00Z"})).is_ok());
        assert_eq!(with(json!({})).unwrap_err().code(), "invalid_field");
        assert_eq!(with(json!({"start": "2027-01-01T00:00:00Z"})).unwrap_err().code(), "invalid_field");
        let both = json!({"start": "2027-01-01T00:00:00Z", "end": "2027-01-02T00:00:00Z", "minutes": 60});
        assert_eq!(with(both).unwrap_err().code(), "invalid_combination");
    }

    #[test]
    fn an_ask_has_one_source_that_is_an_id_of_its_kind() {
        let base = |extra: Value| {
            let mut value = json!({"side": "ask", "gpus": 1, "price": "1"});
            value.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
            read(value)
        };
        let id = |kind| {
            let created_at = crate::types::Timestamp::from_millis(1_795_000_000_000);
            PublicId { created_at, kind, number: 1 }.to_uuid().to_string()
        };
        assert!(base(json!({"listing_id": id(Kind::Listing)})).is_ok());
        assert!(base(json!({"contract_id": id(Kind::Contract)})).is_ok());
        assert_eq!(base(json!({"listing_id": id(Kind::Contract)})).unwrap_err().code(), "not_found");
        assert_eq!(base(json!({})).unwrap_err().code(), "invalid_field");
        let both = json!({"listing_id": id(Kind::Listing), "contract_id": id(Kind::Contract)});
        assert_eq!(base(both).unwrap_err().code(), "invalid_combination");
        let key = json!({"listing_id": id(Kind::Listing), "client_order_id": "with space"});
        assert_eq!(base(key).unwrap_err().code(), "invalid_field");
    }

    #[test]
    fn a_batch_is_bounded() {
        let batch = |count: usize| BatchBody::read(json!({"orders": vec![json!({}); count]}).to_string().as_bytes());
        assert_eq!(batch(0).unwrap_err().code(), "invalid_field");
        assert!(batch(100).is_ok());
        assert_eq!(batch(101).unwrap_err().code(), "invalid_field");
    }
}
