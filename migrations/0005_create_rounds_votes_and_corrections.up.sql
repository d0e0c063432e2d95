-- What people are asked, and what they said. Nothing said is ever changed or deleted.

CREATE TABLE guides (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name TEXT NOT NULL CHECK (name <> ''),
    version INT NOT NULL CHECK (version > 0),
    body TEXT NOT NULL,
    author UUID REFERENCES annotators (id),
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    UNIQUE (name, version)
);
CREATE TRIGGER guides_are_history BEFORE UPDATE ON guides FOR EACH ROW EXECUTE FUNCTION refuse_change();
COMMENT ON TABLE guides IS 'What annotators read before they judge. A changed text is a new version; votes of two versions are not pooled.';
COMMENT ON COLUMN guides.id IS 'Names one version of a guide.';
COMMENT ON COLUMN guides.name IS 'Name of the guide.';
COMMENT ON COLUMN guides.version IS 'Counts from 1.';
COMMENT ON COLUMN guides.body IS 'The text, in Markdown.';
COMMENT ON COLUMN guides.author IS 'Who wrote it; null for the one that comes with the program.';
COMMENT ON COLUMN guides.created_at IS 'When it was written.';
COMMENT ON INDEX guides_pkey IS 'Serves: the guide of a round.';
COMMENT ON INDEX guides_name_version_key IS 'Serves: the versions of a guide, latest first.';

CREATE TABLE guide_images (
    guide_id BIGINT NOT NULL REFERENCES guides (id) ON DELETE CASCADE,
    position INT NOT NULL CHECK (position >= 0),
    image_id UUID NOT NULL REFERENCES images (id),
    score SMALLINT CHECK (score BETWEEN 1 AND 10),
    is_watch BOOLEAN,
    caption TEXT,
    PRIMARY KEY (guide_id, position)
);
CREATE INDEX guide_images_image_id ON guide_images (image_id);
COMMENT ON TABLE guide_images IS 'Example images of a guide.';
COMMENT ON COLUMN guide_images.guide_id IS 'The guide''s version.';
COMMENT ON COLUMN guide_images.position IS 'Place among the examples, from 0.';
COMMENT ON COLUMN guide_images.image_id IS 'The example.';
COMMENT ON COLUMN guide_images.score IS 'Quality score that it stands for.';
COMMENT ON COLUMN guide_images.is_watch IS 'Right answer to the watch question.';
COMMENT ON COLUMN guide_images.caption IS 'Why, in a sentence.';
COMMENT ON INDEX guide_images_pkey IS 'Serves: the examples of a guide, in order.';
COMMENT ON INDEX guide_images_image_id IS 'Serves: is this image an example (and so unfit for a blind vote)?';

CREATE TABLE rounds (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    title TEXT NOT NULL CHECK (title <> ''),
    guide_id BIGINT NOT NULL REFERENCES guides (id),
    asks_quality BOOLEAN NOT NULL,
    watch_question TEXT CHECK (watch_question IN ('watch', 'watch or clock')),
    judgements_per_image SMALLINT NOT NULL CHECK (judgements_per_image > 0),
    repeat_share DOUBLE PRECISION NOT NULL DEFAULT 0 CHECK (repeat_share >= 0 AND repeat_share <= 1),
    blind BOOLEAN NOT NULL DEFAULT TRUE,
    state TEXT NOT NULL DEFAULT 'draft' CHECK (state IN ('draft', 'open', 'closed')),
    created_by UUID REFERENCES annotators (id),
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    opened_at TIMESTAMPTZ,
    closed_at TIMESTAMPTZ,
    CONSTRAINT rounds_ask_something CHECK (asks_quality OR watch_question IS NOT NULL),
    CONSTRAINT rounds_were_opened CHECK (state = 'draft' OR opened_at IS NOT NULL),
    CONSTRAINT rounds_closed_have_a_time CHECK ((state = 'closed') = (closed_at IS NOT NULL))
);
CREATE INDEX rounds_state ON rounds (state, id DESC);
COMMENT ON TABLE rounds IS 'Bounded pieces of judging.';
COMMENT ON COLUMN rounds.id IS 'Names the round.';
COMMENT ON COLUMN rounds.title IS 'What pages call it.';
COMMENT ON COLUMN rounds.guide_id IS 'Version of the guide that its annotators read.';
COMMENT ON COLUMN rounds.asks_quality IS 'Whether it asks for a score from 1 to 10.';
COMMENT ON COLUMN rounds.watch_question IS 'What else it asks: watch, or watch or clock; null if only quality.';
COMMENT ON COLUMN rounds.judgements_per_image IS 'How many annotators judge each image.';
COMMENT ON COLUMN rounds.repeat_share IS 'Share of images that an annotator silently sees twice.';
COMMENT ON COLUMN rounds.blind IS 'Whether annotators see neither the models'' scores nor each other''s.';
COMMENT ON COLUMN rounds.state IS 'draft (list not frozen), open or closed.';
COMMENT ON COLUMN rounds.created_by IS 'Who planned it.';
COMMENT ON COLUMN rounds.created_at IS 'When it was planned.';
COMMENT ON COLUMN rounds.opened_at IS 'When its list was frozen and judging began.';
COMMENT ON COLUMN rounds.closed_at IS 'When judging ended.';
COMMENT ON INDEX rounds_pkey IS 'Serves: a round by id.';
COMMENT ON INDEX rounds_state IS 'Serves: open rounds; all rounds by state, newest first.';

CREATE TABLE round_images (
    round_id BIGINT NOT NULL REFERENCES rounds (id) ON DELETE CASCADE,
    image_id UUID NOT NULL REFERENCES images (id),
    position INT NOT NULL CHECK (position >= 0),
    drawn_why TEXT NOT NULL,
    drawn_probability DOUBLE PRECISION NOT NULL CHECK (drawn_probability > 0 AND drawn_probability <= 1),
    PRIMARY KEY (round_id, image_id),
    UNIQUE (round_id, position)
);
CREATE INDEX round_images_image_id ON round_images (image_id);
COMMENT ON TABLE round_images IS 'The frozen list of a round.';
COMMENT ON COLUMN round_images.round_id IS 'The round.';
COMMENT ON COLUMN round_images.image_id IS 'An image on its list.';
COMMENT ON COLUMN round_images.position IS 'Place on the list, from 0; each annotator''s own order is drawn from their seed.';
COMMENT ON COLUMN round_images.drawn_why IS 'Part of the catalog that it was drawn from.';
COMMENT ON COLUMN round_images.drawn_probability IS 'Probability with which an image of that part was drawn: what estimates are weighted by.';
COMMENT ON INDEX round_images_pkey IS 'Serves: is the image on the list? Once at most.';
COMMENT ON INDEX round_images_round_id_position_key IS 'Serves: the list in order.';
COMMENT ON INDEX round_images_image_id IS 'Serves: the rounds of an image.';

CREATE TABLE round_annotators (
    round_id BIGINT NOT NULL REFERENCES rounds (id) ON DELETE CASCADE,
    annotator_id UUID NOT NULL REFERENCES annotators (id),
    order_seed BIGINT NOT NULL,
    joined_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    PRIMARY KEY (round_id, annotator_id)
);
CREATE INDEX round_annotators_annotator_id ON round_annotators (annotator_id);
COMMENT ON TABLE round_annotators IS 'Who judges in a round.';
COMMENT ON COLUMN round_annotators.round_id IS 'The round.';
COMMENT ON COLUMN round_annotators.annotator_id IS 'The annotator.';
COMMENT ON COLUMN round_annotators.order_seed IS 'Seed of the random order in which they see the images.';
COMMENT ON COLUMN round_annotators.joined_at IS 'When they joined.';
COMMENT ON INDEX round_annotators_pkey IS 'Serves: the annotators of a round.';
COMMENT ON INDEX round_annotators_annotator_id IS 'Serves: the rounds of an annotator.';

CREATE TABLE votes (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    image_id UUID NOT NULL,
    annotator_id UUID NOT NULL REFERENCES annotators (id),
    round_id BIGINT NOT NULL,
    occurrence SMALLINT NOT NULL DEFAULT 0 CHECK (occurrence IN (0, 1)),
    score SMALLINT NOT NULL CHECK (score BETWEEN 1 AND 10),
    seconds DOUBLE PRECISION CHECK (seconds >= 0 AND seconds < 'Infinity'),
    saw_model BOOLEAN NOT NULL,
    saw_others BOOLEAN NOT NULL,
    pixels_shown INT CHECK (pixels_shown > 0),
    served_why TEXT NOT NULL,
    served_probability DOUBLE PRECISION CHECK (served_probability > 0 AND served_probability <= 1),
    client_key UUID NOT NULL,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    superseded_at TIMESTAMPTZ,
    FOREIGN KEY (round_id, image_id) REFERENCES round_images (round_id, image_id),
    UNIQUE (annotator_id, client_key)
);
CREATE UNIQUE INDEX votes_current ON votes (image_id, annotator_id, round_id, occurrence) WHERE superseded_at IS NULL;
CREATE INDEX votes_round ON votes (round_id, image_id) WHERE superseded_at IS NULL;
CREATE INDEX votes_annotator ON votes (annotator_id, created_at DESC);
CREATE TRIGGER votes_are_only_superseded
    BEFORE UPDATE OF id, image_id, annotator_id, round_id, occurrence, score, seconds, saw_model, saw_others, pixels_shown,
        served_why, served_probability, client_key, created_at ON votes
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
COMMENT ON TABLE votes IS 'Quality scores that annotators gave. Append-only: a change of mind supersedes the earlier row.';
COMMENT ON COLUMN votes.id IS 'Orders the history.';
COMMENT ON COLUMN votes.image_id IS 'The image; on the round''s list, by foreign key.';
COMMENT ON COLUMN votes.annotator_id IS 'Who voted.';
COMMENT ON COLUMN votes.round_id IS 'In which round.';
COMMENT ON COLUMN votes.occurrence IS '0, or 1 for a silent repeat, which counts for consistency only.';
COMMENT ON COLUMN votes.score IS 'The score, 1 (worst) to 10 (best).';
COMMENT ON COLUMN votes.seconds IS 'Seconds from picture shown to vote.';
COMMENT ON COLUMN votes.saw_model IS 'Whether the annotator could see, or had seen, the models'' scores.';
COMMENT ON COLUMN votes.saw_others IS 'Whether they could see other people''s scores.';
COMMENT ON COLUMN votes.pixels_shown IS 'Longer side of the picture as it was shown, in device pixels.';
COMMENT ON COLUMN votes.served_why IS 'Why this image was served next.';
COMMENT ON COLUMN votes.served_probability IS 'With what probability it was chosen.';
COMMENT ON COLUMN votes.client_key IS 'Made by the browser for one judgement: a retry stores it once.';
COMMENT ON COLUMN votes.created_at IS 'When it was given.';
COMMENT ON COLUMN votes.superseded_at IS 'When it was changed or undone; null while it is current.';
COMMENT ON INDEX votes_pkey IS 'Serves: a vote by id.';
COMMENT ON INDEX votes_annotator_id_client_key_key IS 'Serves: was this judgement stored already?';
COMMENT ON INDEX votes_current IS 'Serves: the current votes of an image. One per image, annotator, round and occurrence.';
COMMENT ON INDEX votes_round IS 'Serves: a round''s progress, and which images lack judgements.';
COMMENT ON INDEX votes_annotator IS 'Serves: an annotator''s progress and latest votes (undo).';

CREATE TABLE corrections (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    image_id UUID NOT NULL REFERENCES images (id),
    annotator_id UUID NOT NULL REFERENCES annotators (id),
    round_id BIGINT,
    kind TEXT NOT NULL CHECK (kind IN ('answer', 'verdict')),
    question TEXT NOT NULL DEFAULT 'watch' CHECK (question IN ('watch', 'watch or clock')),
    occurrence SMALLINT NOT NULL DEFAULT 0 CHECK (occurrence IN (0, 1)),
    is_watch BOOLEAN NOT NULL,
    seconds DOUBLE PRECISION CHECK (seconds >= 0 AND seconds < 'Infinity'),
    saw_model BOOLEAN NOT NULL,
    saw_others BOOLEAN NOT NULL,
    pixels_shown INT CHECK (pixels_shown > 0),
    served_why TEXT NOT NULL,
    served_probability DOUBLE PRECISION CHECK (served_probability > 0 AND served_probability <= 1),
    client_key UUID NOT NULL,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    superseded_at TIMESTAMPTZ,
    FOREIGN KEY (round_id, image_id) REFERENCES round_images (round_id, image_id),
    UNIQUE (annotator_id, client_key),
    CONSTRAINT corrections_verdicts_are_outside_rounds CHECK (kind = 'answer' OR round_id IS NULL),
    CONSTRAINT corrections_repeats_are_inside_rounds CHECK (occurrence = 0 OR round_id IS NOT NULL)
);
-- Round ids start at 1, so 0 stands for "outside every round": nulls would not keep each other out.
CREATE UNIQUE INDEX corrections_current
    ON corrections (image_id, annotator_id, kind, question, COALESCE(round_id, 0), occurrence)
    WHERE superseded_at IS NULL;
CREATE INDEX corrections_round ON corrections (round_id, image_id) WHERE superseded_at IS NULL AND round_id IS NOT NULL;
CREATE INDEX corrections_annotator ON corrections (annotator_id, created_at DESC);
CREATE TRIGGER corrections_are_only_superseded
    BEFORE UPDATE OF id, image_id, annotator_id, round_id, kind, question, occurrence, is_watch, seconds, saw_model,
        saw_others, pixels_shown, served_why, served_probability, client_key, created_at ON corrections
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
COMMENT ON TABLE corrections IS 'What people said to the watch question, confirmations included. Append-only, as votes are.';
COMMENT ON COLUMN corrections.id IS 'Orders the history.';
COMMENT ON COLUMN corrections.image_id IS 'The image; on the round''s list, if there is a round.';
COMMENT ON COLUMN corrections.annotator_id IS 'Who said it.';
COMMENT ON COLUMN corrections.round_id IS 'In which round; null outside one, where it is no audit evidence.';
COMMENT ON COLUMN corrections.kind IS 'answer, or verdict: given expressly by a manager outside a round. The latest verdict decides.';
COMMENT ON COLUMN corrections.question IS 'What was asked: watch (a clock is none), or watch or clock.';
COMMENT ON COLUMN corrections.occurrence IS '0, or 1 for a silent repeat, which counts for consistency only.';
COMMENT ON COLUMN corrections.is_watch IS 'The answer.';
COMMENT ON COLUMN corrections.seconds IS 'Seconds from picture shown to answer.';
COMMENT ON COLUMN corrections.saw_model IS 'Whether they could see, or had seen, the models'' scores.';
COMMENT ON COLUMN corrections.saw_others IS 'Whether they could see other people''s answers.';
COMMENT ON COLUMN corrections.pixels_shown IS 'Longer side of the picture as it was shown, in device pixels.';
COMMENT ON COLUMN corrections.served_why IS 'Why this image was served, or where it was corrected.';
COMMENT ON COLUMN corrections.served_probability IS 'With what probability it was chosen; null outside a round.';
COMMENT ON COLUMN corrections.client_key IS 'Made by the browser for one judgement: a retry stores it once.';
COMMENT ON COLUMN corrections.created_at IS 'When it was given.';
COMMENT ON COLUMN corrections.superseded_at IS 'When it was changed or undone; null while it is current.';
COMMENT ON INDEX corrections_pkey IS 'Serves: a correction by id.';
COMMENT ON INDEX corrections_annotator_id_client_key_key IS 'Serves: was this judgement stored already?';
COMMENT ON INDEX corrections_current IS 'Serves: the current corrections of an image, for its verdict. One per annotator, kind, question, round and occurrence.';
COMMENT ON INDEX corrections_round IS 'Serves: a round''s progress, and its answers.';
COMMENT ON INDEX corrections_annotator IS 'Serves: an annotator''s progress and latest answers (undo).';

CREATE TABLE skips (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    round_id BIGINT NOT NULL,
    image_id UUID NOT NULL,
    annotator_id UUID NOT NULL REFERENCES annotators (id),
    why TEXT,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    FOREIGN KEY (round_id, image_id) REFERENCES round_images (round_id, image_id) ON DELETE CASCADE
);
CREATE INDEX skips_round ON skips (round_id, image_id, annotator_id);
CREATE INDEX skips_annotator ON skips (annotator_id, created_at DESC);
COMMENT ON TABLE skips IS 'Images that an annotator left unjudged.';
COMMENT ON COLUMN skips.id IS 'Orders the history.';
COMMENT ON COLUMN skips.round_id IS 'In which round.';
COMMENT ON COLUMN skips.image_id IS 'The image.';
COMMENT ON COLUMN skips.annotator_id IS 'Who skipped it.';
COMMENT ON COLUMN skips.why IS 'Their reason, if they gave one.';
COMMENT ON COLUMN skips.created_at IS 'When.';
COMMENT ON INDEX skips_pkey IS 'Serves: a skip by id.';
COMMENT ON INDEX skips_round IS 'Serves: whom not to serve an image again; images that many skip.';
COMMENT ON INDEX skips_annotator IS 'Serves: an annotator''s progress.';

CREATE TABLE reservations (
    round_id BIGINT NOT NULL,
    image_id UUID NOT NULL,
    annotator_id UUID NOT NULL REFERENCES annotators (id) ON DELETE CASCADE,
    occurrence SMALLINT NOT NULL DEFAULT 0 CHECK (occurrence IN (0, 1)),
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    expires_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (round_id, image_id, annotator_id, occurrence),
    FOREIGN KEY (round_id, image_id) REFERENCES round_images (round_id, image_id) ON DELETE CASCADE,
    CONSTRAINT reservations_expire_later CHECK (expires_at > created_at)
);
CREATE INDEX reservations_annotator_id ON reservations (annotator_id, round_id);
CREATE INDEX reservations_expires_at ON reservations (expires_at);
COMMENT ON TABLE reservations IS 'Images handed to an annotator until a time, so that no image is judged too often.';
COMMENT ON COLUMN reservations.round_id IS 'In which round.';
COMMENT ON COLUMN reservations.image_id IS 'The image.';
COMMENT ON COLUMN reservations.annotator_id IS 'Who has it.';
COMMENT ON COLUMN reservations.occurrence IS '0, or 1 for a silent repeat.';
COMMENT ON COLUMN reservations.created_at IS 'When it was handed out.';
COMMENT ON COLUMN reservations.expires_at IS 'From when it may be handed to another.';
COMMENT ON INDEX reservations_pkey IS 'Serves: how many hold an image? One reservation each.';
COMMENT ON INDEX reservations_annotator_id IS 'Serves: what an annotator holds.';
COMMENT ON INDEX reservations_expires_at IS 'Serves: deletion of expired reservations.';

CREATE TABLE label_imports (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    image_id UUID NOT NULL,
    audit BOOLEAN NOT NULL GENERATED ALWAYS AS (FALSE) STORED,
    question TEXT NOT NULL DEFAULT 'watch' CHECK (question IN ('watch', 'watch or clock')),
    is_watch BOOLEAN NOT NULL,
    source TEXT NOT NULL CHECK (source <> ''),
    imported_by UUID REFERENCES annotators (id),
    imported_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    superseded_at TIMESTAMPTZ,
    FOREIGN KEY (image_id, audit) REFERENCES images (id, audit)
);
CREATE UNIQUE INDEX label_imports_current ON label_imports (image_id, question, source) WHERE superseded_at IS NULL;
COMMENT ON TABLE label_imports IS 'Watch labels from outside: nobody''s correction, and never for an image of the audit set.';
COMMENT ON COLUMN label_imports.id IS 'Orders the history.';
COMMENT ON COLUMN label_imports.image_id IS 'The image.';
COMMENT ON COLUMN label_imports.audit IS 'Always false: the foreign key admits no image of the audit set.';
COMMENT ON COLUMN label_imports.question IS 'What the label answers: watch, or watch or clock.';
COMMENT ON COLUMN label_imports.is_watch IS 'The label.';
COMMENT ON COLUMN label_imports.source IS 'Where it comes from: name of the file or data set.';
COMMENT ON COLUMN label_imports.imported_by IS 'Who brought it in; null on the command line.';
COMMENT ON COLUMN label_imports.imported_at IS 'When.';
COMMENT ON COLUMN label_imports.superseded_at IS 'When the same source said otherwise; null while it is current.';
COMMENT ON INDEX label_imports_pkey IS 'Serves: an imported label by id.';
COMMENT ON INDEX label_imports_current IS 'Serves: the labels of an image. One per image, question and source.';
