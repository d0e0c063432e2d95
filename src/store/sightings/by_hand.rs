//! What people decide about files that were not taken: to try them again, or to leave them alone.

use sqlx::PgConnection;

use crate::domain::SightingId;

/// How the reason of a file begins that somebody set aside; the rest is why it had failed.
pub const BY_HAND: &str = "set aside by hand; it was: ";

/// Sets a failed or ignored sighting back, so that the next look takes its file. Answers whether it was one.
/// Uploads are left as they are: no look at a folder finds them, and their senders can send them again.
///
/// # Errors
/// When the database refuses.
pub async fn retry(conn: &mut PgConnection, id: SightingId) -> sqlx::Result<bool> {
    let retried = sqlx::query!(
        "UPDATE sightings SET state = 'settling', reason = NULL
         WHERE id = $1 AND state IN ('failed', 'ignored') AND superseded_at IS NULL AND root <> 'upload'",
        id.0
    )
    .execute(conn)
    .await?;
    Ok(retried.rows_affected() == 1)
}

/// The same for every failed sighting; answers how many there were.
///
/// # Errors
/// When the database refuses.
pub async fn retry_all(conn: &mut PgConnection) -> sqlx::Result<u64> {
    let retried = sqlx::query!(
        "UPDATE sightings SET state = 'settling', reason = NULL
         WHERE state = 'failed' AND superseded_at IS NULL AND root <> 'upload'"
    )
    .execute(conn)
    .await?;
    Ok(retried.rows_affected())
}

/// The same for every sighting that failed for this reason; answers how many there were.
///
/// # Errors
/// When the database refuses.
pub async fn retry_reason(conn: &mut PgConnection, reason: &str) -> sqlx::Result<u64> {
    let retried = sqlx::query!(
        "UPDATE sightings SET state = 'settling', reason = NULL
         WHERE state = 'failed' AND reason = $1 AND superseded_at IS NULL AND root <> 'upload'",
        reason
    )
    .execute(conn)
    .await?;
    Ok(retried.rows_affected())
}

/// Takes back that a sighting is left alone: a file of the folder `watched` is looked at again, whatever else was set
/// aside by hand has failed as it had before. Answers whether it was such a one.
///
/// # Errors
/// When the database refuses.
pub async fn unignore(conn: &mut PgConnection, id: SightingId, watched: &str) -> sqlx::Result<bool> {
    let taken_back = sqlx::query!(
        "UPDATE sightings
         SET state = CASE WHEN root = $2 THEN 'settling' ELSE 'failed' END,
             reason = CASE WHEN root <> $2 THEN substr(reason, length($3) + 1) END
         WHERE id = $1 AND state = 'ignored' AND superseded_at IS NULL
           AND (root = $2 OR starts_with(reason, $3))",
        id.0,
        watched,
        BY_HAND
    )
    .execute(conn)
    .await?;
    Ok(taken_back.rows_affected() == 1)
}

/// Leaves a sighting alone from now on that failed, or whose file is gone and never was an image. Answers whether it was
/// such a one.
///
/// # Errors
/// When the database refuses.
pub async fn ignore(conn: &mut PgConnection, id: SightingId) -> sqlx::Result<bool> {
    let ignored = sqlx::query!(
        "UPDATE sightings SET state = 'ignored', reason = $2::text || coalesce(reason, '')
         WHERE id = $1 AND (state = 'failed' OR state = 'missing' AND image_id IS NULL) AND superseded_at IS NULL",
        id.0,
        BY_HAND
    )
    .execute(conn)
    .await?;
    Ok(ignored.rows_affected() == 1)
}

/// The same for every failed sighting, or for those that failed for this reason; answers how many there were.
///
/// # Errors
/// When the database refuses.
pub async fn ignore_all(conn: &mut PgConnection, reason: Option<&str>) -> sqlx::Result<u64> {
    let ignored = sqlx::query!(
        "UPDATE sightings SET state = 'ignored', reason = $2::text || coalesce(reason, '')
         WHERE state = 'failed' AND superseded_at IS NULL AND ($1::text IS NULL OR reason = $1)",
        reason,
        BY_HAND
    )
    .execute(conn)
    .await?;
    Ok(ignored.rows_affected())
}
