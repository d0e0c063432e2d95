COMMENT ON COLUMN models.threshold_measured_on IS 'What that cut-off was measured on.';
COMMENT ON COLUMN models.default_threshold IS 'Cut-off that the manifest brings; null where none was measured.';
COMMENT ON COLUMN models.onnxruntime_version IS 'Version of ONNX Runtime at registration: recorded, not part of the fingerprint.';
COMMENT ON COLUMN models.manifest IS 'The manifest as it was when the model was registered.';
ALTER TABLE model_checks DROP COLUMN moved_with;
