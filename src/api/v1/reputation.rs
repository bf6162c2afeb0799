//! `/v1/organizations/{id}/reputation`.

use actix_web::web::Data;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::Api;
use crate::api::answer::{Answer, Reply};
use crate::api::extract::PathId;
use crate::api::wire::{Id, Instant, Share};
use crate::app::analytics::reputation::ReputationStanding;
use crate::app::face::{Faces, Mentioned};
use crate::market::reputation::{
    DAY_FACTOR, DayShare, HALF_LIFE_DAYS, PRIOR_CONTRACTED, PRIOR_DELIVERED, Reputation, WEIGHT_ONE,
};
use crate::market::{Day, Ratio};
use crate::types::limits::SCORE_PRIOR_BPS;

/// A provider's reputation with its inputs: `score = (sum of weight * delivered + weight_one * prior_delivered) /
/// (sum of weight * contracted + weight_one * prior_contracted)`, half up to four decimals. Amounts are GPU-hours.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Reputation)]
pub struct ReputationAnswer {
    /// The provider.
    pub organization_id: Id,
    /// Its name.
    pub name: String,
    /// The score, 0 to 1.
    #[schema(example = "0.9812")]
    pub score: Option<String>,
    /// `completed / (completed + defaulted)`; null before there is either.
    pub completion_rate: Option<String>,
    /// The lower median of the minutes from when the provider was ready to the start; negative if it was late.
    pub median_readiness_lead_minutes: Option<i64>,
    /// How many contracts that is of.
    pub readiness_leads: u64,
    /// Contracts that ended in time.
    pub completed: u64,
    /// Contracts that ended because they were not delivered, or were declared a default.
    pub defaulted: u64,
    /// Contracts that were terminated early.
    pub terminated: u64,
    /// Contracts that were recalled.
    pub recalled: u64,
    /// What is taken as contracted before anything was.
    #[schema(example = "2000.0000")]
    pub prior_contracted: String,
    /// What is taken as delivered of it.
    #[schema(example = "1940.0000")]
    pub prior_delivered: String,
    /// Days in which a weight halves.
    pub half_life_days: u32,
    /// The weight of today.
    pub weight_one: u64,
    /// What a weight becomes in a day, in parts of `weight_one`, rounded down; exactly half after each half-life.
    pub day_factor: u64,
    /// The inputs, oldest first; days whose weight is 0 are left out.
    pub days: Vec<ReputationDay>,
    /// Whether the provider has more contracts than are looked at, the newest 100,000.
    pub truncated: bool,
    /// The score that bids with `min_score` are matched by: published once a day; 0.9700 before the first time.
    pub published_score: Share,
    /// The exchange's time.
    pub now: Instant,
    /// The journal row it reflects, at least.
    pub as_of: i64,
}

/// What of one day counts.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReputationDay {
    /// The day on which the contracts ended; today also those that have not.
    #[schema(example = "2026-12-01")]
    pub day: String,
    /// How many contracts.
    pub contracts: u64,
    /// GPU-hours closed.
    pub contracted: String,
    /// GPU-hours closed as delivered.
    pub delivered: String,
    /// The same in GPU-minutes, exactly.
    pub contracted_gpu_minutes: u64,
    /// The same in GPU-minutes, exactly.
    pub delivered_gpu_minutes: u64,
    /// The weight.
    pub weight: u64,
}

/// Shows what a provider has delivered of what it sold.
pub async fn get(api: Data<Api>, id: PathId) -> Reply<Answer<ReputationAnswer>> {
    let ReputationStanding { organization, name, made } = api.app.reputation(id.0).await?;
    let mentioned = Mentioned::default();
    let organization_id = api.app.live().read(|view| Faces::new(view, &mentioned).organization(organization))?.into();
    let published = api.app.live().read(|view| view.organizations.get(&organization).map(|row| row.rank().score_bps));
    let Reputation { completed, defaulted, terminated, recalled, leads, lead_minutes, .. } = made.figure;
    let ratio = |ratio: Option<Ratio>| ratio.map(|ratio| ratio.to_string());
    Ok(Answer(ReputationAnswer {
        organization_id,
        name,
        score: ratio(made.figure.score),
        completion_rate: ratio(made.figure.completion_rate),
        median_readiness_lead_minutes: lead_minutes,
        readiness_leads: leads,
        completed,
        defaulted,
        terminated,
        recalled,
        prior_contracted: PRIOR_CONTRACTED.hours(),
        prior_delivered: PRIOR_DELIVERED.hours(),
        half_life_days: HALF_LIFE_DAYS,
        weight_one: WEIGHT_ONE,
        day_factor: DAY_FACTOR,
        days: made.figure.days.iter().map(|(day, share)| show(*day, share)).collect(),
        truncated: made.truncated,
        published_score: Share(published.unwrap_or(SCORE_PRIOR_BPS)),
        now: Instant(made.now),
        as_of: made.as_of,
    }))
}

fn show(day: Day, share: &DayShare) -> ReputationDay {
    ReputationDay {
        day: day.to_string(),
        contracts: share.contracts,
        contracted: share.contracted.hours(),
        delivered: share.delivered.hours(),
        contracted_gpu_minutes: share.contracted.get(),
        delivered_gpu_minutes: share.delivered.get(),
        weight: share.weight,
    }
}
