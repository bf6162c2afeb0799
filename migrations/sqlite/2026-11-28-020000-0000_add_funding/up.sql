-- How a bid pays for what it buys; nothing where that is in full when it is bought.
ALTER TABLE orders ADD COLUMN funding TEXT;
-- How far a contract is paid for by the month, and its next draw; canonical JSON, nothing for one paid for in full.
ALTER TABLE contract_states ADD COLUMN monthly TEXT;
