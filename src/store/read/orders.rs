//! Orders, ended ones included.

use diesel::{ExpressionMethods, JoinOnDsl, OptionalExtension, QueryDsl, QueryResult, RunQueryDsl, SelectableHelper};

use super::chain::{self, Chain};
use super::{Listed, Page};
use crate::exchange::entities::Order;
use crate::store::db::{on, portable};
use crate::store::rows::{OrderRow, OrderStateRow};
use crate::store::schema::{balances, order_states, orders};
use crate::store::{Db, StoreError};
use crate::types::{OrderId, OrderStatus, OrganizationId, ProductId, Side};

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
pub fn get(db: &mut Db, order: OrderId) -> Result<Option<Order>, StoreError> {
    let row = on!(db, |c, m| m::get(c, order.number()))?;
    row.map(|(order, state)| order.with(state)).transpose()
}

/// Returns a page of an organization's orders. At most [`LOOKED_AT_MAX`] are looked at, so a filter that leaves out
/// most of them gives pages with few rows or none, and a place to read on.
///
/// # Errors
/// What the database said.
pub fn of_organization(
    db: &mut Db,
    organization: OrganizationId,
    filter: &OrderFilter,
    page: Page,
) -> Result<Listed<Order>, StoreError> {
    let owner = organization.number();
    let last = on!(&mut *db, |c, m| m::last(c, owner))?.flatten();
    let fits = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let stretch = if *filter == OrderFilter::default() { page.limit } else { STRETCH };
    let mut found = Listed { rows: Vec::new(), next: page.before };
    let mut looked_at = 0_usize;
    loop {
        let steps = chain::walk(db, OF_ORGANIZATION, owner, last, Page { before: found.next, limit: stretch })?;
        let rows = on!(&mut *db, |c, m| m::numbered(c, &chain::numbers(&steps)))?;
        found.next = None;
        for (order, state) in chain::listed(&steps, rows, |(order, _)| order.number).rows {
            let order = order.with(state)?;
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
    pub(crate) fn get(c: &mut Conn, number: i64) -> QueryResult<Option<(OrderRow, OrderStateRow)>> {
        orders::table
            .inner_join(order_states::table.on(order_states::number.eq(orders::number)))
            .filter(orders::number.eq(number))
            .select((OrderRow::as_select(), OrderStateRow::as_select()))
            .first(c)
            .optional()
    }

    pub(crate) fn last(c: &mut Conn, organization: i64) -> QueryResult<Option<Option<i64>>> {
        balances::table.find(organization).select(balances::last_order).first(c).optional()
    }

    pub(crate) fn numbered(c: &mut Conn, numbers: &[i64]) -> QueryResult<Vec<(OrderRow, OrderStateRow)>> {
        orders::table
            .inner_join(order_states::table.on(order_states::number.eq(orders::number)))
            .filter(orders::number.eq_any(numbers))
            .select((OrderRow::as_select(), OrderStateRow::as_select()))
            .load(c)
    }
}
