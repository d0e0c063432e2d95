-- The ledger's totals, kept as the catalog's are; and what a listing lacks.

CREATE TABLE ledger_summary (
    counted TEXT PRIMARY KEY
        CHECK (counted IN ('images', 'settling', 'imported', 'duplicate', 'failed', 'ignored', 'missing')),
    count BIGINT NOT NULL
);
COMMENT ON TABLE ledger_summary IS 'Totals of the ledger; the deltas not yet folded in come on top.';
COMMENT ON COLUMN ledger_summary.counted IS 'What is counted: images, or the current sightings in a state.';
COMMENT ON COLUMN ledger_summary.count IS 'How many there are.';
COMMENT ON INDEX ledger_summary_pkey IS 'Serves: the totals of the ledger.';

CREATE TABLE ledger_deltas (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    counted TEXT NOT NULL
        CHECK (counted IN ('images', 'settling', 'imported', 'duplicate', 'failed', 'ignored', 'missing')),
    delta INT NOT NULL CHECK (delta <> 0)
);
COMMENT ON TABLE ledger_deltas IS 'Changes of those totals, appended without a lock on them and folded in later.';
COMMENT ON COLUMN ledger_deltas.id IS 'Names the row while it is folded.';
COMMENT ON COLUMN ledger_deltas.counted IS 'As in ledger_summary.';
COMMENT ON COLUMN ledger_deltas.delta IS 'What is to be added to the count; the rows that are counted say so themselves, by triggers.';
COMMENT ON INDEX ledger_deltas_pkey IS 'Serves: folding a batch into the totals.';

CREATE FUNCTION sightings_counted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO ledger_deltas (counted, delta)
        SELECT state, count(*) FROM new_rows WHERE superseded_at IS NULL GROUP BY 1;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO ledger_deltas (counted, delta)
        SELECT state, -count(*) FROM old_rows WHERE superseded_at IS NULL GROUP BY 1;
    ELSE
        INSERT INTO ledger_deltas (counted, delta)
        SELECT state, sum(sign) FROM (
            SELECT state, 1 AS sign FROM new_rows WHERE superseded_at IS NULL
            UNION ALL SELECT state, -1 FROM old_rows WHERE superseded_at IS NULL) changes
        GROUP BY 1 HAVING sum(sign) <> 0;
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION sightings_counted IS 'Appends to ledger_deltas what a statement changes in the numbers of current sightings by state.';

CREATE FUNCTION images_counted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO ledger_deltas (counted, delta) SELECT 'images', count(*) FROM new_rows HAVING count(*) > 0;
    ELSE
        INSERT INTO ledger_deltas (counted, delta) SELECT 'images', -count(*) FROM old_rows HAVING count(*) > 0;
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION images_counted IS 'Appends to ledger_deltas what a statement changes in the number of images.';

CREATE TRIGGER sightings_inserted AFTER INSERT ON sightings REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION sightings_counted();
CREATE TRIGGER sightings_updated AFTER UPDATE ON sightings REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION sightings_counted();
CREATE TRIGGER sightings_deleted AFTER DELETE ON sightings REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION sightings_counted();
CREATE TRIGGER images_inserted AFTER INSERT ON images REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION images_counted();
CREATE TRIGGER images_deleted AFTER DELETE ON images REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION images_counted();

INSERT INTO ledger_summary (counted, count)
SELECT state, count(*) FROM sightings WHERE superseded_at IS NULL GROUP BY 1
UNION ALL SELECT 'images', count(*) FROM images;

CREATE FUNCTION watch_evidence(verdict BOOLEAN, confidence DOUBLE PRECISION)
RETURNS DOUBLE PRECISION LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT CASE WHEN verdict THEN 2 WHEN NOT verdict THEN -1 ELSE confidence END $$;
COMMENT ON FUNCTION watch_evidence IS
    'A number above the threshold exactly where watch_label() says yes: people''s verdict counts as 2 or -1. Of several images the largest tells whether any shows a watch.';

ALTER TABLE listings ADD COLUMN watch_evidence DOUBLE PRECISION CHECK (watch_evidence BETWEEN -1 AND 2);
COMMENT ON COLUMN listings.watch_evidence IS 'Largest watch_evidence() of its images that are not hidden; null while none has any.';
UPDATE listings l SET watch_evidence = e.evidence
FROM (SELECT generation_id, listing_key, max(watch_evidence(verdict, watch_confidence)) AS evidence
      FROM catalog WHERE NOT hidden AND listing_key IS NOT NULL GROUP BY 1, 2) e
WHERE e.generation_id = l.generation_id AND e.listing_key = l.key;
CREATE INDEX listings_watch_evidence ON listings (generation_id, watch_evidence, key);
COMMENT ON INDEX listings_watch_evidence IS 'Serves: listings in which no photo shows a watch.';
CREATE INDEX listings_images ON listings (generation_id, images, key);
COMMENT ON INDEX listings_images IS 'Serves: listings by how many photos they have.';
CREATE INDEX listings_key ON listings USING gin (key gin_trgm_ops);
COMMENT ON INDEX listings_key IS 'Serves: search of listings by part of their key.';
