//! Images that people labelled, and the confidences of the whole catalog: what a threshold is chosen from.

use sqlx::PgConnection;

use super::viewpoint::Viewpoint;
use crate::{
    calibration::CatalogHistogram,
    domain::{Confidence, ContentHash, ImageId},
};

/// An image that people labelled and the watch model scored.
#[derive(Clone, Debug, PartialEq)]
pub struct Labelled {
    /// The image.
    pub image: ImageId,
    /// What the model says.
    pub confidence: Confidence,
    /// What people say.
    pub watch: bool,
    /// Its listing.
    pub listing: Option<String>,
}

/// The labelled images: those that a threshold may be chosen from, and those of the audit set, with verdicts given in
/// blind rounds in random order only, and here: rounds that came in from another catalog are no evidence for it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LabelledImages {
    /// Outside the audit set.
    pub tuning: Vec<Labelled>,
    /// Of the audit set.
    pub audit: Vec<Labelled>,
    /// Images that people corrected without agreeing, or too few of them: set aside. None of those above.
    pub undecided: i64,
}

struct Row {
    image: ImageId,
    confidence: f64,
    watch: bool,
    listing_key: Option<String>,
}

impl TryFrom<Row> for Labelled {
    type Error = sqlx::Error;

    fn try_from(row: Row) -> sqlx::Result<Self> {
        let confidence =
            Confidence::new(row.confidence).map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
        Ok(Self { image: row.image, confidence, watch: row.watch, listing: row.listing_key })
    }
}

/// All labelled images of a generation.
///
/// # Errors
/// When the database refuses.
pub async fn all(conn: &mut PgConnection, view: &Viewpoint) -> sqlx::Result<LabelledImages> {
    let tuning = sqlx::query_as!(
        Row,
        r#"SELECT c.image_id AS "image: ImageId", c.watch_confidence AS "confidence!", c.verdict AS "watch!", c.listing_key
           FROM catalog c JOIN images i ON i.id = c.image_id
           WHERE c.generation_id = $1 AND c.verdict IS NOT NULL AND c.watch_confidence IS NOT NULL AND NOT i.audit
           ORDER BY c.image_id"#,
        view.generation.0
    )
    .fetch_all(&mut *conn)
    .await?;
    let audit = sqlx::query_as!(
        Row,
        r#"SELECT c.image_id AS "image: ImageId", c.watch_confidence AS "confidence!", c.listing_key,
                  (count(*) FILTER (WHERE k.is_watch) * 2 > count(*)) AS "watch!"
           FROM catalog c JOIN images i ON i.id = c.image_id
           JOIN corrections k ON k.image_id = c.image_id AND k.superseded_at IS NULL AND k.occurrence = 0
                AND k.kind = 'answer' AND NOT k.saw_model AND k.question = $2
           JOIN annotators a ON a.id = k.annotator_id AND a.excluded_at IS NULL
           JOIN rounds r ON r.id = k.round_id AND r.blind AND r.serving_order = 'random' AND r.drawn_from NOT LIKE 'imported: round %'
           WHERE c.generation_id = $1 AND i.audit AND c.watch_confidence IS NOT NULL
           GROUP BY c.image_id, c.watch_confidence, c.listing_key
           HAVING count(*) FILTER (WHERE k.is_watch) * 2 <> count(*)
           ORDER BY c.image_id"#,
        view.generation.0,
        view.question
    )
    .fetch_all(&mut *conn)
    .await?;
    // One fair answer labels an image of the audit set, which elsewhere is still undecided.
    let judged: Vec<_> = audit.iter().map(|row| row.image.0).collect();
    let undecided = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM catalog
           WHERE generation_id = $1 AND verdict IS NULL AND corrections_for + corrections_against > 0
             AND image_id <> ALL ($2)"#,
        view.generation.0,
        &judged
    )
    .fetch_one(conn)
    .await?;
    let labelled = |rows: Vec<Row>| rows.into_iter().map(Labelled::try_from).collect::<sqlx::Result<_>>();
    Ok(LabelledImages { tuning: labelled(tuning)?, audit: labelled(audit)?, undecided })
}

/// How many images of the generation lie in each range of confidences.
///
/// # Errors
/// When the database refuses.
pub async fn histogram(conn: &mut PgConnection, view: &Viewpoint) -> sqlx::Result<CatalogHistogram> {
    // width_bucket puts a value that equals an edge above it; a range holds its upper edge, hence the edge's next number.
    let edges: Vec<f64> = CatalogHistogram::edges().iter().map(|edge| edge.next_up()).collect();
    let rows = sqlx::query!(
        r#"SELECT width_bucket(watch_confidence, $2::double precision[]) AS "range!", count(*) AS "images!"
           FROM catalog WHERE generation_id = $1 AND watch_confidence IS NOT NULL GROUP BY 1"#,
        view.generation.0,
        &edges
    )
    .fetch_all(conn)
    .await?;
    let mut histogram = CatalogHistogram::default();
    for row in rows {
        histogram.add(usize::try_from(row.range).unwrap_or(0), u64::try_from(row.images).unwrap_or(0));
    }
    Ok(histogram)
}

/// An image that changes sides.
#[derive(Clone, Debug, PartialEq)]
pub struct Flipped {
    /// The image.
    pub image: ImageId,
    /// SHA-256 of its bytes: what its renditions are named by.
    pub hash: ContentHash,
    /// Path of its newest sighting.
    pub filename: String,
    /// What the model says.
    pub confidence: f64,
    /// What people say, if they said enough: then its label stays.
    pub verdict: Option<bool>,
}

/// How many images lie between two cut-offs, and the nearest of them to the second.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Flips {
    /// Images without a label of people's: their label changes.
    pub unlabelled: i64,
    /// Images with one: it stays, and says which cut-off is right.
    pub labelled: i64,
    /// Some of them, nearest to the new cut-off first.
    pub shown: Vec<Flipped>,
}

/// The images whose label by the model differs between `current` and `proposed`.
///
/// # Errors
/// When the database refuses.
pub async fn flips(
    conn: &mut PgConnection,
    view: &Viewpoint,
    (current, proposed): (f64, f64),
    most: i64,
) -> sqlx::Result<Flips> {
    let (low, high) = (current.min(proposed), current.max(proposed));
    let counts = sqlx::query!(
        r#"SELECT count(*) FILTER (WHERE verdict IS NULL) AS "unlabelled!", count(*) FILTER (WHERE verdict IS NOT NULL) AS "labelled!"
           FROM catalog WHERE generation_id = $1 AND watch_confidence > $2 AND watch_confidence <= $3"#,
        view.generation.0,
        low,
        high
    )
    .fetch_one(&mut *conn)
    .await?;
    let rows = sqlx::query!(
        r#"SELECT c.image_id AS "image: ImageId", i.sha256, c.filename, c.watch_confidence AS "confidence!", c.verdict
           FROM catalog c JOIN images i ON i.id = c.image_id
           WHERE c.generation_id = $1 AND c.watch_confidence > $2 AND c.watch_confidence <= $3 AND NOT c.hidden
           ORDER BY CASE WHEN $4 THEN c.watch_confidence ELSE -c.watch_confidence END, c.image_id LIMIT $5"#,
        view.generation.0,
        low,
        high,
        proposed < current,
        most
    )
    .fetch_all(conn)
    .await?;
    let shown = rows.into_iter().map(|row| {
        let hash = row.sha256.try_into().map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
        let (image, filename) = (row.image, row.filename);
        Ok(Flipped { image, hash, filename, confidence: row.confidence, verdict: row.verdict })
    });
    Ok(Flips {
        unlabelled: counts.unlabelled,
        labelled: counts.labelled,
        shown: shown.collect::<sqlx::Result<_>>()?,
    })
}
