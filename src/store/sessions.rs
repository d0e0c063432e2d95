//! Signed-in browsers: the rows behind the session cookie.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;

use crate::domain::{AnnotatorId, Role, Token};

/// A session that is not used for so long ends by itself.
pub const IDLE: TimeDelta = TimeDelta::days(30);

/// Who is signed in with a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedIn {
    /// Who.
    pub id: AnnotatorId,
    /// Their name.
    pub name: String,
    /// What they may do, as of now.
    pub role: Role,
}

/// Opens a session.
///
/// # Errors
/// When the database refuses.
pub async fn open(
    conn: &mut PgConnection,
    key: &Token,
    annotator: AnnotatorId,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO sessions (key_sha256, annotator_id, created_at, last_seen_at, expires_at) VALUES ($1, $2, $3, $3, $4)",
        &key.digest()[..],
        annotator.0,
        now,
        now + IDLE
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Who is signed in with this key, noting the use to the minute. Nobody, if the session has ended or they were
/// disabled.
///
/// # Errors
/// When the database refuses.
pub async fn find(
    conn: &mut PgConnection,
    key: &Token,
    now: DateTime<Utc>,
) -> sqlx::Result<Option<SignedIn>> {
    sqlx::query!(
        r#"WITH known AS (
               SELECT s.key_sha256, s.last_seen_at, a.id, a.name, a.role
               FROM sessions s JOIN annotators a ON a.id = s.annotator_id
               WHERE s.key_sha256 = $1 AND s.expires_at > $2 AND a.disabled_at IS NULL
           ), noted AS (
               UPDATE sessions s SET last_seen_at = $2, expires_at = $3 FROM known
               WHERE s.key_sha256 = known.key_sha256 AND known.last_seen_at < $2 - interval '1 minute'
           )
           SELECT id, name, role FROM known"#,
        &key.digest()[..],
        now,
        now + IDLE
    )
    .try_map(|row| {
        let role = row.role.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
        Ok(SignedIn { id: AnnotatorId(row.id), name: row.name, role })
    })
    .fetch_optional(conn)
    .await
}

/// Ends one session.
///
/// # Errors
/// When the database refuses.
pub async fn close(conn: &mut PgConnection, key: &Token) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM sessions WHERE key_sha256 = $1", &key.digest()[..])
        .execute(conn)
        .await
        .map(drop)
}

/// Ends all sessions of somebody.
///
/// # Errors
/// When the database refuses.
pub async fn close_all(conn: &mut PgConnection, annotator: AnnotatorId) -> sqlx::Result<u64> {
    let closed =
        sqlx::query!("DELETE FROM sessions WHERE annotator_id = $1", annotator.0).execute(conn).await?;
    Ok(closed.rows_affected())
}

/// Deletes the rows of sessions that have ended by themselves.
///
/// # Errors
/// When the database refuses.
pub async fn sweep(conn: &mut PgConnection, now: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM sessions WHERE expires_at <= $1", now).execute(conn).await.map(drop)
}
