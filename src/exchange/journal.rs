//! Commands as the journal keeps them: canonical JSON, `{"kind":...,"v":1,...}` with sorted keys and no fractions.
//!
//! Invariant: every text ever written here stays readable. A new version of a command gets a new `v` beside the
//! old ones; the golden rows of the tests are never edited.

use serde::Serialize;
use serde_json::Value;

use super::{BidWindow, Command, PlaceAsk, PlaceBid, Requirements, Terms};
use crate::types::{
    Funding, Interconnect, Minute, OrganizationId, Price, ProductId, SelfTrade, SiteId, SlaClass, Source, Tier,
    TimeInForce, Timestamp,
};

/// The version new rows are written in.
const VERSION: u64 = 1;

/// A text is not a command this program knows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotCommand {
    /// Not JSON, or not the fields of the command it names.
    #[error("not a command: {0}")]
    Malformed(String),
    /// Written by a newer program.
    #[error("a command of version {0}, which this program does not know")]
    UnknownVersion(String),
}

/// Returns the one text that stands for a command in the journal.
///
/// # Errors
/// [`NotCommand::Malformed`] if the command cannot be written, which is a bug.
pub fn canonical_command(command: &Command) -> Result<String, NotCommand> {
    match command {
        Command::PlaceAsk(ask) => serde_json::to_string(&AskText::of(ask, command.kind())).map_err(malformed),
        Command::PlaceBid(bid) => serde_json::to_string(&BidText::of(bid, command.kind())).map_err(malformed),
        _ => sorted(command),
    }
}

/// Returns the text of any command; slow, because a tree of values is made first.
fn sorted(command: &Command) -> Result<String, NotCommand> {
    let Value::Object(mut fields) = serde_json::to_value(command).map_err(malformed)? else {
        return Err(NotCommand::Malformed("not an object".to_owned()));
    };
    fields.insert("v".to_owned(), Value::from(VERSION));
    // The JSON library keeps keys sorted, and no command has a fraction: both are held to by the tests.
    serde_json::to_string(&fields).map_err(malformed)
}

/// An ask with its fields in the order of their names. Orders are most of what a journal holds, so they are written
/// without a tree of values between; the tests hold them to the text of [`sorted`].
#[derive(Serialize)]
struct AskText<'a> {
    end: Option<Minute>,
    gpus: u32,
    kind: &'static str,
    lead_minutes: u32,
    lot: Option<u32>,
    min_minutes: Option<u32>,
    organization: OrganizationId,
    price: Price,
    source: Source,
    start: Option<Minute>,
    terms: TermsText<'a>,
    v: u64,
}

/// A bid, likewise.
#[derive(Serialize)]
struct BidText<'a> {
    // Absent where nothing is asked: rows from before there was such a wish stay the one text of their command.
    #[serde(skip_serializing_if = "Option::is_none")]
    cover: Option<Price>,
    #[serde(skip_serializing_if = "Funding::is_full")]
    funding: Funding,
    gpus: u32,
    kind: &'static str,
    lot: u32,
    organization: OrganizationId,
    price: Price,
    product: ProductId,
    requirements: RequirementsText<'a>,
    same_site: bool,
    terms: TermsText<'a>,
    v: u64,
    window: WindowText,
}

#[derive(Serialize)]
struct TermsText<'a> {
    client_order_id: Option<&'a str>,
    expires_at: Option<Timestamp>,
    post_only: bool,
    self_trade: SelfTrade,
    time_in_force: TimeInForce,
}

#[derive(Serialize)]
struct RequirementsText<'a> {
    countries: &'a [String],
    interconnects: &'a [Interconnect],
    // Absent where nothing is asked, as with `cover`.
    #[serde(skip_serializing_if = "Option::is_none")]
    min_score_bps: Option<u32>,
    min_sla_class: SlaClass,
    #[serde(skip_serializing_if = "Tier::is_unverified")]
    min_tier: Tier,
    primary_only: bool,
    regions: &'a [String],
    site_ids: &'a [SiteId],
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum WindowText {
    Fixed { end: Minute, start: Minute },
    AtOnce { minutes: u32 },
}

// Each takes its command apart whole: a field that is added and not written does not compile.

impl<'a> AskText<'a> {
    fn of(ask: &'a PlaceAsk, kind: &'static str) -> Self {
        let PlaceAsk { organization, source, gpus, start, end, price, lot, min_minutes, lead_minutes, ref terms } =
            *ask;
        let (terms, v) = (TermsText::of(terms), VERSION);
        Self { end, gpus, kind, lead_minutes, lot, min_minutes, organization, price, source, start, terms, v }
    }
}

impl<'a> BidText<'a> {
    fn of(bid: &'a PlaceBid, kind: &'static str) -> Self {
        let PlaceBid {
            organization,
            product,
            gpus,
            window,
            price,
            lot,
            same_site,
            cover,
            funding,
            ref requirements,
            ref terms,
        } = *bid;
        let window = match window {
            BidWindow::Fixed { start, end } => WindowText::Fixed { end, start },
            BidWindow::AtOnce { minutes } => WindowText::AtOnce { minutes },
        };
        let (requirements, terms, v) = (RequirementsText::of(requirements), TermsText::of(terms), VERSION);
        Self {
            cover,
            funding,
            gpus,
            kind,
            lot,
            organization,
            price,
            product,
            requirements,
            same_site,
            terms,
            v,
            window,
        }
    }
}

impl<'a> TermsText<'a> {
    fn of(terms: &'a Terms) -> Self {
        let Terms { time_in_force, expires_at, post_only, self_trade, ref client_order_id } = *terms;
        Self { client_order_id: client_order_id.as_deref(), expires_at, post_only, self_trade, time_in_force }
    }
}

impl<'a> RequirementsText<'a> {
    fn of(requirements: &'a Requirements) -> Self {
        let Requirements {
            regions,
            countries,
            interconnects,
            site_ids,
            min_sla_class,
            primary_only,
            min_tier,
            min_score_bps,
        } = requirements;
        let (min_sla_class, primary_only) = (*min_sla_class, *primary_only);
        let (min_tier, min_score_bps) = (*min_tier, *min_score_bps);
        Self { countries, interconnects, min_score_bps, min_sla_class, min_tier, primary_only, regions, site_ids }
    }
}

/// Returns the command a journal row stands for.
///
/// # Errors
/// [`NotCommand`]; a process that meets one must neither start nor follow.
pub fn parse_command(text: &str) -> Result<Command, NotCommand> {
    let mut value: Value = serde_json::from_str(text).map_err(malformed)?;
    let version = value.as_object_mut().and_then(|fields| fields.remove("v"));
    match version.as_ref().and_then(Value::as_u64) {
        Some(VERSION) => serde_json::from_value(value).map_err(malformed),
        _ => Err(NotCommand::UnknownVersion(version.map_or_else(|| "none".to_owned(), |version| version.to_string()))),
    }
}

fn malformed(error: serde_json::Error) -> NotCommand {
    NotCommand::Malformed(error.to_string())
}

#[cfg(test)]
#[path = "journal_tests.rs"]
mod tests;
