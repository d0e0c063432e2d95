//! What of a round's list somebody had before, from which it follows what they are handed next.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::Whose;
use crate::domain::ImageId;

/// What an annotator had of a round's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Had {
    /// The place on the list.
    pub position: i32,
    /// Whether it was handed out, was not judged in time, and may be handed out anew.
    pub has_lapsed: bool,
}

/// All places of the list that somebody was handed.
///
/// # Errors
/// When the database refuses.
pub async fn had(conn: &mut PgConnection, whose: Whose, now: DateTime<Utc>) -> sqlx::Result<Vec<Had>> {
    sqlx::query_as!(
        Had,
        r#"SELECT position, state = 'held' AND expires_at <= $3 AS "has_lapsed!"
           FROM reservations WHERE round_id = $1 AND annotator_id = $2 AND occurrence = 0"#,
        whose.round.0,
        whose.annotator.0,
        now
    )
    .fetch_all(conn)
    .await
}

/// The oldest judgement that is to be repeated and is at least `apart` pictures ago.
///
/// # Errors
/// When the database refuses.
pub async fn due_repeat(
    conn: &mut PgConnection,
    whose: Whose,
    served: i32,
    apart: i32,
) -> sqlx::Result<Option<(ImageId, i32)>> {
    sqlx::query!(
        r#"SELECT f.image_id AS "image: ImageId", f.position
           FROM reservations f
           WHERE f.round_id = $1 AND f.annotator_id = $2 AND f.occurrence = 0 AND f.state = 'answered' AND f.to_repeat
             AND f.ordinal <= $3
             AND NOT EXISTS (SELECT FROM reservations again
                             WHERE again.round_id = $1 AND again.annotator_id = $2 AND again.image_id = f.image_id
                               AND again.occurrence = 1)
             AND EXISTS (SELECT FROM judgeable_images j WHERE j.round_id = $1 AND j.image_id = f.image_id)
           ORDER BY f.ordinal LIMIT 1"#,
        whose.round.0,
        whose.annotator.0,
        served - apart
    )
    .map(|row| (row.image, row.position))
    .fetch_optional(conn)
    .await
}

/// Places that somebody put off until later, the longest ago first.
///
/// # Errors
/// When the database refuses.
pub async fn put_off(conn: &mut PgConnection, whose: Whose) -> sqlx::Result<Vec<i32>> {
    sqlx::query_scalar!(
        r#"SELECT r.position FROM reservations r
           CROSS JOIN LATERAL (
               SELECT id, kind FROM skips s
               WHERE s.round_id = r.round_id AND s.image_id = r.image_id AND s.annotator_id = r.annotator_id
                 AND s.withdrawn_at IS NULL ORDER BY id DESC LIMIT 1) last
           WHERE r.round_id = $1 AND r.annotator_id = $2 AND r.occurrence = 0 AND r.state = 'skipped'
             AND last.kind = 'later'
           ORDER BY last.id"#,
        whose.round.0,
        whose.annotator.0
    )
    .fetch_all(conn)
    .await
}
