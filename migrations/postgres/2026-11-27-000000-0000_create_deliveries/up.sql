-- Contracts made under terms of delivery: the terms by version, and what becomes of each contract.
ALTER TABLE organizations ADD COLUMN access_key TEXT;

ALTER TABLE contracts ADD COLUMN terms BIGINT NOT NULL DEFAULT 0;

-- As canonical JSON. A version is never written twice.
CREATE TABLE contract_terms (
    version BIGINT NOT NULL PRIMARY KEY,
    terms TEXT NOT NULL
);

-- A projection, one row a contract from its first handshake or its start on; open until every minute is paid or
-- refunded. The state is canonical JSON: most of it is step functions that only the program reads.
CREATE TABLE deliveries (
    contract BIGINT NOT NULL PRIMARY KEY,
    open BIGINT NOT NULL,
    state TEXT NOT NULL
);

-- Recovery reads the open ones; queries must repeat these conditions word for word.
CREATE INDEX deliveries_open_index ON deliveries (contract) WHERE open = 1;

DROP INDEX contract_states_live_index;

CREATE INDEX contract_states_live_index ON contract_states (number)
    WHERE status IN ('scheduled', 'ready', 'delivered', 'active', 'late', 'degraded', 'disputed');
