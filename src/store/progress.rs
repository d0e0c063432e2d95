//! How far people are with judging.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::reservations::Whose;
use crate::domain::{AnnotatorId, RoundId};

/// An open round, as one annotator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Desk {
    /// The round.
    pub round: RoundId,
    /// What it is called.
    pub title: String,
    /// When it closes, complete or not.
    pub deadline: Option<DateTime<Utc>>,
    /// Images that they have judged in it.
    pub judged: i64,
    /// Images that they could still judge, colleagues' hands not counted.
    pub left: i64,
}

/// A judgement that somebody gave, as they see it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// Its round.
    pub round: RoundId,
    /// Its image.
    pub image: Uuid,
    /// 1 for a silent repeat, else 0.
    pub occurrence: i16,
    /// The score, if the round asked for one.
    pub score: Option<i16>,
    /// The answer, if the round asked for one.
    pub is_watch: Option<bool>,
    /// What undoes it.
    pub key: Uuid,
    /// When it was given.
    pub at: DateTime<Utc>,
    /// Whether its round is open, so that it can be changed.
    pub is_open: bool,
}

/// The open rounds, oldest first, with what `annotator` did and can do in them.
///
/// # Errors
/// When the database refuses.
pub async fn desks(
    conn: &mut PgConnection,
    annotator: AnnotatorId,
    now: DateTime<Utc>,
) -> sqlx::Result<Vec<Desk>> {
    at(conn, annotator, now, None).await
}

/// One round, open or not, with what somebody did in it, and can do while it is open.
///
/// # Errors
/// When the database refuses, or there is no such round.
pub async fn desk(conn: &mut PgConnection, whose: Whose, now: DateTime<Utc>) -> sqlx::Result<Desk> {
    at(conn, whose.annotator, now, Some(whose.round)).await?.pop().ok_or(sqlx::Error::RowNotFound)
}

async fn at(
    conn: &mut PgConnection,
    annotator: AnnotatorId,
    now: DateTime<Utc>,
    round: Option<RoundId>,
) -> sqlx::Result<Vec<Desk>> {
    sqlx::query_as!(
        Desk,
        r#"SELECT r.id AS "round: RoundId", r.title, r.deadline,
                  (SELECT count(*) FROM reservations h
                   WHERE h.round_id = r.id AND h.annotator_id = $1 AND h.occurrence = 0 AND h.state = 'answered') AS "judged!",
                  (SELECT count(*) FROM judgeable_images i
                   WHERE i.round_id = r.id AND is_open AND i.judged < i.needed
                     AND NOT EXISTS (
                         SELECT FROM reservations h
                         WHERE h.round_id = r.id AND h.image_id = i.image_id AND h.annotator_id = $1 AND h.occurrence = 0
                           AND (h.state = 'answered' OR h.state = 'skipped' AND EXISTS (
                               SELECT FROM skips s WHERE s.round_id = r.id AND s.image_id = i.image_id
                                 AND s.annotator_id = $1 AND s.kind = 'cannot' AND s.withdrawn_at IS NULL)))) AS "left!"
           FROM rounds r, LATERAL (SELECT r.state = 'open' AND (r.deadline IS NULL OR r.deadline > $2) AS is_open) open
           WHERE CASE WHEN $3::bigint IS NULL THEN is_open ELSE r.id = $3 END ORDER BY r.id"#,
        annotator.0,
        now,
        round.map(|round| round.0)
    )
    .fetch_all(conn)
    .await
}

/// Somebody's latest judgements that hold, newest first; of one round, or of all.
///
/// # Errors
/// When the database refuses.
pub async fn latest(
    conn: &mut PgConnection,
    annotator: AnnotatorId,
    round: Option<RoundId>,
    limit: i64,
) -> sqlx::Result<Vec<Given>> {
    sqlx::query_as!(
        Given,
        r#"SELECT h.round_id AS "round: RoundId", h.image_id AS image, h.occurrence, v.score AS "score?",
                  c.is_watch AS "is_watch?", coalesce(v.client_key, c.client_key) AS "key!",
                  greatest(v.created_at, c.created_at) AS "at!", r.state = 'open' AS "is_open!"
           FROM reservations h
           JOIN rounds r ON r.id = h.round_id
           LEFT JOIN votes v ON v.image_id = h.image_id AND v.annotator_id = $1 AND v.round_id = h.round_id
                AND v.occurrence = h.occurrence AND v.superseded_at IS NULL
           LEFT JOIN corrections c ON c.image_id = h.image_id AND c.annotator_id = $1 AND c.round_id = h.round_id
                AND c.occurrence = h.occurrence AND c.kind = 'answer' AND c.superseded_at IS NULL
           WHERE h.annotator_id = $1 AND h.state = 'answered' AND ($2::bigint IS NULL OR h.round_id = $2)
             AND (v.id IS NOT NULL OR c.id IS NOT NULL)
           ORDER BY greatest(v.created_at, c.created_at) DESC, greatest(v.id, c.id) DESC LIMIT $3"#,
        annotator.0,
        round.map(|round| round.0),
        limit
    )
    .fetch_all(conn)
    .await
}

/// One judgement of somebody's that holds.
///
/// # Errors
/// When the database refuses.
pub async fn given(
    conn: &mut PgConnection,
    whose: Whose,
    image: Uuid,
    occurrence: i16,
) -> sqlx::Result<Option<(Option<i16>, Option<bool>)>> {
    let row = sqlx::query!(
        "SELECT (SELECT score FROM votes
                 WHERE image_id = $1 AND annotator_id = $2 AND round_id = $3 AND occurrence = $4
                   AND superseded_at IS NULL) AS score,
                (SELECT is_watch FROM corrections
                 WHERE image_id = $1 AND annotator_id = $2 AND round_id = $3 AND occurrence = $4 AND kind = 'answer'
                   AND superseded_at IS NULL) AS is_watch",
        image,
        whose.annotator.0,
        whose.round.0,
        occurrence
    )
    .fetch_one(conn)
    .await?;
    let is_there = row.score.is_some() || row.is_watch.is_some();
    Ok(is_there.then_some((row.score, row.is_watch)))
}

/// What somebody has done so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mine {
    /// Judgements since the day began, changes and repeats not counted twice.
    pub today: i64,
    /// Judgements altogether.
    pub total: i64,
    /// Median of their seconds from picture to answer, of the latest hundred.
    pub median_seconds: Option<f64>,
    /// Current votes with 1, 2, … 10.
    pub spread: Vec<i64>,
    /// Answers with a watch, and without.
    pub answers: (i64, i64),
}

/// What `annotator` has done, silent repeats not counted; the day began at `midnight`.
///
/// # Errors
/// When the database refuses.
pub async fn mine(
    conn: &mut PgConnection,
    annotator: AnnotatorId,
    midnight: DateTime<Utc>,
) -> sqlx::Result<Mine> {
    let row = sqlx::query!(
        r#"WITH said AS (
               SELECT round_id, image_id, occurrence, created_at, seconds FROM votes
               WHERE annotator_id = $1 AND superseded_at IS NULL
               UNION ALL
               SELECT round_id, image_id, occurrence, created_at, seconds FROM corrections
               WHERE annotator_id = $1 AND superseded_at IS NULL AND kind = 'answer'
           ), judged AS (
               SELECT occurrence, max(created_at) AS at, max(seconds) AS seconds FROM said GROUP BY round_id, image_id, occurrence
           )
           SELECT (SELECT count(*) FROM judged WHERE at >= $2 AND occurrence = 0) AS "today!",
                  (SELECT count(*) FROM judged WHERE occurrence = 0) AS "total!",
                  (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds)
                   FROM (SELECT seconds FROM judged WHERE seconds IS NOT NULL ORDER BY at DESC LIMIT 100) latest) AS median,
                  (SELECT array_agg((SELECT count(*) FROM votes WHERE annotator_id = $1 AND superseded_at IS NULL AND occurrence = 0
                                            AND score = s)
                                    ORDER BY s) FROM generate_series(1, 10) s) AS "spread!",
                  (SELECT count(*) FROM corrections WHERE annotator_id = $1 AND superseded_at IS NULL AND occurrence = 0 AND is_watch) AS "yes!",
                  (SELECT count(*) FROM corrections WHERE annotator_id = $1 AND superseded_at IS NULL AND occurrence = 0 AND NOT is_watch) AS "no!""#,
        annotator.0,
        midnight
    )
    .fetch_one(conn)
    .await?;
    Ok(Mine {
        today: row.today,
        total: row.total,
        median_seconds: row.median,
        spread: row.spread,
        answers: (row.yes, row.no),
    })
}
