//! Orders: what was placed stands in `orders`, what becomes of it in `order_states`.

use serde::{Deserialize, Serialize};

use super::field::{Place, minutes, steps_text, text, u128_text, word};
use crate::exchange::Requirements;
use crate::exchange::bonds::AskBond;
use crate::exchange::entities::Order;
use crate::store::StoreError;
use crate::store::row::{Word, row};
use crate::types::{
    Funding, Minute, Money, OrderId, OrderReason, OrderStatus, OrganizationId, Price, ProductId, SelfTrade, Side,
    Steps, TimeInForce, Timestamp, TradeId, Turnover, Window,
};

row! {
    /// An order as it was placed.
    OrderRow in orders (number) Fail {
        number: i64,
        created_at: i64,
        placed_at: i64,
        organization: i64,
        side: Word,
        product: i64,
        source_kind: Option<Word>,
        source_number: Option<i64>,
        sequence: i64,
        gpus: i64,
        start_minute: i64,
        end_minute: i64,
        minutes: Option<i64>,
        price: i64,
        lot: i64,
        min_minutes: i64,
        lead_minutes: i64,
        requirements: Option<Word>,
        same_site: i64,
        time_in_force: Word,
        expires_at: Option<i64>,
        post_only: i64,
        self_trade: Word,
        client_order_id: Option<Word>,
        fingerprint: Option<Word>,
        previous: Option<i64>,
        cover: Option<i64>,
        funding: Option<Word>,
    }

    /// An order as it stands.
    OrderStateRow in order_states (number) Replace {
        number: i64,
        sequence: i64,
        gpus: i64,
        start_minute: i64,
        end_minute: i64,
        price: i64,
        lot: i64,
        status: Word,
        reason: Option<Word>,
        ended_at: Option<i64>,
        filled_gpus: i64,
        fills: i64,
        filled_gpu_minutes: i64,
        turnover: i64,
        sold: Word,
        held: i64,
        last_trade: Option<i64>,
        bond: Option<i64>,
        bond_bps: Option<i64>,
        bond_gpu_minutes: Option<i64>,
        bond_from: Option<i64>,
    }
}

impl OrderRow {
    pub(crate) fn of(order: &Order) -> Result<Self, StoreError> {
        let (start_minute, end_minute) = minutes(order.window);
        let source = order.source.map(|source| source.parts());
        Ok(Self {
            number: order.id.number(),
            created_at: order.created_at.millis(),
            placed_at: order.placed_at.millis(),
            organization: order.organization.number(),
            side: word(order.side.as_str()),
            product: order.product.number(),
            source_kind: source.map(|(kind, _)| word(kind)),
            source_number: source.map(|(_, number)| number),
            sequence: order.sequence,
            gpus: i64::from(order.gpus),
            start_minute,
            end_minute,
            minutes: order.minutes.map(i64::from),
            price: order.price.micros(),
            lot: i64::from(order.lot),
            min_minutes: i64::from(order.min_minutes),
            lead_minutes: i64::from(order.lead_minutes),
            requirements: requirements_text(order)?,
            same_site: i64::from(order.same_site),
            time_in_force: word(order.time_in_force.as_str()),
            expires_at: order.expires_at.map(Timestamp::millis),
            post_only: i64::from(order.post_only),
            self_trade: word(order.self_trade.as_str()),
            client_order_id: order.client_order_id.clone().map(text),
            fingerprint: order.fingerprint.map(u128_text),
            previous: order.previous.map(OrderId::number),
            cover: order.cover.map(Price::micros),
            funding: (!order.funding.is_full()).then(|| word(order.funding.as_str())),
        })
    }

    /// Returns the order with what has become of it.
    pub(crate) fn with(self, state: &OrderStateRow) -> Result<Order, StoreError> {
        let (now, sold) = state.now()?;
        self.standing(now, sold)
    }

    /// Returns the order as it stands.
    pub(crate) fn standing(self, now: OrderNow, sold: Steps) -> Result<Order, StoreError> {
        let at = Place::new("orders", self.number);
        let source = match (self.source_kind, self.source_number) {
            (Some(kind), Some(number)) => Some(at.source(&kind, number)?),
            (None, None) => None,
            _ => return Err(at.corrupt("source_kind")),
        };
        let fingerprint = self.fingerprint.map(|text| at.hex128("fingerprint", &text));
        let funding = self.funding.map(|word| at.parsed("funding", Funding::parse(&word)));
        Ok(Order {
            id: OrderId::new(self.number),
            created_at: Timestamp::from_millis(self.created_at),
            placed_at: Timestamp::from_millis(self.placed_at),
            organization: OrganizationId::new(self.organization),
            side: at.parsed("side", Side::parse(&self.side))?,
            product: ProductId::new(self.product),
            source,
            sequence: now.sequence,
            gpus: now.gpus,
            window: now.window,
            minutes: self.minutes.map(|minutes| at.int("minutes", minutes)).transpose()?,
            price: now.price,
            lot: now.lot,
            min_minutes: at.int("min_minutes", self.min_minutes)?,
            lead_minutes: at.int("lead_minutes", self.lead_minutes)?,
            requirements: requirements_of(at, self.requirements.as_deref())?,
            same_site: at.flag("same_site", self.same_site)?,
            time_in_force: at.parsed("time_in_force", TimeInForce::parse(&self.time_in_force))?,
            expires_at: self.expires_at.map(Timestamp::from_millis),
            post_only: at.flag("post_only", self.post_only)?,
            self_trade: at.parsed("self_trade", SelfTrade::parse(&self.self_trade))?,
            client_order_id: self.client_order_id.map(String::from),
            fingerprint: fingerprint.transpose()?,
            status: now.status,
            reason: now.reason,
            ended_at: now.ended_at,
            filled_gpus: now.filled_gpus,
            fills: now.fills,
            filled_gpu_minutes: now.filled_gpu_minutes,
            turnover: now.turnover,
            sold,
            held: now.held,
            previous: self.previous.map(OrderId::new),
            last_trade: now.last_trade,
            cover: self.cover.map(Price::from_micros),
            funding: funding.transpose()?.unwrap_or_default(),
            bond: now.bond,
        })
    }
}

/// What changes in an order, but for what an ask has sold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OrderNow {
    pub(crate) number: i64,
    sequence: i64,
    gpus: u32,
    window: Window,
    price: Price,
    lot: u32,
    status: OrderStatus,
    reason: Option<OrderReason>,
    ended_at: Option<Timestamp>,
    filled_gpus: u32,
    pub(crate) fills: u32,
    filled_gpu_minutes: u64,
    turnover: Turnover,
    held: Money,
    pub(crate) last_trade: Option<TradeId>,
    /// Logged beside the states: most have none.
    #[serde(skip)]
    pub(crate) bond: Option<AskBond>,
}

impl OrderNow {
    pub(crate) fn of(order: &Order) -> Self {
        Self {
            number: order.id.number(),
            sequence: order.sequence,
            gpus: order.gpus,
            window: order.window,
            price: order.price,
            lot: order.lot,
            status: order.status,
            reason: order.reason,
            ended_at: order.ended_at,
            filled_gpus: order.filled_gpus,
            fills: order.fills,
            filled_gpu_minutes: order.filled_gpu_minutes,
            turnover: order.turnover,
            held: order.held,
            last_trade: order.last_trade,
            bond: order.bond,
        }
    }
}

impl OrderStateRow {
    pub(crate) fn of(order: &Order) -> Result<Self, StoreError> {
        let at = Place::new("order_states", order.id.number());
        let (start_minute, end_minute) = minutes(order.window);
        let bond = order.bond;
        Ok(Self {
            number: order.id.number(),
            sequence: order.sequence,
            gpus: i64::from(order.gpus),
            start_minute,
            end_minute,
            price: order.price.micros(),
            lot: i64::from(order.lot),
            status: word(order.status.as_str()),
            reason: order.reason.map(|reason| word(reason.as_str())),
            ended_at: order.ended_at.map(Timestamp::millis),
            filled_gpus: i64::from(order.filled_gpus),
            fills: i64::from(order.fills),
            filled_gpu_minutes: at.int("filled_gpu_minutes", order.filled_gpu_minutes)?,
            turnover: order.turnover.get(),
            sold: steps_text(&order.sold),
            held: order.held.micros(),
            last_trade: order.last_trade.map(TradeId::number),
            bond: bond.map(|bond| bond.amount.micros()),
            bond_bps: bond.map(|bond| i64::from(bond.bps)),
            bond_gpu_minutes: bond.map(|bond| at.int("bond_gpu_minutes", bond.gpu_minutes)).transpose()?,
            bond_from: bond.map(|bond| i64::from(bond.from.get())),
        })
    }

    /// Returns what it says, and what an ask has sold.
    pub(crate) fn now(&self) -> Result<(OrderNow, Steps), StoreError> {
        let at = Place::new("order_states", self.number);
        let reason = self.reason.as_deref().map(|reason| at.parsed("reason", OrderReason::parse(reason)));
        let now = OrderNow {
            number: self.number,
            sequence: self.sequence,
            gpus: at.int("gpus", self.gpus)?,
            window: at.window(self.start_minute, self.end_minute)?,
            price: Price::from_micros(self.price),
            lot: at.int("lot", self.lot)?,
            status: at.parsed("status", OrderStatus::parse(&self.status))?,
            reason: reason.transpose()?,
            ended_at: self.ended_at.map(Timestamp::from_millis),
            filled_gpus: at.int("filled_gpus", self.filled_gpus)?,
            fills: at.int("fills", self.fills)?,
            filled_gpu_minutes: at.int("filled_gpu_minutes", self.filled_gpu_minutes)?,
            turnover: Turnover::new(self.turnover),
            held: Money::from_micros(self.held),
            last_trade: self.last_trade.map(TradeId::new),
            bond: self.bond(at)?,
        };
        Ok((now, at.steps("sold", &self.sold)?))
    }
}

impl OrderStateRow {
    fn bond(&self, at: Place) -> Result<Option<AskBond>, StoreError> {
        let parts = (self.bond, self.bond_bps, self.bond_gpu_minutes, self.bond_from);
        let (amount, bps, gpu_minutes, from) = match parts {
            (None, None, None, None) => return Ok(None),
            (Some(amount), Some(bps), Some(gpu_minutes), Some(from)) => (amount, bps, gpu_minutes, from),
            _ => return Err(at.corrupt("bond")),
        };
        Ok(Some(AskBond {
            bps: at.int("bond_bps", bps)?,
            amount: Money::from_micros(amount),
            gpu_minutes: at.int("bond_gpu_minutes", gpu_minutes)?,
            from: Minute::new(at.int("bond_from", from)?),
        }))
    }
}

/// Writes requirements as JSON; nothing for those that ask nothing.
fn requirements_text(order: &Order) -> Result<Option<Word>, StoreError> {
    if order.requirements == Requirements::default() {
        return Ok(None);
    }
    let json = serde_json::to_string(&order.requirements);
    json.map(|json| Some(text(json))).map_err(|_| Place::new("orders", order.id.number()).corrupt("requirements"))
}

fn requirements_of(at: Place, json: Option<&str>) -> Result<Requirements, StoreError> {
    json.map_or_else(
        || Ok(Requirements::default()),
        |json| serde_json::from_str(json).map_err(|_| at.corrupt("requirements")),
    )
}
