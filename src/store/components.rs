//! What each running part of the service says of itself, so that the pages of one process can show the
//! troubles of another.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor, PgPool};

use crate::config::Role;

/// How a process fares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Condition {
    /// What stands in its way altogether.
    pub problem: Option<String>,
    /// What it cannot do while it goes on with the rest.
    pub warning: Option<String>,
    /// What it computes with, if it runs networks.
    pub engine: Option<String>,
}

/// Says that this process's `role` is alive, and how it fares.
///
/// # Errors
/// When the database refuses.
pub async fn report(pool: &PgPool, role: Role, condition: &Condition) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO components (role, process, problem, warning, engine, seen_at) VALUES ($1, $2, $3, $4, $5, now())
         ON CONFLICT (role, process) DO UPDATE
         SET problem = excluded.problem, warning = excluded.warning, engine = excluded.engine, seen_at = excluded.seen_at",
        role.as_str(),
        process(),
        condition.problem,
        condition.warning,
        condition.engine
    )
    .execute(pool)
    .await
    .map(drop)
}

/// The problems of the parts that reported within the last minute; `None` where `role` did not report at all.
///
/// # Errors
/// When the database refuses.
pub async fn problems(conn: impl PgExecutor<'_>, role: Role) -> sqlx::Result<Option<Vec<String>>> {
    let reports = sqlx::query_scalar!(
        "SELECT problem FROM components WHERE role = $1 AND seen_at > now() - interval '1 minute' ORDER BY process",
        role.as_str()
    )
    .fetch_all(conn)
    .await?;
    Ok((!reports.is_empty()).then(|| reports.into_iter().flatten().collect()))
}

/// What parts that reported within the last minute cannot do while they go on with the rest.
///
/// # Errors
/// When the database refuses.
pub async fn warnings(conn: impl PgExecutor<'_>) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        r#"SELECT DISTINCT warning AS "warning!" FROM components
           WHERE warning IS NOT NULL AND seen_at > now() - interval '1 minute' ORDER BY 1"#
    )
    .fetch_all(conn)
    .await
}

/// What a process said of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// What it does.
    pub role: String,
    /// Its machine and process id.
    pub process: String,
    /// What stands in its way altogether.
    pub problem: Option<String>,
    /// What it cannot do while it goes on with the rest.
    pub warning: Option<String>,
    /// What it computes with, if it runs networks.
    pub engine: Option<String>,
    /// When it last said so.
    pub seen_at: DateTime<Utc>,
}

/// The reports of the last day, the latest of each role and process, up to `limit`.
///
/// # Errors
/// When the database refuses.
pub async fn latest(conn: &mut PgConnection, limit: i64) -> sqlx::Result<Vec<Report>> {
    sqlx::query_as!(
        Report,
        "SELECT role, process, problem, warning, engine, seen_at FROM components
         WHERE seen_at > now() - interval '1 day' ORDER BY seen_at DESC, role, process LIMIT $1",
        limit
    )
    .fetch_all(conn)
    .await
}

/// This process, as told from others at the same database: the machine's name and the process id.
fn process() -> String {
    let host = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok()).unwrap_or_default();
    format!("{host}:{}", std::process::id())
}
