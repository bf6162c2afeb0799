//! Registration, sessions and API keys over HTTP.

use serde_json::json;

use super::world::{Who, World};

#[actix_web::test]
async fn a_new_member_logs_in_and_says_who_it_is() {
    let world = World::new();
    let member = world.member("prairie", "provider").await;
    let me = world.get(&member, "/v1/me").await.expect(200);
    assert_eq!((me["email"].as_str(), me["role"].as_str()), (Some("prairie@example.com"), Some("provider")));
    assert_eq!(me["organization"]["id"].as_str(), Some(member.organization.as_str()));
    assert_eq!(me["scopes"], json!(["read", "trade", "list", "deliver"]));
    let again = json!({
        "organization": {"name": "x", "kind": "renter"}, "email": "PRAIRIE@example.com",
        "password": "correct horse battery staple",
    });
    world.send(None, "POST", "/v1/auth/register", Some(again)).await.refused(409, "email_taken");
    let short = json!({"organization": {"name": "x", "kind": "renter"}, "email": "y@example.com", "password": "short"});
    world.send(None, "POST", "/v1/auth/register", Some(short)).await.refused(422, "invalid_password");
    let nowhere = json!({"organization": {"name": "x", "kind": "renter"}, "email": "nowhere", "password": "correct horse battery"});
    let refused = world.send(None, "POST", "/v1/auth/register", Some(nowhere)).await;
    refused.refused(422, "invalid_email");
    assert_eq!(refused.body["errors"][0]["field"], "email");
}

#[actix_web::test]
async fn refresh_tokens_rotate_and_a_reuse_ends_the_session() {
    let world = World::new();
    world.member("renter", "renter").await;
    let login = json!({"email": "renter@example.com", "password": "correct horse battery staple"});
    let first = world.send(None, "POST", "/v1/auth/login", Some(login)).await.expect(200);
    assert_eq!((first["token_type"].as_str(), first["expires_in"].as_i64()), (Some("Bearer"), Some(900)));
    let token = |tokens: &serde_json::Value| json!({"refresh_token": tokens["refresh_token"]});
    let second = world.send(None, "POST", "/v1/auth/refresh", Some(token(&first))).await.expect(200);
    let reused = world.send(None, "POST", "/v1/auth/refresh", Some(token(&first))).await;
    reused.refused(401, "invalid_refresh_token");
    assert!(reused.header("www-authenticate").is_some());
    let ended = world.send(None, "POST", "/v1/auth/refresh", Some(token(&second))).await;
    ended.refused(401, "invalid_refresh_token");
    let out = world.send(None, "POST", "/v1/auth/logout", Some(token(&second))).await;
    assert_eq!((out.status, out.text.as_str()), (204, ""));
    let wrong = json!({"email": "renter@example.com", "password": "wrong horse battery staple"});
    world.send(None, "POST", "/v1/auth/login", Some(wrong)).await.refused(401, "invalid_credentials");
}

#[actix_web::test]
async fn keys_do_what_their_scopes_say_until_they_are_revoked_or_expire() {
    let world = World::new();
    let member = world.member("renter", "renter").await;
    let reader = world.key(&member, &["read"]).await;
    assert!(reader.token.starts_with("gpb_"));
    let me = world.get(&reader, "/v1/me").await.expect(200);
    assert_eq!(me["scopes"], json!(["read"]));
    world.delete(&reader, "/v1/orders").await.refused(403, "scope_required");
    world.post(&reader, "/v1/api-keys", json!({"name": "x", "scopes": ["read"]})).await.refused(403, "scope_required");
    world.post(&member, "/v1/api-keys", json!({"name": "x", "scopes": ["list"]})).await.refused(422, "invalid_scopes");
    world.post(&member, "/v1/api-keys", json!({"name": "", "scopes": ["read"]})).await.refused(422, "invalid_name");
    let wrong = world.post(&member, "/v1/api-keys", json!({"name": "x", "scopes": ["all"]})).await;
    wrong.refused(422, "invalid_field");
    assert_eq!(wrong.body["errors"][0]["field"], "scopes[0]");

    let keys = world.get(&member, "/v1/api-keys").await.expect(200);
    assert_eq!(keys["data"].as_array().unwrap().len(), 1);
    assert!(!keys.to_string().contains(&reader.token), "a key is shown once");
    let id = keys["data"][0]["id"].as_str().unwrap();
    let stranger = world.member("stranger", "renter").await;
    world.delete(&stranger, &format!("/v1/api-keys/{id}")).await.refused(404, "not_found");
    assert_eq!(world.delete(&member, &format!("/v1/api-keys/{id}")).await.status, 204);
    world.get(&reader, "/v1/me").await.refused(401, "invalid_token");

    let soon = world.clock_in(60_000);
    let body = json!({"name": "brief", "scopes": ["read"], "expires_at": soon});
    let brief = world.post(&member, "/v1/api-keys", body).await.expect(201);
    let brief = Who { token: brief["key"].as_str().unwrap().to_owned(), organization: String::new() };
    world.get(&brief, "/v1/me").await.expect(200);
    world.clock.advance_ms(60_000);
    world.get(&brief, "/v1/me").await.refused(401, "expired_token");
}

#[actix_web::test]
async fn access_tokens_end() {
    let world = World::new();
    let member = world.member("renter", "renter").await;
    world.clock.advance_ms(16 * 60_000);
    let ended = world.get(&member, "/v1/me").await;
    ended.refused(401, "expired_token");
    assert!(ended.header("www-authenticate").is_some());
}

#[actix_web::test]
async fn pages_of_keys_follow_their_cursor() {
    let world = World::new();
    let member = world.member("renter", "renter").await;
    for _ in 0..3 {
        world.key(&member, &["read"]).await;
        world.clock.advance_ms(1);
    }
    let first = world.get(&member, "/v1/api-keys?limit=2").await.expect(200);
    let cursor = first["next_cursor"].as_str().unwrap();
    let last = world.get(&member, &format!("/v1/api-keys?limit=2&cursor={cursor}")).await.expect(200);
    assert_eq!((first["data"].as_array().unwrap().len(), last["data"].as_array().unwrap().len()), (2, 1));
    assert_eq!(last["next_cursor"], json!(null));
    world.get(&member, "/v1/api-keys?cursor=x").await.refused(422, "invalid_field");
}
