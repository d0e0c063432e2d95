//! Answers to requests that carried an `Idempotency-Key`, so that a retry gets the same one.

use serde_json::Value;
use sqlx::PgConnection;

/// What is known of a key.
#[derive(Clone, Debug, PartialEq)]
pub enum Known {
    /// Nothing: the request is ours to work on.
    New,
    /// The same request is being worked on.
    InHand,
    /// The key was used for another request.
    Other,
    /// The answer that the request got.
    Answered {
        /// HTTP status.
        status: u16,
        /// Body.
        body: Value,
    },
}

/// Takes a key for a request, or says what became of the request that had it. A request that never got an answer
/// (its process was killed) is free again after a minute, and one that was refused gives its key to another request; keys are
/// forgotten after a day.
///
/// # Errors
/// When the database refuses.
pub async fn take(
    conn: &mut PgConnection,
    actor: &str,
    key: &str,
    request: &[u8; 32],
) -> sqlx::Result<Known> {
    sqlx::query!("DELETE FROM idempotency_keys WHERE created_at < now() - interval '1 day'")
        .execute(&mut *conn)
        .await?;
    let taken = sqlx::query!(
        "INSERT INTO idempotency_keys AS k (actor, key, request_sha256) VALUES ($1, $2, $3)
         ON CONFLICT (actor, key) DO UPDATE
         SET created_at = now(), request_sha256 = $3, status = NULL, response = NULL
         WHERE (k.status IS NULL AND k.request_sha256 = $3 AND k.created_at < now() - interval '1 minute')
            OR (k.status >= 400 AND k.request_sha256 <> $3)",
        actor,
        key,
        &request[..]
    )
    .execute(&mut *conn)
    .await?;
    if taken.rows_affected() == 1 {
        return Ok(Known::New);
    }
    let row = sqlx::query!(
        "SELECT request_sha256, status, response FROM idempotency_keys WHERE actor = $1 AND key = $2",
        actor,
        key
    )
    .fetch_one(conn)
    .await?;
    Ok(match (row.status, row.response) {
        _ if row.request_sha256 != request => Known::Other,
        (Some(status), Some(body)) => Known::Answered { status: u16::try_from(status).unwrap_or(200), body },
        _ => Known::InHand,
    })
}

/// Keeps the answer.
///
/// # Errors
/// When the database refuses.
pub async fn answered(
    conn: &mut PgConnection,
    (actor, key): (&str, &str),
    status: u16,
    body: &Value,
) -> sqlx::Result<()> {
    let status = i16::try_from(status).unwrap_or(i16::MAX);
    sqlx::query!(
        "UPDATE idempotency_keys SET status = $3, response = $4 WHERE actor = $1 AND key = $2",
        actor,
        key,
        status,
        body
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Frees a key whose request came to nothing: it may be tried again.
///
/// # Errors
/// When the database refuses.
pub async fn free(conn: &mut PgConnection, actor: &str, key: &str) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM idempotency_keys WHERE actor = $1 AND key = $2 AND status IS NULL", actor, key)
        .execute(conn)
        .await
        .map(drop)
}
