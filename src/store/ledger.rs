//! The ledger's totals, and how far scoring is. Both add up by construction: each is one statement. No row of the
//! ledger is counted for them: the summaries know.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::{PgConnection, PgExecutor};
use utoipa::ToSchema;

use crate::domain::{GenerationId, ModelId};

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
    /// Those that both models of the pair have scored.
    pub scored: i64,
    /// Those that wait for a model, also if the other one gave up on them.
    pub pending: i64,
    /// Those that a model gave up on, and that wait for neither.
    #[serde(skip)]
    pub unscorable: i64,
}

/// The totals of this moment, with the images by how far the models of `generation` are. Without one every image waits.
///
/// # Errors
/// When the database refuses.
pub async fn totals(conn: &mut PgConnection, generation: Option<GenerationId>) -> sqlx::Result<Ledger> {
    // What failed is looked up image by image: few did, however many wait.
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
               FROM generations g JOIN scorings s ON s.state = 'failed' AND s.model_id IN (g.watch_model, g.quality_model)
               WHERE g.id = $1 AND (SELECT bool_and(o.state <> 'pending') FROM scorings o
                                    WHERE o.image_id = s.image_id AND o.model_id IN (g.watch_model, g.quality_model))
           )
           SELECT total AS "total!", settling AS "settling!", imported AS "imported!",
                  duplicate AS "duplicate!", failed AS "failed!", ignored AS "ignored!", missing AS "missing!",
                  images AS "images!", scored AS "scored!", unscorable AS "unscorable!"
           FROM paths, scores, refused"#,
        generation.map(|id| id.0),
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

/// Images that models are done with since a moment, and how long that took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// How many.
    pub scored: i64,
    /// For how long there was something to score, in milliseconds.
    pub busy_ms: i64,
}

/// How many images got the last of their scores by all of `models` since `since`, and in how much time; none if there was none:
/// what only one of a pair scores gets no further while the other does not run. The time before a score counts from the score
/// before, but not while none of the images that followed had come in yet: a pause is no slowness.
///
/// # Errors
/// When the database refuses.
pub async fn pace(
    conn: &mut PgConnection,
    models: &[ModelId],
    since: DateTime<Utc>,
) -> sqlx::Result<Option<Pace>> {
    let models: Vec<i64> = models.iter().map(|model| model.0).collect();
    // Backwards, the earliest arrival among what follows is known from row to row; forwards it would be looked for anew at each.
    let row = sqlx::query!(
        r#"WITH said AS (
               SELECT image_id, created_at FROM watch_predictions WHERE model_id = ANY ($1) AND created_at > $2
               UNION ALL
               SELECT image_id, created_at FROM quality_predictions WHERE model_id = ANY ($1) AND created_at > $2
           ), finished AS (
               SELECT image_id, max(created_at) AS created_at FROM said GROUP BY image_id
               HAVING cardinality($1) = (SELECT count(*) FROM scorings s WHERE s.image_id = said.image_id
                                         AND s.model_id = ANY ($1) AND s.state = 'done'))
           SELECT count(*) AS "scored!", coalesce(1000 * sum(greatest(busy_s, 0)), 0)::bigint AS "busy_ms!"
           FROM (SELECT extract(epoch FROM p.created_at - greatest(
                            $2, lag(p.created_at) OVER scores,
                            min(i.ingested_at) OVER (backwards ROWS UNBOUNDED PRECEDING))) AS busy_s
                 FROM finished p JOIN images i ON i.id = p.image_id
                 WINDOW scores AS (ORDER BY p.created_at, p.image_id),
                        backwards AS (ORDER BY p.created_at DESC, p.image_id DESC)) gaps"#,
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

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use sqlx::PgPool;
    use uuid::Uuid;

    use super::*;
    use crate::{
        clock::Clock,
        store::{generations, model_change},
    };

    /// A pair that serves, another watch model that is brought in with its quality model, and nine images that came in an hour ago.
    const CATALOG: &str = "
        INSERT INTO models (id, name, task, kind, fingerprint, preprocessing, manifest, sha256) OVERRIDING SYSTEM VALUE
        VALUES (1, 'w', 'watch', 'onnx', repeat('a', 64), 1, '{}', sha256('w')),
               (2, 'q', 'quality', 'onnx', repeat('b', 64), 1, '{}', sha256('q')),
               (3, 'w2', 'watch', 'onnx', repeat('c', 64), 1, '{}', sha256('w2'));
        INSERT INTO generations (id, watch_model, quality_model, state, opened_at) OVERRIDING SYSTEM VALUE
        VALUES (1, 1, 2, 'live', now()), (2, 3, 2, 'filling', now());
        INSERT INTO active_generation (generation_id) VALUES (1);
        INSERT INTO images (id, sha256, bytes, format, width, height, audit, ingested_at)
        SELECT lpad(n::text, 32, '0')::uuid, sha256(n::text::bytea), 1, 'jpeg', 9, 9, false, now() - interval '1 hour'
        FROM generate_series(1, 9) n;
        INSERT INTO catalog (generation_id, image_id, width, height, ingested_at)
        SELECT g.id, i.id, 9, 9, i.ingested_at FROM images i, generations g;
        INSERT INTO scorings (image_id, model_id, state) SELECT i.id, m.id, 'pending' FROM images i, models m";

    const WATCH: ModelId = ModelId(1);
    const QUALITY: ModelId = ModelId(2);
    const NEW: ModelId = ModelId(3);

    async fn open(pool: &PgPool) -> sqlx::pool::PoolConnection<sqlx::Postgres> {
        sqlx::raw_sql(CATALOG).execute(pool).await.unwrap();
        pool.acquire().await.unwrap()
    }

    /// The model scored the image so many seconds before `now`.
    async fn score(conn: &mut PgConnection, now: DateTime<Utc>, model: ModelId, image: i32, ago_s: i64) {
        let insert = match model {
            QUALITY => {
                "INSERT INTO quality_predictions (image_id, model_id, created_at, bins, mean, std)
                 VALUES ($1, $2, $3, array_fill(0.1::float8, '{10}'), 5.5, 1)"
            }
            _ => {
                "INSERT INTO watch_predictions (image_id, model_id, created_at, confidence, positives)
                 VALUES ($1, $2, $3, 0.5, '{}')"
            }
        };
        let done =
            "UPDATE scorings SET state = 'done', updated_at = $3 WHERE image_id = $1 AND model_id = $2";
        let image = Uuid::from_u128(image.unsigned_abs().into());
        for statement in [insert, done] {
            sqlx::query(statement)
                .bind(image)
                .bind(model.0)
                .bind(now - TimeDelta::seconds(ago_s))
                .execute(&mut *conn)
                .await
                .unwrap();
        }
    }

    #[sqlx::test(migrations = "./migrations")]
    async fn the_pace_of_a_pair_is_that_of_the_images_that_both_are_done_with(pool: PgPool) {
        let (mut conn, now) = (open(&pool).await, Clock::System.now());
        let since = now - TimeDelta::seconds(60);
        // Long before, within the minute by one, within it by both at different times, and by one only.
        for (model, image, ago_s) in [
            (WATCH, 1, 300),
            (QUALITY, 1, 300),
            (WATCH, 2, 300),
            (QUALITY, 2, 50),
            (WATCH, 3, 40),
            (QUALITY, 3, 30),
            (WATCH, 4, 20),
        ] {
            score(&mut conn, now, model, image, ago_s).await;
        }
        let both = pace(&mut conn, &[WATCH, QUALITY], since).await.unwrap();
        assert_eq!(both, Some(Pace { scored: 2, busy_ms: 30_000 }), "50 and 30 seconds ago");
        let watch = pace(&mut conn, &[WATCH], since).await.unwrap();
        assert_eq!(watch, Some(Pace { scored: 2, busy_ms: 40_000 }), "40 and 20 seconds ago");
        let quality = pace(&mut conn, &[QUALITY], since).await.unwrap();
        assert_eq!(quality, Some(Pace { scored: 2, busy_ms: 30_000 }));
    }

    #[sqlx::test(migrations = "./migrations")]
    async fn what_the_models_score_that_two_pairs_share_gets_a_pair_no_further_whose_other_model_does_not_run(
        pool: PgPool,
    ) {
        let (mut conn, now) = (open(&pool).await, Clock::System.now());
        for image in 1..=5 {
            score(&mut conn, now, WATCH, image, 30).await;
            score(&mut conn, now, QUALITY, image, 30).await;
        }
        let since = now - TimeDelta::seconds(60);
        assert_eq!(pace(&mut conn, &[WATCH, QUALITY], since).await.unwrap().unwrap().scored, 5);
        assert_eq!(pace(&mut conn, &[NEW, QUALITY], since).await.unwrap(), None);
        // It runs again, on what the other has scored already.
        score(&mut conn, now, NEW, 1, 10).await;
        assert_eq!(
            pace(&mut conn, &[NEW, QUALITY], since).await.unwrap(),
            Some(Pace { scored: 1, busy_ms: 50_000 })
        );
    }

    #[sqlx::test(migrations = "./migrations")]
    async fn the_summaries_say_of_each_pair_what_the_state_of_each_image_with_each_model_says(pool: PgPool) {
        let mut conn = open(&pool).await;
        // Every pair of states with w and q once; with w2 those of w.
        sqlx::raw_sql(
            "WITH state AS (SELECT n, (ARRAY['pending', 'done', 'failed'])[n] AS state FROM generate_series(1, 3) n),
                  pairs AS (SELECT w.state AS w, q.state AS q, lpad((3 * w.n + q.n - 3)::text, 32, '0')::uuid AS image FROM state w, state q)
             UPDATE scorings s SET state = said.state, reason = CASE said.state WHEN 'failed' THEN 'no picture' END
             FROM pairs p CROSS JOIN LATERAL (VALUES (1, p.w), (2, p.q), (3, p.w)) AS said (model, state)
             WHERE s.image_id = p.image AND s.model_id = said.model;
             UPDATE catalog c SET
                 watch_confidence = (SELECT 0.5 FROM scorings s WHERE s.image_id = c.image_id AND s.state = 'done' AND s.model_id = 1),
                 quality_mean = (SELECT 5 FROM scorings s WHERE s.image_id = c.image_id AND s.state = 'done' AND s.model_id = 2),
                 quality_std = (SELECT 1 FROM scorings s WHERE s.image_id = c.image_id AND s.state = 'done' AND s.model_id = 2)",
        )
        .execute(&mut *conn)
        .await
        .unwrap();
        for generation in [1, 2].map(GenerationId) {
            let Ledger { images, scored, pending, unscorable, .. } =
                totals(&mut conn, Some(generation)).await.unwrap();
            // Five of nine wait for one of the two.
            assert_eq!((images, scored, pending, unscorable), (9, 1, 5, 3));
            let counted = generations::coverage(&mut conn, generation).await.unwrap();
            assert_eq!((counted.waiting, counted.failed), (pending, unscorable), "as for the switch");
        }
        let kept = model_change::kept(&mut conn).await.unwrap();
        assert_eq!(kept.len(), 2);
        for kept in kept {
            assert_eq!((kept.images, kept.scored, kept.waiting, kept.failed), (9, 1, 5, 3));
        }
        let all = totals(&mut conn, None).await.unwrap();
        assert_eq!((all.scored, all.pending), (0, 9));
    }
}
