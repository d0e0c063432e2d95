-- What each running part of the service says of itself.

CREATE TABLE components (
    role TEXT NOT NULL CHECK (role IN ('web', 'ingest', 'score')),
    process TEXT NOT NULL CHECK (process <> ''),
    problem TEXT,
    seen_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (role, process)
);
COMMENT ON TABLE components IS 'The running parts of the service: one row per role and process, renewed every few seconds.';
COMMENT ON COLUMN components.role IS 'What the process does: web, ingest or score.';
COMMENT ON COLUMN components.process IS 'Host name and process id.';
COMMENT ON COLUMN components.problem IS 'What stands in its way, as a sentence; NULL: nothing.';
COMMENT ON COLUMN components.seen_at IS 'When it last said so; older than a minute: the process is gone.';
COMMENT ON INDEX components_pkey IS 'Serves a process that renews its row, and the pages that list a role''s troubles.';
