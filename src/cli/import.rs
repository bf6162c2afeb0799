//! Reading offers and prices from files.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use super::Failure;
use super::report::{ImportLine, print_imports};
use super::serve::DEFAULT_DATABASE;
use crate::app::Venue;
use crate::app::clock::SystemClock;
use crate::app::ids::OsIds;
use crate::app::ingest::TICK;
use crate::importers::plan::{Assumptions, plan};
use crate::importers::{self, CsvMapping, Format, Imported, Options, PriceUnit};
use crate::types::Timestamp;

/// Reads offers and prices from files.
#[derive(Debug, Args)]
pub struct Import {
    /// What the files are: gpurentalprices, vast, skypilot, csv, gcp-series or press.
    format: Format,
    /// The files.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The database: a file, `sqlite:PATH` or `postgres://...`.
    #[arg(long, env = "GPUBOURSE_DATABASE_URL", default_value = DEFAULT_DATABASE)]
    database_url: String,
    /// For csv: which column means what, such as gpu=model,price=usd,count=gpus.
    #[arg(long)]
    columns: Option<CsvMapping>,
    /// For csv: what a price buys, per-gpu or per-machine.
    #[arg(long)]
    price_unit: Option<PriceUnit>,
    /// When files that state no time were fetched, such as 2026-03-03T00:00:00Z.
    #[arg(long, value_parser = parse_time)]
    fetched_at: Option<Timestamp>,
    /// Whose prices they are, where the files do not say.
    #[arg(long)]
    provider: Option<String>,
    /// Also post the offers: an organization, sites, listings and asks for each provider.
    #[arg(long)]
    as_asks: bool,
    /// With --as-asks: GPUs of an offer that states no quantity.
    #[arg(long)]
    assume_gpus: Option<u32>,
    /// With --as-asks: days of an offer that states no end.
    #[arg(long)]
    assume_days: Option<u32>,
    /// Write the refused rows here as tab-separated text: file, line, reason, detail, row.
    #[arg(long)]
    rejects: Option<PathBuf>,
}

fn parse_time(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text).map_err(|error| error.to_string())
}

impl Import {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let imported = self.read_files()?;
        if let Some(path) = &self.rejects {
            write_rejects(path, &imported)?;
        }
        let venue = Venue::open(&self.database_url, Arc::new(SystemClock), Arc::new(OsIds), Vec::new()).await?;
        let done = self.bring_in(&venue, &imported).await;
        venue.close();
        done
    }

    fn read_files(&self) -> Result<Vec<(String, Imported)>, Failure> {
        let options = Options {
            csv: self.columns.clone(),
            price_unit: self.price_unit,
            fetched_at: self.fetched_at,
            provider: self.provider.clone(),
        };
        let read = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let bytes = fs::read(path).map_err(|error| Failure::new(format!("{}: {error}", path.display())))?;
            let imported = importers::import(self.format, &name, &bytes, &options);
            let imported = imported.map_err(|error| Failure::new(format!("{}: {error}", path.display())))?;
            Ok((path.display().to_string(), imported))
        };
        self.files.iter().map(read).collect()
    }

    async fn bring_in(&self, venue: &Venue, imported: &[(String, Imported)]) -> Result<(), Failure> {
        let ingest = venue.ingest("system");
        let mut lines = Vec::new();
        for (name, file) in imported {
            let new = ingest.quotes(&file.quotes).await?;
            lines.push(ImportLine::of(name, file, new));
        }
        print_imports(&lines);
        if !self.as_asks {
            return Ok(());
        }
        let offers: Vec<_> = imported.iter().flat_map(|(_, file)| file.offers.clone()).collect();
        let now = venue.clock().now();
        let plan = plan(&offers, &Assumptions { gpus: self.assume_gpus, days: self.assume_days, now, tick: TICK });
        let done = ingest.plan(&plan, |_, _| ()).await?;
        super::report::print_plan(&plan, &done, &[]);
        Ok(())
    }
}

fn write_rejects(path: &PathBuf, imported: &[(String, Imported)]) -> Result<(), Failure> {
    let mut file = fs::File::create(path)?;
    writeln!(file, "file\trow\treason\tdetail\traw")?;
    for (name, imported) in imported {
        for refused in &imported.refused {
            let raw = refused.raw.replace(['\t', '\n', '\r'], " ");
            let refusal = &refused.refusal;
            writeln!(file, "{name}\t{}\t{}\t{}\t{raw}", refused.row, refusal.code, refusal.detail)?;
        }
    }
    Ok(())
}
