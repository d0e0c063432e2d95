//! API tokens: whoever bears one may read, and the database keeps its hash only.

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

/// The role of a token's bearer, noting the use to the minute; none for a token that is unknown or revoked.
///
/// The look-up is by the SHA-256 of what was presented: how long it takes says nothing about a token that
/// somebody guesses at, as its hash cannot be chosen.
///
/// # Errors
/// When the database refuses.
pub async fn role_of(conn: &mut PgConnection, token: &Token) -> sqlx::Result<Option<Role>> {
    let role = sqlx::query_scalar!(
        r#"WITH known AS (
               SELECT id, role, last_used_at FROM api_tokens WHERE sha256 = $1 AND revoked_at IS NULL
           ), noted AS (
               UPDATE api_tokens t SET last_used_at = date_trunc('minute', now()) FROM known
               WHERE t.id = known.id AND known.last_used_at IS DISTINCT FROM date_trunc('minute', now())
           )
           SELECT role FROM known"#,
        &token.digest()[..]
    )
    .fetch_optional(conn)
    .await?;
    role.map(|role| role.parse()).transpose().map_err(|error| sqlx::Error::Decode(Box::new(error)))
}
