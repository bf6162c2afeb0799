//! Orders, ended ones included.

use diesel::{ExpressionMethods, JoinOnDsl, OptionalExtension, QueryDsl, QueryResult, RunQueryDsl, SelectableHelper};

use super::{Page, newest};
use crate::exchange::entities::Order;
use crate::store::db::{on, portable};
use crate::store::feed::{Stream, state};
use crate::store::rows::{OrderRow, OrderStateRow};
use crate::store::schema::{feed, order_states, orders};
use crate::store::{Db, StoreError};
use crate::types::{OrderId, OrderStatus, OrganizationId, ProductId, Side};

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

/// Returns an order as it stands.
///
/// # Errors
/// What the database said.
pub fn get(db: &mut Db, order: OrderId) -> Result<Option<Order>, StoreError> {
    let row = on!(db, |c, m| m::get(c, order.number()))?;
    row.map(|(order, state)| order.with(state)).transpose()
}

/// Returns a page of an organization's orders.
///
/// # Errors
/// What the database said.
pub fn of_organization(
    db: &mut Db,
    organization: OrganizationId,
    filter: &OrderFilter,
    page: Page,
) -> Result<Vec<Order>, StoreError> {
    let after = state::get(db)?.orders;
    let listed = on!(&mut *db, |c, m| m::listed(c, organization.number(), filter, page))?;
    let past = on!(db, |c, m| m::past(c, organization.number(), after, filter, page))?;
    newest(listed, past, page, |(order, _)| order.number).into_iter().map(|(order, state)| order.with(state)).collect()
}

/// Adds what a filter asks to a query that joins orders with their states.
macro_rules! filtered {
    ($query:expr, $filter:expr) => {{
        let mut query = $query;
        if let Some(status) = $filter.status {
            query = query.filter(order_states::status.eq(status.as_str()));
        }
        if let Some(side) = $filter.side {
            query = query.filter(orders::side.eq(side.as_str()));
        }
        if let Some(product) = $filter.product {
            query = query.filter(orders::product.eq(product.number()));
        }
        query
    }};
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

    pub(crate) fn listed(
        c: &mut Conn,
        organization: i64,
        filter: &OrderFilter,
        page: Page,
    ) -> QueryResult<Vec<(OrderRow, OrderStateRow)>> {
        let query = feed::table
            .inner_join(orders::table.on(orders::number.eq(feed::number)))
            .inner_join(order_states::table.on(order_states::number.eq(feed::number)))
            .filter(feed::stream.eq(Stream::OrdersOfOrganization.code()))
            .filter(feed::owner.eq(organization))
            .filter(feed::number.lt(page.before()))
            .order(feed::number.desc())
            .limit(page.limit())
            .select((OrderRow::as_select(), OrderStateRow::as_select()))
            .into_boxed::<DB>();
        filtered!(query, filter).load(c)
    }

    pub(crate) fn past(
        c: &mut Conn,
        organization: i64,
        after: i64,
        filter: &OrderFilter,
        page: Page,
    ) -> QueryResult<Vec<(OrderRow, OrderStateRow)>> {
        let query = orders::table
            .inner_join(order_states::table.on(order_states::number.eq(orders::number)))
            .filter(orders::number.gt(after))
            .filter(orders::number.lt(page.before()))
            .filter(orders::organization.eq(organization))
            .order(orders::number.desc())
            .limit(page.limit())
            .select((OrderRow::as_select(), OrderStateRow::as_select()))
            .into_boxed::<DB>();
        filtered!(query, filter).load(c)
    }
}
