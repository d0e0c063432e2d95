//! What became of the votes, as the database tells.

use serde::Serialize;
use sqlx::PgPool;
use uuid::Uuid;

use crate::{bench::BenchError, domain::RoundId};

/// What the database has of a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// Votes.
    pub votes: i64,
    /// Votes that were accepted and are not there.
    pub lost: i64,
    /// Votes of somebody on an image on which they had voted already.
    pub double: i64,
    /// Images with more judgements than the round asks for.
    pub beyond: i64,
}

/// Looks after the votes with the keys `accepted`.
pub(super) async fn look(
    pool: &PgPool,
    round: RoundId,
    judgements: i16,
    accepted: &[Uuid],
) -> Result<Kept, BenchError> {
    Ok(sqlx::query_as!(
        Kept,
        r#"SELECT (SELECT count(*) FROM votes WHERE round_id = $1) AS "votes!",
                  (SELECT count(*) FROM unnest($3::UUID[]) key
                   WHERE NOT EXISTS (SELECT FROM votes WHERE round_id = $1 AND client_key = key)) AS "lost!",
                  (SELECT count(*) - count(DISTINCT (annotator_id, image_id, occurrence))
                   FROM votes WHERE round_id = $1) AS "double!",
                  (SELECT count(*) FROM (
                       SELECT FROM votes WHERE round_id = $1 AND occurrence = 0 AND superseded_at IS NULL
                       GROUP BY image_id HAVING count(*) > $2) more) AS "beyond!""#,
        round.0,
        i64::from(judgements),
        accepted
    )
    .fetch_one(pool)
    .await?)
}
