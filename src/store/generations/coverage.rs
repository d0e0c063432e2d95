//! How far a generation's models are with the images.

use sqlx::PgConnection;

use crate::domain::GenerationId;

/// Images that keep a generation from having scores of all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Those that wait for one of its models: all of them until it is opened.
    pub waiting: i64,
    /// Those that one of its models gave up on, and that wait for neither.
    pub failed: i64,
}

/// What is open in a generation.
///
/// # Errors
/// When there is no such generation, or the database refuses.
pub async fn coverage(conn: &mut PgConnection, generation: GenerationId) -> sqlx::Result<Coverage> {
    sqlx::query_as!(
        Coverage,
        r#"SELECT CASE WHEN g.opened_at IS NULL THEN (SELECT count(*) FROM images) ELSE open.waiting END AS "waiting!",
                  CASE WHEN g.opened_at IS NULL THEN 0 ELSE open.failed END AS "failed!"
           FROM generations g CROSS JOIN LATERAL (
               SELECT count(*) FILTER (WHERE waits) AS waiting, count(*) FILTER (WHERE NOT waits) AS failed
               FROM (SELECT bool_or(s.state = 'pending') AS waits FROM scorings s
                     WHERE s.state <> 'done' AND s.model_id IN (g.watch_model, g.quality_model)
                     GROUP BY s.image_id) images) open
           WHERE g.id = $1"#,
        generation.0
    )
    .fetch_one(conn)
    .await
}
