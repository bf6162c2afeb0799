//! The writer thread: takes jobs as they come and lets time pass.

use std::sync::{Arc, RwLock};
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::durable::{Moment, StoreDurable};
use super::turn::{Turn, refuse};
use super::{Job, QUEUE_MAX, SIDE_QUEUE_MAX, Sequencer, SideJob};
use crate::app::View;
use crate::app::clock::Clock;
use crate::store::{Store, StoreError};

/// How often an idle writer looks whether time has something to do.
const TICK: Duration = Duration::from_millis(200);
/// How long a writer waits before it tries again to rebuild its state.
const RECOVERY_PAUSE: Duration = Duration::from_millis(250);

/// A running sequencer.
pub struct Running {
    /// The way in.
    pub sequencer: Sequencer,
    /// What hot reads see.
    pub view: Arc<RwLock<View>>,
    /// The last journal row the view reflects.
    pub as_of: watch::Receiver<i64>,
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
    let turn = Turn::new(StoreDurable::open(store.clone())?, clock)?;
    let (view, as_of, jump) = (turn.view(), turn.as_of(), turn.jump());
    let (jobs, jobs_in) = mpsc::channel(QUEUE_MAX);
    let (sides, sides_in) = mpsc::channel(SIDE_QUEUE_MAX);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .map_err(|error| StoreError::Connection(error.to_string()))?;
    let thread = std::thread::Builder::new()
        .name("sequencer".to_owned())
        .spawn(move || runtime.block_on(run(turn, jobs_in, sides_in)))
        .map_err(|error| StoreError::Connection(error.to_string()))?;
    Ok(Running { sequencer: Sequencer::new(jobs, sides, jump), view, as_of, thread })
}

async fn run(mut turn: Turn<StoreDurable>, mut jobs: mpsc::Receiver<Job>, mut sides: mpsc::Receiver<SideJob>) {
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            job = jobs.recv() => match job {
                Some(job) => turn.batch(job, || jobs.try_recv().ok()),
                None => break,
            },
            Some(side) = sides.recv() => turn.side(side),
            _ = tick.tick() => turn.tick(),
        }
        // A side write gets its turn after every batch, however long the other queue is.
        if let Ok(side) = sides.try_recv() {
            turn.side(side);
        }
        recover(&mut turn, &mut jobs).await;
        if turn.is_deposed() {
            jobs.close();
            while let Ok(job) = jobs.try_recv() {
                refuse(job);
            }
            return;
        }
    }
    while let Some(side) = sides.recv().await {
        turn.side(side);
    }
    turn.upkeep(Moment::End);
}

/// Rebuilds a broken state, however often that takes.
async fn recover(turn: &mut Turn<StoreDurable>, jobs: &mut mpsc::Receiver<Job>) {
    while turn.is_broken() && !turn.is_deposed() {
        match turn.reload() {
            Ok(sequence) => tracing::info!(sequence, "the state is rebuilt"),
            Err(error) => {
                tracing::error!(%error, "the state could not be rebuilt; trying again");
                while let Ok(job) = jobs.try_recv() {
                    refuse(job);
                }
                if jobs.is_closed() {
                    return;
                }
                tokio::time::sleep(RECOVERY_PAUSE).await;
            }
        }
    }
}
