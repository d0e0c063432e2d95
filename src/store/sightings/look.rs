//! What the ledger knows of a folder before it is looked at, and what the look found.

use std::collections::BTreeMap;

use sqlx::PgConnection;

use crate::{
    domain::{ImageId, SightingId},
    ingest::diff::{Changes, Entry, Known, PathBytes, Stamp},
    store::catalog,
};

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
