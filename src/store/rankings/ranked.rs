//! An image as ranked lists show it.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Cursor, Key, Ranking, Sort};
use crate::store::viewpoint::Viewpoint;

/// An image in a ranked list.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranked {
    /// The image.
    pub id: Uuid,
    /// SHA-256 of its bytes: what its renditions are named by.
    pub sha256: Vec<u8>,
    /// The path that it goes by: see `catalog::refresh_names`.
    pub filename: String,
    /// The offer that it belongs to.
    pub listing_key: Option<String>,
    /// Width in pixels, upright.
    pub width: i32,
    /// Height in pixels, upright.
    pub height: i32,
    /// The label: people's verdict, else the model's confidence above the threshold.
    pub watch: Option<bool>,
    /// What people say, if they have said enough.
    pub verdict: Option<bool>,
    /// Watch confidence, 0 to 1; none while not scored.
    pub watch_confidence: Option<f64>,
    /// Mean of the quality distribution, 1 to 10; none while not scored.
    pub quality_mean: Option<f64>,
    /// Its standard deviation.
    pub quality_std: Option<f64>,
    /// Mean of the votes that count.
    pub human_mean: Option<f64>,
    /// Their standard deviation (population).
    pub human_std: Option<f64>,
    /// Their mean, drawn towards the catalog's: what people's ranking goes by.
    pub human_rank: Option<f64>,
    /// How many those are.
    pub votes: i32,
    /// Variance of the Laplacian.
    pub sharpness: Option<f64>,
    /// When it first came in.
    pub ingested_at: DateTime<Utc>,
    /// Whether galleries leave it out.
    pub hidden: bool,
}

/// The images with these identifiers, in this order.
pub(super) async fn rows(
    conn: &mut PgConnection,
    view: &Viewpoint,
    images: &[Uuid],
) -> sqlx::Result<Vec<Ranked>> {
    sqlx::query_as!(
        Ranked,
        r#"SELECT c.image_id AS id, i.sha256, c.filename, c.listing_key, c.width, c.height, c.verdict,
                  c.watch_confidence, c.quality_mean, c.quality_std, c.human_mean, c.human_std, c.human_rank, c.votes,
                  c.sharpness, c.ingested_at, c.hidden, watch_label(c.verdict, c.watch_confidence, $3) AS watch
           FROM unnest($2::uuid[]) WITH ORDINALITY AS found (image_id, place)
           JOIN catalog c ON c.generation_id = $1 AND c.image_id = found.image_id
           JOIN images i ON i.id = c.image_id
           ORDER BY found.place"#,
        view.generation.0,
        images,
        view.threshold.map(f64::from)
    )
    .fetch_all(conn)
    .await
}

impl Ranked {
    /// Its place in a list.
    pub fn cursor(&self, view: &Viewpoint, ranking: &Ranking) -> Option<Cursor> {
        let (sort, order) = (ranking.sort, ranking.order);
        Some(Cursor { generation: view.generation, sort, order, key: self.key(sort)?, image: self.id })
    }

    fn key(&self, sort: Sort) -> Option<Key> {
        match sort {
            Sort::Quality | Sort::Random => self.quality_mean.map(Key::Number),
            Sort::Watch => self.watch_confidence.map(Key::Number),
            Sort::Human => self.human_rank.map(Key::Number),
            Sort::Sharpness => self.sharpness.map(Key::Number),
            Sort::Newest => Some(Key::Time(self.ingested_at)),
        }
    }
}
