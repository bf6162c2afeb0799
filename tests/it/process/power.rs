//! The disk of a machine that may lose power, run full or fail: a library under the program, see `power.c`.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use super::on_linux;
use super::program::text;
use crate::settings::in_ci;
use crate::streams::rng::Rng;

const SOURCE: &str = include_str!("power.c");
const SUFFIXES: [&str; 3] = ["", "-wal", "-journal"];
const NOTE: usize = 32;
/// What a disk writes as a whole.
const SECTOR: usize = 512;

/// What goes wrong with the disk, from when it is said until something else is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    None,
    /// So many bytes more can be written.
    FullAfter(u64),
    /// The same, but the disk says that it has written the rest, too.
    SilentlyFullAfter(u64),
    /// What was written is not made durable, and said so.
    SyncFails,
    /// The same, and nobody says so.
    SyncLies,
    /// Nobody hears whether it is.
    SyncHangs,
}

/// The disk below one database.
pub struct Disk {
    database: String,
    library: PathBuf,
    folder: TempDir,
}

impl Disk {
    /// Returns a disk for the database of a path; nothing, and says so, where there is no C compiler to make
    /// one.
    pub fn below(database: &str) -> Option<Self> {
        if !on_linux() {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let (source, library) = (folder.path().join("power.c"), folder.path().join("power.so"));
        fs::write(&source, SOURCE).unwrap();
        let mut cc = Command::new("cc");
        let made =
            cc.args(["-O2", "-shared", "-fPIC", "-o"]).args([&library, &source]).args(["-ldl", "-lpthread"]).output();
        let made = made
            .map_err(|error| error.to_string())
            .and_then(|output| if output.status.success() { Ok(()) } else { Err(text(&output.stderr)) });
        if let Err(error) = made {
            assert!(!in_ci(), "the disk cannot be compiled: {error}");
            println!("SKIPPED: the disk cannot be compiled: {error}");
            return None;
        }
        let disk = Self { database: database.to_owned(), library, folder };
        disk.go_wrong(Fault::None);
        Some(disk)
    }

    /// Returns the environment of a program that uses this disk.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let path = |name: &str| self.folder.path().join(name).display().to_string();
        vec![
            ("LD_PRELOAD", self.library.display().to_string()),
            ("POWER_DATABASE", self.database.clone()),
            ("POWER_NOTES", path("notes")),
            ("POWER_CONTROL", path("control")),
        ]
    }

    /// Lets something go wrong from now on, in a running program, too.
    pub fn go_wrong(&self, fault: Fault) {
        let (space, left, sync) = match fault {
            Fault::None => (0, 0, 0),
            Fault::FullAfter(bytes) => (1, bytes, 0),
            Fault::SilentlyFullAfter(bytes) => (2, bytes, 0),
            Fault::SyncFails => (0, 0, 1),
            Fault::SyncLies => (0, 0, 2),
            Fault::SyncHangs => (0, 0, 3),
        };
        let mut options = File::options();
        let control =
            options.create(true).truncate(false).write(true).open(self.folder.path().join("control")).unwrap();
        // The number of bytes first: it is looked at only while there is a limit.
        for (at, value) in [(8, left), (0, space), (16, sync), (24, 0)] {
            control.write_all_at(&u64::to_ne_bytes(value), at).unwrap();
        }
    }

    /// Returns how often the current fault has struck.
    pub fn faults(&self) -> u64 {
        let control = fs::read(self.folder.path().join("control")).unwrap();
        u64::from_ne_bytes(control[24..32].try_into().unwrap())
    }

    /// Waits until a program that hangs in a sync has written what it wants synced.
    pub fn wait_until_hung(&self) {
        while self.faults() == 0 {
            std::thread::yield_now();
        }
    }

    /// Leaves in the files what a power cut would: whatever was synced and, of the rest, nothing or a random part.
    /// Nobody may have them open. Returns how many writes are gone.
    pub fn cut_power(&self, mut surviving: Option<&mut Rng>) -> usize {
        let notes = self.notes();
        let mut lost = 0;
        for (number, suffix) in SUFFIXES.iter().enumerate() {
            let path = format!("{}{suffix}", self.database);
            let of_file: Vec<&Note> = notes.iter().filter(|note| note.file == number).collect();
            let Ok(now) = fs::read(&path) else { continue };
            let (content, gone) = after_cut(now, &of_file, surviving.as_deref_mut());
            lost += gone;
            fs::write(&path, content).unwrap();
        }
        // Its readers make it anew.
        let _ = fs::remove_file(format!("{}-shm", self.database));
        let _ = fs::remove_file(self.folder.path().join("notes"));
        lost
    }

    fn notes(&self) -> Vec<Note> {
        let mut bytes = Vec::new();
        if let Ok(mut file) = File::open(self.folder.path().join("notes")) {
            file.read_to_end(&mut bytes).unwrap();
        }
        let mut notes = Vec::new();
        let mut rest = bytes.as_slice();
        // A kill can cut the last note short; what it is about has not been done then.
        while let Some((note, after)) = Note::read(rest) {
            notes.push(note);
            rest = after;
        }
        notes
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Write,
    Cut,
    Synced,
    Gone,
    Failed,
}

/// One thing that was done to a file.
#[derive(Debug)]
struct Note {
    kind: Kind,
    file: usize,
    offset: usize,
    old_size: usize,
    old: Vec<u8>,
    new: Vec<u8>,
}

impl Note {
    fn read(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let word = |at: usize| bytes.get(at..at + 4).map(|four| u32::from_ne_bytes(four.try_into().unwrap()));
        let long = |at: usize| bytes.get(at..at + 8).map(|eight| i64::from_ne_bytes(eight.try_into().unwrap()));
        let size = |number: i64| usize::try_from(number).unwrap();
        let kind = match word(0)? {
            1 => Kind::Write,
            2 => Kind::Cut,
            3 => Kind::Synced,
            4 => Kind::Gone,
            5 => Kind::Failed,
            other => panic!("a note of kind {other}"),
        };
        let (old_length, new_length) = (size(word(24)?.into()), size(word(28)?.into()));
        let (old, new) = bytes.get(NOTE..NOTE + old_length + new_length)?.split_at(old_length);
        let note = Self {
            kind,
            file: size(word(4)?.into()),
            offset: size(long(8)?),
            old_size: size(long(16)?),
            old: old.to_vec(),
            new: new.to_vec(),
        };
        Some((note, &bytes[NOTE + old_length + new_length..]))
    }

    fn undo(&self, content: &mut Vec<u8>) {
        if matches!(self.kind, Kind::Write | Kind::Cut) {
            content.resize(self.old_size.max(self.offset + self.old.len()), 0);
            content[self.offset..self.offset + self.old.len()].copy_from_slice(&self.old);
            content.truncate(self.old_size);
        }
    }

    fn redo(&self, content: &mut Vec<u8>) {
        match self.kind {
            Kind::Write => put(content, self.offset, &self.new),
            Kind::Cut => content.resize(self.offset, 0),
            _ => {}
        }
    }
}

fn put(content: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    content.resize(content.len().max(offset + bytes.len()), 0);
    content[offset..offset + bytes.len()].copy_from_slice(bytes);
}

/// Returns what a file holds after a power cut, given what it holds now and all that was done to it, and how many
/// writes are gone.
fn after_cut(now: Vec<u8>, notes: &[&Note], surviving: Option<&mut Rng>) -> (Vec<u8>, usize) {
    // A file that was removed and made anew begins empty.
    let begin = notes.iter().rposition(|note| note.kind == Kind::Gone).map_or(0, |at| at + 1);
    let notes = &notes[begin..];
    let mut content = now;
    notes.iter().rev().for_each(|note| note.undo(&mut content));
    let mut unsynced: Vec<&Note> = Vec::new();
    let mut lost = 0;
    for note in notes {
        match note.kind {
            Kind::Synced => unsynced.drain(..).for_each(|note| note.redo(&mut content)),
            // What could not be synced is forgotten, and no later sync tries it again.
            Kind::Failed => lost += unsynced.drain(..).count(),
            _ => unsynced.push(note),
        }
    }
    lost += unsynced.len();
    if let Some(rng) = surviving {
        unsynced.iter().for_each(|note| redo_partly(note, &mut content, rng));
    }
    (content, lost)
}

/// Lets sectors of a write survive, each by chance.
fn redo_partly(note: &Note, content: &mut Vec<u8>, rng: &mut Rng) {
    match note.kind {
        Kind::Write => {
            let mut at = 0;
            while at < note.new.len() {
                let end = (at + SECTOR - (note.offset + at) % SECTOR).min(note.new.len());
                if rng.chance(50) {
                    put(content, note.offset + at, &note.new[at..end]);
                }
                at = end;
            }
        }
        _ if rng.chance(50) => note.redo(content),
        _ => {}
    }
}
