//! Who did what. Append-only.

use sqlx::PgConnection;

use crate::domain::AnnotatorId;

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
    sqlx::query!(
        "INSERT INTO events (actor, kind, subject) VALUES ($1, $2, $3)",
        actor.map(|actor| actor.0),
        kind,
        subject
    )
    .execute(conn)
    .await
    .map(drop)
}
