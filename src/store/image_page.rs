//! Everything that is known of one image.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;

use super::viewpoint::Viewpoint;
use crate::domain::{ContentHash, ImageId, ModelId};

/// The image itself.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The image.
    pub id: ImageId,
    /// SHA-256 of its bytes.
    pub hash: ContentHash,
    /// Size of the file.
    pub bytes: i64,
    /// Format by content.
    pub format: String,
    /// Width in pixels, upright.
    pub width: i32,
    /// Height in pixels, upright.
    pub height: i32,
    /// When it was taken, by its EXIF data.
    pub taken_at: Option<DateTime<Utc>>,
    /// When it first came in.
    pub ingested_at: DateTime<Utc>,
    /// The offer that it belongs to.
    pub listing_key: Option<String>,
    /// What whoever sent it calls it.
    pub external_id: Option<String>,
    /// What whoever sent it said of it, a JSON object.
    pub attributes: Value,
    /// The signals, as [`crate::decode::Signals`] writes them.
    pub signals: Option<Value>,
    /// Why galleries leave it out; none while they do not.
    pub hidden_why: Option<String>,
    /// Since when galleries leave it out.
    pub hidden_at: Option<DateTime<Utc>>,
    /// Whether the image store has its bytes, wherever its files are.
    pub is_stored: bool,
    /// The path that it goes by, as in the catalog; empty when there is none.
    pub filename: String,
}

/// The image; none with this identifier.
///
/// # Errors
/// When the database refuses.
pub async fn facts(conn: &mut PgConnection, image: ImageId) -> sqlx::Result<Option<Facts>> {
    let row = sqlx::query!(
        r#"SELECT i.sha256, i.bytes, i.format, i.width, i.height, i.taken_at, i.ingested_at, i.listing_key,
                  i.external_id, i.attributes, i.signals AS "signals: Value", i.hidden_at, i.hidden_why,
                  i.stored_key IS NOT NULL AS "is_stored!", coalesce(s.path_text, '') AS "filename!"
           FROM images i
           LEFT JOIN LATERAL (
               SELECT path_text FROM sightings
               WHERE image_id = i.id AND superseded_at IS NULL
               ORDER BY state IN ('imported', 'duplicate') DESC, root = 'upload', state = 'imported' DESC,
                        first_seen DESC, id DESC LIMIT 1) s ON true
           WHERE i.id = $1"#,
        image.0
    )
    .fetch_optional(conn)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let hash = row.sha256.try_into().map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
    Ok(Some(Facts {
        id: image,
        hash,
        bytes: row.bytes,
        format: row.format,
        width: row.width,
        height: row.height,
        taken_at: row.taken_at,
        ingested_at: row.ingested_at,
        listing_key: row.listing_key,
        external_id: row.external_id,
        attributes: row.attributes,
        signals: row.signals,
        hidden_why: row.hidden_why,
        hidden_at: row.hidden_at,
        is_stored: row.is_stored,
        filename: row.filename,
    }))
}

/// The image with these bytes; none if the catalog does not have it.
///
/// # Errors
/// When the database refuses.
pub async fn by_hash(conn: &mut PgConnection, hash: &ContentHash) -> sqlx::Result<Option<ImageId>> {
    super::images::find(conn, hash).await
}

/// What people said about it, and what the label is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Judgement {
    /// The label: people's verdict, else the model's confidence above the threshold.
    pub watch: Option<bool>,
    /// What people say, if they have said enough.
    pub verdict: Option<bool>,
    /// Mean of the votes that count.
    pub human_mean: Option<f64>,
    /// How many those are.
    pub votes: i32,
}

/// What the catalog says about it; none while it has no row there.
///
/// # Errors
/// When the database refuses.
pub async fn judgement(
    conn: &mut PgConnection,
    view: &Viewpoint,
    image: ImageId,
) -> sqlx::Result<Option<Judgement>> {
    sqlx::query_as!(
        Judgement,
        "SELECT watch_label(verdict, watch_confidence, $3) AS watch, verdict, human_mean, votes
         FROM catalog WHERE generation_id = $1 AND image_id = $2",
        view.generation.0,
        image.0,
        view.threshold.map(f64::from)
    )
    .fetch_optional(conn)
    .await
}

/// What one model said, or how far it is.
#[derive(Clone, Debug)]
pub struct Opinion {
    /// The model.
    pub model: ModelId,
    /// What pages call it.
    pub title: String,
    /// Hash of everything that decides its numbers, in hexadecimal.
    pub fingerprint: String,
    /// watch or quality.
    pub task: String,
    /// pending, done or failed.
    pub state: String,
    /// Why it failed.
    pub reason: Option<String>,
    /// Labels of the classes that count as a watch.
    pub labels: Vec<String>,
    /// Watch confidence.
    pub confidence: Option<f64>,
    /// Probability of each of `labels`.
    pub positives: Vec<f64>,
    /// Strongest classes of all: `[{"label", "probability"}]`.
    pub top: Option<Value>,
    /// The ten bins; empty without a prediction.
    pub bins: Vec<f64>,
    /// Mean of the distribution.
    pub mean: Option<f64>,
    /// Its standard deviation.
    pub std: Option<f64>,
    /// When it said so.
    pub at: DateTime<Utc>,
}

/// What every model that was ever asked said, the latest asked first.
///
/// # Errors
/// When the database refuses.
pub async fn opinions(conn: &mut PgConnection, image: ImageId) -> sqlx::Result<Vec<Opinion>> {
    sqlx::query_as!(
        Opinion,
        r#"SELECT m.id AS "model: ModelId", coalesce(m.title, m.name) AS "title!", m.fingerprint, m.task, s.state, s.reason,
                  m.positives AS labels, w.confidence AS "confidence?",
                  coalesce(w.positives, '{}') AS "positives!", w.top AS "top?",
                  coalesce(q.bins, '{}') AS "bins!", q.mean AS "mean?", q.std AS "std?",
                  coalesce(w.created_at, q.created_at, s.updated_at) AS "at!"
           FROM scorings s
           JOIN models m ON m.id = s.model_id
           LEFT JOIN watch_predictions w ON w.image_id = s.image_id AND w.model_id = s.model_id
           LEFT JOIN quality_predictions q ON q.image_id = s.image_id AND q.model_id = s.model_id
           WHERE s.image_id = $1
           ORDER BY s.model_id DESC"#,
        image.0
    )
    .fetch_all(conn)
    .await
}

/// A path at which the image's bytes were seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The watched folder, or the name of another way in.
    pub root: String,
    /// The path in it, for display.
    pub path_text: String,
    /// Its state.
    pub state: String,
    /// Why it is in that state.
    pub reason: Option<String>,
    /// When the bytes were first seen there.
    pub first_seen: DateTime<Utc>,
    /// When they were last seen there.
    pub last_seen: DateTime<Utc>,
    /// Since when other bytes, or another path, took its place.
    pub superseded_at: Option<DateTime<Utc>>,
    /// Where the file moved.
    pub moved_to: Option<String>,
}

/// Every path at which the image's bytes were ever seen, newest first, at most 100.
///
/// # Errors
/// When the database refuses.
pub async fn sightings(conn: &mut PgConnection, image: ImageId) -> sqlx::Result<Vec<Seen>> {
    sqlx::query_as!(
        Seen,
        r#"SELECT s.root, s.path_text, s.state, s.reason, s.first_seen, s.last_seen, s.superseded_at,
                  t.path_text AS "moved_to?"
           FROM sightings s LEFT JOIN sightings t ON t.id = s.moved_to
           WHERE s.image_id = $1 ORDER BY s.first_seen DESC, s.id DESC LIMIT 100"#,
        image.0
    )
    .fetch_all(conn)
    .await
}
