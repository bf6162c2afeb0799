//! gpubourse: an exchange for GPU-hours.
//!
//! Providers post capacity, renters bid for delivery windows, a price-time order book matches them, every
//! match is a contract with a chain of title, and a journal proves all of it. This page is the architecture;
//! the README shows how to run it.
//!
//! # Bird's eye view
//!
//! ```text
//!          HTTP (actix)          command line          importers
//!                \                    |                    /
//!                 +------------------ app ----------------+      use cases, permissions
//!                          | Command            | reads
//!                     sequencer (one at a time)  view (as of the last commit)
//!                          |                    |
//!              exchange.execute -> one transaction -> answer, publish
//!                          |                    |
//!                        store (diesel: SQLite or PostgreSQL)
//! ```
//!
//! A request becomes a [`exchange::Command`]. The [`app::sequencer`] puts it behind a bounded queue; one thread
//! drains what is there and executes it against the pure [`exchange`]. A second one writes the batch before it in
//! one transaction and only then answers. Hot reads come from [`app::View`], folded from committed batches;
//! history comes from the [`store`].
//!
//! On PostgreSQL several processes may run on one database. One of them writes, by a lease; the others follow its
//! journal through the same exchange, answer reads, and pass on what changes something ([`api::forward`]).
//! `docs/operations.md` says how to run them.
//!
//! # Code map
//!
//! | module | what lives there |
//! |---|---|
//! | [`types`] | ids, money, price, time, windows, capacity as checked integers |
//! | [`exchange`] | the state machine: commands, events, refusals, books, purses, contracts, deliveries, digest |
//! | [`market`] | index, candles, drawdown, depth, forward curve, supply, oversupply: pure functions over numbers |
//! | [`importers`] | foreign catalogues and price series into quotes and offers |
//! | [`auth`] | passwords, tokens, keys |
//! | [`store`] | tables, the batch writer, recovery, comparison; the only module that names diesel |
//! | [`app`] | use cases, sequencer, view, accounts, verification |
//! | [`api`] | the JSON API: one route table, one error table; with `web` the only module that names actix |
//! | [`web`] | the pages: rendered here, over the same use cases, sessions and errors as the API |
//! | [`agent`] | the program beside the GPUs: probes, notes, reports |
//! | [`sim`] | seeded traders, faults, and an auditor that knows the rules by itself |
//! | [`cli`] | `demo`, `serve`, `import`, `verify`, `audit`, `admin`, `agent`, `simulate`, `bench` |
//!
//! Dependencies point down this list's layers: `types <- exchange, market, auth, importers <- store <- app <-
//! api, sim, agent <- web, cli`. `tests/it/architecture.rs` enforces it.
//!
//! # How a bid becomes a contract
//!
//! 1. [`api`] parses the body, checks the key and the role, and builds [`exchange::PlaceBid`].
//! 2. The sequencer gives it a place in the journal, after an `Advance` if a new minute has begun.
//! 3. The exchange judges it: every refusal of the table in [`exchange::Reject`], in that order, before the
//!    first change. What it may cost at its limit must be in the purse.
//! 4. The book plans a walk over the resting asks ([`exchange::book::Book`] has the rules). The plan is then
//!    applied: each fill makes a trade and a contract, moves its cost from held to escrow and gives the price
//!    improvement back.
//! 5. The batch is settled: what changed, and the digest of the whole state, go to the store with the journal
//!    rows and their hashes, in one transaction. Then the caller hears of it.
//! 6. What was added goes to append-only tables at once. What stands now (orders, contracts, balances) goes into one
//!    compact row of the batch, and to its own tables later, many at a time ([`store`], module `pending`).
//!
//! # Invariants
//!
//! - **No overselling.** For every minute to come, GPUs sold out of a listing or a contract plus GPUs resting
//!   in its asks never exceed what it has.
//! - **Quiet book.** After every command no resting ask is eligible for a resting bid of another organization.
//! - **Money.** All accounts sum to zero, the outside world included; no customer's account is negative; held
//!   is the worst case of open bids (all they can cost, or the first month and a deposit: [`exchange::funding`]);
//!   bonds are those behind open asks and contracts. A contract holds what it was made for less what others took over
//!   ([`exchange::novation`]).
//! - **Refusals change nothing.** A rejected command leaves the digest as it was.
//! - **Determinism.** The same commands give the same events and the same digest, whatever the batches, the
//!   book's index and the database.
//! - **Durability.** No caller hears of success before the commit of its batch. After a failed commit the
//!   state in memory, with all that was executed on top, is thrown away and rebuilt from the store; after a failure of
//!   the disk the process ends, because only a new one can tell what is there.
//! - **One writer.** Every write transaction on PostgreSQL begins by renewing the lease where its epoch is its own, so
//!   a writer that was overtaken commits nothing. A follower's state has the digest of every batch, or it stops.
//! - **No holes.** A follower of `GET /v1/stream` gets every change of its topics after a snapshot, in order and once, or
//!   another snapshot. What it is told is durable, and means the same on every node.
//! - **One hop.** A request is passed on once at most; "not applied" is said only of one that was not sent, or was
//!   refused.
//! - **Audit.** The journal is a hash chain; [`app::verify`] replays it and compares every row of every table.
//!
//! The first six are checked after every command of random streams over two books (`tests/it/streams`), each with a
//! sabotage that the check is shown to find; the last by changing every column (`tests/it/audit`). For those about
//! several processes, `tests/it/lease_model.rs` searches every order of events of the lease, and
//! `tests/it/process/nodes.rs` kills and stops servers under load.
//!
//! # Decisions that are easy to miss
//!
//! - Time moves by [`exchange::Command::Advance`] alone. A time written beside a command is a record.
//! - Contracts made after terms of delivery were published are delivered, metered and settled ([`exchange::delivery`],
//!   [`exchange::life`]); those made before start and complete by the calendar, and nothing is paid for them.
//! - The exchange keeps open orders and contracts that are live or not settled. What ended is history, in the store.
//! - A server publishes the default terms where there are none before it serves; `demo` plays its market before that, so
//!   that its contracts are not in default an hour after they start because nobody delivers them.
//! - A server settles everything when a UTC day begins and when it starts ([`app::settlement`]). That keeps no cursor:
//!   settling again pays nothing twice.
//! - Where a contract ends by its buyer's doing, each resale out of it passes to its seller; what that seller
//!   then earns less is charged at once: to the buyer's escrow and, where that is paid for by the month and does not
//!   suffice, to what it has available ([`exchange`], module `contracts`).
//! - A listing can be lowered, never raised; minutes gone do not count.
//! - A bond is what the GPU-minutes not sold need at the rate of the ask's last arrival or amendment; what was set aside for
//!   minutes that passed is free at the next touch ([`exchange::bonds`]). A contract's bond covers its own leg alone.
//! - What a bid asks of a provider's tier and score is judged by what the exchange was told last, when orders meet
//!   ([`exchange::ranks`]); the provider is the listing's, whoever resells.
//! - A statement is today's purse with every later transfer taken back, so it costs as much as moved since its month
//!   began. A seller's fees are in it by the transfer that follows each payment, because the buyer's escrow pays them.
//! - Histories are chains: each row names the one before it of each owner. No table has an index but its key.
//! - What stands is read by a [`store::Reader`], which knows what is not in its table yet; the tables alone are complete
//!   only up to the mark, and altogether when nobody has written for a moment.
//! - What a server does among those of one database: `all` answers clients and writes while nobody else does, `matcher`
//!   answers only other servers, `api` never writes. A follower takes over with the state it has: it reads what is
//!   left of the journal and goes on.
//! - A writer takes a new epoch for a new session, so that a session that is gone ends the lease at once.
//! - Passwords, tokens and e-mail addresses never enter the journal.
//!
//! # Known quirks, not to be imitated
//!
//! - An asker's `order_not_open` for an order of somebody else that has ended would tell that it existed; the
//!   use cases look the owner up first and answer `not_found`.
//! - Past thin days of the index carry the last fix forward: resting asks of days gone by are not kept.
//! - A settlement that pays the fee alone (its payment is less than a micro-dollar, or the fee is the whole) is in the
//!   buyer's and the exchange's statements, and not in the seller's.
//! - A pass over a book looks at it a thousand orders at a time, so a figure may have an order as it was before and another
//!   as it was after the same command; what is truncated says so.
//! - What passed unsold is valued at an ask's last price, and counts until the time written beside the command that ended it.
//! - A page of orders behind a filter that leaves out most of them may be empty and still have a next page.
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::as_conversions, clippy::panic)
)]

pub mod agent;
pub mod api;
pub mod app;
pub mod auth;
pub mod cli;
pub mod exchange;
pub mod importers;
pub mod market;
pub mod sim;
pub mod store;
pub mod telemetry;
pub mod types;
pub mod web;
