-- Numbers that moved though manifest and file stayed the same (another ONNX Runtime, another processor) can be accepted:
-- they are another version of the model, and score every image again.

ALTER TABLE models ADD COLUMN version INT NOT NULL DEFAULT 1 CHECK (version > 0);
ALTER TABLE models DROP CONSTRAINT models_name_fingerprint_key;
ALTER TABLE models ADD UNIQUE (name, fingerprint, version);
COMMENT ON COLUMN models.version IS 'Counts the times that other numbers of this manifest and file were accepted, from 1.';
COMMENT ON INDEX models_name_fingerprint_version_key IS 'Serves: is this manifest registered, and as which version? One row per name, fingerprint and version.';

ALTER TABLE model_checks ADD COLUMN moved_to DOUBLE PRECISION CHECK (moved_to > '-Infinity' AND moved_to < 'Infinity');
COMMENT ON COLUMN model_checks.moved_to IS 'What it said at the last start, where that is beyond the tolerance; null where it agrees.';
