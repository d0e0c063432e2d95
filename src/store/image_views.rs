//! Who has opened the page of an image, where scores and votes are shown.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::domain::{AnnotatorId, ImageId};

/// Records that somebody sees the page of an image; only the first time counts.
///
/// # Errors
/// When the database refuses.
pub async fn record(
    conn: &mut PgConnection,
    who: AnnotatorId,
    image: ImageId,
    at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO image_views (annotator_id, image_id, first_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        who.0,
        image.0,
        at
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Whether somebody has seen the page of an image.
///
/// # Errors
/// When the database refuses.
pub async fn has_seen(conn: &mut PgConnection, who: AnnotatorId, image: ImageId) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM image_views WHERE annotator_id = $1 AND image_id = $2) AS "has!""#,
        who.0,
        image.0
    )
    .fetch_one(conn)
    .await
}
