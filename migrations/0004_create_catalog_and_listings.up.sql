-- What every gallery reads: one table, one index per sort key.

CREATE EXTENSION IF NOT EXISTS pg_trgm;

CREATE TABLE catalog (
    generation_id BIGINT NOT NULL REFERENCES generations (id) ON DELETE CASCADE,
    image_id UUID NOT NULL REFERENCES images (id) ON DELETE CASCADE,
    watch_confidence DOUBLE PRECISION CHECK (watch_confidence >= 0 AND watch_confidence <= 1),
    quality_mean DOUBLE PRECISION CHECK (quality_mean >= 1 AND quality_mean <= 10),
    quality_std DOUBLE PRECISION CHECK (quality_std >= 0 AND quality_std <= 4.500001),
    human_mean DOUBLE PRECISION CHECK (human_mean >= 1 AND human_mean <= 10),
    votes INT NOT NULL DEFAULT 0 CHECK (votes >= 0),
    corrections_for INT NOT NULL DEFAULT 0 CHECK (corrections_for >= 0),
    corrections_against INT NOT NULL DEFAULT 0 CHECK (corrections_against >= 0),
    verdict BOOLEAN,
    listing_key TEXT CHECK (octet_length(listing_key) BETWEEN 1 AND 1000),
    sharpness DOUBLE PRECISION CHECK (sharpness >= 0 AND sharpness < 'Infinity'),
    width INT NOT NULL CHECK (width > 0),
    height INT NOT NULL CHECK (height > 0),
    ingested_at TIMESTAMPTZ NOT NULL,
    filename TEXT NOT NULL DEFAULT '',
    hidden BOOLEAN NOT NULL DEFAULT FALSE,
    PRIMARY KEY (generation_id, image_id),
    CONSTRAINT catalog_quality_has_mean_and_std CHECK ((quality_mean IS NULL) = (quality_std IS NULL)),
    CONSTRAINT catalog_human_mean_has_votes CHECK (human_mean IS NULL OR votes > 0)
);
CREATE INDEX catalog_image_id ON catalog (image_id);
CREATE INDEX catalog_quality_mean ON catalog (generation_id, quality_mean, image_id);
CREATE INDEX catalog_watch_confidence ON catalog (generation_id, watch_confidence, image_id);
CREATE INDEX catalog_ingested_at ON catalog (generation_id, ingested_at, image_id);
CREATE INDEX catalog_human_mean ON catalog (generation_id, human_mean, image_id) WHERE human_mean IS NOT NULL;
CREATE INDEX catalog_sharpness ON catalog (generation_id, sharpness, image_id);
CREATE INDEX catalog_verdict ON catalog (generation_id, verdict, image_id) WHERE verdict IS NOT NULL;
CREATE INDEX catalog_hidden ON catalog (generation_id, image_id) WHERE hidden;
CREATE INDEX catalog_listing_key ON catalog (generation_id, listing_key, quality_mean, image_id)
    WHERE listing_key IS NOT NULL AND NOT hidden;
CREATE INDEX catalog_names ON catalog USING gin (filename gin_trgm_ops, listing_key gin_trgm_ops);
COMMENT ON TABLE catalog IS 'What galleries show: a row per generation and image, written in the transactions that change what it shows.';
COMMENT ON COLUMN catalog.generation_id IS 'The generation; its rows go when it is deleted.';
COMMENT ON COLUMN catalog.image_id IS 'The image.';
COMMENT ON COLUMN catalog.watch_confidence IS 'As the generation''s watch model put it; null until scored.';
COMMENT ON COLUMN catalog.quality_mean IS 'As the generation''s quality model put it, never rescaled; null until scored.';
COMMENT ON COLUMN catalog.quality_std IS 'Standard deviation of that distribution.';
COMMENT ON COLUMN catalog.human_mean IS 'Mean of the votes that count; null without any.';
COMMENT ON COLUMN catalog.votes IS 'Votes that count, an annotator once.';
COMMENT ON COLUMN catalog.corrections_for IS 'Current answers that there is a watch.';
COMMENT ON COLUMN catalog.corrections_against IS 'Current answers that there is none.';
COMMENT ON COLUMN catalog.verdict IS 'What people say, by watch_verdict(); null where they have not said enough. The model has no part in it.';
COMMENT ON COLUMN catalog.listing_key IS 'The image''s listing.';
COMMENT ON COLUMN catalog.sharpness IS 'Variance of the Laplacian; null until decoded.';
COMMENT ON COLUMN catalog.width IS 'Width in pixels, after orientation.';
COMMENT ON COLUMN catalog.height IS 'Height in pixels, after orientation.';
COMMENT ON COLUMN catalog.ingested_at IS 'When the image first came in.';
COMMENT ON COLUMN catalog.filename IS 'Path of the newest current sighting, for display and search.';
COMMENT ON COLUMN catalog.hidden IS 'Whether galleries leave it out.';
COMMENT ON INDEX catalog_pkey IS 'Serves: the row of an image in a generation.';
COMMENT ON INDEX catalog_image_id IS 'Serves: the rows of an image in every generation, when it changes.';
COMMENT ON INDEX catalog_quality_mean IS 'Serves: the ranking by quality, both ways; those not scored yet.';
COMMENT ON INDEX catalog_watch_confidence IS 'Serves: the ranking by watch confidence, both ways; the band around the threshold (Doubtful); flips.';
COMMENT ON INDEX catalog_ingested_at IS 'Serves: newest and oldest first.';
COMMENT ON INDEX catalog_human_mean IS 'Serves: the ranking by people''s mean, both ways.';
COMMENT ON INDEX catalog_sharpness IS 'Serves: the ranking by sharpness, both ways.';
COMMENT ON INDEX catalog_verdict IS 'Serves: the images that people labelled, whatever the model says.';
COMMENT ON INDEX catalog_hidden IS 'Serves: the hidden images, so that each can be found.';
COMMENT ON INDEX catalog_listing_key IS 'Serves: the visible images of a listing, and one per listing: does a better one exist?';
COMMENT ON INDEX catalog_names IS 'Serves: search by part of a name, folder or listing.';

CREATE TABLE listings (
    generation_id BIGINT NOT NULL REFERENCES generations (id) ON DELETE CASCADE,
    key TEXT NOT NULL CHECK (octet_length(key) BETWEEN 1 AND 1000),
    images INT NOT NULL CHECK (images >= 0),
    best_image UUID REFERENCES images (id) ON DELETE SET NULL,
    best_mean DOUBLE PRECISION CHECK (best_mean >= 1 AND best_mean <= 10),
    PRIMARY KEY (generation_id, key)
);
CREATE INDEX listings_best_mean ON listings (generation_id, best_mean, key);
CREATE INDEX listings_best_image ON listings (best_image) WHERE best_image IS NOT NULL;
COMMENT ON TABLE listings IS 'Offers that several images belong to, as a generation sees them.';
COMMENT ON COLUMN listings.generation_id IS 'The generation whose means are compared.';
COMMENT ON COLUMN listings.key IS 'Key of the listing.';
COMMENT ON COLUMN listings.images IS 'Its images that are not hidden.';
COMMENT ON COLUMN listings.best_image IS 'The one among them with the highest quality mean; null while none is scored.';
COMMENT ON COLUMN listings.best_mean IS 'That quality mean.';
COMMENT ON INDEX listings_pkey IS 'Serves: a listing by key.';
COMMENT ON INDEX listings_best_mean IS 'Serves: listings by their best photo; those without a good one.';
COMMENT ON INDEX listings_best_image IS 'Serves: deletion of an image.';

CREATE TABLE catalog_summary (
    generation_id BIGINT NOT NULL REFERENCES generations (id) ON DELETE CASCADE,
    measure TEXT NOT NULL CHECK (measure IN ('images', 'hidden', 'quality_mean', 'watch_confidence')),
    bin SMALLINT NOT NULL DEFAULT 0 CHECK (bin BETWEEN 0 AND 1000),
    count BIGINT NOT NULL,
    PRIMARY KEY (generation_id, measure, bin)
);
COMMENT ON TABLE catalog_summary IS 'Counts and histograms of the catalog, for totals and percentiles; the deltas not yet folded in come on top.';
COMMENT ON COLUMN catalog_summary.generation_id IS 'The generation.';
COMMENT ON COLUMN catalog_summary.measure IS 'What is counted: images, hidden (bin 0), or a histogram: quality_mean, watch_confidence.';
COMMENT ON COLUMN catalog_summary.bin IS 'Histogram bin: floor((quality mean - 1) * 100), or floor(watch confidence * 1000).';
COMMENT ON COLUMN catalog_summary.count IS 'Rows of the catalog in that bin.';
COMMENT ON INDEX catalog_summary_pkey IS 'Serves: the counts and histograms of a generation.';

CREATE TABLE catalog_deltas (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    generation_id BIGINT NOT NULL REFERENCES generations (id) ON DELETE CASCADE,
    measure TEXT NOT NULL CHECK (measure IN ('images', 'hidden', 'quality_mean', 'watch_confidence')),
    bin SMALLINT NOT NULL DEFAULT 0 CHECK (bin BETWEEN 0 AND 1000),
    delta INT NOT NULL CHECK (delta <> 0)
);
COMMENT ON TABLE catalog_deltas IS 'Changes of the summary, appended without a lock on its rows and folded into it later.';
COMMENT ON COLUMN catalog_deltas.id IS 'Names the row while it is folded.';
COMMENT ON COLUMN catalog_deltas.generation_id IS 'The generation.';
COMMENT ON COLUMN catalog_deltas.measure IS 'As in catalog_summary.';
COMMENT ON COLUMN catalog_deltas.bin IS 'As in catalog_summary.';
COMMENT ON COLUMN catalog_deltas.delta IS 'What is to be added to the count.';
COMMENT ON INDEX catalog_deltas_pkey IS 'Serves: folding a batch into the summary.';
