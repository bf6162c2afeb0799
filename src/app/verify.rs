//! Whether the database is what its journal says: chain, replay, and every row of every table.
//!
//! The journal is walked once, from its first row: each row must continue the chain, its command must come
//! to the recorded outcome and each batch to the recorded digest. What the commands changed, one by one, is
//! then held against the tables, so that a difference names the command that wrote there.

use super::replay;
use crate::exchange::{Command, Exchange};
use crate::store::verify::{Expected, Mismatch, chain, compare, integrity, mark};
use crate::store::{Db, JournalRow, Store, StoreError};
use fixes::Fixes;

mod fixes;

/// Journal rows read at a time.
const PAGE_ROWS: u32 = 2_000;

/// A row of the chain that somebody wrote down earlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Anchor {
    /// Its place.
    pub sequence: i64,
    /// Its hash.
    pub hash: [u8; 32],
}

impl Anchor {
    /// Reads `SEQUENCE:HASH`, the hash in 64 hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let (sequence, digits) = text.split_once(':')?;
        if digits.len() != 64 || !digits.is_ascii() {
            return None;
        }
        let mut hash = [0; 32];
        for (byte, pair) in hash.iter_mut().zip(digits.as_bytes().chunks(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(Self { sequence: sequence.parse().ok()?, hash })
    }
}

/// What was found.
#[derive(Debug, Clone, Default)]
pub struct Verdict {
    /// Journal rows walked.
    pub rows: i64,
    /// The last of them.
    pub head: Option<Anchor>,
    /// Differences, by sequence.
    pub mismatches: Vec<Mismatch>,
    /// What the database says of its own file.
    pub damage: Vec<String>,
}

impl Verdict {
    /// Tells whether nothing was found.
    pub const fn is_clean(&self) -> bool {
        self.mismatches.is_empty() && self.damage.is_empty()
    }
}

/// Checks a database.
///
/// # Errors
/// [`StoreError`] if it cannot be read; what it says wrongly is in the verdict.
pub fn verify(store: &Store, anchor: Option<Anchor>) -> Result<Verdict, StoreError> {
    store.read(|db| {
        let mut verdict = Verdict { damage: integrity(db)?, ..Verdict::default() };
        match check(db, anchor, &mut verdict) {
            // A file known to be damaged need not be readable to its end; what is known of it must not be lost.
            Err(error) if !verdict.damage.is_empty() => verdict.damage.push(error.to_string()),
            done => done?,
        }
        Ok(verdict)
    })
}

fn check(db: &mut Db, anchor: Option<Anchor>, verdict: &mut Verdict) -> Result<(), StoreError> {
    let expected = Expected::since(mark(db)?);
    let mut replay = Replay { exchange: Exchange::new(), expected, fixes: Fixes::announced(db)? };
    if let Some(mismatch) = walk(db, &mut replay, anchor, verdict)? {
        verdict.mismatches.push(mismatch);
        return Ok(());
    }
    verdict.mismatches.extend(compare(db, &replay.expected)?);
    if verdict.mismatches.is_empty() {
        verdict.mismatches.append(&mut replay.fixes.found);
    }
    verdict.mismatches.sort();
    Ok(())
}

/// Walks the journal to its end, or to the first row that is wrong.
fn walk(
    db: &mut Db,
    replay: &mut Replay,
    anchor: Option<Anchor>,
    verdict: &mut Verdict,
) -> Result<Option<Mismatch>, StoreError> {
    let (mut sequence, mut hash) = (0, [0; 32]);
    loop {
        let page = chain(db, sequence, hash, PAGE_ROWS)?;
        for row in &page.rows {
            if let Some(mismatch) = replay.row(db, row)? {
                return Ok(Some(mismatch));
            }
            if let Some(anchor) = anchor.filter(|anchor| anchor.sequence == row.sequence && anchor.hash != row.hash) {
                return Ok(Some(wrong(anchor.sequence, "hash", "the chain was rewritten: not the anchor's hash")));
            }
            (sequence, hash) = (row.sequence, row.hash);
            verdict.rows = sequence;
            verdict.head = Some(Anchor { sequence, hash });
        }
        if page.broken.is_some() {
            return Ok(page.broken);
        }
        if page.rows.is_empty() {
            break;
        }
    }
    match anchor {
        Some(anchor) if anchor.sequence > sequence => {
            Ok(Some(wrong(anchor.sequence, "sequence", "the chain was cut: the anchor's row is missing")))
        }
        // An anchor that was held against nothing must not look like one that agreed.
        Some(anchor) if anchor.sequence < 1 => {
            Ok(Some(wrong(anchor.sequence, "sequence", "no chain has a row of the anchor's sequence")))
        }
        _ => Ok(None),
    }
}

/// The exchange as the journal makes it.
struct Replay {
    exchange: Exchange,
    expected: Expected,
    fixes: Fixes,
}

impl Replay {
    fn row(&mut self, db: &mut Db, row: &JournalRow) -> Result<Option<Mismatch>, StoreError> {
        let envelope = match replay::envelope(row) {
            Ok(envelope) => envelope,
            Err(error) => return Ok(Some(wrong(row.sequence, "command", &error.to_string()))),
        };
        let outcome = match replay::outcome(&self.exchange.execute(&envelope)) {
            Ok(outcome) => outcome.to_owned(),
            Err(name) => format!("broken invariant {name}"),
        };
        if outcome != row.outcome {
            let what = format!("the replay comes to {outcome:?}, recorded is {:?}", row.outcome);
            return Ok(Some(wrong(row.sequence, "outcome", &what)));
        }
        let changes = match self.exchange.settle() {
            Ok(changes) => changes,
            Err(failure) => return Ok(Some(wrong(row.sequence, "command", &failure.to_string()))),
        };
        if let Some(recorded) = row.digest.filter(|digest| *digest != changes.digest) {
            let what = format!("the replay comes to {:032x}, recorded is {recorded:032x}", changes.digest);
            return Ok(Some(wrong(row.sequence, "digest", &what)));
        }
        let last = JournalRow { digest: Some(changes.digest), ..row.clone() };
        self.expected.take(&last, &changes)?;
        self.fixes.take(row.sequence, &self.exchange, &changes);
        if let (Command::PublishFixes { as_of, fixes }, false) = (&envelope.command, changes.fixes.is_empty()) {
            for (fix, published) in fixes.iter().zip(&changes.fixes) {
                self.fixes.check(db, &self.exchange, (row.sequence, published.id, *as_of), fix);
            }
        }
        if row.digest.is_some() {
            self.expected.end_batch()?;
        }
        Ok(None)
    }
}

fn wrong(sequence: i64, column: &'static str, what: &str) -> Mismatch {
    Mismatch { sequence, table: "journal", key: sequence.to_string(), column, what: what.to_owned() }
}
