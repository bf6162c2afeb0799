//! Every row of every table against what it must be.

use std::collections::{BTreeMap, HashSet};

use diesel::connection::DefaultLoadingMode;
use diesel::sql_types::Text;
use diesel::{QueryDsl, QueryResult, QueryableByName, RunQueryDsl, SelectableHelper, sql_query};

use super::Mismatch;
use super::expected::{Entry, Expected, decode, encode};
use crate::store::db::{on, portable};
use crate::store::pending::log::{MarkRow, PendingRow};
use crate::store::row::{Cell, Row};
use crate::store::rows::{
    BalanceRow, ContractRow, ContractStateRow, DeliveryRow, FixRow, KeyRow, ListingRow, OrderRow, OrderStateRow,
    OrganizationRow, PassRow, ProductRow, SiteRow, StateRow, TapeRow, TermsRow, TradeRow, TransferRow,
};
use crate::store::schema;
use crate::store::{Db, StoreError};

/// Returns every difference between the tables and what they must hold, by journal sequence. The journal itself is
/// checked by [`super::chain`].
///
/// # Errors
/// What the database said; a row that cannot be read is a difference, not an error.
pub fn compare(db: &mut Db, expected: &Expected) -> Result<Vec<Mismatch>, StoreError> {
    let mut found = Vec::new();
    macro_rules! tables {
        ($($scan:ident: $row:ty),+ $(,)?) => {$(
            let mut table = Comparison::new::<$row>(expected);
            on!(&mut *db, |c, m| m::$scan(c, |row| table.row::<$row>(row)))?;
            table.finish::<$row>(&mut found)?;
        )+};
    }
    tables! {
        orders: OrderRow, order_states: OrderStateRow, trades: TradeRow, contracts: ContractRow,
        contract_states: ContractStateRow, contract_passes: PassRow, index_fixes: FixRow, transfers: TransferRow, balances: BalanceRow,
        tapes: TapeRow, organizations: OrganizationRow, products: ProductRow, sites: SiteRow, listings: ListingRow,
        remembered_keys: KeyRow, exchange_state: StateRow, contract_terms: TermsRow, deliveries: DeliveryRow,
    }
    if expected.mark().is_some() {
        tables! { pending_states: PendingRow }
    }
    compare_mark(db, expected, &mut found)?;
    found.sort();
    Ok(found)
}

/// The mark depends on when there was time to write states, so it is held against its promise alone. That nothing up to
/// it is missing is found by comparing the states; here, that it is where a batch ends, and the only one.
fn compare_mark(db: &mut Db, expected: &Expected, found: &mut Vec<Mismatch>) -> Result<(), StoreError> {
    let mut marks = Comparison::new::<MarkRow>(expected);
    let right = expected.mark();
    let mut is_there = false;
    on!(&mut *db, |c, m| m::states_mark(c, |row| {
        let row = row?;
        let key = shown(&row.key());
        match &right {
            _ if row.id != 0 => marks.add::<MarkRow>(expected.last(), key, "", "should not be there".to_owned()),
            None => {
                let what = format!("is {}, where no batch ends", row.sequence);
                marks.add::<MarkRow>(expected.last(), key, "sequence", what);
            }
            Some(right) => {
                for ((column, is), should) in MarkRow::TABLE.columns.iter().zip(row.cells()).zip(right.cells()) {
                    if is != should {
                        let what = format!("is {is}, should be {should}");
                        marks.add::<MarkRow>(expected.last(), key.clone(), column, what);
                    }
                }
            }
        }
        is_there |= row.id == 0;
        Ok(())
    }))?;
    if !is_there {
        marks.add::<MarkRow>(expected.last(), "0".to_owned(), "", "is missing".to_owned());
    }
    marks.finish::<MarkRow>(found)
}

/// Returns what the embedded database finds wrong with its own file; nothing on PostgreSQL.
///
/// # Errors
/// What the database said: a file damaged enough cannot be checked at all.
pub fn integrity(db: &mut Db) -> Result<Vec<String>, StoreError> {
    #[derive(QueryableByName)]
    struct Finding {
        #[diesel(sql_type = Text)]
        integrity_check: String,
    }
    let Db::Sqlite(conn) = db else { return Ok(Vec::new()) };
    let mut findings = Vec::new();
    for finding in sql_query("PRAGMA integrity_check").load_iter::<Finding, DefaultLoadingMode>(conn)? {
        match finding {
            Ok(finding) => findings.push(finding.integrity_check),
            // The check gave up, but not before it found something. Asked again it would give up for ever.
            Err(error) if !findings.is_empty() => {
                findings.push(error.to_string());
                break;
            }
            Err(error) => return Err(error.into()),
        }
    }
    findings.retain(|text| text != "ok");
    Ok(findings)
}

/// The comparison of one table under way.
struct Comparison<'e> {
    rows: Option<&'e BTreeMap<Box<[u8]>, Entry>>,
    seen: HashSet<&'e [u8]>,
    last: i64,
    found: Vec<Mismatch>,
}

impl<'e> Comparison<'e> {
    fn new<R: Row>(expected: &'e Expected) -> Self {
        let rows = expected.table(R::TABLE.name);
        Self { rows, seen: HashSet::new(), last: expected.last(), found: Vec::new() }
    }

    fn row<R: Row>(&mut self, row: QueryResult<R>) -> Result<(), StoreError> {
        let row = match row {
            Ok(row) => row,
            Err(diesel::result::Error::DeserializationError(error)) => {
                self.add::<R>(self.last, "?".to_owned(), "", format!("cannot be read: {error}"));
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        let key = encode(R::TABLE.name, &row.key())?;
        let entry = self.rows.and_then(|rows| rows.get_key_value(&key));
        let Some((key, Entry { row: Some(expected), sequence, older, .. })) = entry else {
            // A deleted row that is back is blamed on the deletion.
            let sequence = entry.map_or(self.last, |(_, entry)| entry.sequence);
            self.add::<R>(sequence, shown(&row.key()), "", "should not be there".to_owned());
            return Ok(());
        };
        self.seen.insert(key);
        let cells = row.cells();
        let found = encode(R::TABLE.name, &cells)?;
        if found == *expected || older.contains(&found) {
            return Ok(());
        }
        let versions = std::iter::once(expected).chain(older).map(|version| decode(R::TABLE.name, version));
        let versions: Vec<Vec<Cell>> = versions.collect::<Result<_, _>>()?;
        let differing = |version: &&Vec<Cell>| version.iter().zip(&cells).filter(|(one, other)| one != other).count();
        // Of the versions that may be there, the likeliest is the one with the least to explain.
        for (index, should) in versions.iter().min_by_key(differing).into_iter().flatten().enumerate() {
            let (Some(is), Some(column)) = (cells.get(index), R::TABLE.columns.get(index)) else { continue };
            if is != should {
                self.add::<R>(*sequence, shown(&row.key()), column, format!("is {is}, should be {should}"));
            }
        }
        Ok(())
    }

    /// Adds the rows that are missing.
    fn finish<R: Row>(mut self, found: &mut Vec<Mismatch>) -> Result<(), StoreError> {
        for (key, entry) in self.rows.into_iter().flatten() {
            if entry.row.is_some() && !entry.may_be_missing && !self.seen.contains(&**key) {
                let cells = decode(R::TABLE.name, key)?;
                self.add::<R>(entry.sequence, shown(&cells), "", "is missing".to_owned());
            }
        }
        found.append(&mut self.found);
        Ok(())
    }

    fn add<R: Row>(&mut self, sequence: i64, key: String, column: &'static str, what: String) {
        self.found.push(Mismatch { sequence, table: R::TABLE.name, key, column, what });
    }
}

fn shown(key: &[Cell]) -> String {
    key.iter().map(Cell::to_string).collect::<Vec<_>>().join(",")
}

/// Declares a scan of each table, row by row.
macro_rules! scans {
    ($($table:ident: $row:ty),+ $(,)?) => {
        portable! {$(
            pub(crate) fn $table(
                c: &mut Conn,
                each: impl FnMut(QueryResult<$row>) -> Result<(), StoreError>,
            ) -> Result<(), StoreError> {
                let mut rows = schema::$table::table.select(<$row>::as_select()).load_iter::<$row, Streaming>(c)?;
                rows.try_for_each(each)
            }
        )+}
    };
}

scans! {
    orders: OrderRow, order_states: OrderStateRow, trades: TradeRow, contracts: ContractRow,
    contract_states: ContractStateRow, contract_passes: PassRow, index_fixes: FixRow, transfers: TransferRow, balances: BalanceRow,
    tapes: TapeRow, organizations: OrganizationRow, products: ProductRow, sites: SiteRow, listings: ListingRow,
    remembered_keys: KeyRow, exchange_state: StateRow, contract_terms: TermsRow, deliveries: DeliveryRow,
    pending_states: PendingRow, states_mark: MarkRow,
}
