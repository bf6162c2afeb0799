//! `/v1/terms`, `/v1/admin/terms`, `/v1/admin/settlements` and `/v1/access-key`.

use actix_web::web::Data;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::Api;
use crate::api::answer::{Answer, Reply};
use crate::api::extract::body::json_body;
use crate::api::extract::{Body, IdempotencyKey};
use crate::api::wire::Id;
use crate::app::facade::Caller;
use crate::exchange::terms::{BondRates, ContractTerms, CreditStep};
use crate::types::Kind;

/// The terms of delivery of one version, frozen into every contract made under it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Terms)]
pub struct TermsAnswer {
    /// Their version.
    pub version: u32,
    /// What they say.
    #[serde(flatten)]
    pub terms: TermsBody,
}

/// What terms of delivery say.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TermsBody {
    /// A contract that is not accepted so many minutes after its start is a default.
    pub default_after_minutes: u32,
    /// So is one with no GPU up for so many minutes without a break.
    pub outage_default_minutes: u32,
    /// A slot closes so many minutes after its end; reports are taken until then.
    pub close_after_minutes: u32,
    /// How long a provider may add evidence to a slot in dispute, from when it would have closed.
    pub evidence_minutes: u32,
    /// After so many minutes without a decision the lower report counts.
    pub decision_minutes: u32,
    /// How many minutes before its month a monthly draw is made.
    pub draw_before_minutes: u32,
    /// How many minutes before the end of a contract notice must be given; 0 allows none.
    pub notice_minutes: u32,
    /// What notice costs whoever gives it, in basis points of what the minutes after the end are worth.
    pub notice_fee_bps: u32,
    /// Credits by the share delivered in a contract month, best share first; the last step begins at 0.
    pub credits: Vec<CreditBody>,
    /// The collateral behind an ask; none if absent.
    #[serde(default)]
    pub bonds: BondsBody,
}

/// The collateral behind an ask, in basis points of what it has left to sell at its price, by the tier of its organization.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BondsBody {
    /// Of one that is not known.
    #[schema(maximum = 10_000)]
    pub unverified: u32,
    /// Of one that is.
    #[schema(maximum = 10_000)]
    pub verified: u32,
    /// Of one that has kept its word for long.
    #[schema(maximum = 10_000)]
    pub trusted: u32,
}

/// What a seller that delivers less than it promised owes on top of the refund.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreditBody {
    /// From this share of the contracted GPU-minutes on, in basis points.
    pub share_bps: u32,
    /// So many times what the undelivered GPU-minutes are worth.
    pub times: u32,
}

json_body!(TermsBody, {
    "default_after_minutes": 60,
    "outage_default_minutes": 1440,
    "close_after_minutes": 1440,
    "evidence_minutes": 4320,
    "decision_minutes": 20160,
    "draw_before_minutes": 4320,
    "notice_minutes": 10080,
    "notice_fee_bps": 1000,
    "credits": [
        {"share_bps": 9900, "times": 1},
        {"share_bps": 9800, "times": 2},
        {"share_bps": 0, "times": 5},
    ],
    "bonds": {"unverified": 0, "verified": 0, "trusted": 0},
});

/// Which contracts to settle.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SettlementBody {
    /// Go on after this contract; from the youngest on if absent.
    pub after: Option<Id>,
    /// How many contracts; 256 if absent.
    #[schema(minimum = 1, maximum = 256)]
    pub limit: Option<u32>,
}

json_body!(SettlementBody, {"limit": 256});

/// How far settlement has come.
#[derive(Debug, Serialize, ToSchema)]
pub struct Settlement {
    /// Give it as `after` to go on; null if all contracts were looked at.
    pub next: Option<Id>,
}

/// A public key that secrets are sealed to.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AccessKey {
    /// An age recipient or an SSH public key.
    #[schema(min_length = 1, max_length = 8192)]
    pub public_key: String,
}

json_body!(AccessKey, {"public_key": "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"});

impl From<(u32, ContractTerms)> for TermsAnswer {
    fn from((version, terms): (u32, ContractTerms)) -> Self {
        let BondRates { unverified, verified, trusted } = terms.bonds;
        let credits = terms.credits.into_iter();
        let credits = credits.map(|CreditStep { share_bps, times }| CreditBody { share_bps, times }).collect();
        let terms = TermsBody {
            default_after_minutes: terms.default_after_minutes,
            outage_default_minutes: terms.outage_default_minutes,
            close_after_minutes: terms.close_after_minutes,
            evidence_minutes: terms.evidence_minutes,
            decision_minutes: terms.decision_minutes,
            draw_before_minutes: terms.draw_before_minutes,
            notice_minutes: terms.notice_minutes,
            notice_fee_bps: terms.notice_fee_bps,
            credits,
            bonds: BondsBody { unverified, verified, trusted },
        };
        Self { version, terms }
    }
}

impl From<TermsBody> for ContractTerms {
    fn from(body: TermsBody) -> Self {
        let BondsBody { unverified, verified, trusted } = body.bonds;
        let credits = body.credits.into_iter();
        Self {
            default_after_minutes: body.default_after_minutes,
            outage_default_minutes: body.outage_default_minutes,
            close_after_minutes: body.close_after_minutes,
            evidence_minutes: body.evidence_minutes,
            decision_minutes: body.decision_minutes,
            draw_before_minutes: body.draw_before_minutes,
            notice_minutes: body.notice_minutes,
            notice_fee_bps: body.notice_fee_bps,
            credits: credits.map(|CreditBody { share_bps, times }| CreditStep { share_bps, times }).collect(),
            bonds: BondRates { unverified, verified, trusted },
        }
    }
}

/// Shows the terms that contracts made now have.
pub async fn get(api: Data<Api>) -> Reply<Answer<TermsAnswer>> {
    Ok(Answer(api.app.terms().await?.into()))
}

/// Publishes terms.
pub async fn publish(
    api: Data<Api>,
    caller: Caller,
    key: IdempotencyKey,
    Body(body): Body<TermsBody>,
) -> Reply<Answer<TermsAnswer>> {
    Ok(Answer(api.app.publish_terms(&caller, key.0, body.into()).await?.into()))
}

/// Settles the next contracts.
pub async fn settle(
    api: Data<Api>,
    caller: Caller,
    key: IdempotencyKey,
    Body(body): Body<SettlementBody>,
) -> Reply<Answer<Settlement>> {
    let after = body.after.map(|id| id.of(Kind::Contract)).transpose()?;
    let settled = api.app.settle(&caller, key.0, after, body.limit).await?;
    Ok(Answer(Settlement { next: settled.next.map(Id::from) }))
}

/// Registers the caller's public key.
pub async fn register_key(api: Data<Api>, caller: Caller, Body(body): Body<AccessKey>) -> Reply<Answer<AccessKey>> {
    api.app.register_access_key(&caller, body.public_key.clone()).await?;
    Ok(Answer(body))
}

/// Shows the caller's public key.
pub async fn key(api: Data<Api>, caller: Caller) -> Reply<Answer<AccessKey>> {
    Ok(Answer(AccessKey { public_key: api.app.access_key(&caller)? }))
}
