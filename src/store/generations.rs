//! Generations: which pair of models the catalog's rows belong to.

mod activation;
mod coverage;

use sqlx::PgConnection;

pub use self::{
    activation::{Activation, HeldBack, activate, activate_filled, held_back},
    coverage::{Coverage, coverage},
};
use super::scorings;
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

/// Keeps generations from being opened and activated until the transaction ends. To be asked for before a row of the catalog is
/// written, or what it shows is changed: the change is then either seen by the generation that is opened, or sees its rows.
///
/// # Errors
/// When the database refuses.
pub async fn hold(conn: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!(r#"SELECT pg_advisory_xact_lock_shared(hashtext('generations'), 0)::text AS held"#)
        .fetch_one(conn)
        .await
        .map(drop)
}

/// Waits for all who [`hold`], and keeps them out until the transaction ends.
///
/// # Errors
/// When the database refuses.
pub async fn keep_out(conn: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!(r#"SELECT pg_advisory_xact_lock(hashtext('generations'), 0)::text AS held"#)
        .fetch_one(conn)
        .await
        .map(drop)
}

/// Makes the first generation and points the pages at it. Where another process was faster, its generation is the answer.
///
/// # Errors
/// When the database refuses.
pub async fn create_active(
    conn: &mut PgConnection,
    watch_model: ModelId,
    quality_model: ModelId,
) -> sqlx::Result<Generation> {
    keep_out(&mut *conn).await?;
    if let Some(generation) = active(&mut *conn).await? {
        return Ok(generation);
    }
    let id = create(&mut *conn, watch_model, quality_model).await?;
    sqlx::query!("UPDATE generations SET state = 'live', activated_at = now() WHERE id = $1", id.0)
        .execute(&mut *conn)
        .await?;
    sqlx::query!("INSERT INTO active_generation (generation_id) VALUES ($1)", id.0)
        .execute(&mut *conn)
        .await?;
    activation::serve(conn, id, None).await?;
    Ok(Generation { id, watch_model, quality_model })
}

/// Makes a generation for a pair of models, to be opened and filled in the background in place of another that is being filled.
/// Where one of this pair is kept up already, it is the answer; if it was held it goes on, for somebody asked for it.
///
/// # Errors
/// When the database refuses.
pub async fn make(
    conn: &mut PgConnection,
    watch_model: ModelId,
    quality_model: ModelId,
) -> sqlx::Result<GenerationId> {
    keep_out(&mut *conn).await?;
    let known = sqlx::query_scalar!(
        r#"SELECT id AS "id: GenerationId" FROM generations
           WHERE watch_model = $1 AND quality_model = $2 AND state <> 'retired'"#,
        watch_model.0,
        quality_model.0
    );
    let known = known.fetch_optional(&mut *conn).await?;
    sqlx::query!(
        "UPDATE generations SET state = 'retired', paused_at = NULL WHERE state = 'filling' AND id IS DISTINCT FROM $1",
        known.map(|id| id.0)
    )
    .execute(&mut *conn)
    .await?;
    let id = match known {
        Some(id) => {
            hold_back(&mut *conn, id, false).await?;
            id
        }
        None => create(&mut *conn, watch_model, quality_model).await?,
    };
    scorings::forget_unasked(conn).await?;
    Ok(id)
}

async fn create(
    conn: &mut PgConnection,
    watch_model: ModelId,
    quality_model: ModelId,
) -> sqlx::Result<GenerationId> {
    sqlx::query_scalar!(
        r#"INSERT INTO generations (watch_model, quality_model) VALUES ($1, $2) RETURNING id AS "id: GenerationId""#,
        watch_model.0,
        quality_model.0
    )
    .fetch_one(conn)
    .await
}

/// A generation that is kept up and lacks rows; see [`super::opening`].
///
/// # Errors
/// When the database refuses.
pub async fn unopened(conn: &mut PgConnection) -> sqlx::Result<Option<GenerationId>> {
    sqlx::query_scalar!(
        r#"SELECT id AS "id: GenerationId" FROM generations WHERE opened_at IS NULL AND state <> 'retired' ORDER BY id LIMIT 1"#
    )
    .fetch_optional(conn)
    .await
}

/// Records that every image has its rows in a generation.
///
/// # Errors
/// When the database refuses.
pub async fn opened(conn: &mut PgConnection, generation: GenerationId) -> sqlx::Result<()> {
    sqlx::query!("UPDATE generations SET opened_at = now() WHERE id = $1", generation.0)
        .execute(conn)
        .await
        .map(drop)
}

/// The pair that is being filled, else the active one: what another model is to be paired with.
///
/// # Errors
/// When the database refuses.
pub async fn latest(conn: &mut PgConnection) -> sqlx::Result<Option<Generation>> {
    sqlx::query_as!(
        Generation,
        r#"SELECT g.id AS "id: GenerationId", g.watch_model AS "watch_model: ModelId",
                  g.quality_model AS "quality_model: ModelId"
           FROM generations g LEFT JOIN active_generation a ON a.generation_id = g.id
           WHERE g.state = 'filling' OR a.generation_id IS NOT NULL
           ORDER BY g.state = 'filling' DESC, g.id DESC LIMIT 1"#
    )
    .fetch_optional(conn)
    .await
}

/// The pair that another version of a model is to be part of: the one that is being filled if it has a version of the model, else the
/// active one.
///
/// # Errors
/// When the database refuses.
pub async fn of_version(conn: &mut PgConnection, model: ModelId) -> sqlx::Result<Option<Generation>> {
    sqlx::query_as!(
        Generation,
        r#"SELECT g.id AS "id: GenerationId", g.watch_model AS "watch_model: ModelId",
                  g.quality_model AS "quality_model: ModelId"
           FROM generations g LEFT JOIN active_generation a ON a.generation_id = g.id
           WHERE a.generation_id IS NOT NULL OR g.state = 'filling' AND EXISTS (
               SELECT FROM models m JOIN models o ON o.name = m.name AND o.fingerprint = m.fingerprint
               WHERE m.id = $1 AND o.id IN (g.watch_model, g.quality_model))
           ORDER BY g.state = 'filling' DESC, g.id DESC LIMIT 1"#,
        model.0
    )
    .fetch_optional(conn)
    .await
}

/// Fills a generation no more. `false` if it was not being filled.
///
/// # Errors
/// When the database refuses.
pub async fn give_up(conn: &mut PgConnection, generation: GenerationId) -> sqlx::Result<bool> {
    keep_out(&mut *conn).await?;
    let retired = sqlx::query!(
        "UPDATE generations SET state = 'retired', paused_at = NULL WHERE id = $1 AND state = 'filling'",
        generation.0
    );
    let is_retired = retired.execute(&mut *conn).await?.rows_affected() > 0;
    scorings::forget_unasked(conn).await?;
    Ok(is_retired)
}

/// Holds a generation that is being filled, or goes on filling it. Images that come in meanwhile wait for its models, too.
/// `false` if there was nothing to change.
///
/// # Errors
/// When the database refuses.
pub async fn pause(conn: &mut PgConnection, generation: GenerationId, pauses: bool) -> sqlx::Result<bool> {
    keep_out(&mut *conn).await?;
    hold_back(conn, generation, pauses).await
}

async fn hold_back(conn: &mut PgConnection, generation: GenerationId, pauses: bool) -> sqlx::Result<bool> {
    let changed = sqlx::query!(
        "UPDATE generations SET paused_at = CASE WHEN $2 THEN now() END
         WHERE id = $1 AND state = 'filling' AND (paused_at IS NULL) = $2",
        generation.0,
        pauses
    );
    Ok(changed.execute(conn).await?.rows_affected() > 0)
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

#[cfg(test)]
mod tests;
