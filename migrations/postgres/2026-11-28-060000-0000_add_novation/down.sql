ALTER TABLE contract_states DROP COLUMN novation;
