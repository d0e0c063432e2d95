//! One image from its bytes to its row: decode → score → store.

use std::sync::Arc;

use futures_util::future::try_join_all;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use crate::{
    decode::{
        self, DecodeError, Decoders, GRID_PX, Luma, Need, PerceptualHash, Picture, RenditionError,
        SIGNALS_PX, Signals, Tensor,
    },
    domain::{ImageId, ModelId},
    ingest::original::{self, Original, OriginalError},
    objects::Objects,
    score::Prediction,
    serving::Served,
    store::{
        images,
        results::{self, Findings},
        scorings,
    },
};

/// Failed tries at reading one image's file after which the queue gives up on it.
pub const MAX_TRIES: i32 = 5;

/// What became of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Its predictions are stored.
    Scored,
    /// No served model lacked a prediction for it.
    NothingToDo,
    /// Its bytes are no picture; the ledger says so, and there is no image any more.
    Rejected,
    /// Its file is gone or has other bytes now; it is scored when the file is back.
    Missing,
    /// Its file could not be read too many times; the reason is stored.
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
    /// The file could not be read this time; the try is counted.
    #[error("the file could not be read: {0}")]
    File(#[source] std::io::Error),
}

impl PipelineError {
    fn service(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Service(error.into())
    }
}

impl From<sqlx::Error> for PipelineError {
    fn from(error: sqlx::Error) -> Self {
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
    /// Cancelled when the service fails an image, so that no more jobs are claimed.
    pub trouble: CancellationToken,
}

impl Pipeline {
    /// Takes one image from its bytes to its row. Doing it twice does no harm.
    ///
    /// # Errors
    /// What another try may mend; [`PipelineError`] says whose fault it was.
    pub async fn process(&self, image: ImageId) -> Result<Outcome, PipelineError> {
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
        let predictions = infer(&models, views.tensors).await?;
        let findings = Findings { signals: views.signals, phash: views.phash, predictions };
        results::commit(&self.pool, image, &findings).await?;
        Ok(Outcome::Scored)
    }

    /// Logs what is wrong with the service, once, and stops the claiming of jobs.
    pub fn in_trouble(&self, error: &(dyn std::error::Error + 'static)) {
        if !self.trouble.is_cancelled() {
            tracing::error!(error, "scoring is interrupted");
            self.trouble.cancel();
        }
    }

    async fn lacking(&self, image: ImageId) -> Result<Vec<Served>, PipelineError> {
        let ids: Vec<ModelId> = self.models.iter().map(|model| model.id).collect();
        let mut conn = self.pool.acquire().await?;
        let pending = scorings::pending(&mut conn, image, &ids).await?;
        Ok(self.models.iter().filter(|model| pending.contains(&model.id)).cloned().collect())
    }

    /// Makes everything that takes pixels, from decoding once.
    async fn view(&self, original: Original, models: Vec<Served>) -> Result<Views, Unviewed> {
        let inputs = models.iter().flat_map(|served| served.model.inputs());
        let need = inputs.fold(Need::long_side(SIGNALS_PX), Need::and_model);
        let views = self.decoders.decode(original.bytes, need, move |picture| Views::of(picture, &models));
        Ok(views.await?.map_err(PipelineError::service)?)
    }

    /// The bytes of a new image are no picture: the ledger gets the reason, the image goes.
    async fn reject(&self, image: ImageId, reason: &DecodeError) -> Result<Outcome, PipelineError> {
        let mut tx = self.pool.begin().await?;
        images::reject(&mut tx, image, &reason.to_string()).await?;
        tx.commit().await?;
        Ok(Outcome::Rejected)
    }

    async fn unread(&self, image: ImageId, error: OriginalError) -> Result<Outcome, PipelineError> {
        let mut conn = self.pool.acquire().await?;
        match error {
            OriginalError::Missing => {
                scorings::fail_all(&mut conn, image, "the file is gone; it is scored when it is back")
                    .await?;
                Ok(Outcome::Missing)
            }
            OriginalError::File(error) => {
                if scorings::count_try(&mut conn, image, &error.to_string(), MAX_TRIES).await? {
                    Ok(Outcome::GivenUp)
                } else {
                    Err(PipelineError::File(error))
                }
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

/// Asks all models at the same time. What a model cannot make of this image is an answer, too; a model that
/// is down is not.
async fn infer(
    models: &[Served],
    tensors: Vec<Vec<Tensor>>,
) -> Result<Vec<(ModelId, Result<Prediction, String>)>, PipelineError> {
    let asked = models.iter().zip(tensors).map(|(served, tensors)| async move {
        match served.model.score(tensors).await {
            Ok(prediction) => Ok((served.id, Ok(prediction))),
            Err(error) if error.is_the_images_fault() => Ok((served.id, Err(error.to_string()))),
            Err(error) => Err(PipelineError::service(error)),
        }
    });
    try_join_all(asked).await
}
