-- Totals and percentiles that cost the same whatever the size of the catalog: every statement that changes a counted
-- table appends what it changed to a table of deltas, without a lock that another one waits for; the service folds them.

-- The random sample.
CREATE INDEX catalog_sample ON catalog (generation_id, uuid_hash_extended(image_id, 0), image_id);
COMMENT ON INDEX catalog_sample IS 'Serves: random samples of the ranking: the images from a place on in the order of their hashes.';

ALTER TABLE catalog_summary DROP CONSTRAINT catalog_summary_measure_check,
    ADD CONSTRAINT catalog_summary_measure_check
        CHECK (measure IN ('images', 'hidden', 'scored', 'quality_mean', 'watch_confidence'));
ALTER TABLE catalog_deltas DROP CONSTRAINT catalog_deltas_measure_check,
    ADD CONSTRAINT catalog_deltas_measure_check
        CHECK (measure IN ('images', 'hidden', 'scored', 'quality_mean', 'watch_confidence'));
COMMENT ON COLUMN catalog_summary.measure IS
    'What is counted: images, hidden, scored (by both models) in bin 0; or a histogram of those not hidden: quality_mean, watch_confidence.';
COMMENT ON COLUMN catalog_deltas.delta IS 'What is to be added to the count; the rows of catalog say so themselves, by its triggers.';

CREATE FUNCTION catalog_measures(c catalog) RETURNS TABLE (measure TEXT, bin SMALLINT) LANGUAGE sql IMMUTABLE AS $$
    SELECT 'images', 0::SMALLINT
    UNION ALL SELECT 'hidden', 0::SMALLINT WHERE c.hidden
    UNION ALL SELECT 'scored', 0::SMALLINT WHERE c.quality_mean IS NOT NULL AND c.watch_confidence IS NOT NULL
    UNION ALL SELECT 'quality_mean', floor((c.quality_mean - 1) * 100)::SMALLINT
              WHERE c.quality_mean IS NOT NULL AND NOT c.hidden
    UNION ALL SELECT 'watch_confidence', floor(c.watch_confidence * 1000)::SMALLINT
              WHERE c.watch_confidence IS NOT NULL AND NOT c.hidden
$$;
COMMENT ON FUNCTION catalog_measures IS 'In which counts and bins of the summary a row of the catalog is counted.';

CREATE FUNCTION catalog_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO catalog_deltas (generation_id, measure, bin, delta)
    SELECT c.generation_id, m.measure, m.bin, count(*) FROM new_rows c, catalog_measures(c::catalog) m GROUP BY 1, 2, 3;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION catalog_inserted IS 'Appends to catalog_deltas what rows that came add to the counts.';

CREATE FUNCTION catalog_updated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO catalog_deltas (generation_id, measure, bin, delta)
    SELECT generation_id, measure, bin, sum(sign)
    FROM (SELECT c.generation_id, m.measure, m.bin, 1 AS sign FROM new_rows c, catalog_measures(c::catalog) m
          UNION ALL
          SELECT c.generation_id, m.measure, m.bin, -1 FROM old_rows c, catalog_measures(c::catalog) m) changes
    GROUP BY 1, 2, 3 HAVING sum(sign) <> 0;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION catalog_updated IS 'Appends to catalog_deltas what rows that changed change in the counts.';

-- With a generation its counts go; rows that are deleted because it is have nothing to be counted in.
CREATE FUNCTION catalog_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO catalog_deltas (generation_id, measure, bin, delta)
    SELECT c.generation_id, m.measure, m.bin, -count(*) FROM old_rows c, catalog_measures(c::catalog) m
    WHERE EXISTS (SELECT FROM generations g WHERE g.id = c.generation_id) GROUP BY 1, 2, 3;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION catalog_deleted IS 'Appends to catalog_deltas what rows that went take from the counts.';

CREATE TRIGGER catalog_inserted AFTER INSERT ON catalog REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION catalog_inserted();
CREATE TRIGGER catalog_updated AFTER UPDATE ON catalog REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION catalog_updated();
CREATE TRIGGER catalog_deleted AFTER DELETE ON catalog REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION catalog_deleted();

DELETE FROM catalog_deltas;
DELETE FROM catalog_summary;
INSERT INTO catalog_summary (generation_id, measure, bin, count)
SELECT c.generation_id, m.measure, m.bin, count(*) FROM catalog c, catalog_measures(c) m GROUP BY 1, 2, 3;
