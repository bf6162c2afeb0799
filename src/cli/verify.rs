//! Checking a database against its journal.

use clap::Args;

use super::Failure;
use super::serve::DEFAULT_DATABASE;
use crate::app::SIMULATED;
use crate::app::simulated::declared;
use crate::app::verify::{Anchor, verify};
use crate::store::Store;
use crate::types::hex;

/// Differences shown.
const SHOWN_MAX: usize = 20;

/// Checks that the database is what its journal says.
#[derive(Debug, Args)]
pub struct Verify {
    /// The database: a file, `sqlite:PATH` or `postgres://...`.
    #[arg(long, env = "GPUBOURSE_DATABASE_URL", default_value = DEFAULT_DATABASE)]
    database_url: String,
    /// A row of the chain noted earlier (`GET /v1/audit/head`), as SEQUENCE:HASH; finds a chain rewritten as a whole.
    #[arg(long, value_parser = parse_anchor)]
    anchor: Option<Anchor>,
    /// Replay from the first row. There are no checkpoints yet, so this is always done.
    #[arg(long)]
    full: bool,
}

impl Verify {
    pub(super) fn run(self) -> Result<(), Failure> {
        let store = Store::open_existing(&self.database_url)?;
        let verdict = verify(&store, self.anchor)?;
        for line in verdict.damage.iter().take(SHOWN_MAX) {
            println!("damage: {line}");
        }
        for mismatch in verdict.mismatches.iter().take(SHOWN_MAX) {
            println!("{mismatch}");
        }
        if let Some(head) = verdict.head {
            println!("{} journal rows, head {}:{}", verdict.rows, head.sequence, hex(&head.hash));
        }
        if let Some(how) = declared(&store)? {
            println!("{SIMULATED} ({how}): traders, orders and trades were made up");
        }
        if verdict.is_clean() {
            println!("verified: the chain, the replay and every table agree");
            return Ok(());
        }
        let first = verdict.mismatches.first().map(|mismatch| mismatch.sequence);
        Err(Failure::new(match first {
            Some(sequence) => format!(
                "the database is not what its journal says; first bad sequence: {sequence} ({} differences)",
                verdict.mismatches.len()
            ),
            None => "the database file is damaged".to_owned(),
        }))
    }
}

pub(super) fn parse_anchor(text: &str) -> Result<Anchor, String> {
    Anchor::parse(text).ok_or_else(|| "expected SEQUENCE:HASH with 64 hexadecimal digits".to_owned())
}
