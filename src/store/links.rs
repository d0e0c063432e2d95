//! Links that let somebody in once: first set-up, invitation, password reset.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;

use crate::domain::{AnnotatorId, Token};

/// An invitation or a reset is refused after so long.
pub const LIFETIME: TimeDelta = TimeDelta::days(7);

/// A link that is still good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// Makes the first admin.
    SetUp,
    /// Lets somebody choose a password: for the first time, or a new one.
    Password {
        /// Who.
        id: AnnotatorId,
        /// Their name.
        name: String,
        /// Whether it is their first.
        is_first: bool,
    },
}

/// Records the link that makes the first admin; the same token again is the same link.
///
/// # Errors
/// When the database refuses.
pub async fn add_setup(conn: &mut PgConnection, token: &Token, now: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO one_time_links (token_sha256, purpose, role, created_at, expires_at) VALUES ($1, 'setup', 'admin', $2, $3)
         ON CONFLICT (token_sha256) DO UPDATE SET expires_at = EXCLUDED.expires_at WHERE one_time_links.used_at IS NULL",
        &token.digest()[..],
        now,
        now + LIFETIME
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Records a link with which `annotator` chooses a password; their older links are withdrawn.
///
/// # Errors
/// When the database refuses.
pub async fn add_password(
    conn: &mut PgConnection,
    token: &Token,
    annotator: AnnotatorId,
    by: Option<AnnotatorId>,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM one_time_links WHERE annotator_id = $1 AND used_at IS NULL", annotator.0)
        .execute(&mut *conn)
        .await?;
    sqlx::query!(
        "INSERT INTO one_time_links (token_sha256, purpose, annotator_id, created_by, created_at, expires_at)
         SELECT $1, CASE WHEN password_hash IS NULL THEN 'invitation' ELSE 'reset' END, id, $3, $4, $5
         FROM annotators WHERE id = $2",
        &token.digest()[..],
        annotator.0,
        by.map(|by| by.0),
        now,
        now + LIFETIME
    )
    .execute(conn)
    .await
    .map(drop)
}

/// The link of this token, if it is good: neither used nor too old, and its owner not disabled.
///
/// # Errors
/// When the database refuses.
pub async fn find(conn: &mut PgConnection, token: &Token, now: DateTime<Utc>) -> sqlx::Result<Option<Link>> {
    let row = sqlx::query!(
        r#"SELECT l.purpose AS "purpose!", a.id AS "id?", a.name AS "name?"
           FROM one_time_links l LEFT JOIN annotators a ON a.id = l.annotator_id
           WHERE l.token_sha256 = $1 AND l.used_at IS NULL AND l.expires_at > $2 AND a.disabled_at IS NULL"#,
        &token.digest()[..],
        now
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.and_then(|row| match (row.purpose.as_str(), row.id, row.name) {
        ("setup", ..) => Some(Link::SetUp),
        (purpose, Some(id), Some(name)) => {
            Some(Link::Password { id: AnnotatorId(id), name, is_first: purpose == "invitation" })
        }
        _ => None,
    }))
}

/// Uses a link up. `false` when it is not good any more: of two that use it at once, one loses.
///
/// # Errors
/// When the database refuses.
pub async fn consume(conn: &mut PgConnection, token: &Token, now: DateTime<Utc>) -> sqlx::Result<bool> {
    let used = sqlx::query!(
        "UPDATE one_time_links SET used_at = $2 WHERE token_sha256 = $1 AND used_at IS NULL AND expires_at > $2",
        &token.digest()[..],
        now
    );
    Ok(used.execute(conn).await?.rows_affected() == 1)
}

/// Withdraws every set-up link: there is an admin now.
///
/// # Errors
/// When the database refuses.
pub async fn end_setup(conn: &mut PgConnection, now: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!("UPDATE one_time_links SET used_at = $1 WHERE purpose = 'setup' AND used_at IS NULL", now)
        .execute(conn)
        .await
        .map(drop)
}
