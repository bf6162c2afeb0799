ALTER TABLE contract_states DROP COLUMN bond;

ALTER TABLE order_states DROP COLUMN bond_from;
ALTER TABLE order_states DROP COLUMN bond_gpu_minutes;
ALTER TABLE order_states DROP COLUMN bond_bps;
ALTER TABLE order_states DROP COLUMN bond;

ALTER TABLE organizations DROP COLUMN tier;
