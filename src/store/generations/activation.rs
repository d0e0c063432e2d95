//! Which generation the pages show: one that a person chose, or the one that was being filled.

use sqlx::{PgConnection, PgPool};

use super::{active, coverage, keep_out};
use crate::{
    domain::{AnnotatorId, GenerationId, GenerationState},
    store::{events, model_versions, scorings},
};

/// What became of the wish to show a generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Activation {
    /// The pages show it.
    Shown,
    /// It is being filled, and images wait for it.
    Waiting,
    /// The numbers of one of its models moved, so that it would score nothing any more.
    Moved,
    /// It is kept up no more.
    Retired,
}

/// Points the pages at a generation: at one that is being filled once no image waits for it, at one that is kept up at once. The
/// former one is kept up, so that one can go back, unless its numbers moved and the new one has the version that accepts
/// them; those before it are not.
///
/// # Errors
/// When the database refuses.
pub async fn activate(
    conn: &mut PgConnection,
    generation: GenerationId,
    by: Option<AnnotatorId>,
) -> sqlx::Result<Activation> {
    keep_out(&mut *conn).await?;
    if active(&mut *conn).await?.is_some_and(|active| active.id == generation) {
        return Ok(Activation::Shown);
    }
    if let Some(refused) = refusal(&mut *conn, generation).await? {
        return Ok(refused);
    }
    retire_others(&mut *conn, generation).await?;
    sqlx::query!(
        "UPDATE generations SET state = 'live', paused_at = NULL, activated_at = now() WHERE id = $1",
        generation.0
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "UPDATE active_generation SET generation_id = $1, since = now(), by = $2",
        generation.0,
        by.map(|by| by.0)
    )
    .execute(&mut *conn)
    .await?;
    serve(&mut *conn, generation, by).await?;
    scorings::forget_unasked(conn).await?;
    Ok(Activation::Shown)
}

/// Why a generation cannot be shown; none where it can.
async fn refusal(conn: &mut PgConnection, generation: GenerationId) -> sqlx::Result<Option<Activation>> {
    let state = sqlx::query_scalar!(
        r#"SELECT state AS "state: GenerationState" FROM generations WHERE id = $1"#,
        generation.0
    );
    Ok(match state.fetch_one(&mut *conn).await? {
        GenerationState::Filling if coverage(&mut *conn, generation).await?.waiting > 0 => {
            Some(Activation::Waiting)
        }
        GenerationState::Retired => Some(Activation::Retired),
        _ if !model_versions::moved_in(conn, generation).await?.is_empty() => Some(Activation::Moved),
        _ => None,
    })
}

/// Keeps up only `generation` and the active one; not that either if `generation` has another version of a model of it that moved:
/// it could score nothing, and one goes back to it by putting the former library back and making it anew.
async fn retire_others(conn: &mut PgConnection, generation: GenerationId) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE generations g SET state = 'retired'
         WHERE g.state = 'live' AND g.id <> $1 AND (
             g.id NOT IN (SELECT generation_id FROM active_generation)
             OR EXISTS (
                 SELECT FROM model_checks c
                 JOIN models m ON m.id = c.model_id
                 JOIN models o ON o.name = m.name AND o.fingerprint = m.fingerprint AND o.id <> m.id
                 JOIN generations n ON n.id = $1 AND o.id IN (n.watch_model, n.quality_model)
                 WHERE c.moved_to IS NOT NULL AND m.id IN (g.watch_model, g.quality_model)))",
        generation.0
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Writes down which models serve from now on. One that began later, by a clock that was set back since or while this transaction
/// waited for its turn, ends as it began.
pub(super) async fn serve(
    conn: &mut PgConnection,
    generation: GenerationId,
    by: Option<AnnotatorId>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "WITH pair AS (
             SELECT unnest(ARRAY[watch_model, quality_model]) AS model_id FROM generations WHERE id = $1
         ), ended AS (
             UPDATE served_models SET until = greatest(now(), since)
             WHERE until IS NULL AND model_id NOT IN (SELECT model_id FROM pair))
         INSERT INTO served_models (model_id, by)
         SELECT model_id, $2 FROM pair p
         WHERE NOT EXISTS (SELECT FROM served_models s WHERE s.model_id = p.model_id AND s.until IS NULL)",
        generation.0,
        by.map(|by| by.0)
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Points the pages at the generation that was being filled, once no image waits for it and no more of them failed than in the
/// active one; which that was.
///
/// # Errors
/// When the database refuses.
pub async fn activate_filled(pool: &PgPool) -> sqlx::Result<Option<GenerationId>> {
    let mut tx = pool.begin().await?;
    let Some(filled) = filled(&mut tx).await? else { return Ok(None) };
    // Counted before the lock that keeps images from coming in.
    if compare(&mut tx, filled).await?.is_some() {
        return Ok(None);
    }
    keep_out(&mut tx).await?;
    // Somebody may have held it or given it up meanwhile, or an image came in.
    if self::filled(&mut tx).await? != Some(filled) {
        return Ok(None);
    }
    if activate(&mut tx, filled, None).await? != Activation::Shown {
        return Ok(None);
    }
    events::record(&mut tx, None, "models.activate", Some(&filled.to_string())).await?;
    tx.commit().await?;
    Ok(Some(filled))
}

/// A generation that no image waits for, and that the pages do not switch to by themselves: they would lose scores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeldBack {
    /// The generation.
    pub generation: GenerationId,
    /// Images that its models gave up on.
    pub failed: i64,
    /// Images that the models of the active generation gave up on: fewer.
    pub failed_now: i64,
}

/// The generation that a person has to decide about, if there is one.
///
/// # Errors
/// When the database refuses.
pub async fn held_back(conn: &mut PgConnection) -> sqlx::Result<Option<HeldBack>> {
    match filled(&mut *conn).await? {
        Some(filled) => compare(conn, filled).await,
        None => Ok(None),
    }
}

/// The generation that is being filled, is not held, and that no image waits for. While some do no row is counted.
async fn filled(conn: &mut PgConnection) -> sqlx::Result<Option<GenerationId>> {
    sqlx::query_scalar!(
        r#"SELECT g.id AS "id: GenerationId" FROM generations g
           WHERE g.state = 'filling' AND g.paused_at IS NULL AND g.opened_at IS NOT NULL
             AND NOT EXISTS (SELECT FROM scorings s
                             WHERE s.state = 'pending' AND s.model_id IN (g.watch_model, g.quality_model))
           ORDER BY g.id DESC LIMIT 1"#
    )
    .fetch_optional(conn)
    .await
}

/// How many more images than in the active generation failed; none if there are no more.
async fn compare(conn: &mut PgConnection, filled: GenerationId) -> sqlx::Result<Option<HeldBack>> {
    let failed = coverage(&mut *conn, filled).await?.failed;
    let failed_now = match active(&mut *conn).await? {
        Some(active) => coverage(&mut *conn, active.id).await?.failed,
        None => 0,
    };
    Ok((failed > failed_now).then_some(HeldBack { generation: filled, failed, failed_now }))
}
