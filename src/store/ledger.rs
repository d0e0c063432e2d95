//! The ledger's totals, and how far scoring is. Both add up by construction: each is one statement. No row of the
//! ledger is counted for them: the summaries know.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::{PgConnection, PgExecutor};
use utoipa::ToSchema;

use super::viewpoint::Viewpoint;
use crate::domain::ModelId;

/// Every path ever seen that still counts, by state; and every image, by how far the models are with it.
///
/// total = settling + imported + duplicate + failed + ignored + missing, and
/// images = scored + pending + unscorable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Ledger {
    /// Paths.
    pub total: i64,
    /// Still growing, or too young to be read.
    pub settling: i64,
    /// First path of an image.
    pub imported: i64,
    /// Further path of an image.
    pub duplicate: i64,
    /// Could not be taken.
    pub failed: i64,
    /// Left alone.
    pub ignored: i64,
    /// Were there.
    pub missing: i64,
    /// Images, each once, whatever its paths.
    pub images: i64,
    /// Those that both active models have scored.
    pub scored: i64,
    /// Those that wait for a model.
    pub pending: i64,
    /// Those that a model gave up on.
    #[serde(skip)]
    pub unscorable: i64,
}

/// The totals of this moment. Without a generation every image waits.
///
/// # Errors
/// When the database refuses.
pub async fn totals(conn: &mut PgConnection, view: Option<&Viewpoint>) -> sqlx::Result<Ledger> {
    let row = sqlx::query!(
        r#"WITH paths AS (
               SELECT coalesce(sum(count) FILTER (WHERE counted <> 'images'), 0)::BIGINT AS total,
                      coalesce(sum(count) FILTER (WHERE counted = 'settling'), 0)::BIGINT AS settling,
                      coalesce(sum(count) FILTER (WHERE counted = 'imported'), 0)::BIGINT AS imported,
                      coalesce(sum(count) FILTER (WHERE counted = 'duplicate'), 0)::BIGINT AS duplicate,
                      coalesce(sum(count) FILTER (WHERE counted = 'failed'), 0)::BIGINT AS failed,
                      coalesce(sum(count) FILTER (WHERE counted = 'ignored'), 0)::BIGINT AS ignored,
                      coalesce(sum(count) FILTER (WHERE counted = 'missing'), 0)::BIGINT AS missing,
                      coalesce(sum(count) FILTER (WHERE counted = 'images'), 0)::BIGINT AS images
               FROM (SELECT counted, count FROM ledger_summary
                     UNION ALL SELECT counted, delta FROM ledger_deltas) counts
           ), scores AS (
               SELECT coalesce(sum(count), 0)::BIGINT AS scored
               FROM (SELECT count FROM catalog_summary WHERE generation_id = $1 AND measure = 'scored'
                     UNION ALL
                     SELECT delta FROM catalog_deltas WHERE generation_id = $1 AND measure = 'scored') counts
           ), refused AS (
               SELECT count(DISTINCT s.image_id) AS unscorable
               FROM scorings s JOIN catalog c ON c.generation_id = $1 AND c.image_id = s.image_id
               WHERE s.state = 'failed' AND s.model_id IN ($2, $3)
                 AND (c.quality_mean IS NULL OR c.watch_confidence IS NULL)
           )
           SELECT total AS "total!", settling AS "settling!", imported AS "imported!",
                  duplicate AS "duplicate!", failed AS "failed!", ignored AS "ignored!", missing AS "missing!",
                  images AS "images!", scored AS "scored!", unscorable AS "unscorable!"
           FROM paths, scores, refused"#,
        view.map(|view| view.generation.0),
        view.map(|view| view.watch_model.0),
        view.map(|view| view.quality_model.0),
    )
    .fetch_one(conn)
    .await?;
    Ok(Ledger {
        total: row.total,
        settling: row.settling,
        imported: row.imported,
        duplicate: row.duplicate,
        failed: row.failed,
        ignored: row.ignored,
        missing: row.missing,
        images: row.images,
        scored: row.scored,
        pending: row.images - row.scored - row.unscorable,
        unscorable: row.unscorable,
    })
}

/// Images that models have scored since a moment, and how long that took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// How many.
    pub scored: i64,
    /// For how long there was something to score, in milliseconds.
    pub busy_ms: i64,
}

/// How many images any of `models` scored since `since`, and in how much time; none if there was none. The time before a score
/// counts from the score before, but not while none of the images that followed had come in yet: a pause is no slowness.
///
/// # Errors
/// When the database refuses.
pub async fn pace(
    conn: &mut PgConnection,
    models: &[ModelId],
    since: DateTime<Utc>,
) -> sqlx::Result<Option<Pace>> {
    let models: Vec<i64> = models.iter().map(|model| model.0).collect();
    let row = sqlx::query!(
        r#"WITH said AS (
               SELECT image_id, created_at FROM watch_predictions WHERE model_id = ANY ($1) AND created_at > $2
               UNION ALL
               SELECT image_id, created_at FROM quality_predictions WHERE model_id = ANY ($1) AND created_at > $2)
           SELECT count(*) AS "scored!", coalesce(1000 * sum(greatest(busy_s, 0)), 0)::bigint AS "busy_ms!"
           FROM (SELECT extract(epoch FROM p.created_at - greatest(
                            $2, lag(p.created_at) OVER scores,
                            min(i.ingested_at) OVER (scores ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING))) AS busy_s
                 FROM (SELECT image_id, max(created_at) AS created_at FROM said GROUP BY image_id) p
                 JOIN images i ON i.id = p.image_id
                 WINDOW scores AS (ORDER BY p.created_at, p.image_id)) gaps"#,
        &models,
        since
    )
    .fetch_one(conn)
    .await?;
    Ok((row.scored > 0).then_some(Pace { scored: row.scored, busy_ms: row.busy_ms }))
}

/// Files that were an image and are not where they were.
///
/// # Errors
/// When the database refuses.
pub async fn images_missing(conn: &mut PgConnection) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM sightings
           WHERE state = 'missing' AND superseded_at IS NULL AND image_id IS NOT NULL"#
    )
    .fetch_one(conn)
    .await
}

/// A watched folder, as the latest sweep found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// Absolute path.
    pub root: String,
    /// ok, empty, foreign or unreachable.
    pub state: String,
    /// When it was last listed in full.
    pub last_sweep_at: Option<DateTime<Utc>>,
}

/// The watched folders.
///
/// # Errors
/// When the database refuses.
pub async fn roots(conn: &mut PgConnection) -> sqlx::Result<Vec<Root>> {
    sqlx::query_as!(Root, "SELECT root, state, last_sweep_at FROM roots ORDER BY root").fetch_all(conn).await
}

/// How much the database has ever written: another number whenever anything has changed, at no cost whatever the
/// size of the catalog.
///
/// # Errors
/// When the database refuses.
pub async fn written(executor: impl PgExecutor<'_>) -> sqlx::Result<i64> {
    sqlx::query_scalar!(r#"SELECT (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::BIGINT AS "bytes!""#)
        .fetch_one(executor)
        .await
}
