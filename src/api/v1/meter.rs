//! `/v1/meter`: heartbeats of many contracts in one request.

use actix_web::web::Data;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::Api;
use crate::api::answer::{Answer, Reply};
use crate::api::extract::Body;
use crate::api::extract::body::json_body;
use crate::api::problem::Problem;
use crate::api::wire::{DeliveryTime, Id};
use crate::app::facade::Caller;
use crate::app::metering::NewReport;
use crate::exchange::MeterRun;
use crate::types::limits::{METER_REPORTS_MAX, METER_RUNS_MAX};
use crate::types::{Kind, Slot};

/// Heartbeats.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MeterBody {
    /// One for each contract.
    #[schema(min_items = 1, max_items = 1_000)]
    pub reports: Vec<ReportBody>,
}

/// How many GPUs of a contract were up.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportBody {
    /// Which contract.
    pub contract_id: Id,
    /// Slots of equal state; they replace what the same side reported for these slots before.
    #[schema(min_items = 1, max_items = 576)]
    pub runs: Vec<RunBody>,
}

/// Slots of five minutes in which equally many GPUs were up.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RunBody {
    /// When the first slot begins: a multiple of five minutes.
    pub slot: DeliveryTime,
    /// How many slots; 1 if absent.
    #[schema(minimum = 1)]
    pub slots: Option<u32>,
    /// GPUs up in each.
    pub gpus_up: u32,
}

json_body!(MeterBody, {"reports": [{
    "contract_id": "019a0d2e-7c00-7007-8000-000000000001",
    "runs": [{"slot": "2027-01-01T00:00:00Z", "slots": 12, "gpus_up": 8}],
}]});

/// What became of the reports.
#[derive(Debug, Serialize, ToSchema)]
pub struct MeterAnswer {
    /// One for each report, in their order.
    pub results: Vec<ReportAnswer>,
}

/// What became of a report.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReportAnswer {
    /// On which contract.
    pub contract_id: Id,
    /// Whether it was taken in.
    pub taken: bool,
    /// Why it was not: a code of the error table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// Takes heartbeats in.
pub async fn report(api: Data<Api>, caller: Caller, Body(body): Body<MeterBody>) -> Reply<Answer<MeterAnswer>> {
    if body.reports.is_empty() || body.reports.len() > METER_REPORTS_MAX {
        return Err(Problem::field("reports", format!("must be 1 to {METER_REPORTS_MAX}")));
    }
    let reports: Vec<NewReport> =
        body.reports.iter().enumerate().map(|(at, report)| read(at, report)).collect::<Result<_, _>>()?;
    let refused = api.app.meter(&caller, reports).await?;
    let result = |(report, code): (&ReportBody, Option<String>)| ReportAnswer {
        contract_id: report.contract_id,
        taken: code.is_none(),
        code,
    };
    Ok(Answer(MeterAnswer { results: body.reports.iter().zip(refused).map(result).collect() }))
}

fn read(at: usize, report: &ReportBody) -> Result<NewReport, Problem> {
    if report.runs.is_empty() || report.runs.len() > METER_RUNS_MAX {
        return Err(Problem::field(format!("reports[{at}].runs"), format!("must be 1 to {METER_RUNS_MAX}")));
    }
    let contract = report.contract_id.of(Kind::Contract).ok();
    let runs = report.runs.iter().enumerate().map(|(place, run)| {
        let slot = Slot::of(run.slot.0);
        if slot.start() != run.slot.0 {
            let message = format!("must be a multiple of {} minutes", Slot::MINUTES);
            return Err(Problem::field(format!("reports[{at}].runs[{place}].slot"), message));
        }
        Ok(MeterRun(slot.number(), run.slots.unwrap_or(1), run.gpus_up))
    });
    Ok(NewReport { contract, runs: runs.collect::<Result<_, _>>()? })
}
