//! The writer thread of a process: it writes, or it follows whoever does and is ready to take over.

use std::sync::{Arc, RwLock};
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::durable::StoreDurable;
use super::follower::{Follower, Lost};
use super::guard::Jump;
use super::turn::Turn;
use super::waiting::refuse;
use super::{Job, QUEUE_MAX, SIDE_QUEUE_MAX, Sequencer, SideJob, lead};
use crate::app::clock::Clock;
use crate::app::{AppError, View};
use crate::store::{Store, StoreError};

/// How often a follower looks for new rows.
const FOLLOW_EVERY: Duration = Duration::from_millis(20);
/// How many looks for new rows come with one for who writes.
const LOOKS: u32 = 10;

/// Which of the processes on one database may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// This one; another that writes already is an error.
    Sole,
    /// Any of them: this one writes, or follows until nobody else does.
    Candidate,
    /// Not this one: it follows.
    Follower,
}

/// Who writes, as far as this process knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leading {
    /// This process.
    Here,
    /// The one at an address.
    There(String),
    /// Nobody, for the moment.
    Nobody,
}

/// A running sequencer.
pub struct Running {
    /// The way in.
    pub sequencer: Sequencer,
    /// What hot reads see.
    pub view: Arc<RwLock<View>>,
    /// The last journal row the view reflects.
    pub as_of: watch::Receiver<i64>,
    /// Who writes.
    pub leading: watch::Receiver<Leading>,
    /// On a follower, the last journal row that notes a change outside the exchange.
    pub noted: watch::Receiver<i64>,
    thread: std::thread::JoinHandle<()>,
}

impl Running {
    /// Waits until everything accepted has been answered. Every clone of the sequencer must be gone by then.
    pub fn join(self) {
        let Self { sequencer, thread, .. } = self;
        drop(sequencer);
        if thread.join().is_err() {
            tracing::error!("the writer thread panicked");
        }
    }
}

/// Takes the right to write, rebuilds the exchange from the store and starts the writer thread.
///
/// # Errors
/// [`StoreError::Busy`] if another process writes; [`StoreError::Corrupt`] if the store is not what its
/// digest says.
pub fn start(store: &Store, clock: Arc<dyn Clock>) -> Result<Running, StoreError> {
    start_as(Part::Sole, store, clock)
}

/// As [`start`], for a process that may be one of several.
///
/// # Errors
/// As [`start`]; [`StoreError::Address`] for a follower on SQLite, which never leaves a machine.
pub fn start_as(part: Part, store: &Store, clock: Arc<dyn Clock>) -> Result<Running, StoreError> {
    let state = match part {
        Part::Follower if !store.is_shared() => {
            return Err(StoreError::Address("only a PostgreSQL database can be followed".to_owned()));
        }
        Part::Candidate if store.is_shared() => State::Follows(Box::new(Follower::open(store.clone())?)),
        Part::Follower => State::Follows(Box::new(Follower::open(store.clone())?)),
        Part::Sole | Part::Candidate => {
            State::Leads(Box::new(Turn::new(StoreDurable::open(store.clone())?, Arc::clone(&clock))?))
        }
    };
    let leads = matches!(state, State::Leads(_));
    let leading = watch::channel(if leads { Leading::Here } else { Leading::Nobody }).0;
    let jump = Jump::default();
    let (view, as_of, noted) = state.faces();
    let (jobs, jobs_in) = mpsc::channel(QUEUE_MAX);
    let (sides, sides_in) = mpsc::channel(SIDE_QUEUE_MAX);
    let node = Node {
        store: store.clone(),
        clock,
        may_lead: part != Part::Follower,
        jump: jump.clone(),
        leading,
        jobs: jobs_in,
        sides: sides_in,
    };
    let seen = node.leading.subscribe();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .map_err(|error| StoreError::Connection(error.to_string()))?;
    let thread = std::thread::Builder::new()
        .name("sequencer".to_owned())
        .spawn(move || runtime.block_on(node.run(state)))
        .map_err(|error| StoreError::Connection(error.to_string()))?;
    Ok(Running { sequencer: Sequencer::new(jobs, sides, jump), view, as_of, leading: seen, noted, thread })
}

enum State {
    Leads(Box<Turn<StoreDurable>>),
    Follows(Box<Follower>),
}

impl State {
    /// What others see of it, now and after it has changed.
    fn faces(&self) -> (Arc<RwLock<View>>, watch::Receiver<i64>, watch::Receiver<i64>) {
        match self {
            Self::Leads(turn) => (turn.view(), turn.as_of(), watch::channel(0).1),
            Self::Follows(follower) => (follower.view(), follower.as_of(), follower.noted()),
        }
    }
}

struct Node {
    store: Store,
    clock: Arc<dyn Clock>,
    may_lead: bool,
    jump: Jump,
    leading: watch::Sender<Leading>,
    jobs: mpsc::Receiver<Job>,
    sides: mpsc::Receiver<SideJob>,
}

impl Node {
    async fn run(mut self, state: State) {
        let turn = match state {
            State::Leads(turn) => Some(turn),
            State::Follows(follower) => self.follow(*follower).await.map(Box::new),
        };
        if let Some(mut turn) = turn {
            turn.show(self.jump.clone());
            self.leading.send_replace(Leading::Here);
            tracing::info!("this process writes");
            lead::lead(*turn, &mut self.jobs, &mut self.sides).await;
        }
        self.leading.send_replace(Leading::Nobody);
        self.jobs.close();
        while let Ok(job) = self.jobs.try_recv() {
            refuse(job);
        }
    }

    /// Follows until this process writes; nothing if it must end instead.
    async fn follow(&mut self, mut follower: Follower) -> Option<Turn<StoreDurable>> {
        let mut look = tokio::time::interval(FOLLOW_EVERY);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut looks = 0_u32;
        loop {
            tokio::select! {
                job = self.jobs.recv() => refuse(job?),
                Some(side) = self.sides.recv() => drop(side.reply.send(Err(AppError::NotApplied))),
                _ = look.tick() => {
                    let looked = match looks.is_multiple_of(LOOKS) {
                        true => self.look(&mut follower),
                        false => follower.catch_up().map(|()| None),
                    };
                    looks = looks.wrapping_add(1);
                    match looked {
                        Ok(None) => {}
                        Ok(Some(durable)) => return Some(follower.into_turn(durable, Arc::clone(&self.clock))),
                        Err(Lost::Diverged(what)) => {
                            tracing::error!(what, "this process must not follow any further");
                            return None;
                        }
                        Err(Lost::Store(error)) => {
                            tracing::warn!(%error, "the journal cannot be followed at the moment");
                            self.leading.send_replace(Leading::Nobody);
                        }
                    }
                }
            }
        }
    }

    /// Catches up, looks who writes, and takes over if nobody does and this process may.
    fn look(&self, follower: &mut Follower) -> Result<Option<StoreDurable>, Lost> {
        follower.catch_up()?;
        let holder = self.store.holder()?.filter(|holder| holder.holds);
        let leading = holder.map_or(Leading::Nobody, |holder| Leading::There(holder.holder));
        let nobody = leading == Leading::Nobody;
        self.leading.send_if_modified(|known| std::mem::replace(known, leading.clone()) != leading);
        if nobody && self.may_lead { follower.take_over() } else { Ok(None) }
    }
}
