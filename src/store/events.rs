//! Who did what. Append-only.

use sqlx::PgConnection;

/// Records that `kind` was done to `subject` (as `sighting:42`), by somebody at this machine.
///
/// # Errors
/// When the database refuses.
pub async fn record(conn: &mut PgConnection, kind: &str, subject: Option<&str>) -> sqlx::Result<()> {
    sqlx::query!("INSERT INTO events (kind, subject) VALUES ($1, $2)", kind, subject)
        .execute(conn)
        .await
        .map(drop)
}
