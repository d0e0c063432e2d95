//! Quality scores that annotators gave. Append-only: a change of mind supersedes the earlier row.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::reservations::Whose;
use crate::domain::{ImageId, RoundId, Score};

/// What is stored with a judgement besides the answer itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Circumstances {
    /// The image.
    pub image: ImageId,
    /// 1 for a silent repeat, else 0.
    pub occurrence: i16,
    /// Made by the browser for one judgement.
    pub key: Uuid,
    /// Seconds from picture shown to answer.
    pub seconds: Option<f64>,
    /// Whether they could see, or had seen, what the models say.
    pub saw_model: bool,
    /// Whether they could see, or had seen, what others say.
    pub saw_others: bool,
    /// Longer side of the picture as it was shown, in device pixels.
    pub pixels_shown: Option<i32>,
    /// Why the image was served.
    pub served_why: String,
    /// With what probability.
    pub served_probability: Option<f64>,
    /// The moment.
    pub at: DateTime<Utc>,
}

/// A vote, as its annotator sees it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vote {
    /// Orders the history.
    pub id: i64,
    /// The score.
    pub score: i16,
}

/// Somebody's current vote on an image.
///
/// # Errors
/// When the database refuses.
pub async fn current(
    conn: &mut PgConnection,
    whose: Whose,
    image: ImageId,
    occurrence: i16,
) -> sqlx::Result<Option<Vote>> {
    sqlx::query_as!(
        Vote,
        "SELECT id, score FROM votes
         WHERE image_id = $1 AND annotator_id = $2 AND round_id = $3 AND occurrence = $4 AND superseded_at IS NULL",
        image.0,
        whose.annotator.0,
        whose.round.0,
        occurrence
    )
    .fetch_optional(conn)
    .await
}

/// Supersedes a vote.
///
/// # Errors
/// When the database refuses.
pub async fn supersede(conn: &mut PgConnection, id: i64, at: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!("UPDATE votes SET superseded_at = $2 WHERE id = $1 AND superseded_at IS NULL", id, at)
        .execute(conn)
        .await
        .map(drop)
}

/// Appends a vote.
///
/// # Errors
/// When the database refuses.
pub async fn add(
    conn: &mut PgConnection,
    whose: Whose,
    score: Score,
    circumstances: &Circumstances,
) -> sqlx::Result<()> {
    let with = circumstances;
    sqlx::query!(
        "INSERT INTO votes (image_id, annotator_id, round_id, occurrence, score, seconds, saw_model, saw_others,
                            pixels_shown, served_why, served_probability, client_key, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        with.image.0,
        whose.annotator.0,
        whose.round.0,
        with.occurrence,
        score.get(),
        with.seconds,
        with.saw_model,
        with.saw_others,
        with.pixels_shown,
        with.served_why,
        with.served_probability,
        with.key,
        with.at
    )
    .execute(conn)
    .await
    .map(drop)
}

/// The judgement that a client key names, if it was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its round.
    pub round: RoundId,
    /// Its image.
    pub image: ImageId,
    /// 1 for a silent repeat, else 0.
    pub occurrence: i16,
}

/// What was stored under somebody's client key: a vote, a correction, or both, whether or not it is current.
///
/// # Errors
/// When the database refuses.
pub async fn by_key(conn: &mut PgConnection, whose: Whose, key: Uuid) -> sqlx::Result<Option<Stored>> {
    sqlx::query_as!(
        Stored,
        r#"SELECT round_id AS "round!: RoundId", image_id AS "image!: ImageId", occurrence AS "occurrence!" FROM (
               SELECT round_id, image_id, occurrence FROM votes WHERE annotator_id = $1 AND client_key = $2
               UNION ALL
               SELECT round_id, image_id, occurrence FROM corrections WHERE annotator_id = $1 AND client_key = $2) stored
           WHERE round_id = $3 LIMIT 1"#,
        whose.annotator.0,
        key,
        whose.round.0
    )
    .fetch_optional(conn)
    .await
}

/// Judgements that a pace is measured over, at most and at least.
const PACE: (i64, i64) = (1000, 30);

/// The median time from picture to vote, in seconds, of the latest votes; none where too few were timed.
///
/// # Errors
/// When the database refuses.
pub async fn median_seconds(conn: &mut PgConnection) -> sqlx::Result<Option<f64>> {
    sqlx::query_scalar!(
        "SELECT CASE WHEN count(*) >= $2 THEN percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) END
         FROM (SELECT seconds FROM votes WHERE seconds IS NOT NULL ORDER BY id DESC LIMIT $1) latest",
        PACE.0,
        PACE.1
    )
    .fetch_one(conn)
    .await
}
