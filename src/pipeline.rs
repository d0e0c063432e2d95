//! One image from its bytes to its row: decode → score → store.

mod trouble;

use std::{sync::Arc, time::Instant};

use futures_util::future::join_all;
use sqlx::PgPool;

pub use self::trouble::Trouble;
use crate::{
    decode::{
        self, DecodeError, Decoders, GRID_PX, Luma, Need, PerceptualHash, Picture, RenditionError,
        SIGNALS_PX, Signals, Tensor,
    },
    domain::{ImageId, ModelId},
    ingest::original::{self, Original, OriginalError},
    metrics,
    objects::Objects,
    score::{Prediction, ScoreError},
    serving::Served,
    store::{
        generations, images,
        results::{self, Findings},
        scorings,
    },
};

/// Failed tries at one image after which it is given up. The queue waits longer before each, half an hour in all,
/// so that a share that is away for a while costs no image.
pub const MAX_TRIES: i32 = 8;

/// What became of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The predictions of the models that run are stored.
    Scored,
    /// No served model lacked a prediction for it.
    NothingToDo,
    /// Its bytes are no picture; the ledger says so, and there is no image any more.
    Rejected,
    /// Its file is gone or has other bytes now; it is scored when the file is back.
    Missing,
    /// It failed too many times; the reason is stored.
    GivenUp,
}

/// Why an image was not scored this time.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// The database, the image store or a network is down: no fault of the image's, and no try used.
    #[error("the service could not score an image")]
    Service(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The folder that the file lies in is away, a dropped mount say: this image waits, and no try is used.
    #[error("the folder that the file lies in is away")]
    Away,
    /// This image failed, and may not the next time; the try is counted.
    #[error("{0}")]
    Image(String),
}

impl PipelineError {
    fn service(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Service(error.into())
    }
}

impl From<sqlx::Error> for PipelineError {
    /// A refusal of what was to be stored (SQLSTATE classes 22 and 23), or a conflict with another transaction
    /// (class 40), is this image's matter and must not keep the others waiting.
    fn from(error: sqlx::Error) -> Self {
        let code = error.as_database_error().and_then(|error| error.code());
        if code.is_some_and(|code| ["22", "23", "40"].iter().any(|class| code.starts_with(class))) {
            tracing::warn!(%error, "the database refused what is known of an image");
            return Self::Image("what was found out about it could not be stored".to_owned());
        }
        Self::service(error)
    }
}

/// Everything that scoring one image takes. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Pipeline {
    /// The database.
    pub pool: PgPool,
    /// Renditions and stored originals.
    pub objects: Objects,
    /// The models that are served, each on threads of its own.
    pub models: Arc<[Served]>,
    /// The decoders of this process.
    pub decoders: Decoders,
    /// Where a failure of the service is told.
    pub trouble: Trouble,
}

impl Pipeline {
    /// The rows of the models that it runs, without those that were set aside.
    pub fn model_ids(&self) -> Vec<ModelId> {
        self.models.iter().map(|model| model.id).filter(|id| !self.trouble.is_aside(*id)).collect()
    }

    /// Takes one image from its bytes to its row. Doing it twice does no harm.
    ///
    /// # Errors
    /// What another try may mend; [`PipelineError`] says whose fault it was.
    pub async fn process(&self, image: ImageId) -> Result<Outcome, PipelineError> {
        let begun = Instant::now();
        let processed = match self.finish(image).await {
            Err(PipelineError::Image(reason)) => self.count_try(image, reason).await,
            attempted => attempted,
        };
        metrics::image(processed.as_ref().ok().copied(), begun.elapsed().as_secs_f64());
        processed
    }

    /// Attempts until nothing is left to do: a generation that opens meanwhile asks for more, and no job is added for an image that has
    /// one.
    async fn finish(&self, image: ImageId) -> Result<Outcome, PipelineError> {
        let mut outcome = self.attempt(image).await?;
        while outcome == Outcome::Scored {
            match self.attempt(image).await? {
                Outcome::NothingToDo => break,
                further => outcome = further,
            }
        }
        Ok(outcome)
    }

    async fn attempt(&self, image: ImageId) -> Result<Outcome, PipelineError> {
        let models = self.lacking(image).await?;
        if models.is_empty() {
            return Ok(Outcome::NothingToDo);
        }
        let original = match original::read(&self.pool, &self.objects, image).await {
            Ok(original) => original,
            Err(error) => return self.unread(image, error).await,
        };
        let hash = original.hash;
        let views = match self.view(original, models.clone()).await {
            Ok(views) => views,
            Err(Unviewed::Picture(reason)) => return self.reject(image, &reason).await,
            Err(Unviewed::Service(error)) => return Err(error),
        };
        self.objects.put_rendition(GRID_PX, &hash, views.thumbnail).await.map_err(PipelineError::service)?;
        let (predictions, unanswered) = infer(&models, views.tensors).await;
        let is_scored = !predictions.is_empty();
        if is_scored {
            let findings = Findings { signals: views.signals, phash: views.phash, predictions };
            results::commit(&self.pool, image, &findings).await?;
        }
        self.blame(unanswered).await?;
        Ok(if is_scored { Outcome::Scored } else { Outcome::NothingToDo })
    }

    /// What follows from models that did not answer. Where the network runs, and fails at this image, that is a try of it. A model that
    /// does not run is set aside; if the pages show it, that is the service's trouble, else the others go on.
    async fn blame(&self, unanswered: Vec<(&Served, ScoreError)>) -> Result<(), PipelineError> {
        let mut reason = None;
        for (served, error) in unanswered {
            if error.is_the_images_fault() {
                reason = Some(error.to_string());
                continue;
            }
            let shown = generations::active(&mut *self.pool.acquire().await?).await?;
            self.trouble.set_aside(served, &error);
            if shown.is_none_or(|pair| [pair.watch_model, pair.quality_model].contains(&served.id)) {
                let name = &served.model.manifest().name;
                return Err(PipelineError::service(format!("model {name} does not run: {error}")));
            }
        }
        reason.map_or(Ok(()), |reason| Err(PipelineError::Image(reason)))
    }

    async fn lacking(&self, image: ImageId) -> Result<Vec<Served>, PipelineError> {
        let ids = self.model_ids();
        let mut conn = self.pool.acquire().await?;
        let pending = scorings::pending(&mut conn, image, &ids).await?;
        Ok(self.models.iter().filter(|model| pending.contains(&model.id)).cloned().collect())
    }

    /// Makes everything that takes pixels, from decoding once.
    async fn view(&self, original: Original, models: Vec<Served>) -> Result<Views, Unviewed> {
        let inputs = models.iter().flat_map(|served| served.model.inputs());
        let need = inputs.fold(Need::long_side(SIGNALS_PX), Need::and_model);
        let views = self.decoders.decode(original.bytes, need, move |picture| Views::of(picture, &models));
        Ok(views.await?.map_err(|error: RenditionError| PipelineError::Image(error.to_string()))?)
    }

    /// The bytes of a new image are no picture: the ledger gets the reason, the image goes.
    async fn reject(&self, image: ImageId, reason: &DecodeError) -> Result<Outcome, PipelineError> {
        let mut tx = self.pool.begin().await?;
        images::reject(&mut tx, image, &reason.to_string()).await?;
        tx.commit().await?;
        Ok(Outcome::Rejected)
    }

    /// Counts a failed try; after the last one it is for a person to have it tried again.
    async fn count_try(&self, image: ImageId, reason: String) -> Result<Outcome, PipelineError> {
        let mut conn = self.pool.acquire().await?;
        if scorings::count_try(&mut conn, image, &self.model_ids(), &reason, MAX_TRIES).await? {
            Ok(Outcome::GivenUp)
        } else {
            Err(PipelineError::Image(reason))
        }
    }

    async fn unread(&self, image: ImageId, error: OriginalError) -> Result<Outcome, PipelineError> {
        match error {
            OriginalError::Missing => {
                let mut conn = self.pool.acquire().await?;
                scorings::fail_all(&mut conn, image, "the file is gone; it is scored when it is back")
                    .await?;
                Ok(Outcome::Missing)
            }
            OriginalError::File(error) => {
                Err(PipelineError::Image(format!("the file cannot be read: {error}")))
            }
            OriginalError::Away => Err(PipelineError::Away),
            OriginalError::Service(error) => Err(PipelineError::Service(error)),
        }
    }
}

/// Why there are no views of an image: its bytes, or the service.
enum Unviewed {
    Picture(DecodeError),
    Service(PipelineError),
}

impl From<DecodeError> for Unviewed {
    fn from(reason: DecodeError) -> Self {
        Self::Picture(reason)
    }
}

impl From<PipelineError> for Unviewed {
    fn from(error: PipelineError) -> Self {
        Self::Service(error)
    }
}

/// Everything that is made of one picture's pixels.
struct Views {
    signals: Signals,
    phash: PerceptualHash,
    /// The small rendition for the galleries, JPEG.
    thumbnail: Vec<u8>,
    /// Each model's tensors.
    tensors: Vec<Vec<Tensor>>,
}

impl Views {
    fn of(picture: &Picture, models: &[Served]) -> Result<Self, RenditionError> {
        let luma = Luma::of(&picture.rgb);
        Ok(Self {
            signals: Signals::measure(picture, &luma),
            phash: PerceptualHash::of(&luma),
            thumbnail: decode::rendition(picture, GRID_PX)?,
            tensors: models.iter().map(|served| served.model.tensors(&picture.rgb)).collect(),
        })
    }
}

/// What models said of one image: a prediction, or why there can be none.
type Said = Vec<(ModelId, Result<Prediction, String>)>;

/// Asks all models at the same time. What a model cannot make of this image is an answer, too; a model that fails is none, and keeps
/// no other's from being stored.
async fn infer(models: &[Served], tensors: Vec<Vec<Tensor>>) -> (Said, Vec<(&Served, ScoreError)>) {
    let asked = models
        .iter()
        .zip(tensors)
        .map(|(served, tensors)| async move { (served, served.model.score(tensors).await) });
    let (mut said, mut unanswered) = (Vec::new(), Vec::new());
    for (served, outcome) in join_all(asked).await {
        match outcome {
            Ok(prediction) => said.push((served.id, Ok(prediction))),
            Err(ScoreError::Image(error)) => said.push((served.id, Err(error.to_string()))),
            Err(error) => unanswered.push((served, error)),
        }
    }
    (said, unanswered)
}
