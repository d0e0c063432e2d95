-- A generation gets its rows piece by piece, and one that is being filled can be held. The runs of their own that were planned for this are not needed:
-- a generation and its waiting images say everything.

ALTER TABLE generations ADD COLUMN opened_at TIMESTAMPTZ;
UPDATE generations SET opened_at = created_at;
COMMENT ON COLUMN generations.opened_at IS 'Since when every image has its rows; null while they are being written.';

ALTER TABLE generations ADD COLUMN paused_at TIMESTAMPTZ;
ALTER TABLE generations ADD CONSTRAINT generations_only_filling_ones_pause CHECK (paused_at IS NULL OR state = 'filling');
COMMENT ON COLUMN generations.paused_at IS 'Since when its images are held back; null while they are scored.';

DROP TABLE rescore_runs;
