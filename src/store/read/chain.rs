//! Walks along chains, newest first.
//!
//! A row of an append-only table names the row before it of each owner it belongs to, and the owner's own row names the
//! last one. A page of a history is a walk from one to the next: one statement, which finds each row by its number.

use std::collections::BTreeMap;

use diesel::sql_types::{BigInt, Nullable};
use diesel::{QueryResult, QueryableByName, RunQueryDsl, sql_query};

use super::{Listed, Page};
use crate::store::db::{on, portable};
use crate::store::{Reader, StoreError};

/// A chain: a statement that takes the owner (`$1`), the place to begin at (`$2`) and the most steps (`$3`), and returns
/// [`Step`]s. It returns none if what stands at the first place is not the owner's.
///
/// The text must name the three in this order for the first time: SQLite numbers them as they come, whatever their names.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chain(pub(super) &'static str);

/// One step of a walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, QueryableByName)]
pub(super) struct Step {
    /// What stands for it in the chain.
    #[diesel(sql_type = BigInt)]
    pub(super) place: i64,
    /// The row it leads to.
    #[diesel(sql_type = BigInt)]
    pub(super) number: i64,
    /// The place before it.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub(super) previous: Option<i64>,
}

/// Walks a chain from its end, or from the place before which a page begins.
pub(super) fn walk(
    reader: &mut Reader,
    chain: Chain,
    owner: i64,
    last: Option<i64>,
    page: Page,
) -> Result<Vec<Step>, StoreError> {
    let Some(first) = page.before.or(last) else { return Ok(Vec::new()) };
    // The place a page begins before is walked from, but is not part of the page.
    let skipped = usize::from(page.before.is_some());
    let steps = page.limit().saturating_add(i64::from(page.before.is_some()));
    let mut walked = on!(reader.db(), |c, m| m::steps(c, chain.0, owner, first, steps))?;
    walked.drain(..skipped.min(walked.len()));
    Ok(walked)
}

/// Returns rows in the order of the steps that lead to them, each once, and where to read on.
pub(super) fn listed<R>(steps: &[Step], rows: Vec<R>, number: impl Fn(&R) -> i64) -> Listed<R> {
    let mut rows: BTreeMap<i64, R> = rows.into_iter().map(|row| (number(&row), row)).collect();
    let found = steps.iter().filter_map(|step| rows.remove(&step.number)).collect();
    let next = steps.last().filter(|step| step.previous.is_some()).map(|step| step.place);
    Listed { rows: found, next }
}

/// Returns the numbers of the rows that steps lead to.
pub(super) fn numbers(steps: &[Step]) -> Vec<i64> {
    steps.iter().map(|step| step.number).collect()
}

portable! {
    pub(crate) fn steps(c: &mut Conn, sql: &str, owner: i64, first: i64, steps: i64) -> QueryResult<Vec<Step>> {
        sql_query(sql)
            .bind::<BigInt, _>(owner)
            .bind::<BigInt, _>(first)
            .bind::<BigInt, _>(steps)
            .load(c)
    }
}
