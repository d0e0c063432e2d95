//! The job queue as its own tables show it. They belong to the queue's crate, hence queries that tests check and
//! not the compiler.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

/// Jobs, by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Queue {
    /// Not begun, or to be tried again later.
    pub waiting: i64,
    /// Held by a worker.
    pub running: i64,
    /// Given up by the queue.
    pub failed: i64,
}

/// How many jobs there are. A job that was given up and has a successor lost its key, and is not counted.
///
/// # Errors
/// When the database refuses.
pub async fn counts(conn: &mut PgConnection) -> sqlx::Result<Queue> {
    sqlx::query_as(
        "SELECT count(*) FILTER (WHERE locked_at IS NULL AND attempts < max_attempts) AS waiting,
                count(*) FILTER (WHERE locked_at IS NOT NULL) AS running,
                count(*) FILTER (WHERE locked_at IS NULL AND attempts >= max_attempts
                                   AND (key IS NOT NULL OR task_identifier <> 'score_image')) AS failed
         FROM graphile_worker.jobs",
    )
    .fetch_one(conn)
    .await
}

/// The jobs of one kind.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Kind {
    /// The task's name in the queue.
    pub task: String,
    /// Could begin now.
    pub waiting: i64,
    /// Are to begin later: tried in vain, or put off.
    pub later: i64,
    /// Held by a worker.
    pub running: i64,
    /// Given up by the queue.
    pub failed: i64,
}

/// How many jobs there are of each kind. A job that lost its key was given up and has a successor, which counts.
///
/// # Errors
/// When the database refuses.
pub async fn kinds(conn: &mut PgConnection) -> sqlx::Result<Vec<Kind>> {
    sqlx::query_as(
        "SELECT t.identifier AS task,
                count(*) FILTER (WHERE j.is_available AND j.run_at <= now()) AS waiting,
                count(*) FILTER (WHERE j.is_available AND j.run_at > now()) AS later,
                count(*) FILTER (WHERE j.locked_at IS NOT NULL) AS running,
                count(*) FILTER (WHERE j.locked_at IS NULL AND j.attempts >= j.max_attempts
                                   AND (j.key IS NOT NULL OR t.identifier <> 'score_image')) AS failed
         FROM graphile_worker._private_tasks t LEFT JOIN graphile_worker._private_jobs j ON j.task_id = t.id
         GROUP BY t.identifier ORDER BY t.identifier DESC",
    )
    .fetch_all(conn)
    .await
}

/// A worker that has given a sign of life, and has not said goodbye.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Worker {
    /// Its name in the queue.
    pub id: String,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// Its latest sign of life.
    pub last_heartbeat_at: DateTime<Utc>,
    /// Jobs that it holds: those that run, and those that it has fetched ahead.
    pub held: i64,
}

/// The workers, the newest first.
///
/// # Errors
/// When the database refuses.
pub async fn workers(conn: &mut PgConnection) -> sqlx::Result<Vec<Worker>> {
    sqlx::query_as(
        "SELECT w.id, w.started_at, w.last_heartbeat_at, coalesce(held.jobs, 0) AS held
         FROM graphile_worker._private_workers w
         LEFT JOIN (SELECT locked_by, count(*) AS jobs FROM graphile_worker._private_jobs
                    WHERE locked_by IS NOT NULL GROUP BY locked_by) held ON held.locked_by = w.id
         ORDER BY w.started_at DESC, w.id",
    )
    .fetch_all(conn)
    .await
}

/// A job that a worker holds, or that the queue gave up.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Job {
    /// The task's name in the queue.
    pub task: String,
    /// The image that it is about.
    pub image_id: Option<Uuid>,
    /// Path of that image's newest sighting.
    pub filename: Option<String>,
    /// How often it was begun.
    pub attempts: i16,
    /// What went wrong the last time.
    pub last_error: Option<String>,
    /// When it was taken, or given up.
    pub since: DateTime<Utc>,
}

/// Up to `limit` jobs that workers hold, the oldest first.
///
/// # Errors
/// When the database refuses.
pub async fn running(conn: &mut PgConnection, limit: i64) -> sqlx::Result<Vec<Job>> {
    sqlx::query_as(
        "SELECT j.*, name.path_text AS filename
         FROM (SELECT task_identifier AS task, substring(key FROM '^score:(.*)$')::uuid AS image_id, attempts,
                      last_error, locked_at AS since
               FROM graphile_worker.jobs WHERE locked_at IS NOT NULL ORDER BY locked_at, id LIMIT $1) j
         LEFT JOIN LATERAL (SELECT s.path_text FROM sightings s WHERE s.image_id = j.image_id
                            ORDER BY s.first_seen DESC, s.id DESC LIMIT 1) name ON true
         ORDER BY j.since",
    )
    .bind(limit)
    .fetch_all(conn)
    .await
}

/// Up to `limit` jobs that the queue gave up, the latest first.
///
/// # Errors
/// When the database refuses.
pub async fn given_up(conn: &mut PgConnection, limit: i64) -> sqlx::Result<Vec<Job>> {
    sqlx::query_as(
        "SELECT j.*, name.path_text AS filename
         FROM (SELECT task_identifier AS task, substring(key FROM '^score:(.*)$')::uuid AS image_id, attempts,
                      last_error, updated_at AS since
               FROM graphile_worker.jobs WHERE locked_at IS NULL AND attempts >= max_attempts
                 AND (key IS NOT NULL OR task_identifier <> 'score_image')
               ORDER BY updated_at DESC, id LIMIT $1) j
         LEFT JOIN LATERAL (SELECT s.path_text FROM sightings s WHERE s.image_id = j.image_id
                            ORDER BY s.first_seen DESC, s.id DESC LIMIT 1) name ON true
         ORDER BY j.since DESC",
    )
    .bind(limit)
    .fetch_all(conn)
    .await
}

/// Jobs that a worker has held for longer than any of them takes.
///
/// # Errors
/// When the database refuses.
pub async fn stuck(conn: &mut PgConnection) -> sqlx::Result<i64> {
    sqlx::query_scalar(
        "SELECT count(*) FROM graphile_worker.jobs WHERE locked_at < now() - interval '10 minutes'",
    )
    .fetch_one(conn)
    .await
}
