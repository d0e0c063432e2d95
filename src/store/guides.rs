//! What annotators read before they judge: texts with example pictures, in versions that never change.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::{AnnotatorId, GuideId};

/// The guide that comes with the program.
const FIRST_NAME: &str = "Judging photographs";
const FIRST_BODY: &str = include_str!("guide.txt");

/// One version of a guide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guide {
    /// Names the version.
    pub id: GuideId,
    /// What the guide is called.
    pub name: String,
    /// Counts from 1.
    pub version: i32,
    /// The text; blank lines part its paragraphs.
    pub body: String,
    /// When it was written.
    pub created_at: DateTime<Utc>,
    /// Rounds that use this version.
    pub rounds: i64,
}

/// An example picture of a guide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// The image.
    pub image: Uuid,
    /// Quality score that it stands for.
    pub score: Option<i16>,
    /// The right answer to the watch question.
    pub is_watch: Option<bool>,
    /// Why, in a sentence.
    pub caption: Option<String>,
}

/// The latest version of every guide, by name. Where there is none, the one that comes with the program is written
/// first.
///
/// # Errors
/// When the database refuses.
pub async fn latest(conn: &mut PgConnection) -> sqlx::Result<Vec<Guide>> {
    sqlx::query!(
        "INSERT INTO guides (name, version, body) SELECT $1, 1, $2 WHERE NOT EXISTS (SELECT FROM guides)
         ON CONFLICT (name, version) DO NOTHING",
        FIRST_NAME,
        FIRST_BODY.trim()
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query_as!(
        Guide,
        r#"SELECT DISTINCT ON (name) id AS "id: GuideId", name, version, body, created_at,
                  (SELECT count(*) FROM rounds r WHERE r.guide_id = g.id) AS "rounds!"
           FROM guides g ORDER BY name, version DESC"#
    )
    .fetch_all(conn)
    .await
}

/// One version.
///
/// # Errors
/// When the database refuses.
pub async fn find(conn: &mut PgConnection, id: GuideId) -> sqlx::Result<Option<Guide>> {
    sqlx::query_as!(
        Guide,
        r#"SELECT id AS "id: GuideId", name, version, body, created_at,
                  (SELECT count(*) FROM rounds r WHERE r.guide_id = g.id) AS "rounds!"
           FROM guides g WHERE id = $1"#,
        id.0
    )
    .fetch_optional(conn)
    .await
}

/// Writes the next version of the guide of this name.
///
/// # Errors
/// When the database refuses, for instance because an example is no image of the catalog.
pub async fn add(
    conn: &mut PgConnection,
    name: &str,
    body: &str,
    examples: &[Example],
    author: Option<AnnotatorId>,
) -> sqlx::Result<GuideId> {
    // Two that are written at the same moment become two versions.
    sqlx::query!("SELECT pg_advisory_xact_lock(hashtextextended('guide ' || $1, 0))", name)
        .execute(&mut *conn)
        .await?;
    let id = sqlx::query_scalar!(
        r#"INSERT INTO guides (name, version, body, author)
           SELECT $1, 1 + coalesce((SELECT max(version) FROM guides WHERE name = $1), 0), $2, $3
           RETURNING id AS "id: GuideId""#,
        name,
        body,
        author.map(|author| author.0)
    )
    .fetch_one(&mut *conn)
    .await?;
    for (position, example) in (0_i32..).zip(examples) {
        sqlx::query!(
            "INSERT INTO guide_images (guide_id, position, image_id, score, is_watch, caption) VALUES ($1, $2, $3, $4, $5, $6)",
            id.0,
            position,
            example.image,
            example.score,
            example.is_watch,
            example.caption
        )
        .execute(&mut *conn)
        .await?;
    }
    Ok(id)
}

/// The example pictures of a version, in order.
///
/// # Errors
/// When the database refuses.
pub async fn examples(conn: &mut PgConnection, id: GuideId) -> sqlx::Result<Vec<Example>> {
    sqlx::query_as!(
        Example,
        "SELECT image_id AS image, score, is_watch, caption FROM guide_images WHERE guide_id = $1 ORDER BY position",
        id.0
    )
    .fetch_all(conn)
    .await
}
