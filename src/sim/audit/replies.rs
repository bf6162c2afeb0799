//! Replies beside the journal: what was acknowledged is there once, with the result that was told.

use std::collections::{BTreeMap, BTreeSet};

use super::facts::{Reply, Row};
use super::{Rule, Violation, ensure, violation};

/// What a command made, where the auditor knows it.
pub(super) type Made = Option<(&'static str, i64)>;

/// The journal by request.
#[derive(Debug, Default)]
pub(super) struct Replies {
    last: i64,
    rows: BTreeMap<String, Seen>,
    /// Accepted requests by their name.
    done: BTreeMap<(String, String), Done>,
    /// Requests that were said not to be applied.
    denied: BTreeSet<String>,
}

#[derive(Debug)]
struct Seen {
    sequence: i64,
    outcome: String,
    made: Made,
}

#[derive(Debug)]
struct Done {
    text: String,
    sequence: i64,
    made: Made,
}

impl Replies {
    /// The last journal row.
    pub(super) const fn last(&self) -> i64 {
        self.last
    }

    /// Judges a new journal row; returns what the first request made if it is a repeat.
    pub(super) fn row(&mut self, row: &Row) -> Result<Made, Violation> {
        let follows = self.last.saturating_add(1);
        ensure(row.sequence == follows, Rule::Journal, || format!("row {} where {follows} is due", row.sequence))?;
        self.last = row.sequence;
        let told = || format!("row {} of request {}: {}", row.sequence, row.request_id, row.text);
        let denied = self.denied.contains(&row.request_id);
        ensure(!denied, Rule::AppliedAllTheSame, || format!("{}, said not to be applied", told()))?;
        ensure(!self.rows.contains_key(&row.request_id), Rule::Journal, || {
            format!("twice in the journal: {}", told())
        })?;
        let first = row.name.as_ref().and_then(|name| self.done.get(name));
        match (row.outcome.as_str(), first) {
            ("ok", Some(first)) => {
                violation(Rule::AppliedTwice, format!("{}, done in row {} already", told(), first.sequence))
            }
            ("replayed", None) => violation(Rule::WrongRepeat, format!("{} repeats nothing", told())),
            ("replayed", Some(first)) => {
                let same = first.text == row.text;
                ensure(same, Rule::WrongRepeat, || format!("{} is not row {}", told(), first.sequence))?;
                Ok(first.made)
            }
            _ => Ok(None),
        }
    }

    /// Notes what a row made.
    pub(super) fn made(&mut self, row: &Row, made: Made) {
        if let (Some(name), "ok") = (&row.name, row.outcome.as_str()) {
            self.done.insert(name.clone(), Done { text: row.text.clone(), sequence: row.sequence, made });
        }
        // Time has no request.
        if !row.request_id.is_empty() {
            let seen = Seen { sequence: row.sequence, outcome: row.outcome.clone(), made };
            self.rows.insert(row.request_id.clone(), seen);
        }
    }

    /// Judges a reply.
    pub(super) fn reply(&mut self, request_id: &str, reply: &Reply) -> Result<(), Violation> {
        let row = self.rows.get(request_id);
        let told = || format!("request {request_id} was told {reply:?}, the journal has {row:?}");
        let outcome = match reply {
            Reply::Done { replayed: false, .. } => "ok",
            Reply::Done { replayed: true, .. } => "replayed",
            Reply::Refused(code) => code,
            Reply::NotApplied => {
                self.denied.insert(request_id.to_owned());
                return ensure(row.is_none(), Rule::AppliedAllTheSame, told);
            }
            Reply::Unknown => return Ok(()),
            Reply::Broken(_) => return violation(Rule::BrokenInvariant, told()),
        };
        let Some(row) = row else { return violation(Rule::LostAcknowledged, told()) };
        ensure(row.outcome == outcome, Rule::WrongReply, told)?;
        match reply {
            Reply::Done { sequence, made, .. } => {
                let same = *sequence == row.sequence && row.made.is_none_or(|due| due == *made);
                ensure(same, Rule::WrongReply, told)
            }
            _ => Ok(()),
        }
    }
}
