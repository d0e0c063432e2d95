//! Which models serve: joins the manifests on disk, the generation in the database, and the engines that run.

mod kept_manifest;
mod operations;
mod record;
mod threshold;
mod workshop;

use std::{collections::HashMap, sync::Arc};

use sqlx::{PgConnection, PgPool};

pub use self::{
    operations::{Operation, Operations, Progress, Running},
    record::record,
    threshold::threshold,
    workshop::{Ask, BringInError, BroughtIn, Checked, Workshop},
};
use crate::{
    config::Settings,
    domain::{ModelId, Task},
    score::{Catalogue, CatalogueError, LoadError, Model, Runtime, RuntimeError},
    store::{
        generations::{self, Generation},
        model_versions,
        models::{self, Identity},
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

/// What the database asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The models that are to be run, those of the active generation first.
    pub models: Vec<ModelId>,
    /// The pair that the pages show.
    pub shown: Option<Generation>,
}

impl Wanted {
    /// What it asks for now.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn now(pool: &PgPool) -> sqlx::Result<Self> {
        let mut conn = pool.acquire().await?;
        Ok(Self {
            models: generations::models(&mut conn).await?,
            shown: generations::active(&mut conn).await?,
        })
    }
}

/// The models that run, and what keeps others from it.
#[derive(Debug, Default)]
pub struct Loaded {
    /// What was asked for before the models were opened: a change meanwhile is noticed at the next look.
    pub wanted: Wanted,
    /// The models that run, those of the active generation first.
    pub models: Vec<Served>,
    /// Why a model whose scores the pages show does not run: what comes in waits for it, while the others go on.
    pub urgent: Vec<ServingError>,
    /// Why a model that is kept up, and that the pages can do without, does not run; nothing about which nobody has to decide.
    pub problems: Vec<ServingError>,
    /// Those that may run later, without a new start: their file or manifest is not there, or not as it was.
    pub missing: Vec<Identity>,
}

/// Loads the models of every generation that is kept up, as far as they can be run. Those of `running` that are still what folder and
/// database ask for are kept as they are. A database that has none gets the default manifests, and every image that is there waits for
/// them.
///
/// # Errors
/// No model runs: a sentence that says what is wrong with the first one, and the way out. Or the database is away.
pub async fn load(pool: &PgPool, settings: &Settings, running: &[Served]) -> Result<Loaded, ServingError> {
    let mut loader = Loader::new(settings, running)?;
    let mut wanted = Wanted::now(pool).await?;
    if wanted.models.is_empty() {
        if let Some(begun) = begin(pool, &loader).await? {
            return Ok(begun);
        }
        wanted = Wanted::now(pool).await?;
    }
    let mut conn = pool.acquire().await?;
    let (mut models, mut known, mut refused) = (Vec::new(), Vec::new(), Vec::new());
    for id in &wanted.models {
        let recorded = models::identity(&mut conn, *id).await?;
        match loader.known(&mut conn, &recorded).await {
            Ok(model) => {
                models.push(model);
                known.push(recorded);
            }
            // It says nothing about the model.
            Err(error @ ServingError::Database(_)) => return Err(error),
            Err(error) => refused.push((recorded, error)),
        }
    }
    if known.is_empty() && !refused.is_empty() {
        return Err(refused.swap_remove(0).1);
    }
    let mut loaded = Loaded { wanted, models, ..Loaded::default() };
    tell(&mut conn, &mut loaded, &known, refused).await?;
    Ok(loaded)
}

/// Sorts those that do not run: whether the pages wait for them, and whether they may run later.
async fn tell(
    conn: &mut PgConnection,
    loaded: &mut Loaded,
    known: &[Identity],
    refused: Vec<(Identity, ServingError)>,
) -> sqlx::Result<()> {
    let shown = loaded.wanted.shown;
    let undecided = model_versions::moved(conn).await?;
    for (recorded, error) in refused {
        let id = recorded.id;
        let has_moved = matches!(error, ServingError::Moved { .. });
        let is_shown = shown.is_some_and(|shown| id == shown.watch_model || id == shown.quality_model);
        // Where another version of it runs, that one is being brought in, and pages go on with what they have.
        if is_shown && !known.iter().any(|other| other.is_version_of(&recorded)) {
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
    let Ok(mut loader) = Loader::new(settings, &[]) else { return false };
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
    if [shown.watch_model, shown.quality_model] != [served[0].id, served[1].id] {
        return Ok(None);
    }
    drop(conn);
    Ok(Some(Loaded { wanted: Wanted::now(pool).await?, models: served, ..Loaded::default() }))
}

/// Opens models, each once whatever the number of its versions.
struct Loader<'a> {
    catalogue: Catalogue,
    runtime: &'static Runtime,
    settings: &'a Settings,
    opened: HashMap<String, Arc<Model>>,
}

impl<'a> Loader<'a> {
    /// Of `running`, those whose manifest or weights changed in the folder are opened anew, or refused.
    fn new(settings: &'a Settings, running: &[Served]) -> Result<Self, ServingError> {
        let catalogue = Catalogue::read(&settings.models)?;
        let runtime = Runtime::load(&settings.libraries())?;
        let running = running.iter().map(|served| &served.model).filter(|model| model.is_as_in(&catalogue));
        let opened = running.map(|model| (model.manifest().name.clone(), Arc::clone(model))).collect();
        Ok(Self { catalogue, runtime, settings, opened })
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
        record::held(conn, recorded.id, model).await
    }
}

#[cfg(test)]
mod tests;
