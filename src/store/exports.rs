//! Rows for the world outside, each as the text of one JSON object: the columns are named once, in the SQL.

use sqlx::PgConnection;
use uuid::Uuid;

use super::viewpoint::Viewpoint;

/// What is known of each of these images that the generation has, in this order.
///
/// # Errors
/// When the database refuses.
pub async fn images(conn: &mut PgConnection, view: &Viewpoint, images: &[Uuid]) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        r#"SELECT row_to_json(line)::text AS "line!" FROM (
               SELECT i.id AS image_id, encode(i.sha256, 'hex') AS sha256,
                      ('x' || encode(substring(i.sha256 FROM 1 FOR 6), 'hex'))::bit(48)::bigint AS number,
                      c.filename, c.listing_key AS listing, i.format, c.width, c.height, i.taken_at, c.ingested_at, i.audit, c.hidden,
                      w.name AS watch_model, w.fingerprint AS watch_model_fingerprint, c.watch_confidence, $3::float8 AS threshold,
                      watch_label(c.verdict, c.watch_confidence, $3) AS watch, c.verdict,
                      c.corrections_for, c.corrections_against,
                      m.name AS quality_model, m.fingerprint AS quality_model_fingerprint, c.quality_mean, c.quality_std,
                      q.bins[1] AS bin_1, q.bins[2] AS bin_2, q.bins[3] AS bin_3, q.bins[4] AS bin_4, q.bins[5] AS bin_5,
                      q.bins[6] AS bin_6, q.bins[7] AS bin_7, q.bins[8] AS bin_8, q.bins[9] AS bin_9, q.bins[10] AS bin_10,
                      c.votes, c.human_mean, c.human_std,
                      h.votes_1, h.votes_2, h.votes_3, h.votes_4, h.votes_5, h.votes_6, h.votes_7, h.votes_8, h.votes_9, h.votes_10
               FROM unnest($2::uuid[]) WITH ORDINALITY AS wanted (image_id, place)
               JOIN catalog c ON c.generation_id = $1 AND c.image_id = wanted.image_id
               JOIN images i ON i.id = c.image_id
               JOIN models w ON w.id = $4
               JOIN models m ON m.id = $5
               LEFT JOIN quality_predictions q ON q.image_id = c.image_id AND q.model_id = $5
               CROSS JOIN LATERAL (
                   SELECT count(*) FILTER (WHERE score = 1) AS votes_1, count(*) FILTER (WHERE score = 2) AS votes_2,
                          count(*) FILTER (WHERE score = 3) AS votes_3, count(*) FILTER (WHERE score = 4) AS votes_4,
                          count(*) FILTER (WHERE score = 5) AS votes_5, count(*) FILTER (WHERE score = 6) AS votes_6,
                          count(*) FILTER (WHERE score = 7) AS votes_7, count(*) FILTER (WHERE score = 8) AS votes_8,
                          count(*) FILTER (WHERE score = 9) AS votes_9, count(*) FILTER (WHERE score = 10) AS votes_10
                   FROM human_votes WHERE image_id = c.image_id) h
               ORDER BY wanted.place) line"#,
        view.generation.0,
        images,
        view.threshold.map(f64::from),
        view.watch_model.0,
        view.quality_model.0
    )
    .fetch_all(conn)
    .await
}

/// Every vote on these images, those that were changed later included: image by image in this order, oldest first.
///
/// # Errors
/// When the database refuses.
pub async fn votes(conn: &mut PgConnection, view: &Viewpoint, images: &[Uuid]) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        r#"SELECT row_to_json(line)::text AS "line!" FROM (
               SELECT v.id AS vote_id, v.image_id, encode(i.sha256, 'hex') AS sha256, c.filename, c.listing_key AS listing,
                      v.annotator_id, a.excluded_at IS NOT NULL AS excluded,
                      r.id AS round_id, r.title AS round, r.blind, r.serving_order, r.asks_quality,
                      r.watch_question, r.judgements_per_image, g.name AS guide, g.version AS guide_version,
                      v.occurrence, v.score, v.created_at, v.superseded_at, v.seconds, v.saw_model, v.saw_others, v.pixels_shown,
                      v.served_why, v.served_probability, v.client_key,
                      EXISTS (SELECT FROM human_votes h WHERE h.image_id = v.image_id AND h.vote_id = v.id) AS counts,
                      m.name AS quality_model, m.fingerprint AS quality_model_fingerprint, c.quality_mean, c.quality_std,
                      q.bins[1] AS bin_1, q.bins[2] AS bin_2, q.bins[3] AS bin_3, q.bins[4] AS bin_4, q.bins[5] AS bin_5,
                      q.bins[6] AS bin_6, q.bins[7] AS bin_7, q.bins[8] AS bin_8, q.bins[9] AS bin_9, q.bins[10] AS bin_10
               FROM unnest($2::uuid[]) WITH ORDINALITY AS wanted (image_id, place)
               JOIN votes v ON v.image_id = wanted.image_id
               JOIN images i ON i.id = v.image_id
               JOIN catalog c ON c.generation_id = $1 AND c.image_id = v.image_id
               JOIN annotators a ON a.id = v.annotator_id
               JOIN rounds r ON r.id = v.round_id
               JOIN guides g ON g.id = r.guide_id
               JOIN models m ON m.id = $3
               LEFT JOIN quality_predictions q ON q.image_id = v.image_id AND q.model_id = $3
               ORDER BY wanted.place, v.id) line"#,
        view.generation.0,
        images,
        view.quality_model.0
    )
    .fetch_all(conn)
    .await
}

/// Every answer to the watch question about these images, and every verdict; those that were changed later included.
///
/// # Errors
/// When the database refuses.
pub async fn corrections(
    conn: &mut PgConnection,
    view: &Viewpoint,
    images: &[Uuid],
) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        r#"SELECT row_to_json(line)::text AS "line!" FROM (
               SELECT k.id AS correction_id, k.image_id, encode(i.sha256, 'hex') AS sha256, c.filename, c.listing_key AS listing,
                      k.annotator_id, a.excluded_at IS NOT NULL AS excluded,
                      r.id AS round_id, r.title AS round, r.blind, r.serving_order, r.asks_quality,
                      r.watch_question, r.judgements_per_image, g.name AS guide, g.version AS guide_version, k.kind, k.question, k.occurrence, k.is_watch,
                      k.created_at, k.superseded_at, k.seconds, k.saw_model, k.saw_others, k.pixels_shown,
                      k.served_why, k.served_probability, k.client_key, i.audit,
                      w.name AS watch_model, w.fingerprint AS watch_model_fingerprint, c.watch_confidence, c.verdict
               FROM unnest($2::uuid[]) WITH ORDINALITY AS wanted (image_id, place)
               JOIN corrections k ON k.image_id = wanted.image_id
               JOIN images i ON i.id = k.image_id
               JOIN catalog c ON c.generation_id = $1 AND c.image_id = k.image_id
               JOIN annotators a ON a.id = k.annotator_id
               LEFT JOIN rounds r ON r.id = k.round_id
               LEFT JOIN guides g ON g.id = r.guide_id
               JOIN models w ON w.id = $3
               ORDER BY wanted.place, k.id) line"#,
        view.generation.0,
        images,
        view.watch_model.0
    )
    .fetch_all(conn)
    .await
}
