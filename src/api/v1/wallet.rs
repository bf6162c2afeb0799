//! `/v1/balances`, `/v1/transfers`, `/v1/admin/deposits` and `/v1/admin/withdrawals`.

use actix_web::web::Data;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::products::PageQuery;
use crate::api::Api;
use crate::api::answer::{Answer, Created, Reply};
use crate::api::extract::body::json_body;
use crate::api::extract::{Body, PathId, Query, RequiredIdempotencyKey};
use crate::api::page::{self, Page};
use crate::api::problem::Problem;
use crate::api::wire::{Id, Instant, Usd, Whole};
use crate::app::catalogue::Accepted;
use crate::app::facade::{App, Caller};
use crate::app::face::{Faces, Mentioned};
use crate::app::wallet::{Direction, Payment};
use crate::exchange::entities::{Account, Purse, Transfer};
use crate::types::{Kind, PublicId};

/// What an organization owns.
#[derive(Debug, Serialize, ToSchema)]
pub struct Balances {
    /// Always USD.
    #[schema(example = "USD")]
    pub currency: &'static str,
    /// Free to spend.
    pub available: Usd,
    /// Behind open bids.
    pub held: Usd,
    /// Behind contracts.
    pub escrow: Usd,
    /// Collateral behind its asks, and behind what it has sold.
    pub bond: Usd,
    /// The last journal row it reflects.
    pub as_of: i64,
}

/// One movement of money.
#[derive(Debug, Serialize, ToSchema)]
pub struct TransferRow {
    /// Its id.
    pub id: Id,
    /// When.
    pub created_at: Instant,
    /// The account that has less.
    pub debit: AccountName,
    /// The account that has more.
    pub credit: AccountName,
    /// How much; positive.
    pub amount: Usd,
    /// Why: `deposit`, `withdrawal`, `hold`, `release`, `escrow`, `draw`, `refund`, `payment`, `fee`, `credit`,
    /// `price_gap`, `notice_fee`, `forfeit`, `owner_share`, `royalty`, `novation`, `novation_royalty`, `takeover`, `bond`,
    /// `bond_release`, `bond_return` or `bond_cover`.
    pub cause: &'static str,
    /// The order it is for.
    pub order_id: Option<Id>,
    /// The contract it is for.
    pub contract_id: Option<Id>,
    /// The payment it stands for.
    pub reference: Option<String>,
}

/// One of an organization's accounts.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccountName {
    /// Whose.
    pub organization_id: Id,
    /// Which: `available`, `held`, `escrow`, `bond` or `external`.
    pub account: &'static str,
}

/// A payment to be booked.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PaymentBody {
    /// Whose account.
    pub organization_id: Id,
    /// How much; positive.
    pub amount: Usd,
    /// The payment it stands for.
    #[schema(min_length = 1, max_length = 200)]
    pub reference: String,
}

json_body!(PaymentBody, {
    "organization_id": "019a0d2e-7c00-7001-8000-000000000001",
    "amount": "25000.00",
    "reference": "wire 2026-11-22/17",
});

/// How fresh a hot answer must be.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct FreshQuery {
    /// Answer only as of this sequence or later; waits briefly, then 503.
    #[param(value_type = Option<i64>, minimum = 0)]
    pub min_sequence: Option<Whole>,
}

impl Balances {
    /// Returns what lies in a purse.
    pub fn of(purse: &Purse, as_of: i64) -> Self {
        Self {
            currency: "USD",
            available: Usd(purse.available),
            held: Usd(purse.held),
            escrow: Usd(purse.escrow),
            bond: Usd(purse.bond),
            as_of,
        }
    }
}

/// Shows what the caller's organization owns.
pub async fn balances(api: Data<Api>, caller: Caller, Query(query): Query<FreshQuery>) -> Reply<Answer<Balances>> {
    api.fresh(query.min_sequence).await?;
    let (purse, as_of) = api.app.purse(&caller)?;
    Ok(Answer(Balances::of(&purse, as_of)))
}

/// Lists the transfers from and to the caller's organization.
pub async fn transfers(
    api: Data<Api>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> Reply<Answer<Page<TransferRow>>> {
    let slice = page::slice(query.limit, query.cursor.as_deref())?;
    let (rows, mentioned) = api.app.transfers(&caller, slice).await?;
    let shown = Page::of(rows, |row| show(&api.app, row, &mentioned));
    Ok(Answer(shown.transpose()?))
}

/// Shows one transfer.
pub async fn transfer(api: Data<Api>, caller: Caller, id: PathId) -> Reply<Answer<TransferRow>> {
    let (row, mentioned) = api.app.transfer(&caller, id.0).await?;
    Ok(Answer(show(&api.app, row, &mentioned)?))
}

/// Books money that came in.
pub async fn deposit(
    api: Data<Api>,
    caller: Caller,
    key: RequiredIdempotencyKey,
    Body(body): Body<PaymentBody>,
) -> Reply<Created<TransferRow>> {
    book(&api.app, &caller, key.0, Direction::In, body).await
}

/// Books money that goes out.
pub async fn withdraw(
    api: Data<Api>,
    caller: Caller,
    key: RequiredIdempotencyKey,
    Body(body): Body<PaymentBody>,
) -> Reply<Created<TransferRow>> {
    book(&api.app, &caller, key.0, Direction::Out, body).await
}

async fn book(
    app: &App,
    caller: &Caller,
    key: String,
    direction: Direction,
    body: PaymentBody,
) -> Reply<Created<TransferRow>> {
    let organization = body.organization_id.of(Kind::Organization)?;
    let payment = Payment { organization, amount: body.amount.0, reference: body.reference };
    let Accepted { value, replayed } = app.book_payment(caller, key, direction, payment).await?;
    let body = show(app, value, &Mentioned::default())?;
    Ok(Created { location: format!("/v1/transfers/{}", body.id.0), body, replayed })
}

pub(super) fn show(app: &App, row: Transfer, mentioned: &Mentioned) -> Result<TransferRow, Problem> {
    app.live().read(|view| {
        let faces = Faces::new(view, mentioned);
        let account = |account: Account| -> Result<AccountName, Problem> {
            let organization_id = faces.organization(account.organization)?.into();
            Ok(AccountName { organization_id, account: account.kind.as_str() })
        };
        let id = PublicId { created_at: row.created_at, kind: Kind::Transfer, number: row.id.number() };
        Ok(TransferRow {
            id: id.into(),
            created_at: Instant(row.created_at),
            debit: account(row.debit)?,
            credit: account(row.credit)?,
            amount: Usd(row.amount),
            cause: row.cause.as_str(),
            order_id: row.cause.order().map(|order| faces.order(order)).transpose()?.map(Id::from),
            contract_id: row.cause.contract().map(|contract| faces.contract(contract)).transpose()?.map(Id::from),
            reference: row.reference,
        })
    })
}
