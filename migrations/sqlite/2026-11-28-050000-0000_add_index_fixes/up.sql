-- Fixes of the index as they were published; a later row of the same slice and day is a newer version.
CREATE TABLE index_fixes (
    number INTEGER NOT NULL PRIMARY KEY,
    created_at INTEGER NOT NULL,
    -- The journal row whose state it was made from.
    as_of INTEGER NOT NULL,
    product INTEGER NOT NULL,
    -- The slice of the product's trades; null takes all.
    region TEXT,
    tenor TEXT,
    from_listings INTEGER,
    -- UTC day, counted from 1970-01-01.
    day INTEGER NOT NULL,
    price INTEGER,
    thin INTEGER NOT NULL,
    rule_version INTEGER NOT NULL,
    origin TEXT NOT NULL,
    -- Its inputs: how many, the least and the greatest number, and those between that were left out.
    inputs INTEGER NOT NULL,
    first_input INTEGER,
    last_input INTEGER,
    dropped TEXT NOT NULL,
    hash TEXT NOT NULL
) STRICT;

CREATE TRIGGER index_fixes_refuse_update BEFORE UPDATE ON index_fixes
BEGIN
    SELECT RAISE(ABORT, 'index_fixes is append-only');
END;

CREATE TRIGGER index_fixes_refuse_delete BEFORE DELETE ON index_fixes
BEGIN
    SELECT RAISE(ABORT, 'index_fixes is append-only');
END;

ALTER TABLE exchange_state ADD COLUMN next_fix INTEGER NOT NULL DEFAULT 1;
