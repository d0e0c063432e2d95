-- The extension stays: another schema of the database may use it.
DROP TABLE catalog_deltas;
DROP TABLE catalog_summary;
DROP TABLE listings;
DROP TABLE catalog;
