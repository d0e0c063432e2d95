//! People who judge, as managers see them.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::{AnnotatorId, RoundId};

/// One rater's figures, over all rounds. Repeats count for consistency only.
#[derive(Clone, Debug, PartialEq)]
pub struct Rater {
    /// Who.
    pub id: AnnotatorId,
    /// Their name.
    pub name: String,
    /// Since when what they say counts nowhere.
    pub excluded_at: Option<DateTime<Utc>>,
    /// Why.
    pub excluded_why: Option<String>,
    /// Current votes.
    pub votes: i64,
    /// Current answers to the watch question, verdicts outside rounds included.
    pub corrections: i64,
    /// Judgements that they changed or undid.
    pub changed: i64,
    /// Median of their seconds from picture to answer.
    pub median_seconds: Option<f64>,
    /// Mean of their votes.
    pub mean: Option<f64>,
    /// Standard deviation of their votes.
    pub std: Option<f64>,
    /// Votes on images that others, who are not excluded, voted on in the same round.
    pub compared: i64,
    /// Mean of their vote less the others' mean: above 0 they are generous.
    pub bias: Option<f64>,
    /// Mean distance of their vote from the others' mean.
    pub distance: Option<f64>,
    /// Silent repeats that they judged.
    pub repeats: i64,
    /// Mean distance of a repeated vote from the first.
    pub repeat_distance: Option<f64>,
    /// Share of repeated answers that were the same.
    pub repeat_same: Option<f64>,
    /// Answers that differ from the image's verdict, of those whose image has one.
    pub against_verdict: Option<f64>,
    /// When they judged last.
    pub last_at: Option<DateTime<Utc>>,
}

/// Everybody who has judged anything, most votes first.
///
/// # Errors
/// When the database refuses.
pub async fn list(conn: &mut PgConnection) -> sqlx::Result<Vec<Rater>> {
    sqlx::query_as!(
        Rater,
        r#"WITH vote AS (
               SELECT v.*, ((sum(score) FILTER (WHERE counts) OVER same - CASE WHEN counts THEN score ELSE 0 END)::float8
                            / nullif(count(*) FILTER (WHERE counts) OVER same - counts::int, 0)) AS others
               FROM (SELECT o.*, w.excluded_at IS NULL AS counts
                     FROM votes o JOIN annotators w ON w.id = o.annotator_id
                     WHERE superseded_at IS NULL AND occurrence = 0) v
               WINDOW same AS (PARTITION BY round_id, image_id)
           ), by_votes AS (
               SELECT annotator_id, count(*) AS votes, avg(score)::float8 AS mean, stddev_samp(score)::float8 AS std,
                      count(others) AS compared, avg(score - others) AS bias, avg(abs(score - others)) AS distance
               FROM vote GROUP BY annotator_id
           ), said AS (
               SELECT annotator_id, seconds, created_at, superseded_at FROM votes
               UNION ALL SELECT annotator_id, seconds, created_at, superseded_at FROM corrections
           ), by_said AS (
               SELECT annotator_id, count(*) FILTER (WHERE superseded_at IS NOT NULL) AS changed, max(created_at) AS last_at,
                      percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) FILTER (WHERE superseded_at IS NULL) AS median
               FROM said GROUP BY annotator_id
           ), repeated AS (
               SELECT again.annotator_id, count(*) AS repeats, avg(abs(again.score - f.score))::float8 AS distance
               FROM votes again
               JOIN votes f ON f.round_id = again.round_id AND f.image_id = again.image_id
                    AND f.annotator_id = again.annotator_id AND f.occurrence = 0 AND f.superseded_at IS NULL
               WHERE again.occurrence = 1 AND again.superseded_at IS NULL GROUP BY again.annotator_id
           ), answered AS (
               SELECT annotator_id, count(*) AS corrections FROM corrections
               WHERE superseded_at IS NULL AND occurrence = 0 GROUP BY annotator_id
           ), answered_again AS (
               SELECT again.annotator_id, count(*) AS repeats, avg((again.is_watch = f.is_watch)::int)::float8 AS same
               FROM corrections again
               JOIN corrections f ON f.round_id = again.round_id AND f.image_id = again.image_id
                    AND f.annotator_id = again.annotator_id AND f.occurrence = 0 AND f.superseded_at IS NULL
               WHERE again.occurrence = 1 AND again.superseded_at IS NULL GROUP BY again.annotator_id
           ), judged_verdict AS (
               SELECT c.annotator_id, avg((c.is_watch <> k.verdict)::int)::float8 AS against
               FROM corrections c
               JOIN catalog k ON k.image_id = c.image_id AND k.verdict IS NOT NULL
                    AND k.generation_id = (SELECT generation_id FROM active_generation)
               WHERE c.superseded_at IS NULL AND c.occurrence = 0 AND c.kind = 'answer' GROUP BY c.annotator_id
           )
           SELECT a.id AS "id: AnnotatorId", a.name, a.excluded_at, a.excluded_why, coalesce(v.votes, 0) AS "votes!",
                  coalesce(c.corrections, 0) AS "corrections!", s.changed AS "changed!", s.median AS median_seconds,
                  v.mean, v.std, coalesce(v.compared, 0) AS "compared!", v.bias, v.distance,
                  greatest(r.repeats, w.repeats, 0) AS "repeats!", r.distance AS repeat_distance, w.same AS repeat_same,
                  j.against AS against_verdict, s.last_at
           FROM by_said s JOIN annotators a ON a.id = s.annotator_id
           LEFT JOIN by_votes v ON v.annotator_id = a.id
           LEFT JOIN answered c ON c.annotator_id = a.id
           LEFT JOIN repeated r ON r.annotator_id = a.id
           LEFT JOIN answered_again w ON w.annotator_id = a.id
           LEFT JOIN judged_verdict j ON j.annotator_id = a.id
           ORDER BY coalesce(v.votes, 0) + coalesce(c.corrections, 0) DESC, lower(a.name)"#
    )
    .fetch_all(conn)
    .await
}

/// A vote that counts, with who gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    /// The image.
    pub image: Uuid,
    /// Who.
    pub annotator: Uuid,
    /// The score.
    pub score: i16,
}

/// The votes that count: each image's under its latest guide, nobody excluded, everybody once.
///
/// # Errors
/// When the database refuses.
pub async fn counted_votes(conn: &mut PgConnection) -> sqlx::Result<Vec<Counted>> {
    sqlx::query_as!(
        Counted,
        r#"SELECT image_id AS "image!", annotator_id AS "annotator!", score AS "score!" FROM human_votes"#
    )
    .fetch_all(conn)
    .await
}

/// An answer to the watch question that counts, with who gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CountedAnswer {
    /// The image.
    pub image: Uuid,
    /// Who.
    pub annotator: Uuid,
    /// Whether they see a watch.
    pub is_watch: bool,
}

/// The answers to `question` that were given blind: everybody's latest for each image, nobody excluded, no repeats.
///
/// # Errors
/// When the database refuses.
pub async fn counted_answers(conn: &mut PgConnection, question: &str) -> sqlx::Result<Vec<CountedAnswer>> {
    sqlx::query_as!(
        CountedAnswer,
        "SELECT DISTINCT ON (k.image_id, k.annotator_id) k.image_id AS image, k.annotator_id AS annotator, k.is_watch
         FROM corrections k JOIN annotators a ON a.id = k.annotator_id AND a.excluded_at IS NULL
         WHERE k.question = $1 AND k.kind = 'answer' AND k.occurrence = 0 AND k.superseded_at IS NULL
           AND NOT k.saw_model AND NOT k.saw_others
         ORDER BY k.image_id, k.annotator_id, k.created_at DESC, k.id DESC",
        question
    )
    .fetch_all(conn)
    .await
}

/// Somebody's part in a round.
#[derive(Clone, Debug, PartialEq)]
pub struct Share {
    /// Their name.
    pub name: String,
    /// Images that they judged.
    pub judged: i64,
    /// Images that they could not judge.
    pub cannot: i64,
    /// Images that are in their hands at this moment.
    pub holds: i64,
}

/// Who judges in a round, most first.
///
/// # Errors
/// When the database refuses.
pub async fn shares(conn: &mut PgConnection, round: RoundId, now: DateTime<Utc>) -> sqlx::Result<Vec<Share>> {
    sqlx::query_as!(
        Share,
        r#"SELECT a.name,
                  count(*) FILTER (WHERE h.state = 'answered' AND h.occurrence = 0) AS "judged!",
                  (SELECT count(DISTINCT s.image_id) FROM skips s
                   WHERE s.round_id = $1 AND s.annotator_id = a.id AND s.kind = 'cannot' AND s.withdrawn_at IS NULL) AS "cannot!",
                  count(*) FILTER (WHERE h.state = 'held' AND h.expires_at > $2) AS "holds!"
           FROM reservations h JOIN annotators a ON a.id = h.annotator_id
           WHERE h.round_id = $1 GROUP BY a.id, a.name ORDER BY 2 DESC, lower(a.name)"#,
        round.0,
        now
    )
    .fetch_all(conn)
    .await
}

/// An image that somebody could not judge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unjudged {
    /// The image.
    pub image: Uuid,
    /// Its name.
    pub filename: String,
    /// Who said so.
    pub annotator: String,
    /// Their reason.
    pub why: Option<String>,
}

/// Images of a round that somebody could not judge, latest first, up to 50.
///
/// # Errors
/// When the database refuses.
pub async fn unjudged(conn: &mut PgConnection, round: RoundId) -> sqlx::Result<Vec<Unjudged>> {
    sqlx::query_as!(
        Unjudged,
        r#"SELECT s.image_id AS image, coalesce((SELECT filename FROM catalog c JOIN active_generation USING (generation_id) WHERE c.image_id = s.image_id), '') AS "filename!",
                  a.name AS annotator, s.why
           FROM skips s JOIN annotators a ON a.id = s.annotator_id
           WHERE s.round_id = $1 AND s.kind = 'cannot' AND s.withdrawn_at IS NULL ORDER BY s.id DESC LIMIT 50"#,
        round.0
    )
    .fetch_all(conn)
    .await
}
