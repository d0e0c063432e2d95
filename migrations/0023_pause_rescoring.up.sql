-- A generation that is being filled can be held. The runs of their own that were planned for this are not needed:
-- a generation and its waiting images say everything.

ALTER TABLE generations ADD COLUMN paused_at TIMESTAMPTZ;
ALTER TABLE generations ADD CONSTRAINT generations_only_filling_ones_pause CHECK (paused_at IS NULL OR state = 'filling');
COMMENT ON COLUMN generations.paused_at IS 'Since when its images are held back; null while they are scored.';

DROP TABLE rescore_runs;
