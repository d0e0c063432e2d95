-- What serving a round's images takes: its order, how far each image is, why an image was handed out, and who saw what before.

ALTER TABLE rounds
    ADD COLUMN serving_order TEXT NOT NULL DEFAULT 'random' CHECK (serving_order IN ('random', 'doubtful')),
    ADD COLUMN deadline TIMESTAMPTZ,
    ADD COLUMN drawn_from TEXT NOT NULL DEFAULT '';
COMMENT ON COLUMN rounds.serving_order IS 'random: each annotator in an order of their own; doubtful: nearest to the threshold first, with a random share.';
COMMENT ON COLUMN rounds.deadline IS 'When it closes, complete or not; null for no such time.';
COMMENT ON COLUMN rounds.drawn_from IS 'In words: the filter that its images came from.';

ALTER TABLE round_images ADD COLUMN judged INT NOT NULL DEFAULT 0 CHECK (judged >= 0);
CREATE INDEX round_images_judged ON round_images (round_id, judged);
COMMENT ON COLUMN round_images.judged IS 'Annotators who have judged it: its current judgements of occurrence 0. Changed in the transactions that change those.';
COMMENT ON INDEX round_images_judged IS 'Serves: images that lack judgements; is the round complete?';

ALTER TABLE round_annotators ADD COLUMN served INT NOT NULL DEFAULT 0 CHECK (served >= 0);
COMMENT ON COLUMN round_annotators.served IS 'Images handed to them so far, repeats included; the row is locked while one is chosen.';

ALTER TABLE reservations
    ADD COLUMN state TEXT NOT NULL DEFAULT 'held' CHECK (state IN ('held', 'answered', 'skipped')),
    ADD COLUMN position INT NOT NULL DEFAULT 0 CHECK (position >= 0),
    ADD COLUMN ordinal INT NOT NULL DEFAULT 0 CHECK (ordinal >= 0),
    ADD COLUMN to_repeat BOOLEAN NOT NULL DEFAULT FALSE,
    ADD COLUMN served_why TEXT NOT NULL DEFAULT '',
    ADD COLUMN served_probability DOUBLE PRECISION CHECK (served_probability > 0 AND served_probability <= 1);
CREATE INDEX reservations_to_repeat ON reservations (round_id, annotator_id, ordinal) WHERE to_repeat AND state = 'answered';
COMMENT ON TABLE reservations IS 'Images handed to annotators: held until a time, so that no image is judged too often; then answered or skipped.';
COMMENT ON COLUMN reservations.state IS 'held (counts against the image until it expires), answered or skipped.';
COMMENT ON COLUMN reservations.position IS 'The image''s place on the round''s list.';
COMMENT ON COLUMN reservations.ordinal IS 'Which of the images handed to this annotator in this round it was, from 1.';
COMMENT ON COLUMN reservations.to_repeat IS 'Whether it is to be shown once more, silently, when enough others have been shown since.';
COMMENT ON COLUMN reservations.served_why IS 'Why it was chosen: random, doubtful, repeat, later (it was put off before).';
COMMENT ON COLUMN reservations.served_probability IS 'With what probability it was chosen; null where chance had no part in it.';
COMMENT ON INDEX reservations_to_repeat IS 'Serves: the next silent repeat of an annotator.';
COMMENT ON INDEX reservations_expires_at IS 'Serves: deletion of reservations of long ago.';

ALTER TABLE skips
    ADD COLUMN kind TEXT NOT NULL DEFAULT 'later' CHECK (kind IN ('later', 'cannot')),
    ADD COLUMN client_key UUID NOT NULL DEFAULT gen_random_uuid(),
    ADD COLUMN withdrawn_at TIMESTAMPTZ,
    ADD CONSTRAINT skips_once UNIQUE (annotator_id, client_key);
COMMENT ON COLUMN skips.kind IS 'later (comes again at the end of the annotator''s queue) or cannot (cannot be judged, for the reason given).';
COMMENT ON COLUMN skips.client_key IS 'Made by the browser for one skip: a retry stores it once.';
COMMENT ON COLUMN skips.withdrawn_at IS 'When it was taken back; null while it holds.';
COMMENT ON INDEX skips_once IS 'Serves: was this skip stored already?';

CREATE TABLE image_views (
    annotator_id UUID NOT NULL REFERENCES annotators (id) ON DELETE CASCADE,
    image_id UUID NOT NULL REFERENCES images (id) ON DELETE CASCADE,
    first_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (annotator_id, image_id)
);
CREATE INDEX image_views_image_id ON image_views (image_id);
COMMENT ON TABLE image_views IS 'Who has opened the page of an image, where scores and votes are shown: a later vote of theirs is not blind.';
COMMENT ON COLUMN image_views.annotator_id IS 'Who.';
COMMENT ON COLUMN image_views.image_id IS 'The image.';
COMMENT ON COLUMN image_views.first_at IS 'When for the first time.';
COMMENT ON INDEX image_views_pkey IS 'Serves: has this annotator seen the page of this image?';
COMMENT ON INDEX image_views_image_id IS 'Serves: deletion of an image.';

CREATE VIEW human_votes AS
    SELECT image_id, guide_id, annotator_id, round_id, vote_id, score
    FROM (SELECT DISTINCT ON (v.image_id, r.guide_id, v.annotator_id)
                 v.image_id, r.guide_id, v.annotator_id, v.round_id, v.id AS vote_id, v.score,
                 max(r.guide_id) OVER (PARTITION BY v.image_id) AS latest_guide
          FROM votes v
          JOIN rounds r ON r.id = v.round_id
          JOIN annotators a ON a.id = v.annotator_id
          WHERE v.superseded_at IS NULL AND v.occurrence = 0 AND NOT v.saw_model AND NOT v.saw_others
            AND a.excluded_at IS NULL
          ORDER BY v.image_id, r.guide_id, v.annotator_id, v.round_id DESC, v.id DESC) counted
    WHERE guide_id = latest_guide;
COMMENT ON VIEW human_votes IS
    'The votes that make an image''s human quality: blind, no repeats, nobody excluded, each annotator once by the latest round, all under one version of the guide (the latest under which the image has any).';

CREATE FUNCTION round_image_is_open(round BIGINT, image UUID, judged INT, needed INT)
RETURNS BOOLEAN LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT judged < needed
        AND EXISTS (SELECT FROM images i WHERE i.id = image AND i.hidden_at IS NULL AND (i.stored_key IS NOT NULL OR EXISTS (
                SELECT FROM sightings s
                WHERE s.image_id = image AND s.superseded_at IS NULL AND s.state IN ('imported', 'duplicate'))))
        AND (SELECT count(DISTINCT annotator_id) FROM skips k
             WHERE k.round_id = round AND k.image_id = image AND k.kind = 'cannot' AND k.withdrawn_at IS NULL) < needed
$$;
COMMENT ON FUNCTION round_image_is_open IS
    'Whether an image of a round still lacks judgements that somebody can give: not hidden, not missing, and not found impossible to judge by as many people as are needed.';
