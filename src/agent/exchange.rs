//! The exchange as an agent sees it, over HTTP.

use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::Run;
use crate::types::{Minute, PublicId};

/// How long the exchange may take to answer.
const TIMEOUT: Duration = Duration::from_secs(30);

/// What an agent must know of its contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Assignment {
    /// GPUs of the contract.
    pub gpus: u32,
    /// The first minute after it.
    pub end: Minute,
}

/// Why the exchange did not do what an agent asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// It refused, with a code of its error table.
    #[error("the exchange refuses: {0}")]
    Refused(String),
    /// It cannot be reached, is busy, or does not speak the protocol.
    #[error("the exchange cannot be asked: {0}")]
    Unreachable(String),
}

/// What an agent asks of the exchange.
pub trait Exchange {
    /// Returns what the contract says now.
    ///
    /// # Errors
    /// [`Trouble`].
    fn assignment(&self) -> Result<Assignment, Trouble>;

    /// Reports slots.
    ///
    /// # Errors
    /// [`Trouble`]; then all of them are as they were, or nobody knows.
    fn report(&self, runs: &[Run]) -> Result<(), Trouble>;
}

/// The exchange at a URL.
pub struct HttpExchange {
    agent: ureq::Agent,
    server: String,
    key: String,
    contract: PublicId,
}

#[derive(Deserialize)]
struct DeliveryAnswer {
    gpus: u32,
    end: String,
}

#[derive(Deserialize)]
struct MeterAnswer {
    results: Vec<MeterResult>,
}

#[derive(Deserialize)]
struct MeterResult {
    taken: bool,
    code: Option<String>,
}

#[derive(Deserialize)]
struct Problem {
    code: String,
}

impl HttpExchange {
    /// Returns the exchange at a URL such as `https://exchange.example`, for somebody with an API key.
    pub fn new(server: &str, key: String, contract: PublicId) -> Self {
        let config = ureq::Agent::config_builder().timeout_global(Some(TIMEOUT)).http_status_as_error(false);
        let server = server.trim_end_matches('/').to_owned();
        Self { agent: config.build().new_agent(), server, key, contract }
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.key)
    }
}

impl Exchange for HttpExchange {
    fn assignment(&self) -> Result<Assignment, Trouble> {
        let url = format!("{}/v1/contracts/{}/delivery", self.server, self.contract.to_uuid());
        let answer: DeliveryAnswer = read(self.agent.get(&url).header("authorization", self.bearer()).call())?;
        let end = Minute::parse(&answer.end).map_err(|error| unreachable(&error))?;
        Ok(Assignment { gpus: answer.gpus, end })
    }

    fn report(&self, runs: &[Run]) -> Result<(), Trouble> {
        let runs = runs
            .iter()
            .map(|run| json!({"slot": run.first.start().to_rfc3339(), "slots": run.slots, "gpus_up": run.gpus_up}));
        let report = json!({"contract_id": self.contract.to_uuid(), "runs": runs.collect::<Vec<_>>()});
        let url = format!("{}/v1/meter", self.server);
        let request = self.agent.post(&url).header("authorization", self.bearer());
        let answer: MeterAnswer = read(request.send_json(json!({"reports": [report]})))?;
        match answer.results.into_iter().next() {
            Some(MeterResult { taken: true, .. }) => Ok(()),
            Some(MeterResult { code: Some(code), .. }) => Err(Trouble::Refused(code)),
            _ => Err(Trouble::Unreachable("the answer says nothing about the report".to_owned())),
        }
    }
}

fn read<T: DeserializeOwned>(answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Result<T, Trouble> {
    let mut answer = answer.map_err(|error| unreachable(&error))?;
    let status = answer.status();
    if status.is_success() {
        return answer.body_mut().read_json().map_err(|error| unreachable(&error));
    }
    let code = answer.body_mut().read_json::<Problem>().map(|problem| problem.code);
    match code {
        // Too many requests, a body that came too slowly: the same request may be taken later.
        Ok(code) if status.is_client_error() && ![408, 429].contains(&status.as_u16()) => Err(Trouble::Refused(code)),
        _ => Err(Trouble::Unreachable(status.to_string())),
    }
}

fn unreachable(error: &dyn std::fmt::Display) -> Trouble {
    Trouble::Unreachable(error.to_string())
}
