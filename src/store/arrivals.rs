//! The ledger's rows as the pages list them, newest first, and the images that a model gave up on.

use std::{fmt, str::FromStr};

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{ranking::CursorError, viewpoint::Viewpoint};
use crate::domain::SightingState;

/// A path in the ledger.
#[derive(Clone, Debug, PartialEq)]
pub struct Arrival {
    /// The sighting.
    pub id: i64,
    /// The watched folder, or the name of another way in.
    pub root: String,
    /// The path in it, for display.
    pub path_text: String,
    /// Its state.
    pub state: String,
    /// Why it is in that state.
    pub reason: Option<String>,
    /// How often it was tried in vain.
    pub tries: i32,
    /// Size of the file in bytes, at the last look.
    pub size_bytes: i64,
    /// When these bytes were first seen there.
    pub first_seen: DateTime<Utc>,
    /// The image that they are.
    pub image_id: Option<Uuid>,
    /// SHA-256 of the image.
    pub sha256: Option<Vec<u8>>,
    /// Whether its small rendition was made: an image that was decoded.
    pub is_decoded: bool,
}

/// A place in the list: behind this row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Behind {
    /// The row's `first_seen`, to the microsecond.
    pub first_seen: DateTime<Utc>,
    /// The row.
    pub id: i64,
}

impl Behind {
    /// The newest place of all: the list begins there.
    pub const START: Self = Self { first_seen: DateTime::<Utc>::MAX_UTC, id: i64::MAX };
}

impl fmt::Display for Behind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}-{:x}", self.first_seen.timestamp_micros(), self.id)
    }
}

impl FromStr for Behind {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        let (micros, id) = text.split_once('-').ok_or(CursorError)?;
        let hex = |text| i64::from_str_radix(text, 16).map_err(|_| CursorError);
        let first_seen = DateTime::from_timestamp_micros(hex(micros)?).ok_or(CursorError)?;
        Ok(Self { first_seen, id: hex(id)? })
    }
}

/// Up to `limit` current sightings, newest first, behind `behind`.
///
/// # Errors
/// When the database refuses.
pub async fn newest(conn: &mut PgConnection, behind: Behind, limit: i64) -> sqlx::Result<Vec<Arrival>> {
    sqlx::query_as!(
        Arrival,
        r#"SELECT s.id, s.root, s.path_text, s.state, s.reason, s.tries, s.size_bytes, s.first_seen, s.image_id,
                  i.sha256 AS "sha256?", (i.signals IS NOT NULL) AS "is_decoded!"
           FROM (SELECT * FROM sightings
                 WHERE superseded_at IS NULL AND (first_seen, id) < ($1, $2)
                 ORDER BY first_seen DESC, id DESC LIMIT $3) s
           LEFT JOIN images i ON i.id = s.image_id
           ORDER BY s.first_seen DESC, s.id DESC"#,
        within_postgres(behind.first_seen),
        behind.id,
        limit
    )
    .fetch_all(conn)
    .await
}

/// The same of one state.
///
/// # Errors
/// When the database refuses.
pub async fn newest_in(
    conn: &mut PgConnection,
    state: SightingState,
    behind: Behind,
    limit: i64,
) -> sqlx::Result<Vec<Arrival>> {
    sqlx::query_as!(
        Arrival,
        r#"SELECT s.id, s.root, s.path_text, s.state, s.reason, s.tries, s.size_bytes, s.first_seen, s.image_id,
                  i.sha256 AS "sha256?", (i.signals IS NOT NULL) AS "is_decoded!"
           FROM (SELECT * FROM sightings
                 WHERE superseded_at IS NULL AND state = $4 AND (first_seen, id) < ($1, $2)
                 ORDER BY first_seen DESC, id DESC LIMIT $3) s
           LEFT JOIN images i ON i.id = s.image_id
           ORDER BY s.first_seen DESC, s.id DESC"#,
        within_postgres(behind.first_seen),
        behind.id,
        limit,
        state.as_str()
    )
    .fetch_all(conn)
    .await
}

/// The same of one state or of all, where a part of the path is `text`, in whatever case.
///
/// # Errors
/// When the database refuses.
pub async fn found(
    conn: &mut PgConnection,
    state: Option<SightingState>,
    text: &str,
    behind: Behind,
    limit: i64,
) -> sqlx::Result<Vec<Arrival>> {
    sqlx::query_as!(
        Arrival,
        r#"SELECT s.id, s.root, s.path_text, s.state, s.reason, s.tries, s.size_bytes, s.first_seen, s.image_id,
                  i.sha256 AS "sha256?", (i.signals IS NOT NULL) AS "is_decoded!"
           FROM (SELECT * FROM sightings
                 WHERE superseded_at IS NULL AND ($4::text IS NULL OR state = $4) AND (first_seen, id) < ($1, $2)
                   AND strpos(lower(path_text), lower($5)) > 0
                 ORDER BY first_seen DESC, id DESC LIMIT $3) s
           LEFT JOIN images i ON i.id = s.image_id
           ORDER BY s.first_seen DESC, s.id DESC"#,
        within_postgres(behind.first_seen),
        behind.id,
        limit,
        state.map(SightingState::as_str),
        text
    )
    .fetch_all(conn)
    .await
}

/// Under which path the bytes of these images came in first, for those that came in more than once.
///
/// # Errors
/// When the database refuses.
pub async fn first_paths(conn: &mut PgConnection, images: &[Uuid]) -> sqlx::Result<Vec<(Uuid, String)>> {
    let rows = sqlx::query!(
        r#"SELECT DISTINCT ON (image_id) image_id AS "image_id!", path_text FROM sightings
           WHERE image_id = ANY($1) AND state <> 'duplicate' AND superseded_at IS NULL
           ORDER BY image_id, (state = 'imported') DESC, first_seen, id"#,
        images
    );
    rows.map(|row| (row.image_id, row.path_text)).fetch_all(conn).await
}

/// The path of a sighting, for display.
///
/// # Errors
/// When the database refuses.
pub async fn path_of(conn: &mut PgConnection, sighting: i64) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!("SELECT path_text FROM sightings WHERE id = $1", sighting).fetch_optional(conn).await
}

/// A reason for which files could not be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// In words.
    pub reason: String,
    /// How many.
    pub files: i64,
    /// Those of them that can be tried again: of every way in but uploads, whose bytes were not kept.
    pub can_retry: i64,
}

/// Up to `limit` reasons for which files failed, the most frequent first.
///
/// # Errors
/// When the database refuses.
pub async fn reasons(conn: &mut PgConnection, limit: i64) -> sqlx::Result<Vec<Reason>> {
    sqlx::query_as!(
        Reason,
        r#"SELECT reason AS "reason!", count(*) AS "files!", count(*) FILTER (WHERE root <> 'upload') AS "can_retry!"
           FROM sightings WHERE state = 'failed' AND superseded_at IS NULL AND reason IS NOT NULL
           GROUP BY reason ORDER BY count(*) DESC, reason LIMIT $1"#,
        limit
    )
    .fetch_all(conn)
    .await
}

/// PostgreSQL's timestamps end long before chrono's.
fn within_postgres(at: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp(253_402_300_799, 0).map_or(at, |last| at.min(last))
}

/// An image that a model gave up on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unscorable {
    /// The image.
    pub image_id: Uuid,
    /// Path of its newest current sighting.
    pub filename: String,
    /// What the model is called.
    pub model: String,
    /// Why it gave up.
    pub reason: String,
    /// How often it tried.
    pub tries: i32,
    /// When it gave up.
    pub updated_at: DateTime<Utc>,
}

/// Images that one of the active models gave up on, the newest images first, at most `limit` rows; of those whose
/// path has `text` in it.
///
/// # Errors
/// When the database refuses.
pub async fn unscorable(
    conn: &mut PgConnection,
    view: &Viewpoint,
    text: &str,
    limit: i64,
) -> sqlx::Result<Vec<Unscorable>> {
    sqlx::query_as!(
        Unscorable,
        r#"SELECT s.image_id, c.filename, coalesce(m.title, m.name) AS "model!", coalesce(s.reason, '') AS "reason!",
                  s.tries, s.updated_at
           FROM scorings s
           JOIN models m ON m.id = s.model_id
           JOIN catalog c ON c.generation_id = $1 AND c.image_id = s.image_id
           WHERE s.state = 'failed' AND s.model_id IN ($2, $3)
             AND (c.quality_mean IS NULL OR c.watch_confidence IS NULL)
             AND ($5 = '' OR strpos(lower(c.filename), lower($5)) > 0)
           ORDER BY s.image_id DESC, s.model_id LIMIT $4"#,
        view.generation.0,
        view.watch_model.0,
        view.quality_model.0,
        limit,
        text
    )
    .fetch_all(conn)
    .await
}
