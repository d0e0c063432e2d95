//! What can be done with the models of one folder, for the command line and for the Models page alike.

use std::{fmt, path::PathBuf};

use sqlx::{PgConnection, PgPool};
use tokio::runtime::Handle;

use super::ServingError;
use crate::{
    config::Settings,
    domain::{AnnotatorId, ContentHash, GenerationId, ModelId, Task},
    score::{Catalogue, CatalogueError, EngineSettings, GoldenCheck, Libraries, LoadError, Model, Runtime},
    store::{
        events,
        generations::{self, Activation, Coverage, Generation},
        model_names, model_versions, models,
    },
};

/// The models folder of this machine, and what runs its networks.
#[derive(Clone, Debug)]
pub struct Workshop {
    folder: PathBuf,
    libraries: Libraries,
    engine: EngineSettings,
    is_offline: bool,
}

/// A model that is what its manifest says, and can be served.
#[derive(Clone, Debug)]
pub struct Checked {
    /// What it said about its golden picture.
    pub golden: GoldenCheck,
    /// Hash of what decides its numbers.
    pub fingerprint: ContentHash,
    /// Doubts that do not keep it from serving.
    pub warnings: Vec<String>,
}

/// A model that was given the place of the one of its task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BroughtIn {
    /// The pair that it is part of.
    pub generation: GenerationId,
    /// Whether the pages show that pair already.
    pub serves: bool,
    /// Whether they did before.
    pub served: bool,
    /// What the model is called that was being brought in, and is no more: it had the place that this one took.
    pub gave_up: Option<String>,
    /// Images that wait for it otherwise, and those that it gave up on.
    pub open: Coverage,
}

/// Which model is to be brought in.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// Its name.
    pub name: &'a str,
    /// Who asks; nobody on the command line.
    pub by: Option<AnnotatorId>,
    /// Whether its numbers, where they moved since it served last, are accepted as another version of it.
    pub accepts_moved: bool,
}

/// Why a model was not brought in.
#[derive(Debug, thiserror::Error)]
pub enum BringInError {
    /// It cannot be served.
    #[error(transparent)]
    Serving(#[from] ServingError),
    /// There is no pair that it could be part of.
    #[error("no model has served yet: start `chronograde serve` once; it serves the default models")]
    NoneServes,
    /// Its pair cannot be shown any more.
    #[error("one cannot go back to {name} with {moved}, whose numbers moved since that pair served")]
    Moved {
        /// The model that was asked for.
        name: String,
        /// What moved.
        moved: String,
    },
}

impl From<sqlx::Error> for BringInError {
    fn from(error: sqlx::Error) -> Self {
        Self::Serving(error.into())
    }
}

impl Workshop {
    /// The workshop of these settings.
    pub fn new(settings: &Settings) -> Self {
        Self {
            folder: settings.models.clone(),
            libraries: settings.libraries(),
            engine: settings.engine(),
            is_offline: settings.offline,
        }
    }

    /// The same for somebody who waits: networks run at the priority of the command, not when the machine has nothing else to do.
    pub fn in_the_foreground(self) -> Self {
        Self { engine: EngineSettings { gives_way: false, ..self.engine }, ..self }
    }

    /// The models folder.
    pub const fn folder(&self) -> &PathBuf {
        &self.folder
    }

    /// Whether nothing may be fetched.
    pub const fn is_offline(&self) -> bool {
        self.is_offline
    }

    /// The manifests as they are now, read on a thread that no page waits for.
    ///
    /// # Errors
    /// The folder cannot be read, or a manifest is refused.
    pub async fn catalogue(&self) -> Result<Catalogue, CatalogueError> {
        let folder = self.folder.clone();
        let read = tokio::task::spawn_blocking(move || Catalogue::read(&folder)).await;
        read.unwrap_or_else(|crash| {
            let problem = std::io::Error::other(crash);
            Err(CatalogueError::Folder { folder: self.folder.clone(), problem })
        })
    }

    /// Loads a model as the service would load it: checksum, names, shapes, types, golden picture.
    ///
    /// # Errors
    /// It cannot be served, in a sentence.
    pub async fn check(&self, name: &str) -> Result<Checked, ServingError> {
        let model = self.load(name).await?;
        Ok(Checked {
            golden: model.golden().clone(),
            fingerprint: model.fingerprint(),
            warnings: model.manifest().warnings(),
        })
    }

    /// Serves a model in place of the one of its task: at once where it has scored every image, else as soon as it has.
    ///
    /// # Errors
    /// It cannot be served, in a sentence, or no model serves yet.
    pub async fn bring_in(&self, pool: &PgPool, ask: Ask<'_>) -> Result<BroughtIn, BringInError> {
        let model = self.load(ask.name).await?;
        let (task, golden) = (model.manifest().task, model.golden().clone());
        let mut conn = pool.acquire().await?;
        if generations::latest(&mut conn).await?.is_none() {
            return Err(BringInError::NoneServes);
        }
        // By itself: that its numbers moved is to be known also where it is refused for it.
        let recorded = super::record(&mut conn, model).await;
        drop(conn);
        let mut tx = pool.begin().await?;
        let id = match recorded {
            Err(ServingError::Moved { model, .. }) if ask.accepts_moved => {
                // Of two that ask at the same moment one comes second, and finds the version of the other.
                generations::keep_out(&mut tx).await?;
                match models::version_that_says(&mut tx, model, &golden).await? {
                    Some(version) => version,
                    None => model_versions::next_version(&mut tx, model, ask.by).await?,
                }
            }
            recorded => recorded?.id,
        };
        let brought = place(&mut tx, (id, task), ask).await?;
        tx.commit().await?;
        Ok(brought)
    }

    /// Loading takes seconds of a processor, which pages do not wait for.
    async fn load(&self, name: &str) -> Result<Model, ServingError> {
        let catalogue = self.catalogue().await?;
        let (libraries, engine, name) = (self.libraries.clone(), self.engine, name.to_owned());
        let asked = name.clone();
        let here = Handle::current();
        let loading = tokio::task::spawn_blocking(move || {
            let runtime = Runtime::load(&libraries)?;
            Ok(here.block_on(Model::load(&catalogue, &asked, runtime, engine))?)
        });
        loading.await.unwrap_or_else(|crash| {
            tracing::error!(%crash, "loading a model broke off");
            let problem = "loading it broke off; the log may say why".to_owned();
            Err(LoadError::Unsupported { model: name, problem }.into())
        })
    }
}

/// Gives a model the place of the one of its task in the latest pair, which is shown at once where no image waits for it.
async fn place(
    conn: &mut PgConnection,
    (id, task): (ModelId, Task),
    ask: Ask<'_>,
) -> Result<BroughtIn, BringInError> {
    generations::keep_out(&mut *conn).await?;
    let latest = generations::latest(&mut *conn).await?.ok_or(BringInError::NoneServes)?;
    let shown = generations::active(&mut *conn).await?;
    let (watch, quality, replaced) = match task {
        Task::Watch => (id, latest.quality_model, latest.watch_model),
        Task::Quality => (latest.watch_model, id, latest.quality_model),
    };
    let was_filling = |shown: Generation| ![id, shown.watch_model, shown.quality_model].contains(&replaced);
    let gave_up = match shown.is_some_and(was_filling) {
        true => model_names::of(&mut *conn, [replaced].into_iter()).await?.remove(&replaced),
        false => None,
    };
    let generation = generations::make(&mut *conn, watch, quality).await?;
    let activation = generations::activate(&mut *conn, generation, ask.by).await?;
    if activation == Activation::Moved {
        let moved = model_versions::moved_in(&mut *conn, generation).await?.join(" and ");
        return Err(BringInError::Moved { name: ask.name.to_owned(), moved });
    }
    let serves = activation == Activation::Shown;
    let served = shown.is_some_and(|shown| shown.id == generation);
    if !served {
        let what = if serves { "models.activate" } else { "models.bring_in" };
        events::record(&mut *conn, ask.by, what, Some(&generation.to_string())).await?;
    }
    if gave_up.is_some() {
        events::record(&mut *conn, ask.by, "models.give_up", Some(&latest.id.to_string())).await?;
    }
    let open = generations::coverage(conn, generation).await?;
    Ok(BroughtIn { generation, serves, served, gave_up, open })
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { golden, fingerprint, .. } = self;
        let against =
            if golden.expected.is_some() { "as the manifest says" } else { "no value to compare with" };
        write!(
            f,
            "checksum, names, shapes and types are right; {:.4} for {} ({against}); fingerprint {fingerprint}",
            golden.observed, golden.image
        )
    }
}

impl BroughtIn {
    /// What happens now with the model `name`, in words.
    pub fn in_words(&self, name: &str) -> String {
        let happens = match (self.serves, self.served) {
            (true, true) => format!("{name} serves already: the pages go on as they are."),
            (true, false) => format!(
                "{name} serves: the pages show it from now on. The former model is kept up, so that one can go back at once."
            ),
            (false, _) => format!(
                "{name} scores every image in the background ({} to go), new arrivals first; the pages go on with the present model, and \
                 switch within a minute of the last one. The Models page and `chronograde models list` say how far it is.",
                self.open.waiting
            ),
        };
        match &self.gave_up {
            Some(former) => format!(
                "{happens} {former}, which was being brought in, is given up for it; its scores stay, and activating it again goes on from \
                 there."
            ),
            None => happens,
        }
    }
}
