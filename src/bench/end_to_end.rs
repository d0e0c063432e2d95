//! The whole service: from files that are dropped to rows that are ranked.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgPool;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    BenchError,
    figures::per_second,
    machine::cpu_seconds,
    memory::{Looks, Memory},
    pictures::Copy,
    pictures::Pictures,
    progress,
    sandbox::Sandbox,
};
use crate::{
    clock::Clock,
    config::{Role, Settings},
    scorer,
    startup::{Application, StartupError},
    store::components,
};

/// How often the rows are counted: the error of the time of the last one.
const LOOK: Duration = Duration::from_millis(20);
/// After so long without a new row, something is wrong. Scoring gives way to whatever else the machine does, so it is long.
const PATIENCE: Duration = Duration::from_secs(300);

/// What became of one load of dropped files.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct EndToEnd {
    /// Files that were dropped, and ranked.
    pub files: usize,
    /// From the first drop to the last committed row.
    pub seconds: f64,
    /// Of which it took until the first file had stood still for long enough and was in the catalog.
    pub settling_seconds: f64,
    /// Files by seconds.
    pub images_per_second: f64,
    /// The same without the settling time.
    pub images_per_second_settled: f64,
    /// CPU time of the service, the database's apart, per image.
    pub cpu_ms_per_image: f64,
    /// What the process held, with the tensors that the networks alone are run on.
    pub memory: Memory,
}

/// Runs the service in this process, drops `files` pictures into its upload directory, and waits for their rows.
pub(super) async fn measure(
    sandbox: &Sandbox,
    pictures: &mut Pictures,
    files: usize,
) -> Result<EndToEnd, BenchError> {
    let service = Service::start(sandbox).await?;
    let copies = pictures.next(files);
    let before = ranked(&sandbox.pool).await?;
    let (cpu, started_at, started) = (cpu_seconds(), Clock::System.now(), Instant::now());
    let upload = sandbox.settings.upload_dir();
    let enough = CancellationToken::new();
    let _until_here = enough.clone().drop_guard();
    let dropping = tokio::task::spawn_blocking(move || drop_all(&copies, &upload, &enough));
    let (ended, looks) = watch(&sandbox.pool, &service, (before, files)).await?;
    let seconds = (ended - started).as_secs_f64();
    let cpu = cpu_seconds() - cpu;
    dropping.await.map_err(|_| BenchError::Thread)??;
    let settling_seconds = first_taken(&sandbox.pool, started_at).await?;
    service.stop().await?;
    Ok(EndToEnd {
        files,
        seconds,
        settling_seconds,
        images_per_second: per_second(files, seconds),
        images_per_second_settled: per_second(files, seconds - settling_seconds),
        cpu_ms_per_image: cpu * 1e3 / files as f64,
        memory: looks.finish(files),
    })
}

/// Waits until `files` more rows than `before` are ranked: when the last one was, and what the process held meanwhile.
async fn watch(
    pool: &PgPool,
    service: &Service,
    (before, files): (usize, usize),
) -> Result<(Instant, Looks), BenchError> {
    let bar = progress::bar("dropped to ranked", files);
    let (mut done, mut last_news, mut looks) = (0, Instant::now(), Looks::default());
    while done < files {
        tokio::time::sleep(LOOK).await;
        let now = ranked(pool).await? - before;
        if now > done {
            (done, last_news) = (now, Instant::now());
            bar.at(done);
            looks.look(done);
        } else if last_news.elapsed() > PATIENCE || service.has_ended() {
            return Err(stuck(pool, done, files).await?);
        }
    }
    Ok((last_news, looks))
}

/// Until `enough` is cancelled, so that nothing is written into a folder that is being removed.
fn drop_all(copies: &[Copy], upload: &Path, enough: &CancellationToken) -> Result<(), BenchError> {
    let mut wanted = copies.iter().take_while(|_| !enough.is_cancelled());
    wanted.try_for_each(|copy| copy.write(upload).map(drop))
}

/// The service with the roles that take and score files; dropping it stops it.
struct Service {
    task: JoinHandle<Result<(), StartupError>>,
    stop: DropGuard,
}

impl Service {
    /// Starts it and waits until it watches, with its models loaded.
    async fn start(sandbox: &Sandbox) -> Result<Self, BenchError> {
        sqlx::query!("DELETE FROM components").execute(&sandbox.pool).await?;
        let stop = CancellationToken::new();
        let settings = Settings::clone(&sandbox.settings);
        let application = Application::build(settings, &[Role::Ingest, Role::Score], Clock::System).await?;
        let task = tokio::spawn(application.run(stop.clone()));
        let service = Self { task, stop: stop.drop_guard() };
        for role in [Role::Ingest, Role::Score] {
            loop {
                match components::problems(&sandbox.pool, role).await?.as_deref() {
                    Some([]) => break,
                    Some([problem, ..]) if problem != scorer::OPENING => {
                        return Err(BenchError::StandsStill(problem.clone()));
                    }
                    _ if service.has_ended() => return Err(BenchError::Ended),
                    _ => tokio::time::sleep(LOOK).await,
                }
            }
        }
        Ok(service)
    }

    fn has_ended(&self) -> bool {
        self.task.is_finished()
    }

    async fn stop(self) -> Result<(), BenchError> {
        drop(self.stop);
        Ok(self.task.await.map_err(|_| BenchError::Ended)??)
    }
}

/// Images with a row that has both scores.
async fn ranked(pool: &PgPool) -> Result<usize, BenchError> {
    let count = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM catalog
           WHERE watch_confidence IS NOT NULL AND quality_mean IS NOT NULL"#
    )
    .fetch_one(pool)
    .await?;
    Ok(usize::try_from(count).unwrap_or(0))
}

/// Seconds from `started_at` to the first image that came in after it.
async fn first_taken(pool: &PgPool, started_at: DateTime<Utc>) -> Result<f64, BenchError> {
    let first =
        sqlx::query_scalar!("SELECT min(ingested_at) FROM images WHERE ingested_at >= $1", started_at)
            .fetch_one(pool)
            .await?;
    Ok(first.map_or(0.0, |first| (first - started_at).as_seconds_f64()))
}

async fn stuck(pool: &PgPool, ranked: usize, dropped: usize) -> Result<BenchError, BenchError> {
    for role in [Role::Ingest, Role::Score] {
        if let Some([problem, ..]) = components::problems(pool, role).await?.as_deref() {
            return Ok(BenchError::StandsStill(problem.clone()));
        }
    }
    let failed = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM sightings WHERE state = 'failed' AND superseded_at IS NULL"#
    )
    .fetch_one(pool)
    .await?;
    Ok(BenchError::Stuck { ranked, dropped, failed: usize::try_from(failed).unwrap_or(0) })
}
