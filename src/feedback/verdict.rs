//! A manager's word on the watch question, outside every round. The latest one decides the label at once.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::FeedbackError;
use crate::{
    domain::{AnnotatorId, ImageId},
    store::{
        corrections::{self, Verdict},
        events, evidence,
    },
};

/// Stores verdicts, each once by its key, in one transaction: one save. How many were new.
///
/// # Errors
/// When there is no such image, or the database refuses.
pub async fn give(
    pool: &PgPool,
    now: DateTime<Utc>,
    who: AnnotatorId,
    verdicts: &[Verdict<'_>],
) -> Result<usize, FeedbackError> {
    let mut tx = pool.begin().await?;
    let mut images: Vec<Uuid> = verdicts.iter().map(|verdict| verdict.image.0).collect();
    // In one order, so that two saves never wait for each other.
    images.sort_unstable();
    for image in &images {
        if !evidence::lock(&mut tx, ImageId(*image)).await? {
            return Err(FeedbackError::NoImage);
        }
    }
    let mut new = 0;
    for verdict in verdicts {
        if !corrections::is_known(&mut tx, who, verdict.key).await? {
            corrections::give_verdict(&mut tx, who, *verdict, now).await?;
            let what = json!({ "is_watch": verdict.is_watch });
            record(&mut tx, who, ("image.verdict", verdict.image), &what).await?;
            new += 1;
        }
    }
    evidence::refresh(&mut tx, &images).await?;
    tx.commit().await?;
    Ok(new)
}

/// Takes verdicts back by their keys; what they superseded holds again. How many were in force.
///
/// # Errors
/// When the database refuses.
pub async fn take_back(
    pool: &PgPool,
    now: DateTime<Utc>,
    who: AnnotatorId,
    keys: &[Uuid],
) -> Result<usize, FeedbackError> {
    let mut tx = pool.begin().await?;
    let mut images = vec![];
    for key in keys {
        // The same key again is found superseded, and a version of it names what holds again.
        let fresh = Uuid::from_u128(key.as_u128() ^ u128::from(now.timestamp_micros().cast_unsigned()));
        images.extend(corrections::take_back_verdict(&mut tx, who, *key, fresh, now).await?);
    }
    for image in &images {
        record(&mut tx, who, ("image.verdict-withdrawn", *image), &json!({})).await?;
    }
    let mut touched: Vec<Uuid> = images.iter().map(|image| image.0).collect();
    touched.sort_unstable();
    evidence::refresh(&mut tx, &touched).await?;
    tx.commit().await?;
    Ok(images.len())
}

/// Writes it into the image's history.
async fn record(
    conn: &mut PgConnection,
    who: AnnotatorId,
    (kind, image): (&str, ImageId),
    detail: &Value,
) -> sqlx::Result<()> {
    events::record_with(conn, Some(who), (kind, Some(&format!("image:{image}"))), detail).await
}
