//! How far each model is with each image: "never scored", "scored" and "failed" are three states.

use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::{ImageId, ModelId};

/// Marks `image` as waiting for every model of every live generation; what failed before waits again. Answers
/// whether there is anything to do.
///
/// # Errors
/// When the database refuses.
pub async fn request(conn: &mut PgConnection, image: ImageId) -> sqlx::Result<bool> {
    let requested = sqlx::query!(
        "INSERT INTO scorings (image_id, model_id, state)
         SELECT DISTINCT $1::uuid, served.model, 'pending'
         FROM generations g CROSS JOIN LATERAL (VALUES (g.watch_model), (g.quality_model)) AS served (model)
         WHERE g.state <> 'retired'
         ON CONFLICT (image_id, model_id) DO UPDATE
         SET state = 'pending', reason = NULL, tries = 0, updated_at = now() WHERE scorings.state = 'failed'",
        image.0
    )
    .execute(conn)
    .await?;
    Ok(requested.rows_affected() > 0)
}

/// Marks images as waiting for the models that have neither scored them nor failed at them.
///
/// # Errors
/// When the database refuses.
pub async fn request_lacking(conn: &mut PgConnection, images: &[ImageId]) -> sqlx::Result<()> {
    let images: Vec<Uuid> = images.iter().map(|image| image.0).collect();
    sqlx::query!(
        "INSERT INTO scorings (image_id, model_id, state)
         SELECT DISTINCT image, served.model, 'pending'
         FROM unnest($1::uuid[]) AS image CROSS JOIN generations g
         CROSS JOIN LATERAL (VALUES (g.watch_model), (g.quality_model)) AS served (model)
         WHERE g.state <> 'retired'
         ON CONFLICT (image_id, model_id) DO NOTHING",
        &images
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Forgets that images wait for models that no generation asks any more.
///
/// # Errors
/// When the database refuses.
pub async fn forget_unasked(conn: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM scorings s WHERE s.state = 'pending' AND NOT EXISTS (
             SELECT FROM generations g WHERE g.state <> 'retired' AND s.model_id IN (g.watch_model, g.quality_model))"
    )
    .execute(conn)
    .await
    .map(drop)
}

/// How many images wait for a model, and how many it gave up on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open {
    /// The model.
    pub model: ModelId,
    /// watch or quality.
    pub task: String,
    /// Images that it has not looked at.
    pub waiting: i64,
    /// Images that it gave up on.
    pub failed: i64,
}

/// What is open with each model of a live generation.
///
/// # Errors
/// When the database refuses.
pub async fn open_by_model(conn: &mut PgConnection) -> sqlx::Result<Vec<Open>> {
    sqlx::query_as!(
        Open,
        r#"SELECT m.id AS "model: ModelId", m.task,
                  (SELECT count(*) FROM scorings s WHERE s.model_id = m.id AND s.state = 'pending') AS "waiting!",
                  (SELECT count(*) FROM scorings s WHERE s.model_id = m.id AND s.state = 'failed') AS "failed!"
           FROM models m
           WHERE EXISTS (SELECT FROM generations g WHERE g.state <> 'retired' AND m.id IN (g.watch_model, g.quality_model))
           ORDER BY m.task DESC, m.id"#
    )
    .fetch_all(conn)
    .await
}

/// Lets every image that a model of a live generation gave up on wait for it again; answers how many that were.
///
/// # Errors
/// When the database refuses.
pub async fn retry_failed(conn: &mut PgConnection) -> sqlx::Result<u64> {
    let retried = sqlx::query!(
        "UPDATE scorings s SET state = 'pending', reason = NULL, tries = 0, updated_at = now()
         WHERE s.state = 'failed' AND EXISTS (
             SELECT FROM generations g WHERE g.state <> 'retired' AND s.model_id IN (g.watch_model, g.quality_model))"
    )
    .execute(conn)
    .await?;
    Ok(retried.rows_affected())
}

/// Those of `models` that have not scored `image` yet.
///
/// # Errors
/// When the database refuses.
pub async fn pending(
    conn: &mut PgConnection,
    image: ImageId,
    models: &[ModelId],
) -> sqlx::Result<Vec<ModelId>> {
    let models: Vec<i64> = models.iter().map(|model| model.0).collect();
    sqlx::query_scalar!(
        r#"SELECT model_id AS "model: ModelId" FROM scorings
           WHERE image_id = $1 AND model_id = ANY ($2) AND state = 'pending'"#,
        image.0,
        &models,
    )
    .fetch_all(conn)
    .await
}

/// Records that `models` have scored `image`.
///
/// # Errors
/// When the database refuses.
pub async fn done(conn: &mut PgConnection, image: ImageId, models: &[ModelId]) -> sqlx::Result<()> {
    let models: Vec<i64> = models.iter().map(|model| model.0).collect();
    sqlx::query!(
        "UPDATE scorings SET state = 'done', reason = NULL, updated_at = now()
         WHERE image_id = $1 AND model_id = ANY ($2)",
        image.0,
        &models
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Records that `model` gave up on `image`, and why.
///
/// # Errors
/// When the database refuses.
pub async fn failed(
    conn: &mut PgConnection,
    image: ImageId,
    model: ModelId,
    reason: &str,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE scorings SET state = 'failed', reason = $3, tries = tries + 1, updated_at = now()
         WHERE image_id = $1 AND model_id = $2 AND state = 'pending'",
        image.0,
        model.0,
        reason
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Records that no model can score `image` for now, and why.
///
/// # Errors
/// When the database refuses.
pub async fn fail_all(conn: &mut PgConnection, image: ImageId, reason: &str) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE scorings SET state = 'failed', reason = $2, updated_at = now()
         WHERE image_id = $1 AND state = 'pending'",
        image.0,
        reason
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Counts a failed try of `models` that wait for an image, and gives up after `most` of them: its file could not be read, or their
/// networks fail at it. Answers whether it gave up.
///
/// # Errors
/// When the database refuses.
pub async fn count_try(
    conn: &mut PgConnection,
    image: ImageId,
    models: &[ModelId],
    reason: &str,
    most: i32,
) -> sqlx::Result<bool> {
    let models: Vec<i64> = models.iter().map(|model| model.0).collect();
    let states = sqlx::query_scalar!(
        "UPDATE scorings
         SET tries = tries + 1, reason = $2, updated_at = now(),
             state = CASE WHEN tries + 1 >= $3 THEN 'failed' ELSE 'pending' END
         WHERE image_id = $1 AND model_id = ANY ($4) AND state = 'pending'
         RETURNING state",
        image.0,
        reason,
        most,
        &models,
    )
    .fetch_all(conn)
    .await?;
    Ok(states.iter().all(|state| state == "failed"))
}

/// Whether neither model that the pages show still has to look at the image: each has scored it or given it up, or it is gone.
/// Other generations may be held, or have a model that does not run: nobody waits for those.
///
/// # Errors
/// When the database refuses.
pub async fn is_settled(conn: &mut PgConnection, image: ImageId) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT NOT EXISTS (SELECT FROM images WHERE id = $1)
                  OR EXISTS (SELECT FROM active_generation a JOIN generations g ON g.id = a.generation_id
                             WHERE 2 = (SELECT count(*) FROM scorings s
                                        WHERE s.image_id = $1 AND s.model_id IN (g.watch_model, g.quality_model)
                                          AND s.state <> 'pending')) AS "is!""#,
        image.0
    )
    .fetch_one(conn)
    .await
}

/// Up to `most` images that wait for one of `models` and have no job that could still run.
///
/// The queue's tables are its own crate's, hence a query that is checked by its test and not by the compiler.
///
/// # Errors
/// When the database refuses.
pub async fn pending_without_job(
    conn: &mut PgConnection,
    models: &[ModelId],
    most: i64,
) -> sqlx::Result<Vec<ImageId>> {
    let models: Vec<i64> = models.iter().map(|model| model.0).collect();
    // Model by model, so that no more rows are read than are wanted, however many images wait.
    sqlx::query_scalar(
        "SELECT DISTINCT waiting.image_id FROM unnest($2) AS model CROSS JOIN LATERAL (
             SELECT s.image_id FROM scorings s
             WHERE s.state = 'pending' AND s.model_id = model AND NOT EXISTS (
                 SELECT FROM graphile_worker.jobs j
                 WHERE j.key = 'score:' || s.image_id AND j.attempts < j.max_attempts)
             LIMIT $1) AS waiting
         LIMIT $1",
    )
    .bind(most)
    .bind(models)
    .fetch_all(conn)
    .await
}
