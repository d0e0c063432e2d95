//! The short transaction at the end of scoring one image.

use sqlx::{PgConnection, PgPool, types::Json};

use crate::{
    decode::{PHASH_VERSION, PerceptualHash, Signals},
    domain::{ImageId, ModelId},
    score::Prediction,
    store::{catalog, generations, predictions, scorings},
};

/// What decoding and scoring found out about one image.
#[derive(Debug)]
pub struct Findings {
    /// What the pixels themselves say.
    pub signals: Signals,
    /// The perceptual hash.
    pub phash: PerceptualHash,
    /// Each model's prediction, or why it could make none of this image.
    pub predictions: Vec<(ModelId, Result<Prediction, String>)>,
}

/// Stores everything about one image in one transaction. Twice the same does no harm.
///
/// It does not wait for the disk: after a crash of the server the queue's job is as unfinished as these rows
/// are absent, and the image is scored again.
///
/// # Errors
/// When the database refuses.
pub async fn commit(pool: &PgPool, image: ImageId, findings: &Findings) -> sqlx::Result<()> {
    let mut tx = pool.begin_with(super::BEGIN_IMAGE_WITHOUT_WAIT).await?;
    write(&mut tx, image, findings).await?;
    tx.commit().await
}

async fn write(tx: &mut PgConnection, image: ImageId, findings: &Findings) -> sqlx::Result<()> {
    generations::hold(&mut *tx).await?;
    let mut done = Vec::with_capacity(findings.predictions.len());
    for (model, prediction) in &findings.predictions {
        match prediction {
            Ok(prediction) => {
                predictions::insert(tx, image, *model, prediction).await?;
                done.push(*model);
            }
            Err(reason) => scorings::failed(tx, image, *model, reason).await?,
        }
    }
    scorings::done(tx, image, &done).await?;
    measure(tx, image, findings).await?;
    catalog::refresh_scores(tx, image, findings.signals.sharpness).await?;
    catalog::refresh_listing_of(tx, image).await
}

async fn measure(tx: &mut PgConnection, image: ImageId, findings: &Findings) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE images SET signals = $2, signals_version = $3, phash = $4, phash_version = $5 WHERE id = $1",
        image.0,
        Json(&findings.signals) as _,
        version(findings.signals.version),
        findings.phash.to_i64(),
        version(PHASH_VERSION),
    )
    .execute(tx)
    .await
    .map(drop)
}

/// Versions are small constants of ours; the column is an `INTEGER`.
fn version(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
