//! Prices seen elsewhere: imported, never mixed with own trades, outside the exchange and its journal.

use diesel::dsl::max;
use diesel::{
    ExpressionMethods, Insertable, QueryDsl, QueryResult, Queryable, RunQueryDsl, Selectable, SelectableHelper,
};

use super::read::{Listed, Page, entities};
use crate::store::db::{on, portable};
use crate::store::rows::field::Place;
use crate::store::schema::quotes;
use crate::store::{Db, StoreError};
use crate::types::limits::SIDE_ROWS_MAX;
use crate::types::{Price, Timestamp};

/// A price as an importer read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewQuote {
    /// Who published it.
    pub source: String,
    /// What kind of price it is: `ask`, `on_demand`, `spot`, `committed`, `reserved`, `index`.
    pub kind: String,
    /// The variant of the kind that is a series of its own, such as `1y`; empty if there is none.
    pub term: String,
    /// The product's symbol, or the model as published if it names no product.
    pub product: String,
    /// Where, if stated.
    pub region: Option<String>,
    /// When the price held.
    pub observed_at: Timestamp,
    /// When it was fetched, if stated.
    pub fetched_at: Option<Timestamp>,
    /// The price as published.
    pub raw_price: String,
    /// What that price was for.
    pub raw_unit: String,
    /// How many GPUs it was for, if stated.
    pub raw_count: Option<u32>,
    /// The same per GPU-hour.
    pub price: Price,
    /// Whether its publisher had stopped refreshing it.
    pub stale: bool,
    /// Whether it is far off its like; kept, never averaged.
    pub outlier: bool,
    /// What its publisher says beside it.
    pub note: String,
    /// What makes it the same quote when it is imported again.
    pub content_key: String,
}

/// A stored price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote {
    /// Its number.
    pub id: i64,
    /// What was imported.
    pub quote: NewQuote,
}

/// Which quotes; absent fields ask nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct QuoteFilter {
    /// Who published it.
    pub source: Option<String>,
    /// What kind of price.
    pub kind: Option<String>,
    /// What for.
    pub product: Option<String>,
    /// Where.
    pub region: Option<String>,
    /// Observed at or after.
    pub from: Option<Timestamp>,
    /// Observed before.
    pub until: Option<Timestamp>,
}

/// The name of a price series.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Series {
    /// What for.
    pub product: String,
    /// Who published it.
    pub source: String,
    /// What kind of price.
    pub kind: String,
    /// The variant of the kind; empty if there is none.
    pub term: String,
    /// Where, if stated.
    pub region: Option<String>,
}

/// Inserts quotes that are not there yet and returns how many were new; for use in a side write.
///
/// # Errors
/// [`StoreError::TooMany`] for more rows than a side write may have; else what the database said.
pub fn insert(db: &mut Db, rows: &[NewQuote]) -> Result<usize, StoreError> {
    if rows.len() > SIDE_ROWS_MAX {
        return Err(StoreError::TooMany(rows.len()));
    }
    if rows.is_empty() {
        // SQLite would count the rows of the statement before.
        return Ok(0);
    }
    let last = on!(&mut *db, |c, m| m::last_id(c))?.unwrap_or(0);
    let rows: Vec<QuoteRow> = (1..).zip(rows).map(|(next, row)| QuoteRow::of(last.saturating_add(next), row)).collect();
    Ok(on!(db, |c, m| m::insert(c, &rows))?)
}

/// Returns a page of quotes.
///
/// # Errors
/// What the database said.
pub fn page(db: &mut Db, filter: &QuoteFilter, page: Page) -> Result<Listed<Quote>, StoreError> {
    let rows = on!(db, |c, m| m::page(c, filter, page))?;
    Listed::of(rows, page, |row| row.id).try_map(Quote::try_from)
}

/// Returns the quotes of one series in the order in which they were observed.
///
/// # Errors
/// What the database said.
pub fn series(db: &mut Db, series: &Series) -> Result<Vec<Quote>, StoreError> {
    entities(on!(db, |c, m| m::series(c, series))?)
}

/// Returns the names of all series, sorted.
///
/// # Errors
/// What the database said.
pub fn names(db: &mut Db) -> Result<Vec<Series>, StoreError> {
    let rows = on!(db, |c, m| m::names(c))?;
    let mut names: Vec<Series> = rows
        .into_iter()
        .map(|(product, source, kind, term, region)| Series { product, source, kind, term, region })
        .collect();
    names.sort();
    Ok(names)
}

/// Returns the number of the last quote, if there is one: while it stays, nothing was imported.
///
/// # Errors
/// What the database said.
pub fn last(db: &mut Db) -> Result<Option<i64>, StoreError> {
    Ok(on!(db, |c, m| m::last_id(c))?)
}

#[derive(Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = quotes, treat_none_as_default_value = false)]
pub(crate) struct QuoteRow {
    id: i64,
    source: String,
    kind: String,
    term: String,
    product: String,
    region: Option<String>,
    observed_at: i64,
    fetched_at: Option<i64>,
    raw_price: String,
    raw_unit: String,
    raw_count: Option<i64>,
    price: i64,
    stale: i64,
    outlier: i64,
    note: String,
    content_key: String,
}

impl QuoteRow {
    fn of(id: i64, quote: &NewQuote) -> Self {
        Self {
            id,
            source: quote.source.clone(),
            kind: quote.kind.clone(),
            term: quote.term.clone(),
            product: quote.product.clone(),
            region: quote.region.clone(),
            observed_at: quote.observed_at.millis(),
            fetched_at: quote.fetched_at.map(Timestamp::millis),
            raw_price: quote.raw_price.clone(),
            raw_unit: quote.raw_unit.clone(),
            raw_count: quote.raw_count.map(i64::from),
            price: quote.price.micros(),
            stale: i64::from(quote.stale),
            outlier: i64::from(quote.outlier),
            note: quote.note.clone(),
            content_key: quote.content_key.clone(),
        }
    }
}

impl TryFrom<QuoteRow> for Quote {
    type Error = StoreError;

    fn try_from(row: QuoteRow) -> Result<Self, StoreError> {
        let at = Place::new("quotes", row.id);
        let quote = NewQuote {
            source: row.source,
            kind: row.kind,
            term: row.term,
            product: row.product,
            region: row.region,
            observed_at: Timestamp::from_millis(row.observed_at),
            fetched_at: row.fetched_at.map(Timestamp::from_millis),
            raw_price: row.raw_price,
            raw_unit: row.raw_unit,
            raw_count: row.raw_count.map(|count| at.int("raw_count", count)).transpose()?,
            price: Price::from_micros(row.price),
            stale: at.flag("stale", row.stale)?,
            outlier: at.flag("outlier", row.outlier)?,
            note: row.note,
            content_key: row.content_key,
        };
        Ok(Self { id: row.id, quote })
    }
}

/// Product, source, kind, term and region.
type Name = (String, String, String, String, Option<String>);

portable! {
    pub(crate) fn last_id(c: &mut Conn) -> QueryResult<Option<i64>> {
        quotes::table.select(max(quotes::id)).first(c)
    }

    pub(crate) fn insert(c: &mut Conn, rows: &[QuoteRow]) -> QueryResult<usize> {
        diesel::insert_into(quotes::table).values(rows).on_conflict(quotes::content_key).do_nothing().execute(c)
    }

    pub(crate) fn page(c: &mut Conn, filter: &QuoteFilter, page: Page) -> QueryResult<Vec<QuoteRow>> {
        let mut query = quotes::table
            .filter(quotes::id.lt(page.before()))
            .order(quotes::id.desc())
            .limit(page.limit_and_one())
            .select(QuoteRow::as_select())
            .into_boxed::<DB>();
        if let Some(source) = &filter.source {
            query = query.filter(quotes::source.eq(source));
        }
        if let Some(kind) = &filter.kind {
            query = query.filter(quotes::kind.eq(kind));
        }
        if let Some(product) = &filter.product {
            query = query.filter(quotes::product.eq(product));
        }
        if let Some(region) = &filter.region {
            query = query.filter(quotes::region.eq(region));
        }
        if let Some(from) = filter.from {
            query = query.filter(quotes::observed_at.ge(from.millis()));
        }
        if let Some(until) = filter.until {
            query = query.filter(quotes::observed_at.lt(until.millis()));
        }
        query.load(c)
    }

    pub(crate) fn series(c: &mut Conn, series: &Series) -> QueryResult<Vec<QuoteRow>> {
        let query = quotes::table
            .filter(quotes::product.eq(&series.product))
            .filter(quotes::source.eq(&series.source))
            .filter(quotes::kind.eq(&series.kind))
            .filter(quotes::term.eq(&series.term))
            .order((quotes::observed_at, quotes::id))
            .select(QuoteRow::as_select())
            .into_boxed::<DB>();
        match &series.region {
            Some(region) => query.filter(quotes::region.eq(region)).load(c),
            None => query.filter(quotes::region.is_null()).load(c),
        }
    }

    pub(crate) fn names(c: &mut Conn) -> QueryResult<Vec<Name>> {
        let name = (quotes::product, quotes::source, quotes::kind, quotes::term, quotes::region);
        quotes::table.select(name).distinct().load(c)
    }
}
