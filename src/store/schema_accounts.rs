//! Tables of people and their credentials.

diesel::table! {
    users (id) {
        id -> Text,
        organization -> Nullable<BigInt>,
        email -> Text,
        email_folded -> Text,
        password_hash -> Text,
        role -> Text,
        created_at -> BigInt,
        disabled -> Integer,
    }
}

diesel::table! {
    refresh_tokens (hash) {
        hash -> Text,
        family -> Text,
        user_id -> Text,
        created_at -> BigInt,
        expires_at -> BigInt,
        used_at -> Nullable<BigInt>,
        revoked_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    api_keys (id) {
        id -> Text,
        hash -> Text,
        user_id -> Text,
        organization -> Nullable<BigInt>,
        name -> Text,
        scopes -> Text,
        last_four -> Text,
        created_at -> BigInt,
        expires_at -> Nullable<BigInt>,
        revoked_at -> Nullable<BigInt>,
    }
}

diesel::joinable!(api_keys -> users (user_id));
diesel::allow_tables_to_appear_in_same_query!(api_keys, users);
