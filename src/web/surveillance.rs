//! `/admin/surveillance`: where overseers look first; `/admin/orders/{id}`: an order and what became of it.

use std::sync::Arc;

use askama::Template;

use super::format;
use super::respond::{Fault, Reply};
use super::shell::Shell;
use super::visit::Visit;
use super::{Guest, Shown};
use crate::api::problem::Problem;
use crate::api::v1::contracts::{Party, party};
use crate::api::v1::surveillance::{self, CancellationsAnswer, FixMover, SurveillanceAnswer, WashPairAnswer};
use crate::api::v1::surveillance_file;
use crate::api::wire::Id;
use crate::app::AppError;
use crate::app::analytics::kept::Made;
use crate::app::analytics::surveillance::{DAYS, DAYS_MAX, Hints};
use crate::app::face::Faces;
use crate::app::trading::OrderStanding;
use crate::exchange::entities::Trade;
use crate::market::surveillance::cancels::Cancelling;
use crate::market::surveillance::fixes::Mover;
use crate::market::surveillance::pairs::WashPair;
use crate::types::{ContractId, Kind, Price, PublicId, Symbol, Window};

/// How many days the page offers to look at.
const CHOICES: [u32; 3] = [7, 30, 90];

#[derive(Template)]
#[template(path = "surveillance.html")]
struct Page {
    shell: Shell,
    days: u32,
    answer: SurveillanceAnswer,
    made: Arc<Made<Hints>>,
}

/// One fill of an order.
struct Fill {
    contract: String,
    number: ContractId,
    gpus: u32,
    window: Window,
    price: Price,
    at: String,
}

#[derive(Template)]
#[template(path = "order.html")]
struct OrderPage {
    shell: Shell,
    id: String,
    standing: OrderStanding,
    product: Symbol,
    owner: Party,
    fills: Vec<Fill>,
}

impl Page {
    fn choices() -> [u32; 3] {
        CHOICES
    }

    fn pairs(&self) -> impl Iterator<Item = (&WashPairAnswer, &WashPair)> {
        self.answer.wash_pairs.iter().zip(&self.made.figure.pairs)
    }

    fn cancellations(&self) -> impl Iterator<Item = (&CancellationsAnswer, &Cancelling)> {
        self.answer.cancellations.iter().zip(&self.made.figure.cancellings)
    }

    fn movers(&self) -> impl Iterator<Item = (&FixMover, &Mover)> {
        self.answer.fix_movers.iter().zip(self.made.figure.movers.iter().map(|row| &row.mover))
    }

    /// Returns where contracts or orders are, and their numbers.
    fn linked(ids: &[Id], numbers: impl IntoIterator<Item = i64>) -> Vec<(String, i64)> {
        ids.iter().map(|id| id.0.to_string()).zip(numbers).collect()
    }

    fn contracts(row: &WashPairAnswer, pair: &WashPair) -> Vec<(String, i64)> {
        Self::linked(&row.contract_ids, pair.contracts.iter().map(|id| id.number()))
    }

    fn orders(row: &CancellationsAnswer, cancelling: &Cancelling) -> Vec<(String, i64)> {
        Self::linked(&row.order_ids, cancelling.orders.iter().map(|id| id.number()))
    }
}

/// Shows where to look.
pub async fn show(visit: Guest) -> Shown {
    let (days, answer, made) = hints(&visit).await?;
    Reply::page(&Page { shell: Shell::of(&visit, "Surveillance", "/admin/surveillance"), days, answer, made })
}

/// Gives the same as a file.
pub async fn csv(visit: Guest) -> Shown {
    let (_, answer, _) = hints(&visit).await?;
    Ok(Reply::Csv { name: surveillance_file::NAME.to_owned(), text: surveillance_file::text(&answer) })
}

/// Shows an order, whosever it is.
pub async fn order(visit: Guest) -> Shown {
    let caller = visit.overseer()?;
    let public = visit.id(Kind::Order)?;
    let standing = visit.app().order(&caller, public).await?;
    let owner = party(visit.app(), standing.order.organization, &standing.mentioned)?;
    let (product, fills) = visit.app().live().read(|view| {
        let faces = Faces::new(view, &standing.mentioned);
        let fill = |trade: &Arc<Trade>| Fill {
            contract: contract_id(trade).to_uuid().to_string(),
            number: trade.contract,
            gpus: trade.gpus,
            window: trade.window,
            price: trade.price,
            at: format::time(trade.created_at),
        };
        Ok::<_, AppError>((faces.symbol(standing.order.product)?, standing.fills.iter().map(fill).collect()))
    })?;
    let side = if standing.order.side.as_str() == "ask" { "Ask" } else { "Bid" };
    let shell = Shell::of(&visit, format!("{side} {}", standing.order.id), "");
    Reply::page(&OrderPage { shell, id: public.to_uuid().to_string(), standing, product, owner, fills })
}

async fn hints(visit: &Visit) -> Result<(u32, SurveillanceAnswer, Arc<Made<Hints>>), Fault> {
    let caller = visit.overseer()?;
    let days = visit.query().maybe_number("days")?.unwrap_or(DAYS);
    if !(1..=DAYS_MAX).contains(&days) {
        return Err(Problem::field("days", format!("must be 1 to {DAYS_MAX}")).into());
    }
    let made = visit.app().surveillance(&caller, days).await?;
    Ok((days, surveillance::show(visit.app(), days, &made)?, made))
}

/// Returns the id of the contract of a trade: both are made at once.
fn contract_id(trade: &Trade) -> PublicId {
    PublicId { created_at: trade.created_at, kind: Kind::Contract, number: trade.contract.number() }
}
