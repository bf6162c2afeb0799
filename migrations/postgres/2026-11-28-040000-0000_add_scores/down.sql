ALTER TABLE organizations DROP COLUMN score_bps;
