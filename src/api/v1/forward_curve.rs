//! `/v1/markets/{symbol}/forward-curve`.

use actix_web::web::Data;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::Api;
use crate::api::answer::{Answer, Reply};
use crate::api::extract::PathSymbol;
use crate::api::wire::{DeliveryTime, Instant, UsdPerHour};
use crate::market::GpuMinutes;
use crate::market::forward::{Basis, MonthPrice};

/// What GPU-hours delivered in each month cost now.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ForwardCurve)]
pub struct ForwardAnswer {
    /// The product.
    pub symbol: String,
    /// `gpubourse` (`gpubourse SIMULATED` if it was made up): the exchange's own trades and resting asks.
    pub source: &'static str,
    /// One for each delivery month from this one to the last that has a trade or an ask.
    pub data: Vec<ForwardMonth>,
    /// Whether more asks rest than the 100,000 cheapest, which are in it.
    pub truncated: bool,
    /// The exchange's time; a curve over 250 asks or more is made once in a minute of it, and may be of the one before.
    pub now: Instant,
    /// The journal row it reflects, at least.
    pub as_of: i64,
}

/// The price of a delivery month.
#[derive(Debug, Serialize, ToSchema)]
pub struct ForwardMonth {
    /// The month of UTC.
    #[schema(example = "2026-12")]
    pub month: String,
    /// Its first minute.
    pub start: DeliveryTime,
    /// The first minute after it.
    pub end: DeliveryTime,
    /// What a GPU-hour delivered in it costs now, by the first rule that applies; see `basis`. Null if no month has one.
    pub mark: Option<UsdPerHour>,
    /// `trades`: the mean of at least 5 trades of the last 30 days, weighted by their GPU-hours in the month. `asks`: the
    /// lower median of resting asks, weighted likewise. `few_trades`: the mean of fewer trades. `carried`: the mark of the
    /// nearest earlier month, else of the nearest later one.
    pub basis: Option<&'static str>,
    /// Whether it rests on anything but trades.
    pub thin: bool,
    /// Trades of the last 30 days for it; recalled ones are out.
    pub trades: u64,
    /// Their GPU-hours in the month.
    #[schema(example = "1536.0000")]
    pub traded: String,
    /// Their mean price, weighted by those.
    pub trade_price: Option<UsdPerHour>,
    /// The lower median of resting asks, weighted by what they offer in the month.
    pub ask_price: Option<UsdPerHour>,
    /// The cheapest resting ask.
    pub best_ask: Option<UsdPerHour>,
    /// What resting asks offer, in GPU-hours.
    #[schema(example = "1536.0000")]
    pub offered: String,
}

/// Shows the forward curve of a product.
pub async fn forward_curve(api: Data<Api>, PathSymbol(symbol): PathSymbol) -> Reply<Answer<ForwardAnswer>> {
    let made = api.app.forward(&symbol).await?;
    Ok(Answer(ForwardAnswer {
        symbol: symbol.into(),
        source: api.app.source(),
        data: made.figure.iter().map(month).collect(),
        truncated: made.truncated,
        now: Instant(made.now),
        as_of: made.as_of,
    }))
}

fn month(row: &MonthPrice) -> ForwardMonth {
    let window = row.month.window();
    ForwardMonth {
        month: row.month.to_string(),
        start: DeliveryTime(window.start),
        end: DeliveryTime(window.end),
        mark: row.mark.map(|(price, _)| UsdPerHour(price)),
        basis: row.mark.map(|(_, basis)| basis.as_str()),
        thin: row.mark.is_none_or(|(_, basis)| basis != Basis::Trades),
        trades: row.traded.trades,
        traded: GpuMinutes::new(row.traded.gpu_minutes).hours(),
        trade_price: row.trade_price.map(UsdPerHour),
        ask_price: row.ask_price.map(UsdPerHour),
        best_ask: row.best_ask.map(UsdPerHour),
        offered: row.offered.hours(),
    }
}
