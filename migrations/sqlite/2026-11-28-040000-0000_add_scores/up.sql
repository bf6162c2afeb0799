-- How much of what it sold an organization delivered, as published last, in basis points; null before the first time.
ALTER TABLE organizations ADD COLUMN score_bps INTEGER;
