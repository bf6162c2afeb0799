-- Organizations belong to the exchange, which proves references to them; hence no foreign keys on them here.
-- Ids are compared as bytes (COLLATE "C"), so that pages come in the same order as on SQLite.
CREATE TABLE users (
    id TEXT COLLATE "C" NOT NULL,
    organization BIGINT,
    email TEXT NOT NULL,
    email_folded TEXT COLLATE "C" NOT NULL,
    password_hash TEXT NOT NULL,
    role TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    disabled INTEGER NOT NULL DEFAULT 0,
    CONSTRAINT users_id_pk PRIMARY KEY (id),
    CONSTRAINT users_email_folded_key UNIQUE (email_folded),
    CONSTRAINT users_role_check CHECK (role IN ('provider', 'reseller', 'renter', 'admin', 'auditor')),
    -- Members act for an organization, the staff of the exchange for none.
    CONSTRAINT users_organization_check CHECK ((organization IS NULL) = (role IN ('admin', 'auditor'))),
    CONSTRAINT users_disabled_check CHECK (disabled IN (0, 1))
);

CREATE TABLE refresh_tokens (
    -- SHA-256 of the token in hexadecimal; the token itself is nowhere.
    hash TEXT COLLATE "C" NOT NULL,
    family TEXT COLLATE "C" NOT NULL,
    user_id TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT,
    revoked_at BIGINT,
    CONSTRAINT refresh_tokens_hash_pk PRIMARY KEY (hash),
    CONSTRAINT refresh_tokens_user_id_fk FOREIGN KEY (user_id) REFERENCES users (id)
);

CREATE INDEX refresh_tokens_family_idx ON refresh_tokens (family);
CREATE INDEX refresh_tokens_user_id_idx ON refresh_tokens (user_id);

CREATE TABLE api_keys (
    id TEXT COLLATE "C" NOT NULL,
    -- SHA-256 of the key in hexadecimal; the key itself is shown once and is nowhere.
    hash TEXT COLLATE "C" NOT NULL,
    user_id TEXT COLLATE "C" NOT NULL,
    organization BIGINT,
    name TEXT NOT NULL,
    scopes TEXT NOT NULL,
    last_four TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT,
    CONSTRAINT api_keys_id_pk PRIMARY KEY (id),
    CONSTRAINT api_keys_hash_key UNIQUE (hash),
    CONSTRAINT api_keys_user_id_fk FOREIGN KEY (user_id) REFERENCES users (id)
);

CREATE INDEX api_keys_user_id_idx ON api_keys (user_id, id);
