//! The one table that every gallery reads: a row per generation and image, written in the transactions that
//! change what it shows.

use sqlx::PgConnection;
use uuid::Uuid;

use super::generations;
use crate::domain::ImageId;

/// Gives images the rows that they lack in the generations that are kept up, with what those generations' models have said before.
///
/// Each `LATERAL … LIMIT 1`, here and below, is a look by key into a large table, whatever the planner thinks of how many generations
/// there are: it has no statistics of tables with so few rows, and would rather read the large ones whole.
///
/// # Errors
/// When the database refuses.
pub async fn open(conn: &mut PgConnection, images: &[ImageId]) -> sqlx::Result<()> {
    let images: Vec<Uuid> = images.iter().map(|image| image.0).collect();
    sqlx::query!(
        "INSERT INTO catalog (generation_id, image_id, listing_key, width, height, ingested_at, filename, hidden,
                              watch_confidence, quality_mean, quality_std, sharpness)
         SELECT g.id, i.id, i.listing_key, i.width, i.height, i.ingested_at, coalesce(s.path_text, ''),
                i.hidden_at IS NOT NULL, w.confidence, q.mean, q.std, (i.signals ->> 'sharpness')::float8
         FROM images i CROSS JOIN generations g
         LEFT JOIN LATERAL (
             SELECT path_text FROM sightings
             WHERE image_id = i.id AND superseded_at IS NULL
             ORDER BY state IN ('imported', 'duplicate') DESC, root = 'upload', state = 'imported' DESC,
                      first_seen DESC, id DESC LIMIT 1) s ON true
         LEFT JOIN LATERAL (
             SELECT confidence FROM watch_predictions
             WHERE model_id = g.watch_model AND image_id = i.id LIMIT 1) w ON true
         LEFT JOIN LATERAL (
             SELECT mean, std FROM quality_predictions
             WHERE model_id = g.quality_model AND image_id = i.id LIMIT 1) q ON true
         WHERE i.id = ANY ($1) AND g.state <> 'retired'
         ON CONFLICT (generation_id, image_id) DO NOTHING",
        &images
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Shows images under one of the paths that they are at: in a folder rather than an upload's, where the image was taken
/// rather than a copy, else the newest. So neither a copy nor an upload of a known picture takes it from its folder. An
/// image that is nowhere keeps its name.
///
/// # Errors
/// When the database refuses.
pub async fn refresh_names(conn: &mut PgConnection, images: &[ImageId]) -> sqlx::Result<()> {
    generations::hold(&mut *conn).await?;
    let images: Vec<Uuid> = images.iter().map(|image| image.0).collect();
    sqlx::query!(
        "UPDATE catalog c SET filename = s.path_text
         FROM (SELECT DISTINCT ON (image_id) image_id, path_text FROM sightings
               WHERE image_id = ANY ($1) AND superseded_at IS NULL AND state IN ('imported', 'duplicate')
               ORDER BY image_id, root = 'upload', state = 'imported' DESC, first_seen DESC, id DESC) AS s
         WHERE c.image_id = s.image_id AND c.filename <> s.path_text
           AND EXISTS (SELECT FROM generations g WHERE g.id = c.generation_id AND g.state <> 'retired')",
        &images
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Copies what the models said about `image`, and its sharpness, into its rows.
///
/// # Errors
/// When the database refuses.
pub async fn refresh_scores(conn: &mut PgConnection, image: ImageId, sharpness: f64) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE catalog c
         SET watch_confidence = w.confidence, quality_mean = q.mean, quality_std = q.std,
             sharpness = $2
         FROM generations g
         LEFT JOIN LATERAL (
             SELECT confidence FROM watch_predictions WHERE model_id = g.watch_model AND image_id = $1 LIMIT 1) w ON true
         LEFT JOIN LATERAL (
             SELECT mean, std FROM quality_predictions WHERE model_id = g.quality_model AND image_id = $1 LIMIT 1) q ON true
         WHERE c.generation_id = g.id AND c.image_id = $1 AND g.state <> 'retired'",
        image.0,
        sharpness,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Copies whether `image` is hidden into its rows, and recounts its listing.
///
/// # Errors
/// When the database refuses.
pub async fn refresh_hidden(conn: &mut PgConnection, image: ImageId) -> sqlx::Result<()> {
    generations::hold(&mut *conn).await?;
    sqlx::query!(
        "UPDATE catalog c SET hidden = i.hidden_at IS NOT NULL FROM images i
         WHERE i.id = $1 AND c.image_id = $1
           AND EXISTS (SELECT FROM generations g WHERE g.id = c.generation_id AND g.state <> 'retired')",
        image.0
    )
    .execute(&mut *conn)
    .await?;
    refresh_listing_of(conn, image).await
}

/// Copies which listing `image` belongs to into its rows, and counts it there.
///
/// # Errors
/// When the database refuses.
pub async fn refresh_listing_key(conn: &mut PgConnection, image: ImageId) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE catalog c SET listing_key = i.listing_key FROM images i WHERE i.id = $1 AND c.image_id = $1",
        image.0
    )
    .execute(&mut *conn)
    .await?;
    refresh_listing_of(conn, image).await
}

/// Recounts the listing that `image` belongs to, if any.
///
/// # Errors
/// When the database refuses.
pub async fn refresh_listing_of(conn: &mut PgConnection, image: ImageId) -> sqlx::Result<()> {
    let key = sqlx::query_scalar!("SELECT listing_key FROM images WHERE id = $1", image.0)
        .fetch_optional(&mut *conn)
        .await?;
    refresh_listings(conn, key.flatten().as_slice()).await
}

/// Recounts listings: how many images, and which is the best; one without any is forgotten.
///
/// # Errors
/// When the database refuses.
pub async fn refresh_listings(conn: &mut PgConnection, keys: &[String]) -> sqlx::Result<()> {
    if keys.is_empty() {
        return Ok(());
    }
    // The photos of an offer come in and are scored at the same time: whoever counts last must see all others. A thousand locks
    // for all listings, since a transaction has room for some thousands only; in order, so that nobody waits in a circle.
    sqlx::query!(
        r#"SELECT pg_advisory_xact_lock(hashtext('listings'), lock)::text AS "locked" FROM (
               SELECT DISTINCT hashtext(key) & 1023 AS lock FROM unnest($1::text[]) AS key ORDER BY 1) ordered"#,
        keys
    )
    .fetch_all(&mut *conn)
    .await?;
    sqlx::query!(
        "INSERT INTO listings (generation_id, key, images, best_image, best_mean, watch_evidence)
         SELECT c.generation_id, c.listing_key, count(*)::int,
                (array_agg(c.image_id ORDER BY c.quality_mean DESC, c.image_id)
                     FILTER (WHERE c.quality_mean IS NOT NULL))[1],
                max(c.quality_mean), max(watch_evidence(c.verdict, c.watch_confidence))
         FROM catalog c JOIN generations g ON g.id = c.generation_id AND g.state <> 'retired'
         WHERE NOT c.hidden AND c.listing_key = ANY ($1)
         GROUP BY c.generation_id, c.listing_key
         ON CONFLICT (generation_id, key) DO UPDATE
         SET images = excluded.images, best_image = excluded.best_image, best_mean = excluded.best_mean,
             watch_evidence = excluded.watch_evidence",
        keys
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "DELETE FROM listings l WHERE key = ANY ($1) AND NOT EXISTS (
             SELECT FROM catalog c
             WHERE c.generation_id = l.generation_id AND c.listing_key = l.key AND NOT c.hidden)",
        keys
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Recounts the listings of `images` in which another photo, or none, shows a watch since people said so.
///
/// # Errors
/// When the database refuses.
pub async fn refresh_evidence_of(conn: &mut PgConnection, images: &[Uuid]) -> sqlx::Result<()> {
    let keys = sqlx::query_scalar!(
        r#"SELECT DISTINCT l.key FROM images i JOIN listings l ON l.key = i.listing_key
           JOIN generations g ON g.id = l.generation_id AND g.state <> 'retired'
           WHERE i.id = ANY ($1) AND l.watch_evidence IS DISTINCT FROM (
               SELECT max(watch_evidence(c.verdict, c.watch_confidence)) FROM catalog c
               WHERE c.generation_id = l.generation_id AND c.listing_key = l.key AND NOT c.hidden)
           ORDER BY l.key"#,
        images
    )
    .fetch_all(&mut *conn)
    .await?;
    refresh_listings(conn, &keys).await
}
