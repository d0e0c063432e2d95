//! API tokens: whoever bears one may read, and the database keeps its hash only.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::domain::{Role, Token};

/// Records a token. `false` when the name is taken.
///
/// # Errors
/// When the database refuses.
pub async fn add(conn: &mut PgConnection, name: &str, role: Role, token: &Token) -> sqlx::Result<bool> {
    let added = sqlx::query!(
        "INSERT INTO api_tokens (name, sha256, role) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING",
        name,
        &token.digest()[..],
        role.as_str()
    )
    .execute(conn)
    .await?;
    Ok(added.rows_affected() == 1)
}

/// A token, as its owner sees it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// What it is for.
    pub name: String,
    /// What it lets its bearer do: annotator, manager or admin.
    pub role: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
    /// Since when it is refused.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// Every token ever made, by name.
///
/// # Errors
/// When the database refuses.
pub async fn list(conn: &mut PgConnection) -> sqlx::Result<Vec<Listed>> {
    sqlx::query_as!(
        Listed,
        "SELECT name, role, created_at, last_used_at, revoked_at FROM api_tokens ORDER BY name"
    )
    .fetch_all(conn)
    .await
}

/// Refuses the token of this name from now on; `false` when it was refused before, none when there is none.
///
/// # Errors
/// When the database refuses.
pub async fn revoke(conn: &mut PgConnection, name: &str) -> sqlx::Result<Option<bool>> {
    sqlx::query_scalar!(
        r#"WITH known AS (
               SELECT id, revoked_at FROM api_tokens WHERE name = $1 FOR UPDATE
           ), revoked AS (
               UPDATE api_tokens t SET revoked_at = now() FROM known WHERE t.id = known.id AND known.revoked_at IS NULL
           )
           SELECT revoked_at IS NULL AS "now!" FROM known"#,
        name
    )
    .fetch_optional(conn)
    .await
}

/// A token that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bearer {
    /// Names the token in the history.
    pub id: i64,
    /// What it is for.
    pub name: String,
    /// What it lets its bearer do.
    pub role: Role,
}

/// The token that was presented, noting the use to the minute; none if it is unknown or revoked.
///
/// # Errors
/// When the database refuses.
pub async fn bearer(conn: &mut PgConnection, token: &Token) -> sqlx::Result<Option<Bearer>> {
    sqlx::query!(
        r#"WITH known AS (
               SELECT id, name, role, last_used_at FROM api_tokens WHERE sha256 = $1 AND revoked_at IS NULL
           ), noted AS (
               UPDATE api_tokens t SET last_used_at = date_trunc('minute', now()) FROM known
               WHERE t.id = known.id AND known.last_used_at IS DISTINCT FROM date_trunc('minute', now())
           )
           SELECT id, name, role FROM known"#,
        &token.digest()[..]
    )
    .try_map(|row| {
        let role = row.role.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
        Ok(Bearer { id: row.id, name: row.name, role })
    })
    .fetch_optional(conn)
    .await
}
