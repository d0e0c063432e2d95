//! Images: pictures, known by the SHA-256 of their bytes.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use sqlx::PgConnection;

use super::{catalog, generations, scorings};
use crate::{
    decode::Header,
    domain::{AnnotatorId, ContentHash, ImageId},
};

/// A picture that the catalog does not have yet.
#[derive(Clone, Debug)]
pub struct NewImage<'a> {
    /// Its name from now on.
    pub id: ImageId,
    /// SHA-256 of its bytes.
    pub hash: ContentHash,
    /// Size of the file in bytes.
    pub bytes: i64,
    /// What its header says.
    pub header: &'a Header,
    /// The moment.
    pub ingested_at: DateTime<Utc>,
    /// The listing that it belongs to.
    pub listing_key: Option<String>,
    /// Where its bytes lie in the image store.
    pub stored_key: Option<String>,
    /// What another system calls it.
    pub external_id: Option<&'a str>,
    /// Whatever another system says about it.
    pub attributes: &'a Map<String, Value>,
}

/// The image with these bytes, if the catalog has it.
///
/// # Errors
/// When the database refuses.
pub async fn find(conn: &mut PgConnection, hash: &ContentHash) -> sqlx::Result<Option<ImageId>> {
    sqlx::query_scalar!(r#"SELECT id AS "id: ImageId" FROM images WHERE sha256 = $1"#, hash.as_bytes())
        .fetch_optional(conn)
        .await
}

/// Up to `most` images that nobody hid and that are not in the audit set, drawn by chance, the same in every call, with people's
/// verdict. Up to `labelled` watches and as many others that people labelled come first, however few of all images have a label.
///
/// # Errors
/// When the database refuses.
pub async fn drawn(
    conn: &mut PgConnection,
    most: i64,
    labelled: i64,
) -> sqlx::Result<Vec<(ImageId, Option<bool>)>> {
    let rows = sqlx::query!(
        r#"SELECT image_id AS "image!: ImageId", verdict FROM (
               SELECT image_id, verdict, uuid_hash_extended(image_id, 0) AS chance,
                      row_number() OVER (PARTITION BY verdict ORDER BY uuid_hash_extended(image_id, 0)) AS place
               FROM catalog JOIN images i ON i.id = image_id
               WHERE generation_id = (SELECT generation_id FROM active_generation) AND NOT hidden AND NOT i.audit) drawn
           ORDER BY verdict IS NOT NULL AND place <= $2 DESC, chance LIMIT $1"#,
        most,
        labelled
    );
    Ok(rows.fetch_all(conn).await?.into_iter().map(|row| (row.image, row.verdict)).collect())
}

/// Adds an image; `false` if one with the same bytes came first. It joins its listing's audit flag, so that no
/// listing is split between what tunes and what is measured on.
///
/// # Errors
/// When the database refuses.
pub async fn insert(conn: &mut PgConnection, image: &NewImage<'_>) -> sqlx::Result<bool> {
    let audit = image.hash.is_audit(image.listing_key.as_deref());
    let inserted = sqlx::query!(
        "INSERT INTO images (id, sha256, bytes, format, width, height, orientation, taken_at, ingested_at,
                             listing_key, stored_key, external_id, attributes, audit)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13,
                 coalesce((SELECT audit FROM images WHERE listing_key = $10 LIMIT 1), $14))
         ON CONFLICT (sha256) DO NOTHING",
        image.id.0,
        image.hash.as_bytes(),
        image.bytes,
        image.header.format.as_str(),
        pixels(image.header.upright_width()),
        pixels(image.header.upright_height()),
        i16::from(image.header.orientation),
        image.header.taken_at,
        image.ingested_at,
        image.listing_key,
        image.stored_key,
        image.external_id,
        json!(image.attributes),
        audit,
    )
    .execute(conn)
    .await?;
    Ok(inserted.rows_affected() == 1)
}

/// Sides are limited far below this by the decoder.
fn pixels(side: u32) -> i32 {
    i32::try_from(side).unwrap_or(i32::MAX)
}

/// Records where the image's bytes lie in the image store, if they did not lie there before.
///
/// # Errors
/// When the database refuses.
pub async fn keep(conn: &mut PgConnection, image: ImageId, key: &str) -> sqlx::Result<()> {
    sqlx::query!("UPDATE images SET stored_key = $2 WHERE id = $1 AND stored_key IS NULL", image.0, key)
        .execute(conn)
        .await
        .map(drop)
}

/// Gives a known image the listing, the other system's name and the attributes that it lacks; what it has stays. Its
/// audit flag stays, too: it is set once, and judgements that were given under it would change sides.
///
/// # Errors
/// When the database refuses.
pub async fn complete(conn: &mut PgConnection, known: ImageId, told: &NewImage<'_>) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE images SET external_id = coalesce(external_id, $2::text), attributes = $3::jsonb || attributes
         WHERE id = $1 AND (external_id IS NULL AND $2::text IS NOT NULL OR $3::jsonb || attributes <> attributes)",
        known.0,
        told.external_id,
        json!(told.attributes),
    )
    .execute(&mut *conn)
    .await?;
    match &told.listing_key {
        Some(listing) => join(conn, known, listing).await,
        None => Ok(()),
    }
}

/// Makes an image one of `listing`, unless it is one of a listing already.
async fn join(conn: &mut PgConnection, image: ImageId, listing: &str) -> sqlx::Result<()> {
    generations::hold(&mut *conn).await?;
    let joined = sqlx::query!(
        "UPDATE images SET listing_key = $2 WHERE id = $1 AND listing_key IS NULL",
        image.0,
        listing
    )
    .execute(&mut *conn)
    .await?;
    if joined.rows_affected() == 0 {
        return Ok(());
    }
    catalog::refresh_listing_key(&mut *conn, image).await
}

/// Where an image's bytes may be.
#[derive(Clone, Debug)]
pub struct Stored {
    /// What they must hash to.
    pub hash: ContentHash,
    /// How many they are.
    pub bytes: u64,
    /// Their key in the image store, if they lie there.
    pub key: Option<String>,
}

/// Where the image's bytes may be; none if there is no such image.
///
/// # Errors
/// When the database refuses.
pub async fn stored(conn: &mut PgConnection, image: ImageId) -> sqlx::Result<Option<Stored>> {
    let row = sqlx::query!("SELECT sha256, bytes, stored_key FROM images WHERE id = $1", image.0)
        .fetch_optional(conn)
        .await?;
    row.map(|row| {
        let hash = row.sha256.try_into().map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
        Ok(Stored { hash, bytes: u64::try_from(row.bytes).unwrap_or(0), key: row.stored_key })
    })
    .transpose()
}

/// Keys in the image store of up to `most` originals that lie there, of all over the catalog.
///
/// # Errors
/// When the database refuses.
pub async fn some_stored(conn: &mut PgConnection, most: i64) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        r#"SELECT stored_key AS "key!" FROM images WHERE stored_key IS NOT NULL
           ORDER BY uuid_hash_extended(id, 0) LIMIT $1"#,
        most
    )
    .fetch_all(conn)
    .await
}

/// Keys in the image store of those of the first `most` images that lie there: cheap, however many images there are.
///
/// # Errors
/// When the database refuses.
pub async fn first_stored(conn: &mut PgConnection, most: i64) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        r#"SELECT stored_key AS "key!" FROM (SELECT stored_key FROM images ORDER BY id LIMIT $1) first
           WHERE stored_key IS NOT NULL"#,
        most
    )
    .fetch_all(conn)
    .await
}

/// Leaves an image out of every gallery, and says why. `false` when it is hidden already, or there is none.
///
/// # Errors
/// When the database refuses.
pub async fn hide(
    conn: &mut PgConnection,
    image: ImageId,
    (by, why): (Option<AnnotatorId>, &str),
    at: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let hidden = sqlx::query!(
        "UPDATE images SET hidden_at = $2, hidden_by = $3, hidden_why = $4 WHERE id = $1 AND hidden_at IS NULL",
        image.0,
        at,
        by.map(|by| by.0),
        why
    )
    .execute(&mut *conn)
    .await?;
    catalog::refresh_hidden(conn, image).await?;
    Ok(hidden.rows_affected() == 1)
}

/// Shows an image again. `false` when it is not hidden, or there is none.
///
/// # Errors
/// When the database refuses.
pub async fn restore(conn: &mut PgConnection, image: ImageId) -> sqlx::Result<bool> {
    let restored = sqlx::query!(
        "UPDATE images SET hidden_at = NULL, hidden_by = NULL, hidden_why = NULL WHERE id = $1 AND hidden_at IS NOT NULL",
        image.0
    )
    .execute(&mut *conn)
    .await?;
    catalog::refresh_hidden(conn, image).await?;
    Ok(restored.rows_affected() == 1)
}

/// Turns away an image whose bytes do not decode: its sightings become failed with `reason`. An image that no model has
/// scored, nobody has judged or labelled, and no guide shows is deleted; another one stays with what is known of it.
///
/// # Errors
/// When the database refuses.
pub async fn reject(conn: &mut PgConnection, image: ImageId, reason: &str) -> sqlx::Result<()> {
    generations::hold(&mut *conn).await?;
    sqlx::query!(
        "UPDATE sightings
         SET state = 'failed', reason = $2, tries = tries + 1, last_seen = now(), image_id = NULL
         WHERE image_id = $1 AND superseded_at IS NULL AND state IN ('imported', 'duplicate')",
        image.0,
        reason
    )
    .execute(&mut *conn)
    .await?;
    let deleted = sqlx::query_scalar!(
        "DELETE FROM images i WHERE id = $1
         AND NOT EXISTS (SELECT FROM watch_predictions WHERE image_id = i.id)
         AND NOT EXISTS (SELECT FROM quality_predictions WHERE image_id = i.id)
         AND NOT EXISTS (SELECT FROM round_images WHERE image_id = i.id)
         AND NOT EXISTS (SELECT FROM corrections WHERE image_id = i.id)
         AND NOT EXISTS (SELECT FROM label_imports WHERE image_id = i.id)
         AND NOT EXISTS (SELECT FROM guide_images WHERE image_id = i.id)
         RETURNING listing_key",
        image.0
    )
    .fetch_optional(&mut *conn)
    .await?;
    match deleted {
        None => scorings::fail_all(conn, image, reason).await,
        Some(listing) => catalog::refresh_listings(conn, listing.as_slice()).await,
    }
}

#[cfg(test)]
mod tests {
    use sqlx::PgPool;

    use super::*;

    #[sqlx::test]
    async fn pictures_that_people_labelled_are_drawn_first_up_to_so_many_of_each_kind(pool: PgPool) {
        sqlx::raw_sql(
            "INSERT INTO models (name, task, kind, fingerprint, preprocessing, manifest, sha256)
             VALUES ('w', 'watch', 'onnx', repeat('a', 64), 1, '{}', sha256('w')),
                    ('q', 'quality', 'onnx', repeat('b', 64), 1, '{}', sha256('q'));
             INSERT INTO generations (watch_model, quality_model, state)
             SELECT w.id, q.id, 'live' FROM models w, models q WHERE w.task = 'watch' AND q.task = 'quality';
             INSERT INTO active_generation (generation_id) SELECT id FROM generations;
             INSERT INTO images (id, sha256, bytes, format, width, height, audit)
             SELECT gen_random_uuid(), sha256(n::text::bytea), 1, 'jpeg', 10, 10, FALSE FROM generate_series(1, 200) n;
             INSERT INTO catalog (generation_id, image_id, width, height, ingested_at, verdict)
             SELECT g.id, i.id, 10, 10, now(), CASE WHEN i.place <= 9 THEN TRUE WHEN i.place <= 12 THEN FALSE END
             FROM generations g, (SELECT id, row_number() OVER (ORDER BY id) AS place FROM images) i",
        )
        .execute(&pool)
        .await
        .unwrap();
        let mut conn = pool.acquire().await.unwrap();
        let all = drawn(&mut conn, 50, 5).await.unwrap();
        assert_eq!(
            (all.len(), drawn(&mut conn, 50, 5).await.unwrap()),
            (50, all.clone()),
            "the same in every call"
        );
        let first: Vec<_> = all[..8].iter().filter_map(|(_, verdict)| *verdict).collect();
        assert_eq!(first.iter().filter(|verdict| **verdict).count(), 5);
        assert_eq!(first.iter().filter(|verdict| !**verdict).count(), 3, "there are no more");
    }
}
