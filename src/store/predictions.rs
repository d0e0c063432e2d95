//! What models said: one row per image and model, never overwritten.

use half::f16;
use serde_json::{Value, json};
use sqlx::PgConnection;

use crate::{
    domain::{Distribution, ImageId, ModelId},
    score::{Answer, Prediction, WatchScore},
};

/// Stores a prediction; one that is there already stays as it is.
///
/// # Errors
/// When the database refuses.
pub async fn insert(
    conn: &mut PgConnection,
    image: ImageId,
    model: ModelId,
    prediction: &Prediction,
) -> sqlx::Result<()> {
    match &prediction.answer {
        Answer::Watch(score) => insert_watch(conn, image, model, score).await?,
        Answer::Quality(distribution) => insert_quality(conn, image, model, distribution).await?,
    }
    if let Some(features) = &prediction.features {
        insert_embedding(conn, image, model, features).await?;
    }
    Ok(())
}

async fn insert_watch(
    conn: &mut PgConnection,
    image: ImageId,
    model: ModelId,
    score: &WatchScore,
) -> sqlx::Result<()> {
    let positives: Vec<f64> = score.positives.iter().map(|(_label, probability)| *probability).collect();
    let top: Value = score
        .top
        .iter()
        .map(|(label, probability)| json!({ "label": label, "probability": probability }))
        .collect();
    sqlx::query!(
        "INSERT INTO watch_predictions (image_id, model_id, confidence, positives, top)
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (image_id, model_id) DO NOTHING",
        image.0,
        model.0,
        score.confidence.get(),
        &positives,
        top,
    )
    .execute(conn)
    .await
    .map(drop)
}

async fn insert_quality(
    conn: &mut PgConnection,
    image: ImageId,
    model: ModelId,
    distribution: &Distribution,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO quality_predictions (image_id, model_id, bins, mean, std)
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (image_id, model_id) DO NOTHING",
        image.0,
        model.0,
        distribution.bins(),
        distribution.mean(),
        distribution.std(),
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Embeddings are kept as little-endian float16: half the size, and far finer than what tells images apart.
async fn insert_embedding(
    conn: &mut PgConnection,
    image: ImageId,
    model: ModelId,
    features: &[f32],
) -> sqlx::Result<()> {
    let bytes: Vec<u8> = features.iter().flat_map(|value| f16::from_f32(*value).to_le_bytes()).collect();
    sqlx::query!(
        "INSERT INTO embeddings (image_id, model_id, values) VALUES ($1, $2, $3)
         ON CONFLICT (image_id, model_id) DO NOTHING",
        image.0,
        model.0,
        bytes,
    )
    .execute(conn)
    .await
    .map(drop)
}
