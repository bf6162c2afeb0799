//! Following the market: snapshot and deltas together are what GET answers as of the same journal row, whatever breaks
//! in between.

use std::collections::BTreeMap;
use std::time::Duration;

use actix_web::test::TestRequest;
use futures_util::FutureExt;
use futures_util::future::join;
use gpubourse::app::stream::Topics;
use gpubourse::types::Symbol;
use serde_json::{Value, json};

use super::follower::{Client, Event};
use super::world::{Market, PRODUCT, Who, with};

const EVERYTHING: &str = "trades:h100-sxm-80gb,book:h100-sxm-80gb,orders,contracts,balances";
const PUBLIC: &str = "trades:h100-sxm-80gb,book:h100-sxm-80gb";
const SNAPSHOT_TRADES: usize = 50;
const ROUNDS: usize = 100;
const SEEDS: [u64; 2] = [1, 2];

/// What a client makes of what it is told.
#[derive(Default)]
struct Mirror {
    seq: i64,
    trades: Vec<Value>,
    top: Value,
    orders: BTreeMap<String, Value>,
    contracts: BTreeMap<String, Value>,
    balances: Value,
    snapshots: usize,
}

impl Mirror {
    fn take(&mut self, event: &Event) {
        let data = &event.data;
        assert_eq!(event.id.as_deref(), Some(data["seq"].to_string().as_str()));
        match event.name.as_str() {
            "snapshot" => {
                assert!(data.get("previous").is_none());
                *self = Self { snapshots: self.snapshots + 1, ..Self::default() };
                self.trades = data["trades"][0]["data"].as_array().unwrap().clone();
            }
            "delta" => {
                assert_eq!(data["previous"], self.seq, "{data}");
                assert!(data["seq"].as_i64() > Some(self.seq), "{data}");
                for trade in data["trades"][0]["data"].as_array().into_iter().flatten() {
                    self.trades.insert(0, trade.clone());
                }
            }
            other => panic!("{other}: {data}"),
        }
        self.seq = data["seq"].as_i64().unwrap();
        if let Some(top) = data["books"].get(0) {
            self.top = top.clone();
        }
        for order in data["orders"].as_array().into_iter().flatten() {
            let id = order["id"].as_str().unwrap().to_owned();
            match order["status"].as_str().unwrap() {
                "open" | "partially_filled" => drop(self.orders.insert(id, timeless(order))),
                _ => drop(self.orders.remove(&id)),
            }
        }
        for contract in data["contracts"].as_array().into_iter().flatten() {
            self.contracts.insert(contract["id"].as_str().unwrap().to_owned(), contract.clone());
        }
        if let Some(balances) = data.get("balances") {
            self.balances = timeless(balances);
        }
    }

    async fn reach(&mut self, client: &mut Client, seq: i64) {
        while self.seq < seq {
            self.take(&client.next().await.unwrap());
        }
    }

    /// Compares itself with what GET answers; nothing happens meanwhile.
    async fn check(&self, market: &Market, who: &Who) {
        let world = &market.world;
        let top = world.public(&format!("/v1/markets/{PRODUCT}/top")).await.expect(200);
        assert_eq!(top["as_of"], self.seq);
        let told = with(self.top.clone(), json!({"as_of": top["as_of"], "now": top["now"]}));
        assert_eq!(told, top);
        let trades = world.public(&format!("/v1/markets/{PRODUCT}/trades?limit=50")).await.expect(200)["data"].clone();
        assert_eq!(json!(self.trades.iter().take(SNAPSHOT_TRADES).collect::<Vec<_>>()), trades);
        let orders = world.get(who, "/v1/orders?status=live&limit=200").await.expect(200)["data"].clone();
        let orders: BTreeMap<String, Value> = orders
            .as_array()
            .unwrap()
            .iter()
            .map(|order| (order["id"].as_str().unwrap().to_owned(), timeless(order)))
            .collect();
        assert_eq!(self.orders, orders);
        let contracts = world.get(who, "/v1/contracts?limit=50").await.expect(200)["data"].clone();
        for contract in contracts.as_array().unwrap() {
            assert_eq!(&self.contracts[contract["id"].as_str().unwrap()], contract);
        }
        assert!(self.contracts.len() >= contracts.as_array().unwrap().len());
        let balances = world.get(who, "/v1/balances").await.expect(200);
        assert_eq!(balances["as_of"], self.seq);
        assert_eq!(self.balances, timeless(&balances));
    }
}

/// What is told of a thing is as of when it changed.
fn timeless(value: &Value) -> Value {
    with(value.clone(), json!({"as_of": null}))
}

/// SplitMix64.
fn roll(state: &mut u64, sides: u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (z ^ (z >> 31)) % sides
}

/// Does something to the market, perhaps in vain.
async fn stir(market: &Market, dice: &mut u64) {
    let price = format!("{}", 1 + roll(dice, 4));
    let gpus = 1 + roll(dice, 3) as u32;
    let buyer = if roll(dice, 2) == 0 { &market.renter } else { &market.other };
    match roll(dice, 6) {
        0 | 1 => drop(market.world.post(&market.provider, "/v1/orders", market.ask(gpus, &price)).await),
        2 | 3 => drop(market.world.post(buyer, "/v1/orders", market.bid(gpus, &price, 0..1 + gpus)).await),
        _ => {
            let whose = if roll(dice, 2) == 0 { buyer } else { &market.provider };
            let live = market.world.get(whose, "/v1/orders?status=live").await.expect(200)["data"].clone();
            let live = live.as_array().unwrap().clone();
            if !live.is_empty() {
                let order = &live[roll(dice, live.len() as u64) as usize];
                let path = format!("/v1/orders/{}", order["id"].as_str().unwrap());
                match roll(dice, 2) {
                    0 => drop(market.world.delete(whose, &path).await),
                    _ => drop(market.world.patch(whose, &path, json!({"price": price})).await),
                }
            }
        }
    }
}

async fn as_of(market: &Market) -> i64 {
    market.world.public(&format!("/v1/markets/{PRODUCT}/top")).await.expect(200)["as_of"].as_i64().unwrap()
}

#[actix_web::test]
async fn snapshot_and_deltas_are_what_get_answers_with_drops_and_reconnects() {
    for seed in SEEDS {
        let (market, mut dice) = (Market::open().await, seed);
        let who = &market.renter;
        let mut client = Client::open(&market.world, Some(who), EVERYTHING, None).await;
        let mut mirror = Mirror::default();
        mirror.take(&client.next().await.unwrap());
        let (mut resumed, mut checked) = (0, 0);
        for _ in 0..ROUNDS {
            stir(&market, &mut dice).await;
            match roll(&mut dice, 10) {
                // The line breaks with events on it that were not read; then more happens.
                0 | 1 => {
                    drop(client);
                    for _ in 0..roll(&mut dice, 4) {
                        stir(&market, &mut dice).await;
                    }
                    client = Client::open(&market.world, Some(who), EVERYTHING, Some(mirror.seq)).await;
                    resumed += 1;
                }
                2 => {
                    drop(client);
                    // The store and the view move while the snapshot is made of both.
                    let open = async {
                        let mut client = Client::open(&market.world, Some(who), EVERYTHING, None).await;
                        (client.next().await.unwrap(), client)
                    };
                    let stir = async {
                        for _ in 0..5 {
                            stir(&market, &mut dice).await;
                        }
                    };
                    let ((first, opened), ()) = join(open, stir).await;
                    client = opened;
                    mirror.take(&first);
                }
                3 | 4 => {
                    // This is told, whatever was before it, and nothing comes after it.
                    market.place(who, market.bid(1, "0.5", 48..49)).await;
                    let as_of = as_of(&market).await;
                    mirror.reach(&mut client, as_of).await;
                    mirror.check(&market, who).await;
                    checked += 1;
                }
                _ => {}
            }
        }
        println!("seed {seed}: {resumed} times resumed, {checked} times checked, {} snapshots", mirror.snapshots);
        assert!(resumed > 5 && checked > 5);
        assert_eq!(market.world.api.streams.count(), 1);
        drop(client);
        assert_eq!(market.world.api.streams.count(), 0);
    }
}

#[actix_web::test]
async fn a_stream_goes_on_after_the_last_event_or_begins_anew() {
    let market = Market::open().await;
    let world = &market.world;
    let mut client = Client::open(world, None, PUBLIC, None).await;
    let first = client.next().await.unwrap();
    assert_eq!((first.name.as_str(), &first.data["books"][0]["asks"]), ("snapshot", &json!(0)));
    let seq = first.data["seq"].as_i64().unwrap();
    drop(client);
    market.sell_to(&market.renter, 2).await;
    for (last, expected) in
        [(Some(seq), "delta"), (Some(1), "snapshot"), (Some(seq - 1), "snapshot"), (None, "snapshot")]
    {
        let mut client = Client::open(world, None, PUBLIC, last).await;
        let next = client.next().await.unwrap();
        assert_eq!(next.name, expected, "after {last:?}");
        if expected == "delta" {
            assert_eq!((&next.data["previous"], &next.data["books"][0]["best_ask"]), (&json!(seq), &json!("2.00")));
            let next = client.next().await.unwrap();
            assert_eq!(next.data["trades"][0]["data"][0]["gpus"], 2);
        } else {
            assert_eq!(next.data["trades"][0]["data"][0]["gpus"], 2, "{}", next.data);
        }
        assert!(next.data.get("orders").is_none() && !next.data.to_string().contains(&market.renter.organization));
    }
}

#[actix_web::test]
async fn where_nothing_happens_a_heartbeat_says_how_far_it_is() {
    let market = Market::open().await;
    let app = &market.world.api.app;
    let symbol = Symbol::new(PRODUCT).unwrap();
    let topics = Topics { books: [(app.product(&symbol).unwrap().id, symbol)].into(), ..Topics::default() };
    let mut following = app.follow(topics.clone(), None).await;
    let snapshot = following.next().await.unwrap().remove(0);
    assert_eq!((snapshot.sequence, following.pass()), (as_of(&market).await, None));
    // Sites are no topic.
    let site = json!({"name": "Site 2", "region": "us", "country": "US"});
    market.world.post(&market.provider, "/v1/sites", site).await.expect(201);
    assert!(following.next().now_or_never().is_none());
    let passed = following.pass().unwrap();
    assert_eq!((passed.previous, passed.sequence), (Some(snapshot.sequence), as_of(&market).await));
    assert!(passed.sequence > snapshot.sequence && passed.books.is_empty());
    assert_eq!(following.pass(), None);
    let mut resumed = app.follow(topics, Some(passed.sequence)).await;
    market.place(&market.renter, market.bid(1, "1", 0..1)).await;
    for following in [&mut following, &mut resumed] {
        let delta = following.next().await.unwrap().remove(0);
        assert_eq!((delta.previous, delta.books.len()), (Some(passed.sequence), 1));
    }
}

#[actix_web::test]
async fn nobody_is_told_of_the_orders_of_others() {
    let market = Market::open().await;
    let mut client = Client::open(&market.world, Some(&market.other), "orders,contracts,balances", None).await;
    let first = client.next().await.unwrap().data;
    assert_eq!((&first["orders"], &first["contracts"]), (&json!([]), &json!([])));
    market.sell_to(&market.renter, 2).await;
    market.place(&market.other, market.bid(1, "1", 0..1)).await;
    let next = client.next().await.unwrap();
    assert_eq!((next.name.as_str(), next.data["orders"].as_array().unwrap().len()), ("delta", 1));
    assert_eq!((&next.data["orders"][0]["gpus"], &next.data["balances"]["held"]), (&json!(1), &json!("1.00")));
    assert!(next.data.get("contracts").is_none());
}

#[actix_web::test]
async fn both_parties_are_told_of_their_contract() {
    let market = Market::open().await;
    let mut clients = Vec::new();
    for who in [&market.provider, &market.renter, &market.other] {
        let mut client = Client::open(&market.world, Some(who), "contracts", None).await;
        assert_eq!(client.next().await.unwrap().data["contracts"], json!([]));
        clients.push((who, client));
    }
    let id = market.sell_to(&market.renter, 2).await["contract_id"].clone();
    for (who, client) in &mut clients[..2] {
        let told = client.next().await.unwrap().data["contracts"].clone();
        let path = format!("/v1/contracts/{}", id.as_str().unwrap());
        assert_eq!(told, json!([market.world.get(who, &path).await.expect(200)]));
        let mut late = Client::open(&market.world, Some(who), "contracts", None).await;
        assert_eq!(late.next().await.unwrap().data["contracts"], told);
    }
    // What the third is told next is of a contract of its own.
    let own = market.sell_to(&market.other, 1).await["contract_id"].clone();
    assert_eq!(clients[2].1.next().await.unwrap().data["contracts"][0]["id"], own);
}

#[actix_web::test]
async fn a_client_far_behind_is_let_go() {
    let market = Market::open().await;
    let mut client = Client::open(&market.world, Some(&market.renter), "orders", None).await;
    let bids = json!({"orders": vec![market.bid(1, "0.01", 0..1); 100]});
    for _ in 0..30 {
        market.world.post(&market.renter, "/v1/orders/batch", bids.clone()).await.expect(200);
    }
    let last = client.next().await.unwrap();
    assert_eq!((last.name.as_str(), &last.data["code"]), ("error", &json!("slow_consumer")), "{}", last.data);
    assert!(last.data["request_id"].is_string() && client.next().await.is_none());
}

#[actix_web::test]
async fn whoever_comes_back_is_told_all_it_has_missed_at_its_own_pace() {
    let market = Market::open().await;
    let mut client = Client::open(&market.world, Some(&market.renter), "orders", None).await;
    let seq = client.next().await.unwrap().data["seq"].as_i64();
    drop(client);
    let bids = json!({"orders": vec![market.bid(1, "0.01", 0..1); 100]});
    for _ in 0..30 {
        market.world.post(&market.renter, "/v1/orders/batch", bids.clone()).await.expect(200);
    }
    let as_of = as_of(&market).await;
    let mut client = Client::open(&market.world, Some(&market.renter), "orders", seq).await;
    let (mut orders, mut bytes) = (0, 0);
    loop {
        let event = client.next().await.unwrap();
        assert_eq!(event.name, "delta", "{}", event.data);
        orders += event.data["orders"].as_array().unwrap().len();
        bytes += event.data.to_string().len();
        if event.data["seq"] == as_of {
            break;
        }
    }
    assert!(orders == 3_000 && bytes > 1_024 * 1_024, "{orders} orders, {bytes} bytes");
}

#[actix_web::test]
async fn a_stream_ends_with_its_credentials() {
    let market = Market::open().await;
    let world = &market.world;
    let trader = world.key(&market.renter, &["read", "trade"]).await;
    let reader = world.key(&market.renter, &["read"]).await;
    let mut expiring = Client::open(world, Some(&market.renter), "orders", None).await;
    let mut revoked = Client::open(world, Some(&reader), "orders", None).await;
    let mut lasting = Client::open(world, Some(&trader), "orders", None).await;
    for client in [&mut expiring, &mut revoked, &mut lasting] {
        assert_eq!(client.next().await.unwrap().name, "snapshot");
    }
    let keys = world.get(&market.renter, "/v1/api-keys").await.expect(200)["data"].clone();
    let read_only = keys.as_array().unwrap().iter().find(|key| key["scopes"] == json!(["read"])).unwrap();
    let path = format!("/v1/api-keys/{}", read_only["id"].as_str().unwrap());
    world.delete(&market.renter, &path).await.expect(204);
    world.clock.advance_ms(16 * 60_000);
    market.place(&trader, market.bid(1, "1", 24..25)).await;
    for (client, code) in [(&mut expiring, "expired_token"), (&mut revoked, "invalid_token")] {
        let last = client.next().await.unwrap();
        assert_eq!((last.name.as_str(), &last.data["code"]), ("error", &json!(code)));
        assert!(client.next().await.is_none());
    }
    assert_eq!(lasting.next().await.unwrap().name, "delta");
}

#[actix_web::test]
async fn what_cannot_be_followed_is_refused() {
    let market = Market::open().await;
    let world = &market.world;
    let path = |topics: &str| format!("/v1/stream?topics={topics}");
    for topics in ["orders", "contracts", "balances", "trades:h100-sxm-80gb,orders"] {
        world.public(&path(topics)).await.refused(401, "unauthorized");
        world.get(&market.admin, &path(topics)).await.refused(403, "role_required");
        let trader = world.key(&market.renter, &["trade"]).await;
        world.get(&trader, &path(topics)).await.refused(403, "scope_required");
    }
    let stranger = Who { token: "nobody".to_owned(), organization: String::new() };
    world.get(&stranger, &path(PUBLIC)).await.refused(401, "invalid_token");
    for topics in ["", "trades", "trades:", "trades:nothing", "book:H100", "orders:x", "contract", "all", ","] {
        let answer = world.get(&market.renter, &path(topics)).await;
        answer.refused(422, "invalid_field");
        assert_eq!(answer.body["errors"][0]["field"], "topics", "{topics}");
    }
    world.get(&market.renter, &path(&["orders"; 65].join(","))).await.refused(422, "invalid_field");
    for last in ["x", "-1", "1.5", "99999999999999999999"] {
        let request = TestRequest::with_uri(&path(PUBLIC)).insert_header(("last-event-id", last));
        let answer = world.call(request).await;
        answer.refused(422, "invalid_field");
        assert_eq!(answer.body["errors"][0]["field"], "Last-Event-ID");
    }
    let head = world.send(None, "HEAD", &path(PUBLIC), None).await;
    assert_eq!((head.status, head.header("content-type"), head.text.as_str()), (200, Some("text/event-stream"), ""));
}

#[actix_web::test]
async fn so_many_streams_may_one_have_and_they_end_when_the_server_stops() {
    let market = Market::open().await;
    let world = &market.world;
    let mut clients = Vec::new();
    for _ in 0..64 {
        clients.push(Client::open(world, None, PUBLIC, None).await);
    }
    let refused = world.public(&format!("/v1/stream?topics={PUBLIC}")).await;
    refused.refused(429, "too_many_requests");
    assert_eq!(refused.header("retry-after"), Some("30"));
    clients.push(Client::open(world, Some(&market.renter), PUBLIC, None).await);
    world.api.streams.stop();
    for client in &mut clients {
        let all = async { while client.next().await.is_some() {} };
        tokio::time::timeout(Duration::from_secs(10), all).await.unwrap();
    }
}
