//! What is recorded of a model that is loaded: its row, and what it said about its golden picture.

use std::sync::Arc;

use sqlx::PgConnection;

use super::{Served, ServingError, kept_manifest};
use crate::{
    domain::{ContentHash, ModelId, Task},
    score::{Engine, Manifest, Model, PREPROCESSING, Runtime},
    store::{
        model_versions,
        models::{self, NewModel},
        thresholds,
    },
};

/// Finds or makes the model's row, and holds its golden answer against the recorded one.
///
/// # Errors
/// Its numbers moved, or the database is away.
pub async fn record(conn: &mut PgConnection, model: Model) -> Result<Served, ServingError> {
    let id = register(conn, &model).await?;
    held(conn, id, Arc::new(model)).await
}

/// Finds or makes the model's row, of the version that says the same about the golden picture, else of the latest.
pub(super) async fn register(conn: &mut PgConnection, model: &Model) -> sqlx::Result<ModelId> {
    let latest = models::register(conn, &new_model(model)).await?;
    let version = models::version_that_says(conn, latest, model.golden()).await?;
    Ok(version.unwrap_or(latest))
}

/// Holds the model's golden answer against the one that was recorded for this row, and records where it moved to, and the cut-off that
/// the manifest brings by now.
pub(super) async fn held(
    conn: &mut PgConnection,
    id: ModelId,
    model: Arc<Model>,
) -> Result<Served, ServingError> {
    record_members(&mut *conn, id, &model).await?;
    if let Manifest { task: Task::Watch, threshold, .. } = model.manifest() {
        thresholds::follow_manifest(conn, id, (threshold.value, threshold.measured_on.as_deref())).await?;
    }
    let golden = model.golden();
    let recorded = models::record_check(conn, id, golden).await?;
    let agrees = golden.agrees_with(recorded);
    let moved_to = (!agrees).then_some((golden.observed, model.runtime().version()));
    model_versions::observe(conn, id, &golden.image, moved_to).await?;
    let name = &model.manifest().name;
    if agrees {
        tracing::info!(model = name, task = %model.manifest().task, "model ready");
        return Ok(Served { id, model });
    }
    let checked = if model_versions::moved(conn).await?.iter().any(|moved| moved.model == id) {
        model.check_recorded(recorded)
    } else {
        let anew = format!(
            "have it score every image as another version of it: `chronograde models activate {name} --accept-moved`"
        );
        model.check_golden(recorded, &anew)
    };
    checked.map_err(|problem| ServingError::Moved { model: id, problem })?;
    Ok(Served { id, model })
}

/// Records what an ensemble averages. Also at each start: ensembles were once recorded without labels and members.
async fn record_members(conn: &mut PgConnection, ensemble: ModelId, model: &Model) -> sqlx::Result<()> {
    let mut members = Vec::new();
    for (manifest, weight, engine) in model.members() {
        let member = new_member(manifest, engine, model.runtime());
        let member = models::register(&mut *conn, &member).await?;
        members.push((member, weight));
    }
    if !members.is_empty() {
        models::set_members(conn, ensemble, &members, &model.positive_labels()).await?;
    }
    Ok(())
}

fn new_model(model: &Model) -> NewModel {
    let outputs = (model.positive_labels(), model.features_dimension());
    described(model.manifest(), model.fingerprint(), outputs, model.runtime())
}

/// A member of an ensemble, which is one network.
fn new_member(manifest: &Manifest, engine: &Engine, runtime: &Runtime) -> NewModel {
    let network = engine.network();
    let outputs = (network.positive_labels(), engine.features_dimension());
    described(manifest, network.fingerprint(), outputs, runtime)
}

fn described(
    manifest: &Manifest,
    fingerprint: ContentHash,
    (positives, features_dimension): (Vec<String>, Option<usize>),
    runtime: &Runtime,
) -> NewModel {
    let is_watch = manifest.task == Task::Watch;
    NewModel {
        name: manifest.name.clone(),
        task: manifest.task,
        fingerprint,
        preprocessing: PREPROCESSING,
        manifest: kept_manifest::of(manifest),
        onnxruntime: runtime.version().to_owned(),
        sha256: manifest.network().map(|network| network.sha256),
        title: manifest.title.clone(),
        question: is_watch.then(|| manifest.question.as_str().to_owned()),
        positives,
        default_threshold: is_watch.then_some(manifest.threshold.value),
        threshold_measured_on: manifest.threshold.measured_on.clone(),
        features_dimension,
    }
}
