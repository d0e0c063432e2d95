//! The cut-off that holds for a model of the folder.

use std::collections::HashMap;

use crate::{domain::Task, score::Manifest, store::thresholds::InUse};

/// The cut-off that holds for a watch model: the one of `in_use`, as the catalog says by name; of a model that it does not know, the
/// one that the manifest brings. Quality models have none.
pub fn threshold(manifest: &Manifest, in_use: &HashMap<String, InUse>) -> Option<InUse> {
    let of_manifest = || InUse {
        name: manifest.name.clone(),
        value: manifest.threshold.value.get(),
        is_set: false,
        measured_on: manifest.threshold.measured_on.clone(),
    };
    (manifest.task == Task::Watch).then(|| in_use.get(&manifest.name).cloned().unwrap_or_else(of_manifest))
}
