-- Numbers are another library's where they moved; which one said which is to be known afterwards.
ALTER TABLE model_checks ADD COLUMN moved_with TEXT;
COMMENT ON COLUMN model_checks.moved_with IS 'ONNX Runtime, version and build, that said what it moved to; null where it agrees.';

COMMENT ON COLUMN models.manifest IS 'The manifest as it was when the model was registered, without paths. Earlier rows hold its name and fingerprint.';
COMMENT ON COLUMN models.onnxruntime_version IS 'ONNX Runtime, version and build, that said what its checks expect: recorded, not part of the fingerprint. Null in earlier rows.';
COMMENT ON COLUMN models.default_threshold IS 'Cut-off that the manifest brings, as of the last load; null for a quality model.';
COMMENT ON COLUMN models.threshold_measured_on IS 'What that cut-off was measured on; null where it was not.';
