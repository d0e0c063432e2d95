-- Models, the pairs in which they serve, and what each said about each image.

CREATE TABLE models (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name TEXT NOT NULL CHECK (name <> ''),
    task TEXT NOT NULL CHECK (task IN ('watch', 'quality')),
    kind TEXT NOT NULL CHECK (kind IN ('onnx', 'head', 'ensemble')),
    fingerprint TEXT NOT NULL CHECK (fingerprint ~ '^[0-9a-f]{64}$'),
    preprocessing INT NOT NULL,
    manifest JSONB NOT NULL,
    sha256 BYTEA CHECK (octet_length(sha256) = 32),
    title TEXT,
    question TEXT,
    positives TEXT[] NOT NULL DEFAULT '{}',
    default_threshold DOUBLE PRECISION CHECK (default_threshold >= 0 AND default_threshold <= 1),
    threshold_measured_on TEXT,
    embedding_dim INT CHECK (embedding_dim > 0),
    onnxruntime_version TEXT,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    UNIQUE (name, fingerprint),
    UNIQUE (id, task),
    CONSTRAINT models_files_have_a_hash CHECK (kind <> 'onnx' OR sha256 IS NOT NULL),
    CONSTRAINT models_thresholds_are_for_watches CHECK (task = 'watch' OR default_threshold IS NULL)
);
COMMENT ON TABLE models IS 'Models that ever served: a manifest with the fingerprint of what decides its numbers.';
COMMENT ON COLUMN models.id IS 'Names the model in predictions.';
COMMENT ON COLUMN models.name IS 'Name of the manifest.';
COMMENT ON COLUMN models.task IS 'What it answers: watch or quality.';
COMMENT ON COLUMN models.kind IS 'onnx (one file), head (on another model''s features) or ensemble (see model_members).';
COMMENT ON COLUMN models.fingerprint IS 'SHA-256, in hexadecimal, of the input and output contract, the file''s hash and the preprocessing constant.';
COMMENT ON COLUMN models.preprocessing IS 'The preprocessing constant that is part of the fingerprint.';
COMMENT ON COLUMN models.manifest IS 'The manifest as it was when the model was registered.';
COMMENT ON COLUMN models.sha256 IS 'SHA-256 of the file; null for an ensemble.';
COMMENT ON COLUMN models.title IS 'What pages call it.';
COMMENT ON COLUMN models.question IS 'What a watch model answers: watch, or watch or clock.';
COMMENT ON COLUMN models.positives IS 'Labels of the classes that are summed, in the order of watch_predictions.positives.';
COMMENT ON COLUMN models.default_threshold IS 'Cut-off that the manifest brings; null where none was measured.';
COMMENT ON COLUMN models.threshold_measured_on IS 'What that cut-off was measured on.';
COMMENT ON COLUMN models.embedding_dim IS 'Numbers in one embedding; null where the model puts out no features.';
COMMENT ON COLUMN models.onnxruntime_version IS 'Version of ONNX Runtime at registration: recorded, not part of the fingerprint.';
COMMENT ON COLUMN models.created_at IS 'When it was registered.';
COMMENT ON INDEX models_pkey IS 'Serves: a model by id.';
COMMENT ON INDEX models_name_fingerprint_key IS 'Serves: is this manifest registered? One row per name and fingerprint.';
COMMENT ON INDEX models_id_task_key IS 'Serves: foreign keys that admit models of one task only.';

CREATE TABLE model_members (
    ensemble BIGINT NOT NULL REFERENCES models (id) ON DELETE CASCADE,
    member BIGINT NOT NULL REFERENCES models (id),
    weight DOUBLE PRECISION NOT NULL CHECK (weight > 0 AND weight < 'Infinity'),
    PRIMARY KEY (ensemble, member),
    CONSTRAINT model_members_are_others CHECK (ensemble <> member)
);
CREATE INDEX model_members_member ON model_members (member);
COMMENT ON TABLE model_members IS 'Which models an ensemble averages.';
COMMENT ON COLUMN model_members.ensemble IS 'The ensemble.';
COMMENT ON COLUMN model_members.member IS 'One of its members.';
COMMENT ON COLUMN model_members.weight IS 'The member''s weight; weights need not add up to 1.';
COMMENT ON INDEX model_members_pkey IS 'Serves: the members of an ensemble.';
COMMENT ON INDEX model_members_member IS 'Serves: the ensembles that a model is part of.';

CREATE TABLE model_checks (
    model_id BIGINT NOT NULL REFERENCES models (id) ON DELETE CASCADE,
    image TEXT NOT NULL CHECK (image <> ''),
    expected JSONB NOT NULL,
    tolerance DOUBLE PRECISION NOT NULL CHECK (tolerance >= 0 AND tolerance <= 1),
    observed_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    PRIMARY KEY (model_id, image)
);
COMMENT ON TABLE model_checks IS 'What a model must say about a golden image before it may serve.';
COMMENT ON COLUMN model_checks.model_id IS 'The model.';
COMMENT ON COLUMN model_checks.image IS 'Name of the golden image.';
COMMENT ON COLUMN model_checks.expected IS 'The outputs: from the manifest, or as observed at the first load.';
COMMENT ON COLUMN model_checks.tolerance IS 'How far an output may lie from them.';
COMMENT ON COLUMN model_checks.observed_at IS 'When they were recorded.';
COMMENT ON INDEX model_checks_pkey IS 'Serves: a model''s golden images.';

CREATE TABLE served_models (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    model_id BIGINT NOT NULL REFERENCES models (id),
    since TIMESTAMPTZ NOT NULL DEFAULT now(),
    until TIMESTAMPTZ,
    by UUID REFERENCES annotators (id),
    CONSTRAINT served_models_end_after_their_start CHECK (until >= since)
);
CREATE UNIQUE INDEX served_models_current ON served_models (model_id) WHERE until IS NULL;
COMMENT ON TABLE served_models IS 'Which models served when: history.';
COMMENT ON COLUMN served_models.id IS 'Orders the history.';
COMMENT ON COLUMN served_models.model_id IS 'The model.';
COMMENT ON COLUMN served_models.since IS 'When it began to serve.';
COMMENT ON COLUMN served_models.until IS 'When it stopped; null while it serves.';
COMMENT ON COLUMN served_models.by IS 'Who had it serve; null for the default of a new database.';
COMMENT ON INDEX served_models_pkey IS 'Serves: the history in order.';
COMMENT ON INDEX served_models_current IS 'Serves: the models that serve now, each once.';

CREATE TABLE generations (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    watch_model BIGINT NOT NULL,
    quality_model BIGINT NOT NULL,
    watch_task TEXT NOT NULL GENERATED ALWAYS AS ('watch') STORED,
    quality_task TEXT NOT NULL GENERATED ALWAYS AS ('quality') STORED,
    state TEXT NOT NULL DEFAULT 'filling' CHECK (state IN ('filling', 'live', 'retired')),
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    activated_at TIMESTAMPTZ,
    UNIQUE (id, state),
    FOREIGN KEY (watch_model, watch_task) REFERENCES models (id, task),
    FOREIGN KEY (quality_model, quality_task) REFERENCES models (id, task)
);
CREATE UNIQUE INDEX generations_pair ON generations (watch_model, quality_model) WHERE state <> 'retired';
COMMENT ON TABLE generations IS 'Pairs of served models, each with its own rows in the catalog.';
COMMENT ON COLUMN generations.id IS 'Names the generation, also in paging cursors.';
COMMENT ON COLUMN generations.watch_model IS 'The model that answers whether there is a watch.';
COMMENT ON COLUMN generations.quality_model IS 'The model that answers how good it looks.';
COMMENT ON COLUMN generations.watch_task IS 'Always watch: the foreign key admits watch models only.';
COMMENT ON COLUMN generations.quality_task IS 'Always quality: the foreign key admits quality models only.';
COMMENT ON COLUMN generations.state IS 'filling (being scored), live (complete enough to be shown, kept up to date) or retired (kept up no more).';
COMMENT ON COLUMN generations.created_at IS 'When it was opened.';
COMMENT ON COLUMN generations.activated_at IS 'When it was last made the active one.';
COMMENT ON INDEX generations_pkey IS 'Serves: a generation by id.';
COMMENT ON INDEX generations_id_state_key IS 'Serves: the foreign key by which only a live generation is active.';
COMMENT ON INDEX generations_pair IS 'Serves: the generation of a pair of models, of which one at most is not retired.';

CREATE TABLE active_generation (
    single BOOLEAN PRIMARY KEY DEFAULT TRUE CHECK (single),
    generation_id BIGINT NOT NULL,
    state TEXT NOT NULL GENERATED ALWAYS AS ('live') STORED,
    since TIMESTAMPTZ NOT NULL DEFAULT now(),
    by UUID REFERENCES annotators (id),
    FOREIGN KEY (generation_id, state) REFERENCES generations (id, state) DEFERRABLE INITIALLY DEFERRED
);
COMMENT ON TABLE active_generation IS 'The one generation that pages read: activation changes this row and nothing else.';
COMMENT ON COLUMN active_generation.single IS 'Always true: there is one row.';
COMMENT ON COLUMN active_generation.generation_id IS 'The active generation.';
COMMENT ON COLUMN active_generation.state IS 'Always live: the foreign key admits live generations only, at commit.';
COMMENT ON COLUMN active_generation.since IS 'When it was made the active one.';
COMMENT ON COLUMN active_generation.by IS 'Who did it; null for the first generation of a new database.';
COMMENT ON INDEX active_generation_pkey IS 'Keeps a second row out.';

CREATE TABLE scorings (
    image_id UUID NOT NULL REFERENCES images (id) ON DELETE CASCADE,
    model_id BIGINT NOT NULL REFERENCES models (id),
    state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'done', 'failed')),
    reason TEXT,
    tries INT NOT NULL DEFAULT 0 CHECK (tries >= 0),
    updated_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    PRIMARY KEY (image_id, model_id),
    CONSTRAINT scorings_failed_have_a_reason CHECK (state <> 'failed' OR (reason <> '') IS TRUE)
);
CREATE INDEX scorings_open ON scorings (state, model_id, image_id) WHERE state <> 'done';
COMMENT ON TABLE scorings IS 'How far each model is with each image. These rows are the truth, the job queue is a hint.';
COMMENT ON COLUMN scorings.image_id IS 'The image.';
COMMENT ON COLUMN scorings.model_id IS 'The model.';
COMMENT ON COLUMN scorings.state IS 'pending (never scored), done (there is a prediction) or failed (given up, see reason).';
COMMENT ON COLUMN scorings.reason IS 'What went wrong at the last try, as a sentence.';
COMMENT ON COLUMN scorings.tries IS 'Tries that failed because of the image; an outage of the model uses none up.';
COMMENT ON COLUMN scorings.updated_at IS 'When the state last changed.';
COMMENT ON INDEX scorings_pkey IS 'Serves: what is open for one image.';
COMMENT ON INDEX scorings_open IS 'Serves: images that wait or failed, per model: coverage, the reconciler, the list of failures.';

CREATE TABLE watch_predictions (
    image_id UUID NOT NULL REFERENCES images (id),
    model_id BIGINT NOT NULL REFERENCES models (id),
    confidence DOUBLE PRECISION NOT NULL CHECK (confidence >= 0 AND confidence <= 1),
    positives DOUBLE PRECISION[] NOT NULL,
    top JSONB NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(top) = 'array'),
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    PRIMARY KEY (image_id, model_id),
    CONSTRAINT watch_predictions_positives_are_probabilities CHECK (
        array_position(positives, NULL) IS NULL AND 0 <= ALL (positives) AND 1 >= ALL (positives))
);
CREATE TRIGGER watch_predictions_are_never_overwritten BEFORE UPDATE ON watch_predictions
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
COMMENT ON TABLE watch_predictions IS 'What a watch model said about an image. Never overwritten; keeps its image from being deleted.';
COMMENT ON COLUMN watch_predictions.image_id IS 'The image.';
COMMENT ON COLUMN watch_predictions.model_id IS 'The model.';
COMMENT ON COLUMN watch_predictions.confidence IS 'Sum of the positive classes'' probabilities, 0 to 1.';
COMMENT ON COLUMN watch_predictions.positives IS 'Probability of each positive class, in the order of models.positives.';
COMMENT ON COLUMN watch_predictions.top IS 'The strongest classes of all with their probabilities.';
COMMENT ON COLUMN watch_predictions.created_at IS 'When it was stored.';
COMMENT ON INDEX watch_predictions_pkey IS 'Serves: what models said about an image. One prediction per image and model.';

CREATE TABLE quality_predictions (
    image_id UUID NOT NULL REFERENCES images (id),
    model_id BIGINT NOT NULL REFERENCES models (id),
    bins DOUBLE PRECISION[] NOT NULL,
    mean DOUBLE PRECISION NOT NULL CHECK (mean >= 1 AND mean <= 10),
    std DOUBLE PRECISION NOT NULL CHECK (std >= 0 AND std <= 4.500001),
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    PRIMARY KEY (image_id, model_id),
    CONSTRAINT quality_predictions_bins_are_ten CHECK (
        array_ndims(bins) = 1 AND array_lower(bins, 1) = 1 AND cardinality(bins) = 10
        AND array_position(bins, NULL) IS NULL),
    CONSTRAINT quality_predictions_bins_add_up CHECK (
        0 <= ALL (bins)
        AND abs(bins[1] + bins[2] + bins[3] + bins[4] + bins[5] + bins[6] + bins[7] + bins[8] + bins[9] + bins[10] - 1)
            <= 1e-6)
);
CREATE TRIGGER quality_predictions_are_never_overwritten BEFORE UPDATE ON quality_predictions
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
COMMENT ON TABLE quality_predictions IS 'What a quality model said about an image. Never overwritten; keeps its image from being deleted.';
COMMENT ON COLUMN quality_predictions.image_id IS 'The image.';
COMMENT ON COLUMN quality_predictions.model_id IS 'The model.';
COMMENT ON COLUMN quality_predictions.bins IS 'Probability of each of the scores 1 to 10: ten numbers from 0, with sum 1 within 1e-6.';
COMMENT ON COLUMN quality_predictions.mean IS 'Mean of the distribution, 1 to 10, never rescaled.';
COMMENT ON COLUMN quality_predictions.std IS 'Its standard deviation, 0 to 4.5.';
COMMENT ON COLUMN quality_predictions.created_at IS 'When it was stored.';
COMMENT ON INDEX quality_predictions_pkey IS 'Serves: what models said about an image. One prediction per image and model.';

CREATE TABLE embeddings (
    image_id UUID NOT NULL REFERENCES images (id),
    model_id BIGINT NOT NULL REFERENCES models (id),
    values BYTEA NOT NULL CHECK (octet_length(values) > 0 AND octet_length(values) % 2 = 0),
    PRIMARY KEY (model_id, image_id)
);
CREATE TRIGGER embeddings_are_never_overwritten BEFORE UPDATE ON embeddings
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE INDEX embeddings_image_id ON embeddings (image_id);
COMMENT ON TABLE embeddings IS 'A model''s features of an image: what heads are trained on and similar pictures found by. Never overwritten.';
COMMENT ON COLUMN embeddings.image_id IS 'The image.';
COMMENT ON COLUMN embeddings.model_id IS 'The model.';
COMMENT ON COLUMN embeddings.values IS 'Little-endian float16 numbers, as many as models.embedding_dim.';
COMMENT ON INDEX embeddings_pkey IS 'Serves: all embeddings of a model, to train on. One per image and model.';
COMMENT ON INDEX embeddings_image_id IS 'Serves: the embeddings of an image.';
