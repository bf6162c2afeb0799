//! The tables, as both databases have them. Follows the migrations; a test compares the two.

diesel::table! {
    meta (key) {
        key -> Text,
        value -> Text,
    }
}

diesel::table! {
    journal (sequence) {
        sequence -> BigInt,
        at -> BigInt,
        actor -> Text,
        request_id -> Text,
        idempotency_key -> Nullable<Text>,
        command -> Text,
        outcome -> Text,
        digest -> Nullable<Text>,
        hash -> Text,
    }
}

diesel::table! {
    orders (number) {
        number -> BigInt,
        created_at -> BigInt,
        placed_at -> BigInt,
        organization -> BigInt,
        side -> Text,
        product -> BigInt,
        source_kind -> Nullable<Text>,
        source_number -> Nullable<BigInt>,
        sequence -> BigInt,
        gpus -> BigInt,
        start_minute -> BigInt,
        end_minute -> BigInt,
        minutes -> Nullable<BigInt>,
        price -> BigInt,
        lot -> BigInt,
        min_minutes -> BigInt,
        lead_minutes -> BigInt,
        requirements -> Nullable<Text>,
        same_site -> BigInt,
        time_in_force -> Text,
        expires_at -> Nullable<BigInt>,
        post_only -> BigInt,
        self_trade -> Text,
        client_order_id -> Nullable<Text>,
        fingerprint -> Nullable<Text>,
        previous -> Nullable<BigInt>,
        cover -> Nullable<BigInt>,
        funding -> Nullable<Text>,
    }
}

diesel::table! {
    trades (number) {
        number -> BigInt,
        created_at -> BigInt,
        product -> BigInt,
        ask -> BigInt,
        bid -> BigInt,
        contract -> BigInt,
        seller -> BigInt,
        buyer -> BigInt,
        aggressor -> Text,
        gpus -> BigInt,
        start_minute -> BigInt,
        end_minute -> BigInt,
        price -> BigInt,
        previous_of_ask -> Nullable<BigInt>,
        previous_of_bid -> Nullable<BigInt>,
        previous_of_product -> Nullable<BigInt>,
    }
}

diesel::table! {
    contracts (number) {
        number -> BigInt,
        created_at -> BigInt,
        trade -> BigInt,
        product -> BigInt,
        site -> BigInt,
        listing -> BigInt,
        source_kind -> Text,
        source_number -> BigInt,
        seller -> BigInt,
        buyer -> BigInt,
        gpus -> BigInt,
        start_minute -> BigInt,
        end_minute -> BigInt,
        price -> BigInt,
        lot -> BigInt,
        min_minutes -> BigInt,
        fee_bps -> BigInt,
        depth -> BigInt,
        previous_of_seller -> Nullable<BigInt>,
        previous_of_buyer -> Nullable<BigInt>,
        previous_of_parent -> Nullable<BigInt>,
        terms -> BigInt,
    }
}

diesel::table! {
    contract_passes (number) {
        number -> BigInt,
        created_at -> BigInt,
        contract -> BigInt,
        seller -> BigInt,
        source_kind -> Text,
        source_number -> BigInt,
        previous_of_seller -> Nullable<BigInt>,
        previous_of_parent -> Nullable<BigInt>,
    }
}

diesel::table! {
    index_fixes (number) {
        number -> BigInt,
        created_at -> BigInt,
        as_of -> BigInt,
        product -> BigInt,
        region -> Nullable<Text>,
        tenor -> Nullable<Text>,
        from_listings -> Nullable<BigInt>,
        day -> BigInt,
        price -> Nullable<BigInt>,
        thin -> BigInt,
        rule_version -> BigInt,
        origin -> Text,
        inputs -> BigInt,
        first_input -> Nullable<BigInt>,
        last_input -> Nullable<BigInt>,
        dropped -> Text,
        hash -> Text,
    }
}

diesel::table! {
    transfers (number) {
        number -> BigInt,
        created_at -> BigInt,
        debit_organization -> BigInt,
        debit_account -> BigInt,
        credit_organization -> BigInt,
        credit_account -> BigInt,
        amount -> BigInt,
        cause -> Text,
        cause_number -> Nullable<BigInt>,
        reference -> Nullable<Text>,
        previous_of_debit -> Nullable<BigInt>,
        previous_of_credit -> Nullable<BigInt>,
    }
}

diesel::table! {
    order_states (number) {
        number -> BigInt,
        sequence -> BigInt,
        gpus -> BigInt,
        start_minute -> BigInt,
        end_minute -> BigInt,
        price -> BigInt,
        lot -> BigInt,
        status -> Text,
        reason -> Nullable<Text>,
        ended_at -> Nullable<BigInt>,
        filled_gpus -> BigInt,
        fills -> BigInt,
        filled_gpu_minutes -> BigInt,
        turnover -> BigInt,
        sold -> Text,
        held -> BigInt,
        last_trade -> Nullable<BigInt>,
        bond -> Nullable<BigInt>,
        bond_bps -> Nullable<BigInt>,
        bond_gpu_minutes -> Nullable<BigInt>,
        bond_from -> Nullable<BigInt>,
    }
}

diesel::table! {
    contract_states (number) {
        number -> BigInt,
        source_kind -> Text,
        source_number -> BigInt,
        seller -> BigInt,
        depth -> BigInt,
        status -> Text,
        ended_at -> Nullable<BigInt>,
        escrow -> BigInt,
        last_child -> Nullable<BigInt>,
        monthly -> Nullable<Text>,
        bond -> BigInt,
        novation -> Nullable<Text>,
    }
}

diesel::table! {
    balances (organization) {
        organization -> BigInt,
        available -> BigInt,
        held -> BigInt,
        escrow -> BigInt,
        bond -> BigInt,
        external -> BigInt,
        last_order -> Nullable<BigInt>,
        last_holding -> Nullable<BigInt>,
        last_transfer -> Nullable<BigInt>,
    }
}

diesel::table! {
    organizations (number) {
        number -> BigInt,
        created_at -> BigInt,
        name -> Text,
        kind -> Text,
        suspended -> BigInt,
        access_key -> Nullable<Text>,
        tier -> Text,
        score_bps -> Nullable<BigInt>,
    }
}

diesel::table! {
    products (number) {
        number -> BigInt,
        created_at -> BigInt,
        symbol -> Text,
        name -> Text,
        tick -> BigInt,
        fee_bps -> BigInt,
        halted -> BigInt,
    }
}

diesel::table! {
    tapes (product) {
        product -> BigInt,
        last_trade -> Nullable<BigInt>,
    }
}

diesel::table! {
    sites (number) {
        number -> BigInt,
        created_at -> BigInt,
        organization -> BigInt,
        name -> Text,
        region -> Text,
        country -> Text,
        power_w -> Nullable<BigInt>,
        pue_milli -> Nullable<BigInt>,
    }
}

diesel::table! {
    listings (number) {
        number -> BigInt,
        created_at -> BigInt,
        organization -> BigInt,
        site -> BigInt,
        product -> BigInt,
        gpus -> BigInt,
        start_minute -> BigInt,
        end_minute -> BigInt,
        gpus_per_node -> BigInt,
        interconnect -> Text,
        sla_class -> Text,
        resale_allowed -> BigInt,
        rights -> Nullable<Text>,
    }
}

diesel::table! {
    contract_terms (version) {
        version -> BigInt,
        terms -> Text,
    }
}

diesel::table! {
    deliveries (contract) {
        contract -> BigInt,
        open -> BigInt,
        state -> Text,
    }
}

diesel::table! {
    remembered_keys (actor, key) {
        actor -> Text,
        key -> Text,
        fingerprint -> Text,
        used_at -> BigInt,
        made -> Text,
    }
}

diesel::table! {
    exchange_state (id) {
        id -> BigInt,
        now -> BigInt,
        rules -> BigInt,
        next_sequence -> BigInt,
        next_organization -> BigInt,
        next_product -> BigInt,
        next_site -> BigInt,
        next_listing -> BigInt,
        next_order -> BigInt,
        next_trade -> BigInt,
        next_contract -> BigInt,
        next_transfer -> BigInt,
        next_pass -> BigInt,
        next_fix -> BigInt,
        last_sequence -> BigInt,
        last_hash -> Text,
        digest -> Text,
    }
}

diesel::table! {
    pending_states (sequence) {
        sequence -> BigInt,
        states -> Binary,
    }
}

diesel::table! {
    states_mark (id) {
        id -> BigInt,
        sequence -> BigInt,
        trade -> BigInt,
    }
}

diesel::table! {
    quotes (id) {
        id -> BigInt,
        source -> Text,
        kind -> Text,
        term -> Text,
        product -> Text,
        region -> Nullable<Text>,
        observed_at -> BigInt,
        fetched_at -> Nullable<BigInt>,
        raw_price -> Text,
        raw_unit -> Text,
        raw_count -> Nullable<BigInt>,
        price -> BigInt,
        stale -> BigInt,
        outlier -> BigInt,
        note -> Text,
        content_key -> Text,
    }
}

diesel::allow_tables_to_appear_in_same_query!(
    meta,
    journal,
    orders,
    trades,
    contracts,
    transfers,
    order_states,
    contract_states,
    balances,
    organizations,
    products,
    sites,
    listings,
    remembered_keys,
    exchange_state,
    contract_passes,
    index_fixes,
    contract_terms,
    deliveries,
    tapes,
    pending_states,
    states_mark,
    quotes
);
