-- The exchange's tables. Hot tables are append-only and keyed by the numbers the exchange hands out; they have no
-- other index, because random index pages are what limits durable throughput. Times are milliseconds or minutes
-- since 1970, money is micro-USD, booleans are 0 or 1, hashes and digests are lower-case hexadecimal.
-- Rules about what users write are the exchange's: a constraint that fails stops the writer.
-- `INTEGER NOT NULL PRIMARY KEY` is the row id itself (a BIGINT key would be a second B-tree); STRICT keeps a value
-- of another type from being stored in a column.
CREATE TABLE meta (
    key TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

-- Append-only. What belongs to one owner is a chain: each row names the one before it (`previous*`), the owner's own
-- row the last one (`last_*`). A contract that came to somebody by its making is named by its number, one that passed
-- to them by the number of its row in contract_passes with a minus.

CREATE TABLE journal (
    sequence INTEGER NOT NULL PRIMARY KEY,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    request_id TEXT NOT NULL,
    idempotency_key TEXT,
    command TEXT NOT NULL,
    outcome TEXT NOT NULL,
    digest TEXT,
    hash TEXT NOT NULL
) STRICT;

CREATE TABLE orders (
    number INTEGER NOT NULL PRIMARY KEY,
    created_at INTEGER NOT NULL,
    placed_at INTEGER NOT NULL,
    organization INTEGER NOT NULL,
    side TEXT NOT NULL,
    product INTEGER NOT NULL,
    source_kind TEXT,
    source_number INTEGER,
    sequence INTEGER NOT NULL,
    gpus INTEGER NOT NULL,
    start_minute INTEGER NOT NULL,
    end_minute INTEGER NOT NULL,
    minutes INTEGER,
    price INTEGER NOT NULL,
    lot INTEGER NOT NULL,
    min_minutes INTEGER NOT NULL,
    lead_minutes INTEGER NOT NULL,
    requirements TEXT,
    same_site INTEGER NOT NULL,
    time_in_force TEXT NOT NULL,
    expires_at INTEGER,
    post_only INTEGER NOT NULL,
    self_trade TEXT NOT NULL,
    client_order_id TEXT,
    fingerprint TEXT,
    previous INTEGER
) STRICT;

CREATE TABLE trades (
    number INTEGER NOT NULL PRIMARY KEY,
    created_at INTEGER NOT NULL,
    product INTEGER NOT NULL,
    ask INTEGER NOT NULL,
    bid INTEGER NOT NULL,
    contract INTEGER NOT NULL,
    seller INTEGER NOT NULL,
    buyer INTEGER NOT NULL,
    aggressor TEXT NOT NULL,
    gpus INTEGER NOT NULL,
    start_minute INTEGER NOT NULL,
    end_minute INTEGER NOT NULL,
    price INTEGER NOT NULL,
    previous_of_ask INTEGER,
    previous_of_bid INTEGER,
    previous_of_product INTEGER
) STRICT;

CREATE TABLE contracts (
    number INTEGER NOT NULL PRIMARY KEY,
    created_at INTEGER NOT NULL,
    trade INTEGER NOT NULL,
    product INTEGER NOT NULL,
    site INTEGER NOT NULL,
    listing INTEGER NOT NULL,
    source_kind TEXT NOT NULL,
    source_number INTEGER NOT NULL,
    seller INTEGER NOT NULL,
    buyer INTEGER NOT NULL,
    gpus INTEGER NOT NULL,
    start_minute INTEGER NOT NULL,
    end_minute INTEGER NOT NULL,
    price INTEGER NOT NULL,
    lot INTEGER NOT NULL,
    min_minutes INTEGER NOT NULL,
    fee_bps INTEGER NOT NULL,
    depth INTEGER NOT NULL,
    previous_of_seller INTEGER,
    previous_of_buyer INTEGER,
    previous_of_parent INTEGER
) STRICT;

-- A contract that passed to another seller.
CREATE TABLE contract_passes (
    number INTEGER NOT NULL PRIMARY KEY,
    created_at INTEGER NOT NULL,
    contract INTEGER NOT NULL,
    seller INTEGER NOT NULL,
    source_kind TEXT NOT NULL,
    source_number INTEGER NOT NULL,
    previous_of_seller INTEGER,
    previous_of_parent INTEGER
) STRICT;

CREATE TABLE transfers (
    number INTEGER NOT NULL PRIMARY KEY,
    created_at INTEGER NOT NULL,
    debit_organization INTEGER NOT NULL,
    debit_account INTEGER NOT NULL,
    credit_organization INTEGER NOT NULL,
    credit_account INTEGER NOT NULL,
    amount INTEGER NOT NULL,
    cause TEXT NOT NULL,
    cause_number INTEGER,
    reference TEXT,
    previous_of_debit INTEGER,
    previous_of_credit INTEGER,
    CONSTRAINT transfers_amount_check CHECK (amount > 0)
) STRICT;

-- Projections: what the rows above add up to, rewritten in place. The first three and tapes are written later than the
-- batches that change them: see pending_states.

CREATE TABLE order_states (
    number INTEGER NOT NULL PRIMARY KEY,
    sequence INTEGER NOT NULL,
    gpus INTEGER NOT NULL,
    start_minute INTEGER NOT NULL,
    end_minute INTEGER NOT NULL,
    price INTEGER NOT NULL,
    lot INTEGER NOT NULL,
    status TEXT NOT NULL,
    reason TEXT,
    ended_at INTEGER,
    filled_gpus INTEGER NOT NULL,
    fills INTEGER NOT NULL,
    filled_gpu_minutes INTEGER NOT NULL,
    turnover INTEGER NOT NULL,
    sold TEXT NOT NULL,
    held INTEGER NOT NULL,
    last_trade INTEGER
) STRICT;

-- Recovery reads the open orders and the live contracts; queries must repeat these conditions word for word.
CREATE INDEX order_states_open_index ON order_states (number) WHERE status IN ('open', 'partially_filled');

CREATE TABLE contract_states (
    number INTEGER NOT NULL PRIMARY KEY,
    source_kind TEXT NOT NULL,
    source_number INTEGER NOT NULL,
    seller INTEGER NOT NULL,
    depth INTEGER NOT NULL,
    status TEXT NOT NULL,
    ended_at INTEGER,
    escrow INTEGER NOT NULL,
    last_child INTEGER
) STRICT;

CREATE INDEX contract_states_live_index ON contract_states (number) WHERE status IN ('scheduled', 'active');

CREATE TABLE balances (
    organization INTEGER NOT NULL PRIMARY KEY,
    available INTEGER NOT NULL,
    held INTEGER NOT NULL,
    escrow INTEGER NOT NULL,
    bond INTEGER NOT NULL,
    external INTEGER NOT NULL,
    last_order INTEGER,
    last_holding INTEGER,
    last_transfer INTEGER,
    CONSTRAINT balances_negative_check CHECK (organization = 0 OR (available >= 0 AND held >= 0 AND escrow >= 0
        AND bond >= 0 AND external = 0))
) STRICT;

CREATE TABLE organizations (
    number INTEGER NOT NULL PRIMARY KEY,
    created_at INTEGER NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    suspended INTEGER NOT NULL
) STRICT;

CREATE TABLE products (
    number INTEGER NOT NULL PRIMARY KEY,
    created_at INTEGER NOT NULL,
    symbol TEXT NOT NULL,
    name TEXT NOT NULL,
    tick INTEGER NOT NULL,
    fee_bps INTEGER NOT NULL,
    halted INTEGER NOT NULL
) STRICT;

CREATE TABLE tapes (
    product INTEGER NOT NULL PRIMARY KEY,
    last_trade INTEGER
) STRICT;

CREATE TABLE sites (
    number INTEGER NOT NULL PRIMARY KEY,
    created_at INTEGER NOT NULL,
    organization INTEGER NOT NULL,
    name TEXT NOT NULL,
    region TEXT NOT NULL,
    country TEXT NOT NULL,
    power_w INTEGER,
    pue_milli INTEGER
) STRICT;

CREATE TABLE listings (
    number INTEGER NOT NULL PRIMARY KEY,
    created_at INTEGER NOT NULL,
    organization INTEGER NOT NULL,
    site INTEGER NOT NULL,
    product INTEGER NOT NULL,
    gpus INTEGER NOT NULL,
    start_minute INTEGER NOT NULL,
    end_minute INTEGER NOT NULL,
    gpus_per_node INTEGER NOT NULL,
    interconnect TEXT NOT NULL,
    sla_class TEXT NOT NULL,
    resale_allowed INTEGER NOT NULL
) STRICT;

CREATE TABLE remembered_keys (
    actor TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    used_at INTEGER NOT NULL,
    made TEXT NOT NULL,
    PRIMARY KEY (actor, key)
) STRICT, WITHOUT ROWID;

-- One row: the exchange's clock and next numbers, and how far the journal goes.
CREATE TABLE exchange_state (
    id INTEGER NOT NULL PRIMARY KEY,
    now INTEGER NOT NULL,
    rules INTEGER NOT NULL,
    next_sequence INTEGER NOT NULL,
    next_organization INTEGER NOT NULL,
    next_product INTEGER NOT NULL,
    next_site INTEGER NOT NULL,
    next_listing INTEGER NOT NULL,
    next_order INTEGER NOT NULL,
    next_trade INTEGER NOT NULL,
    next_contract INTEGER NOT NULL,
    next_transfer INTEGER NOT NULL,
    next_pass INTEGER NOT NULL,
    last_sequence INTEGER NOT NULL,
    last_hash TEXT NOT NULL,
    digest TEXT NOT NULL,
    CONSTRAINT exchange_state_id_check CHECK (id = 0)
) STRICT;

-- What changed in the projections order_states, contract_states, balances and tapes and may not be there yet, one row a
-- batch, in the program's own form. A row goes when all it says is in its table.
CREATE TABLE pending_states (
    sequence INTEGER NOT NULL PRIMARY KEY,
    states BLOB NOT NULL
) STRICT;

-- One row: the last journal row, and the last trade, up to which those projections are complete. They may be further,
-- never less far.
CREATE TABLE states_mark (
    id INTEGER NOT NULL PRIMARY KEY,
    sequence INTEGER NOT NULL,
    trade INTEGER NOT NULL,
    CONSTRAINT states_mark_id_check CHECK (id = 0)
) STRICT;

INSERT INTO states_mark (id, sequence, trade) VALUES (0, 0, 0);

-- What was written stays: corrections are new rows.

CREATE TRIGGER journal_refuse_update BEFORE UPDATE ON journal
BEGIN
    SELECT RAISE(ABORT, 'journal is append-only');
END;

CREATE TRIGGER journal_refuse_delete BEFORE DELETE ON journal
BEGIN
    SELECT RAISE(ABORT, 'journal is append-only');
END;

CREATE TRIGGER orders_refuse_update BEFORE UPDATE ON orders
BEGIN
    SELECT RAISE(ABORT, 'orders is append-only');
END;

CREATE TRIGGER orders_refuse_delete BEFORE DELETE ON orders
BEGIN
    SELECT RAISE(ABORT, 'orders is append-only');
END;

CREATE TRIGGER trades_refuse_update BEFORE UPDATE ON trades
BEGIN
    SELECT RAISE(ABORT, 'trades is append-only');
END;

CREATE TRIGGER trades_refuse_delete BEFORE DELETE ON trades
BEGIN
    SELECT RAISE(ABORT, 'trades is append-only');
END;

CREATE TRIGGER contracts_refuse_update BEFORE UPDATE ON contracts
BEGIN
    SELECT RAISE(ABORT, 'contracts is append-only');
END;

CREATE TRIGGER contracts_refuse_delete BEFORE DELETE ON contracts
BEGIN
    SELECT RAISE(ABORT, 'contracts is append-only');
END;

CREATE TRIGGER contract_passes_refuse_update BEFORE UPDATE ON contract_passes
BEGIN
    SELECT RAISE(ABORT, 'contract_passes is append-only');
END;

CREATE TRIGGER contract_passes_refuse_delete BEFORE DELETE ON contract_passes
BEGIN
    SELECT RAISE(ABORT, 'contract_passes is append-only');
END;

CREATE TRIGGER transfers_refuse_update BEFORE UPDATE ON transfers
BEGIN
    SELECT RAISE(ABORT, 'transfers is append-only');
END;

CREATE TRIGGER transfers_refuse_delete BEFORE DELETE ON transfers
BEGIN
    SELECT RAISE(ABORT, 'transfers is append-only');
END;
