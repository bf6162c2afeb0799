//! The audit bundle of a contract: taken from a database, checked without one.

use clap::{Args, Subcommand};
use std::path::PathBuf;
use uuid::Uuid;

use super::Failure;
use super::serve::DEFAULT_DATABASE;
use super::verify::parse_anchor;
use crate::app::bundle::{Sealed, check, export};
use crate::app::verify::Anchor;
use crate::store::Store;
use crate::types::{ContractId, Kind, PublicId};

/// Takes the story of a contract along and checks it.
#[derive(Debug, Args)]
pub struct Audit {
    #[command(subcommand)]
    command: AuditCommand,
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    /// Writes the bundle of a contract to a file: offer, orders, the book before the match, trade, chain of title,
    /// delivery, transfers, and the journal rows with their hashes.
    Export(Export),
    /// Checks a bundle by itself: hashes, the match from its book, and that the transfers add up.
    Check(Check),
}

#[derive(Debug, Args)]
struct Export {
    /// The database: a file, `sqlite:PATH` or `postgres://...`.
    #[arg(long, env = "GPUBOURSE_DATABASE_URL", default_value = DEFAULT_DATABASE)]
    database_url: String,
    /// The contract's id.
    #[arg(long, value_parser = parse_contract)]
    contract: PublicId,
    /// The file to write; one that is there is replaced.
    #[arg(long)]
    output: PathBuf,
}

#[derive(Debug, Args)]
struct Check {
    /// The bundle.
    file: PathBuf,
    /// A row of the chain noted elsewhere (`GET /v1/audit/head`), as SEQUENCE:HASH; may be given several times.
    #[arg(long, value_parser = parse_anchor)]
    anchor: Vec<Anchor>,
}

impl Audit {
    pub(super) fn run(self) -> Result<(), Failure> {
        match self.command {
            AuditCommand::Export(command) => command.run(),
            AuditCommand::Check(command) => command.run(),
        }
    }
}

impl Export {
    fn run(self) -> Result<(), Failure> {
        let store = Store::open_existing(&self.database_url)?;
        let number = ContractId::new(self.contract.number);
        let bundle = export(&store, number).map_err(|error| Failure::new(error.to_string()))?;
        if bundle.made.created_at != self.contract.created_at {
            return Err(Failure::new("there is no such contract"));
        }
        let (rows, head) = (bundle.rows.len(), bundle.head.clone());
        let sealed = Sealed::of(bundle).map_err(unwritten)?;
        std::fs::write(&self.output, serde_json::to_vec(&sealed).map_err(unwritten)?)?;
        println!("{rows} journal rows, head {}:{}, seal {}", head.sequence, head.hash, sealed.seal);
        Ok(())
    }
}

impl Check {
    fn run(self) -> Result<(), Failure> {
        let text = std::fs::read(&self.file)?;
        let sealed: Sealed =
            serde_json::from_slice(&text).map_err(|error| Failure::new(format!("not an audit bundle: {error}")))?;
        let found = check(&sealed, &self.anchor);
        found.iter().for_each(|line| println!("{line}"));
        let (rows, head) = (sealed.bundle.rows.len(), &sealed.bundle.head);
        println!("{rows} journal rows, head {}:{}, seal {}", head.sequence, head.hash, sealed.seal);
        if !found.is_empty() {
            return Err(Failure::new(format!("the bundle contradicts itself ({} findings)", found.len())));
        }
        println!("checked: the rows give their hashes, the trade follows from its book, the transfers add up");
        Ok(())
    }
}

fn parse_contract(text: &str) -> Result<PublicId, String> {
    let id = Uuid::try_parse(text).ok().and_then(PublicId::from_uuid);
    id.filter(|id| id.kind == Kind::Contract).ok_or_else(|| "must be the id of a contract".to_owned())
}

fn unwritten(error: serde_json::Error) -> Failure {
    Failure::new(format!("the bundle cannot be written: {error}"))
}
