//! Mark to market: what each open contract of an organization would gain or lose if it were closed at the forward curve.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::analytics::forward::Forward;
use super::analytics::kept::Made;
use super::reads::{Listed, Slice};
use super::wallet::organization_by_id;
use super::{App, AppError, Scope, View, facade::Caller};
use crate::market::GpuMinutes;
use crate::market::forward::{Mark, mark};
use crate::types::{
    ContractId, Money, OrganizationId, OutOfRange, Price, ProductId, PublicId, Symbol, Timestamp, Window,
};

/// Open contracts that are marked, the newest.
pub const MARKED_MAX: usize = 10_000;

/// An open contract against the curve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marked {
    /// The contract.
    pub contract: ContractId,
    /// When it was made.
    pub created_at: Timestamp,
    /// Whether the organization sells, and does not hold the GPUs.
    pub sold: bool,
    /// What is delivered.
    pub product: Symbol,
    /// How many GPUs it covers in every minute: what others took over is theirs.
    pub gpus: u32,
    /// What is left of its window.
    pub window: Window,
    /// At what price.
    pub price: Price,
    /// What that is worth; nothing without a curve.
    pub mark: Option<Mark>,
    /// Value less cost for what was bought, cost less value for what was sold.
    pub result: Option<Money>,
}

/// Sums of marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Contracts that could be marked.
    pub contracts: u64,
    /// What is left of them.
    pub remaining: GpuMinutes,
    /// At their own prices.
    pub cost: Money,
    /// At the curve's.
    pub value: Money,
    /// What would be gained or, below zero, lost.
    pub result: Money,
}

/// An organization's open contracts against the curve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marks {
    /// Contracts, newest first.
    pub rows: Vec<Marked>,
    /// Over what was bought.
    pub bought: Totals,
    /// Over what was sold.
    pub sold: Totals,
    /// What would be gained or lost in all.
    pub result: Money,
    /// Whether there are more open contracts than are marked.
    pub truncated: bool,
    /// The exchange's time.
    pub now: Timestamp,
    /// The journal row it reflects, at least.
    pub as_of: i64,
}

/// What the view says of an open contract.
struct Open {
    row: Marked,
    product: ProductId,
}

impl App {
    /// Returns an organization's open contracts against the forward curve: the caller's own, or anybody's for admins and
    /// auditors.
    ///
    /// # Errors
    /// `scope_required`; [`AppError::NotFound`]; or if the store fails.
    pub async fn marks(&self, caller: &Caller, id: PublicId) -> Result<Marks, AppError> {
        caller.reader()?;
        let organization = self.live().read(|view| organization_by_id(view, id).map(|row| row.id));
        self.marks_of(organization.filter(|id| caller.may_see(*id)).ok_or(AppError::NotFound)?).await
    }

    /// Returns the open contracts of the caller's organization against the forward curve.
    ///
    /// # Errors
    /// `scope_required`, `role_required`; or if the store fails.
    pub async fn own_marks(&self, caller: &Caller) -> Result<Marks, AppError> {
        self.marks_of(caller.member(Scope::Read)?).await
    }

    async fn marks_of(&self, organization: OrganizationId) -> Result<Marks, AppError> {
        let (open, truncated, now, as_of) = self.live().read(|view| {
            let (open, truncated) = open_contracts(view, organization);
            (open, truncated, view.now, view.as_of)
        });
        let products: BTreeSet<ProductId> = open.iter().map(|row| row.product).collect();
        let mut curves = BTreeMap::new();
        for product in products {
            curves.insert(product, self.forward_of(product).await?);
        }
        let marked = self.compute(move |_| against(open, &curves)).await?;
        let (rows, bought, sold) = marked.map_err(out_of_range)?;
        let result = bought.result.plus(sold.result).map_err(out_of_range)?;
        Ok(Marks { rows, bought, sold, result, truncated, now, as_of })
    }
}

impl Marks {
    /// Returns a page of the contracts.
    pub fn page(&self, slice: Slice) -> Listed<Marked> {
        let behind = self.rows.iter().filter(|row| slice.before.is_none_or(|before| row.contract.number() < before));
        let fits = usize::try_from(slice.limit).unwrap_or(usize::MAX);
        Listed::of(behind.take(fits.saturating_add(1)).cloned().collect(), slice, |row| row.contract.number())
    }
}

/// Returns the open contracts of an organization that have something left, newest first.
fn open_contracts(view: &View, organization: OrganizationId) -> (Vec<Open>, bool) {
    let ids = view.titles_of.get(&organization);
    let truncated = ids.is_some_and(|ids| ids.len() > MARKED_MAX);
    let open = |id: &ContractId| {
        let title = view.titles.get(id)?;
        let window = title.window.from_minute(view.now.first_open_minute());
        let row = Marked {
            contract: *id,
            created_at: title.created_at,
            sold: title.seller == organization,
            product: view.products.get(&title.product)?.symbol.clone(),
            gpus: title.held,
            window,
            price: if title.seller == organization { title.price } else { title.bought_at },
            mark: None,
            result: None,
        };
        Some(Open { row, product: title.product }).filter(|open| !window.is_empty() && open.row.gpus > 0)
    };
    (ids.into_iter().flatten().rev().take(MARKED_MAX).filter_map(open).collect(), truncated)
}

fn against(
    open: Vec<Open>,
    curves: &BTreeMap<ProductId, Arc<Made<Forward>>>,
) -> Result<(Vec<Marked>, Totals, Totals), OutOfRange> {
    let (mut rows, mut bought, mut sold) = (Vec::with_capacity(open.len()), Totals::default(), Totals::default());
    for Open { mut row, product } in open {
        let curve = curves.get(&product).map(|made| made.figure.as_slice()).unwrap_or_default();
        if let Some(found) = mark(curve, row.window, row.gpus, row.price)? {
            let result = if row.sold { found.cost.minus(found.value)? } else { found.value.minus(found.cost)? };
            (row.mark, row.result) = (Some(found), Some(result));
            if row.sold { &mut sold } else { &mut bought }.add(&found, result)?;
        }
        rows.push(row);
    }
    Ok((rows, bought, sold))
}

impl Totals {
    fn add(&mut self, mark: &Mark, result: Money) -> Result<(), OutOfRange> {
        self.contracts = self.contracts.saturating_add(1);
        self.remaining = self.remaining.plus(mark.remaining);
        self.cost = self.cost.plus(mark.cost)?;
        self.value = self.value.plus(mark.value)?;
        self.result = self.result.plus(result)?;
        Ok(())
    }
}

fn out_of_range(error: OutOfRange) -> AppError {
    AppError::Internal(format!("marks: {error}"))
}
