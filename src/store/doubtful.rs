//! The images nearest to the watch threshold that people have not decided. The audit set is left out.

use sqlx::PgConnection;
use uuid::Uuid;

use super::{ranking::Watch, viewpoint::Viewpoint};

/// An image near the threshold.
#[derive(Clone, Debug, PartialEq)]
pub struct Doubtful {
    /// The image.
    pub image: Uuid,
    /// SHA-256 of its bytes.
    pub sha256: Vec<u8>,
    /// Its name.
    pub filename: String,
    /// Width in pixels, upright.
    pub width: i32,
    /// Height in pixels, upright.
    pub height: i32,
    /// Watch confidence.
    pub confidence: f64,
    /// What the model says.
    pub is_watch: bool,
}

/// The `limit` undecided images nearest to the threshold on both sides, by confidence, highest first.
///
/// # Errors
/// When the database refuses.
pub async fn nearest(conn: &mut PgConnection, view: &Viewpoint, limit: i64) -> sqlx::Result<Vec<Doubtful>> {
    let Some(threshold) = view.threshold.map(f64::from) else { return Ok(vec![]) };
    sqlx::query_as!(
        Doubtful,
        r#"WITH above AS (
               SELECT c.* FROM catalog c
               WHERE generation_id = $1 AND NOT hidden AND verdict IS NULL AND watch_confidence > $2
                 AND NOT EXISTS (SELECT FROM images i WHERE i.id = c.image_id AND i.audit)
               ORDER BY watch_confidence, image_id LIMIT $3
           ), below AS (
               SELECT c.* FROM catalog c
               WHERE generation_id = $1 AND NOT hidden AND verdict IS NULL AND watch_confidence <= $2
                 AND NOT EXISTS (SELECT FROM images i WHERE i.id = c.image_id AND i.audit)
               ORDER BY watch_confidence DESC, image_id LIMIT $3
           ), near AS (
               -- As many from each side, as far as there are.
               SELECT *, row_number() OVER (ORDER BY watch_confidence, image_id) AS place, true AS is_watch FROM above
               UNION ALL
               SELECT *, row_number() OVER (ORDER BY watch_confidence DESC, image_id), false FROM below
               ORDER BY place LIMIT $3
           )
           SELECT n.image_id AS "image!", i.sha256, n.filename AS "filename!", n.width AS "width!", n.height AS "height!",
                  n.watch_confidence AS "confidence!", n.is_watch AS "is_watch!"
           FROM near n JOIN images i ON i.id = n.image_id ORDER BY n.watch_confidence DESC, n.image_id"#,
        view.generation.0,
        threshold,
        limit
    )
    .fetch_all(conn)
    .await
}

/// How many of them lie in the doubtful band (see [`Watch::doubtful_band`]), up to 10,000.
///
/// # Errors
/// When the database refuses.
pub async fn count(conn: &mut PgConnection, view: &Viewpoint) -> sqlx::Result<i64> {
    let Some(threshold) = view.threshold.map(f64::from) else { return Ok(0) };
    let (low, high) = Watch::doubtful_band(threshold);
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM (
               SELECT FROM catalog c
               WHERE generation_id = $1 AND NOT hidden AND verdict IS NULL AND watch_confidence BETWEEN $2 AND $3
                 AND NOT EXISTS (SELECT FROM images i WHERE i.id = c.image_id AND i.audit) LIMIT 10000) doubtful"#,
        view.generation.0,
        low,
        high
    )
    .fetch_one(conn)
    .await
}
