//! Generations: which pair of models the catalog's rows belong to.

use sqlx::{PgConnection, PgPool};

use super::{catalog, scorings};
use crate::domain::{GenerationId, ModelId};

/// One pair of served models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Generation {
    /// The row.
    pub id: GenerationId,
    /// Answers whether there is a watch.
    pub watch_model: ModelId,
    /// Answers how good the picture looks.
    pub quality_model: ModelId,
}

/// The generation whose rows the pages read; none in a database that no scorer has seen yet.
///
/// # Errors
/// When the database refuses.
pub async fn active(conn: &mut PgConnection) -> sqlx::Result<Option<Generation>> {
    sqlx::query_as!(
        Generation,
        r#"SELECT g.id AS "id: GenerationId", g.watch_model AS "watch_model: ModelId",
                  g.quality_model AS "quality_model: ModelId"
           FROM active_generation a JOIN generations g ON g.id = a.generation_id"#
    )
    .fetch_optional(conn)
    .await
}

/// Keeps generations from being opened until the transaction ends, so that an image that comes in meanwhile
/// is either in the new generation's first count or sees the new generation itself.
///
/// # Errors
/// When the database refuses.
pub async fn hold(conn: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!("LOCK TABLE active_generation IN ROW SHARE MODE").execute(conn).await.map(drop)
}

/// Opens a generation with every image that is there, and points the pages at it. Where another process was
/// faster, its generation is the answer.
///
/// # Errors
/// When the database refuses.
pub async fn create_active(
    conn: &mut PgConnection,
    watch_model: ModelId,
    quality_model: ModelId,
) -> sqlx::Result<Generation> {
    sqlx::query!("LOCK TABLE active_generation IN EXCLUSIVE MODE").execute(&mut *conn).await?;
    if let Some(generation) = active(conn).await? {
        return Ok(generation);
    }
    let id = sqlx::query_scalar!(
        r#"INSERT INTO generations (watch_model, quality_model, state, activated_at)
           VALUES ($1, $2, 'live', now()) RETURNING id AS "id: GenerationId""#,
        watch_model.0,
        quality_model.0
    )
    .fetch_one(&mut *conn)
    .await?;
    sqlx::query!("INSERT INTO active_generation (generation_id) VALUES ($1)", id.0)
        .execute(&mut *conn)
        .await?;
    for model in [watch_model, quality_model] {
        sqlx::query!("INSERT INTO served_models (model_id) VALUES ($1)", model.0).execute(&mut *conn).await?;
    }
    scorings::request_all(conn).await?;
    catalog::open_all(conn).await?;
    Ok(Generation { id, watch_model, quality_model })
}

/// Opens a generation for a pair of models, to be filled in the background, in place of another that is being filled. Where one
/// of this pair is kept up already, it is the answer.
///
/// # Errors
/// When the database refuses.
pub async fn open(
    conn: &mut PgConnection,
    watch_model: ModelId,
    quality_model: ModelId,
) -> sqlx::Result<GenerationId> {
    sqlx::query!("LOCK TABLE active_generation IN EXCLUSIVE MODE").execute(&mut *conn).await?;
    let known = sqlx::query_scalar!(
        r#"SELECT id AS "id: GenerationId" FROM generations
           WHERE watch_model = $1 AND quality_model = $2 AND state <> 'retired'"#,
        watch_model.0,
        quality_model.0
    );
    if let Some(id) = known.fetch_optional(&mut *conn).await? {
        return Ok(id);
    }
    sqlx::query!("UPDATE generations SET state = 'retired', paused_at = NULL WHERE state = 'filling'")
        .execute(&mut *conn)
        .await?;
    let id = sqlx::query_scalar!(
        r#"INSERT INTO generations (watch_model, quality_model) VALUES ($1, $2) RETURNING id AS "id: GenerationId""#,
        watch_model.0,
        quality_model.0
    )
    .fetch_one(&mut *conn)
    .await?;
    scorings::request_lacking(&mut *conn).await?;
    catalog::open_all(&mut *conn).await?;
    catalog::fill(conn, id).await?;
    Ok(id)
}

/// How many images wait for one of a generation's models.
///
/// # Errors
/// When the database refuses.
pub async fn waiting(conn: &mut PgConnection, generation: GenerationId) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"SELECT count(DISTINCT s.image_id) AS "count!" FROM generations g
           JOIN scorings s ON s.state = 'pending' AND s.model_id IN (g.watch_model, g.quality_model)
           WHERE g.id = $1"#,
        generation.0
    )
    .fetch_one(conn)
    .await
}

/// Points the pages at a generation that no image waits for. `false` while some do. The former one is kept up, so that one can go
/// back at once; those before it are not.
///
/// # Errors
/// When the database refuses.
pub async fn activate(conn: &mut PgConnection, generation: GenerationId) -> sqlx::Result<bool> {
    sqlx::query!("LOCK TABLE active_generation IN EXCLUSIVE MODE").execute(&mut *conn).await?;
    if waiting(&mut *conn, generation).await? > 0 {
        return Ok(false);
    }
    sqlx::query!(
        "UPDATE generations SET state = 'retired'
         WHERE state = 'live' AND id <> $1 AND id NOT IN (SELECT generation_id FROM active_generation)",
        generation.0
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "UPDATE generations SET state = 'live', paused_at = NULL, activated_at = now() WHERE id = $1",
        generation.0
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!("UPDATE active_generation SET generation_id = $1, since = now()", generation.0)
        .execute(&mut *conn)
        .await?;
    sqlx::query!(
        "WITH pair AS (
             SELECT unnest(ARRAY[watch_model, quality_model]) AS model_id FROM generations WHERE id = $1
         ), ended AS (
             UPDATE served_models SET until = now()
             WHERE until IS NULL AND model_id NOT IN (SELECT model_id FROM pair))
         INSERT INTO served_models (model_id)
         SELECT model_id FROM pair p
         WHERE NOT EXISTS (SELECT FROM served_models s WHERE s.model_id = p.model_id AND s.until IS NULL)",
        generation.0
    )
    .execute(conn)
    .await?;
    Ok(true)
}

/// Fills a generation no more. `false` if it was not being filled.
///
/// # Errors
/// When the database refuses.
pub async fn give_up(conn: &mut PgConnection, generation: GenerationId) -> sqlx::Result<bool> {
    let retired = sqlx::query!(
        "UPDATE generations SET state = 'retired', paused_at = NULL WHERE id = $1 AND state = 'filling'",
        generation.0
    );
    Ok(retired.execute(conn).await?.rows_affected() > 0)
}

/// Holds a generation that is being filled, or goes on filling it. Images that come in meanwhile wait for its models, too.
/// `false` if there was nothing to change.
///
/// # Errors
/// When the database refuses.
pub async fn pause(conn: &mut PgConnection, generation: GenerationId, pauses: bool) -> sqlx::Result<bool> {
    let changed = sqlx::query!(
        "UPDATE generations SET paused_at = CASE WHEN $2 THEN now() END
         WHERE id = $1 AND state = 'filling' AND (paused_at IS NULL) = $2",
        generation.0,
        pauses
    );
    Ok(changed.execute(conn).await?.rows_affected() > 0)
}

/// Points the pages at the generation that was being filled, once no image waits for it; which that was.
///
/// # Errors
/// When the database refuses.
pub async fn activate_filled(pool: &PgPool) -> sqlx::Result<Option<GenerationId>> {
    let mut tx = pool.begin().await?;
    let filling = sqlx::query_scalar!(
        r#"SELECT id AS "id: GenerationId" FROM generations
           WHERE state = 'filling' AND paused_at IS NULL ORDER BY id DESC LIMIT 1"#
    );
    let Some(id) = filling.fetch_optional(&mut *tx).await? else { return Ok(None) };
    // Asked before the lock that keeps images from coming in.
    if waiting(&mut tx, id).await? > 0 {
        return Ok(None);
    }
    let is_active = activate(&mut tx, id).await?;
    tx.commit().await?;
    Ok(is_active.then_some(id))
}

/// The models that are to be run: of all generations that are kept up and not held, those of the active one first.
///
/// # Errors
/// When the database refuses.
pub async fn models(conn: &mut PgConnection) -> sqlx::Result<Vec<ModelId>> {
    sqlx::query_scalar!(
        r#"SELECT model AS "model!: ModelId" FROM (
               SELECT served.model, bool_or(a.generation_id IS NOT NULL) AS is_active
               FROM generations g
               LEFT JOIN active_generation a ON a.generation_id = g.id
               CROSS JOIN LATERAL (VALUES (g.watch_model), (g.quality_model)) AS served (model)
               WHERE g.state <> 'retired' AND g.paused_at IS NULL GROUP BY served.model) kept
           ORDER BY is_active DESC, model"#
    )
    .fetch_all(conn)
    .await
}
