//! What people said about one image, with names: for managers.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::{AnnotatorId, ImageId};

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
    /// When it was given.
    pub at: DateTime<Utc>,
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
    /// What takes it back.
    pub key: Uuid,
    /// When it was given.
    pub at: DateTime<Utc>,
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
                  c.client_key AS key, c.created_at AS at
           FROM corrections c JOIN annotators a ON a.id = c.annotator_id
           WHERE c.image_id = $1 AND c.occurrence = 0 AND c.superseded_at IS NULL ORDER BY c.id DESC"#,
        image.0
    )
    .fetch_all(conn)
    .await
}
