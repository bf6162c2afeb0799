DROP INDEX contract_states_live_index;

CREATE INDEX contract_states_live_index ON contract_states (number) WHERE status IN ('scheduled', 'active');

DROP TABLE deliveries;

DROP TABLE contract_terms;

ALTER TABLE contracts DROP COLUMN terms;

ALTER TABLE organizations DROP COLUMN access_key;
