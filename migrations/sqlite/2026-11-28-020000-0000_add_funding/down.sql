ALTER TABLE contract_states DROP COLUMN monthly;
ALTER TABLE orders DROP COLUMN funding;
