//! Which models serve: joins the manifests on disk, the generation in the database, and the engines that run.

mod kept_manifest;
mod operations;
mod record;
mod refusals;
mod threshold;
mod workshop;

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use sqlx::PgPool;

pub use self::{
    operations::{Operation, Operations, Progress, Running},
    record::record,
    refusals::{Refusals, Refused},
    threshold::threshold,
    workshop::{Ask, BringInError, BroughtIn, Checked, Workshop},
};
use crate::{
    config::Settings,
    domain::{ModelId, Task},
    score::{Catalogue, CatalogueError, LoadError, Model, Runtime, RuntimeError},
    store::{
        generations,
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

/// The models that run, and those that do not.
#[derive(Debug, Default)]
pub struct Loaded {
    /// What was asked for before the models were opened: a change meanwhile is noticed at the next look.
    wanted: BTreeSet<ModelId>,
    /// The models that run, those of the active generation first.
    pub models: Vec<Served>,
    /// Those that do not.
    pub refused: Vec<Refused>,
}

impl Loaded {
    /// Whether these are the models that are to be run, whichever pair of them the pages show.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn is_wanted(&self, pool: &PgPool) -> sqlx::Result<bool> {
        Ok(wanted(pool).await?.into_iter().collect::<BTreeSet<_>>() == self.wanted)
    }

    /// One that did not run, and could by now: opened beside those that run.
    pub async fn one_that_is_back(&self, settings: &Settings) -> Option<Arc<Model>> {
        let mut missing = self.missing().peekable();
        missing.peek()?;
        let mut loader = Loader::new(settings, &[]).ok()?;
        for recorded in missing {
            if let Ok(model) = loader.open(recorded).await {
                return Some(model);
            }
        }
        None
    }
}

/// Loads the models of every generation that is kept up, as far as they can be run. Those that are `open` and still what folder and
/// database ask for are kept as they are. A database that has none gets the default manifests, and every image that is there waits for
/// them.
///
/// # Errors
/// No model runs: a sentence that says what is wrong with the first one, and the way out. Or the database is away.
pub async fn load(pool: &PgPool, settings: &Settings, open: &[Arc<Model>]) -> Result<Loaded, ServingError> {
    let mut loader = Loader::new(settings, open)?;
    let mut asked = wanted(pool).await?;
    if asked.is_empty() {
        begin(pool, &mut loader).await?;
        asked = wanted(pool).await?;
    }
    let mut loaded = Loaded { wanted: asked.iter().copied().collect(), ..Loaded::default() };
    for id in asked {
        let recorded = models::identity(&mut *pool.acquire().await?, id).await?;
        match loader.known(pool, &recorded).await {
            Ok(served) => loaded.models.push(served),
            // It says nothing about the model.
            Err(error @ ServingError::Database(_)) => return Err(error),
            Err(error) => loaded.refused.push(Refused { recorded, error }),
        }
    }
    if loaded.models.is_empty() && !loaded.refused.is_empty() {
        return Err(loaded.refused.swap_remove(0).error);
    }
    Ok(loaded)
}

/// The models that are to be run, those of the active generation first.
async fn wanted(pool: &PgPool) -> sqlx::Result<Vec<ModelId>> {
    generations::models(&mut *pool.acquire().await?).await
}

/// Gives a catalog that has no models the default ones; where another process was faster, its defaults stay.
async fn begin(pool: &PgPool, loader: &mut Loader<'_>) -> Result<(), ServingError> {
    let watch = loader.default_for(Task::Watch).await?;
    let quality = loader.default_for(Task::Quality).await?;
    let mut tx = pool.begin().await?;
    let watch = record::register(&mut tx, &watch).await?;
    let quality = record::register(&mut tx, &quality).await?;
    generations::create_active(&mut tx, watch, quality).await?;
    Ok(tx.commit().await?)
}

/// Opens models, each once whatever the number of its versions.
struct Loader<'a> {
    catalogue: Catalogue,
    runtime: &'static Runtime,
    settings: &'a Settings,
    opened: HashMap<String, Arc<Model>>,
}

impl<'a> Loader<'a> {
    /// Of those that are `open`, models whose manifest or weights are others in the folder by now are opened anew, or refused.
    fn new(settings: &'a Settings, open: &[Arc<Model>]) -> Result<Self, ServingError> {
        let catalogue = Catalogue::read(&settings.models)?;
        let runtime = Runtime::load(&settings.libraries())?;
        let open = open.iter().filter(|model| model.is_as_in(&catalogue));
        let opened = open.map(|model| (model.manifest().name.clone(), Arc::clone(model))).collect();
        Ok(Self { catalogue, runtime, settings, opened })
    }

    /// Opens the default model of a task.
    async fn default_for(&mut self, task: Task) -> Result<Arc<Model>, ServingError> {
        let name = self.catalogue.default_for(task)?.name.clone();
        let model = Model::load(&self.catalogue, &name, self.runtime, self.settings.engine()).await?;
        Ok(Arc::clone(self.opened.entry(name).or_insert(Arc::new(model))))
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

    /// Loads a model that the catalog knows. No connection is held while it is opened.
    async fn known(&mut self, pool: &PgPool, recorded: &Identity) -> Result<Served, ServingError> {
        let model = self.open(recorded).await?;
        record::held(&mut *pool.acquire().await?, recorded.id, model).await
    }
}

#[cfg(test)]
mod tests;
