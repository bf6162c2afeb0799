//! The use cases over a real database, behind a writer that does what the real one does for side writes.

use std::sync::Mutex;

use tokio::sync::mpsc;

use super::sessions::{Rotation, rotate};
use super::*;
use crate::app::sequencer::{Jump, Receipt, SideJob};
use crate::app::{ManualClock, SeededIds};
use crate::exchange::{Made, Outcome};
use crate::store::accounts::fixture;
use crate::types::OrganizationKind;

const START: Timestamp = Timestamp::from_millis(1_795_000_000_000);
const PASSWORD: &str = "correct horse battery";
const MINUTE_MS: i64 = 60_000;

#[derive(Clone)]
struct Shared(Arc<Mutex<Db>>);

impl Reads for Shared {
    fn read(&self, query: Query<'_>) -> Result<(), StoreError> {
        query(&mut self.0.lock().unwrap())
    }
}

struct World {
    accounts: Accounts,
    db: Shared,
    clock: Arc<ManualClock>,
    journal: Arc<Mutex<Vec<Submission>>>,
    fail_commits: Arc<Mutex<bool>>,
}

impl World {
    fn new() -> Self {
        let db = Shared(Arc::new(Mutex::new(fixture::sqlite())));
        Self::on(db, Arc::new(ManualClock::at(START)))
    }

    /// The same database after a restart.
    fn restarted(&self) -> Self {
        Self::on(self.db.clone(), Arc::clone(&self.clock))
    }

    fn on(db: Shared, clock: Arc<ManualClock>) -> Self {
        let (jobs, _) = mpsc::channel(1);
        let (sides, inbox) = mpsc::channel(16);
        let journal = Arc::new(Mutex::new(Vec::new()));
        let fail_commits = Arc::new(Mutex::new(false));
        let writer = (db.clone(), Arc::clone(&journal), Arc::clone(&fail_commits));
        std::thread::spawn(move || write(&writer.0, inbox, &writer.1, &writer.2));
        let accounts = Accounts::open(
            Arc::<ManualClock>::clone(&clock),
            Arc::new(SeededIds::new(1)),
            Sequencer::new(jobs, sides, Jump::default()),
            Arc::new(db.clone()),
            KeyRing::new(&[[7_u8; 32]]).unwrap(),
        )
        .unwrap();
        Self { accounts, db, clock, journal, fail_commits }
    }

    async fn register(&self, email: &str, kind: OrganizationKind) -> Result<Registered, AppError> {
        let registration = Registration {
            organization_name: "Acme".to_owned(),
            organization_kind: kind,
            email: email.to_owned(),
            password: PASSWORD.to_owned(),
        };
        self.accounts.register(registration, home(), "request").await
    }

    async fn login(&self, email: &str, password: &str) -> Result<Tokens, AppError> {
        self.accounts.login(email, password.to_owned(), home()).await
    }

    async fn renter(&self) -> Principal {
        self.register("renter@example.com", OrganizationKind::Renter).await.unwrap();
        self.principal("renter@example.com").await
    }

    async fn principal(&self, email: &str) -> Principal {
        let tokens = self.login(email, PASSWORD).await.unwrap();
        self.accounts.authenticate(tokens.access_token.expose()).unwrap()
    }

    fn noted(&self) -> Vec<String> {
        let journal = self.journal.lock().unwrap();
        let word = |submission: &Submission| match &submission.command {
            Command::Note { subject, verb, .. } => format!("{subject} {verb}"),
            other => other.kind().to_owned(),
        };
        journal.iter().map(word).collect()
    }

    fn count(&self, rows: &str) -> i64 {
        fixture::count(&mut self.db.0.lock().unwrap(), rows)
    }
}

/// What the writer promises: `before`, then the command, then `run`, all in one transaction or not at all.
fn write(
    db: &Shared,
    mut inbox: mpsc::Receiver<SideJob>,
    journal: &Mutex<Vec<Submission>>,
    fail_commits: &Mutex<bool>,
) {
    let mut sequence = 0;
    while let Some(SideJob { side, run, reply }) = inbox.blocking_recv() {
        let mut db = db.0.lock().unwrap();
        sequence += 1;
        let receipt = side.submission.as_ref().map(|submission| receipt(submission, sequence));
        let result = fixture::transaction(&mut db, |db| {
            if let Some(before) = side.before {
                before(db)?;
            }
            run(db, receipt.as_ref())?;
            if *fail_commits.lock().unwrap() { Err(AppError::Unknown) } else { Ok(()) }
        });
        if result.is_ok() {
            journal.lock().unwrap().extend(side.submission);
        }
        drop(db);
        let _gone = reply.send(result);
    }
}

fn receipt(submission: &Submission, sequence: i64) -> Receipt {
    let made = match submission.command {
        Command::RegisterOrganization { .. } => Made::Organization(OrganizationId::new(40 + sequence)),
        _ => Made::Nothing,
    };
    let outcome = Outcome { events: Vec::new(), made, replayed: false, order: None };
    Receipt { sequence, at: START, outcome }
}

fn home() -> IpAddr {
    "192.0.2.1".parse().unwrap()
}

fn new_key(scopes: &[Scope], expires_at: Option<Timestamp>) -> NewKey {
    NewKey { name: "bot".to_owned(), scopes: scopes.to_vec(), expires_at }
}

/// The answer's code, or "ok".
fn code<T>(result: Result<T, AppError>) -> String {
    match result {
        Ok(_) => "ok".to_owned(),
        Err(AppError::Unauthorized(code) | AppError::Conflict(code) | AppError::Invalid { code, .. }) => {
            code.to_owned()
        }
        Err(AppError::Forbidden(code)) => code,
        Err(other) => other.to_string(),
    }
}

#[tokio::test]
async fn who_registers_can_log_in_and_is_who_they_said() {
    let world = World::new();
    let made = world.register("Ops@Example.com", OrganizationKind::Provider).await.unwrap();
    assert_eq!(made.organization, OrganizationId::new(41));
    let principal = world.principal("ops@example.COM").await;
    assert_eq!(principal.user, made.user);
    assert_eq!(principal.organization, Some(made.organization));
    assert_eq!(principal.role, Role::Member(OrganizationKind::Provider));
    assert_eq!(principal.scopes, [Scope::Read, Scope::Trade, Scope::List, Scope::Deliver]);
    let me = world.accounts.me(&principal).await.unwrap();
    assert_eq!((me.email.as_str(), me.created_at), ("Ops@Example.com", START));
    assert_eq!(world.noted(), ["register_organization"]);
}

#[tokio::test]
async fn an_address_registers_once_and_a_refusal_leaves_nothing() {
    let world = World::new();
    world.register("a@b.co", OrganizationKind::Renter).await.unwrap();
    assert_eq!(code(world.register("A@B.CO", OrganizationKind::Renter).await), "email_taken");
    assert_eq!(code(world.accounts.create_admin("a@b.co", PASSWORD.to_owned(), "r").await), "email_taken");
    assert_eq!(world.noted(), ["register_organization"]);
    assert_eq!(world.count("users"), 1);
}

#[tokio::test]
async fn rejects_addresses_and_passwords_that_are_none() {
    let world = World::new();
    let mut registration = Registration {
        organization_name: "Acme".to_owned(),
        organization_kind: OrganizationKind::Renter,
        email: "not an address".to_owned(),
        password: PASSWORD.to_owned(),
    };
    assert_eq!(code(world.accounts.register(registration.clone(), home(), "r").await), "invalid_email");
    registration.email = "a@b.co".to_owned();
    registration.password = "too short".to_owned();
    assert_eq!(code(world.accounts.register(registration, home(), "r").await), "invalid_password");
}

#[tokio::test]
async fn an_unknown_address_and_a_wrong_password_are_the_same_answer() {
    let world = World::new();
    world.register("a@b.co", OrganizationKind::Renter).await.unwrap();
    for (email, password) in [("a@b.co", "wrong horse battery"), ("x@b.co", PASSWORD), ("nonsense", PASSWORD)] {
        assert_eq!(code(world.login(email, password).await), "invalid_credentials", "{email}");
    }
}

#[tokio::test]
async fn logins_are_limited_per_account_and_per_address() {
    let world = World::new();
    for _ in 0..LOGINS_PER_ACCOUNT {
        assert_eq!(code(world.login("a@b.co", PASSWORD).await), "invalid_credentials");
    }
    let elsewhere = "198.51.100.1".parse().unwrap();
    let refused = world.accounts.login("A@b.co", PASSWORD.to_owned(), elsewhere).await;
    assert!(matches!(refused, Err(AppError::TooMany { retry_after_s: 60 })), "the account, from any address");
    for _ in LOGINS_PER_ACCOUNT..ATTEMPTS_PER_ADDRESS {
        assert_eq!(code(world.login("nonsense", PASSWORD).await), "invalid_credentials");
    }
    assert!(matches!(world.login("c@b.co", PASSWORD).await, Err(AppError::TooMany { .. })), "the address, any account");
    assert!(matches!(world.register("d@b.co", OrganizationKind::Renter).await, Err(AppError::TooMany { .. })));
    world.clock.advance_ms(MINUTE_MS);
    assert_eq!(code(world.login("a@b.co", PASSWORD).await), "invalid_credentials");
}

#[tokio::test]
async fn a_whole_ipv6_network_is_one_address() {
    let world = World::new();
    for host in 0..ATTEMPTS_PER_ADDRESS {
        let address = format!("2001:db8:0:1::{host:x}").parse().unwrap();
        world.accounts.count_address(address).unwrap();
    }
    assert!(world.accounts.count_address("2001:db8:0:1::ffff".parse().unwrap()).is_err());
    assert!(world.accounts.count_address("2001:db8:0:2::1".parse().unwrap()).is_ok());
}

#[tokio::test]
async fn an_access_token_ends_after_a_quarter_of_an_hour() {
    let world = World::new();
    world.register("a@b.co", OrganizationKind::Renter).await.unwrap();
    let tokens = world.login("a@b.co", PASSWORD).await.unwrap();
    assert_eq!(tokens.expires_in_s, 900);
    world.clock.advance_ms(15 * MINUTE_MS);
    assert_eq!(code(world.accounts.authenticate(tokens.access_token.expose())), "expired_token");
    assert_eq!(code(world.accounts.authenticate("nonsense")), "invalid_token");
    assert_eq!(code(world.accounts.authenticate(tokens.refresh_token.expose())), "invalid_token");
}

#[tokio::test]
async fn refresh_tokens_rotate() {
    let world = World::new();
    world.register("a@b.co", OrganizationKind::Renter).await.unwrap();
    let mut tokens = world.login("a@b.co", PASSWORD).await.unwrap();
    for _ in 0..3 {
        world.clock.advance_ms(15 * MINUTE_MS);
        let next = world.accounts.refresh(tokens.refresh_token.expose()).await.unwrap();
        assert_ne!(next.refresh_token, tokens.refresh_token);
        assert!(world.accounts.authenticate(next.access_token.expose()).is_ok());
        tokens = next;
    }
    world.clock.advance_ms(REFRESH_TOKEN_MS - 45 * MINUTE_MS);
    assert_eq!(code(world.accounts.refresh(tokens.refresh_token.expose()).await), "invalid_refresh_token");
    world.login("a@b.co", PASSWORD).await.unwrap();
    assert_eq!(world.count("refresh_tokens"), 1, "a login forgets what expired");
}

#[tokio::test]
async fn a_refresh_token_used_twice_ends_its_family_and_no_other() {
    let world = World::new();
    world.register("a@b.co", OrganizationKind::Renter).await.unwrap();
    let stolen = world.login("a@b.co", PASSWORD).await.unwrap();
    let other = world.login("a@b.co", PASSWORD).await.unwrap();
    let next = world.accounts.refresh(stolen.refresh_token.expose()).await.unwrap();
    for token in [&stolen, &next, &stolen] {
        assert_eq!(code(world.accounts.refresh(token.refresh_token.expose()).await), "invalid_refresh_token");
    }
    assert_eq!(code(world.accounts.refresh(other.refresh_token.expose()).await), "ok");
}

#[tokio::test]
async fn of_two_refreshes_at_once_one_is_a_reuse() {
    let world = World::new();
    world.register("a@b.co", OrganizationKind::Renter).await.unwrap();
    let tokens = world.login("a@b.co", PASSWORD).await.unwrap();
    let token = tokens.refresh_token.expose();
    let (first, second) = tokio::join!(world.accounts.refresh(token), world.accounts.refresh(token));
    assert!(first.is_ok() != second.is_ok());
    let winner = first.or(second).unwrap();
    assert_eq!(code(world.accounts.refresh(winner.refresh_token.expose()).await), "invalid_refresh_token");
}

#[tokio::test]
async fn the_writer_itself_refuses_tokens_that_ended_while_they_waited() {
    let world = World::new();
    let made = world.register("a@b.co", OrganizationKind::Renter).await.unwrap();
    let hash_of = |tokens: &Tokens| SecretKind::Refresh.hash_of(tokens.refresh_token.expose()).unwrap();
    let live = world.login("a@b.co", PASSWORD).await.unwrap();
    let revoked = world.login("a@b.co", PASSWORD).await.unwrap();
    world.accounts.logout(revoked.refresh_token.expose()).await.unwrap();
    let next = SecretKind::Refresh.mint([1; 32]).hash;
    let mut db = world.db.0.lock().unwrap();
    let mut refused = |hash, now| matches!(rotate(&mut db, hash, next, now), Ok(Rotation::Refused));
    assert!(refused(next, START), "unknown");
    assert!(refused(hash_of(&revoked), START));
    assert!(refused(hash_of(&live), START.plus_millis(REFRESH_TOKEN_MS)));
    accounts::set_user_disabled(&mut db, made.user, true).unwrap();
    assert!(matches!(rotate(&mut db, hash_of(&live), next, START), Ok(Rotation::Refused)));
    accounts::set_user_disabled(&mut db, made.user, false).unwrap();
    assert!(matches!(rotate(&mut db, hash_of(&live), next, START), Ok(Rotation::Rotated(_))));
}

#[tokio::test]
async fn logging_out_ends_the_family() {
    let world = World::new();
    world.register("a@b.co", OrganizationKind::Renter).await.unwrap();
    let tokens = world.login("a@b.co", PASSWORD).await.unwrap();
    let next = world.accounts.refresh(tokens.refresh_token.expose()).await.unwrap();
    world.accounts.logout(next.refresh_token.expose()).await.unwrap();
    world.accounts.logout(next.refresh_token.expose()).await.unwrap();
    world.accounts.logout("nonsense").await.unwrap();
    assert_eq!(code(world.accounts.refresh(next.refresh_token.expose()).await), "invalid_refresh_token");
}

#[tokio::test]
async fn an_api_key_is_its_user_within_its_scopes_until_it_expires() {
    let world = World::new();
    let person = world.renter().await;
    let end = START.plus_millis(MINUTE_MS);
    let made = world.accounts.create_key(&person, new_key(&[Scope::Read], Some(end)), "r").await.unwrap();
    let expected = Principal { key: Some(made.key.id), scopes: vec![Scope::Read], ..person };
    assert_eq!(world.accounts.authenticate(made.secret.expose()).unwrap(), expected);
    assert_eq!(expected.actor(), format!("key:{}", made.key.id));
    let restarted = world.restarted();
    assert_eq!(restarted.accounts.authenticate(made.secret.expose()).unwrap(), expected, "loaded at start");
    world.clock.advance_ms(MINUTE_MS);
    assert_eq!(code(world.accounts.authenticate(made.secret.expose())), "expired_token");
    assert_eq!(code(world.restarted().accounts.authenticate(made.secret.expose())), "invalid_token");
}

#[tokio::test]
async fn a_revoked_key_stops_at_once_and_for_good() {
    let world = World::new();
    let person = world.renter().await;
    let made = world.accounts.create_key(&person, new_key(&[Scope::Trade, Scope::Read], None), "r").await.unwrap();
    assert_eq!(made.key.scopes, [Scope::Read, Scope::Trade]);
    world.accounts.revoke_key(&person, made.key.id, "r").await.unwrap();
    world.accounts.revoke_key(&person, made.key.id, "r").await.unwrap();
    assert_eq!(code(world.accounts.authenticate(made.secret.expose())), "invalid_token");
    assert_eq!(code(world.restarted().accounts.authenticate(made.secret.expose())), "invalid_token");
    let listed = world.accounts.list_keys(&person, None, 200).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].revoked_at, Some(START));
    assert_eq!(world.noted(), ["register_organization", "api_key created", "api_key revoked"]);
}

#[tokio::test]
async fn rejects_keys_beyond_the_role_and_out_of_form() {
    let world = World::new();
    let person = world.renter().await;
    let cases = [
        ("invalid_scopes", new_key(&[], None)),
        ("invalid_scopes", new_key(&[Scope::Read, Scope::Admin], None)),
        ("invalid_scopes", new_key(&[Scope::List], None)),
        ("invalid_expiry", new_key(&[Scope::Read], Some(START))),
        ("invalid_name", NewKey { name: " ".to_owned(), ..new_key(&[Scope::Read], None) }),
        ("invalid_name", NewKey { name: "n".repeat(201), ..new_key(&[Scope::Read], None) }),
    ];
    for (expected, new) in cases {
        assert_eq!(code(world.accounts.create_key(&person, new, "r").await), expected);
    }
    assert_eq!(world.count("api_keys"), 0);
}

#[tokio::test]
async fn keys_do_not_make_keys_and_others_keys_are_not_there() {
    let world = World::new();
    let person = world.renter().await;
    let made = world.accounts.create_key(&person, new_key(&[Scope::Read], None), "r").await.unwrap();
    let key = world.accounts.authenticate(made.secret.expose()).unwrap();
    assert_eq!(code(world.accounts.create_key(&key, new_key(&[Scope::Read], None), "r").await), "scope_required");
    assert_eq!(code(world.accounts.revoke_key(&key, made.key.id, "r").await), "scope_required");
    world.register("other@example.com", OrganizationKind::Provider).await.unwrap();
    let other = world.principal("other@example.com").await;
    assert_eq!(code(world.accounts.revoke_key(&other, made.key.id, "r").await), "not found");
    assert_eq!(world.accounts.list_keys(&other, None, 200).await.unwrap(), []);
    assert!(world.accounts.authenticate(made.secret.expose()).is_ok());
}

#[tokio::test]
async fn a_key_that_was_not_committed_does_not_work() {
    let world = World::new();
    let person = world.renter().await;
    *world.fail_commits.lock().unwrap() = true;
    let failed = world.accounts.create_key(&person, new_key(&[Scope::Read], None), "r").await;
    assert!(matches!(failed, Err(AppError::Unknown)));
    let known = format!("{:?}", world.accounts.keys);
    assert!(known.contains("entries: {}"), "{known}");
}

#[tokio::test]
async fn one_user_has_so_many_keys_at_once() {
    let world = World::new();
    let person = world.renter().await;
    let mut last = None;
    for _ in 0..API_KEYS_PER_USER_MAX {
        last = Some(world.accounts.create_key(&person, new_key(&[Scope::Read], None), "r").await.unwrap());
    }
    assert_eq!(code(world.accounts.create_key(&person, new_key(&[Scope::Read], None), "r").await), "too_many_api_keys");
    world.accounts.revoke_key(&person, last.unwrap().key.id, "r").await.unwrap();
    assert_eq!(code(world.accounts.create_key(&person, new_key(&[Scope::Read], None), "r").await), "ok");
}

#[tokio::test]
async fn staff_is_made_by_hand_and_auditors_change_nothing() {
    let world = World::new();
    world.accounts.create_admin("root@example.com", PASSWORD.to_owned(), "cli").await.unwrap();
    world.accounts.create_auditor("audit@example.com", PASSWORD.to_owned(), "cli").await.unwrap();
    let admin = world.principal("root@example.com").await;
    let auditor = world.principal("audit@example.com").await;
    assert_eq!((admin.role, admin.organization), (Role::Admin, None));
    assert_eq!((auditor.role, auditor.scopes.as_slice()), (Role::Auditor, [Scope::Read].as_slice()));
    assert_eq!(code(world.accounts.create_key(&auditor, new_key(&[Scope::Read], None), "r").await), "role_required");
    assert_eq!(code(world.accounts.set_disabled(&auditor, admin.user, true, "r").await), "role_required");
    assert_eq!(world.noted(), ["user admin_created", "user auditor_created"]);
    let journal = world.journal.lock().unwrap();
    assert!(journal.iter().all(|submission| submission.actor == "system"));
}

#[tokio::test]
async fn who_is_shut_out_stays_out() {
    let world = World::new();
    world.accounts.create_admin("root@example.com", PASSWORD.to_owned(), "cli").await.unwrap();
    let admin = world.principal("root@example.com").await;
    let person = world.renter().await;
    let session = world.login("renter@example.com", PASSWORD).await.unwrap();
    let made = world.accounts.create_key(&person, new_key(&[Scope::Read], None), "r").await.unwrap();
    world.accounts.set_disabled(&admin, person.user, true, "r").await.unwrap();
    assert_eq!(code(world.accounts.authenticate(made.secret.expose())), "invalid_token");
    assert_eq!(code(world.accounts.refresh(session.refresh_token.expose()).await), "invalid_refresh_token");
    assert_eq!(code(world.login("renter@example.com", PASSWORD).await), "invalid_credentials");
    let another = world.accounts.create_key(&person, new_key(&[Scope::Read], None), "r").await;
    assert_eq!(code(another), "invalid_token", "an access token that still runs makes no keys");
    world.accounts.set_disabled(&admin, person.user, false, "r").await.unwrap();
    assert_eq!(code(world.login("renter@example.com", PASSWORD).await), "ok");
    assert_eq!(code(world.accounts.refresh(session.refresh_token.expose()).await), "invalid_refresh_token");
    assert_eq!(code(world.restarted().accounts.authenticate(made.secret.expose())), "invalid_token");
    let nobody = world.accounts.set_disabled(&admin, Uuid::nil(), true, "r").await;
    assert!(matches!(nobody, Err(AppError::NotFound)));
}

#[tokio::test]
async fn the_journal_names_nobody_and_no_secret() {
    let world = World::new();
    let person = world.renter().await;
    let made = world.accounts.create_key(&person, new_key(&[Scope::Read], None), "r").await.unwrap();
    let journal = format!("{:?}", world.journal.lock().unwrap());
    for secret in ["example.com", PASSWORD, "argon2", made.secret.expose(), &made.key.hash.to_hex()] {
        assert!(!journal.contains(secret), "{secret}");
    }
    assert!(journal.contains(&made.key.id.to_string()), "the ids are there");
}
