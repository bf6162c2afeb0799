//! The loop of a process that writes: it executes commands while another thread commits those before.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::mpsc;

use super::committer::{Flight, Landed};
use super::durable::{Durable, Moment};
use super::turn::Turn;
use super::waiting::refuse;
use super::{Job, SideJob};

/// How often an idle writer looks whether time has something to do.
const TICK: Duration = Duration::from_millis(200);
/// How long a writer waits before it tries again to rebuild its state.
const RECOVERY_PAUSE: Duration = Duration::from_millis(250);

/// The thread that commits.
struct Runway<D> {
    flights: Option<Sender<Flight<D>>>,
    landed: mpsc::UnboundedReceiver<Landed<D>>,
    thread: Option<JoinHandle<()>>,
}

impl<D: Durable + Send + 'static> Runway<D> {
    fn open() -> std::io::Result<Self> {
        let (flights, departures) = channel();
        let (arrivals, landed) = mpsc::unbounded_channel();
        let thread =
            std::thread::Builder::new().name("committer".to_owned()).spawn(move || land_all(&departures, &arrivals))?;
        Ok(Self { flights: Some(flights), landed, thread: Some(thread) })
    }

    /// Sends the closed batch off, or lands it here if the thread is gone.
    fn depart(&self, turn: &mut Turn<D>) {
        let Some(flight) = turn.depart() else { return };
        let sent = match &self.flights {
            Some(flights) => flights.send(flight).map_err(|unsent| unsent.0),
            None => Err(flight),
        };
        if let Err(flight) = sent {
            turn.arrive(flight.land());
        }
    }

    /// Waits for the batch in flight.
    async fn wait(&mut self, turn: &mut Turn<D>) -> bool {
        match self.landed.recv().await {
            Some(landed) => {
                turn.arrive(landed);
                true
            }
            None => false,
        }
    }
}

impl<D> Drop for Runway<D> {
    fn drop(&mut self) {
        drop(self.flights.take());
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that commits panicked");
        }
    }
}

fn land_all<D: Durable>(departures: &Receiver<Flight<D>>, arrivals: &mpsc::UnboundedSender<Landed<D>>) {
    while let Ok(flight) = departures.recv() {
        if arrivals.send(flight.land()).is_err() {
            return;
        }
    }
}

/// Takes jobs as they come and lets time pass, until nobody can ask any more or this process must not write any more.
pub(super) async fn lead<D: Durable + Send + 'static>(
    mut turn: Turn<D>,
    jobs: &mut mpsc::Receiver<Job>,
    sides: &mut mpsc::Receiver<SideJob>,
) {
    let mut runway = match Runway::open() {
        Ok(runway) => runway,
        Err(error) => return tracing::error!(%error, "no thread can be had that commits"),
    };
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let (mut side, mut ticked, mut asked) = (None, false, true);
    while asked || !turn.is_home() {
        tokio::select! {
            biased;
            landed = runway.wait(&mut turn), if !turn.is_home() => if !landed { return },
            job = jobs.recv(), if asked && turn.has_room() => match job {
                Some(job) => turn.take(job, || jobs.try_recv().ok()),
                None => asked = false,
            },
            Some(next) = sides.recv(), if side.is_none() => side = Some(next),
            _ = tick.tick() => ticked = true,
        }
        if !turn.is_home() {
            continue;
        }
        recover(&mut turn, jobs).await;
        if turn.must_end() {
            return;
        }
        // Time and a side write get their turn between any two batches, however long the queue of commands is.
        if std::mem::take(&mut ticked) {
            turn.tick();
        }
        if let Some(next) = side.take().or_else(|| sides.try_recv().ok()) {
            turn.side(next);
        }
        runway.depart(&mut turn);
    }
    turn.flush();
    if let Some(next) = side {
        turn.side(next);
    }
    while let Some(next) = sides.recv().await {
        turn.side(next);
    }
    turn.upkeep(Moment::End);
}

/// Rebuilds a broken state, however often that takes.
async fn recover<D: Durable>(turn: &mut Turn<D>, jobs: &mut mpsc::Receiver<Job>) {
    while turn.is_broken() && !turn.must_end() {
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
