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

/// Where a process serves pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach {
    /// Where people reach them, without a slash at the end.
    pub public_address: String,
    /// IP address and port; none since it ended.
    pub listens_at: Option<String>,
    /// Its machine and process id.
    process: String,
    /// Whether it said so within the last minute, and has not ended.
    pub is_alive: bool,
}

impl Reach {
    /// Whether it runs on this machine.
    pub fn is_here(&self) -> bool {
        self.process.rsplit_once(':').is_some_and(|(host, _)| host == machine())
    }
}

/// Says that this process serves pages, and where.
///
/// # Errors
/// When the database refuses.
pub async fn report_pages(pool: &PgPool, public_address: &str, listens_at: &str) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO components (role, process, public_address, listens_at, seen_at) VALUES ('web', $1, $2, $3, now())
         ON CONFLICT (role, process) DO UPDATE
         SET public_address = excluded.public_address, listens_at = excluded.listens_at, seen_at = excluded.seen_at",
        process(),
        public_address,
        listens_at
    )
    .execute(pool)
    .await
    .map(drop)
}

/// Where pages are served, else where they were served last; none if no process has ever said so.
///
/// # Errors
/// When the database refuses.
pub async fn pages(conn: impl PgExecutor<'_>) -> sqlx::Result<Option<Reach>> {
    sqlx::query_as!(
        Reach,
        r#"SELECT public_address AS "public_address!", listens_at, process,
                  listens_at IS NOT NULL AND seen_at > now() - interval '1 minute' AS "is_alive!"
           FROM components WHERE role = 'web' AND public_address IS NOT NULL
           ORDER BY listens_at IS NOT NULL AND seen_at > now() - interval '1 minute' DESC, seen_at DESC LIMIT 1"#
    )
    .fetch_optional(conn)
    .await
}

/// Takes back what this process said, for it ends. Where people reached its pages stays known: links that are made while none are
/// served lead there.
///
/// # Errors
/// When the database refuses.
pub async fn withdraw(pool: &PgPool) -> sqlx::Result<()> {
    sqlx::query!(
        "WITH ended AS (DELETE FROM components WHERE process = $1 AND role <> 'web')
         UPDATE components SET listens_at = NULL WHERE process = $1 AND role = 'web'",
        process()
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

/// Whether a process of this machine reported within the last minute that nothing stands in the way of its `role`.
///
/// # Errors
/// When the database refuses.
pub async fn is_well_here(conn: impl PgExecutor<'_>, role: Role) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (
               SELECT FROM components WHERE role = $1 AND split_part(process, ':', 1) = $2 AND problem IS NULL
                   AND seen_at > now() - interval '1 minute'
           ) AS "is_well!""#,
        role.as_str(),
        machine()
    )
    .fetch_one(conn)
    .await
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

/// The reports of the last day, the latest of each role and process that has not ended in order, up to `limit`.
///
/// # Errors
/// When the database refuses.
pub async fn latest(conn: &mut PgConnection, limit: i64) -> sqlx::Result<Vec<Report>> {
    sqlx::query_as!(
        Report,
        "SELECT role, process, problem, warning, engine, seen_at FROM components
         WHERE seen_at > now() - interval '1 day' AND (public_address IS NULL OR listens_at IS NOT NULL)
         ORDER BY seen_at DESC, role, process LIMIT $1",
        limit
    )
    .fetch_all(conn)
    .await
}

/// This process, as told from others at the same database: the machine's name and the process id.
fn process() -> String {
    format!("{}:{}", machine(), std::process::id())
}

/// The machine's name.
fn machine() -> String {
    nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok()).unwrap_or_default()
}
