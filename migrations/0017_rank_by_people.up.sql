-- What rankings by people need: how far they differ about an image, and their mean drawn towards the catalog's, so that one
-- enthusiastic vote does not lead the list.

CREATE TABLE human_pool (
    one BOOLEAN PRIMARY KEY DEFAULT TRUE CHECK (one),
    mean DOUBLE PRECISION NOT NULL CHECK (mean >= 1 AND mean <= 10),
    within_variance DOUBLE PRECISION NOT NULL CHECK (within_variance > 0 AND within_variance < 'Infinity'),
    between_variance DOUBLE PRECISION NOT NULL CHECK (between_variance >= 0 AND between_variance < 'Infinity'),
    newest_vote BIGINT NOT NULL DEFAULT 0
);
COMMENT ON TABLE human_pool IS 'How the votes of all images scatter, as of a minute ago; one row, or none before the first vote.';
COMMENT ON COLUMN human_pool.one IS 'There is one row.';
COMMENT ON COLUMN human_pool.mean IS 'Mean of the images'' means.';
COMMENT ON COLUMN human_pool.within_variance IS 'Variance of the votes on one image.';
COMMENT ON COLUMN human_pool.between_variance IS 'Variance of the images'' true means.';
COMMENT ON COLUMN human_pool.newest_vote IS 'The newest vote that was known then: nothing is counted again before there is another.';
COMMENT ON INDEX human_pool_pkey IS 'Serves: reading the row; there is only one.';

ALTER TABLE catalog
    ADD COLUMN human_std DOUBLE PRECISION CHECK (human_std >= 0 AND human_std <= 4.500001),
    ADD COLUMN human_rank DOUBLE PRECISION CHECK (human_rank >= 1 AND human_rank <= 10);
COMMENT ON COLUMN catalog.human_std IS 'Standard deviation of the votes that count (population); null without any.';
COMMENT ON COLUMN catalog.human_rank IS 'The mean of the votes that count, drawn towards the catalog''s: what people''s ranking goes by; null without any.';

UPDATE catalog c SET human_rank = c.human_mean, human_std = v.std
FROM (SELECT image_id, stddev_pop(score)::DOUBLE PRECISION AS std FROM human_votes GROUP BY image_id) v
WHERE v.image_id = c.image_id AND c.human_mean IS NOT NULL;
ALTER TABLE catalog
    ADD CONSTRAINT catalog_human_mean_is_ranked CHECK ((human_mean IS NULL) = (human_rank IS NULL) AND (human_mean IS NULL) = (human_std IS NULL));

DROP INDEX catalog_human_mean;
CREATE INDEX catalog_human_rank ON catalog (generation_id, human_rank, image_id)
    INCLUDE (votes, human_std, watch_confidence, verdict, hidden) WHERE human_rank IS NOT NULL;
COMMENT ON INDEX catalog_human_rank IS 'Serves: the ranking by people, both ways; the images with at least so many votes, and those about which people differ.';

-- What can be judged, as views: the planner sees through them, while it plans a function anew at each statement.
DROP FUNCTION round_image_is_open;
CREATE VIEW images_at_hand AS
SELECT i.id AS image_id FROM images i
WHERE i.hidden_at IS NULL AND (i.stored_key IS NOT NULL OR EXISTS (
    SELECT FROM sightings s
    WHERE s.image_id = i.id AND s.superseded_at IS NULL AND s.state IN ('imported', 'duplicate')));
COMMENT ON VIEW images_at_hand IS 'The images that people can look at: neither hidden nor missing.';
CREATE VIEW judgeable_images AS
SELECT r.id AS round_id, i.image_id, i.position, i.judged, r.judgements_per_image AS needed
FROM rounds r
JOIN round_images i ON i.round_id = r.id
JOIN images_at_hand h ON h.image_id = i.image_id
WHERE (SELECT count(DISTINCT k.annotator_id) FROM skips k
       WHERE k.round_id = r.id AND k.image_id = i.image_id AND k.kind = 'cannot' AND k.withdrawn_at IS NULL)
    < r.judgements_per_image;
COMMENT ON VIEW judgeable_images IS
    'The images of rounds that can be judged: at hand, and not found impossible to judge by as many people as are needed.';
