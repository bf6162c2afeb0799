//! Accounts behind the real writer: what is acknowledged survives a restart, and a refusal leaves nothing.

use std::sync::Arc;

use gpubourse::app::accounts::{NewKey, Registration};
use gpubourse::app::sequencer::{self, Running};
use gpubourse::app::{Accounts, AppError, ManualClock, Role, Scope, SeededIds};
use gpubourse::auth::KeyRing;
use gpubourse::exchange::Reject;
use gpubourse::store::Store;
use gpubourse::types::{OrganizationKind, Timestamp};

const PASSWORD: &str = "correct horse battery";

struct Office {
    accounts: Accounts,
    running: Running,
    store: Store,
    clock: Arc<ManualClock>,
    folder: tempfile::TempDir,
}

impl Office {
    fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&format!("sqlite:{}", folder.path().join("market.db").display())).unwrap();
        Self::start(folder, store, Arc::new(ManualClock::at(Timestamp::from_millis(1_795_000_000_000))), 1)
    }

    fn start(folder: tempfile::TempDir, store: Store, clock: Arc<ManualClock>, seed: u64) -> Self {
        let running = sequencer::start(&store, clock.clone()).unwrap();
        let ids = Arc::new(SeededIds::new(seed));
        let ring = KeyRing::new(&[[7_u8; 32]]).unwrap();
        let sequencer = running.sequencer.clone();
        let accounts = Accounts::open(clock.clone(), ids, sequencer, Arc::new(store.clone()), ring).unwrap();
        Self { accounts, running, store, clock, folder }
    }

    fn restart(self) -> Self {
        let Self { accounts, running, store, clock, folder } = self;
        drop(accounts);
        running.join();
        Self::start(folder, store, clock, 2)
    }

    fn organizations(&self) -> Vec<String> {
        let view = self.running.view.read().unwrap();
        view.organizations.values().map(|organization| organization.name.clone()).collect()
    }
}

fn registration(name: &str, email: &str) -> Registration {
    Registration {
        organization_name: name.to_owned(),
        organization_kind: OrganizationKind::Provider,
        email: email.to_owned(),
        password: PASSWORD.to_owned(),
    }
}

#[tokio::test]
async fn a_registration_makes_both_or_neither() {
    let office = Office::open();
    let home = "192.0.2.1".parse().unwrap();
    let made = office.accounts.register(registration("Acme", "a@b.co"), home, "r1").await.unwrap();
    let taken = office.accounts.register(registration("Other", "A@B.co"), home, "r2").await;
    assert!(matches!(taken, Err(AppError::Conflict("email_taken"))));
    let nameless = office.accounts.register(registration("", "c@b.co"), home, "r3").await;
    assert!(matches!(nameless, Err(AppError::Reject(Reject::InvalidText))), "{nameless:?}");
    let login = office.accounts.login("c@b.co", PASSWORD.to_owned(), home).await;
    assert!(matches!(login, Err(AppError::Unauthorized("invalid_credentials"))));
    assert_eq!(office.organizations(), ["Acme"]);
    let again = office.accounts.register(registration("Other", "c@b.co"), home, "r4").await.unwrap();
    assert!(again.organization > made.organization);
}

#[tokio::test]
async fn people_sessions_and_keys_survive_a_restart() {
    let office = Office::open();
    let home = "192.0.2.1".parse().unwrap();
    let made = office.accounts.register(registration("Acme", "a@b.co"), home, "r1").await.unwrap();
    let tokens = office.accounts.login("a@b.co", PASSWORD.to_owned(), home).await.unwrap();
    let person = office.accounts.authenticate(tokens.access_token.expose()).unwrap();
    assert_eq!((person.user, person.organization), (made.user, Some(made.organization)));
    let new = |name: &str| NewKey { name: name.to_owned(), scopes: vec![Scope::Read, Scope::List], expires_at: None };
    let kept = office.accounts.create_key(&person, new("kept"), "r2").await.unwrap();
    let revoked = office.accounts.create_key(&person, new("revoked"), "r3").await.unwrap();
    office.accounts.revoke_key(&person, revoked.key.id, "r4").await.unwrap();
    office.accounts.create_admin("root@b.co", PASSWORD.to_owned(), "cli").await.unwrap();

    let office = office.restart();
    let program = office.accounts.authenticate(kept.secret.expose()).unwrap();
    assert_eq!((program.user, program.key), (made.user, Some(kept.key.id)));
    assert_eq!(program.scopes, [Scope::Read, Scope::List]);
    assert!(office.accounts.authenticate(revoked.secret.expose()).is_err());
    assert!(office.accounts.authenticate(tokens.access_token.expose()).is_ok());
    assert!(office.accounts.refresh(tokens.refresh_token.expose()).await.is_ok());
    let stolen = office.accounts.refresh(tokens.refresh_token.expose()).await;
    assert!(matches!(stolen, Err(AppError::Unauthorized("invalid_refresh_token"))));
    let root = office.accounts.login("root@b.co", PASSWORD.to_owned(), home).await.unwrap();
    assert_eq!(office.accounts.authenticate(root.access_token.expose()).unwrap().role, Role::Admin);
}
