//! The queries of accounts, once for both databases.

use diesel::prelude::*;

use super::super::db::portable;
use super::super::schema_accounts::{api_keys, refresh_tokens, users};
use super::rows::{ApiKeyRow, RefreshRow, UserRow};

portable! {
    pub fn insert_user(c: &mut Conn, row: &UserRow) -> QueryResult<usize> {
        diesel::insert_into(users::table).values(row).execute(c)
    }

    pub fn user_by_email(c: &mut Conn, email_folded: &str) -> QueryResult<Option<UserRow>> {
        users::table.filter(users::email_folded.eq(email_folded)).select(UserRow::as_select()).first(c).optional()
    }

    pub fn user(c: &mut Conn, id: &str) -> QueryResult<Option<UserRow>> {
        users::table.find(id).select(UserRow::as_select()).first(c).optional()
    }

    pub fn set_user_disabled(c: &mut Conn, id: &str, disabled: i32) -> QueryResult<usize> {
        diesel::update(users::table.find(id)).set(users::disabled.eq(disabled)).execute(c)
    }

    pub fn insert_refresh_token(c: &mut Conn, row: &RefreshRow) -> QueryResult<usize> {
        diesel::insert_into(refresh_tokens::table).values(row).execute(c)
    }

    pub fn refresh_token(c: &mut Conn, hash: &str) -> QueryResult<Option<RefreshRow>> {
        refresh_tokens::table.find(hash).select(RefreshRow::as_select()).first(c).optional()
    }

    pub fn use_refresh_token(c: &mut Conn, hash: &str, now: i64) -> QueryResult<usize> {
        diesel::update(refresh_tokens::table.find(hash)).set(refresh_tokens::used_at.eq(now)).execute(c)
    }

    pub fn revoke_family(c: &mut Conn, family: &str, now: i64) -> QueryResult<usize> {
        let live = refresh_tokens::family.eq(family).and(refresh_tokens::revoked_at.is_null());
        diesel::update(refresh_tokens::table.filter(live)).set(refresh_tokens::revoked_at.eq(now)).execute(c)
    }

    pub fn revoke_refresh_tokens(c: &mut Conn, user: &str, now: i64) -> QueryResult<usize> {
        let live = refresh_tokens::user_id.eq(user).and(refresh_tokens::revoked_at.is_null());
        diesel::update(refresh_tokens::table.filter(live)).set(refresh_tokens::revoked_at.eq(now)).execute(c)
    }

    pub fn forget_expired_tokens(c: &mut Conn, user: &str, now: i64) -> QueryResult<usize> {
        let expired = refresh_tokens::user_id.eq(user).and(refresh_tokens::expires_at.le(now));
        diesel::delete(refresh_tokens::table.filter(expired)).execute(c)
    }

    pub fn insert_api_key(c: &mut Conn, row: &ApiKeyRow) -> QueryResult<usize> {
        diesel::insert_into(api_keys::table).values(row).execute(c)
    }

    pub fn api_key(c: &mut Conn, id: &str) -> QueryResult<Option<ApiKeyRow>> {
        api_keys::table.find(id).select(ApiKeyRow::as_select()).first(c).optional()
    }

    pub fn api_keys_of(c: &mut Conn, user: &str, before: Option<&str>, limit: i64) -> QueryResult<Vec<ApiKeyRow>> {
        let mut page = api_keys::table.filter(api_keys::user_id.eq(user)).into_boxed();
        if let Some(id) = before {
            page = page.filter(api_keys::id.lt(id));
        }
        page.order(api_keys::id.desc()).limit(limit).select(ApiKeyRow::as_select()).load(c)
    }

    pub fn live_api_keys_of(c: &mut Conn, user: &str, now: i64) -> QueryResult<i64> {
        let unexpired = api_keys::expires_at.is_null().or(api_keys::expires_at.gt(now));
        api_keys::table
            .filter(api_keys::user_id.eq(user).and(api_keys::revoked_at.is_null()).and(unexpired))
            .count()
            .get_result(c)
    }

    pub fn live_api_keys(c: &mut Conn, now: i64) -> QueryResult<Vec<(ApiKeyRow, UserRow)>> {
        let unexpired = api_keys::expires_at.is_null().or(api_keys::expires_at.gt(now));
        api_keys::table
            .inner_join(users::table)
            .filter(api_keys::revoked_at.is_null().and(users::disabled.eq(0)).and(unexpired))
            .order(api_keys::id)
            .select((ApiKeyRow::as_select(), UserRow::as_select()))
            .load(c)
    }

    pub fn revoke_api_key(c: &mut Conn, id: &str, now: i64) -> QueryResult<usize> {
        let live = api_keys::id.eq(id).and(api_keys::revoked_at.is_null());
        diesel::update(api_keys::table.filter(live)).set(api_keys::revoked_at.eq(now)).execute(c)
    }

    pub fn revoke_api_keys_of(c: &mut Conn, user: &str, now: i64) -> QueryResult<usize> {
        let live = api_keys::user_id.eq(user).and(api_keys::revoked_at.is_null());
        diesel::update(api_keys::table.filter(live)).set(api_keys::revoked_at.eq(now)).execute(c)
    }
}
