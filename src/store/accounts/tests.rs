use super::*;
use crate::auth::{Minted, SecretKind};
use crate::types::OrganizationKind;

const AT: Timestamp = Timestamp::from_millis(1_000);

fn renter(number: u128, email: &str) -> User {
    User {
        id: Uuid::from_u128(number),
        organization: Some(OrganizationId::new(4)),
        email: EmailAddress::parse(email).unwrap(),
        password_hash: "phc".to_owned(),
        role: Role::Member(OrganizationKind::Renter),
        created_at: AT,
        disabled: false,
    }
}

fn minted(kind: SecretKind, seed: u8) -> Minted {
    kind.mint([seed; 32])
}

fn token(seed: u8, family: u128, user: &User) -> RefreshToken {
    RefreshToken {
        hash: minted(SecretKind::Refresh, seed).hash,
        family: Uuid::from_u128(family),
        user: user.id,
        created_at: AT,
        expires_at: Timestamp::from_millis(5_000),
        used_at: None,
        revoked_at: None,
    }
}

fn key(seed: u8, user: &User, expires_at: Option<i64>) -> ApiKey {
    ApiKey {
        id: Uuid::from_u128(u128::from(seed)),
        hash: minted(SecretKind::ApiKey, seed).hash,
        user: user.id,
        organization: user.organization,
        name: "bot".to_owned(),
        scopes: vec![Scope::Read, Scope::Trade],
        last_four: "abcd".to_owned(),
        created_at: AT,
        expires_at: expires_at.map(Timestamp::from_millis),
        revoked_at: None,
    }
}

#[test]
fn a_user_is_found_by_id_and_by_address_in_any_case() {
    fixture::on_each(|db| {
        let user = renter(1, "Ops@Example.com");
        insert_user(db, &user).unwrap();
        assert!(super::user(db, user.id).unwrap() == Some(user.clone()));
        assert!(user_by_email(db, "ops@example.com").unwrap() == Some(user));
        assert!(user_by_email(db, "Ops@Example.com").unwrap().is_none(), "the folded form is asked for");
        assert!(super::user(db, Uuid::from_u128(2)).unwrap().is_none());
    });
}

#[test]
fn the_tables_refuse_two_users_of_one_address_and_staff_with_an_organization() {
    fixture::on_each(|db| {
        insert_user(db, &renter(1, "a@b.co")).unwrap();
        assert!(insert_user(db, &renter(2, "A@B.co")).is_err());
        assert!(insert_user(db, &User { role: Role::Admin, ..renter(3, "c@b.co") }).is_err());
        assert!(insert_user(db, &User { organization: None, ..renter(4, "d@b.co") }).is_err());
        let admin = User { role: Role::Admin, organization: None, ..renter(5, "e@b.co") };
        insert_user(db, &admin).unwrap();
    });
}

#[test]
fn a_value_the_program_did_not_write_is_named() {
    fixture::on_each(|db| {
        insert_user(db, &renter(1, "a@b.co")).unwrap();
        fixture::statement(db, "UPDATE users SET email = 'other@b.co'");
        let error = user_by_email(db, "a@b.co").err().unwrap();
        assert!(matches!(error, StoreError::Corrupt { table: "users", .. }), "{error}");
        assert!(fixture::try_statement(db, "UPDATE users SET role = 'emperor'").is_err());
    });
}

#[test]
fn revoking_a_family_leaves_others() {
    fixture::on_each(|db| {
        let user = renter(1, "a@b.co");
        insert_user(db, &user).unwrap();
        let tokens = [token(1, 7, &user), token(2, 7, &user), token(3, 8, &user)];
        for token in &tokens {
            insert_refresh_token(db, token).unwrap();
        }
        use_refresh_token(db, tokens[0].hash, Timestamp::from_millis(2_000)).unwrap();
        revoke_family(db, Uuid::from_u128(7), Timestamp::from_millis(3_000)).unwrap();
        let states: Vec<_> = tokens
            .iter()
            .map(|token| refresh_token(db, token.hash).unwrap().unwrap())
            .map(|token| (token.used_at.map(Timestamp::millis), token.revoked_at.map(Timestamp::millis)))
            .collect();
        assert_eq!(states, [(Some(2_000), Some(3_000)), (None, Some(3_000)), (None, None)]);
        revoke_refresh_tokens(db, user.id, Timestamp::from_millis(4_000)).unwrap();
        assert_eq!(refresh_token(db, tokens[1].hash).unwrap().unwrap().revoked_at, Some(Timestamp::from_millis(3_000)));
        assert_eq!(refresh_token(db, tokens[2].hash).unwrap().unwrap().revoked_at, Some(Timestamp::from_millis(4_000)));
    });
}

#[test]
fn expired_tokens_are_forgotten_and_no_others() {
    fixture::on_each(|db| {
        let (user, other) = (renter(1, "a@b.co"), renter(2, "c@b.co"));
        for user in [&user, &other] {
            insert_user(db, user).unwrap();
        }
        let late = RefreshToken { expires_at: Timestamp::from_millis(5_001), ..token(2, 8, &user) };
        let tokens = [token(1, 7, &user), late, token(3, 9, &other)];
        for token in &tokens {
            insert_refresh_token(db, token).unwrap();
        }
        forget_expired_tokens(db, user.id, Timestamp::from_millis(5_000)).unwrap();
        let left: Vec<bool> = tokens.iter().map(|t| refresh_token(db, t.hash).unwrap().is_some()).collect();
        assert_eq!(left, [false, true, true]);
    });
}

#[test]
fn keys_come_newest_first_in_pages() {
    fixture::on_each(|db| {
        let (user, other) = (renter(1, "a@b.co"), renter(2, "c@b.co"));
        for user in [&user, &other] {
            insert_user(db, user).unwrap();
        }
        for key in [key(1, &user, None), key(2, &other, None), key(3, &user, Some(9)), key(4, &user, None)] {
            insert_api_key(db, &key).unwrap();
        }
        let page = api_keys_of(db, user.id, None, 2).unwrap();
        assert_eq!(page, [key(4, &user, None), key(3, &user, Some(9))]);
        let rest = api_keys_of(db, user.id, Some(page[1].id), 2).unwrap();
        assert_eq!(rest, [key(1, &user, None)]);
        assert_eq!(api_key(db, page[1].id).unwrap(), Some(key(3, &user, Some(9))));
    });
}

#[test]
fn live_keys_are_those_that_work_now() {
    fixture::on_each(|db| {
        let (user, gone) = (renter(1, "a@b.co"), renter(2, "c@b.co"));
        for user in [&user, &gone] {
            insert_user(db, user).unwrap();
        }
        for key in [key(1, &user, None), key(2, &user, Some(2_000)), key(3, &user, None), key(4, &gone, None)] {
            insert_api_key(db, &key).unwrap();
        }
        assert!(revoke_api_key(db, Uuid::from_u128(3), AT).unwrap());
        assert!(!revoke_api_key(db, Uuid::from_u128(3), AT).unwrap(), "only once");
        assert!(set_user_disabled(db, gone.id, true).unwrap());
        assert!(!set_user_disabled(db, Uuid::from_u128(9), true).unwrap());
        let mut live = |now| -> Vec<u128> {
            let rows = live_api_keys(db, Timestamp::from_millis(now)).unwrap();
            rows.iter().map(|(key, _)| key.id.as_u128()).collect()
        };
        assert_eq!(live(1_999), [1, 2]);
        assert_eq!(live(2_000), [1]);
        assert_eq!(live_api_keys_of(db, user.id, Timestamp::from_millis(1_999)).unwrap(), 2);
        assert_eq!(live_api_keys_of(db, user.id, Timestamp::from_millis(2_000)).unwrap(), 1);
    });
}
