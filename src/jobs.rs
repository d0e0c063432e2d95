//! The tasks that the queue runs, and how work gets into it.
//!
//! The queue (Graphile Worker, in the same PostgreSQL) is a hint; the rows in `scorings` are the truth. A
//! job that is lost is found again by [`Reconcile`], a job that comes twice finds nothing left to do.

use std::time::Duration;

use graphile_worker::{
    Cron, IntoTaskHandlerResult, JobKeyMode, JobSpec, JobSpecBuilder, LocalQueueConfig, RefetchDelayConfig,
    Schema, TaskHandler, Worker, WorkerBuildError, WorkerContext, WorkerOptions, WorkerRecoveryConfig,
    WorkerUtils, sql::add_job,
};
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, PgPool};
use tokio_util::sync::CancellationToken;

use crate::{
    config::Settings,
    domain::{ImageId, ModelId},
    pipeline::{Pipeline, PipelineError},
    shutdown,
    store::{catalog, generations, human_pool, opening, retired, scorings, summary},
};

/// New arrivals go before re-scores (the queue serves low numbers first).
const ARRIVAL: i16 = 0;
/// What waited without a job: after a crash, or for a model that is new.
const AGAIN: i16 = 10;
/// Between most of those and the last ones: the look for more of them.
const MORE: i16 = 11;
/// The last ones, which are scored while more are looked for.
const LAST: i16 = 12;

/// Most images that one look gives a job.
const LOOK: usize = 10_000;
/// So many of them are left when there is another look: more than are scored while it takes place.
const LEFT: usize = 2_000;

/// Rows of retired generations that are deleted a minute: a few seconds' work.
const RETIRED: i64 = 50_000;

/// How long a job waits when it is the service that failed, not the image.
const POSTPONED: Duration = Duration::from_secs(15);

/// Jobs that a worker fetches at once: enough to fill the batches, few enough to share with other workers.
const FETCH: usize = 32;
/// Longest time between two looks into an empty queue.
const IDLE: Duration = Duration::from_secs(1);

/// Why a job could not be added, or the queue could not be prepared.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// The rows could not be written.
    #[error("the image could not be queued for scoring")]
    Rows(#[from] sqlx::Error),
    /// The queue refused the job.
    #[error("the job queue did not take the job: {0}")]
    Queue(String),
}

/// Scores one image with every model that lacks a row for it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ScoreImage {
    image: ImageId,
}

impl TaskHandler for ScoreImage {
    const IDENTIFIER: &'static str = "score_image";

    async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
        let Some(pipeline) = context.get_ext::<Pipeline>() else {
            return Err("this worker has no pipeline".to_owned());
        };
        match pipeline.process(self.image).await {
            Ok(outcome) => {
                tracing::debug!(image = %self.image, ?outcome, "scored");
                Ok(())
            }
            // The scorer hears of it and stops claiming; this image waits and loses no try.
            Err(PipelineError::Service(error)) => {
                pipeline.trouble.report(&*error);
                postpone(context.pg_pool(), self.image).await.map_err(|error| error.to_string())
            }
            Err(PipelineError::Away) => {
                postpone(context.pg_pool(), self.image).await.map_err(|error| error.to_string())
            }
            // The queue tries again later; `scorings.tries` says when it is enough.
            Err(error @ PipelineError::Image(_)) => Err(error.to_string()),
        }
    }
}

/// Adds jobs for images that wait for a score and have no live job.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Reconcile;

impl TaskHandler for Reconcile {
    const IDENTIFIER: &'static str = "reconcile";

    async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
        fold(context.pg_pool()).await.map_err(|error| error.to_string())?;
        let Some(pipeline) = context.get_ext::<Pipeline>() else {
            return Err("this worker has no pipeline".to_owned());
        };
        let added =
            reconcile(context.pg_pool(), &pipeline.model_ids()).await.map_err(|error| error.to_string())?;
        if added > 0 {
            tracing::info!(added, "added jobs for images that waited without one");
        }
        // Last, for nobody waits for it.
        retired::clear(context.pg_pool(), RETIRED).await.map_err(|error| error.to_string())?;
        Ok::<(), String>(())
    }
}

/// Adds more jobs when most of those that one look added are done: without it a re-score would do no more than one look's images a
/// minute. It stands among them in the queue, so that nobody has to watch how many are left.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Refill;

impl TaskHandler for Refill {
    const IDENTIFIER: &'static str = "refill";

    async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
        let Some(pipeline) = context.get_ext::<Pipeline>() else {
            return Err("this worker has no pipeline".to_owned());
        };
        let added = add_waiting(context.pg_pool(), &pipeline.model_ids(), LOOK, LEFT).await;
        added.map(drop).map_err(|error| error.to_string())
    }
}

/// Asks for `image` to be scored by every model of every live generation: writes what is pending and the
/// catalog rows, and adds the job, all in the caller's transaction.
///
/// # Errors
/// When the database refuses.
pub async fn request_scoring(conn: &mut PgConnection, image: ImageId) -> Result<(), JobError> {
    generations::hold(conn).await?;
    catalog::open(conn, &[image]).await?;
    if scorings::request(conn, image).await? {
        add(conn, image, spec(image).build()).await?;
    }
    Ok(())
}

/// Folds what the summaries were told since the last time, and pools the votes that are new.
///
/// # Errors
/// When the database refuses.
async fn fold(pool: &PgPool) -> sqlx::Result<i64> {
    let mut conn = pool.acquire().await?;
    human_pool::recount(&mut conn).await?;
    if let Some(generation) = generations::activate_filled(pool).await? {
        tracing::info!(%generation, "every image is scored by the new models: the pages show them");
    }
    summary::fold(&mut conn).await
}

/// Gives every image the rows that it lacks, and a job to each that waits for one of `models` and has no live one; answers
/// how many jobs that were. A job for a model that nobody runs would only come and go.
///
/// # Errors
/// When the database refuses.
pub async fn reconcile(pool: &PgPool, models: &[ModelId]) -> Result<usize, JobError> {
    opening::open(pool).await?;
    add_waiting(pool, models, LOOK, LEFT).await
}

/// Gives up to `most` images that wait a job, and sees to another look when `left` of them remain, if there may be more.
async fn add_waiting(pool: &PgPool, models: &[ModelId], most: usize, left: usize) -> Result<usize, JobError> {
    let mut tx = pool.begin().await?;
    let limit = i64::try_from(most).unwrap_or(i64::MAX);
    let waiting = scorings::pending_without_job(&mut tx, models, limit).await?;
    let may_be_more = waiting.len() >= most;
    for (index, image) in waiting.iter().enumerate() {
        let is_last = may_be_more && index + left >= most;
        let spec = spec(*image).priority(if is_last { LAST } else { AGAIN });
        add(&mut tx, *image, spec.job_key_mode(JobKeyMode::PreserveRunAt).build()).await?;
    }
    if may_be_more {
        let spec = JobSpecBuilder::new().job_key(Refill::IDENTIFIER).priority(MORE).build();
        add_task(&mut tx, &Refill, spec).await?;
    }
    tx.commit().await?;
    Ok(waiting.len())
}

/// Prepares the queue's own tables.
///
/// # Errors
/// When the database refuses.
pub async fn migrate(pool: &PgPool) -> Result<(), JobError> {
    WorkerUtils::new(pool.clone(), Schema::default())
        .migrate()
        .await
        .map_err(|error| JobError::Queue(error.to_string()))
}

/// A worker that runs jobs with `pipeline` until `stop` is cancelled.
///
/// # Errors
/// When the queue cannot be reached.
pub async fn worker(
    pipeline: Pipeline,
    settings: &Settings,
    stop: CancellationToken,
) -> Result<Worker, WorkerBuildError> {
    let heartbeat = Duration::from_millis(settings.worker_heartbeat_ms);
    let dead_after = Duration::from_millis(settings.worker_dead_after_ms);
    let recovery = WorkerRecoveryConfig::default()
        .enabled(true)
        .heartbeat_interval(heartbeat)
        .sweep_interval(heartbeat)
        .sweep_threshold(dead_after)
        .recovery_delay(Duration::ZERO);
    // Without a delay the queue asks again at once, thousands of times a second, while it is empty. The first
    // notification of a new job ends the delay.
    let idle = RefetchDelayConfig::default().with_duration(IDLE).with_max_abort_threshold(1);
    WorkerOptions::default()
        .pg_pool(pipeline.pool.clone())
        .concurrency(settings.score_jobs.get())
        .local_queue(LocalQueueConfig::default().with_size(FETCH).with_refetch_delay(idle))
        .complete_job_batch_delay(Duration::from_millis(5))
        .add_extension(pipeline)
        .define_job::<ScoreImage>()
        .define_job::<Reconcile>()
        .define_job::<Refill>()
        .with_cron(Cron::every_minute::<Reconcile>())
        .worker_recovery(recovery)
        .listen_os_shutdown_signals(false)
        .shutdown_signal(stop.cancelled_owned())
        .shutdown_grace_period(shutdown::GRACE)
        .init()
        .await
}

/// Puts an image back into the queue after a fault of the service, without using up one of the job's attempts.
async fn postpone(pool: &PgPool, image: ImageId) -> Result<(), JobError> {
    let mut conn = pool.acquire().await?;
    #[expect(clippy::disallowed_methods, reason = "the queue compares it with the database's clock")]
    let at = chrono::Utc::now() + POSTPONED;
    add(&mut conn, image, spec(image).run_at(at).build()).await
}

fn spec(image: ImageId) -> JobSpecBuilder {
    JobSpecBuilder::new().job_key(format!("score:{image}")).priority(ARRIVAL)
}

async fn add(conn: &mut PgConnection, image: ImageId, spec: JobSpec) -> Result<(), JobError> {
    add_task(conn, &ScoreImage { image }, spec).await
}

async fn add_task<T: TaskHandler + Serialize>(
    conn: &mut PgConnection,
    task: &T,
    spec: JobSpec,
) -> Result<(), JobError> {
    let payload = serde_json::json!(task);
    add_job::single::add_job(conn, Schema::default(), T::IDENTIFIER, payload, spec, false)
        .await
        .map(|_job| ())
        .map_err(|error| JobError::Queue(error.to_string()))
}

#[cfg(test)]
mod tests;
