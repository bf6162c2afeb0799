//! Orders, ended ones included.

use std::sync::Arc;

use diesel::{
    BoolExpressionMethods, ExpressionMethods, JoinOnDsl, QueryDsl, QueryResult, RunQueryDsl, SelectableHelper,
};

use super::chain::{self, Chain};
use super::{Listed, Page, balances};
use crate::exchange::entities::Order;
use crate::store::db::{on, portable};
use crate::store::rows::{OrderRow, OrderStateRow, Place};
use crate::store::schema::{order_states, orders};
use crate::store::{Reader, StoreError};
use crate::types::{OrderId, OrderStatus, OrganizationId, Price, ProductId, Side, Source, Timestamp};

/// Orders looked at for one page: those that a filter leaves out cost time too.
pub const LOOKED_AT_MAX: usize = 10_000;
/// Orders looked at in one statement.
const STRETCH: u32 = 500;

const OF_ORGANIZATION: Chain = Chain(
    "WITH RECURSIVE walk (place, previous, step) AS (
         SELECT number, previous, 1 FROM orders WHERE organization = $1 AND number = $2
         UNION ALL
         SELECT o.number, o.previous, step + 1 FROM walk JOIN orders o ON o.number = walk.previous WHERE step < $3)
     SELECT place, place AS number, previous FROM walk ORDER BY step",
);

/// Which of an organization's orders; absent fields ask nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OrderFilter {
    /// Where it stands.
    pub status: Option<OrderStatus>,
    /// Its side.
    pub side: Option<Side>,
    /// What it trades.
    pub product: Option<ProductId>,
}

impl OrderFilter {
    /// Tells whether an order is asked for.
    pub fn takes(&self, order: &Order) -> bool {
        self.side.is_none_or(|side| side == order.side)
            && self.product.is_none_or(|product| product == order.product)
            && self.status.is_none_or(|status| status == order.status)
    }
}

/// Returns an order as it stands.
///
/// # Errors
/// What the database said.
pub fn get(reader: &mut Reader, order: OrderId) -> Result<Option<Arc<Order>>, StoreError> {
    Ok(numbered(reader, &[order.number()])?.pop())
}

/// Returns when orders were placed, of those that exist.
///
/// # Errors
/// What the database said.
pub fn placed_at(reader: &mut Reader, orders: &[OrderId]) -> Result<Vec<(OrderId, Timestamp)>, StoreError> {
    let numbers: Vec<i64> = orders.iter().map(|order| order.number()).collect();
    let rows = on!(reader.db(), |c, m| m::placed_at(c, &numbers))?;
    Ok(rows.into_iter().map(|(number, at)| (OrderId::new(number), Timestamp::from_millis(at))).collect())
}

/// An ask as it was placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlacedAsk {
    /// The order.
    pub order: OrderId,
    /// Whose.
    pub organization: OrganizationId,
    /// Out of what.
    pub source: Source,
    /// For what.
    pub product: ProductId,
    /// At what price.
    pub price: Price,
    /// When.
    pub at: Timestamp,
}

/// Returns asks after one as they were placed, in order, at most so many.
///
/// # Errors
/// What the database said.
pub fn asks_after(reader: &mut Reader, order: i64, limit: u32) -> Result<Vec<PlacedAsk>, StoreError> {
    let rows = on!(reader.db(), |c, m| m::asks_after(c, order, i64::from(limit)))?;
    rows.into_iter().map(placed_ask).collect()
}

fn placed_ask((number, organization, kind, source, product, price, at): PlacedRow) -> Result<PlacedAsk, StoreError> {
    let place = Place::new("orders", number);
    let (Some(kind), Some(source)) = (kind, source) else { return Err(place.corrupt("source_kind")) };
    Ok(PlacedAsk {
        order: OrderId::new(number),
        organization: OrganizationId::new(organization),
        source: place.source(&kind, source)?,
        product: ProductId::new(product),
        price: Price::from_micros(price),
        at: Timestamp::from_millis(at),
    })
}

/// Number, owner, source, product, price and time of an ask.
type PlacedRow = (i64, i64, Option<String>, Option<i64>, i64, i64, i64);

/// Returns the orders with these numbers as they stand; those that do not exist are left out.
///
/// # Errors
/// What the database said.
pub fn numbered(reader: &mut Reader, numbers: &[i64]) -> Result<Vec<Arc<Order>>, StoreError> {
    let (mut found, mut written) = (Vec::with_capacity(numbers.len()), Vec::new());
    reader.waiting(|pending| {
        for number in numbers {
            match pending.orders.get(*number) {
                Some(order) => found.push(Arc::clone(order)),
                None => written.push(*number),
            }
        }
    });
    if !written.is_empty() {
        for (order, state) in on!(reader.db(), |c, m| m::numbered(c, &written))? {
            found.push(Arc::new(order.with(&state)?));
        }
    }
    Ok(found)
}

/// Returns a page of an organization's orders. At most [`LOOKED_AT_MAX`] are looked at, so a filter that leaves out
/// most of them gives pages with few rows or none, and a place to read on.
///
/// # Errors
/// What the database said.
pub fn of_organization(
    reader: &mut Reader,
    organization: OrganizationId,
    filter: &OrderFilter,
    page: Page,
) -> Result<Listed<Arc<Order>>, StoreError> {
    let owner = organization.number();
    let last = balances::of(reader, organization)?.last_order.map(OrderId::number);
    let fits = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let stretch = if *filter == OrderFilter::default() { page.limit } else { STRETCH };
    let mut found = Listed { rows: Vec::new(), next: page.before };
    let mut looked_at = 0_usize;
    loop {
        let steps = chain::walk(reader, OF_ORGANIZATION, owner, last, Page { before: found.next, limit: stretch })?;
        let rows = numbered(reader, &chain::numbers(&steps))?;
        found.next = None;
        for order in chain::listed(&steps, rows, |order| order.id.number()).rows {
            looked_at = looked_at.saturating_add(1);
            found.next = order.previous.map(|_| order.id.number());
            if filter.takes(&order) {
                found.rows.push(order);
                if found.rows.len() == fits {
                    return Ok(found);
                }
            }
        }
        if found.next.is_none() || looked_at >= LOOKED_AT_MAX {
            return Ok(found);
        }
    }
}

portable! {
    pub(crate) fn numbered(c: &mut Conn, numbers: &[i64]) -> QueryResult<Vec<(OrderRow, OrderStateRow)>> {
        orders::table
            .inner_join(order_states::table.on(order_states::number.eq(orders::number)))
            .filter(orders::number.eq_any(numbers))
            .select((OrderRow::as_select(), OrderStateRow::as_select()))
            .load(c)
    }

    pub(crate) fn asks_after(c: &mut Conn, number: i64, limit: i64) -> QueryResult<Vec<PlacedRow>> {
        use orders as o;
        o::table
            .filter(o::number.gt(number).and(o::side.eq(Side::Ask.as_str())))
            .order(o::number)
            .limit(limit)
            .select((o::number, o::organization, o::source_kind, o::source_number, o::product, o::price, o::created_at))
            .load(c)
    }

    pub(crate) fn placed_at(c: &mut Conn, numbers: &[i64]) -> QueryResult<Vec<(i64, i64)>> {
        let placed = orders::table.filter(orders::number.eq_any(numbers));
        placed.select((orders::number, orders::created_at)).load(c)
    }
}
