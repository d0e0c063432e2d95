//! The ledger: every path at which bytes were seen, each with one current sighting in one state.

mod by_hand;
mod look;

use std::{collections::BTreeMap, path::PathBuf};

use sqlx::PgConnection;

pub use self::{
    by_hand::{BY_HAND, ignore, ignore_all, retry, retry_all, retry_reason, unignore},
    look::{apply, current},
};
use super::catalog;
use crate::{
    domain::{ContentHash, ImageId, SightingId, SightingState},
    ingest::{
        diff::{PathBytes, Stamp},
        original::absolute,
    },
};

/// Writes down a file that came in another way than through a watched folder, and is about to be read. `path` tells
/// it from every other; `path_text` is the name that it was given.
///
/// # Errors
/// When the database refuses.
pub async fn received(
    conn: &mut PgConnection,
    (root, path, path_text): (&str, &[u8], &str),
    stamp: Stamp,
) -> sqlx::Result<SightingId> {
    sqlx::query_scalar!(
        r#"INSERT INTO sightings (root, path, path_text, size_bytes, mtime_ns, ctime_ns, state)
           VALUES ($1, $2, $3, $4, $5, $6, 'settling') RETURNING id AS "id: SightingId""#,
        root,
        path,
        path_text,
        stamp.size_bytes,
        stamp.mtime_ns,
        stamp.ctime_ns
    )
    .fetch_one(conn)
    .await
}

/// Records that a sighting's bytes are those of `image`, as its first path or as a further one.
///
/// # Errors
/// When the database refuses.
pub async fn taken(
    conn: &mut PgConnection,
    id: SightingId,
    state: SightingState,
    image: ImageId,
    hash: &ContentHash,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE sightings SET state = $2, image_id = $3, sha256 = $4, reason = NULL, last_seen = now() WHERE id = $1",
        id.0,
        state.as_str(),
        image.0,
        hash.as_bytes(),
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Records why a file could not be taken; the try is counted.
///
/// # Errors
/// When the database refuses.
pub async fn failed(conn: &mut PgConnection, id: SightingId, reason: &str) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE sightings SET state = 'failed', reason = $2, tries = tries + 1, last_seen = now() WHERE id = $1",
        id.0,
        reason
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Records that a file is gone, or has other bytes than those that were imported.
///
/// # Errors
/// When the database refuses.
pub async fn lost(conn: &mut PgConnection, id: SightingId, reason: &str) -> sqlx::Result<()> {
    let image = sqlx::query_scalar!(
        r#"UPDATE sightings SET state = 'missing', reason = $2, last_seen = now()
           WHERE id = $1 AND superseded_at IS NULL RETURNING image_id AS "image: ImageId""#,
        id.0,
        reason
    )
    .fetch_optional(&mut *conn)
    .await?;
    match image.flatten() {
        Some(image) => catalog::refresh_names(conn, &[image]).await,
        None => Ok(()),
    }
}

/// Why a sighting failed, if it did.
///
/// # Errors
/// When the database refuses.
pub async fn failure(conn: &mut PgConnection, id: SightingId) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!(
        r#"SELECT reason AS "reason!" FROM sightings WHERE id = $1 AND state = 'failed' AND reason IS NOT NULL"#,
        id.0
    )
    .fetch_optional(conn)
    .await
}

/// A path at which an image's bytes were seen.
#[derive(Clone, Debug)]
pub struct Place {
    /// The sighting.
    pub id: SightingId,
    /// Its state.
    pub state: SightingState,
    /// The folder that it was found in, with everything else of its kind.
    pub root: String,
    /// The file.
    pub file: PathBuf,
}

/// The current paths of an image, newest first.
///
/// # Errors
/// When the database refuses.
pub async fn places(conn: &mut PgConnection, image: ImageId) -> sqlx::Result<Vec<Place>> {
    let rows = sqlx::query!(
        r#"SELECT id AS "id: SightingId", root, path, state FROM sightings
           WHERE image_id = $1 AND superseded_at IS NULL ORDER BY first_seen DESC, id DESC"#,
        image.0
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let state = row.state.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
            let file = absolute(&row.root, &row.path);
            Ok(Place { id: row.id, state, root: row.root, file })
        })
        .collect()
}

/// Closes the sighting `from` because its file is at `to` now.
///
/// # Errors
/// When the database refuses.
pub async fn moved(conn: &mut PgConnection, from: SightingId, to: SightingId) -> sqlx::Result<()> {
    sqlx::query!("UPDATE sightings SET superseded_at = now(), moved_to = $2 WHERE id = $1", from.0, to.0)
        .execute(conn)
        .await
        .map(drop)
}

/// How many current sightings are in each state, of one root or of all; every state is there.
///
/// # Errors
/// When the database refuses.
pub async fn counts(
    conn: &mut PgConnection,
    root: Option<&str>,
) -> sqlx::Result<BTreeMap<SightingState, i64>> {
    let rows = sqlx::query!(
        r#"SELECT state, count(*) AS "count!" FROM sightings
           WHERE superseded_at IS NULL AND ($1::text IS NULL OR root = $1) GROUP BY state"#,
        root
    )
    .fetch_all(conn)
    .await?;
    let mut counts: BTreeMap<_, _> = SightingState::ALL.iter().map(|state| (*state, 0)).collect();
    for row in rows {
        let state = row.state.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
        counts.insert(state, row.count);
    }
    Ok(counts)
}

/// Those of the files in an inbox whose images are stored and were decoded, so that the dropped file may go.
///
/// # Errors
/// When the database refuses.
pub async fn removable(
    conn: &mut PgConnection,
    root: &str,
    paths: &[PathBytes],
) -> sqlx::Result<Vec<(PathBytes, Stamp)>> {
    let rows = sqlx::query!(
        "SELECT s.path, s.size_bytes, s.mtime_ns, s.ctime_ns
         FROM unnest($2::bytea[]) AS asked (path)
         JOIN sightings s ON sha256(s.path) = sha256(asked.path)
         JOIN images i ON i.id = s.image_id
         WHERE s.root = $1 AND s.superseded_at IS NULL AND s.state IN ('imported', 'duplicate')
           AND i.stored_key IS NOT NULL AND i.signals IS NOT NULL",
        root,
        paths
    )
    .fetch_all(conn)
    .await?;
    let stamped = rows.into_iter().map(|row| {
        let stamp = Stamp { size_bytes: row.size_bytes, mtime_ns: row.mtime_ns, ctime_ns: row.ctime_ns };
        (row.path, stamp)
    });
    Ok(stamped.collect())
}
