//! What people said to the watch question, confirmations included. Append-only, as votes are.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{reservations::Whose, votes::Circumstances};
use crate::domain::{AnnotatorId, ImageId, Question};

/// A correction, as its annotator sees it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Correction {
    /// Orders the history.
    pub id: i64,
    /// The answer.
    pub is_watch: bool,
}

/// Somebody's current answer to a round's question.
///
/// # Errors
/// When the database refuses.
pub async fn current(
    conn: &mut PgConnection,
    whose: Whose,
    image: ImageId,
    occurrence: i16,
) -> sqlx::Result<Option<Correction>> {
    sqlx::query_as!(
        Correction,
        "SELECT id, is_watch FROM corrections
         WHERE image_id = $1 AND annotator_id = $2 AND round_id = $3 AND occurrence = $4 AND kind = 'answer'
           AND superseded_at IS NULL",
        image.0,
        whose.annotator.0,
        whose.round.0,
        occurrence
    )
    .fetch_optional(conn)
    .await
}

/// Supersedes a correction.
///
/// # Errors
/// When the database refuses.
pub async fn supersede(conn: &mut PgConnection, id: i64, at: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!("UPDATE corrections SET superseded_at = $2 WHERE id = $1 AND superseded_at IS NULL", id, at)
        .execute(conn)
        .await
        .map(drop)
}

/// Appends an answer that was given in a round.
///
/// # Errors
/// When the database refuses.
pub async fn add(
    conn: &mut PgConnection,
    whose: Whose,
    (question, is_watch): (Question, bool),
    circumstances: &Circumstances,
) -> sqlx::Result<()> {
    let with = circumstances;
    sqlx::query!(
        "INSERT INTO corrections (image_id, annotator_id, round_id, kind, question, occurrence, is_watch, seconds,
                                  saw_model, saw_others, pixels_shown, served_why, served_probability, client_key,
                                  created_at)
         VALUES ($1, $2, $3, 'answer', $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        with.image.0,
        whose.annotator.0,
        whose.round.0,
        question.as_str(),
        with.occurrence,
        is_watch,
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

/// A verdict: a manager's word outside a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict<'a> {
    /// The image.
    pub image: ImageId,
    /// What was asked.
    pub question: Question,
    /// The answer.
    pub is_watch: bool,
    /// Made by the page for one verdict.
    pub key: Uuid,
    /// Where it was given.
    pub why: &'a str,
}

/// Whether something was stored under somebody's client key.
///
/// # Errors
/// When the database refuses.
pub async fn is_known(conn: &mut PgConnection, who: AnnotatorId, key: Uuid) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM corrections WHERE annotator_id = $1 AND client_key = $2) AS "is!""#,
        who.0,
        key
    )
    .fetch_one(conn)
    .await
}

/// Appends a verdict and supersedes their earlier one. `at` is the same for both, so that it can be taken back.
///
/// # Errors
/// When the database refuses.
pub async fn give_verdict(
    conn: &mut PgConnection,
    who: AnnotatorId,
    verdict: Verdict<'_>,
    at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE corrections SET superseded_at = $4
         WHERE image_id = $1 AND annotator_id = $2 AND question = $3 AND kind = 'verdict' AND superseded_at IS NULL",
        verdict.image.0,
        who.0,
        verdict.question.as_str(),
        at
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "INSERT INTO corrections (image_id, annotator_id, kind, question, is_watch, saw_model, saw_others, served_why,
                                  client_key, created_at)
         VALUES ($1, $2, 'verdict', $3, $4, TRUE, TRUE, $5, $6, $7)",
        verdict.image.0,
        who.0,
        verdict.question.as_str(),
        verdict.is_watch,
        verdict.why,
        verdict.key,
        at
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Takes a current verdict of somebody's back, and puts the one that it superseded in force again, under `fresh`. The
/// image, if there was such a verdict.
///
/// # Errors
/// When the database refuses.
pub async fn take_back_verdict(
    conn: &mut PgConnection,
    who: AnnotatorId,
    key: Uuid,
    fresh: Uuid,
    at: DateTime<Utc>,
) -> sqlx::Result<Option<ImageId>> {
    let taken = sqlx::query!(
        r#"UPDATE corrections SET superseded_at = $3
           WHERE annotator_id = $1 AND client_key = $2 AND kind = 'verdict' AND superseded_at IS NULL
           RETURNING id, image_id AS "image: ImageId", created_at"#,
        who.0,
        key,
        at
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(taken) = taken else { return Ok(None) };
    sqlx::query!(
        "INSERT INTO corrections (image_id, annotator_id, kind, question, is_watch, saw_model, saw_others, served_why,
                                  client_key, created_at)
         SELECT f.image_id, f.annotator_id, f.kind, f.question, f.is_watch, f.saw_model, f.saw_others, f.served_why, $2, $4
         FROM corrections f JOIN corrections t ON t.id = $1
         WHERE f.image_id = t.image_id AND f.annotator_id = t.annotator_id AND f.kind = 'verdict'
           AND f.question = t.question AND f.superseded_at = $3 AND f.id < t.id
         ORDER BY f.id DESC LIMIT 1",
        taken.id,
        fresh,
        taken.created_at,
        at
    )
    .execute(conn)
    .await?;
    Ok(Some(taken.image))
}
