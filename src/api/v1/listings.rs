//! `/v1/listings`.

use actix_web::web::Data;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::products::PageQuery;
use crate::api::Api;
use crate::api::answer::{Answer, Created, Reply};
use crate::api::extract::body::json_body;
use crate::api::extract::{Body, IdempotencyKey, PathId, Query};
use crate::api::page::{self, Page};
use crate::api::problem::Problem;
use crate::api::wire::{DeliveryTime, Id, Instant, Milli, Usd, UsdPerHour};
use crate::app::catalogue::{ListingChange, NewListing};
use crate::app::facade::{App, Caller};
use crate::app::face::{Faces, Mentioned};
use crate::exchange::entities;
use crate::exchange::rights::{HostFee, Owner};
use crate::types::{Interconnect, Kind, PublicId, ResaleForm, SlaClass};

/// A provider's capacity: the title behind asks.
#[derive(Debug, Serialize, ToSchema)]
pub struct Listing {
    /// Its id.
    pub id: Id,
    /// Where.
    pub site_id: Id,
    /// What.
    #[schema(example = "h100-sxm-80gb")]
    pub product: String,
    /// How many GPUs.
    pub gpus: u32,
    /// From.
    pub start: DeliveryTime,
    /// To.
    pub end: DeliveryTime,
    /// GPUs in one machine.
    pub gpus_per_node: u32,
    /// Wiring.
    pub interconnect: Interconnect,
    /// Promise.
    pub sla_class: SlaClass,
    /// Whether its contracts may be resold.
    pub resale_allowed: bool,
    /// Who owns the GPUs, if not the provider.
    pub owner: Option<ListingOwner>,
    /// What a resale pays of its gain to the owner, in basis points of `max(0, resale price - own price)`.
    pub royalty_bps: u32,
    /// Contracts in one chain of title, the first sale included; 8 if null.
    pub chain_max: Option<u8>,
    /// `sublease`: a reseller stays liable to its buyer. `novation`: its buyer takes its contract over, and it leaves.
    pub resale: ResaleForm,
    /// When it was made.
    pub created_at: Instant,
}

/// Capacity to be listed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewListingBody {
    /// Where.
    pub site_id: Id,
    /// What.
    pub product: String,
    /// How many GPUs.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub gpus: u32,
    /// From.
    pub start: DeliveryTime,
    /// To.
    pub end: DeliveryTime,
    /// GPUs in one machine.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub gpus_per_node: u32,
    /// Wiring.
    pub interconnect: Interconnect,
    /// Promise; `none` if absent.
    pub sla_class: Option<SlaClass>,
    /// Whether its contracts may be resold.
    pub resale_allowed: bool,
    /// Who owns the GPUs, if not the provider.
    pub owner: Option<ListingOwner>,
    /// What a resale pays of its gain to the owner, in basis points of `max(0, resale price - own price)`; 0 if absent.
    #[schema(maximum = 10_000)]
    pub royalty_bps: Option<u32>,
    /// Contracts in one chain of title, the first sale included; 8 if absent.
    #[schema(minimum = 1, maximum = 8)]
    pub chain_max: Option<u8>,
    /// What a resale makes of its seller. `sublease` if absent: it stays liable to its buyer, and its own contract goes on.
    /// `novation`: its buyer takes its contract over for what is sold, at that contract's price, and pays the resale price
    /// at the trade, all of it; the reseller leaves.
    pub resale: Option<ResaleForm>,
}

/// Somebody else than the provider who owns the GPUs: what contracts pay goes to them, less the exchange's fee and what the
/// provider keeps, which comes first and is at most all.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ListingOwner {
    /// Which organization.
    pub organization_id: Id,
    /// What the provider keeps.
    pub host_fee: HostFeeBody,
}

/// What a host keeps: exactly one of the three.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HostFeeBody {
    /// So much a delivered GPU-hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_gpu_hour: Option<UsdPerHour>,
    /// This share of what is paid, in basis points.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(maximum = 10_000)]
    pub share_bps: Option<u32>,
    /// USD per kW-month of 730 hours; with `kw_per_gpu`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_kw_month: Option<Usd>,
    /// What a GPU draws with its part of the machine, in kW.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kw_per_gpu: Option<Milli>,
}

impl TryFrom<HostFeeBody> for HostFee {
    type Error = Problem;

    fn try_from(body: HostFeeBody) -> Result<Self, Problem> {
        let wrong = || {
            let message = "must have per_gpu_hour, or share_bps, or per_kw_month with kw_per_gpu, and nothing else";
            Problem::field("owner.host_fee", message)
        };
        match (body.per_gpu_hour, body.share_bps, body.per_kw_month, body.kw_per_gpu) {
            (Some(rate), None, None, None) => Ok(Self::PerGpuHour(rate.0)),
            (None, Some(bps), None, None) => Ok(Self::ShareBps(bps)),
            (None, None, Some(price), Some(power)) => {
                let watts_per_gpu = u32::try_from(power.0).map_err(|_| wrong())?;
                Ok(Self::PerKwMonth { price: price.0, watts_per_gpu })
            }
            _ => Err(wrong()),
        }
    }
}

impl From<HostFee> for HostFeeBody {
    fn from(fee: HostFee) -> Self {
        let none = Self::default();
        match fee {
            HostFee::PerGpuHour(rate) => Self { per_gpu_hour: Some(UsdPerHour(rate)), ..none },
            HostFee::ShareBps(bps) => Self { share_bps: Some(bps), ..none },
            HostFee::PerKwMonth { price, watts_per_gpu } => {
                Self { per_kw_month: Some(Usd(price)), kw_per_gpu: Some(Milli(watts_per_gpu.into())), ..none }
            }
        }
    }
}

json_body!(NewListingBody, {
    "site_id": "019a0d2e-7c00-7003-8000-000000000001",
    "product": "h100-sxm-80gb",
    "gpus": 64,
    "start": "2027-01-01T00:00:00Z",
    "end": "2027-04-01T00:00:00Z",
    "gpus_per_node": 8,
    "interconnect": "infiniband",
    "sla_class": "99",
    "resale_allowed": true,
});

/// New values of a listing; absent ones stay.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ListingChangeBody {
    /// How many GPUs; no more than before.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub gpus: Option<u32>,
    /// From; no earlier than before.
    pub start: Option<DeliveryTime>,
    /// To; no later than before.
    pub end: Option<DeliveryTime>,
}

json_body!(ListingChangeBody, {"gpus": 32});

/// Lists capacity.
pub async fn create(
    api: Data<Api>,
    caller: Caller,
    key: IdempotencyKey,
    Body(body): Body<NewListingBody>,
) -> Reply<Created<Listing>> {
    let new = NewListing {
        site: body.site_id.of(Kind::Site)?,
        product: body.product,
        gpus: body.gpus,
        start: body.start.0,
        end: body.end.0,
        gpus_per_node: body.gpus_per_node,
        interconnect: body.interconnect,
        sla_class: body.sla_class.unwrap_or(SlaClass::None),
        resale_allowed: body.resale_allowed,
        owner: body.owner.map(owner_of).transpose()?,
        royalty_bps: body.royalty_bps.unwrap_or(0),
        chain_max: body.chain_max,
        resale: body.resale.unwrap_or_default(),
    };
    let made = api.app.create_listing(&caller, key.0, new).await?;
    let body = show_one(&api.app, &made.value)?;
    Ok(Created { location: format!("/v1/listings/{}", body.id.0), body, replayed: made.replayed })
}

/// Lists the caller's listings.
pub async fn list(api: Data<Api>, caller: Caller, Query(query): Query<PageQuery>) -> Reply<Answer<Page<Listing>>> {
    let slice = page::slice(query.limit, query.cursor.as_deref())?;
    let rows = api.app.listings(&caller, slice)?;
    let shown = Page::of(rows, |row| show_one(&api.app, &row));
    Ok(Answer(shown.transpose()?))
}

/// Shows one of the caller's listings.
pub async fn get(api: Data<Api>, caller: Caller, id: PathId) -> Reply<Answer<Listing>> {
    let listing = api.app.listing(&caller, id.0)?;
    Ok(Answer(show_one(&api.app, &listing)?))
}

/// Lowers a listing.
pub async fn amend(
    api: Data<Api>,
    caller: Caller,
    id: PathId,
    Body(body): Body<ListingChangeBody>,
) -> Reply<Answer<Listing>> {
    let change =
        ListingChange { gpus: body.gpus, start: body.start.map(|time| time.0), end: body.end.map(|time| time.0) };
    let listing = api.app.amend_listing(&caller, id.0, change).await?;
    Ok(Answer(show_one(&api.app, &listing)?))
}

fn owner_of(body: ListingOwner) -> Result<(PublicId, HostFee), Problem> {
    Ok((body.organization_id.of(Kind::Organization)?, body.host_fee.try_into()?))
}

fn show_owner(faces: Faces<'_>, owner: Owner) -> Result<ListingOwner, Problem> {
    Ok(ListingOwner {
        organization_id: faces.organization(owner.organization)?.into(),
        host_fee: owner.host_fee.into(),
    })
}

fn show_one(app: &App, listing: &entities::Listing) -> Result<Listing, Problem> {
    app.live().read(|view| {
        let mentioned = Mentioned::default();
        let faces = Faces::new(view, &mentioned);
        let id = PublicId { created_at: listing.created_at, kind: Kind::Listing, number: listing.id.number() };
        Ok(Listing {
            id: id.into(),
            site_id: faces.site(listing.site)?.into(),
            product: faces.symbol(listing.product)?.into(),
            gpus: listing.gpus,
            start: DeliveryTime(listing.window.start),
            end: DeliveryTime(listing.window.end),
            gpus_per_node: listing.gpus_per_node,
            interconnect: listing.interconnect,
            sla_class: listing.sla_class,
            resale_allowed: listing.resale_allowed,
            owner: listing.rights.owner.map(|owner| show_owner(faces, owner)).transpose()?,
            royalty_bps: listing.rights.royalty_bps,
            chain_max: listing.rights.chain_max,
            resale: listing.rights.resale,
            created_at: Instant(listing.created_at),
        })
    })
}
