-- What the service's processes share and nobody else knows.

CREATE TABLE secrets (
    name TEXT PRIMARY KEY CHECK (name <> ''),
    value BYTEA NOT NULL CHECK (octet_length(value) >= 32),
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);
COMMENT ON TABLE secrets IS 'Random keys that all web processes share, made at the first start.';
COMMENT ON COLUMN secrets.name IS 'What it is for: cookies (signs the session cookies).';
COMMENT ON COLUMN secrets.value IS 'The random bytes.';
COMMENT ON COLUMN secrets.created_at IS 'When it was made.';
COMMENT ON INDEX secrets_pkey IS 'Serves: a secret by name.';
