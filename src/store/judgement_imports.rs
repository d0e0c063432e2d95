//! Votes and answers that another catalog exported: they come in with their people, rounds and guides, each once.
//!
//! Statements are given the rows of [`super::exports`] as one JSON array.

use serde_json::Value;
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use super::evidence;

/// Makes the people, guides and rounds that rows name and that are not here: people who cannot sign in, guides without their
/// text, rounds that are closed. `rows` are to have every round, guide and person once at least, in the order of their making.
///
/// # Errors
/// When the database refuses.
pub async fn prepare(conn: &mut PgConnection, rows: &[Value]) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO annotators (id, name, role, disabled_at, excluded_at, excluded_why)
         SELECT DISTINCT ON (annotator_id) annotator_id, 'imported ' || annotator_id, 'annotator', now(),
                CASE WHEN excluded THEN now() END, CASE WHEN excluded THEN 'excluded where the judgements come from' END
         FROM jsonb_to_recordset($1) AS said (annotator_id UUID, excluded BOOLEAN)
         ON CONFLICT (id) DO NOTHING",
        Json(rows) as _
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "INSERT INTO guides (name, version, body)
         SELECT DISTINCT guide, guide_version, 'This version came in with judgements from another catalog; its text did not.'
         FROM jsonb_to_recordset($1) AS said (guide TEXT, guide_version INT)
         WHERE guide IS NOT NULL ORDER BY guide, guide_version
         ON CONFLICT (name, version) DO NOTHING",
        Json(rows) as _
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "INSERT INTO rounds (title, guide_id, asks_quality, watch_question, judgements_per_image, blind, serving_order,
                             state, opened_at, closed_at, drawn_from)
         SELECT DISTINCT ON (said.round_id, said.round) said.round, g.id, said.asks_quality, said.watch_question,
                said.judgements_per_image, said.blind, said.serving_order, 'closed', now(), now(),
                'imported: round ' || said.round_id || ', ' || said.round
         FROM jsonb_to_recordset($1) AS said (round_id BIGINT, round TEXT, asks_quality BOOLEAN, watch_question TEXT,
                  judgements_per_image SMALLINT, blind BOOLEAN, serving_order TEXT, guide TEXT, guide_version INT)
         JOIN guides g ON g.name = said.guide AND g.version = said.guide_version
         WHERE NOT EXISTS (
             SELECT FROM rounds r WHERE r.drawn_from = 'imported: round ' || said.round_id || ', ' || said.round)
         ORDER BY said.round_id, said.round",
        Json(rows) as _
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Which of these rows are new: their picture is here, and their judgement is not, nor in an earlier row. Their number
/// among `rows`, from 0, in ascending order.
///
/// # Errors
/// When the database refuses.
pub async fn new(conn: &mut PgConnection, rows: &[Value]) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar!(
        r#"SELECT min(said.place) - 1 AS "place!"
           FROM jsonb_array_elements($1) WITH ORDINALITY AS said (judgement, place)
           JOIN images i ON i.sha256 = decode(said.judgement ->> 'sha256', 'hex')
           WHERE NOT EXISTS (SELECT FROM votes v WHERE said.judgement ? 'vote_id' AND v.annotator_id = (said.judgement ->> 'annotator_id')::uuid
                             AND v.client_key = (said.judgement ->> 'client_key')::uuid)
             AND NOT EXISTS (SELECT FROM corrections k WHERE k.annotator_id = (said.judgement ->> 'annotator_id')::uuid
                             AND k.client_key = (said.judgement ->> 'client_key')::uuid AND said.judgement ? 'correction_id')
           GROUP BY said.judgement ? 'vote_id', (said.judgement ->> 'annotator_id')::uuid, (said.judgement ->> 'client_key')::uuid
           ORDER BY 1"#,
        Json(rows) as _
    )
    .fetch_all(conn)
    .await
}

/// How many of these rows are about pictures that are not here.
///
/// # Errors
/// When the database refuses.
pub async fn unknown(conn: &mut PgConnection, rows: &[Value]) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM jsonb_to_recordset($1) AS said (sha256 TEXT)
           WHERE NOT EXISTS (SELECT FROM images i WHERE i.sha256 = decode(said.sha256, 'hex'))"#,
        Json(rows) as _
    )
    .fetch_one(conn)
    .await
}

/// Keeps rows that are [`new`], of votes or of answers, and says what follows from them everywhere.
///
/// # Errors
/// When the database refuses.
pub async fn keep(conn: &mut PgConnection, rows: &[Value]) -> sqlx::Result<u64> {
    sqlx::query!(
        "INSERT INTO round_images (round_id, image_id, position, drawn_why, drawn_probability)
         SELECT r.id, said.image, coalesce((SELECT max(position) + 1 FROM round_images WHERE round_id = r.id), 0)
                    + row_number() OVER (PARTITION BY r.id ORDER BY said.place)::int - 1, 'imported', 1
         FROM (SELECT DISTINCT ON (origin, i.id) 'imported: round ' || s.round_id || ', ' || s.round AS origin, i.id AS image,
                      s.created_at AS place
               FROM jsonb_to_recordset($1) AS s (sha256 TEXT, round_id BIGINT, round TEXT, created_at TIMESTAMPTZ)
               JOIN images i ON i.sha256 = decode(s.sha256, 'hex') WHERE s.round_id IS NOT NULL
               ORDER BY origin, i.id, s.created_at) said
         JOIN rounds r ON r.drawn_from = said.origin
         WHERE NOT EXISTS (SELECT FROM round_images p WHERE p.round_id = r.id AND p.image_id = said.image)",
        Json(rows) as _
    )
    .execute(&mut *conn)
    .await?;
    let kept = votes(&mut *conn, rows).await? + answers(&mut *conn, rows).await?;
    let images = sqlx::query_scalar!(
        "WITH said AS (
             SELECT DISTINCT i.id FROM jsonb_to_recordset($1) AS s (sha256 TEXT) JOIN images i ON i.sha256 = decode(s.sha256, 'hex')
         ), counted AS (
             UPDATE round_images p SET judged = (
                 SELECT count(DISTINCT judged.annotator_id) FROM (
                     SELECT annotator_id FROM votes WHERE round_id = p.round_id AND image_id = p.image_id
                        AND occurrence = 0 AND superseded_at IS NULL
                     UNION SELECT annotator_id FROM corrections WHERE round_id = p.round_id AND image_id = p.image_id
                        AND occurrence = 0 AND superseded_at IS NULL) judged)
             FROM said, rounds r WHERE p.image_id = said.id AND r.id = p.round_id AND r.drawn_from LIKE 'imported: round %'
         ) SELECT id FROM said ORDER BY id",
        Json(rows) as _
    );
    let images: Vec<Uuid> = images.fetch_all(&mut *conn).await?;
    evidence::refresh(conn, &images).await?;
    Ok(kept)
}

async fn votes(conn: &mut PgConnection, rows: &[Value]) -> sqlx::Result<u64> {
    let inserted = sqlx::query!(
        "INSERT INTO votes (image_id, annotator_id, round_id, occurrence, score, seconds, saw_model, saw_others, pixels_shown,
                            served_why, served_probability, client_key, created_at, superseded_at)
         SELECT i.id, s.annotator_id, r.id, s.occurrence, s.score, s.seconds, s.saw_model, s.saw_others, s.pixels_shown,
                s.served_why, s.served_probability, s.client_key, s.created_at, s.superseded_at
         FROM jsonb_to_recordset($1) AS s (vote_id BIGINT, sha256 TEXT, annotator_id UUID, round_id BIGINT, round TEXT,
                  occurrence SMALLINT, score SMALLINT, seconds FLOAT8, saw_model BOOLEAN, saw_others BOOLEAN, pixels_shown INT,
                  served_why TEXT, served_probability FLOAT8, client_key UUID, created_at TIMESTAMPTZ, superseded_at TIMESTAMPTZ)
         JOIN images i ON i.sha256 = decode(s.sha256, 'hex')
         JOIN rounds r ON r.drawn_from = 'imported: round ' || s.round_id || ', ' || s.round
         WHERE s.vote_id IS NOT NULL ORDER BY s.vote_id",
        Json(rows) as _
    );
    Ok(inserted.execute(conn).await?.rows_affected())
}

async fn answers(conn: &mut PgConnection, rows: &[Value]) -> sqlx::Result<u64> {
    let inserted = sqlx::query!(
        "INSERT INTO corrections (image_id, annotator_id, round_id, kind, question, occurrence, is_watch, seconds, saw_model,
                                  saw_others, pixels_shown, served_why, served_probability, client_key, created_at, superseded_at)
         SELECT i.id, s.annotator_id, r.id, s.kind, s.question, s.occurrence, s.is_watch, s.seconds, s.saw_model,
                s.saw_others, s.pixels_shown, s.served_why, s.served_probability, s.client_key, s.created_at, s.superseded_at
         FROM jsonb_to_recordset($1) AS s (correction_id BIGINT, sha256 TEXT, annotator_id UUID, round_id BIGINT, round TEXT, kind TEXT,
                  question TEXT, occurrence SMALLINT, is_watch BOOLEAN, seconds FLOAT8, saw_model BOOLEAN, saw_others BOOLEAN,
                  pixels_shown INT, served_why TEXT, served_probability FLOAT8, client_key UUID, created_at TIMESTAMPTZ,
                  superseded_at TIMESTAMPTZ)
         JOIN images i ON i.sha256 = decode(s.sha256, 'hex')
         LEFT JOIN rounds r ON r.drawn_from = 'imported: round ' || s.round_id || ', ' || s.round
         WHERE s.correction_id IS NOT NULL AND (s.round_id IS NULL OR r.id IS NOT NULL) ORDER BY s.correction_id",
        Json(rows) as _
    );
    Ok(inserted.execute(conn).await?.rows_affected())
}
