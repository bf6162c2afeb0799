//! The agent of a provider or a renter, as a command.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use uuid::Uuid;

use super::Failure;
use crate::agent::{Agent as Beside, CommandProbe, HttpExchange, Notebook, Round, Trouble, beside};
use crate::app::SystemClock;
use crate::types::{Kind, PublicId};

/// Reports how many GPUs of a contract are up, from the machine they are in.
#[derive(Debug, Args)]
pub struct Agent {
    /// The exchange, such as https://exchange.example.
    #[arg(long, env = "GPUBOURSE_SERVER", default_value = "http://127.0.0.1:8080")]
    server: String,
    /// An API key with the scope `deliver`.
    #[arg(long, env = "GPUBOURSE_API_KEY", hide_env_values = true)]
    api_key: String,
    /// The contract.
    #[arg(long, value_parser = contract_id)]
    contract: PublicId,
    /// A shell command that prints how many GPUs are up, such as `nvidia-smi -L | wc -l`. If it fails, none is.
    #[arg(long)]
    probe: String,
    /// The notebook: what is found and not yet reported outlives a restart there.
    #[arg(long, default_value = "gpubourse-agent.jsonl")]
    notebook: PathBuf,
    /// Seconds between two probes.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=300))]
    every_s: u64,
    /// Seconds a probe may take.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=300))]
    probe_timeout_s: u64,
    /// Do one round and stop.
    #[arg(long)]
    once: bool,
}

impl Agent {
    pub(super) fn run(self) -> Result<(), Failure> {
        let notebook =
            Notebook::open(&self.notebook, self.contract).map_err(|error| Failure::new(error.to_string()))?;
        let probe = CommandProbe {
            command: self.probe,
            timeout: Duration::from_secs(self.probe_timeout_s),
            output: beside(&self.notebook, "probe"),
        };
        let exchange = HttpExchange::new(&self.server, self.api_key, self.contract);
        let mut agent = Beside::new(exchange, probe, Arc::new(SystemClock), notebook).map_err(of_trouble)?;
        println!("watching contract {}; stop with Ctrl-C", self.contract.to_uuid());
        loop {
            let round = agent.round().map_err(|error| Failure::new(error.to_string()))?;
            say(&round);
            if round.is_over {
                println!("the contract is over and everything is reported");
                return Ok(());
            }
            if self.once {
                return Ok(());
            }
            std::thread::sleep(Duration::from_secs(self.every_s));
        }
    }
}

fn say(round: &Round) {
    let Round { taken, dropped, waits, .. } = round;
    if *taken > 0 {
        println!("{taken} slots reported");
    }
    for (slot, code) in dropped {
        println!("the slot of {} is not taken: {code}", slot.start().to_rfc3339());
    }
    if let Some(why) = waits {
        println!("reports wait: {why}");
    }
}

fn of_trouble(trouble: Trouble) -> Failure {
    Failure::new(match trouble {
        Trouble::Refused(code) => match code.as_str() {
            "not_found" => "the exchange knows no such contract of yours".to_owned(),
            "no_delivery_terms" => "the contract was made before there were terms of delivery".to_owned(),
            _ => format!("the exchange refuses: {code}"),
        },
        other => other.to_string(),
    })
}

fn contract_id(text: &str) -> Result<PublicId, String> {
    let id = Uuid::try_parse(text).ok().and_then(PublicId::from_uuid).filter(|id| id.kind == Kind::Contract);
    id.ok_or_else(|| "must be the id of a contract".to_owned())
}
