//! Labelled images one by one: how they came to be labelled, what they look like, and which class the model took them for.

use sqlx::PgConnection;
use uuid::Uuid;

use super::viewpoint::Viewpoint;
use crate::domain::{ContentHash, ImageId};

/// How the labelled images were chosen, each counted once, where it was judged most fairly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Chosen {
    /// In a round that serves its images in random order.
    pub at_random: i64,
    /// Only in a round that serves the doubtful ones first.
    pub doubtful_first: i64,
    /// Only by a manager, on the Doubtful page or an image page.
    pub by_hand: i64,
    /// In another way, such as by an import.
    pub otherwise: i64,
}

/// Counts how `images`, labelled ones of a generation, were chosen.
///
/// # Errors
/// When the database refuses.
pub async fn chosen(conn: &mut PgConnection, view: &Viewpoint, images: &[Uuid]) -> sqlx::Result<Chosen> {
    sqlx::query_as!(
        Chosen,
        r#"SELECT count(*) FILTER (WHERE at_random) AS "at_random!",
                  count(*) FILTER (WHERE NOT at_random AND doubtful_first) AS "doubtful_first!",
                  count(*) FILTER (WHERE NOT at_random AND NOT doubtful_first AND by_hand) AS "by_hand!",
                  count(*) FILTER (WHERE NOT at_random AND NOT doubtful_first AND NOT by_hand) AS "otherwise!"
           FROM (SELECT coalesce(bool_or(r.serving_order = 'random'), false) AS at_random,
                        coalesce(bool_or(r.serving_order = 'doubtful'), false) AS doubtful_first,
                        coalesce(bool_or(k.kind = 'verdict'), false) AS by_hand
                 FROM catalog c
                 LEFT JOIN (corrections k JOIN annotators a ON a.id = k.annotator_id AND a.excluded_at IS NULL)
                      ON k.image_id = c.image_id AND k.superseded_at IS NULL AND k.occurrence = 0 AND k.question = $2
                 LEFT JOIN rounds r ON r.id = k.round_id
                 WHERE c.generation_id = $1 AND c.image_id = ANY ($3)
                 GROUP BY c.image_id) image"#,
        view.generation.0,
        view.question,
        images
    )
    .fetch_one(conn)
    .await
}

/// A round that labelled images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// What it is called.
    pub title: String,
    /// What its images were drawn from.
    pub drawn_from: String,
    /// Whether doubtful ones come first, instead of a random order.
    pub doubtful_first: bool,
    /// Whether nobody sees there what the model says.
    pub blind: bool,
    /// Labelled images that were judged in it.
    pub images: i64,
}

/// The rounds in which `images`, labelled ones, were judged, the latest first, at most a dozen.
///
/// # Errors
/// When the database refuses.
pub async fn sources(
    conn: &mut PgConnection,
    view: &Viewpoint,
    images: &[Uuid],
) -> sqlx::Result<Vec<Source>> {
    sqlx::query_as!(
        Source,
        r#"SELECT r.title, r.drawn_from, r.serving_order = 'doubtful' AS "doubtful_first!", r.blind,
                  count(DISTINCT k.image_id) AS "images!"
           FROM rounds r
           JOIN corrections k ON k.round_id = r.id AND k.superseded_at IS NULL AND k.occurrence = 0 AND k.question = $2
           JOIN annotators a ON a.id = k.annotator_id AND a.excluded_at IS NULL
           WHERE k.image_id = ANY ($1)
           GROUP BY r.id ORDER BY r.id DESC LIMIT 12"#,
        images,
        view.question
    )
    .fetch_all(conn)
    .await
}

/// A labelled image as a page shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Face {
    /// The image.
    pub image: ImageId,
    /// SHA-256 of its bytes: what its renditions are named by.
    pub hash: ContentHash,
    /// Path of its newest sighting.
    pub filename: String,
    /// The class that the watch model finds most probable; empty where the model has no classes.
    pub class: String,
    /// How many people's answers and verdicts its label rests on.
    pub voices: i64,
    /// Whether galleries leave it out.
    pub hidden: bool,
}

struct Row {
    image: ImageId,
    sha256: Vec<u8>,
    filename: String,
    class: String,
    voices: i64,
    hidden: bool,
}

impl TryFrom<Row> for Face {
    type Error = sqlx::Error;

    fn try_from(row: Row) -> sqlx::Result<Self> {
        let Row { image, sha256, filename, class, voices, hidden } = row;
        let hash = sha256.try_into().map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
        Ok(Self { image, hash, filename, class, voices, hidden })
    }
}

/// What `images` look like, in their order.
///
/// # Errors
/// When the database refuses.
pub async fn faces(conn: &mut PgConnection, view: &Viewpoint, images: &[ImageId]) -> sqlx::Result<Vec<Face>> {
    let images: Vec<Uuid> = images.iter().map(|image| image.0).collect();
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT c.image_id AS "image: ImageId", i.sha256, c.filename, coalesce(p.top -> 0 ->> 'label', '') AS "class!",
                  (SELECT count(DISTINCT k.annotator_id)
                   FROM corrections k JOIN annotators a ON a.id = k.annotator_id AND a.excluded_at IS NULL
                   WHERE k.image_id = c.image_id AND k.superseded_at IS NULL AND k.occurrence = 0
                     AND k.question = $4) AS "voices!", c.hidden
           FROM unnest($3::uuid[]) WITH ORDINALITY AS wanted (image, place)
           JOIN catalog c ON c.generation_id = $1 AND c.image_id = wanted.image
           JOIN images i ON i.id = c.image_id
           LEFT JOIN watch_predictions p ON p.image_id = c.image_id AND p.model_id = $2
           ORDER BY wanted.place"#,
        view.generation.0,
        view.watch_model.0,
        &images,
        view.question
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Face::try_from).collect()
}
