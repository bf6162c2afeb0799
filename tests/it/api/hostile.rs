//! Bodies and queries nobody sane would send: never a 5xx, always a problem document, nothing half-applied.

use actix_web::http::Method;
use actix_web::middleware::from_fn;
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::{App as Actix, http::header::CONTENT_TYPE};
use gpubourse::api::{self, edge::edge};
use serde_json::{Map, Value, json};

use super::document::{document, operations};
use super::world::{Market, Who, with};

const SEED: u64 = 0x6770_7562_6f75_7273;
const TRIES: usize = 40;

/// SplitMix64: small, seeded, ours.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % sides as u64) as usize
    }

    fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.roll(of.len())]
    }
}

/// Values that break what takes them for granted.
fn odd_values(ids: &[String]) -> Vec<Value> {
    let mut values = vec![
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(1),
        json!(1.5),
        json!(1e308),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(u32::MAX),
        json!([]),
        json!({}),
        json!([null]),
        json!([[[[]]]]),
        json!(""),
        json!(" "),
        json!("\u{0}"),
        json!("a\u{0}b"),
        json!("\u{1b}[31m"),
        json!("\u{202e}gpu"),
        json!("\u{10ffff}"),
        json!("💥"),
        json!("-1"),
        json!("0"),
        json!("1e9"),
        json!("NaN"),
        json!("0x10"),
        json!("9223372036854.775807"),
        json!("9223372036854.775808"),
        json!("-9223372036854.775808"),
        json!("0.0000001"),
        json!("1.94"),
        json!("١"),
        json!("1970-01-01T00:00:00Z"),
        json!("9999-12-31T23:59:00Z"),
        json!("2027-02-30T00:00:00Z"),
        json!("2027-01-01T00:00:00+01:00"),
        json!("2027-01-01T00:00:60Z"),
        json!("x".repeat(5_000)),
        json!("'; DROP TABLE orders; --"),
        json!("../../etc/passwd"),
        json!("h100-sxm-80gb"),
        json!("ask"),
        json!("bid"),
        json!("00000000-0000-0000-0000-000000000000"),
        json!("ffffffff-ffff-ffff-ffff-ffffffffffff"),
    ];
    values.extend(ids.iter().map(|id| json!(id)));
    values
}

/// Changes something somewhere in a value.
fn mutate(dice: &mut Dice, value: &mut Value, odd: &[Value]) {
    if dice.roll(4) == 0 {
        *value = dice.pick(odd).clone();
        return;
    }
    match value {
        Value::Object(fields) if !fields.is_empty() => mutate_field(dice, fields, odd),
        Value::Array(items) if !items.is_empty() => {
            let at = dice.roll(items.len());
            match dice.roll(3) {
                0 => items.push(items[at].clone()),
                1 => drop(items.remove(at)),
                _ => mutate(dice, &mut items[at], odd),
            }
        }
        other => *other = dice.pick(odd).clone(),
    }
}

fn mutate_field(dice: &mut Dice, fields: &mut Map<String, Value>, odd: &[Value]) {
    let names: Vec<String> = fields.keys().cloned().collect();
    let name = dice.pick(&names).clone();
    match dice.roll(8) {
        0 => drop(fields.remove(&name)),
        1 => drop(fields.insert(dice.pick(&["", "\u{0}", "gpu", "side", "__proto__", "$ref"]).to_string(), json!(1))),
        _ => mutate(dice, fields.get_mut(&name).unwrap(), odd),
    }
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// A query of the operation's own parameters, and sometimes another, with odd values.
fn query(dice: &mut Dice, operation: &Value, odd: &[Value]) -> String {
    let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
    let mut names: Vec<&str> =
        parameters.iter().filter(|it| it["in"] == "query").map(|it| it["name"].as_str().unwrap()).collect();
    names.push("unknown");
    let mut pairs = Vec::new();
    for name in &names {
        // Waiting for a sequence that will not come is not odd, it is slow, and tested elsewhere.
        if *name != "min_sequence" && dice.roll(3) == 0 {
            let value = match dice.pick(odd) {
                Value::String(text) => encoded(text),
                other => encoded(&other.to_string()),
            };
            pairs.push(format!("{name}={value}"));
        }
    }
    if dice.roll(12) == 0 {
        pairs.push((*dice.pick(&["%", "%zz", "&&=", "limit=1&limit=2", "%ff%fe"])).to_owned());
    }
    pairs.join("&")
}

/// A body: the example with changes, or no JSON at all.
fn body(dice: &mut Dice, example: &Value, odd: &[Value]) -> Vec<u8> {
    let mut value = example.clone();
    for _ in 0..=dice.roll(3) {
        mutate(dice, &mut value, odd);
    }
    let mut bytes = value.to_string().into_bytes();
    match dice.roll(16) {
        0 => bytes.truncate(dice.roll(bytes.len() + 1)),
        1 => bytes.push(0xff),
        2 => bytes = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000)).into_bytes(),
        _ => {}
    }
    bytes
}

/// Says what is wrong with an answer, if anything is.
fn fault(status: u16, content_type: &str, text: &str) -> Option<&'static str> {
    if status >= 500 {
        return Some("a server error");
    }
    if status < 400 {
        return None;
    }
    let problem: Value = serde_json::from_str(text).unwrap_or_default();
    let whole = ["type", "title", "detail", "code", "request_id"].iter().all(|field| problem[*field].is_string());
    (content_type != "application/problem+json" || !whole || problem["status"] != status)
        .then_some("no problem document")
}

#[actix_web::test]
async fn no_body_and_no_query_breaks_an_operation() {
    let market = Market::open().await;
    let document = document(&market.world).await;
    let contract = market.sell_to(&market.reseller, 8).await["contract_id"].as_str().unwrap().to_owned();
    let order = market.place(&market.renter, market.bid(1, "1", 0..1)).await["id"].as_str().unwrap().to_owned();
    let users = [market.provider.organization.clone(), market.renter.organization.clone()];
    let ids: Vec<String> =
        users.into_iter().chain([market.site.clone(), market.listing.clone(), contract, order]).collect();
    let odd = odd_values(&ids);
    let callers: Vec<&Who> = vec![&market.provider, &market.renter, &market.reseller, &market.admin, &market.auditor];
    let service = init_service(Actix::new().wrap(from_fn(edge)).configure(api::configure(&market.world.api))).await;
    let mut dice = Dice(SEED);
    let (mut refused, mut done) = (0, 0);
    for (method, path, operation) in operations(&document) {
        let example = operation.pointer("/requestBody/content/application~1json/example").cloned();
        // Each costs a password hash; what is odd about them is refused before it.
        let tries = if path.starts_with("/v1/auth/") { TRIES / 4 } else { TRIES };
        for number in 0..tries {
            let path = path.replace("{id}", dice.pick::<String>(&ids)).replace("{symbol}", "h100-sxm-80gb");
            let uri = format!("{}?{}", path, query(&mut dice, &operation, &odd));
            let mut request = TestRequest::with_uri(&uri)
                .method(Method::from_bytes(method.as_bytes()).unwrap())
                .insert_header(("authorization", format!("Bearer {}", dice.pick(&callers).token)))
                .insert_header(("idempotency-key", format!("k{}", dice.roll(50))));
            let mut sent = String::new();
            if let Some(example) = &example {
                let bytes = body(&mut dice, example, &odd);
                sent = String::from_utf8_lossy(&bytes).chars().take(2_000).collect();
                request = request.insert_header((CONTENT_TYPE, "application/json")).set_payload(bytes);
            }
            let response = call_service(&service, request.to_request()).await;
            let status = response.status().as_u16();
            let content_type = response.headers().get("content-type").map(|value| value.to_str().unwrap().to_owned());
            let text = String::from_utf8_lossy(&read_body(response).await).into_owned();
            let fault = fault(status, content_type.as_deref().unwrap_or_default(), &text);
            assert_eq!(fault, None, "seed {SEED:#x}, try {number}: {method} {uri}\n{sent}\n{status} {text}");
            *(if status < 400 { &mut done } else { &mut refused }) += 1;
        }
    }
    assert!(refused > 500 && done > 100, "{refused} refused, {done} done: the dice are loaded");
    market.world.get(&market.renter, "/v1/balances").await.expect(200);
    assert!(market.world.api.app.sequencer().waiting() == 0 && !market.world.api.app.sequencer().is_closed());
}

#[actix_web::test]
async fn no_text_with_control_characters_reaches_the_writer() {
    let market = Market::open().await;
    let world = &market.world;
    let head = async || world.public("/v1/audit/head").await.expect(200)["sequence"].clone();
    let before = head().await;
    let long = "x".repeat(201);
    for text in ["nul\u{0}", "\u{1b}[2J", "line\nbreak", "\u{7f}", "\u{85}", " ", long.as_str()] {
        let site = json!({"name": text, "region": "us", "country": "US"});
        world.post(&market.provider, "/v1/sites", site).await.refused(422, "invalid_text");
        let product = json!({"symbol": "a100", "name": text});
        world.post(&market.admin, "/v1/admin/products", product).await.refused(422, "invalid_text");
        let key = json!({"name": text, "scopes": ["read"]});
        world.post(&market.renter, "/v1/api-keys", key).await.refused(422, "invalid_name");
        let payment = json!({"organization_id": market.renter.organization, "amount": "1", "reference": text});
        world.keyed(&market.admin, "/v1/admin/deposits", "k", payment.clone()).await.refused(422, "invalid_text");
        world.keyed(&market.admin, "/v1/admin/withdrawals", "k", payment).await.refused(422, "invalid_text");
        let bid = |changes: Value| with(market.bid(1, "1", 0..1), changes);
        for (changes, code) in [
            (json!({"product": text}), "unknown_product"),
            (json!({"client_order_id": text}), "invalid_field"),
            (json!({"requirements": {"regions": [text]}}), "unknown_requirement"),
            (json!({"requirements": {"countries": [text]}}), "unknown_requirement"),
            (json!({"requirements": {"regions": vec!["us"; 65]}}), "unknown_requirement"),
        ] {
            world.post(&market.renter, "/v1/orders", bid(changes)).await.refused(422, code);
        }
        let organization = |changes: Value| {
            with(
                json!({"email": "new@example.com", "password": "correct horse battery",
                "organization": {"name": text, "kind": "renter"}}),
                changes,
            )
        };
        world.send(None, "POST", "/v1/auth/register", Some(organization(json!({})))).await.refused(422, "invalid_text");
        let named = json!({"organization": {"name": "n", "kind": "renter"}, "email": format!("a{text}@example.com")});
        world.send(None, "POST", "/v1/auth/register", Some(organization(named))).await.refused(422, "invalid_email");
    }
    for path in ["/v1/quotes?source=%00", "/v1/quotes?region=a%00", "/v1/orders?product=%00", "/v1/orders?cursor=%00"] {
        world.get(&market.renter, path).await.refused(422, "invalid_field");
    }
    world.get(&market.renter, "/v1/products/%00").await.refused(404, "not_found");
    assert_eq!(head().await, before, "a refusal of form is not journalled");
}

#[actix_web::test]
async fn other_peoples_ids_open_nothing_wherever_they_stand() {
    let market = Market::open().await;
    let world = &market.world;
    let rival = world.member("rival", "provider").await;
    let contract = market.sell_to(&market.renter, 8).await["contract_id"].as_str().unwrap().to_owned();
    let listing = json!({
        "site_id": market.site, "product": "h100-sxm-80gb", "gpus": 8, "start": world.at(0), "end": world.at(60),
        "gpus_per_node": 8, "interconnect": "roce", "resale_allowed": true,
    });
    world.post(&rival, "/v1/listings", listing).await.refused(404, "not_found");
    let ask = |source: Value| with(json!({"side": "ask", "gpus": 8, "price": "2"}), source);
    for (source, code) in [
        (json!({"listing_id": market.listing}), "not_found"),
        (json!({"contract_id": contract}), "not_found"),
        (json!({"listing_id": contract}), "not_found"),
        (json!({"contract_id": market.listing}), "not_found"),
        (json!({"listing_id": rival.organization}), "not_found"),
    ] {
        for path in ["/v1/orders", "/v1/orders/preview"] {
            world.post(&rival, path, ask(source.clone())).await.refused(404, code);
        }
        let batch = world.post(&rival, "/v1/orders/batch", json!({"orders": [ask(source)]})).await.expect(200);
        assert_eq!(batch["results"][0]["problem"]["code"], code);
    }
    world
        .patch(&rival, &format!("/v1/listings/{}", market.listing), json!({"gpus": 1}))
        .await
        .refused(404, "not_found");
    let suspension = format!("/v1/admin/organizations/{}/suspension", market.listing);
    world.post(&market.admin, &suspension, json!({"suspended": true})).await.refused(404, "not_found");
}
