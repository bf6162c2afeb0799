//! Statements: what moved for an organization in a month, and what that was for.

mod fold;
mod unpaid;

use std::collections::BTreeMap;

pub use fold::{Balances, Flow, Folded, KeptBack, Part, Sums};
use fold::{Fold, Time};

use super::face::{Mentioned, Mentions};
use super::reads::{Listed, Slice};
use super::wallet::{mention_cause, organization_by_id};
use super::{App, AppError, facade::Caller};
use crate::exchange::entities::{Cause, Contract, Transfer};
use crate::market::{GpuMinutes, Month};
use crate::store::{Reader, StoreError, read};
use crate::types::limits::{STATEMENT_CONTRACTS_MAX, STATEMENT_MONTHS_MAX};
use crate::types::{ContractId, Kind, OrganizationId, OutOfRange, Price, PublicId, Timestamp, TransferId};

/// Transfers, and contracts, read at a time.
const READ_AT_ONCE: usize = 1_000;

/// What moved for an organization in a month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Whose.
    pub organization: OrganizationId,
    /// Which month.
    pub month: Month,
    /// Whether the month is over, so that nothing more is added.
    pub is_complete: bool,
    /// The figures.
    pub figures: Folded,
    /// What moved for contracts, by number; the first [`STATEMENT_CONTRACTS_MAX`].
    pub lines: Vec<Line>,
    /// Contracts left out of the lines.
    pub left_out: usize,
    /// What moved for all contracts, by what the organization is in them.
    pub totals: BTreeMap<Part, Sums>,
    /// The transfers, newest first: a page of them.
    pub transfers: Listed<Transfer>,
}

/// What moved for one contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The contract as it stands.
    pub contract: Contract,
    /// What the organization is in it.
    pub part: Part,
    /// What moved.
    pub sums: Sums,
}

impl Line {
    /// Returns the price that an organization's part in the contract is at: for whoever left it by novation, what it sold
    /// its position at.
    pub fn price(&self, organization: OrganizationId) -> Price {
        let left = self.contract.taken_over().filter(|taken| self.part == Part::Sold && taken.seller == organization);
        left.map_or(self.contract.price, |taken| taken.price)
    }

    /// Returns the GPU-minutes that were settled as delivered.
    pub fn delivered(&self) -> GpuMinutes {
        GpuMinutes::new(self.contract.price.gpu_minutes(self.sums.due).unwrap_or_default())
    }
}

impl App {
    /// Returns the statement of an organization for a month, with a page of its transfers and what it mentions. Members
    /// need not say whose.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for other organizations and for months to come; `invalid_field` for staff that does not say
    /// whose; `scope_required`, or if the store fails.
    pub async fn statement(
        &self,
        caller: &Caller,
        of: Option<PublicId>,
        month: Month,
        slice: Slice,
    ) -> Result<(Statement, Mentioned), AppError> {
        let organization = self.whose_statement(caller, of)?;
        let now = self.live().read(|view| view.now);
        if month.window().start.start() > now {
            return Err(AppError::NotFound);
        }
        // Each reads a month of an organization's history: many at once would keep all others from the database.
        let permit = self.statements().acquire().await.map_err(|_| AppError::NotApplied)?;
        let owners = self.live().read(|view| unpaid::owners(view, organization));
        let read = self.read(move |reader| {
            let statement = statement(reader, (organization, &owners), month, now, slice)?;
            let mut mentions = Mentions::default();
            statement.transfers.rows.iter().for_each(|row| mention_cause(&mut mentions, row.cause));
            mentions.contracts.extend(statement.lines.iter().map(|line| line.contract.id));
            let mentioned = mentions.look_up(reader)?;
            Ok((statement, mentioned))
        });
        let read = read.await;
        drop(permit);
        read
    }

    /// Returns the months that there are statements of, newest first, at most [`STATEMENT_MONTHS_MAX`].
    ///
    /// # Errors
    /// As [`App::statement`].
    pub fn statement_months(&self, caller: &Caller, of: Option<PublicId>) -> Result<Vec<Month>, AppError> {
        let organization = self.whose_statement(caller, of)?;
        let (since, now) = self.live().read(|view| {
            let since = view.organizations.get(&organization).map(|row| row.created_at);
            (Month::of(since.unwrap_or_default().minute()), Month::of(view.now.minute()))
        });
        let months = std::iter::successors(Some(now), |month| Some(month.previous()));
        Ok(months.take_while(|month| *month >= since).take(STATEMENT_MONTHS_MAX).collect())
    }

    fn whose_statement(&self, caller: &Caller, of: Option<PublicId>) -> Result<OrganizationId, AppError> {
        let own = caller.reader()?;
        let Some(id) = of else {
            return own.ok_or_else(|| AppError::Invalid {
                code: "invalid_field",
                field: "organization_id".to_owned(),
                message: "says whose statement; only members may leave it out".to_owned(),
            });
        };
        let exchange = PublicId {
            created_at: Timestamp::default(),
            kind: Kind::Organization,
            number: OrganizationId::EXCHANGE.number(),
        };
        let known = self.live().read(|view| organization_by_id(view, id).map(|row| row.id));
        let known = known.or((id == exchange).then_some(OrganizationId::EXCHANGE));
        known.filter(|known| own.is_none_or(|own| own == *known)).ok_or(AppError::NotFound)
    }
}

/// Makes up a statement from the store. What the organization hosts for nothing is told of by its owners' transfers.
///
/// # Errors
/// What the database said.
pub fn statement(
    reader: &mut Reader,
    (organization, owners): (OrganizationId, &[OrganizationId]),
    month: Month,
    now: Timestamp,
    slice: Slice,
) -> Result<Statement, StoreError> {
    let window = month.window();
    let purse = read::balances::of(reader, organization)?;
    let mut fold = Fold::new(organization, &purse, (window.start.start(), window.end.start()));
    let mut kept = Kept::new(slice);
    let mut page = Slice::first(u32::try_from(READ_AT_ONCE).unwrap_or(u32::MAX));
    loop {
        let Listed { rows, next } = read::transfers::back_from(reader, organization, purse.last_transfer, page)?;
        let kept_backs = kept_back(reader, &fold, &rows)?;
        for row in &rows {
            let kept_back = kept_backs.get(&row.id).copied().unwrap_or_default();
            fold.add(row, kept_back).map_err(|_| beyond(row.id))?;
            if fold.time(row) == Time::Within {
                kept.add(row);
            }
        }
        let is_done = rows.last().is_some_and(|row| fold.time(row) == Time::Before);
        match next.filter(|_| !is_done) {
            Some(next) => page = page.after(next),
            None => break,
        }
    }
    let mut figures = fold.clone().figures();
    unpaid::add(reader, (organization, owners), &fold, &mut figures)?;
    let totals = totals(&figures).map_err(|_| beyond(TransferId::new(0)))?;
    let (lines, left_out) = lines(reader, &figures)?;
    let (is_complete, transfers) = (window.end.start() <= now, kept.listed());
    Ok(Statement { organization, month, is_complete, figures, lines, left_out, totals, transfers })
}

/// The transfers of the month that the page shows.
struct Kept {
    slice: Slice,
    rows: Vec<Transfer>,
    more: bool,
}

impl Kept {
    const fn new(slice: Slice) -> Self {
        Self { slice, rows: Vec::new(), more: false }
    }

    fn add(&mut self, transfer: &Transfer) {
        if self.slice.before.is_some_and(|before| transfer.id.number() >= before) {
            return;
        }
        let fits = usize::try_from(self.slice.limit).unwrap_or(usize::MAX);
        match self.rows.len() < fits {
            true => self.rows.push(transfer.clone()),
            false => self.more = true,
        }
    }

    fn listed(self) -> Listed<Transfer> {
        let next = self.rows.last().filter(|_| self.more).map(|row| row.id.number());
        Listed { rows: self.rows, next }
    }
}

/// Returns what was kept back from what an organization was paid: a settlement transfers it right after its payment.
fn kept_back(
    reader: &mut Reader,
    fold: &Fold,
    rows: &[Transfer],
) -> Result<BTreeMap<TransferId, KeptBack>, StoreError> {
    let earned: Vec<&Transfer> = rows.iter().filter(|row| fold.is_earned(row)).collect();
    let following: Vec<TransferId> = earned.iter().flat_map(|row| after(row.id)).collect();
    if following.is_empty() {
        return Ok(BTreeMap::new());
    }
    let following = read::transfers::numbered(reader, &following)?;
    let following: BTreeMap<TransferId, Transfer> = following.into_iter().map(|row| (row.id, row)).collect();
    let kept = |row: &Transfer| {
        let mut kept = KeptBack::default();
        for next in after(row.id).into_iter().filter_map(|id| following.get(&id)) {
            match next.cause {
                cause if cause.contract() != row.cause.contract() => break,
                Cause::Fee(_) => kept.fee = next.amount,
                Cause::OwnerShare(_) | Cause::Royalty(_) => kept.owner_share = next.amount,
                _ => break,
            }
        }
        (row.id, kept)
    };
    Ok(earned.into_iter().map(kept).collect())
}

/// Returns the two transfers after one.
const fn after(id: TransferId) -> [TransferId; 2] {
    let next = fold::next(id);
    [next, fold::next(next)]
}

fn totals(figures: &Folded) -> Result<BTreeMap<Part, Sums>, OutOfRange> {
    let mut totals: BTreeMap<Part, Sums> = BTreeMap::new();
    for ((_, part), sums) in &figures.contracts {
        let total = totals.entry(*part).or_default();
        *total = total.plus(sums)?;
    }
    Ok(totals)
}

/// Returns the lines of a statement, and how many contracts are not among them.
fn lines(reader: &mut Reader, figures: &Folded) -> Result<(Vec<Line>, usize), StoreError> {
    let shown: Vec<_> = figures.contracts.iter().take(STATEMENT_CONTRACTS_MAX).collect();
    let mut ids: Vec<ContractId> = shown.iter().map(|((id, _), _)| *id).collect();
    ids.dedup();
    let mut contracts = BTreeMap::new();
    for ids in ids.chunks(READ_AT_ONCE) {
        let rows = read::contracts::numbered(reader, ids)?;
        contracts.extend(rows.into_iter().map(|row| (row.id, row)));
    }
    let line = |((id, part), sums): (&(ContractId, Part), &Sums)| {
        let contract = contracts.get(id).cloned().ok_or_else(|| StoreError::Corrupt {
            table: "contracts",
            key: id.to_string(),
            what: "money moved for it, but it is not there".to_owned(),
        })?;
        Ok(Line { contract, part: *part, sums: *sums })
    };
    let left_out = figures.contracts.len().saturating_sub(shown.len());
    Ok((shown.into_iter().map(line).collect::<Result<_, StoreError>>()?, left_out))
}

fn beyond(transfer: TransferId) -> StoreError {
    let what = "the transfers add up to more than there is room for".to_owned();
    StoreError::Corrupt { table: "transfers", key: transfer.to_string(), what }
}
