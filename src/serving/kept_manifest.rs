//! What is kept of a manifest with the predictions of its model, whatever becomes of the file: its own tables, as JSON.

use serde_json::{Map, Value, json};

use crate::{
    domain::Task,
    score::{Kind, Manifest},
};

/// The manifest's tables. Paths of this machine are left out: hashes say which files they were.
pub(super) fn of(manifest: &Manifest) -> Value {
    let Manifest { threshold, golden, .. } = manifest;
    let mut kept = Map::new();
    let mut keep = |key: &str, value: Value| drop(kept.insert(key.to_owned(), value));
    keep("name", manifest.name.clone().into());
    keep("task", manifest.task.as_str().into());
    keep("title", manifest.title.clone().into());
    keep("license", manifest.license.clone().into());
    keep("source", manifest.source.clone().into());
    if manifest.task == Task::Watch {
        keep("question", manifest.question.as_str().into());
        keep("threshold", json!({ "default": threshold.value.get(), "measured_on": threshold.measured_on }));
    }
    keep("golden", json!({ "expected": golden.expected, "tolerance": golden.tolerance }));
    match &manifest.kind {
        Kind::Network(network) => {
            keep("sha256", json!(network.sha256));
            keep("bytes", network.bytes.into());
            keep("urls", json!(network.urls));
            keep("input", json!(network.input));
            keep("output", json!(network.output));
        }
        Kind::Head { base, .. } => keep("base", base.clone().into()),
        Kind::Ensemble(members) => keep("members", json!(members)),
    }
    Value::Object(kept)
}
