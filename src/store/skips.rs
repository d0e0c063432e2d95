//! Images that annotators left unjudged, and why.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::reservations::Whose;
use crate::domain::{ImageId, SkipKind};

/// Appends a skip. `false` when its key was stored already.
///
/// # Errors
/// When the database refuses.
pub async fn add(
    conn: &mut PgConnection,
    whose: Whose,
    image: ImageId,
    (kind, why): (SkipKind, Option<&str>),
    (key, at): (Uuid, DateTime<Utc>),
) -> sqlx::Result<bool> {
    let added = sqlx::query!(
        "INSERT INTO skips (round_id, image_id, annotator_id, kind, why, client_key, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (annotator_id, client_key) DO NOTHING",
        whose.round.0,
        image.0,
        whose.annotator.0,
        kind.as_str(),
        why,
        key,
        at
    );
    Ok(added.execute(conn).await?.rows_affected() == 1)
}

/// Takes somebody's skips of an image back: they judged it after all, or want to see it again.
///
/// # Errors
/// When the database refuses.
pub async fn withdraw(
    conn: &mut PgConnection,
    whose: Whose,
    image: ImageId,
    at: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let withdrawn = sqlx::query!(
        "UPDATE skips SET withdrawn_at = $4
         WHERE round_id = $1 AND image_id = $2 AND annotator_id = $3 AND withdrawn_at IS NULL",
        whose.round.0,
        image.0,
        whose.annotator.0,
        at
    );
    Ok(withdrawn.execute(conn).await?.rows_affected() > 0)
}

/// The image that somebody's skip of this key was about.
///
/// # Errors
/// When the database refuses.
pub async fn by_key(conn: &mut PgConnection, whose: Whose, key: Uuid) -> sqlx::Result<Option<ImageId>> {
    sqlx::query_scalar!(
        r#"SELECT image_id AS "image: ImageId" FROM skips WHERE annotator_id = $1 AND client_key = $2 AND round_id = $3"#,
        whose.annotator.0,
        key,
        whose.round.0
    )
    .fetch_optional(conn)
    .await
}
