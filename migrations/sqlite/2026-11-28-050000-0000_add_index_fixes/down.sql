ALTER TABLE exchange_state DROP COLUMN next_fix;

DROP TABLE index_fixes;
