//! The file in which an agent keeps what it has found and not yet reported.
//!
//! A line of JSON for each thing that happened, synced before anything depends on it: the contract first, then
//! `{"slot":S,"gpus_up":G}` for a probe and `{"done":S}` for one that was taken or refused. Opening it writes it
//! anew without what is done. A torn last line is what a crash leaves, and is ignored: nothing depended on it.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError, rename};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::types::{PublicId, Slot};

/// Why a notebook cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum NotebookError {
    /// The file system said so.
    #[error("{path}: {source}")]
    Io {
        /// Which file.
        path: String,
        /// What it said.
        source: std::io::Error,
    },
    /// Another agent has it open.
    #[error("{0} is in use by another agent")]
    InUse(String),
    /// It belongs to another contract.
    #[error("{path} is the notebook of contract {contract}")]
    OtherContract {
        /// Which file.
        path: String,
        /// Whose.
        contract: String,
    },
    /// A line is not one of a notebook.
    #[error("{path}: line {line} is not one of an agent's notebook")]
    Corrupt {
        /// Which file.
        path: String,
        /// Which line, counted from 1.
        line: usize,
    },
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Line {
    Contract { contract: String },
    Probe { slot: Slot, gpus_up: u32 },
    Done { done: Slot },
}

/// The slots that are noted and not reported.
#[derive(Debug)]
pub struct Notebook {
    path: PathBuf,
    file: File,
    contract: PublicId,
    slots: BTreeMap<Slot, u32>,
    /// Held as long as the notebook is open; a process that dies lets it go.
    _lock: File,
}

impl Notebook {
    /// Opens the notebook of a contract, or begins one.
    ///
    /// # Errors
    /// [`NotebookError`].
    pub fn open(path: &Path, contract: PublicId) -> Result<Self, NotebookError> {
        let lock_path = beside(path, "lock");
        let lock = OpenOptions::new().create(true).append(true).open(&lock_path).map_err(|e| io(&lock_path, e))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(NotebookError::InUse(shown(path))),
            Err(TryLockError::Error(error)) => return Err(io(&lock_path, error)),
        }
        let slots = read(path, contract)?;
        let file = write(path, contract, &slots).map_err(|error| io(path, error))?;
        Ok(Self { path: path.to_owned(), file, contract, slots, _lock: lock })
    }

    /// Returns the number of the contract, by which agents tell themselves apart.
    pub(super) fn number(&self) -> u64 {
        u64::try_from(self.contract.number).unwrap_or(0)
    }

    /// Notes what a probe found; of several in a slot the lowest counts.
    pub(super) fn note(&mut self, slot: Slot, gpus_up: u32) -> Result<(), NotebookError> {
        if self.slots.get(&slot).is_some_and(|lowest| *lowest <= gpus_up) {
            return Ok(());
        }
        let noted = append(&mut self.file, &Line::Probe { slot, gpus_up }).and_then(|()| self.file.sync_data());
        noted.map_err(|error| io(&self.path, error))?;
        self.slots.insert(slot, gpus_up);
        Ok(())
    }

    /// Returns what is noted of the slots before one.
    pub(super) fn before(&self, slot: Slot) -> Vec<(Slot, u32)> {
        self.slots.range(..slot).map(|(slot, gpus_up)| (*slot, *gpus_up)).collect()
    }

    /// Tells whether everything is reported.
    pub(super) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Forgets slots that were taken or refused.
    pub(super) fn forget(&mut self, slots: &[(Slot, u32)]) -> Result<(), NotebookError> {
        let noted = slots.iter().try_for_each(|(slot, _)| append(&mut self.file, &Line::Done { done: *slot }));
        noted.and_then(|()| self.file.sync_data()).map_err(|error| io(&self.path, error))?;
        for (slot, _) in slots {
            self.slots.remove(slot);
        }
        Ok(())
    }
}

fn read(path: &Path, contract: PublicId) -> Result<BTreeMap<Slot, u32>, NotebookError> {
    let mut text = String::new();
    match File::open(path) {
        Ok(mut file) => file.read_to_string(&mut text).map_err(|error| io(path, error))?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => return Err(io(path, error)),
    };
    let whole = text.rfind('\n').and_then(|end| text.get(..end)).unwrap_or_default();
    let mut slots = BTreeMap::new();
    for (index, line) in whole.lines().enumerate() {
        let corrupt = || NotebookError::Corrupt { path: shown(path), line: index.saturating_add(1) };
        match serde_json::from_str(line).map_err(|_| corrupt())? {
            Line::Contract { contract: other } if other != contract.to_uuid().to_string() => {
                return Err(NotebookError::OtherContract { path: shown(path), contract: other });
            }
            Line::Contract { .. } => {}
            Line::Probe { slot, gpus_up } => drop(slots.insert(slot, gpus_up)),
            Line::Done { done } => drop(slots.remove(&done)),
        }
    }
    Ok(slots)
}

/// Writes a notebook anew, so that a crash leaves the old one or the new one.
fn write(path: &Path, contract: PublicId, slots: &BTreeMap<Slot, u32>) -> std::io::Result<File> {
    let draft = beside(path, "new");
    let mut file = File::create(&draft)?;
    append(&mut file, &Line::Contract { contract: contract.to_uuid().to_string() })?;
    for (slot, gpus_up) in slots {
        append(&mut file, &Line::Probe { slot: *slot, gpus_up: *gpus_up })?;
    }
    file.sync_all()?;
    rename(&draft, path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()?;
    Ok(file)
}

/// Returns the path of a file that goes with another.
pub fn beside(path: &Path, what: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(what);
    name.into()
}

fn append(file: &mut File, line: &Line) -> std::io::Result<()> {
    let mut text = serde_json::to_string(line)?;
    text.push('\n');
    file.write_all(text.as_bytes())
}

fn io(path: &Path, source: std::io::Error) -> NotebookError {
    NotebookError::Io { path: shown(path), source }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
