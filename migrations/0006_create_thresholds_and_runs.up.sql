-- What follows from the judgements: cut-offs, corrected human scores, re-scoring.

CREATE TABLE threshold_settings (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    model_id BIGINT NOT NULL,
    task TEXT NOT NULL GENERATED ALWAYS AS ('watch') STORED,
    value DOUBLE PRECISION NOT NULL CHECK (value >= 0 AND value <= 1),
    objective TEXT NOT NULL CHECK (objective <> ''),
    evidence JSONB NOT NULL DEFAULT '{}',
    note TEXT,
    author UUID REFERENCES annotators (id),
    at TIMESTAMPTZ NOT NULL DEFAULT now(),
    FOREIGN KEY (model_id, task) REFERENCES models (id, task)
);
CREATE INDEX threshold_settings_model_id ON threshold_settings (model_id, id DESC);
CREATE TRIGGER threshold_settings_are_history BEFORE UPDATE ON threshold_settings
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
COMMENT ON TABLE threshold_settings IS 'Cut-offs of the watch models; a model''s latest row holds. Append-only: a roll-back is a new row.';
COMMENT ON COLUMN threshold_settings.id IS 'Orders the history.';
COMMENT ON COLUMN threshold_settings.model_id IS 'The watch model that it belongs to: a threshold is measured for one model.';
COMMENT ON COLUMN threshold_settings.task IS 'Always watch: the foreign key admits watch models only.';
COMMENT ON COLUMN threshold_settings.value IS 'The cut-off: above it, strictly, there is a watch.';
COMMENT ON COLUMN threshold_settings.objective IS 'What it maximises, or manifest, manual or rollback.';
COMMENT ON COLUMN threshold_settings.evidence IS 'Labels, metrics and intervals that it rests on.';
COMMENT ON COLUMN threshold_settings.note IS 'Why, by its author.';
COMMENT ON COLUMN threshold_settings.author IS 'Who applied it; null for a manifest''s own.';
COMMENT ON COLUMN threshold_settings.at IS 'When it was applied.';
COMMENT ON INDEX threshold_settings_pkey IS 'Serves: a setting by id, to roll back to.';
COMMENT ON INDEX threshold_settings_model_id IS 'Serves: the cut-off that holds for a model, and its history.';

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

CREATE TABLE human_score_runs (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    guide_id BIGINT NOT NULL REFERENCES guides (id),
    method TEXT NOT NULL CHECK (method <> ''),
    parameters JSONB NOT NULL DEFAULT '{}',
    author UUID REFERENCES annotators (id),
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);
CREATE INDEX human_score_runs_guide_id ON human_score_runs (guide_id, id DESC);
COMMENT ON TABLE human_score_runs IS 'Estimations of what people think of the images, corrected for each annotator''s own habits.';
COMMENT ON COLUMN human_score_runs.id IS 'Orders the runs.';
COMMENT ON COLUMN human_score_runs.guide_id IS 'Guide version whose votes it pools: never more than one.';
COMMENT ON COLUMN human_score_runs.method IS 'How the scores were corrected.';
COMMENT ON COLUMN human_score_runs.parameters IS 'What the method found or was given, such as each annotator''s offset.';
COMMENT ON COLUMN human_score_runs.author IS 'Who started it; null when the service did.';
COMMENT ON COLUMN human_score_runs.created_at IS 'When it was made.';
COMMENT ON INDEX human_score_runs_pkey IS 'Serves: the latest run.';
COMMENT ON INDEX human_score_runs_guide_id IS 'Serves: the latest run under a guide version.';

CREATE TABLE human_scores (
    run_id BIGINT NOT NULL REFERENCES human_score_runs (id) ON DELETE CASCADE,
    image_id UUID NOT NULL REFERENCES images (id),
    mean DOUBLE PRECISION NOT NULL CHECK (mean >= 1 AND mean <= 10),
    standard_error DOUBLE PRECISION CHECK (standard_error >= 0 AND standard_error < 'Infinity'),
    votes INT NOT NULL CHECK (votes > 0),
    PRIMARY KEY (run_id, image_id)
);
CREATE INDEX human_scores_image_id ON human_scores (image_id);
COMMENT ON TABLE human_scores IS 'What a run found for each image.';
COMMENT ON COLUMN human_scores.run_id IS 'The run.';
COMMENT ON COLUMN human_scores.image_id IS 'The image.';
COMMENT ON COLUMN human_scores.mean IS 'Corrected mean of its votes, 1 to 10.';
COMMENT ON COLUMN human_scores.standard_error IS 'Standard error of that mean; null for a single vote.';
COMMENT ON COLUMN human_scores.votes IS 'Votes that it rests on.';
COMMENT ON INDEX human_scores_pkey IS 'Serves: the scores of a run.';
COMMENT ON INDEX human_scores_image_id IS 'Serves: the scores of an image.';
