//! `/deliveries/{id}`: the handshake of a contract, what was up, and what it comes to; for its parties and its provider.

use askama::Template;

use super::contract::tone;
use super::fields::Fields;
use super::format;
use super::respond::{Fault, Reply};
use super::shell::Shell;
use super::visit::Visit;
use super::{Guest, Shown};
use crate::api::problem::Problem;
use crate::app::AppError;
use crate::app::deliveries::{DeliveryStanding, DeliveryStep};
use crate::app::facade::Caller;
use crate::app::face::Faces;
use crate::app::reads::Slice;
use crate::exchange::Access;
use crate::exchange::delivery::{Delivery, Dispute, Notice};
use crate::exchange::entities::Contract;
use crate::exchange::terms::ContractTerms;
use crate::market::GpuMinutes;
use crate::types::{Kind, Minute, Money, PublicId, Window};

/// Deliveries in the list of a provider.
const ROWS: u32 = 50;

/// A delivery in a list.
pub struct Row {
    /// Its contract's outward id.
    pub id: String,
    /// Its contract's number.
    pub number: i64,
    /// What is delivered.
    pub product: String,
    /// Where it stands.
    pub status: &'static str,
    /// How that is coloured.
    pub tone: &'static str,
    /// The most GPUs its buyer keeps at any time.
    pub kept: u32,
    /// When.
    pub window: Window,
}

/// GPUs up over a time, as both sides say.
struct Up {
    window: Window,
    provider: Option<u32>,
    buyer: Option<u32>,
}

/// What the visitor may do now.
struct Acts {
    ready: bool,
    deliver: bool,
    accept: bool,
    register: bool,
    evidence: bool,
    terminate: bool,
    default: bool,
}

#[derive(Template)]
#[template(path = "delivery.html")]
struct Page {
    shell: Shell,
    row: Row,
    contract: Contract,
    delivery: Delivery,
    access: Option<Access>,
    accepted_from: Option<Minute>,
    recipient: Option<String>,
    notice: Option<Notice>,
    terms: ContractTerms,
    up: Vec<Up>,
    acts: Acts,
    /// Credits that the seller owes, and those that its predecessors do.
    owed: (Money, Money),
    /// Whether the money and the contract behind it are shown.
    sees_money: bool,
}

impl Row {
    fn of(visit: &Visit, standing: &DeliveryStanding) -> Result<Self, AppError> {
        let contract = &standing.contract;
        let product = visit.app().live().read(|view| {
            Faces::new(view, &standing.mentioned).symbol(contract.product).map(|symbol| symbol.to_string())
        })?;
        let id = PublicId { created_at: contract.created_at, kind: Kind::Contract, number: contract.id.number() };
        let window = contract.covered();
        let resold = standing.delivery.resold.min_over(window);
        Ok(Self {
            id: id.to_uuid().to_string(),
            number: contract.id.number(),
            product,
            status: contract.status.as_str(),
            tone: tone(contract.status),
            kept: contract.gpus.saturating_sub(resold),
            window,
        })
    }
}

impl Acts {
    fn of(standing: &DeliveryStanding) -> Self {
        let DeliveryStanding { contract, delivery, sight, recipient, terms, .. } = standing;
        let (live, is_handed_over) = (contract.status.is_live(), delivery.access.is_some());
        Self {
            ready: live && sight.is_provider && delivery.ready_at.is_none() && !is_handed_over,
            deliver: live && sight.is_provider && recipient.is_some(),
            accept: live && sight.is_buyer && is_handed_over && delivery.accepted_from.is_none(),
            register: live && sight.is_buyer,
            evidence: sight.is_provider && !delivery.disputes.is_empty(),
            terminate: live
                && (sight.is_buyer || sight.is_seller)
                && terms.1.notice_minutes > 0
                && delivery.notice.is_none(),
            default: live && sight.is_seller,
        }
    }
}

/// Shows a delivery.
pub async fn show(visit: Guest) -> Shown {
    let caller = visit.caller()?;
    let standing = visit.app().delivery(&caller, visit.id(Kind::Contract)?).await?;
    let (row, acts) = (Row::of(&visit, &standing)?, Acts::of(&standing));
    let (access, accepted_from) = (standing.access().cloned(), standing.paid_from());
    let up = up(&standing);
    let owed = standing.owed()?;
    let DeliveryStanding { contract, delivery, terms, recipient, sees_money, .. } = standing;
    let page = Page {
        shell: Shell::of(&visit, format!("Delivery of contract {}", row.number), ""),
        access,
        accepted_from,
        notice: delivery.notice,
        up,
        terms: terms.1,
        row,
        contract,
        delivery,
        recipient,
        acts,
        owed,
        sees_money,
    };
    Reply::page(&page)
}

/// Does what a button of the page says.
pub async fn act(visit: Guest, fields: Fields) -> Shown {
    let caller = visit.member()?;
    let id = visit.id(Kind::Contract)?;
    if fields.is("step", "register") {
        visit.app().register_access_key(&caller, fields.text("public_key").to_owned()).await?;
    } else {
        visit.app().step_delivery(&caller, None, id, step(&fields)?).await?;
    }
    Ok(Reply::SeeOther(format!("/deliveries/{}", id.to_uuid())))
}

fn step(fields: &Fields) -> Result<DeliveryStep, Fault> {
    let text = |name: &str| fields.text(name).to_owned();
    Ok(match fields.text("step") {
        "ready" => DeliveryStep::Ready,
        "deliver" => DeliveryStep::Deliver(Access {
            host: text("host"),
            port: fields.text("port").parse().map_err(|_| Problem::field("port", "must be a TCP port"))?,
            host_key: text("host_key"),
            user: text("user"),
            // A form sends lines as browsers end them.
            sealed_secret: text("sealed_secret").replace("\r\n", "\n"),
            recipient: text("recipient"),
        }),
        "accept" => DeliveryStep::Accept,
        "object" => DeliveryStep::Object { reason: text("reason") },
        "evidence" => DeliveryStep::Evidence {
            start: fields.minute("start")?,
            end: fields.minute("end")?,
            evidence: text("evidence"),
        },
        "terminate" => DeliveryStep::Terminate { reason: text("reason") },
        "default" => DeliveryStep::Default { reason: text("reason") },
        _ => return Err(Problem::field("step", "is none of the page's buttons").into()),
    })
}

/// Returns the deliveries that a provider has before it, newest contracts first.
///
/// # Errors
/// As [`crate::app::App::deliveries`].
pub async fn rows(visit: &Visit, caller: &Caller) -> Result<Vec<Row>, AppError> {
    let listed = visit.app().deliveries(caller, Slice::first(ROWS)).await?;
    listed.rows.iter().map(|standing| Row::of(visit, standing)).collect()
}

/// Returns what both sides say of open slots, where either says something.
fn up(standing: &DeliveryStanding) -> Vec<Up> {
    let delivery = &standing.delivery;
    let of_buyer = |window: Window| delivery.renter.pieces(window).collect::<Vec<_>>();
    let pieces = |(window, provider): (Window, Option<u32>)| {
        let up = move |(window, buyer)| Up { window, provider, buyer };
        of_buyer(window).into_iter().map(up)
    };
    let all = delivery.provider.pieces(standing.open_slots()).flat_map(pieces);
    all.filter(|up| up.provider.is_some() || up.buyer.is_some()).collect()
}

fn said(gpus: &Option<u32>) -> String {
    gpus.map_or_else(|| "–".to_owned(), |gpus| gpus.to_string())
}

fn hours(gpu_minutes: &u64) -> String {
    format::hours(GpuMinutes::new(*gpu_minutes))
}

fn length(minutes: &u32) -> String {
    format::length(Window::new(Minute::new(0), Minute::new(*minutes)))
}

fn share(bps: &u32) -> String {
    format!("{}.{:02} %", bps.div_euclid(100), bps.rem_euclid(100))
}

fn evidence(dispute: &Dispute) -> &str {
    dispute.evidence.as_deref().unwrap_or("none so far")
}
