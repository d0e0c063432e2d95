//! The job queue as its own tables show it. They belong to the queue's crate, hence queries that tests check and
//! not the compiler.

use sqlx::PgConnection;

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

/// How many jobs there are.
///
/// # Errors
/// When the database refuses.
pub async fn counts(conn: &mut PgConnection) -> sqlx::Result<Queue> {
    sqlx::query_as(
        "SELECT count(*) FILTER (WHERE locked_at IS NULL AND attempts < max_attempts) AS waiting,
                count(*) FILTER (WHERE locked_at IS NOT NULL) AS running,
                count(*) FILTER (WHERE locked_at IS NULL AND attempts >= max_attempts) AS failed
         FROM graphile_worker.jobs",
    )
    .fetch_one(conn)
    .await
}
