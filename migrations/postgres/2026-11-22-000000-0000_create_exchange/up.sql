-- The exchange's tables. Hot tables are append-only and keyed by the numbers the exchange hands out; they have no
-- other index, because random index pages are what limits durable throughput. Times are milliseconds or minutes
-- since 1970, money is micro-USD, booleans are 0 or 1, hashes and digests are lower-case hexadecimal.
-- Rules about what users write are the exchange's: a constraint that fails stops the writer.
-- Only types that SQLite has too: BIGINT and TEXT.
CREATE TABLE meta (
    key TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

-- Append-only. What belongs to one owner is a chain: each row names the one before it (`previous*`), the owner's own
-- row the last one (`last_*`). A contract that came to somebody by its making is named by its number, one that passed
-- to them by the number of its row in contract_passes with a minus.

CREATE TABLE journal (
    sequence BIGINT NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    request_id TEXT NOT NULL,
    idempotency_key TEXT,
    command TEXT NOT NULL,
    outcome TEXT NOT NULL,
    digest TEXT,
    hash TEXT NOT NULL
);

CREATE TABLE orders (
    number BIGINT NOT NULL PRIMARY KEY,
    created_at BIGINT NOT NULL,
    placed_at BIGINT NOT NULL,
    organization BIGINT NOT NULL,
    side TEXT NOT NULL,
    product BIGINT NOT NULL,
    source_kind TEXT,
    source_number BIGINT,
    sequence BIGINT NOT NULL,
    gpus BIGINT NOT NULL,
    start_minute BIGINT NOT NULL,
    end_minute BIGINT NOT NULL,
    minutes BIGINT,
    price BIGINT NOT NULL,
    lot BIGINT NOT NULL,
    min_minutes BIGINT NOT NULL,
    lead_minutes BIGINT NOT NULL,
    requirements TEXT,
    same_site BIGINT NOT NULL,
    time_in_force TEXT NOT NULL,
    expires_at BIGINT,
    post_only BIGINT NOT NULL,
    self_trade TEXT NOT NULL,
    client_order_id TEXT,
    fingerprint TEXT,
    previous BIGINT
);

CREATE TABLE trades (
    number BIGINT NOT NULL PRIMARY KEY,
    created_at BIGINT NOT NULL,
    product BIGINT NOT NULL,
    ask BIGINT NOT NULL,
    bid BIGINT NOT NULL,
    contract BIGINT NOT NULL,
    seller BIGINT NOT NULL,
    buyer BIGINT NOT NULL,
    aggressor TEXT NOT NULL,
    gpus BIGINT NOT NULL,
    start_minute BIGINT NOT NULL,
    end_minute BIGINT NOT NULL,
    price BIGINT NOT NULL,
    previous_of_ask BIGINT,
    previous_of_bid BIGINT,
    previous_of_product BIGINT
);

CREATE TABLE contracts (
    number BIGINT NOT NULL PRIMARY KEY,
    created_at BIGINT NOT NULL,
    trade BIGINT NOT NULL,
    product BIGINT NOT NULL,
    site BIGINT NOT NULL,
    listing BIGINT NOT NULL,
    source_kind TEXT NOT NULL,
    source_number BIGINT NOT NULL,
    seller BIGINT NOT NULL,
    buyer BIGINT NOT NULL,
    gpus BIGINT NOT NULL,
    start_minute BIGINT NOT NULL,
    end_minute BIGINT NOT NULL,
    price BIGINT NOT NULL,
    lot BIGINT NOT NULL,
    min_minutes BIGINT NOT NULL,
    fee_bps BIGINT NOT NULL,
    depth BIGINT NOT NULL,
    previous_of_seller BIGINT,
    previous_of_buyer BIGINT,
    previous_of_parent BIGINT
);

-- A contract that passed to another seller.
CREATE TABLE contract_passes (
    number BIGINT NOT NULL PRIMARY KEY,
    created_at BIGINT NOT NULL,
    contract BIGINT NOT NULL,
    seller BIGINT NOT NULL,
    source_kind TEXT NOT NULL,
    source_number BIGINT NOT NULL,
    previous_of_seller BIGINT,
    previous_of_parent BIGINT
);

CREATE TABLE transfers (
    number BIGINT NOT NULL PRIMARY KEY,
    created_at BIGINT NOT NULL,
    debit_organization BIGINT NOT NULL,
    debit_account BIGINT NOT NULL,
    credit_organization BIGINT NOT NULL,
    credit_account BIGINT NOT NULL,
    amount BIGINT NOT NULL,
    cause TEXT NOT NULL,
    cause_number BIGINT,
    reference TEXT,
    previous_of_debit BIGINT,
    previous_of_credit BIGINT,
    CONSTRAINT transfers_amount_check CHECK (amount > 0)
);

-- Projections: what the rows above add up to, rewritten in place. The first three and tapes are written later than the
-- batches that change them: see pending_states.

CREATE TABLE order_states (
    number BIGINT NOT NULL PRIMARY KEY,
    sequence BIGINT NOT NULL,
    gpus BIGINT NOT NULL,
    start_minute BIGINT NOT NULL,
    end_minute BIGINT NOT NULL,
    price BIGINT NOT NULL,
    lot BIGINT NOT NULL,
    status TEXT NOT NULL,
    reason TEXT,
    ended_at BIGINT,
    filled_gpus BIGINT NOT NULL,
    fills BIGINT NOT NULL,
    filled_gpu_minutes BIGINT NOT NULL,
    turnover BIGINT NOT NULL,
    sold TEXT NOT NULL,
    held BIGINT NOT NULL,
    last_trade BIGINT
);

-- Recovery reads the open orders and the live contracts; queries must repeat these conditions word for word.
CREATE INDEX order_states_open_index ON order_states (number) WHERE status IN ('open', 'partially_filled');

CREATE TABLE contract_states (
    number BIGINT NOT NULL PRIMARY KEY,
    source_kind TEXT NOT NULL,
    source_number BIGINT NOT NULL,
    seller BIGINT NOT NULL,
    depth BIGINT NOT NULL,
    status TEXT NOT NULL,
    ended_at BIGINT,
    escrow BIGINT NOT NULL,
    last_child BIGINT
);

CREATE INDEX contract_states_live_index ON contract_states (number) WHERE status IN ('scheduled', 'active');

CREATE TABLE balances (
    organization BIGINT NOT NULL PRIMARY KEY,
    available BIGINT NOT NULL,
    held BIGINT NOT NULL,
    escrow BIGINT NOT NULL,
    bond BIGINT NOT NULL,
    external BIGINT NOT NULL,
    last_order BIGINT,
    last_holding BIGINT,
    last_transfer BIGINT,
    CONSTRAINT balances_negative_check CHECK (organization = 0 OR (available >= 0 AND held >= 0 AND escrow >= 0
        AND bond >= 0 AND external = 0))
);

CREATE TABLE organizations (
    number BIGINT NOT NULL PRIMARY KEY,
    created_at BIGINT NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    suspended BIGINT NOT NULL
);

CREATE TABLE products (
    number BIGINT NOT NULL PRIMARY KEY,
    created_at BIGINT NOT NULL,
    symbol TEXT NOT NULL,
    name TEXT NOT NULL,
    tick BIGINT NOT NULL,
    fee_bps BIGINT NOT NULL,
    halted BIGINT NOT NULL
);

CREATE TABLE tapes (
    product BIGINT NOT NULL PRIMARY KEY,
    last_trade BIGINT
);

CREATE TABLE sites (
    number BIGINT NOT NULL PRIMARY KEY,
    created_at BIGINT NOT NULL,
    organization BIGINT NOT NULL,
    name TEXT NOT NULL,
    region TEXT NOT NULL,
    country TEXT NOT NULL,
    power_w BIGINT,
    pue_milli BIGINT
);

CREATE TABLE listings (
    number BIGINT NOT NULL PRIMARY KEY,
    created_at BIGINT NOT NULL,
    organization BIGINT NOT NULL,
    site BIGINT NOT NULL,
    product BIGINT NOT NULL,
    gpus BIGINT NOT NULL,
    start_minute BIGINT NOT NULL,
    end_minute BIGINT NOT NULL,
    gpus_per_node BIGINT NOT NULL,
    interconnect TEXT NOT NULL,
    sla_class TEXT NOT NULL,
    resale_allowed BIGINT NOT NULL
);

CREATE TABLE remembered_keys (
    actor TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    used_at BIGINT NOT NULL,
    made TEXT NOT NULL,
    PRIMARY KEY (actor, key)
);

-- One row: the exchange's clock and next numbers, and how far the journal goes.
CREATE TABLE exchange_state (
    id BIGINT NOT NULL PRIMARY KEY,
    now BIGINT NOT NULL,
    rules BIGINT NOT NULL,
    next_sequence BIGINT NOT NULL,
    next_organization BIGINT NOT NULL,
    next_product BIGINT NOT NULL,
    next_site BIGINT NOT NULL,
    next_listing BIGINT NOT NULL,
    next_order BIGINT NOT NULL,
    next_trade BIGINT NOT NULL,
    next_contract BIGINT NOT NULL,
    next_transfer BIGINT NOT NULL,
    next_pass BIGINT NOT NULL,
    last_sequence BIGINT NOT NULL,
    last_hash TEXT NOT NULL,
    digest TEXT NOT NULL,
    CONSTRAINT exchange_state_id_check CHECK (id = 0)
);

-- What changed in the projections order_states, contract_states, balances and tapes and may not be there yet, one row a
-- batch, in the program's own form. A row goes when all it says is in its table.
CREATE TABLE pending_states (
    sequence BIGINT NOT NULL PRIMARY KEY,
    states BYTEA NOT NULL
);

-- They are compact already.
ALTER TABLE pending_states ALTER COLUMN states SET STORAGE EXTERNAL;

-- One row: the last journal row, and the last trade, up to which those projections are complete. They may be further,
-- never less far.
CREATE TABLE states_mark (
    id BIGINT NOT NULL PRIMARY KEY,
    sequence BIGINT NOT NULL,
    trade BIGINT NOT NULL,
    CONSTRAINT states_mark_id_check CHECK (id = 0)
);

INSERT INTO states_mark (id, sequence, trade) VALUES (0, 0, 0);

-- What was written stays: corrections are new rows.

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
END;
$$;

CREATE TRIGGER journal_refuse_change BEFORE UPDATE OR DELETE ON journal
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TRIGGER journal_refuse_truncate BEFORE TRUNCATE ON journal
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TRIGGER orders_refuse_change BEFORE UPDATE OR DELETE ON orders
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TRIGGER orders_refuse_truncate BEFORE TRUNCATE ON orders
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TRIGGER trades_refuse_change BEFORE UPDATE OR DELETE ON trades
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TRIGGER trades_refuse_truncate BEFORE TRUNCATE ON trades
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TRIGGER contracts_refuse_change BEFORE UPDATE OR DELETE ON contracts
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TRIGGER contracts_refuse_truncate BEFORE TRUNCATE ON contracts
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TRIGGER contract_passes_refuse_change BEFORE UPDATE OR DELETE ON contract_passes
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TRIGGER contract_passes_refuse_truncate BEFORE TRUNCATE ON contract_passes
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TRIGGER transfers_refuse_change BEFORE UPDATE OR DELETE ON transfers
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TRIGGER transfers_refuse_truncate BEFORE TRUNCATE ON transfers
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
