//! Who judges in a round, and in which order.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::domain::{AnnotatorId, RoundId};

/// An annotator's place in a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Seed of the random order in which they see the images.
    pub seed: i64,
    /// Images handed to them so far, repeats included.
    pub served: i32,
}

/// Somebody's place in a round, made with `seed` when they come for the first time, and locked until the transaction
/// ends: two tabs do not choose at the same moment.
///
/// # Errors
/// When the database refuses.
pub async fn take_place(
    conn: &mut PgConnection,
    round: RoundId,
    annotator: AnnotatorId,
    seed: i64,
    now: DateTime<Utc>,
) -> sqlx::Result<Place> {
    sqlx::query_as!(
        Place,
        "INSERT INTO round_annotators (round_id, annotator_id, order_seed, joined_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (round_id, annotator_id) DO UPDATE SET joined_at = round_annotators.joined_at
         RETURNING order_seed AS seed, served",
        round.0,
        annotator.0,
        seed,
        now
    )
    .fetch_one(conn)
    .await
}

/// Counts an image that was handed out; its number, from 1.
///
/// # Errors
/// When the database refuses.
pub async fn count_served(
    conn: &mut PgConnection,
    round: RoundId,
    annotator: AnnotatorId,
) -> sqlx::Result<i32> {
    sqlx::query_scalar!(
        "UPDATE round_annotators SET served = served + 1 WHERE round_id = $1 AND annotator_id = $2 RETURNING served",
        round.0,
        annotator.0
    )
    .fetch_one(conn)
    .await
}
