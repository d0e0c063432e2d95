//! What people said, as the catalog shows it: in every live generation, in the transactions that change it.

use sqlx::PgConnection;
use uuid::Uuid;

use super::generations;
use crate::domain::{AnnotatorId, ImageId};

/// Locks an image until the transaction ends, so that what people say about it at the same moment is counted one
/// after the other. `false` when there is no such image.
///
/// # Errors
/// When the database refuses.
pub async fn lock(conn: &mut PgConnection, image: ImageId) -> sqlx::Result<bool> {
    let locked = sqlx::query!("SELECT id FROM images WHERE id = $1 FOR NO KEY UPDATE", image.0);
    Ok(locked.fetch_optional(conn).await?.is_some())
}

/// Recounts what people say about `images`: mean and number of their votes, answers, verdict.
///
/// # Errors
/// When the database refuses.
pub async fn refresh(conn: &mut PgConnection, images: &[Uuid]) -> sqlx::Result<()> {
    refresh_votes(&mut *conn, images).await?;
    refresh_answers(conn, images).await
}

/// Recounts the votes on `images`: their number, mean and spread, and the mean drawn towards the catalog's.
///
/// # Errors
/// When the database refuses.
pub async fn refresh_votes(conn: &mut PgConnection, images: &[Uuid]) -> sqlx::Result<()> {
    generations::hold(&mut *conn).await?;
    sqlx::query!(
        "UPDATE catalog c
         SET human_mean = v.mean, human_std = v.std, votes = v.count,
             human_rank = coalesce(p.mean + (v.mean - p.mean) * v.count * p.between_variance
                                   / (v.count * p.between_variance + p.within_variance), v.mean)
         FROM unnest($1::uuid[]) AS said (image)
         LEFT JOIN human_pool p ON TRUE
         CROSS JOIN LATERAL (
             SELECT avg(score)::float8 AS mean, stddev_pop(score)::float8 AS std, count(*)::int AS count
             FROM human_votes WHERE image_id = said.image) v
         WHERE c.image_id = said.image
           AND EXISTS (SELECT FROM generations g WHERE g.id = c.generation_id AND g.state <> 'retired')
           AND (c.human_mean, c.human_std, c.votes) IS DISTINCT FROM (v.mean, v.std, v.count)",
        images
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Recounts the answers to the watch question about `images`, and what follows from them: verdict and listing.
///
/// # Errors
/// When the database refuses.
pub async fn refresh_answers(conn: &mut PgConnection, images: &[Uuid]) -> sqlx::Result<()> {
    generations::hold(&mut *conn).await?;
    sqlx::query!(
        "UPDATE catalog c
         SET corrections_for = a.yes, corrections_against = a.no, verdict = p.verdict
         FROM unnest($1::uuid[]) AS said (image)
         CROSS JOIN generations g
         JOIN models m ON m.id = g.watch_model
         CROSS JOIN LATERAL (
             SELECT count(*) FILTER (WHERE is_watch)::int AS yes, count(*) FILTER (WHERE NOT is_watch)::int AS no
             FROM (SELECT DISTINCT ON (o.annotator_id) o.is_watch
                   FROM corrections o JOIN annotators w ON w.id = o.annotator_id
                   WHERE o.image_id = said.image AND o.question = coalesce(m.question, 'watch') AND o.kind = 'answer'
                     AND o.occurrence = 0 AND o.superseded_at IS NULL AND w.excluded_at IS NULL
                   ORDER BY o.annotator_id, o.created_at DESC, o.id DESC) latest) a
         CROSS JOIN LATERAL (
             SELECT watch_verdict(said.image, coalesce((
                        SELECT (value #>> '{}')::int FROM settings WHERE name = 'corrections_needed'
                        ORDER BY id DESC LIMIT 1), 2), coalesce(m.question, 'watch')) AS verdict) p
         WHERE c.generation_id = g.id AND c.image_id = said.image AND g.state <> 'retired'
           AND (c.corrections_for, c.corrections_against, c.verdict) IS DISTINCT FROM (a.yes, a.no, p.verdict)",
        images
    )
    .execute(&mut *conn)
    .await?;
    super::catalog::refresh_evidence_of(conn, images).await
}

/// The same for those of `images` that anybody said anything about: for rows that are new.
///
/// # Errors
/// When the database refuses.
pub async fn refresh_judged(conn: &mut PgConnection, images: &[ImageId]) -> sqlx::Result<()> {
    let images: Vec<Uuid> = images.iter().map(|image| image.0).collect();
    let judged = sqlx::query_scalar!(
        r#"SELECT image AS "image!" FROM unnest($1::uuid[]) AS image
           WHERE EXISTS (SELECT FROM votes v WHERE v.image_id = image)
              OR EXISTS (SELECT FROM corrections o WHERE o.image_id = image)
              OR EXISTS (SELECT FROM label_imports l WHERE l.image_id = image)"#,
        &images
    );
    let judged = judged.fetch_all(&mut *conn).await?;
    refresh(conn, &judged).await
}

/// Lets what somebody said count in evaluations, or not any more; the rows stay. `false` when there is nobody like that.
///
/// # Errors
/// When the database refuses.
pub async fn set_excluded(
    conn: &mut PgConnection,
    who: AnnotatorId,
    excluded: Option<(chrono::DateTime<chrono::Utc>, Option<&str>)>,
) -> sqlx::Result<bool> {
    let (since, why) = excluded.unzip();
    let set = sqlx::query!(
        "UPDATE annotators SET excluded_at = $2, excluded_why = $3 WHERE id = $1",
        who.0,
        since,
        why.flatten()
    );
    if set.execute(&mut *conn).await?.rows_affected() == 0 {
        return Ok(false);
    }
    let images = sqlx::query_scalar!(
        r#"SELECT image_id AS "image!" FROM votes WHERE annotator_id = $1
           UNION SELECT image_id FROM corrections WHERE annotator_id = $1 ORDER BY 1"#,
        who.0
    );
    let images = images.fetch_all(&mut *conn).await?;
    refresh(conn, &images).await?;
    Ok(true)
}
