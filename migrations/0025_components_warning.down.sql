ALTER TABLE components DROP COLUMN warning;
