-- How fast a pair of models is filled of which only the watch model is new.

CREATE INDEX watch_predictions_created_at ON watch_predictions USING brin (created_at)
    WITH (pages_per_range = 16, autosummarize = on);
COMMENT ON INDEX watch_predictions_created_at IS 'Serves: images scored within the last minute (the pace on the home page).';
