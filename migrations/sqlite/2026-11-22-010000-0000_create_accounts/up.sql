-- Organizations belong to the exchange, which proves references to them; hence no foreign keys on them here.
CREATE TABLE users (
    id TEXT NOT NULL,
    organization INTEGER,
    email TEXT NOT NULL,
    email_folded TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    role TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    disabled INTEGER NOT NULL DEFAULT 0,
    CONSTRAINT users_id_pk PRIMARY KEY (id),
    CONSTRAINT users_email_folded_key UNIQUE (email_folded),
    CONSTRAINT users_role_check CHECK (role IN ('provider', 'reseller', 'renter', 'admin', 'auditor')),
    -- Members act for an organization, the staff of the exchange for none.
    CONSTRAINT users_organization_check CHECK ((organization IS NULL) = (role IN ('admin', 'auditor'))),
    CONSTRAINT users_disabled_check CHECK (disabled IN (0, 1))
) STRICT, WITHOUT ROWID;

CREATE TABLE refresh_tokens (
    -- SHA-256 of the token in hexadecimal; the token itself is nowhere.
    hash TEXT NOT NULL,
    family TEXT NOT NULL,
    user_id TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at INTEGER,
    revoked_at INTEGER,
    CONSTRAINT refresh_tokens_hash_pk PRIMARY KEY (hash),
    CONSTRAINT refresh_tokens_user_id_fk FOREIGN KEY (user_id) REFERENCES users (id)
) STRICT, WITHOUT ROWID;

CREATE INDEX refresh_tokens_family_idx ON refresh_tokens (family);
CREATE INDEX refresh_tokens_user_id_idx ON refresh_tokens (user_id);

CREATE TABLE api_keys (
    id TEXT NOT NULL,
    -- SHA-256 of the key in hexadecimal; the key itself is shown once and is nowhere.
    hash TEXT NOT NULL,
    user_id TEXT NOT NULL,
    organization INTEGER,
    name TEXT NOT NULL,
    scopes TEXT NOT NULL,
    last_four TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER,
    CONSTRAINT api_keys_id_pk PRIMARY KEY (id),
    CONSTRAINT api_keys_hash_key UNIQUE (hash),
    CONSTRAINT api_keys_user_id_fk FOREIGN KEY (user_id) REFERENCES users (id)
) STRICT, WITHOUT ROWID;

CREATE INDEX api_keys_user_id_idx ON api_keys (user_id, id);
