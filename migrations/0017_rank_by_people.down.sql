-- Back to the plain mean, and to a function.

DROP INDEX catalog_human_rank;
CREATE INDEX catalog_human_mean ON catalog (generation_id, human_mean, image_id) WHERE human_mean IS NOT NULL;
COMMENT ON INDEX catalog_human_mean IS 'Serves: the ranking by people''s mean, both ways.';
ALTER TABLE catalog DROP CONSTRAINT catalog_human_mean_is_ranked, DROP COLUMN human_std, DROP COLUMN human_rank;
DROP TABLE human_pool;
DROP VIEW judgeable_images;
DROP VIEW images_at_hand;
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
