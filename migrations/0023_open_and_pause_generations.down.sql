ALTER TABLE generations DROP COLUMN paused_at;
ALTER TABLE generations DROP COLUMN opened_at;

CREATE TABLE rescore_runs (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    generation_id BIGINT NOT NULL REFERENCES generations (id) ON DELETE CASCADE,
    state TEXT NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'done', 'cancelled')),
    images INT NOT NULL DEFAULT 0 CHECK (images >= 0),
    done INT NOT NULL DEFAULT 0 CHECK (done >= 0),
    failed INT NOT NULL DEFAULT 0 CHECK (failed >= 0),
    author UUID REFERENCES annotators (id),
    started_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    finished_at TIMESTAMPTZ,
    CONSTRAINT rescore_runs_ended_have_a_time CHECK ((state = 'running') = (finished_at IS NULL)),
    CONSTRAINT rescore_runs_add_up CHECK (done + failed <= images)
);
CREATE UNIQUE INDEX rescore_runs_running ON rescore_runs (generation_id) WHERE state = 'running';
CREATE INDEX rescore_runs_generation_id ON rescore_runs (generation_id, id DESC);
COMMENT ON TABLE rescore_runs IS 'Runs that fill a new generation with the scores of all images.';
COMMENT ON COLUMN rescore_runs.id IS 'Orders the runs.';
COMMENT ON COLUMN rescore_runs.generation_id IS 'The generation that is filled.';
COMMENT ON COLUMN rescore_runs.state IS 'running, done or cancelled.';
COMMENT ON COLUMN rescore_runs.images IS 'Images that it has to score.';
COMMENT ON COLUMN rescore_runs.done IS 'Images scored at the last count.';
COMMENT ON COLUMN rescore_runs.failed IS 'Images given up at the last count.';
COMMENT ON COLUMN rescore_runs.author IS 'Who started it; null on the command line.';
COMMENT ON COLUMN rescore_runs.started_at IS 'When it began.';
COMMENT ON COLUMN rescore_runs.finished_at IS 'When it ended.';
COMMENT ON INDEX rescore_runs_pkey IS 'Serves: the latest runs.';
COMMENT ON INDEX rescore_runs_running IS 'Serves: the run in progress, of which a generation has one at most.';
COMMENT ON INDEX rescore_runs_generation_id IS 'Serves: the runs of a generation, and its deletion.';
