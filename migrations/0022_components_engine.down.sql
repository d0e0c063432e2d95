ALTER TABLE components DROP COLUMN engine;
