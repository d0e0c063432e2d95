//! Which models serve: joins the manifests on disk, the generation in the database, and the engines that run.

mod kept_manifest;
mod operations;
mod threshold;
mod workshop;

use std::{collections::HashMap, sync::Arc};

use sqlx::{PgConnection, PgPool};

pub use self::{
    operations::{Operation, Operations, Progress, Running},
    threshold::threshold,
    workshop::{Ask, BringInError, BroughtIn, Checked, Workshop},
};
use crate::{
    config::Settings,
    domain::{ContentHash, ModelId, Task},
    score::{
        Catalogue, CatalogueError, Engine, LoadError, Manifest, Model, PREPROCESSING, Runtime, RuntimeError,
    },
    store::{
        generations, model_versions,
        models::{self, Identity, NewModel},
        thresholds,
    },
};

/// Why no model serves. The service waits and tries again; images stay pending and lose no try.
#[derive(Debug, thiserror::Error)]
pub enum ServingError {
    /// The manifests cannot be read, or none is the default.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// ONNX Runtime's library is absent.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// A model's file is absent, or is not what its manifest says.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The manifest on disk decides other numbers than the one that the catalog was scored with.
    #[error(
        "model {name} is not the one that scored this catalog: its file or its manifest changed. Put the former \
         ones back; give the new manifest a name of its own, and `chronograde models activate` has it score every image"
    )]
    Changed {
        /// The manifest's name.
        name: String,
    },
    /// What it says about its golden picture is not what it said before.
    #[error("{problem}")]
    Moved {
        /// Its row.
        model: ModelId,
        /// By how much, and the way out.
        problem: LoadError,
    },
    /// The database is away.
    #[error("the database did not say which models serve")]
    Database(#[from] sqlx::Error),
}

/// One model that serves, on threads of its own.
#[derive(Clone, Debug)]
pub struct Served {
    /// Its row.
    pub id: ModelId,
    /// The model.
    pub model: Arc<Model>,
}

/// The models that run, and what keeps others from it.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The models that run, those of the active generation first.
    pub models: Vec<Served>,
    /// Why a model whose scores the pages show does not run: what comes in waits for it, while the others go on.
    pub urgent: Vec<ServingError>,
    /// Why a model that is kept up, and that the pages can do without, does not run; nothing about which nobody has to decide.
    pub problems: Vec<ServingError>,
    /// Those that may run later, without a new start: their file or manifest is not there, or not as it was.
    pub missing: Vec<Identity>,
}

/// Loads the models of every generation that is kept up, as far as they can be run. A database that has none gets the default
/// manifests, and every image that is there waits for them.
///
/// # Errors
/// No model runs: a sentence that says what is wrong with the first one, and the way out. Or the database is away.
pub async fn load(pool: &PgPool, settings: &Settings) -> Result<Loaded, ServingError> {
    let mut loader = Loader::new(settings)?;
    let mut kept = generations::models(&mut *pool.acquire().await?).await?;
    if kept.is_empty() {
        if let Some(begun) = begin(pool, &loader).await? {
            return Ok(begun);
        }
        kept = generations::models(&mut *pool.acquire().await?).await?;
    }
    let mut conn = pool.acquire().await?;
    let (mut loaded, mut running, mut refused) = (Loaded::default(), Vec::new(), Vec::new());
    for id in kept {
        let recorded = models::identity(&mut conn, id).await?;
        match loader.known(&mut conn, &recorded).await {
            Ok(model) => {
                loaded.models.push(model);
                running.push(recorded);
            }
            // It says nothing about the model.
            Err(error @ ServingError::Database(_)) => return Err(error),
            Err(error) => refused.push((recorded, error)),
        }
    }
    if running.is_empty() && !refused.is_empty() {
        return Err(refused.swap_remove(0).1);
    }
    tell(&mut conn, &mut loaded, &running, refused).await?;
    Ok(loaded)
}

/// Sorts those that do not run: whether the pages wait for them, and whether they may run later.
async fn tell(
    conn: &mut PgConnection,
    loaded: &mut Loaded,
    running: &[Identity],
    refused: Vec<(Identity, ServingError)>,
) -> sqlx::Result<()> {
    let shown = generations::active(&mut *conn).await?;
    let undecided = model_versions::moved(conn).await?;
    for (recorded, error) in refused {
        let id = recorded.id;
        let has_moved = matches!(error, ServingError::Moved { .. });
        let is_shown = shown.is_some_and(|shown| id == shown.watch_model || id == shown.quality_model);
        // Where another version of it runs, that one is being brought in, and pages go on with what they have.
        if is_shown && !running.iter().any(|other| other.is_version_of(&recorded)) {
            loaded.urgent.push(error);
        } else if !has_moved || undecided.iter().any(|moved| moved.model == id) {
            loaded.problems.push(error);
        }
        // Numbers that moved stay where they are until somebody decides, or the service starts anew.
        if !has_moved {
            loaded.missing.push(recorded);
        }
    }
    Ok(())
}

/// Whether one of these models, which did not run, could run by now. Each is opened for that, beside those that run.
pub async fn one_is_back(settings: &Settings, missing: &[Identity]) -> bool {
    let Ok(mut loader) = Loader::new(settings) else { return false };
    for recorded in missing {
        if loader.open(recorded).await.is_ok() {
            return true;
        }
    }
    false
}

/// Serves the default models of a catalog that has none yet; none where another process was faster, and its defaults are others.
async fn begin(pool: &PgPool, loader: &Loader<'_>) -> Result<Option<Loaded>, ServingError> {
    let mut conn = pool.acquire().await?;
    let mut served = Vec::new();
    for task in [Task::Watch, Task::Quality] {
        let name = &loader.catalogue.default_for(task)?.name;
        let model = Model::load(&loader.catalogue, name, loader.runtime, loader.settings.engine()).await?;
        served.push(record(&mut conn, model).await?);
    }
    let mut tx = pool.begin().await?;
    let shown = generations::create_active(&mut tx, served[0].id, served[1].id).await?;
    tx.commit().await?;
    let is_ours = [shown.watch_model, shown.quality_model] == [served[0].id, served[1].id];
    Ok(is_ours.then(|| Loaded { models: served, ..Loaded::default() }))
}

/// Opens models, each once whatever the number of its versions.
struct Loader<'a> {
    catalogue: Catalogue,
    runtime: &'static Runtime,
    settings: &'a Settings,
    opened: HashMap<String, Arc<Model>>,
}

impl<'a> Loader<'a> {
    fn new(settings: &'a Settings) -> Result<Self, ServingError> {
        let catalogue = Catalogue::read(&settings.models)?;
        let runtime = Runtime::load(&settings.libraries())?;
        Ok(Self { catalogue, runtime, settings, opened: HashMap::new() })
    }

    /// Opens the model that was recorded, if its file and manifest are those.
    async fn open(&mut self, recorded: &Identity) -> Result<Arc<Model>, ServingError> {
        let name = &recorded.name;
        if recorded.fingerprint != Model::fingerprint_of(&self.catalogue, name)?.to_string() {
            return Err(ServingError::Changed { name: name.clone() });
        }
        if let Some(model) = self.opened.get(name) {
            return Ok(Arc::clone(model));
        }
        let model = Model::open(&self.catalogue, name, self.runtime, self.settings.engine()).await?;
        Ok(Arc::clone(self.opened.entry(name.clone()).or_insert(Arc::new(model))))
    }

    /// Loads a model that the catalog knows.
    async fn known(&mut self, conn: &mut PgConnection, recorded: &Identity) -> Result<Served, ServingError> {
        let model = self.open(recorded).await?;
        held(conn, recorded.id, model).await
    }
}

/// Finds or makes the model's row, of the version that says the same about the golden picture, else of the latest, and holds
/// the answer against the recorded one.
///
/// # Errors
/// Its numbers moved, or the database is away.
pub async fn record(conn: &mut PgConnection, model: Model) -> Result<Served, ServingError> {
    let latest = models::register(conn, &new_model(&model)).await?;
    let version = models::version_that_says(conn, latest, model.golden()).await?;
    held(conn, version.unwrap_or(latest), Arc::new(model)).await
}

/// Holds the model's golden answer against the one that was recorded for this row, and records where it moved to, and the cut-off that
/// the manifest brings by now.
async fn held(conn: &mut PgConnection, id: ModelId, model: Arc<Model>) -> Result<Served, ServingError> {
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

#[cfg(test)]
mod tests;
