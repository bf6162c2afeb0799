//! Trades.

use super::field::{Place, minutes, word};
use crate::exchange::entities::Trade;
use crate::store::StoreError;
use crate::store::row::{Word, row};
use crate::types::{ContractId, OrderId, OrganizationId, Price, ProductId, Side, Timestamp, TradeId};

row! {
    /// A trade.
    TradeRow in trades (number) Fail {
        number: i64,
        created_at: i64,
        product: i64,
        ask: i64,
        bid: i64,
        contract: i64,
        seller: i64,
        buyer: i64,
        aggressor: Word,
        gpus: i64,
        start_minute: i64,
        end_minute: i64,
        price: i64,
        previous_of_ask: Option<i64>,
        previous_of_bid: Option<i64>,
        previous_of_product: Option<i64>,
    }
}

impl TradeRow {
    pub(crate) fn of(trade: &Trade) -> Self {
        let (start_minute, end_minute) = minutes(trade.window);
        Self {
            number: trade.id.number(),
            created_at: trade.created_at.millis(),
            product: trade.product.number(),
            ask: trade.ask.number(),
            bid: trade.bid.number(),
            contract: trade.contract.number(),
            seller: trade.seller.number(),
            buyer: trade.buyer.number(),
            aggressor: word(trade.aggressor.as_str()),
            gpus: i64::from(trade.gpus),
            start_minute,
            end_minute,
            price: trade.price.micros(),
            previous_of_ask: trade.previous_of_ask.map(TradeId::number),
            previous_of_bid: trade.previous_of_bid.map(TradeId::number),
            previous_of_product: trade.previous_of_product.map(TradeId::number),
        }
    }
}

impl TryFrom<TradeRow> for Trade {
    type Error = StoreError;

    fn try_from(row: TradeRow) -> Result<Self, StoreError> {
        let at = Place::new("trades", row.number);
        Ok(Self {
            id: TradeId::new(row.number),
            created_at: Timestamp::from_millis(row.created_at),
            product: ProductId::new(row.product),
            ask: OrderId::new(row.ask),
            bid: OrderId::new(row.bid),
            contract: ContractId::new(row.contract),
            seller: OrganizationId::new(row.seller),
            buyer: OrganizationId::new(row.buyer),
            aggressor: at.parsed("aggressor", Side::parse(&row.aggressor))?,
            gpus: at.int("gpus", row.gpus)?,
            window: at.window(row.start_minute, row.end_minute)?,
            price: Price::from_micros(row.price),
            previous_of_ask: row.previous_of_ask.map(TradeId::new),
            previous_of_bid: row.previous_of_bid.map(TradeId::new),
            previous_of_product: row.previous_of_product.map(TradeId::new),
        })
    }
}
