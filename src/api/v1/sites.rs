//! `/v1/sites`.

use actix_web::web::Data;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::products::PageQuery;
use crate::api::Api;
use crate::api::answer::{Answer, Created, Reply};
use crate::api::extract::body::json_body;
use crate::api::extract::{Body, IdempotencyKey, PathId, Query};
use crate::api::page::{self, Page};
use crate::api::wire::{Id, Instant, Milli};
use crate::app::catalogue::NewSite;
use crate::app::facade::Caller;
use crate::exchange::entities;
use crate::types::{Country, Kind, PublicId, Region};

/// Where GPUs stand.
#[derive(Debug, Serialize, ToSchema)]
pub struct Site {
    /// Its id.
    pub id: Id,
    /// Its name, for people.
    pub name: String,
    /// Where it is.
    #[schema(example = "us-central1")]
    pub region: String,
    /// Where it is, ISO 3166-1 alpha-2.
    #[schema(example = "US")]
    pub country: String,
    /// Power, in kW.
    pub power_kw: Option<Milli>,
    /// Power usage effectiveness.
    pub pue: Option<Milli>,
    /// When it was made.
    pub created_at: Instant,
}

/// A site to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSiteBody {
    /// Its name, for people.
    #[schema(min_length = 1, max_length = 200)]
    pub name: String,
    /// Lower case, no spaces.
    #[schema(value_type = String, pattern = "^[a-z0-9_.-]{1,64}$")]
    pub region: Region,
    /// ISO 3166-1 alpha-2, upper case.
    #[schema(value_type = String, pattern = "^[A-Z]{2}$")]
    pub country: Country,
    /// Power, in kW.
    pub power_kw: Option<Milli>,
    /// Power usage effectiveness.
    pub pue: Option<Milli>,
}

json_body!(NewSiteBody, {"name": "Council Bluffs 1", "region": "us-central1", "country": "US", "power_kw": "1200", "pue": "1.2"});

/// Makes a site.
pub async fn create(
    api: Data<Api>,
    caller: Caller,
    key: IdempotencyKey,
    Body(body): Body<NewSiteBody>,
) -> Reply<Created<Site>> {
    let new = NewSite {
        name: body.name,
        region: body.region,
        country: body.country,
        // A kilowatt with three decimals is a whole number of watts.
        power_w: body.power_kw.map(|power| power.0),
        pue_milli: body.pue.map(|pue| pue.0),
    };
    let made = api.app.create_site(&caller, key.0, new).await?;
    let body = show(made.value);
    Ok(Created { location: format!("/v1/sites/{}", body.id.0), body, replayed: made.replayed })
}

/// Lists the caller's sites.
pub async fn list(api: Data<Api>, caller: Caller, Query(query): Query<PageQuery>) -> Reply<Answer<Page<Site>>> {
    let slice = page::slice(query.limit, query.cursor.as_deref())?;
    let rows = api.app.sites(&caller, slice)?;
    Ok(Answer(Page::of(rows, show)))
}

/// Shows one of the caller's sites.
pub async fn get(api: Data<Api>, caller: Caller, id: PathId) -> Reply<Answer<Site>> {
    Ok(Answer(show(api.app.site(&caller, id.0)?)))
}

fn show(site: entities::Site) -> Site {
    let id = PublicId { created_at: site.created_at, kind: Kind::Site, number: site.id.number() };
    Site {
        id: id.into(),
        name: site.name,
        region: site.region.into(),
        country: site.country.into(),
        power_kw: site.power_w.map(Milli),
        pue: site.pue_milli.map(Milli),
        created_at: Instant(site.created_at),
    }
}
