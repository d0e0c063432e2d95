DROP TRIGGER catalog_deleted ON catalog;
DROP TRIGGER catalog_updated ON catalog;
DROP TRIGGER catalog_inserted ON catalog;
DROP FUNCTION catalog_deleted;
DROP FUNCTION catalog_updated;
DROP FUNCTION catalog_inserted;
DROP FUNCTION catalog_measures;
DELETE FROM catalog_deltas;
DELETE FROM catalog_summary;
COMMENT ON COLUMN catalog_deltas.delta IS 'What is to be added to the count.';
COMMENT ON COLUMN catalog_summary.measure IS 'What is counted: images, hidden (bin 0), or a histogram: quality_mean, watch_confidence.';
ALTER TABLE catalog_deltas DROP CONSTRAINT catalog_deltas_measure_check,
    ADD CONSTRAINT catalog_deltas_measure_check
        CHECK (measure IN ('images', 'hidden', 'quality_mean', 'watch_confidence'));
ALTER TABLE catalog_summary DROP CONSTRAINT catalog_summary_measure_check,
    ADD CONSTRAINT catalog_summary_measure_check
        CHECK (measure IN ('images', 'hidden', 'quality_mean', 'watch_confidence'));
DROP INDEX catalog_sample;
