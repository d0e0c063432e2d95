-- How fast scoring goes: the home page counts the latest predictions while images wait.

-- Predictions are only ever appended, so that a block range index is a few pages and costs their insertion nothing.
CREATE INDEX quality_predictions_created_at ON quality_predictions USING brin (created_at)
    WITH (pages_per_range = 16, autosummarize = on);
COMMENT ON INDEX quality_predictions_created_at IS 'Serves: images scored within the last minute (the pace on the home page).';
