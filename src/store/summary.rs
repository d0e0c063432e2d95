//! Counts and histograms that cost the same whatever the size of the catalog.
//!
//! Triggers append what each statement changes to tables of deltas, which nobody waits for; [`fold`] adds them to the
//! summaries now and then. What is read is always both together, so that it is exact at every moment.

use std::time::Duration;

use sqlx::{Connection, PgConnection, PgPool};
use tokio_util::sync::CancellationToken;

use super::viewpoint::Viewpoint;
use crate::domain::GenerationId;

/// Between two foldings: what readers add up stays short, however fast images are scored.
const PAUSE: Duration = Duration::from_secs(3);

/// Deltas that one transaction folds.
const BATCH: i64 = 20_000;

/// Folds now and then, until `stop` is cancelled. A database that is away is asked again later.
pub async fn keep_folded(pool: PgPool, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            () = stop.cancelled() => return,
        }
        let folded = async { fold(&mut *pool.acquire().await?).await };
        if let Err(error) = folded.await {
            tracing::debug!(%error, "the summaries were not folded");
        }
    }
}

/// Folds all deltas that are there into the summaries; answers how many. Does nothing while somebody else does.
///
/// # Errors
/// When the database refuses.
pub async fn fold(conn: &mut PgConnection) -> sqlx::Result<i64> {
    let mut all = 0;
    loop {
        let mut tx = conn.begin().await?;
        let is_ours = sqlx::query_scalar!(
            r#"SELECT pg_try_advisory_xact_lock(hashtextextended('fold summaries', 0)) AS "is_ours!""#
        )
        .fetch_one(&mut *tx)
        .await?;
        if !is_ours {
            return Ok(all);
        }
        let folded = fold_catalog(&mut tx).await? + fold_ledger(&mut tx).await?;
        tx.commit().await?;
        all += folded;
        if folded < BATCH {
            return Ok(all);
        }
    }
}

/// Forgets the counts of a generation that has no rows any more, while nobody folds.
///
/// # Errors
/// When the database refuses.
pub async fn forget(conn: &mut PgConnection, generation: GenerationId) -> sqlx::Result<()> {
    let mut tx = conn.begin().await?;
    sqlx::query!(
        r#"SELECT pg_advisory_xact_lock(hashtextextended('fold summaries', 0))::text AS "is_ours!""#
    )
    .fetch_one(&mut *tx)
    .await?;
    sqlx::query!(
        "WITH none AS (SELECT WHERE NOT EXISTS (SELECT FROM catalog WHERE generation_id = $1)),
              deltas AS (DELETE FROM catalog_deltas WHERE generation_id = $1 AND EXISTS (SELECT FROM none))
         DELETE FROM catalog_summary WHERE generation_id = $1 AND EXISTS (SELECT FROM none)",
        generation.0
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await
}

async fn fold_catalog(conn: &mut PgConnection) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"WITH taken AS (
               DELETE FROM catalog_deltas WHERE id IN (SELECT id FROM catalog_deltas ORDER BY id LIMIT $1)
               RETURNING generation_id, measure, bin, delta
           ), folded AS (
               INSERT INTO catalog_summary (generation_id, measure, bin, count)
               SELECT generation_id, measure, bin, sum(delta) FROM taken GROUP BY 1, 2, 3
               ON CONFLICT (generation_id, measure, bin) DO UPDATE SET count = catalog_summary.count + excluded.count
           )
           SELECT count(*) AS "count!" FROM taken"#,
        BATCH
    )
    .fetch_one(conn)
    .await
}

async fn fold_ledger(conn: &mut PgConnection) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"WITH taken AS (
               DELETE FROM ledger_deltas WHERE id IN (SELECT id FROM ledger_deltas ORDER BY id LIMIT $1)
               RETURNING counted, delta
           ), folded AS (
               INSERT INTO ledger_summary (counted, count)
               SELECT counted, sum(delta) FROM taken GROUP BY 1
               ON CONFLICT (counted) DO UPDATE SET count = ledger_summary.count + excluded.count
           )
           SELECT count(*) AS "count!" FROM taken"#,
        BATCH
    )
    .fetch_one(conn)
    .await
}

/// Counts of a generation's rows in the catalog.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// All of them.
    pub images: i64,
    /// Those that galleries leave out.
    pub hidden: i64,
    /// Those that both models have scored, hidden ones too.
    pub scored: i64,
    /// Those with a quality mean that are not hidden.
    pub ranked: i64,
}

/// The counts of this moment.
///
/// # Errors
/// When the database refuses.
pub async fn counts(conn: &mut PgConnection, generation: GenerationId) -> sqlx::Result<Counts> {
    sqlx::query_as!(
        Counts,
        r#"WITH counted AS (
               SELECT measure, count FROM catalog_summary
               WHERE generation_id = $1 AND measure <> 'watch_confidence'
               UNION ALL SELECT measure, delta FROM catalog_deltas
               WHERE generation_id = $1 AND measure <> 'watch_confidence'
           )
           SELECT coalesce(sum(count) FILTER (WHERE measure = 'images'), 0)::BIGINT AS "images!",
                  coalesce(sum(count) FILTER (WHERE measure = 'hidden'), 0)::BIGINT AS "hidden!",
                  coalesce(sum(count) FILTER (WHERE measure = 'scored'), 0)::BIGINT AS "scored!",
                  coalesce(sum(count) FILTER (WHERE measure = 'quality_mean'), 0)::BIGINT AS "ranked!"
           FROM counted"#,
        generation.0
    )
    .fetch_one(conn)
    .await
}

/// How the quality means of the images that are not hidden are distributed, in steps of a hundredth, so that means that read
/// the same count as equal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Means {
    /// The bins that have images, in order, each with the number of images below it.
    ranks: Vec<(i16, i64)>,
    images: i64,
}

impl Means {
    /// The share of the images whose mean is lower than `mean`, 0 to 1; 0 while no image is scored.
    #[expect(clippy::cast_precision_loss, reason = "a catalog has far fewer than 2^52 images")]
    pub fn share_below(&self, mean: f64) -> f64 {
        let bin = ((mean - 1.0) * 100.0).floor();
        let next = self.ranks.partition_point(|(other, _)| f64::from(*other) < bin);
        let below = self.ranks.get(next).map_or(self.images, |(_, below)| *below);
        if self.images > 0 { below as f64 / self.images as f64 } else { 0.0 }
    }
}

/// The distribution of the quality means.
///
/// # Errors
/// When the database refuses.
pub async fn means(conn: &mut PgConnection, generation: GenerationId) -> sqlx::Result<Means> {
    let bins = sqlx::query!(
        r#"SELECT bin AS "bin!", sum(count)::BIGINT AS "count!" FROM (
               SELECT bin, count FROM catalog_summary WHERE generation_id = $1 AND measure = 'quality_mean'
               UNION ALL
               SELECT bin, delta FROM catalog_deltas WHERE generation_id = $1 AND measure = 'quality_mean') all_bins
           GROUP BY bin ORDER BY bin"#,
        generation.0
    )
    .fetch_all(conn)
    .await?;
    let mut means = Means::default();
    for bin in bins {
        means.ranks.push((bin.bin, means.images));
        means.images += bin.count;
    }
    Ok(means)
}

/// At least how many images that both models scored and that are not hidden have the label `is_watch`: those in the
/// bins beyond the threshold's own, less all that people could have decided otherwise and all that lack a score.
///
/// # Errors
/// When the database refuses.
pub async fn labelled(conn: &mut PgConnection, view: &Viewpoint, is_watch: bool) -> sqlx::Result<i64> {
    let Some(threshold) = view.threshold else { return Ok(0) };
    sqlx::query_scalar!(
        r#"WITH counted AS (
               SELECT measure, bin, count FROM catalog_summary WHERE generation_id = $1 AND measure <> 'quality_mean'
               UNION ALL SELECT measure, bin, delta FROM catalog_deltas WHERE generation_id = $1 AND measure <> 'quality_mean'
           )
           SELECT coalesce(sum(CASE measure WHEN 'images' THEN -count WHEN 'scored' THEN count WHEN 'watch_confidence' THEN
                      CASE WHEN sign(bin - floor($2::DOUBLE PRECISION * 1000)) = $3 THEN count END END), 0)::BIGINT
                  - (SELECT count(*) FROM catalog WHERE generation_id = $1 AND verdict IS NOT NULL) AS "least!"
           FROM counted"#,
        view.generation.0,
        threshold.get(),
        if is_watch { 1.0 } else { -1.0 },
    )
    .fetch_one(conn)
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn generations(pool: &PgPool) -> Vec<GenerationId> {
        sqlx::raw_sql(
            "INSERT INTO models (name, task, kind, fingerprint, preprocessing, manifest, sha256, default_threshold)
             VALUES ('w', 'watch', 'onnx', repeat('a', 64), 1, '{}', sha256('w'), 0.5),
                    ('q', 'quality', 'onnx', repeat('b', 64), 1, '{}', sha256('q'), NULL),
                    ('r', 'quality', 'onnx', repeat('c', 64), 1, '{}', sha256('r'), NULL);
             INSERT INTO generations (watch_model, quality_model, state)
             SELECT w.id, q.id, 'live' FROM models w, models q WHERE w.name = 'w' AND q.task = 'quality';",
        )
        .execute(pool)
        .await
        .unwrap();
        let ids: Vec<i64> =
            sqlx::query_scalar("SELECT id FROM generations ORDER BY id").fetch_all(pool).await.unwrap();
        ids.into_iter().map(GenerationId).collect()
    }

    /// Bins whose count differs from what the rows say.
    async fn differences(pool: &PgPool) -> Vec<String> {
        sqlx::query_scalar(
            "SELECT concat_ws(' ', generation_id, measure, bin, sum(count)) FROM (
                 SELECT generation_id, measure, bin, count FROM catalog_summary
                 UNION ALL SELECT generation_id, measure, bin, delta FROM catalog_deltas
                 UNION ALL SELECT c.generation_id, m.measure, m.bin, -1 FROM catalog c, catalog_measures(c) m) all_rows
             GROUP BY generation_id, measure, bin HAVING sum(count) <> 0
             UNION ALL
             SELECT concat_ws(' ', counted, sum(count)) FROM (
                 SELECT counted, count FROM ledger_summary
                 UNION ALL SELECT counted, delta FROM ledger_deltas
                 UNION ALL SELECT state, -1 FROM sightings WHERE superseded_at IS NULL
                 UNION ALL SELECT 'images', -1 FROM images) all_rows
             GROUP BY counted HAVING sum(count) <> 0",
        )
        .fetch_all(pool)
        .await
        .unwrap()
    }

    /// Statements of every kind, on rows of its own, some of them taken back.
    async fn work(pool: PgPool, worker: i32) {
        for step in 0..12 {
            let mut tx = pool.begin().await.unwrap();
            for statement in [
                "WITH made AS (
                     INSERT INTO images (id, sha256, bytes, format, width, height, audit)
                     SELECT gen_random_uuid(), sha256(($1 || ' ' || $2 || ' ' || n)::bytea), $1 * 100 + $2 + 1, 'jpeg', 9, 9, false
                     FROM generate_series(1, 9) n RETURNING id, sha256)
                 INSERT INTO sightings (root, path, path_text, size_bytes, mtime_ns, ctime_ns, sha256, image_id, state)
                 SELECT 'r', sha256, '', 1, 0, 0, sha256, id, 'imported' FROM made",
                "INSERT INTO catalog (generation_id, image_id, width, height, ingested_at)
                 SELECT g.id, i.id, 9, 9, now() FROM images i, generations g WHERE i.bytes = $1 * 100 + $2 + 1",
                "UPDATE catalog SET quality_mean = 1 + random() * 9, quality_std = 1, watch_confidence = random()
                 FROM images i WHERE i.id = image_id AND i.bytes / 100 = $1 AND random() < 0.7 AND $2 >= 0",
                "UPDATE catalog SET hidden = NOT hidden
                 FROM images i WHERE i.id = image_id AND i.bytes / 100 = $1 AND random() < 0.3 AND $2 >= 0",
                "UPDATE sightings SET state = 'missing', superseded_at = CASE WHEN random() < 0.5 THEN now() END
                 FROM images i WHERE i.id = image_id AND i.bytes / 100 = $1 AND random() < 0.2 AND $2 >= 0",
                "DELETE FROM catalog USING images i WHERE i.id = image_id AND i.bytes / 100 = $1 AND random() < 0.1 AND $2 >= 0",
                "DELETE FROM images i WHERE bytes / 100 = $1 AND $2 >= 0
                 AND NOT EXISTS (SELECT FROM sightings s WHERE s.image_id = i.id AND s.state = 'imported')",
            ] {
                sqlx::query(statement).bind(worker).bind(step).execute(&mut *tx).await.unwrap();
            }
            if step % 4 == 3 {
                tx.rollback().await.unwrap()
            } else {
                tx.commit().await.unwrap()
            }
            if step % 3 == worker % 3 {
                fold(&mut pool.acquire().await.unwrap()).await.unwrap();
            }
        }
    }

    #[sqlx::test(migrations = "./migrations")]
    async fn folded_counts_and_deltas_are_what_a_recount_says_while_many_write_and_fold(pool: PgPool) {
        let all = generations(&pool).await;
        let workers = (1..=4).map(|worker| tokio::spawn(work(pool.clone(), worker)));
        for worker in workers.collect::<Vec<_>>() {
            worker.await.unwrap();
        }
        assert_eq!(differences(&pool).await, Vec::<String>::new());
        let mut conn = pool.acquire().await.unwrap();
        let before = counts(&mut conn, all[0]).await.unwrap();
        assert!(before.images > 50 && before.hidden > 10 && before.scored > before.ranked, "{before:?}");
        fold(&mut conn).await.unwrap();
        assert_eq!(counts(&mut conn, all[0]).await.unwrap(), before);
        let left: i64 = sqlx::query_scalar(
            "SELECT (SELECT count(*) FROM catalog_deltas) + (SELECT count(*) FROM ledger_deltas)",
        )
        .fetch_one(&pool)
        .await
        .unwrap();
        assert_eq!(left, 0);
        sqlx::query("DELETE FROM generations WHERE id = $1").bind(all[1].0).execute(&pool).await.unwrap();
        assert_eq!(differences(&pool).await, Vec::<String>::new());
    }

    #[sqlx::test(migrations = "./migrations")]
    async fn a_share_counts_lower_means_in_steps_of_a_hundredth_and_no_hidden_ones(pool: PgPool) {
        let all = generations(&pool).await;
        let mut conn = pool.acquire().await.unwrap();
        assert_eq!(means(&mut conn, all[0]).await.unwrap().share_below(5.0), 0.0);
        for (number, mean, hidden) in
            [(1, 1.0, false), (2, 5.001, false), (3, 5.009, false), (4, 10.0, false), (5, 2.0, true)]
        {
            sqlx::query(
                "WITH made AS (INSERT INTO images (id, sha256, bytes, format, width, height, audit)
                     VALUES (gen_random_uuid(), sha256($1::text::bytea), 1, 'jpeg', 9, 9, false) RETURNING id)
                 INSERT INTO catalog (generation_id, image_id, quality_mean, quality_std, hidden, width, height, ingested_at)
                 SELECT $2, id, $3, 1, $4, 9, 9, now() FROM made",
            )
            .bind(number)
            .bind(all[0].0)
            .bind(mean)
            .bind(hidden)
            .execute(&mut *conn)
            .await
            .unwrap();
        }
        for _ in 0..2 {
            let means = means(&mut conn, all[0]).await.unwrap();
            let shares = [10.0, 5.009, 5.0, 1.0, 7.0].map(|mean| means.share_below(mean));
            assert_eq!(shares, [0.75, 0.25, 0.25, 0.0, 0.75]);
            fold(&mut conn).await.unwrap();
        }
    }
}
