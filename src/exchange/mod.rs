//! The pure exchange: [`Command`] in, [`Event`]s or a [`Reject`] out.
//!
//! Invariant: no clock, no randomness, no I/O, no floats; a rejected command changes nothing; the same
//! commands always give the same events and the same digest.

pub mod book;
pub mod changes;
pub mod command;
pub mod entities;
pub mod event;
pub mod journal;
pub mod reject;

pub use changes::{Changes, Outcome, Preview, Snapshot};
pub use command::{AmendOrder, BidWindow, Command, Envelope, PlaceAsk, PlaceBid, Requirements, Terms};
pub use event::{Event, Made};
pub use journal::{NotCommand, canonical_command, parse_command};
pub use reject::Reject;
