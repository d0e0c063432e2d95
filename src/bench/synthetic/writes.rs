//! What the database has to write while images come in and are scored, at a fixed rate.

use std::time::{Duration, Instant};

use sqlx::PgPool;
use tokio::time;
use tokio_util::sync::CancellationToken;

use crate::{
    bench::{BenchError, figures::per_second},
    clock::Clock,
    decode::{PerceptualHash, SIGNALS_VERSION, Signals},
    domain::{Confidence, ContentHash, Distribution, ImageId, ModelId},
    jobs,
    score::{Answer, Prediction, WatchScore},
    store::results::{self, Findings},
};

/// Writes the rows of `rate` images a second until it is stopped; how many it really was.
pub(super) async fn write(pool: PgPool, rate: u32, stop: CancellationToken) -> Result<f64, BenchError> {
    if rate == 0 {
        stop.cancelled().await;
        return Ok(0.0);
    }
    let (started, mut written) = (Instant::now(), 0);
    let mut due = time::interval(Duration::from_secs(1) / rate);
    loop {
        tokio::select! {
            _ = due.tick() => one(&pool).await?,
            () = stop.cancelled() => break,
        }
        written += 1;
    }
    Ok(per_second(written, started.elapsed().as_secs_f64()))
}

/// One image, as import and scoring write it.
async fn one(pool: &PgPool) -> Result<(), BenchError> {
    let image = ImageId::new(Clock::System.now());
    let hash = ContentHash::of(image.0.as_bytes());
    let mut tx = pool.begin().await?;
    let listing = format!("new-{}", image.0.as_u128() % 1_000);
    sqlx::query!(
        "INSERT INTO images (id, sha256, bytes, format, width, height, listing_key, audit)
         VALUES ($1, $2, 100000, 'jpeg', 1600, 1200, $3, FALSE)",
        image.0,
        &hash.as_bytes()[..],
        listing
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        "INSERT INTO sightings (root, path, path_text, size_bytes, mtime_ns, ctime_ns, sha256, image_id, state)
         VALUES ('/synthetic', $1, $2, 100000, 0, 0, $1, $3, 'imported')",
        &hash.as_bytes()[..],
        hash.to_string(),
        image.0
    )
    .execute(&mut *tx)
    .await?;
    jobs::request_scoring(&mut tx, image).await.map_err(|error| BenchError::Page(error.to_string()))?;
    tx.commit().await?;
    Ok(results::commit(pool, image, &findings(pool, image).await?).await?)
}

/// What two networks might have found.
async fn findings(pool: &PgPool, image: ImageId) -> Result<Findings, BenchError> {
    let models = sqlx::query!(
        r#"SELECT watch_model AS "watch: ModelId", quality_model AS "quality: ModelId"
           FROM generations ORDER BY id LIMIT 1"#
    )
    .fetch_one(pool)
    .await?;
    let chance = (image.0.as_u128() % 1_000) as f64 / 1_000.0;
    let nonsense = |error: &dyn std::fmt::Display| BenchError::Page(error.to_string());
    let mut bins = [0.05; 10];
    bins[4] += 0.5 * chance;
    bins[6] += 0.5 * (1.0 - chance);
    let quality = Distribution::new(bins).map_err(|error| nonsense(&error))?;
    let confidence = Confidence::new(chance).map_err(|error| nonsense(&error))?;
    let score = WatchScore { confidence, positives: vec![("digital watch".to_owned(), chance)], top: vec![] };
    let prediction = |answer| Ok(Prediction { answer, features: None });
    Ok(Findings {
        signals: Signals {
            version: SIGNALS_VERSION,
            sharpness: 1_000.0 * chance,
            exposure: 0.5,
            black_share: 0.0,
            white_share: 0.1,
            contrast: 0.2,
            noise: 1.0,
            megapixels: 1.92,
            short_side_px: 1200,
        },
        phash: PerceptualHash::try_from("0000000000000000".to_owned()).map_err(|error| nonsense(&error))?,
        predictions: vec![
            (models.watch, prediction(Answer::Watch(score))),
            (models.quality, prediction(Answer::Quality(quality))),
        ],
    })
}
