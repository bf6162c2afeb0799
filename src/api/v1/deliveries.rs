//! `/v1/deliveries` and `/v1/contracts/{id}/delivery`: what becomes of a contract.

use actix_web::web::Data;
use serde::Serialize;
use utoipa::ToSchema;

use super::products::PageQuery;
use super::terms::TermsAnswer;
use crate::api::Api;
use crate::api::answer::{Answer, Reply};
use crate::api::extract::{PathId, Query};
use crate::api::page::{self, Page};
use crate::api::problem::Problem;
use crate::api::wire::{DeliveryTime, Id, Instant, Usd};
use crate::app::deliveries::DeliveryStanding;
use crate::app::facade::{App, Caller};
use crate::app::face::Faces;
use crate::exchange::Access;
use crate::exchange::delivery::{Dispute, Notice, Reports};
use crate::types::{ContractStatus, Kind, PublicId, Window};

/// A delivery: from the handshake until every minute is paid or refunded.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Delivery)]
pub struct DeliveryAnswer {
    /// The contract.
    pub contract_id: Id,
    /// Where it stands.
    pub status: ContractStatus,
    /// What is delivered.
    #[schema(example = "h100-sxm-80gb")]
    pub product: String,
    /// Where.
    pub site_id: Id,
    /// GPUs of the contract.
    pub gpus: u32,
    /// From.
    pub start: DeliveryTime,
    /// To; the first minute it no longer covers if it ended early.
    pub end: DeliveryTime,
    /// The GPUs the buyer has kept, over time; the rest is sold on and delivered through other contracts.
    pub kept: Vec<GpusOver>,
    /// The buyer's public key: seal the secret to it. Null until the buyer registers one.
    pub recipient: Option<String>,
    /// When the provider said that the GPUs stand by.
    pub ready_at: Option<Instant>,
    /// What was handed over, for the buyer and the provider alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access: Option<AccessAnswer>,
    /// Heartbeats count from here on: the first slot after access was handed over.
    pub delivered_at: Option<DeliveryTime>,
    /// The first paid minute.
    pub accepted_from: Option<DeliveryTime>,
    /// What the provider reports, of slots that are not closed.
    pub provider_reports: Vec<GpusOver>,
    /// What the buyer reports, of slots that are not closed.
    pub buyer_reports: Vec<GpusOver>,
    /// Slots before it are closed or in dispute.
    pub closed_until: DeliveryTime,
    /// Slots past their time for which the buyer reports fewer GPUs than the provider.
    pub disputes: Vec<DisputeAnswer>,
    /// GPU-minutes closed as delivered, those sold on included.
    pub delivered_gpu_minutes: u64,
    /// GPU-minutes closed as not delivered.
    pub undelivered_gpu_minutes: u64,
    /// What they came to, for the parties.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub money: Option<DeliveryMoney>,
    /// Notice that was given.
    pub notice: Option<NoticeAnswer>,
    /// Why an admin proposes to recall the contract; another must confirm.
    pub recall_proposed: Option<String>,
    /// The terms it was made under.
    pub terms: TermsAnswer,
}

/// GPUs over a window.
#[derive(Debug, Serialize, ToSchema)]
pub struct GpusOver {
    /// From.
    pub start: DeliveryTime,
    /// To.
    pub end: DeliveryTime,
    /// How many.
    pub gpus: u32,
}

/// Where the GPUs are and how to enter. The exchange stores it and cannot read the secret.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Access)]
pub struct AccessAnswer {
    /// A name or address.
    pub host: String,
    /// A TCP port.
    pub port: u16,
    /// The host's public key.
    pub host_key: String,
    /// The user to enter as.
    pub user: String,
    /// The secret, sealed to `recipient`.
    pub sealed_secret: String,
    /// The public key it is sealed to.
    pub recipient: String,
}

/// Slots that wait for a decision.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Dispute)]
pub struct DisputeAnswer {
    /// From.
    pub start: DeliveryTime,
    /// To.
    pub end: DeliveryTime,
    /// GPUs the buyer had kept.
    pub gpus: u32,
    /// GPUs up, as the provider reports.
    pub provider_gpus_up: u32,
    /// GPUs up, as the buyer reports.
    pub buyer_gpus_up: u32,
    /// What the provider brought forward.
    pub evidence: Option<String>,
}

/// Notice that was given.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Notice)]
pub struct NoticeAnswer {
    /// By the buyer or the seller.
    #[schema(example = "buyer")]
    pub by: &'static str,
    /// The first minute the contract no longer covers.
    pub ends_at: DeliveryTime,
    /// What it costs whoever gave it.
    pub fee: Usd,
}

/// What a delivery has come to so far.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeliveryMoney {
    /// What fell due and left escrow: `floor(price * delivered_gpu_minutes / 60)` as of the last settlement.
    pub paid: Usd,
    /// The exchange's fee in it.
    pub fee: Usd,
    /// What went back to the buyer: `floor(price * undelivered_gpu_minutes / 60)` as of the last settlement.
    pub refunded: Usd,
    /// Credits posted on top, by the table of the terms.
    pub credited: Usd,
    /// Credits the seller could not pay yet, of those for its own time.
    pub owed: Usd,
    /// Credits that those who sold the contract before could not pay yet: they stay theirs.
    pub owed_by_earlier_sellers: Usd,
    /// What lies in the buyer's escrow.
    pub escrow: Usd,
}

/// Lists the live contracts that the caller's sites provide GPUs for.
pub async fn list(
    api: Data<Api>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> Reply<Answer<Page<DeliveryAnswer>>> {
    let slice = page::slice(query.limit, query.cursor.as_deref())?;
    let rows = api.app.deliveries(&caller, slice).await?;
    Ok(Answer(Page::of(rows, |row| show(&api.app, row)).transpose()?))
}

/// Shows what has become of a contract.
pub async fn get(api: Data<Api>, caller: Caller, id: PathId) -> Reply<Answer<DeliveryAnswer>> {
    let standing = api.app.delivery(&caller, id.0).await?;
    Ok(Answer(show(&api.app, standing)?))
}

/// Returns a delivery as it looks outside.
pub fn show(app: &App, standing: DeliveryStanding) -> Result<DeliveryAnswer, Problem> {
    let (access, paid_from) = (standing.access().map(show_access), standing.paid_from().map(DeliveryTime));
    let (open, (owed, owed_before)) = (standing.open_slots(), standing.owed()?);
    let DeliveryStanding { contract, delivery, terms, recipient, sees_money, mentioned, .. } = standing;
    let (product, site) = app.live().read(|view| {
        let faces = Faces::new(view, &mentioned);
        faces.symbol(contract.product).and_then(|product| Ok((product, faces.site(contract.site)?)))
    })?;
    let id = PublicId { created_at: contract.created_at, kind: Kind::Contract, number: contract.id.number() };
    let covered = contract.covered();
    let kept = delivery.resold.pieces(covered).map(|(piece, resold)| (piece, contract.gpus.saturating_sub(resold)));
    Ok(DeliveryAnswer {
        contract_id: id.into(),
        status: contract.status,
        product: product.into(),
        site_id: site.into(),
        gpus: contract.gpus,
        start: DeliveryTime(covered.start),
        end: DeliveryTime(covered.end),
        kept: kept.map(gpus_over).collect(),
        recipient,
        ready_at: delivery.ready_at.map(Instant),
        access,
        delivered_at: delivery.delivered_at.map(DeliveryTime),
        accepted_from: paid_from,
        provider_reports: reported(&delivery.provider, open),
        buyer_reports: reported(&delivery.renter, open),
        closed_until: DeliveryTime(delivery.closed_until),
        disputes: delivery.disputes.iter().map(show_dispute).collect(),
        delivered_gpu_minutes: delivery.delivered,
        undelivered_gpu_minutes: delivery.undelivered,
        money: sees_money.then_some(DeliveryMoney {
            paid: Usd(delivery.paid),
            fee: Usd(delivery.fee),
            refunded: Usd(delivery.refunded),
            credited: Usd(delivery.credited),
            owed: Usd(owed),
            owed_by_earlier_sellers: Usd(owed_before),
            escrow: Usd(contract.escrow),
        }),
        notice: delivery.notice.map(show_notice),
        recall_proposed: delivery.recall.map(|recall| recall.reason),
        terms: terms.into(),
    })
}

/// Returns the pieces of open slots that somebody has reported on.
fn reported(reports: &Reports, open: Window) -> Vec<GpusOver> {
    reports.pieces(open).filter_map(|(piece, gpus)| gpus.map(|gpus| gpus_over((piece, gpus)))).collect()
}

const fn gpus_over((window, gpus): (Window, u32)) -> GpusOver {
    GpusOver { start: DeliveryTime(window.start), end: DeliveryTime(window.end), gpus }
}

fn show_access(access: &Access) -> AccessAnswer {
    let Access { host, port, host_key, user, sealed_secret, recipient } = access.clone();
    AccessAnswer { host, port, host_key, user, sealed_secret, recipient }
}

const fn show_notice(notice: Notice) -> NoticeAnswer {
    NoticeAnswer { by: notice.by.as_str(), ends_at: DeliveryTime(notice.ends_at), fee: Usd(notice.fee) }
}

fn show_dispute(dispute: &Dispute) -> DisputeAnswer {
    DisputeAnswer {
        start: DeliveryTime(dispute.window.start),
        end: DeliveryTime(dispute.window.end),
        gpus: dispute.gpus,
        provider_gpus_up: dispute.provider,
        buyer_gpus_up: dispute.renter,
        evidence: dispute.evidence.clone(),
    }
}
