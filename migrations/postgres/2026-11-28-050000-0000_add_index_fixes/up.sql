-- Fixes of the index as they were published; a later row of the same slice and day is a newer version.
CREATE TABLE index_fixes (
    number BIGINT NOT NULL PRIMARY KEY,
    created_at BIGINT NOT NULL,
    -- The journal row whose state it was made from.
    as_of BIGINT NOT NULL,
    product BIGINT NOT NULL,
    -- The slice of the product's trades; null takes all.
    region TEXT,
    tenor TEXT,
    from_listings BIGINT,
    -- UTC day, counted from 1970-01-01.
    day BIGINT NOT NULL,
    price BIGINT,
    thin BIGINT NOT NULL,
    rule_version BIGINT NOT NULL,
    origin TEXT NOT NULL,
    -- Its inputs: how many, the least and the greatest number, and those between that were left out.
    inputs BIGINT NOT NULL,
    first_input BIGINT,
    last_input BIGINT,
    dropped TEXT NOT NULL,
    hash TEXT NOT NULL
);

CREATE TRIGGER index_fixes_refuse_change BEFORE UPDATE OR DELETE ON index_fixes
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TRIGGER index_fixes_refuse_truncate BEFORE TRUNCATE ON index_fixes
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

ALTER TABLE exchange_state ADD COLUMN next_fix BIGINT NOT NULL DEFAULT 1;
