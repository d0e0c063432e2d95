-- People, how they and programs get in, and who changed what.

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are never changed: add a new one', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
COMMENT ON FUNCTION refuse_change IS 'Trigger that refuses an UPDATE of what is append-only.';

CREATE TABLE annotators (
    id UUID PRIMARY KEY,
    name TEXT NOT NULL CHECK (name <> ''),
    password_hash TEXT,
    role TEXT NOT NULL CHECK (role IN ('annotator', 'manager', 'admin')),
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    disabled_at TIMESTAMPTZ,
    excluded_at TIMESTAMPTZ,
    excluded_why TEXT,
    CONSTRAINT annotators_excluded_for_a_reason_are_excluded CHECK (excluded_why IS NULL OR excluded_at IS NOT NULL)
);
CREATE UNIQUE INDEX annotators_name ON annotators (lower(name));
COMMENT ON TABLE annotators IS 'People who sign in. Never deleted: what they said refers to them.';
COMMENT ON COLUMN annotators.id IS 'Version 7 UUID, made by the program.';
COMMENT ON COLUMN annotators.name IS 'Name to sign in with and to show; unique without regard to case.';
COMMENT ON COLUMN annotators.password_hash IS 'Argon2 hash in PHC form; null until the invitation is used.';
COMMENT ON COLUMN annotators.role IS 'What they may see and do: annotator, manager or admin.';
COMMENT ON COLUMN annotators.created_at IS 'When they were added.';
COMMENT ON COLUMN annotators.disabled_at IS 'Since when they may not sign in.';
COMMENT ON COLUMN annotators.excluded_at IS 'Since when their votes and corrections count nowhere; the rows stay.';
COMMENT ON COLUMN annotators.excluded_why IS 'Why they are excluded.';
COMMENT ON INDEX annotators_pkey IS 'Serves: an annotator by id.';
COMMENT ON INDEX annotators_name IS 'Serves: sign-in by name; keeps names apart.';

CREATE TABLE sessions (
    key_sha256 BYTEA PRIMARY KEY CHECK (octet_length(key_sha256) = 32),
    annotator_id UUID REFERENCES annotators (id) ON DELETE CASCADE,
    state JSONB NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(state) = 'object'),
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    last_seen_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    expires_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX sessions_annotator_id ON sessions (annotator_id);
CREATE INDEX sessions_expires_at ON sessions (expires_at);
COMMENT ON TABLE sessions IS 'Signed-in browsers.';
COMMENT ON COLUMN sessions.key_sha256 IS 'SHA-256 of the cookie''s key: whoever reads this table cannot sign in.';
COMMENT ON COLUMN sessions.annotator_id IS 'Who is signed in; null before sign-in.';
COMMENT ON COLUMN sessions.state IS 'What the web framework keeps for the session.';
COMMENT ON COLUMN sessions.created_at IS 'When it began.';
COMMENT ON COLUMN sessions.last_seen_at IS 'When it was last used.';
COMMENT ON COLUMN sessions.expires_at IS 'When it ends by itself.';
COMMENT ON INDEX sessions_pkey IS 'Serves: the session of a request.';
COMMENT ON INDEX sessions_annotator_id IS 'Serves: end all sessions of an annotator.';
COMMENT ON INDEX sessions_expires_at IS 'Serves: deletion of sessions that have ended.';

CREATE TABLE one_time_links (
    token_sha256 BYTEA PRIMARY KEY CHECK (octet_length(token_sha256) = 32),
    purpose TEXT NOT NULL CHECK (purpose IN ('setup', 'invitation', 'reset')),
    annotator_id UUID REFERENCES annotators (id) ON DELETE CASCADE,
    role TEXT CHECK (role IN ('annotator', 'manager', 'admin')),
    created_by UUID REFERENCES annotators (id) ON DELETE SET NULL,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    expires_at TIMESTAMPTZ NOT NULL,
    used_at TIMESTAMPTZ,
    CONSTRAINT one_time_links_resets_are_somebodys CHECK (purpose <> 'reset' OR annotator_id IS NOT NULL)
);
CREATE INDEX one_time_links_annotator_id ON one_time_links (annotator_id);
COMMENT ON TABLE one_time_links IS 'Links that let somebody in once: first set-up, invitation, password reset.';
COMMENT ON COLUMN one_time_links.token_sha256 IS 'SHA-256 of the token in the link.';
COMMENT ON COLUMN one_time_links.purpose IS 'What the link does: setup, invitation or reset.';
COMMENT ON COLUMN one_time_links.annotator_id IS 'Whose password is reset, or who was made by the link.';
COMMENT ON COLUMN one_time_links.role IS 'Role that the invited person gets.';
COMMENT ON COLUMN one_time_links.created_by IS 'Who made the link; null for the set-up link.';
COMMENT ON COLUMN one_time_links.created_at IS 'When it was made.';
COMMENT ON COLUMN one_time_links.expires_at IS 'From when it is refused.';
COMMENT ON COLUMN one_time_links.used_at IS 'When it was used; a used link is refused.';
COMMENT ON INDEX one_time_links_pkey IS 'Serves: the link that was followed.';
COMMENT ON INDEX one_time_links_annotator_id IS 'Serves: withdraw an annotator''s open links.';

CREATE TABLE api_tokens (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name TEXT NOT NULL UNIQUE CHECK (name <> ''),
    sha256 BYTEA NOT NULL UNIQUE CHECK (octet_length(sha256) = 32),
    role TEXT NOT NULL CHECK (role IN ('annotator', 'manager', 'admin')),
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    last_used_at TIMESTAMPTZ,
    revoked_at TIMESTAMPTZ
);
COMMENT ON TABLE api_tokens IS 'Bearer tokens of the API.';
COMMENT ON COLUMN api_tokens.id IS 'Names the token in events.';
COMMENT ON COLUMN api_tokens.name IS 'What it is for, chosen by whoever made it.';
COMMENT ON COLUMN api_tokens.sha256 IS 'SHA-256 of the token, which itself is shown once and not kept.';
COMMENT ON COLUMN api_tokens.role IS 'What its bearer may do: annotator, manager or admin.';
COMMENT ON COLUMN api_tokens.created_at IS 'When it was made.';
COMMENT ON COLUMN api_tokens.last_used_at IS 'When it last opened the door, to the minute.';
COMMENT ON COLUMN api_tokens.revoked_at IS 'Since when it is refused.';
COMMENT ON INDEX api_tokens_pkey IS 'Serves: a token by id.';
COMMENT ON INDEX api_tokens_name_key IS 'Serves: revoke a token by name; keeps names apart.';
COMMENT ON INDEX api_tokens_sha256_key IS 'Serves: the token of a request.';

CREATE TABLE idempotency_keys (
    actor TEXT NOT NULL,
    key TEXT NOT NULL CHECK (key <> '' AND octet_length(key) <= 255),
    request_sha256 BYTEA NOT NULL CHECK (octet_length(request_sha256) = 32),
    status SMALLINT CHECK (status BETWEEN 100 AND 599),
    response JSONB,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    PRIMARY KEY (actor, key)
);
CREATE INDEX idempotency_keys_created_at ON idempotency_keys (created_at);
COMMENT ON TABLE idempotency_keys IS 'Answers to requests that carried an Idempotency-Key, so that a retry gets the same one.';
COMMENT ON COLUMN idempotency_keys.actor IS 'Who asked: token:<id> or annotator:<id>. Keys of different actors do not meet.';
COMMENT ON COLUMN idempotency_keys.key IS 'The header''s value.';
COMMENT ON COLUMN idempotency_keys.request_sha256 IS 'SHA-256 of the request: the same key with another request is refused.';
COMMENT ON COLUMN idempotency_keys.status IS 'HTTP status of the answer; null while the request is being worked on.';
COMMENT ON COLUMN idempotency_keys.response IS 'Body of the answer.';
COMMENT ON COLUMN idempotency_keys.created_at IS 'When the request first came.';
COMMENT ON INDEX idempotency_keys_pkey IS 'Serves: the answer to a repeated request.';
COMMENT ON INDEX idempotency_keys_created_at IS 'Serves: deletion of old keys.';

CREATE TABLE settings (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name TEXT NOT NULL CHECK (name <> ''),
    value JSONB NOT NULL,
    author UUID REFERENCES annotators (id),
    at TIMESTAMPTZ NOT NULL DEFAULT now()
);
CREATE INDEX settings_name ON settings (name, id DESC);
CREATE TRIGGER settings_are_history BEFORE UPDATE ON settings FOR EACH ROW EXECUTE FUNCTION refuse_change();
COMMENT ON TABLE settings IS 'History of the settings that are changed in the browser; the latest row of a name holds. Append-only.';
COMMENT ON COLUMN settings.id IS 'Orders the history.';
COMMENT ON COLUMN settings.name IS 'Name of the setting, for example corrections_needed.';
COMMENT ON COLUMN settings.value IS 'Value from then on.';
COMMENT ON COLUMN settings.author IS 'Who set it; null when the service did.';
COMMENT ON COLUMN settings.at IS 'When it was set.';
COMMENT ON INDEX settings_pkey IS 'Serves: a change by id.';
COMMENT ON INDEX settings_name IS 'Serves: the value that holds, and the history of one setting.';

CREATE TABLE events (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at TIMESTAMPTZ NOT NULL DEFAULT now(),
    actor UUID REFERENCES annotators (id),
    kind TEXT NOT NULL CHECK (kind <> ''),
    subject TEXT,
    detail JSONB NOT NULL DEFAULT '{}'
);
CREATE INDEX events_subject ON events (subject, id DESC) WHERE subject IS NOT NULL;
CREATE INDEX events_actor ON events (actor, id DESC) WHERE actor IS NOT NULL;
CREATE TRIGGER events_are_history BEFORE UPDATE ON events FOR EACH ROW EXECUTE FUNCTION refuse_change();
COMMENT ON TABLE events IS 'Who did what. Append-only.';
COMMENT ON COLUMN events.id IS 'Orders the history.';
COMMENT ON COLUMN events.at IS 'When it happened.';
COMMENT ON COLUMN events.actor IS 'Who did it; null when it was the service, its owner on the command line, or a token (see detail).';
COMMENT ON COLUMN events.kind IS 'What was done, for example sighting.retry.';
COMMENT ON COLUMN events.subject IS 'What it was done to, as kind:id, for example image:<uuid>.';
COMMENT ON COLUMN events.detail IS 'Anything else that explains it.';
COMMENT ON INDEX events_pkey IS 'Serves: the latest events of all.';
COMMENT ON INDEX events_subject IS 'Serves: the history of one image, round or setting.';
COMMENT ON INDEX events_actor IS 'Serves: what one person did.';
