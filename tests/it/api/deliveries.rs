//! Deliveries over HTTP: who does what, who sees what, and what it comes to.

use gpubourse::app::Clock;
use serde_json::{Value, json};

use super::world::{Market, Who, with};

/// The public key of the renter.
pub const KEY: &str = "age1renter0000000000000000000000000000000000000000000000000000";
const OTHER_KEY: &str = "age1other00000000000000000000000000000000000000000000000000000";
const DAY: u32 = 24 * 60;

/// Terms of delivery as an admin publishes them.
pub fn terms() -> Value {
    json!({
        "default_after_minutes": 60, "outage_default_minutes": 1_440, "close_after_minutes": 1_440,
        "evidence_minutes": 4_320, "decision_minutes": 20_160, "draw_before_minutes": 4_320,
        "notice_minutes": 840, "notice_fee_bps": 1_000,
        "credits": [{"share_bps": 9_900, "times": 1}, {"share_bps": 9_800, "times": 2}, {"share_bps": 0, "times": 5}],
        "bonds": {"unverified": 0, "verified": 0, "trusted": 0},
    })
}

/// What a provider hands over.
pub fn access(recipient: &str) -> Value {
    json!({
        "host": "gpu-1.example.net", "port": 22, "host_key": "ssh-ed25519 AAAA", "user": "renter",
        "sealed_secret": "sealed-for-one", "recipient": recipient,
    })
}

async fn under_terms() -> Market {
    put_under_terms(Market::open().await).await
}

/// A market under terms, whose people have keys: a token would expire before a slot closes.
pub async fn put_under_terms(mut market: Market) -> Market {
    let member = ["read", "trade", "deliver"];
    market.provider = market.world.key(&market.provider, &member).await;
    market.renter = market.world.key(&market.renter, &member).await;
    market.other = market.world.key(&market.other, &member).await;
    market.reseller = market.world.key(&market.reseller, &member).await;
    market.admin = market.world.key(&market.admin, &["read", "admin"]).await;
    market.world.post(&market.admin, "/v1/admin/terms", terms()).await.expect(200);
    market
}

/// A market under terms, in which a renter has bought eight GPUs for the first day at $2.
async fn sold() -> (Market, String) {
    let market = under_terms().await;
    let contract = market.sell_to(&market.renter, 8).await["contract_id"].as_str().unwrap().to_owned();
    (market, contract)
}

/// The market after access was handed over and accepted.
async fn accepted() -> (Market, String) {
    let (market, contract) = sold().await;
    market.world.post(&market.renter, "/v1/access-key", json!({"public_key": KEY})).await.expect(200);
    act(&market, &market.provider, &contract, "ready", json!({})).await.expect(200);
    act(&market, &market.provider, &contract, "deliver", access(KEY)).await.expect(200);
    act(&market, &market.renter, &contract, "accept", json!({})).await.expect(200);
    (market, contract)
}

pub async fn act(market: &Market, who: &Who, contract: &str, what: &str, body: Value) -> super::world::Answer {
    market.world.post(who, &format!("/v1/contracts/{contract}/{what}"), body).await
}

async fn delivery(market: &Market, who: &Who, contract: &str) -> Value {
    market.world.get(who, &format!("/v1/contracts/{contract}/delivery")).await.expect(200)
}

/// Moves the clock to a minute of the first day.
pub fn to(market: &Market, minute: u32) {
    market.world.clock.set(market.world.first_day().plus(minute).start());
}

pub fn report(market: &Market, contract: &str, minute: u32, slots: u32, gpus_up: u32) -> Value {
    let slot = market.world.first_day().plus(minute).to_rfc3339();
    json!({"reports": [{"contract_id": contract, "runs": [{"slot": slot, "slots": slots, "gpus_up": gpus_up}]}]})
}

pub async fn settle(market: &Market) {
    let done = market.world.post(&market.admin, "/v1/admin/settlements", json!({})).await.expect(200);
    assert_eq!(done["next"], Value::Null);
}

#[actix_web::test]
async fn terms_are_public_and_published_by_admins() {
    let market = Market::open().await;
    market.world.public("/v1/terms").await.refused(404, "not_found");
    let published = market.world.post(&market.admin, "/v1/admin/terms", terms()).await.expect(200);
    assert_eq!(published["version"], 1);
    assert_eq!(with(market.world.public("/v1/terms").await.expect(200), json!({"version": null})), terms());
    let wrong = with(terms(), json!({"credits": []}));
    market.world.post(&market.admin, "/v1/admin/terms", wrong).await.refused(422, "invalid_terms");
    let unknown = market.world.post(&market.admin, "/v1/admin/terms", with(terms(), json!({"grace": 1}))).await;
    unknown.refused(422, "invalid_field");
}

#[actix_web::test]
async fn a_contract_made_before_terms_has_no_delivery() {
    let market = Market::open().await;
    let contract = market.sell_to(&market.renter, 8).await["contract_id"].as_str().unwrap().to_owned();
    let path = format!("/v1/contracts/{contract}/delivery");
    market.world.get(&market.renter, &path).await.refused(409, "no_delivery_terms");
    act(&market, &market.provider, &contract, "ready", json!({})).await.refused(409, "no_delivery_terms");
    assert_eq!(market.world.get(&market.provider, "/v1/deliveries").await.expect(200)["data"], json!([]));
}

#[actix_web::test]
async fn the_handshake_goes_one_way_and_the_secret_to_one_key() {
    let (market, contract) = sold().await;
    let (provider, renter) = (&market.provider, &market.renter);
    market.world.get(renter, "/v1/access-key").await.refused(404, "not_found");
    market.world.post(renter, "/v1/access-key", json!({"public_key": "hello"})).await.refused(422, "invalid_text");
    market.world.post(renter, "/v1/access-key", json!({"public_key": KEY})).await.expect(200);
    assert_eq!(market.world.get(renter, "/v1/access-key").await.expect(200)["public_key"], KEY);
    act(&market, provider, &contract, "deliver", access(KEY)).await.refused(409, "illegal_transition");

    let listed = market.world.get(provider, "/v1/deliveries").await.expect(200);
    assert_eq!(listed["data"][0]["contract_id"], contract.as_str());
    assert_eq!(listed["data"][0]["recipient"], KEY, "what to seal to");
    act(&market, renter, &contract, "accept", json!({})).await.refused(409, "illegal_transition");
    let ready = act(&market, provider, &contract, "ready", json!({})).await.expect(200);
    assert_eq!((ready["status"].as_str(), ready["ready_at"].is_string()), (Some("ready"), true));
    act(&market, provider, &contract, "ready", json!({})).await.refused(409, "illegal_transition");
    act(&market, provider, &contract, "deliver", access(OTHER_KEY)).await.refused(409, "wrong_recipient");
    let blank = with(access(KEY), json!({"host": " "}));
    act(&market, provider, &contract, "deliver", blank).await.refused(422, "invalid_text");
    act(&market, provider, &contract, "deliver", access(KEY)).await.expect(200);

    for who in [provider, renter] {
        assert_eq!(delivery(&market, who, &contract).await["access"], access(KEY));
    }
    for who in [&market.admin, &market.auditor] {
        assert!(delivery(&market, who, &contract).await.get("access").is_none(), "only for whom it is");
    }
    let objected =
        act(&market, renter, &contract, "object", json!({"reason": "the host key differs"})).await.expect(200);
    assert_eq!((objected["status"].as_str(), objected.get("access")), (Some("ready"), None));
    act(&market, provider, &contract, "deliver", access(KEY)).await.expect(200);
    let accepted = act(&market, renter, &contract, "accept", json!({})).await.expect(200);
    assert_eq!(accepted["status"], "delivered", "until the window begins");
    to(&market, 1);
    market.world.post(provider, "/v1/meter", report(&market, &contract, 0, 1, 8)).await.refused(422, "slot_in_future");
    assert_eq!(delivery(&market, renter, &contract).await["status"], "active");
}

#[actix_web::test]
async fn heartbeats_are_taken_or_refused_one_by_one() {
    let (market, contract) = sold().await;
    let (provider, renter) = (&market.provider, &market.renter);
    to(&market, 1);
    market.world.post(provider, "/v1/meter", report(&market, &contract, 0, 1, 8)).await.refused(409, "not_delivered");
    market.world.post(renter, "/v1/access-key", json!({"public_key": KEY})).await.expect(200);
    act(&market, provider, &contract, "deliver", access(KEY)).await.expect(200);
    to(&market, 31);
    let odd = json!([{"slot": market.world.first_day().plus(7).to_rfc3339(), "gpus_up": 8}]);
    let odd = json!({"reports": [{"contract_id": contract, "runs": odd}]});
    let refused = market.world.post(provider, "/v1/meter", odd).await;
    refused.refused(422, "invalid_field");
    assert_eq!(refused.body["errors"][0]["field"], "reports[0].runs[0].slot");
    market.world.post(provider, "/v1/meter", json!({"reports": []})).await.refused(422, "invalid_field");
    market.world.post(provider, "/v1/meter", report(&market, &contract, 5, 5, 9)).await.refused(422, "invalid_gpus");
    market.world.post(&market.other, "/v1/meter", report(&market, &contract, 5, 5, 8)).await.refused(404, "not_found");

    let mut two = report(&market, &contract, 5, 5, 8);
    let foreign = json!({"contract_id": market.listing, "runs": [{"slot": market.world.at(0), "gpus_up": 1}]});
    two["reports"].as_array_mut().unwrap().push(foreign.clone());
    let results = market.world.post(provider, "/v1/meter", two).await.expect(200)["results"].clone();
    assert_eq!(results[0], json!({"contract_id": contract, "taken": true}));
    assert_eq!(results[1], json!({"contract_id": market.listing, "taken": false, "code": "not_found"}));
    market.world.post(provider, "/v1/meter", json!({"reports": [foreign]})).await.refused(404, "not_found");
    let now = delivery(&market, renter, &contract).await;
    assert_eq!(now["accepted_from"], market.world.first_day().plus(5).to_rfc3339(), "by 15 minutes of heartbeats");
    assert_eq!(now["provider_reports"][0]["gpus"], 8);
}

#[actix_web::test]
async fn what_both_sides_say_differently_is_decided_and_paid() {
    let (market, contract) = accepted().await;
    let (provider, renter) = (&market.provider, &market.renter);
    to(&market, 61);
    market.world.post(provider, "/v1/meter", report(&market, &contract, 0, 12, 8)).await.expect(200);
    market.world.post(renter, "/v1/meter", report(&market, &contract, 0, 6, 4)).await.expect(200);
    assert_eq!(delivery(&market, renter, &contract).await["status"], "disputed");
    let window = |from: u32, until: u32| {
        let at = |minute: u32| market.world.first_day().plus(minute).to_rfc3339();
        json!({"start": at(from), "end": at(until)})
    };
    let evidence = with(window(0, 30), json!({"evidence": "switch counters"}));
    act(&market, provider, &contract, "evidence", evidence.clone()).await.refused(409, "not_disputed");

    // A day later the slots of the first half hour are in dispute and the others closed.
    to(&market, DAY + 61);
    market.world.post(provider, "/v1/meter", report(&market, &contract, 0, 1, 8)).await.refused(409, "slot_closed");
    act(&market, renter, &contract, "evidence", evidence.clone()).await.refused(404, "not_found");
    let shown = act(&market, provider, &contract, "evidence", evidence).await.expect(200);
    assert_eq!(shown["disputes"].as_array().unwrap().len(), 1);
    assert_eq!(shown["disputes"][0]["evidence"], "switch counters");
    let path = format!("/v1/admin/contracts/{contract}/decision");
    let decide = |gpus_up: u32| with(window(0, 30), json!({"gpus_up": gpus_up, "reason": "traffic for six"}));
    market.world.post(&market.admin, &path, decide(9)).await.refused(422, "invalid_gpus");
    market.world.post(&market.admin, &path, decide(6)).await.expect(200);
    market.world.post(&market.admin, &path, decide(6)).await.refused(409, "not_disputed");

    settle(&market).await;
    let done = delivery(&market, renter, &contract).await;
    // Half an hour of 6 and half an hour of 8 GPUs at $2; the slot that closed with the clock at 61 minutes is the first
    // of the second hour, of which nobody reported anything.
    assert_eq!(done["delivered_gpu_minutes"], 30 * 6 + 30 * 8);
    assert_eq!((done["money"]["paid"].as_str(), done["money"]["fee"].as_str()), (Some("14.00"), Some("0.14")));
    let undelivered = done["undelivered_gpu_minutes"].as_u64().unwrap();
    assert!(undelivered >= 30 * 2, "{done}");
    to(&market, 2 * DAY + 10);
    settle(&market).await;
    let done = delivery(&market, renter, &contract).await;
    assert_eq!(
        done["delivered_gpu_minutes"].as_u64().unwrap() + done["undelivered_gpu_minutes"].as_u64().unwrap(),
        8 * 1_440
    );
    assert_eq!((done["status"].as_str(), done["money"]["escrow"].as_str()), (Some("settled"), Some("0.00")));
    assert_eq!(done["money"]["refunded"], "370.00", "384 less what was due");
}

#[actix_web::test]
async fn without_a_key_nothing_is_handed_over() {
    let (market, contract) = sold().await;
    act(&market, &market.provider, &contract, "ready", json!({})).await.expect(200);
    act(&market, &market.provider, &contract, "deliver", access(KEY)).await.refused(409, "no_access_key");
}

#[actix_web::test]
async fn resold_gpus_go_from_the_site_to_the_last_holder() {
    let (market, first) = {
        let market = under_terms().await;
        let contract = market.sell_to(&market.reseller, 8).await["contract_id"].as_str().unwrap().to_owned();
        (market, contract)
    };
    let ask = json!({"side": "ask", "contract_id": first, "gpus": 6, "price": "1.5"});
    market.place(&market.reseller, ask).await;
    let bid = market.place(&market.renter, market.bid(6, "1.5", 0..24)).await;
    let second = bid["fills"][0]["contract_id"].as_str().unwrap().to_owned();
    market.world.post(&market.renter, "/v1/access-key", json!({"public_key": KEY})).await.expect(200);
    market.world.post(&market.reseller, "/v1/access-key", json!({"public_key": OTHER_KEY})).await.expect(200);

    let listed = market.world.get(&market.provider, "/v1/deliveries").await.expect(200);
    let rows = listed["data"].as_array().unwrap();
    let row = |id: &str| rows.iter().find(|row| row["contract_id"] == *id).unwrap();
    assert_eq!((row(&first)["kept"][0]["gpus"].as_u64(), row(&second)["kept"][0]["gpus"].as_u64()), (Some(2), Some(6)));
    assert!(
        row(&first).get("money").is_some() && row(&second).get("money").is_none(),
        "its price is none of the host's business"
    );
    for hidden in ["reseller", "1.50", &market.renter.organization] {
        assert!(!row(&second).to_string().contains(hidden), "{hidden}");
    }
    act(&market, &market.reseller, &second, "ready", json!({})).await.refused(404, "not_found");
    act(&market, &market.provider, &second, "ready", json!({})).await.expect(200);
    act(&market, &market.provider, &second, "deliver", access(KEY)).await.expect(200);
    let (holder, reseller) =
        (delivery(&market, &market.renter, &second).await, delivery(&market, &market.reseller, &second).await);
    assert_eq!(holder["access"], access(KEY));
    assert!(reseller.get("access").is_none() && reseller.get("money").is_some(), "{reseller}");
    market.world.get(&market.other, &format!("/v1/contracts/{second}/delivery")).await.refused(404, "not_found");
}

#[actix_web::test]
async fn a_seller_that_will_not_deliver_says_so_once() {
    let (market, contract) = sold().await;
    let reason = json!({"reason": "the transformer burned"});
    act(&market, &market.renter, &contract, "default", reason.clone()).await.refused(404, "not_found");
    let ended = act(&market, &market.provider, &contract, "default", reason.clone()).await.expect(200);
    assert_eq!(ended["status"], "defaulted");
    act(&market, &market.provider, &contract, "default", reason).await.refused(409, "contract_not_live");
    let balances = market.world.get(&market.renter, "/v1/balances").await.expect(200);
    assert_eq!(balances["escrow"], "0.00");
}

#[actix_web::test]
async fn what_a_seller_defaults_on_is_bid_for_again_where_the_bid_said_so() {
    let market = under_terms().await;
    market.place(&market.provider, market.ask(16, "2")).await;
    let bid = with(market.bid(8, "2", 0..24), json!({"cover_price": "3.5"}));
    let placed = market.place(&market.renter, bid).await;
    assert_eq!(placed["status"], "filled");
    let contract = placed["fills"][0]["contract_id"].as_str().unwrap().to_owned();
    // The wish outlives the process.
    let market = Market { world: market.world.restarted(), ..market };
    let reason = json!({"reason": "the transformer burned"});
    act(&market, &market.provider, &contract, "default", reason).await.expect(200);
    let orders = market.world.get(&market.renter, "/v1/orders").await.expect(200);
    let cover = &orders["data"][0];
    assert_ne!(cover["id"], placed["id"]);
    let said = ["side", "gpus", "lot", "price", "cover_price", "time_in_force", "status", "reason", "filled_gpus"];
    let said = said.map(|field| cover[field].to_string()).join(" ");
    // The defaulter's eight other GPUs are cheaper, and are not bought.
    assert_eq!(said, r#""bid" 8 1 "3.50" "3.50" "ioc" "cancelled" "ioc_remainder" 0"#);
    let balances = market.world.get(&market.renter, "/v1/balances").await.expect(200);
    assert_eq!((&balances["escrow"], &balances["held"]), (&json!("0.00"), &json!("0.00")));
}

#[actix_web::test]
async fn notice_is_given_once_and_in_time() {
    let (market, contract) = sold().await;
    let reason = json!({"reason": "we move"});
    act(&market, &market.other, &contract, "terminate", reason.clone()).await.refused(404, "not_found");
    let given = act(&market, &market.renter, &contract, "terminate", reason.clone()).await.expect(200);
    assert_eq!(given["notice"]["by"], "buyer");
    let end = market.world.clock.now().first_open_minute().plus(840);
    assert!(end > market.world.first_day());
    assert_eq!(given["notice"]["ends_at"], end.to_rfc3339());
    act(&market, &market.provider, &contract, "terminate", reason.clone()).await.refused(409, "notice_given");
    market.place(&market.provider, market.ask(8, "2")).await;
    let short = market.place(&market.renter, market.bid(8, "2", 0..1)).await["fills"][0]["contract_id"].clone();
    let short = short.as_str().unwrap();
    act(&market, &market.renter, short, "terminate", reason.clone()).await.refused(409, "notice_too_late");

    market.world.post(&market.admin, "/v1/admin/terms", with(terms(), json!({"notice_minutes": 0}))).await.expect(200);
    let fixed = market.sell_to(&market.other, 8).await["contract_id"].as_str().unwrap().to_owned();
    act(&market, &market.other, &fixed, "terminate", reason).await.refused(409, "notice_not_allowed");
}

#[actix_web::test]
async fn a_recall_takes_two_admins() {
    let market = Market::open().await;
    let world = &market.world;
    world
        .api
        .app
        .accounts()
        .create_admin("second@example.com", super::world::PASSWORD.to_owned(), "test")
        .await
        .unwrap();
    let second = Who { token: world.login("second@example.com").await, organization: String::new() };
    world.post(&market.admin, "/v1/admin/terms", terms()).await.expect(200);
    let contract = market.sell_to(&market.renter, 8).await["contract_id"].as_str().unwrap().to_owned();
    let path = format!("/v1/admin/contracts/{contract}/recall");
    let confirmation = format!("{path}/confirmation");
    world.post(&second, &confirmation, json!({})).await.refused(409, "recall_not_proposed");
    let proposed = world.post(&market.admin, &path, json!({"reason": "a fat finger"})).await.expect(200);
    assert_eq!(proposed["recall_proposed"], "a fat finger");
    for party in [&market.provider, &market.renter] {
        assert_eq!(delivery(&market, party, &contract).await["recall_proposed"], "a fat finger", "both sides know");
    }
    world.post(&market.admin, &confirmation, json!({})).await.refused(409, "same_person");
    let recalled = world.post(&second, &confirmation, json!({})).await.expect(200);
    assert_eq!(recalled["status"], "recalled");
    assert_eq!(world.get(&market.renter, "/v1/balances").await.expect(200)["available"], "100000.00");
    world.post(&second, &confirmation, json!({})).await.refused(409, "contract_not_live");
}

#[actix_web::test]
async fn an_agent_needs_no_more_than_its_scope() {
    let market = Market::open().await;
    market.world.post(&market.admin, "/v1/admin/terms", terms()).await.expect(200);
    let agent = market.world.key(&market.provider, &["deliver"]).await;
    let trader = market.world.key(&market.provider, &["trade"]).await;
    let contract = market.sell_to(&market.renter, 8).await["contract_id"].as_str().unwrap().to_owned();
    market.world.post(&market.renter, "/v1/access-key", json!({"public_key": KEY})).await.expect(200);
    act(&market, &trader, &contract, "ready", json!({})).await.refused(403, "scope_required");
    act(&market, &agent, &contract, "ready", json!({})).await.expect(200);
    act(&market, &agent, &contract, "deliver", access(KEY)).await.expect(200);
    to(&market, 11);
    market.world.post(&agent, "/v1/meter", report(&market, &contract, 5, 1, 8)).await.expect(200);
    market.world.post(&trader, "/v1/meter", report(&market, &contract, 5, 1, 8)).await.refused(403, "scope_required");
    market.world.post(&agent, "/v1/orders", market.ask(8, "2")).await.refused(403, "scope_required");
    market.world.get(&agent, "/v1/deliveries").await.refused(403, "scope_required");
}

#[actix_web::test]
async fn a_settlement_cut_off_anywhere_is_gone_on_with_or_begun_again() {
    let (market, first) = accepted().await;
    let second = market.sell_to(&market.other, 4).await["contract_id"].as_str().unwrap().to_owned();
    market.world.post(&market.other, "/v1/access-key", json!({"public_key": OTHER_KEY})).await.expect(200);
    act(&market, &market.provider, &second, "ready", json!({})).await.expect(200);
    act(&market, &market.provider, &second, "deliver", access(OTHER_KEY)).await.expect(200);
    act(&market, &market.other, &second, "accept", json!({})).await.expect(200);
    to(&market, 61);
    for (contract, gpus) in [(&first, 8), (&second, 4)] {
        market.world.post(&market.provider, "/v1/meter", report(&market, contract, 0, 12, gpus)).await.expect(200);
    }
    to(&market, DAY + 65);
    let one = json!({"limit": 1});
    let settled = market.world.post(&market.admin, "/v1/admin/settlements", one.clone()).await.expect(200);
    assert_eq!(settled["next"], second.as_str(), "the youngest comes first");
    let restarted = Market { world: market.world.restarted(), ..market };
    let rest = json!({"after": second, "limit": 1});
    let settled = restarted.world.post(&restarted.admin, "/v1/admin/settlements", rest.clone()).await.expect(200);
    assert_eq!(settled["next"], first.as_str());
    let paid = async |contract: &str| {
        let shown = delivery(&restarted, &restarted.admin, contract).await;
        shown["money"]["paid"].as_str().unwrap().to_owned()
    };
    // An hour of 8 and one of 4 GPUs at $2.
    assert_eq!((paid(&first).await, paid(&second).await), ("16.00".to_owned(), "8.00".to_owned()));
    let balance = restarted.world.get(&restarted.provider, "/v1/balances").await.expect(200)["available"].clone();
    settle(&restarted).await;
    let again = restarted.world.get(&restarted.provider, "/v1/balances").await.expect(200)["available"].clone();
    assert_eq!(again, balance, "settling again pays nothing twice");
    let after = json!({"after": restarted.listing, "limit": 1});
    restarted.world.post(&restarted.admin, "/v1/admin/settlements", after).await.refused(404, "not_found");
    let none = json!({"limit": 0});
    restarted.world.post(&restarted.admin, "/v1/admin/settlements", none).await.refused(422, "invalid_combination");
}

#[actix_web::test]
async fn what_was_not_delivered_lowers_the_score_that_bids_are_matched_by() {
    let (market, _) = accepted().await;
    to(&market, 2 * DAY + 5);
    settle(&market).await;
    let path = format!("/v1/organizations/{}/reputation", market.provider.organization);
    let before = market.world.public(&path).await.expect(200);
    assert_eq!(before["published_score"], "0.9700");
    assert_ne!(before["score"], before["published_score"]);
    assert_eq!(market.world.api.app.publish_scores().await.unwrap(), 1);
    let after = market.world.public(&path).await.expect(200);
    assert_eq!(after["published_score"], after["score"]);
    assert_eq!(market.world.api.app.publish_scores().await.unwrap(), 0, "nothing has changed");
    market.place(&market.provider, market.ask(8, "2")).await;
    let bid = |score: &Value| {
        let asked = json!({"time_in_force": "ioc", "requirements": {"min_score": score}});
        with(market.bid(8, "2", 72..96), asked)
    };
    let least = market.place(&market.renter, bid(&json!("0.97"))).await;
    assert_eq!(
        (least["status"].as_str(), least["requirements"]["min_score"].as_str()),
        (Some("cancelled"), Some("0.9700"))
    );
    assert_eq!(market.place(&market.renter, bid(&after["score"])).await["status"], "filled");
}

#[actix_web::test]
async fn a_bid_may_ask_how_well_a_provider_is_known() {
    let market = Market::open().await;
    market.place(&market.provider, market.ask(8, "2")).await;
    let asked = |asked: Value| with(market.bid(4, "2", 0..24), json!({"requirements": asked}));
    let waiting = market.place(&market.renter, asked(json!({"min_tier": "verified"}))).await;
    assert_eq!((waiting["status"].as_str(), &waiting["requirements"]["min_tier"]), (Some("open"), &json!("verified")));
    assert_eq!(market.place(&market.renter, asked(json!({"min_score": "0.97"}))).await["status"], "filled");
    let tier = format!("/v1/admin/organizations/{}/tier", market.provider.organization);
    market.world.post(&market.admin, &tier, json!({"tier": "verified"})).await.expect(200);
    let path = format!("/v1/orders/{}", waiting["id"].as_str().unwrap());
    assert_eq!(market.world.get(&market.renter, &path).await.expect(200)["status"], "filled");
    for (wrong, field) in [
        (json!({"min_tier": "friend"}), "requirements.min_tier"),
        (json!({"min_score": "1.0001"}), "requirements.min_score"),
        (json!({"min_score": "-0.1"}), "requirements.min_score"),
        (json!({"min_score": "0.98765"}), "requirements.min_score"),
        (json!({"min_score": 0.9}), "requirements.min_score"),
    ] {
        let answer = market.world.post(&market.renter, "/v1/orders", asked(wrong)).await;
        answer.refused(422, "invalid_field");
        assert_eq!(answer.body["errors"][0]["field"], field);
    }
}
