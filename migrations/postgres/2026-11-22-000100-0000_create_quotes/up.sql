-- Prices seen elsewhere. They are outside the exchange; `content_key` makes importing twice harmless.
CREATE TABLE quotes (
    id BIGINT NOT NULL PRIMARY KEY,
    source TEXT NOT NULL,
    kind TEXT NOT NULL,
    term TEXT NOT NULL,
    product TEXT NOT NULL,
    region TEXT,
    observed_at BIGINT NOT NULL,
    fetched_at BIGINT,
    raw_price TEXT NOT NULL,
    raw_unit TEXT NOT NULL,
    raw_count BIGINT,
    price BIGINT NOT NULL,
    stale BIGINT NOT NULL,
    outlier BIGINT NOT NULL,
    note TEXT NOT NULL,
    content_key TEXT NOT NULL,
    CONSTRAINT quotes_content_key_unique UNIQUE (content_key)
);

CREATE INDEX quotes_series_index ON quotes (product, source, kind, term, observed_at, id);
