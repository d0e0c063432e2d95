-- Back to indexes of keys alone.

DROP INDEX catalog_quality_mean;
CREATE INDEX catalog_quality_mean ON catalog (generation_id, quality_mean, image_id);
COMMENT ON INDEX catalog_quality_mean IS 'Serves: the ranking by quality, both ways; those not scored yet.';
DROP INDEX catalog_watch_confidence;
CREATE INDEX catalog_watch_confidence ON catalog (generation_id, watch_confidence, image_id);
COMMENT ON INDEX catalog_watch_confidence IS 'Serves: the ranking by watch confidence, both ways; the band around the threshold (Doubtful); flips.';
DROP INDEX catalog_ingested_at;
CREATE INDEX catalog_ingested_at ON catalog (generation_id, ingested_at, image_id);
COMMENT ON INDEX catalog_ingested_at IS 'Serves: newest and oldest first.';
DROP INDEX catalog_sharpness;
CREATE INDEX catalog_sharpness ON catalog (generation_id, sharpness, image_id);
COMMENT ON INDEX catalog_sharpness IS 'Serves: the ranking by sharpness, both ways.';
DROP INDEX catalog_listing_key;
CREATE INDEX catalog_listing_key ON catalog (generation_id, listing_key, quality_mean, image_id)
    WHERE listing_key IS NOT NULL AND NOT hidden;
COMMENT ON INDEX catalog_listing_key IS 'Serves: the visible images of a listing, and one per listing: does a better one exist?';
