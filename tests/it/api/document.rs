//! The OpenAPI document is complete and true.

use std::collections::BTreeSet;

use serde_json::Value;

use super::world::{Market, World};

pub async fn document(world: &World) -> Value {
    world.public("/openapi.json").await.expect(200)
}

/// Every operation: method, path template, the operation.
pub fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            found.push((method.to_uppercase(), path.clone(), operation.clone()));
        }
    }
    found
}

fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value.as_str().filter(|_| name == "$ref") {
                    Some(reference) => drop(found.insert(reference.to_owned())),
                    None => references(value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[actix_web::test]
async fn every_reference_resolves() {
    let document = document(&World::new()).await;
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    assert!(found.len() > 30);
    for reference in found {
        let pointer = reference.trim_start_matches('#');
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
}

#[actix_web::test]
async fn every_operation_is_described() {
    let document = document(&World::new()).await;
    let operations = operations(&document);
    assert!(operations.len() >= 50, "{}", operations.len());
    let mut ids = BTreeSet::new();
    let tags: Vec<&Value> = document["tags"].as_array().unwrap().iter().map(|tag| &tag["name"]).collect();
    for (method, path, operation) in operations {
        assert!(tags.contains(&&operation["tags"][0]), "{path} is in no area");
        let name = format!("{method} {path}");
        assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()), "{name} shares its id");
        assert!(operation["summary"].as_str().is_some_and(|text| text.ends_with('.')), "{name} says nothing");
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.keys().any(|status| status.starts_with('2') || status == "308"), "{name} never succeeds");
        for part in path.split('/').filter_map(|part| part.strip_prefix('{')) {
            let part = part.trim_end_matches('}');
            let parameters = operation["parameters"].as_array().unwrap();
            assert!(parameters.iter().any(|parameter| parameter["name"] == part), "{name}: {part}");
        }
        let writes = method != "GET" && !path.ends_with("/echo");
        assert!(!writes || responses.contains_key("503"), "{name} can be unavailable");
        if let Some(body) = operation.get("requestBody") {
            let content = &body["content"]["application/json"];
            assert!(content["example"].is_object(), "{name} has no example");
            for status in ["400", "413", "415", "422"] {
                assert!(responses.contains_key(status), "{name}: {status}");
            }
        }
        for (status, response) in responses.iter().filter(|(status, _)| status.as_str() >= "400") {
            assert!(response["content"]["application/problem+json"].is_object(), "{name}: {status}");
        }
    }
}

#[actix_web::test]
async fn every_example_has_the_form_its_route_takes() {
    let market = Market::open().await;
    let document = document(&market.world).await;
    for (method, path, operation) in operations(&document) {
        let Some(body) = operation.get("requestBody") else { continue };
        let example = body["content"]["application/json"]["example"].clone();
        let path = path.replace("{id}", &market.listing);
        for who in [&market.provider, &market.admin] {
            let answer = market.world.send(Some(who), &method, &path, Some(example.clone())).await;
            assert!(![400, 413, 415].contains(&answer.status), "{method} {path}: {}", answer.text);
            assert_ne!(answer.code(), "invalid_field", "{method} {path}: {}", answer.text);
        }
    }
}

#[actix_web::test]
async fn every_field_of_an_order_is_documented() {
    let market = Market::open().await;
    let document = document(&market.world).await;
    let known = document["components"]["schemas"]["Order"]["properties"].as_object().unwrap();
    let ask = market.place(&market.provider, market.ask(8, "2")).await;
    let bid = market.place(&market.renter, market.bid(8, "2", 0..24)).await;
    for (field, _) in ask.as_object().unwrap().iter().chain(bid.as_object().unwrap()) {
        assert!(known.contains_key(field), "{field} is not documented");
    }
}
