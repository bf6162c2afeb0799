//! The agent against a real exchange: restarts, lost requests and lost answers cost no slot and double none.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use gpubourse::agent::{Agent, Assignment, Exchange, HttpExchange, Notebook, NotebookError, Probe, Run, Trouble};
use gpubourse::app::{Clock, ManualClock};
use gpubourse::types::{ContractId, Kind, Minute, PublicId, Slot, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::api::deliveries::{KEY, access, terms};
use crate::api::server::serve;
use crate::api::world::Market;
use crate::streams::rng::Rng;

const GPUS: u32 = 8;

/// A market with a contract that is handed over and accepted, and a key for its agent.
struct Site {
    market: Market,
    contract: PublicId,
    key: String,
    start: Minute,
}

impl Site {
    async fn open() -> Self {
        let market = Market::open().await;
        let (provider, renter) = (&market.provider, &market.renter);
        market.world.post(&market.admin, "/v1/admin/terms", terms()).await.expect(200);
        market.world.post(renter, "/v1/access-key", json!({"public_key": KEY})).await.expect(200);
        let key = market.world.key(provider, &["deliver"]).await.token;
        let contract = market.sell_to(renter, GPUS).await["contract_id"].as_str().unwrap().to_owned();
        for (who, step, body) in
            [(provider, "ready", json!({})), (provider, "deliver", access(KEY)), (renter, "accept", json!({}))]
        {
            market.world.post(who, &format!("/v1/contracts/{contract}/{step}"), body).await.expect(200);
        }
        let contract = PublicId::from_uuid(Uuid::try_parse(&contract).unwrap()).unwrap();
        let start = market.world.first_day();
        Self { market, contract, key, start }
    }

    async fn delivery(&self) -> Value {
        // Tokens do not last as long as the story.
        let token = self.market.world.login("renter@example.com").await;
        let renter = crate::api::world::Who { token, ..self.market.renter.clone() };
        let path = format!("/v1/contracts/{}/delivery", self.contract.to_uuid());
        self.market.world.get(&renter, &path).await.expect(200)
    }
}

/// What the probe finds, as the test says.
#[derive(Clone)]
struct Dial(Arc<AtomicU32>);

impl Probe for Dial {
    fn gpus_up(&mut self) -> u32 {
        self.0.load(Ordering::SeqCst)
    }
}

/// An exchange whose connection breaks before the request or before the answer.
struct Flaky {
    inner: HttpExchange,
    rng: std::cell::RefCell<Rng>,
}

impl Exchange for Flaky {
    fn assignment(&self) -> Result<Assignment, Trouble> {
        self.inner.assignment()
    }

    fn report(&self, runs: &[Run]) -> Result<(), Trouble> {
        let cut = || Err(Trouble::Unreachable("cut".to_owned()));
        match self.rng.borrow_mut().between(0, 3) {
            0 => cut(),
            1 => self.inner.report(runs).and_then(|()| cut()),
            _ => self.inner.report(runs),
        }
    }
}

#[actix_web::test]
async fn no_slot_is_lost_or_doubled() {
    let site = Site::open().await;
    let (address, server) = serve(&site.market.world);
    let handle = server.handle();
    let running = actix_web::rt::spawn(server);
    let (clock, key, contract, start) = (site.market.world.clock.clone(), site.key.clone(), site.contract, site.start);
    let minutes = 6 * 60;
    let story = move || walk(address, &clock, &key, contract, start, minutes);
    let found = tokio::task::spawn_blocking(story).await.unwrap();
    let delivery = site.delivery().await;
    let reports = delivery["provider_reports"].as_array().unwrap();
    let mut reported = BTreeMap::new();
    for piece in reports {
        let minute = |name: &str| Minute::parse(piece[name].as_str().unwrap()).unwrap();
        let (from, until) = (Slot::of(minute("start")).number(), Slot::of(minute("end")).number());
        reported.extend((from..until).map(|slot| (slot, piece["gpus"].as_u64().unwrap())));
    }
    let expected: BTreeMap<u32, u64> = found.into_iter().map(|(slot, gpus)| (slot.number(), gpus.into())).collect();
    assert_eq!(expected.len(), usize::try_from(minutes / Slot::MINUTES).unwrap());
    assert!(expected.values().any(|gpus| *gpus == 0) && expected.values().any(|gpus| *gpus == 8));
    assert_eq!(reported, expected);
    handle.stop(true).await;
    running.await.unwrap().unwrap();
}

/// Lets an agent work minute by minute, dying now and then; returns the lowest of the probes of each slot.
fn walk(
    address: std::net::SocketAddr,
    clock: &Arc<ManualClock>,
    key: &str,
    contract: PublicId,
    start: Minute,
    minutes: u32,
) -> BTreeMap<Slot, u32> {
    let folder = tempfile::tempdir().unwrap();
    let dial = Dial(Arc::new(AtomicU32::new(GPUS)));
    let begin = |seed: u64| {
        let notebook = Notebook::open(&folder.path().join("notebook"), contract).unwrap();
        let inner = HttpExchange::new(&format!("http://{address}"), key.to_owned(), contract);
        let exchange = Flaky { inner, rng: std::cell::RefCell::new(Rng::new(seed)) };
        let clock: Arc<dyn Clock> = clock.clone();
        Agent::new(exchange, dial.clone(), clock, notebook).unwrap()
    };
    let (mut rng, mut lowest, mut taken, mut waited) = (Rng::new(11), BTreeMap::new(), 0, 0);
    let mut agent = Some(begin(0));
    for minute in 0..minutes {
        clock.set(start.plus(minute).start());
        let gpus = [8, 8, 8, 7, 4, 0][usize::try_from(rng.between(0, 5)).unwrap()];
        dial.0.store(gpus, Ordering::SeqCst);
        let slot = Slot::of(start.plus(minute));
        lowest.entry(slot).and_modify(|least: &mut u32| *least = (*least).min(gpus)).or_insert(gpus);
        let round = agent.as_mut().unwrap().round().unwrap();
        assert_eq!(round.dropped, []);
        (taken, waited) = (taken + round.taken, waited + usize::from(round.waits.is_some()));
        if rng.between(0, 9) == 0 {
            // The old one dies before the new one comes: its notebook is locked.
            agent = None;
            agent = Some(agent.unwrap_or_else(|| begin(u64::from(minute))));
        }
    }
    // The last slot ends, and however often the connection breaks, everything is reported at last.
    for later in 0..200 {
        clock.set(start.plus(minutes).start().plus_millis(61_000));
        dial.0.store(GPUS, Ordering::SeqCst);
        let agent = agent.as_mut().unwrap();
        let round = agent.round().unwrap();
        taken += round.taken;
        if round.waits.is_none() {
            break;
        }
        assert!(later < 199, "{round:?}");
    }
    println!("{taken} slots taken, {waited} rounds waited");
    assert!(waited > 10 && taken >= lowest.len());
    lowest
}

#[actix_web::test]
async fn what_the_exchange_will_never_take_is_dropped_and_named() {
    let site = Site::open().await;
    let (address, server) = serve(&site.market.world);
    let handle = server.handle();
    let running = actix_web::rt::spawn(server);
    let (clock, key, contract, start) = (site.market.world.clock.clone(), site.key.clone(), site.contract, site.start);
    let story = move || {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notebook");
        let begin = || {
            let inner = HttpExchange::new(&format!("http://{address}/"), key.clone(), contract);
            let notebook = Notebook::open(&path, contract).unwrap();
            let clock: Arc<dyn Clock> = clock.clone();
            Agent::new(inner, Dial(Arc::new(AtomicU32::new(99))), clock, notebook).unwrap()
        };
        // Noted in time, but not reported for more than a day.
        clock.set(start.plus(2).start());
        assert_eq!(begin().round().unwrap().taken, 0);
        let day = 24 * 60;
        clock.set(start.plus(day + 20).start());
        let mut agent = begin();
        let round = agent.round().unwrap();
        assert_eq!(round.dropped, [(Slot::of(start), "slot_closed".to_owned())]);
        assert!(round.is_over, "{round:?}");
        assert_eq!(agent.round().unwrap().taken, 0);
    };
    tokio::task::spawn_blocking(story).await.unwrap();
    handle.stop(true).await;
    running.await.unwrap().unwrap();
}

fn id(number: i64) -> PublicId {
    let created_at = Timestamp::from_millis(1_795_000_000_000);
    PublicId { created_at, kind: Kind::Contract, number: ContractId::new(number).number() }
}

#[test]
fn a_notebook_is_one_contracts_and_one_agents() {
    let folder = tempfile::tempdir().unwrap();
    let path: PathBuf = folder.path().join("notebook");
    let open = Notebook::open(&path, id(1)).unwrap();
    assert!(matches!(Notebook::open(&path, id(1)), Err(NotebookError::InUse(_))));
    drop(open);
    assert!(matches!(Notebook::open(&path, id(2)), Err(NotebookError::OtherContract { .. })));
    // What a crash leaves of a line is nothing; a line that says something else is.
    let whole = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("{whole}{{\"slot\":1,\"gp")).unwrap();
    drop(Notebook::open(&path, id(1)).unwrap());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), whole);
    std::fs::write(&path, format!("{whole}hello\n")).unwrap();
    assert!(matches!(Notebook::open(&path, id(1)), Err(NotebookError::Corrupt { line: 2, .. })));
}
