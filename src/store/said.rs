//! What people said about one image, with names: for managers.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::{AnnotatorId, ImageId, RoundId};

/// A current vote on an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vote {
    /// Who gave it.
    pub name: String,
    /// In which round.
    pub round: String,
    /// The score.
    pub score: i16,
    /// Whether it makes the image's mean: blind, no repeat, under the latest guide, and its annotator not excluded.
    pub counts: bool,
    /// Whether its annotator is excluded.
    pub is_excluded: bool,
    /// Whether what the model says was seen before.
    pub saw_model: bool,
    /// Whether what others said was seen before.
    pub saw_others: bool,
    /// Whether the image has votes under a later guide, which count instead.
    pub has_later_guide: bool,
    /// When it was given.
    pub at: DateTime<Utc>,
}

impl Vote {
    /// Why it does not count; none where it does.
    pub const fn why_not(&self) -> Option<&'static str> {
        match self {
            Self { counts: true, .. } => None,
            Self { is_excluded: true, .. } => Some("whoever gave it is excluded"),
            Self { saw_model: true, .. } => Some("the model’s score was seen before"),
            Self { saw_others: true, .. } => Some("what others said was seen before"),
            Self { has_later_guide: true, .. } => Some("there are votes under a later guide"),
            _ => Some("their vote in a later round counts"),
        }
    }
}

/// A current answer to the watch question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Who gave it.
    pub annotator: AnnotatorId,
    /// Their name.
    pub name: String,
    /// Whether it is a manager's verdict.
    pub is_verdict: bool,
    /// The answer.
    pub is_watch: bool,
    /// Whether its annotator is excluded.
    pub is_excluded: bool,
    /// Whether they answered again later.
    pub is_former: bool,
    /// What takes it back.
    pub key: Uuid,
    /// When it was given.
    pub at: DateTime<Utc>,
}

impl Answer {
    /// Why it does not count for the label; none where it does.
    pub const fn why_not(&self) -> Option<&'static str> {
        match self {
            Self { is_excluded: true, .. } => Some("whoever said it is excluded"),
            Self { is_former: true, .. } => Some("their later answer counts"),
            _ => None,
        }
    }
}

/// The current votes on an image, silent repeats left out, newest first.
///
/// # Errors
/// When the database refuses.
pub async fn votes(conn: &mut PgConnection, image: ImageId) -> sqlx::Result<Vec<Vote>> {
    sqlx::query_as!(
        Vote,
        r#"SELECT a.name, r.title AS round, v.score,
                  EXISTS (SELECT FROM human_votes h WHERE h.image_id = $1 AND h.vote_id = v.id) AS "counts!",
                  a.excluded_at IS NOT NULL AS "is_excluded!", v.saw_model, v.saw_others,
                  EXISTS (SELECT FROM human_votes h WHERE h.image_id = $1 AND h.guide_id > r.guide_id) AS "has_later_guide!",
                  v.created_at AS at
           FROM votes v JOIN annotators a ON a.id = v.annotator_id JOIN rounds r ON r.id = v.round_id
           WHERE v.image_id = $1 AND v.occurrence = 0 AND v.superseded_at IS NULL ORDER BY v.id DESC"#,
        image.0
    )
    .fetch_all(conn)
    .await
}

/// The current answers about an image, silent repeats left out, newest first.
///
/// # Errors
/// When the database refuses.
pub async fn answers(conn: &mut PgConnection, image: ImageId) -> sqlx::Result<Vec<Answer>> {
    sqlx::query_as!(
        Answer,
        r#"SELECT c.annotator_id AS "annotator: AnnotatorId", a.name, c.kind = 'verdict' AS "is_verdict!", c.is_watch,
                  a.excluded_at IS NOT NULL AS "is_excluded!",
                  c.kind = 'answer' AND row_number() OVER (PARTITION BY c.annotator_id, c.question, c.kind
                                                           ORDER BY c.created_at DESC, c.id DESC) > 1 AS "is_former!",
                  c.client_key AS key, c.created_at AS at
           FROM corrections c JOIN annotators a ON a.id = c.annotator_id
           WHERE c.image_id = $1 AND c.occurrence = 0 AND c.superseded_at IS NULL ORDER BY c.id DESC"#,
        image.0
    )
    .fetch_all(conn)
    .await
}

/// What models and people say about an image, for rounds that are not blind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Beside {
    /// The image.
    pub image: Uuid,
    /// Mean of the quality distribution.
    pub quality_mean: Option<f64>,
    /// Watch confidence.
    pub watch_confidence: Option<f64>,
    /// Mean of the votes that count.
    pub human_mean: Option<f64>,
    /// How many those are.
    pub votes: i32,
}

/// What is shown beside `images` in a round; nothing where the round is blind.
///
/// # Errors
/// When the database refuses.
pub async fn beside(conn: &mut PgConnection, round: RoundId, images: &[Uuid]) -> sqlx::Result<Vec<Beside>> {
    sqlx::query_as!(
        Beside,
        "SELECT c.image_id AS image, c.quality_mean, c.watch_confidence, c.human_mean, c.votes
         FROM rounds r CROSS JOIN active_generation g
         JOIN catalog c ON c.generation_id = g.generation_id AND c.image_id = ANY ($2)
         WHERE r.id = $1 AND NOT r.blind",
        round.0,
        images
    )
    .fetch_all(conn)
    .await
}
