//! `/v1/statements/{month}`.

use actix_web::web::Data;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::contracts::{Party, party};
use super::statement_file;
use super::wallet::{self, TransferRow};
use super::words::FormatWord;
use crate::api::Api;
use crate::api::answer::{Form, Reply};
use crate::api::extract::{AcceptsCsv, PathMonth, Query};
use crate::api::page::{self, Page};
use crate::api::problem::Problem;
use crate::api::wire::{Id, Instant, Usd, UsdPerHour, Whole};
use crate::app::facade::{App, Caller};
use crate::app::face::{Faces, Mentioned};
use crate::app::reads::Slice;
use crate::app::statements::{Balances, Flow, Line, Part, Statement, Sums};
use crate::types::limits::STATEMENT_FILE_TRANSFERS_MAX;
use crate::types::{Kind, Money, OrganizationId, OutOfRange};

/// Whose statement, as what, and which part of its transfers.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct StatementQuery {
    /// Whose; the caller's own organization if absent. Admins and auditors must say; the nil time's organization 0 is the
    /// exchange itself.
    pub organization_id: Option<Id>,
    /// `csv` for a file for spreadsheets, also by `Accept: text/csv`; `json` if absent.
    pub format: Option<FormatWord>,
    /// Transfers in one page, 1 to 200; 50 if absent. A file has up to 50,000.
    #[param(value_type = Option<i64>, minimum = 1, maximum = 200)]
    pub limit: Option<Whole>,
    /// The `next_cursor` of the transfers so far.
    pub cursor: Option<String>,
}

/// A page of transfers.
pub type TransferPage = Page<TransferRow>;

/// What moved for an organization in a month. On every account, opening plus what the transfers moved is closing.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Statement)]
pub struct StatementAnswer {
    /// Whose.
    pub organization: Party,
    /// Which month, in UTC.
    #[schema(example = "2026-12")]
    pub month: String,
    /// Its first moment.
    pub start: Instant,
    /// The first moment after it.
    pub end: Instant,
    /// Whether the month is over, so that nothing more is added.
    pub complete: bool,
    /// Always USD.
    #[schema(example = "USD")]
    pub currency: &'static str,
    /// What lay on the accounts as the month began.
    pub opening: StatementBalances,
    /// What lay there as it ended, or lies there now.
    pub closing: StatementBalances,
    /// What moved, by cause: `opening.total` plus all received less all paid is `closing.total`.
    pub causes: Vec<CauseSums>,
    /// What moved for contracts; the first 10,000 by number.
    pub contracts: Vec<StatementLine>,
    /// Contracts left out of them.
    pub contracts_left_out: usize,
    /// What moved for all contracts, those left out included, by what the organization is in them.
    pub contract_totals: Vec<PartSums>,
    /// All transfers of the month.
    pub transfers_total: u64,
    /// The transfers, newest first, page by page.
    pub transfers: TransferPage,
}

/// What lies on an organization's accounts.
#[derive(Debug, Serialize, ToSchema)]
pub struct StatementBalances {
    /// Free to spend.
    pub available: Usd,
    /// Behind open bids.
    pub held: Usd,
    /// Behind contracts.
    pub escrow: Usd,
    /// Collateral.
    pub bond: Usd,
    /// The world outside; of the exchange only.
    pub external: Usd,
    /// All of it.
    pub total: Usd,
}

/// What moved for one cause.
#[derive(Debug, Serialize, ToSchema)]
pub struct CauseSums {
    /// Which, as in transfers.
    pub cause: &'static str,
    /// How many transfers.
    pub transfers: u64,
    /// What came from others.
    pub received: Usd,
    /// What went to others.
    pub paid: Usd,
    /// What went from one of its own accounts to another.
    pub moved: Usd,
}

/// What moved for one contract.
#[derive(Debug, Serialize, ToSchema)]
pub struct StatementLine {
    /// Which.
    pub contract_id: Id,
    /// What the organization is in it: `bought`, `sold`, or, for the exchange, `cleared`.
    pub part: &'static str,
    /// The other side; of what the exchange cleared, the seller, as it is now.
    pub counterparty: Party,
    /// What is delivered.
    #[schema(example = "h100-sxm-80gb")]
    pub product: String,
    /// How many GPUs.
    pub gpus: u32,
    /// At what price; for whoever left it by novation, at what it sold its position.
    pub price: UsdPerHour,
    /// GPU-hours settled as delivered.
    #[schema(example = "192.0000")]
    pub delivered_gpu_hours: String,
    /// What moved.
    #[serde(flatten)]
    pub sums: ContractSums,
}

/// What moved for contracts.
#[derive(Debug, Serialize, ToSchema)]
pub struct ContractSums {
    /// What the buyer set aside.
    pub escrowed: Usd,
    /// What fell due for GPU-hours delivered and was paid, the fee included.
    pub due: Usd,
    /// The exchange's fee in it: the seller got what was due less this.
    pub fees: Usd,
    /// What came back to the buyer.
    pub refunds: Usd,
    /// What the seller paid the buyer for what it promised and did not deliver.
    pub credits: Usd,
    /// What the buyer of a contract that ended early by its doing paid for resales that earn its seller less.
    pub price_gaps: Usd,
    /// What was paid for ending it by notice: by whoever gave notice, to the other side.
    pub notice_fees: Usd,
    /// What the seller got of the deposit because the buyer missed a monthly draw; price gaps come first.
    pub forfeits: Usd,
    /// What the owner of the GPUs has of what fell due: its share of a sale, its royalty on a resale.
    pub owner_shares: Usd,
    /// What the seller's bond paid the buyer for having bought elsewhere what it defaulted on.
    pub covers: Usd,
    /// What taking the contract over cost its buyer, paid to whoever left, with the royalty in it; below zero, what a recall
    /// gave back. Whoever left has it as `sold`.
    pub novations: Usd,
    /// What lay in escrow behind it and passed from whoever left to the buyer.
    pub takeovers: Usd,
}

/// What moved for all contracts in which the organization is the same.
#[derive(Debug, Serialize, ToSchema)]
pub struct PartSums {
    /// `bought`, `sold` or `cleared`.
    pub part: &'static str,
    /// What moved.
    #[serde(flatten)]
    pub sums: ContractSums,
}

/// Shows what moved for an organization in a month.
pub async fn get(
    api: Data<Api>,
    caller: Caller,
    month: PathMonth,
    Query(query): Query<StatementQuery>,
    accepts: AcceptsCsv,
) -> Reply<Form<StatementAnswer>> {
    let is_file = query.format.map_or(accepts.0, |format| format.0);
    let slice = match is_file {
        true => Slice::first(STATEMENT_FILE_TRANSFERS_MAX),
        false => page::slice(query.limit, query.cursor.as_deref())?,
    };
    let of = query.organization_id.map(|id| id.of(Kind::Organization)).transpose()?;
    let (statement, mentioned) = api.app.statement(&caller, of, month.0, slice).await?;
    let answer = show(&api.app, statement, &mentioned)?;
    Ok(match is_file {
        true => Form::File(statement_file::name(&answer), statement_file::text(&answer)?),
        false => Form::Document(Box::new(answer)),
    })
}

/// Returns a statement as it looks outside.
///
/// # Errors
/// If it names what does not exist: a bug.
pub fn show(app: &App, statement: Statement, mentioned: &Mentioned) -> Result<StatementAnswer, Problem> {
    let Statement { organization, month, is_complete, figures, lines, left_out, totals, transfers } = statement;
    let window = month.window();
    let contracts = lines.iter().map(|line| show_line(app, organization, line, mentioned)).collect::<Result<_, _>>()?;
    let shown = Page::of(transfers, |row| wallet::show(app, row, mentioned)).transpose()?;
    let totals = totals.iter().map(|(part, sums)| PartSums { part: word(*part), sums: show_sums(sums) });
    Ok(StatementAnswer {
        organization: party(app, organization, mentioned)?,
        month: month.to_string(),
        start: Instant(window.start.start()),
        end: Instant(window.end.start()),
        complete: is_complete,
        currency: "USD",
        opening: balances(&figures.opening).map_err(beyond)?,
        closing: balances(&figures.closing).map_err(beyond)?,
        causes: figures.causes.iter().map(|(cause, flow)| show_flow(cause, flow)).collect(),
        contracts,
        contracts_left_out: left_out,
        contract_totals: totals.collect(),
        transfers_total: figures.transfers,
        transfers: shown,
    })
}

fn show_line(app: &App, own: OrganizationId, line: &Line, mentioned: &Mentioned) -> Result<StatementLine, Problem> {
    let Line { contract, part, sums } = line;
    let other = match part {
        Part::Sold => contract.buyer,
        Part::Bought | Part::Cleared | Part::Owned => contract.seller,
    };
    let (contract_id, product) = app.live().read(|view| {
        let faces = Faces::new(view, mentioned);
        Ok::<_, Problem>((faces.contract(contract.id)?, faces.symbol(contract.product)?))
    })?;
    Ok(StatementLine {
        contract_id: contract_id.into(),
        part: word(*part),
        counterparty: party(app, other, mentioned)?,
        product: product.into(),
        gpus: contract.gpus,
        price: UsdPerHour(line.price(own)),
        delivered_gpu_hours: line.delivered().hours(),
        sums: show_sums(sums),
    })
}

fn show_flow(cause: &'static str, flow: &Flow) -> CauseSums {
    let Flow { transfers, received, paid, moved } = *flow;
    CauseSums { cause, transfers, received: Usd(received), paid: Usd(paid), moved: Usd(moved) }
}

const fn show_sums(sums: &Sums) -> ContractSums {
    let Sums {
        escrowed,
        due,
        fees,
        refunds,
        credits,
        price_gaps,
        notice_fees,
        forfeits,
        owner_shares,
        covers,
        novations,
        takeovers,
    } = *sums;
    ContractSums {
        escrowed: Usd(escrowed),
        due: Usd(due),
        fees: Usd(fees),
        refunds: Usd(refunds),
        credits: Usd(credits),
        price_gaps: Usd(price_gaps),
        notice_fees: Usd(notice_fees),
        forfeits: Usd(forfeits),
        owner_shares: Usd(owner_shares),
        covers: Usd(covers),
        novations: Usd(novations),
        takeovers: Usd(takeovers),
    }
}

fn balances(balances: &Balances) -> Result<StatementBalances, OutOfRange> {
    let Balances { available, held, escrow, bond, external } = *balances;
    let [available, held, escrow, bond, external] = [available, held, escrow, bond, external].map(Usd);
    let total = Usd(balances.total()?);
    Ok(StatementBalances { available, held, escrow, bond, external, total })
}

const fn word(part: Part) -> &'static str {
    match part {
        Part::Bought => "bought",
        Part::Sold => "sold",
        Part::Cleared => "cleared",
        Part::Owned => "owned",
    }
}

fn beyond(_: OutOfRange) -> Problem {
    Problem::of("out_of_range")
}

impl StatementBalances {
    /// Returns the accounts by their names in transfers, the total last.
    pub fn columns(&self) -> [(&'static str, Money); 6] {
        let Self { available, held, escrow, bond, external, total } = self;
        [
            ("available", available.0),
            ("held", held.0),
            ("escrow", escrow.0),
            ("bond", bond.0),
            ("external", external.0),
            ("total", total.0),
        ]
    }
}
