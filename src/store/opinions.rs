//! What people and the quality model say of the same images: the votes that count beside the ten bins.

use sqlx::PgConnection;
use uuid::Uuid;

use super::viewpoint::Viewpoint;
use crate::{
    comparison::VoteCounts,
    domain::{ContentHash, Distribution, ImageId},
};

/// An image that people voted on.
#[derive(Clone, Debug, PartialEq)]
pub struct Opinion {
    /// The image.
    pub image: ImageId,
    /// SHA-256 of its bytes: what its renditions are named by.
    pub hash: ContentHash,
    /// Path of its newest sighting.
    pub filename: String,
    /// Its listing.
    pub listing: Option<String>,
    /// Whether galleries leave it out.
    pub hidden: bool,
    /// The votes that count: each image's under its latest guide, nobody excluded, everybody once.
    pub votes: VoteCounts,
    /// What the quality model says; none while it has not scored the image.
    pub model: Option<Distribution>,
}

struct Row {
    image: Uuid,
    sha256: Vec<u8>,
    filename: String,
    listing_key: Option<String>,
    hidden: bool,
    votes: Vec<i64>,
    bins: Option<Vec<f64>>,
}

impl TryFrom<Row> for Opinion {
    type Error = sqlx::Error;

    fn try_from(row: Row) -> sqlx::Result<Self> {
        fn decode<E: std::error::Error + Send + Sync + 'static>(error: E) -> sqlx::Error {
            sqlx::Error::Decode(Box::new(error))
        }
        let count =
            |at: usize| row.votes.get(at).map_or(0, |count| u32::try_from(*count).unwrap_or(u32::MAX));
        let model = |bins: Vec<f64>| {
            Distribution::new(std::array::from_fn(|at| bins.get(at).copied().unwrap_or(0.0)))
        };
        Ok(Self {
            image: ImageId(row.image),
            hash: row.sha256.try_into().map_err(decode)?,
            filename: row.filename,
            listing: row.listing_key,
            hidden: row.hidden,
            votes: VoteCounts::new(std::array::from_fn(count)).map_err(decode)?,
            model: row.bins.map(model).transpose().map_err(decode)?,
        })
    }
}

/// Every image of a generation that has votes which count, in the order of the images.
///
/// # Errors
/// When the database refuses.
pub async fn all(conn: &mut PgConnection, view: &Viewpoint) -> sqlx::Result<Vec<Opinion>> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT c.image_id AS image, i.sha256, c.filename, c.listing_key, c.hidden, v.votes AS "votes!",
                  q.bins AS "bins?"
           FROM (SELECT image_id, ARRAY[
                            count(*) FILTER (WHERE score = 1), count(*) FILTER (WHERE score = 2),
                            count(*) FILTER (WHERE score = 3), count(*) FILTER (WHERE score = 4),
                            count(*) FILTER (WHERE score = 5), count(*) FILTER (WHERE score = 6),
                            count(*) FILTER (WHERE score = 7), count(*) FILTER (WHERE score = 8),
                            count(*) FILTER (WHERE score = 9), count(*) FILTER (WHERE score = 10)] AS votes
                 FROM human_votes GROUP BY image_id) v
           JOIN catalog c ON c.image_id = v.image_id AND c.generation_id = $1
           JOIN images i ON i.id = c.image_id
           LEFT JOIN quality_predictions q ON q.image_id = c.image_id AND q.model_id = $2
           ORDER BY c.image_id"#,
        view.generation.0,
        view.quality_model.0
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Opinion::try_from).collect()
}

/// Under how many versions of guides the votes that count were given.
///
/// # Errors
/// When the database refuses.
pub async fn guides(conn: &mut PgConnection) -> sqlx::Result<i64> {
    sqlx::query_scalar!(r#"SELECT count(DISTINCT guide_id) AS "count!" FROM human_votes"#)
        .fetch_one(conn)
        .await
}
