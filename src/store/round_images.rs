//! The frozen lists of rounds, and how far each image on them is.

use std::{collections::HashMap, ops::Range};

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    decode::PerceptualHash,
    domain::{AnnotatorId, ContentHash, GenerationId, ImageId, RoundId},
};

/// An image with its place on a round's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The image.
    pub image: ImageId,
    /// Its place, from 0.
    pub position: i32,
}

/// What drawing a list takes to know of an image.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// The image.
    pub image: ImageId,
    /// The offer that it belongs to.
    pub listing: Option<String>,
    /// Its perceptual hash.
    pub phash: Option<PerceptualHash>,
    /// Whether it is in the audit set.
    pub audit: bool,
}

/// One image of a list that was drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Drawn {
    /// The image.
    pub image: ImageId,
    /// The part of the catalog that it was drawn from.
    pub why: &'static str,
    /// With what probability an image of that part was drawn.
    pub probability: f64,
}

/// Whom an image is to be offered, and how many judgements are enough.
#[derive(Clone, Copy, Debug)]
pub struct Offer {
    /// The round.
    pub round: RoundId,
    /// Who asks.
    pub annotator: AnnotatorId,
    /// Judgements that each image needs.
    pub judgements: i16,
    /// The moment: reservations that expire by then do not count.
    pub now: DateTime<Utc>,
}

/// What is known of `images` that can be judged and that stand in no guide as an example, in the order given.
///
/// # Errors
/// When the database refuses.
pub async fn candidates(conn: &mut PgConnection, images: &[Uuid]) -> sqlx::Result<Vec<Candidate>> {
    sqlx::query!(
        r#"SELECT i.id AS "id: ImageId", i.listing_key, i.phash, i.audit
           FROM unnest($1::uuid[]) WITH ORDINALITY asked (id, place) JOIN images i ON i.id = asked.id
           JOIN images_at_hand h ON h.image_id = i.id
           WHERE NOT EXISTS (SELECT FROM guide_images g WHERE g.image_id = i.id)
           ORDER BY asked.place"#,
        images
    )
    .map(|row| Candidate {
        image: row.id,
        listing: row.listing_key,
        phash: row.phash.map(PerceptualHash::from_i64),
        audit: row.audit,
    })
    .fetch_all(conn)
    .await
}

/// Freezes the list of a round.
///
/// # Errors
/// When the database refuses.
pub async fn freeze(conn: &mut PgConnection, round: RoundId, list: &[Drawn]) -> sqlx::Result<()> {
    let images: Vec<Uuid> = list.iter().map(|drawn| drawn.image.0).collect();
    let why: Vec<String> = list.iter().map(|drawn| drawn.why.to_owned()).collect();
    let probability: Vec<f64> = list.iter().map(|drawn| drawn.probability).collect();
    sqlx::query!(
        "INSERT INTO round_images (round_id, image_id, position, drawn_why, drawn_probability)
         SELECT $1, image, place - 1, why, probability
         FROM unnest($2::uuid[], $3::text[], $4::float8[]) WITH ORDINALITY drawn (image, why, probability, place)",
        round.0,
        &images,
        &why,
        &probability
    )
    .execute(conn)
    .await
    .map(drop)
}

/// The first of `positions` whose image may be offered: its current judgements and other people's live
/// reservations are fewer than it needs, and it can be judged.
///
/// # Errors
/// When the database refuses.
pub async fn first_on_offer(
    conn: &mut PgConnection,
    offer: Offer,
    positions: &[i32],
) -> sqlx::Result<Option<Listed>> {
    sqlx::query_as!(
        Listed,
        r#"SELECT i.image_id AS "image!: ImageId", i.position AS "position!"
           FROM unnest($2::int[]) WITH ORDINALITY wanted (position, place)
           JOIN judgeable_images i ON i.round_id = $1 AND i.position = wanted.position
           WHERE i.judged < $3::int
             AND i.judged + (SELECT count(*) FROM reservations o
                             WHERE o.round_id = $1 AND o.image_id = i.image_id AND o.annotator_id <> $4
                               AND o.occurrence = 0 AND o.state = 'held' AND o.expires_at > $5) < $3::int
           ORDER BY wanted.place LIMIT 1"#,
        offer.round.0,
        positions,
        i32::from(offer.judgements),
        offer.annotator.0,
        offer.now
    )
    .fetch_optional(conn)
    .await
}

/// Whether an image of a round lacks judgements that nobody else has in hand.
///
/// # Errors
/// When the database refuses.
pub async fn is_on_offer(conn: &mut PgConnection, offer: Offer, image: ImageId) -> sqlx::Result<bool> {
    let is_on_offer = sqlx::query_scalar!(
        r#"SELECT i.judged + (SELECT count(*) FROM reservations o
                              WHERE o.round_id = $1 AND o.image_id = $2 AND o.annotator_id <> $4
                                AND o.occurrence = 0 AND o.state = 'held' AND o.expires_at > $5) < $3::int AS "is!"
           FROM round_images i WHERE i.round_id = $1 AND i.image_id = $2"#,
        offer.round.0,
        image.0,
        i32::from(offer.judgements),
        offer.annotator.0,
        offer.now
    );
    Ok(is_on_offer.fetch_optional(conn).await?.unwrap_or(false))
}

/// Locks an image of a round until the transaction ends, so that nobody else is offered it meanwhile.
///
/// # Errors
/// When the database refuses.
pub async fn lock(conn: &mut PgConnection, round: RoundId, image: ImageId) -> sqlx::Result<()> {
    sqlx::query!(
        "SELECT FROM round_images WHERE round_id = $1 AND image_id = $2 FOR NO KEY UPDATE",
        round.0,
        image.0
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Counts a judgement of an image in (`1`) or out (`-1`); how many it has now.
///
/// # Errors
/// When the database refuses.
pub async fn count(conn: &mut PgConnection, round: RoundId, image: ImageId, by: i32) -> sqlx::Result<i32> {
    sqlx::query_scalar!(
        "UPDATE round_images SET judged = judged + $3 WHERE round_id = $1 AND image_id = $2 RETURNING judged",
        round.0,
        image.0,
        by
    )
    .fetch_one(conn)
    .await
}

/// How many of a round's open images wait for somebody else: all that they lack is in other people's hands. And the
/// moment at which the first of those reservations ends.
///
/// # Errors
/// When the database refuses.
pub async fn with_others(
    conn: &mut PgConnection,
    offer: Offer,
) -> sqlx::Result<(i64, Option<DateTime<Utc>>)> {
    let row = sqlx::query!(
        r#"SELECT count(DISTINCT o.image_id) AS "images!", min(o.expires_at) AS first_end
           FROM reservations o JOIN round_images i ON i.round_id = o.round_id AND i.image_id = o.image_id
           WHERE o.round_id = $1 AND o.annotator_id <> $2 AND o.occurrence = 0 AND o.state = 'held'
             AND o.expires_at > $3 AND i.judged < $4::int
             AND NOT EXISTS (SELECT FROM reservations mine
                             WHERE mine.round_id = $1 AND mine.image_id = o.image_id AND mine.annotator_id = $2
                               AND mine.state <> 'held')"#,
        offer.round.0,
        offer.annotator.0,
        offer.now,
        i32::from(offer.judgements)
    )
    .fetch_one(conn)
    .await?;
    Ok((row.images, row.first_end))
}

/// The watch confidences of `images` in a generation, of those that have one.
///
/// # Errors
/// When the database refuses.
pub async fn confidences(
    conn: &mut PgConnection,
    generation: GenerationId,
    images: &[Uuid],
) -> sqlx::Result<HashMap<Uuid, f64>> {
    let rows = sqlx::query!(
        r#"SELECT image_id, watch_confidence AS "confidence!" FROM catalog
           WHERE generation_id = $1 AND image_id = ANY ($2) AND watch_confidence IS NOT NULL"#,
        generation.0,
        images
    )
    .map(|row| (row.image_id, row.confidence))
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().collect())
}

/// An image of a round with what was said about it there, by people who are not excluded, silent repeats aside.
#[derive(Clone, Debug, PartialEq)]
pub struct Said {
    /// The image.
    pub image: ImageId,
    /// SHA-256 of its bytes: what its renditions are named by.
    pub hash: ContentHash,
    /// Path of its newest sighting; empty where no generation has it.
    pub filename: String,
    /// Judgements so far, those of excluded people included.
    pub judged: i32,
    /// Votes.
    pub votes: i64,
    /// Their mean.
    pub mean: Option<f64>,
    /// Answers that there is a watch.
    pub yes: i64,
    /// Answers that there is none.
    pub no: i64,
}

/// The images of a round at `places` of its list, with what was said about them.
///
/// # Errors
/// When the database refuses.
pub async fn said(conn: &mut PgConnection, round: RoundId, places: Range<i32>) -> sqlx::Result<Vec<Said>> {
    sqlx::query!(
        r#"SELECT i.image_id AS "image: ImageId", m.sha256, i.judged, v.votes AS "votes!", v.mean, k.yes AS "yes!", k.no AS "no!",
                  coalesce((SELECT filename FROM catalog c JOIN active_generation USING (generation_id) WHERE c.image_id = i.image_id), '') AS "filename!"
           FROM round_images i JOIN images m ON m.id = i.image_id
           CROSS JOIN LATERAL (
               SELECT count(*) AS votes, avg(score)::float8 AS mean
               FROM votes v JOIN annotators a ON a.id = v.annotator_id AND a.excluded_at IS NULL
               WHERE v.round_id = i.round_id AND v.image_id = i.image_id AND v.superseded_at IS NULL AND v.occurrence = 0) v
           CROSS JOIN LATERAL (
               SELECT count(*) FILTER (WHERE is_watch) AS yes, count(*) FILTER (WHERE NOT is_watch) AS no
               FROM corrections k JOIN annotators a ON a.id = k.annotator_id AND a.excluded_at IS NULL
               WHERE k.round_id = i.round_id AND k.image_id = i.image_id AND k.superseded_at IS NULL AND k.occurrence = 0) k
           WHERE i.round_id = $1 AND i.position >= $2 AND i.position < $3 ORDER BY i.position"#,
        round.0,
        places.start,
        places.end
    )
    .fetch_all(conn)
    .await?
    .into_iter()
    .map(|row| {
        Ok(Said {
            image: row.image,
            hash: row.sha256.try_into().map_err(|error| sqlx::Error::Decode(Box::new(error)))?,
            filename: row.filename,
            judged: row.judged,
            votes: row.votes,
            mean: row.mean,
            yes: row.yes,
            no: row.no,
        })
    })
    .collect()
}
