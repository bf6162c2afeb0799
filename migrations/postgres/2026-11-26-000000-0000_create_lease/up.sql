-- Who writes: one row. Every write transaction updates it where the epoch is its own, and is rolled back if that is no
-- row any more. `session` names the holder's session (no session, no holder), `holder` its address for other nodes;
-- `expires_at` is in milliseconds of the database's clock.
CREATE TABLE lease (
    id BIGINT NOT NULL PRIMARY KEY,
    epoch BIGINT NOT NULL,
    holder TEXT NOT NULL,
    session TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);

INSERT INTO lease (id, epoch, holder, session, expires_at) VALUES (1, 0, '', '', 0);
