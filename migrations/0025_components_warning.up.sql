ALTER TABLE components ADD COLUMN warning TEXT;

COMMENT ON COLUMN components.warning IS 'What it cannot do while it goes on with the rest, for people: a model that does not load, say.';
