-- How well the exchange knows an organization: its asks need collateral by it.
ALTER TABLE organizations ADD COLUMN tier TEXT NOT NULL DEFAULT 'unverified';

-- The collateral behind what an ask has left to sell: how much, in basis points, for how many GPU-minutes from a minute on;
-- nothing for bids, and for asks that need none.
ALTER TABLE order_states ADD COLUMN bond BIGINT;
ALTER TABLE order_states ADD COLUMN bond_bps BIGINT;
ALTER TABLE order_states ADD COLUMN bond_gpu_minutes BIGINT;
ALTER TABLE order_states ADD COLUMN bond_from BIGINT;

-- What lies on the seller's bond account for a contract.
ALTER TABLE contract_states ADD COLUMN bond BIGINT NOT NULL DEFAULT 0;
