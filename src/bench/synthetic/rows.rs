//! A catalog without pictures: rows as they come out of years of work.

use sqlx::PgPool;

use crate::{
    bench::{BenchError, progress},
    domain::GenerationId,
    store::summary,
};

/// Images that one statement adds.
const BATCH: u32 = 20_000;

/// Two models and a generation of them.
pub(in crate::bench) async fn open(pool: &PgPool) -> Result<GenerationId, BenchError> {
    let generation = sqlx::query_scalar!(
        r#"WITH w AS (
               INSERT INTO models (name, task, kind, fingerprint, preprocessing, manifest, sha256, positives, default_threshold)
               VALUES ('synthetic-watch', 'watch', 'onnx', repeat('a', 64), 1, '{}', sha256('w'), '{digital watch}', 0.5)
               RETURNING id
           ), q AS (
               INSERT INTO models (name, task, kind, fingerprint, preprocessing, manifest, sha256)
               VALUES ('synthetic-quality', 'quality', 'onnx', repeat('b', 64), 1, '{}', sha256('q')) RETURNING id
           )
           INSERT INTO generations (watch_model, quality_model, state) SELECT w.id, q.id, 'live' FROM w, q
           RETURNING id AS "id: GenerationId""#
    )
    .fetch_one(pool)
    .await?;
    sqlx::query!("INSERT INTO active_generation (generation_id) VALUES ($1)", generation.0)
        .execute(pool)
        .await?;
    Ok(generation)
}

/// Adds images until there are `images`: means as NIMA's (bell-shaped around 5.2), four photos to a listing, seven of
/// ten with a watch, one of a thousand near the threshold, one of five hundred hidden.
pub(in crate::bench) async fn grow(
    pool: &PgPool,
    generation: GenerationId,
    images: u32,
) -> Result<(), BenchError> {
    let bar = progress::bar("synthetic images", images as usize);
    let there = sqlx::query_scalar!(r#"SELECT count(*) AS "count!" FROM catalog"#).fetch_one(pool).await?;
    let mut done = u32::try_from(there).unwrap_or(u32::MAX);
    while done < images {
        let until = images.min(done.saturating_add(BATCH));
        add(pool, generation, (done, until)).await?;
        done = until;
        bar.at(done as usize);
        summary::fold(&mut *pool.acquire().await?).await?;
    }
    // What the server does by itself a minute after such a load.
    for statement in ["VACUUM ANALYZE catalog", "VACUUM ANALYZE listings", "ANALYZE", "CHECKPOINT"] {
        sqlx::raw_sql(statement).execute(pool).await?;
    }
    Ok(())
}

async fn add(pool: &PgPool, generation: GenerationId, (from, until): (u32, u32)) -> Result<(), BenchError> {
    sqlx::query!(
        "WITH made AS MATERIALIZED (
             SELECT n, gen_random_uuid() AS id, sha256(n::text::bytea) AS hash,
                    'batch-' || lpad((n / 1000)::text, 4, '0') || '/' || (n / 4) || '_' || (n % 4) || '.jpg' AS path,
                    5.2 + 0.7 * sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random()) AS mean,
                    CASE WHEN n % 1000 = 7 THEN 0.4 + 0.2 * random() WHEN n % 10 < 7 THEN 0.9 + 0.1 * random()
                         ELSE 0.1 * random() END AS confidence
             FROM generate_series($2::int, $3::int - 1) n
         ), pictures AS (
             INSERT INTO images (id, sha256, bytes, format, width, height, listing_key, audit)
             SELECT id, hash, 100000, 'jpeg', 1600, 1200, (n / 4)::text, FALSE FROM made
         ), seen AS (
             INSERT INTO sightings (root, path, path_text, size_bytes, mtime_ns, ctime_ns, sha256, image_id, state)
             SELECT '/synthetic', path::bytea, path, 100000, 0, 0, hash, id, 'imported' FROM made
         ), listed AS (
             INSERT INTO listings (generation_id, key, images, best_image, best_mean, watch_evidence)
             SELECT $1, (n / 4)::text, count(*), (array_agg(id ORDER BY mean DESC))[1], least(10, greatest(1, max(mean))),
                    max(confidence)
             FROM made GROUP BY n / 4 ON CONFLICT DO NOTHING
         )
         INSERT INTO catalog (generation_id, image_id, watch_confidence, quality_mean, quality_std, listing_key,
                              sharpness, width, height, ingested_at, filename, hidden)
         SELECT $1, id, confidence, least(10, greatest(1, mean)), 1.4, (n / 4)::text, 2000 * random(), 1600, 1200,
                now() - make_interval(secs => $3 - n), path, n % 500 = 3
         FROM made",
        generation.0,
        i32::try_from(from).unwrap_or(i32::MAX),
        i32::try_from(until).unwrap_or(i32::MAX)
    )
    .execute(pool)
    .await?;
    Ok(())
}
