//! Everything that runs on one database: the store, the writer, the accounts and the use cases.

use std::sync::Arc;
use std::time::Duration;

use super::accounts::Accounts;
use super::clock::Clock;
use super::ids::Ids;
use super::sequencer::{self, Leading, Part, Running};
use super::{App, AppError, Ingest, Live, Side};
use crate::auth::KeyRing;
use crate::store::{Store, Tenure, set_meta};
use crate::types::hex;

/// Where the store keeps the secrets that sign access tokens, newest first.
const TOKEN_SECRETS: &str = "token_secrets";
/// How often a node looks for the secrets that the first writer makes.
const SECRETS_PAUSE: Duration = Duration::from_millis(100);
/// How long it looks.
const SECRETS_TRIES: u32 = 300;

/// A running exchange on one database.
pub struct Venue {
    store: Store,
    running: Running,
    accounts: Arc<Accounts>,
    app: App,
    clock: Arc<dyn Clock>,
}

impl Venue {
    /// Opens a database, rebuilds the exchange and starts its writer. Signing secrets given here come before
    /// those in the store; without any, one is made and kept there.
    ///
    /// # Errors
    /// [`AppError::Internal`] if the database cannot be opened, is written by another process, or is not what
    /// its digest says.
    pub async fn open(
        url: &str,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
        secrets: Vec<String>,
    ) -> Result<Self, AppError> {
        Self::open_as((Part::Sole, Tenure::default()), url, clock, ids, secrets).await
    }

    /// As [`Venue::open`], for a process that may be one of several.
    ///
    /// # Errors
    /// As [`Venue::open`]; a follower waits for the secrets that the first writer makes, but not for ever.
    pub async fn open_as(
        (part, tenure): (Part, Tenure),
        url: &str,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
        secrets: Vec<String>,
    ) -> Result<Self, AppError> {
        let store = Store::open(url)?.with_tenure(tenure);
        let running = sequencer::start_as(part, &store, Arc::clone(&clock))?;
        let ring = key_ring(&store, &running, &ids, secrets).await?;
        let reads = Arc::new(store.clone());
        let accounts = Accounts::open(Arc::clone(&clock), ids, running.sequencer.clone(), reads, ring)?;
        let accounts = Arc::new(accounts);
        follow_notes(&running, &accounts);
        let app = App::new(store.clone(), &running, Arc::clone(&accounts))?;
        Ok(Self { store, running, accounts, app, clock })
    }

    /// The use cases.
    pub const fn app(&self) -> &App {
        &self.app
    }

    /// Users, sessions and keys.
    pub const fn accounts(&self) -> &Arc<Accounts> {
        &self.accounts
    }

    /// The view.
    pub const fn live(&self) -> &Live {
        self.app.live()
    }

    /// The database.
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// The clock.
    pub const fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// Returns the way in for imported data.
    pub fn ingest(&self, actor: &str) -> Ingest {
        Ingest::new(self.running.sequencer.clone(), self.live().clone(), actor.to_owned())
    }

    /// Sets a word about the database as a whole.
    ///
    /// # Errors
    /// As [`super::Sequencer::side`].
    pub async fn set_word(&self, key: &'static str, value: String) -> Result<(), AppError> {
        let side = Side { submission: None, before: None };
        self.running.sequencer.side(side, move |db, _| Ok(set_meta(db, key, &value)?)).await
    }

    /// Stops: waits until everything accepted is answered and durable. Every other handle must be gone by then.
    pub fn close(self) {
        let Self { running, accounts, app, .. } = self;
        drop((accounts, app));
        running.join();
    }
}

async fn key_ring(
    store: &Store,
    running: &Running,
    ids: &Arc<dyn Ids>,
    mut secrets: Vec<String>,
) -> Result<KeyRing, AppError> {
    match store.meta(TOKEN_SECRETS)? {
        Some(kept) => secrets.extend(kept.split(' ').map(str::to_owned)),
        None if secrets.is_empty() => secrets.push(common_secret(store, running, ids).await?),
        None => {}
    }
    KeyRing::new(&secrets).map_err(|error| AppError::Internal(error.to_string()))
}

/// Makes the secret that all nodes keep in the store, or waits for the one that another makes.
async fn common_secret(store: &Store, running: &Running, ids: &Arc<dyn Ids>) -> Result<String, AppError> {
    for _ in 0..SECRETS_TRIES {
        if let Some(kept) = store.meta(TOKEN_SECRETS)? {
            return Ok(kept);
        }
        if *running.leading.borrow() == Leading::Here {
            let bytes: [u8; 32] = ids.random()?;
            let secret = hex(&bytes);
            let kept = secret.clone();
            let side = Side { submission: None, before: None };
            running.sequencer.side(side, move |db, _| Ok(set_meta(db, TOKEN_SECRETS, &kept)?)).await?;
            return Ok(secret);
        }
        tokio::time::sleep(SECRETS_PAUSE).await;
    }
    Err(AppError::Internal("no node has made the secrets that sign access tokens".to_owned()))
}

/// Keeps the API keys of a follower as the writer notes their changes.
fn follow_notes(running: &Running, accounts: &Arc<Accounts>) {
    let (mut noted, accounts) = (running.noted.clone(), Arc::downgrade(accounts));
    tokio::spawn(async move {
        while noted.changed().await.is_ok() {
            let Some(accounts) = accounts.upgrade() else { return };
            if let Err(error) = accounts.reload_keys().await {
                tracing::warn!(%error, "the API keys could not be read again; the next note tries");
            }
        }
    });
}
