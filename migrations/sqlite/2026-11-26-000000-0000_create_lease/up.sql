-- As on PostgreSQL, so that both databases have the same tables. Here a locked file beside the database says who
-- writes, and this row stays as it is.
CREATE TABLE lease (
    id INTEGER NOT NULL PRIMARY KEY,
    epoch BIGINT NOT NULL,
    holder TEXT NOT NULL,
    session TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);

INSERT INTO lease (id, epoch, holder, session, expires_at) VALUES (1, 0, '', '', 0);
