ALTER TABLE components ADD COLUMN engine TEXT;

COMMENT ON COLUMN components.engine IS 'What it computes with, for people: library, execution provider, threads and batch; NULL: it runs no network.';
