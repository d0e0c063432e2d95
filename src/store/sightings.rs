//! The ledger: every path at which bytes were seen, each with one current sighting in one state.

use std::{collections::BTreeMap, path::PathBuf};

use sqlx::PgConnection;

use super::catalog;
use crate::{
    domain::{ContentHash, ImageId, SightingId, SightingState},
    ingest::{
        diff::{Changes, Entry, Known, PathBytes, Stamp},
        original::absolute,
    },
};

/// How the reason of a file begins that somebody set aside; the rest is why it had failed.
pub const BY_HAND: &str = "set aside by hand; it was: ";

struct KnownRow {
    id: SightingId,
    path: Vec<u8>,
    size_bytes: i64,
    mtime_ns: i64,
    ctime_ns: i64,
    state: String,
    stored: bool,
}

impl TryFrom<KnownRow> for (PathBytes, Known) {
    type Error = sqlx::Error;

    fn try_from(row: KnownRow) -> sqlx::Result<Self> {
        let state = row.state.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
        let stamp = Stamp { size_bytes: row.size_bytes, mtime_ns: row.mtime_ns, ctime_ns: row.ctime_ns };
        Ok((row.path, Known { id: row.id, stamp, state, stored: row.stored }))
    }
}

/// The current sightings of a root; with `paths`, of these only.
///
/// # Errors
/// When the database refuses.
pub async fn current(
    conn: &mut PgConnection,
    root: &str,
    paths: Option<&[PathBytes]>,
) -> sqlx::Result<BTreeMap<PathBytes, Known>> {
    let rows = match paths {
        None => {
            sqlx::query_as!(
                KnownRow,
                r#"SELECT s.id AS "id: SightingId", s.path, s.size_bytes, s.mtime_ns, s.ctime_ns, s.state,
                          i.stored_key IS NOT NULL AS "stored!"
                   FROM sightings s LEFT JOIN images i ON i.id = s.image_id
                   WHERE s.root = $1 AND s.superseded_at IS NULL"#,
                root
            )
            .fetch_all(conn)
            .await?
        }
        Some(paths) => {
            sqlx::query_as!(
                KnownRow,
                r#"SELECT s.id AS "id: SightingId", s.path, s.size_bytes, s.mtime_ns, s.ctime_ns, s.state,
                          i.stored_key IS NOT NULL AS "stored!"
                   FROM unnest($2::bytea[]) AS asked (path)
                   JOIN sightings s ON sha256(s.path) = sha256(asked.path)
                   LEFT JOIN images i ON i.id = s.image_id
                   WHERE s.root = $1 AND s.superseded_at IS NULL"#,
                root,
                paths
            )
            .fetch_all(conn)
            .await?
        }
    };
    rows.into_iter().map(TryInto::try_into).collect()
}

/// Writes what a look at the disk found.
///
/// # Errors
/// When the database refuses.
pub async fn apply(conn: &mut PgConnection, root: &str, changes: &Changes) -> sqlx::Result<()> {
    let replaced: Vec<SightingId> = changes.replaced.iter().map(|(_path, id, _entry)| *id).collect();
    close(conn, &replaced).await?;
    let reopened = changes.replaced.iter().map(|(path, _id, entry)| (path.clone(), *entry));
    let new: Vec<(PathBytes, Entry)> = changes.new.iter().cloned().chain(reopened).collect();
    insert(conn, root, &new).await?;
    look_again(conn, &changes.again).await?;
    missing(conn, &changes.gone).await
}

/// Marks files that are gone; an image that has another path is shown under that.
async fn missing(conn: &mut PgConnection, gone: &[SightingId]) -> sqlx::Result<()> {
    if gone.is_empty() {
        return Ok(());
    }
    let gone: Vec<i64> = gone.iter().map(|id| id.0).collect();
    let images = sqlx::query_scalar!(
        r#"UPDATE sightings SET state = 'missing', reason = 'the file is not there any more', last_seen = now()
           WHERE id = ANY ($1) RETURNING image_id AS "image: ImageId""#,
        &gone
    )
    .fetch_all(&mut *conn)
    .await?;
    let images: Vec<ImageId> = images.into_iter().flatten().collect();
    catalog::refresh_names(conn, &images).await
}

async fn close(conn: &mut PgConnection, ids: &[SightingId]) -> sqlx::Result<()> {
    let ids: Vec<i64> = ids.iter().map(|id| id.0).collect();
    if !ids.is_empty() {
        sqlx::query!("UPDATE sightings SET superseded_at = now() WHERE id = ANY ($1)", &ids)
            .execute(conn)
            .await?;
    }
    Ok(())
}

async fn insert(conn: &mut PgConnection, root: &str, new: &[(PathBytes, Entry)]) -> sqlx::Result<()> {
    if new.is_empty() {
        return Ok(());
    }
    let (mut paths, mut texts, mut stamps, mut reasons) = (vec![], vec![], vec![], vec![]);
    for (path, entry) in new {
        let (stamp, reason) = match entry {
            Entry::File(stamp) => (*stamp, None),
            Entry::Odd(reason) => (Stamp::default(), Some((*reason).to_owned())),
        };
        paths.push(path.clone());
        // PostgreSQL's text has no NUL; no file name has one either.
        texts.push(String::from_utf8_lossy(path).into_owned());
        stamps.push(stamp);
        reasons.push(reason);
    }
    sqlx::query!(
        "INSERT INTO sightings (root, path, path_text, size_bytes, mtime_ns, ctime_ns, state, reason)
         SELECT $1, f.path, f.path_text, f.size_bytes, f.mtime_ns, f.ctime_ns,
                CASE WHEN f.reason IS NULL THEN 'settling' ELSE 'ignored' END, f.reason
         FROM unnest($2::bytea[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::text[])
             AS f (path, path_text, size_bytes, mtime_ns, ctime_ns, reason)
         ON CONFLICT (root, sha256(path)) WHERE superseded_at IS NULL DO NOTHING",
        root,
        &paths,
        &texts,
        &stamps.iter().map(|stamp| stamp.size_bytes).collect::<Vec<_>>(),
        &stamps.iter().map(|stamp| stamp.mtime_ns).collect::<Vec<_>>(),
        &stamps.iter().map(|stamp| stamp.ctime_ns).collect::<Vec<_>>(),
        &reasons as &[Option<String>],
    )
    .execute(conn)
    .await
    .map(drop)
}

async fn look_again(conn: &mut PgConnection, again: &[(PathBytes, SightingId, Stamp)]) -> sqlx::Result<()> {
    if again.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "UPDATE sightings s
         SET state = 'settling', reason = NULL, last_seen = now(),
             size_bytes = f.size_bytes, mtime_ns = f.mtime_ns, ctime_ns = f.ctime_ns
         FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[])
             AS f (id, size_bytes, mtime_ns, ctime_ns)
         WHERE s.id = f.id",
        &again.iter().map(|(_, id, _)| id.0).collect::<Vec<_>>(),
        &again.iter().map(|(_, _, stamp)| stamp.size_bytes).collect::<Vec<_>>(),
        &again.iter().map(|(_, _, stamp)| stamp.mtime_ns).collect::<Vec<_>>(),
        &again.iter().map(|(_, _, stamp)| stamp.ctime_ns).collect::<Vec<_>>(),
    )
    .execute(conn)
    .await
    .map(drop)
}

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

/// Sets a failed or ignored sighting back, so that the next look takes its file. Answers whether it was one.
/// Uploads are left as they are: no look at a folder finds them, and their senders can send them again.
///
/// # Errors
/// When the database refuses.
pub async fn retry(conn: &mut PgConnection, id: SightingId) -> sqlx::Result<bool> {
    let retried = sqlx::query!(
        "UPDATE sightings SET state = 'settling', reason = NULL
         WHERE id = $1 AND state IN ('failed', 'ignored') AND superseded_at IS NULL AND root <> 'upload'",
        id.0
    )
    .execute(conn)
    .await?;
    Ok(retried.rows_affected() == 1)
}

/// The same for every failed sighting; answers how many there were.
///
/// # Errors
/// When the database refuses.
pub async fn retry_all(conn: &mut PgConnection) -> sqlx::Result<u64> {
    let retried = sqlx::query!(
        "UPDATE sightings SET state = 'settling', reason = NULL
         WHERE state = 'failed' AND superseded_at IS NULL AND root <> 'upload'"
    )
    .execute(conn)
    .await?;
    Ok(retried.rows_affected())
}

/// The same for every sighting that failed for this reason; answers how many there were.
///
/// # Errors
/// When the database refuses.
pub async fn retry_reason(conn: &mut PgConnection, reason: &str) -> sqlx::Result<u64> {
    let retried = sqlx::query!(
        "UPDATE sightings SET state = 'settling', reason = NULL
         WHERE state = 'failed' AND reason = $1 AND superseded_at IS NULL AND root <> 'upload'",
        reason
    )
    .execute(conn)
    .await?;
    Ok(retried.rows_affected())
}

/// Takes back that a sighting is left alone: a file of the folder `watched` is looked at again, whatever else was set
/// aside by hand has failed as it had before. Answers whether it was such a one.
///
/// # Errors
/// When the database refuses.
pub async fn unignore(conn: &mut PgConnection, id: SightingId, watched: &str) -> sqlx::Result<bool> {
    let taken_back = sqlx::query!(
        "UPDATE sightings
         SET state = CASE WHEN root = $2 THEN 'settling' ELSE 'failed' END,
             reason = CASE WHEN root <> $2 THEN substr(reason, length($3) + 1) END
         WHERE id = $1 AND state = 'ignored' AND superseded_at IS NULL
           AND (root = $2 OR starts_with(reason, $3))",
        id.0,
        watched,
        BY_HAND
    )
    .execute(conn)
    .await?;
    Ok(taken_back.rows_affected() == 1)
}

/// Leaves a sighting alone from now on that failed, or whose file is gone and never was an image. Answers whether it was
/// such a one.
///
/// # Errors
/// When the database refuses.
pub async fn ignore(conn: &mut PgConnection, id: SightingId) -> sqlx::Result<bool> {
    let ignored = sqlx::query!(
        "UPDATE sightings SET state = 'ignored', reason = $2::text || coalesce(reason, '')
         WHERE id = $1 AND (state = 'failed' OR state = 'missing' AND image_id IS NULL) AND superseded_at IS NULL",
        id.0,
        BY_HAND
    )
    .execute(conn)
    .await?;
    Ok(ignored.rows_affected() == 1)
}

/// The same for every failed sighting, or for those that failed for this reason; answers how many there were.
///
/// # Errors
/// When the database refuses.
pub async fn ignore_all(conn: &mut PgConnection, reason: Option<&str>) -> sqlx::Result<u64> {
    let ignored = sqlx::query!(
        "UPDATE sightings SET state = 'ignored', reason = $2::text || coalesce(reason, '')
         WHERE state = 'failed' AND superseded_at IS NULL AND ($1::text IS NULL OR reason = $1)",
        reason,
        BY_HAND
    )
    .execute(conn)
    .await?;
    Ok(ignored.rows_affected())
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
