ALTER TABLE model_checks DROP COLUMN moved_to;
ALTER TABLE models DROP CONSTRAINT models_name_fingerprint_version_key;
ALTER TABLE models ADD UNIQUE (name, fingerprint);
COMMENT ON INDEX models_name_fingerprint_key IS 'Serves: is this manifest registered? One row per name and fingerprint.';
ALTER TABLE models DROP COLUMN version;
