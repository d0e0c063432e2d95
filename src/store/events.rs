//! Who did what. Append-only.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::PgConnection;

use crate::domain::AnnotatorId;

/// Something that was done.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// When.
    pub at: DateTime<Utc>,
    /// By whom; none: the service, its owner on the command line, or a token.
    pub actor: Option<String>,
    /// What, for example `image.hide`.
    pub kind: String,
    /// What explains it.
    pub detail: Value,
}

/// Records that `actor` (none: the service, its owner on the command line, or a token) did `kind` to `subject`
/// (as `sighting:42`).
///
/// # Errors
/// When the database refuses.
pub async fn record(
    conn: &mut PgConnection,
    actor: Option<AnnotatorId>,
    kind: &str,
    subject: Option<&str>,
) -> sqlx::Result<()> {
    record_with(conn, actor, (kind, subject), &json!({})).await
}

/// The same, with what explains it.
///
/// # Errors
/// When the database refuses.
pub async fn record_with(
    conn: &mut PgConnection,
    actor: Option<AnnotatorId>,
    (kind, subject): (&str, Option<&str>),
    detail: &Value,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO events (actor, kind, subject, detail) VALUES ($1, $2, $3, $4)",
        actor.map(|actor| actor.0),
        kind,
        subject,
        detail
    )
    .execute(conn)
    .await
    .map(drop)
}

/// What was done to `subject`, the latest first, at most 100.
///
/// # Errors
/// When the database refuses.
pub async fn of(conn: &mut PgConnection, subject: &str) -> sqlx::Result<Vec<Event>> {
    sqlx::query_as!(
        Event,
        r#"SELECT e.at, a.name AS "actor?", e.kind, e.detail FROM events e LEFT JOIN annotators a ON a.id = e.actor
           WHERE e.subject = $1 ORDER BY e.id DESC LIMIT 100"#,
        subject
    )
    .fetch_all(conn)
    .await
}
