//! Watch labels from outside: they count where nobody here has said anything that does, and never in the audit set.

use sqlx::PgConnection;
use uuid::Uuid;

use super::evidence;
use crate::domain::{ContentHash, ImageId};

/// An image that a label from outside is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// The image.
    pub image: ImageId,
    /// SHA-256 of its bytes.
    pub hash: ContentHash,
    /// Whether it is of the audit set, which takes no label from outside.
    pub audit: bool,
}

/// What became of labels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// Of images that had none from this source.
    pub new: u64,
    /// The source says otherwise now.
    pub changed: u64,
    /// The source had said so before.
    pub same: u64,
}

/// The images with these bytes, in no order.
///
/// # Errors
/// When the database refuses.
pub async fn find(conn: &mut PgConnection, hashes: &[ContentHash]) -> sqlx::Result<Vec<Found>> {
    let hashes: Vec<Vec<u8>> = hashes.iter().map(|hash| hash.as_bytes().to_vec()).collect();
    let rows = sqlx::query!(
        r#"SELECT id AS "image: ImageId", sha256, audit FROM images WHERE sha256 = ANY($1)"#,
        &hashes
    );
    let found = |(image, sha256, audit): (ImageId, Vec<u8>, bool)| {
        let hash = <[u8; 32]>::try_from(sha256.as_slice()).ok().map(ContentHash::from_bytes)?;
        Some(Found { image, hash, audit })
    };
    let rows = rows.fetch_all(conn).await?;
    Ok(rows.into_iter().filter_map(|row| found((row.image, row.sha256, row.audit))).collect())
}

/// The images with these names: the whole path of a current sighting, or its last part. Names that mean several images are
/// left out.
///
/// # Errors
/// When the database refuses.
pub async fn named(conn: &mut PgConnection, names: &[String]) -> sqlx::Result<Vec<(String, ContentHash)>> {
    let rows = sqlx::query!(
        r#"SELECT wanted.name AS "name!", min(encode(i.sha256, 'hex')) AS "sha256!"
           FROM unnest($1::text[]) AS wanted (name)
           JOIN sightings s ON s.superseded_at IS NULL AND s.image_id IS NOT NULL
                AND (s.path_text = wanted.name OR s.path_text LIKE '%/' || replace(replace(replace(wanted.name, '\', '\\'), '%', '\%'), '_', '\_'))
           JOIN images i ON i.id = s.image_id
           GROUP BY wanted.name HAVING count(DISTINCT i.id) = 1"#,
        names
    );
    let rows = rows.fetch_all(conn).await?;
    Ok(rows.into_iter().filter_map(|row| Some((row.name, row.sha256.parse().ok()?))).collect())
}

/// Keeps labels of images outside the audit set. What the same source said otherwise before is superseded.
///
/// # Errors
/// When the database refuses; the foreign key refuses images of the audit set.
pub async fn keep(
    conn: &mut PgConnection,
    source: &str,
    question: &str,
    labels: &[(ImageId, bool)],
) -> sqlx::Result<Kept> {
    let images: Vec<Uuid> = labels.iter().map(|(image, _)| image.0).collect();
    let watches: Vec<bool> = labels.iter().map(|(_, watch)| *watch).collect();
    let superseded = sqlx::query!(
        "UPDATE label_imports l SET superseded_at = now()
         FROM unnest($3::uuid[], $4::boolean[]) AS said (image, is_watch)
         WHERE l.image_id = said.image AND l.source = $1 AND l.question = $2 AND l.superseded_at IS NULL
           AND l.is_watch <> said.is_watch",
        source,
        question,
        &images,
        &watches
    );
    let changed = superseded.execute(&mut *conn).await?.rows_affected();
    let inserted = sqlx::query!(
        "INSERT INTO label_imports (image_id, question, is_watch, source)
         SELECT image, $2, is_watch, $1 FROM unnest($3::uuid[], $4::boolean[]) AS said (image, is_watch)
         ON CONFLICT (image_id, question, source) WHERE superseded_at IS NULL DO NOTHING",
        source,
        question,
        &images,
        &watches
    );
    let inserted = inserted.execute(&mut *conn).await?.rows_affected();
    evidence::refresh_answers(conn, &images).await?;
    let same = (labels.len() as u64).saturating_sub(inserted);
    Ok(Kept { new: inserted.saturating_sub(changed), changed, same })
}
