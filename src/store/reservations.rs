//! Which annotator has which image of a round, and what they did with it.

mod had;

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;

pub use self::had::{Had, due_repeat, had, put_off};
use crate::domain::{AnnotatorId, ContentHash, ImageId, RoundId};

/// An image that is handed out is kept for its annotator for so long; each of their judgements renews it.
pub const HELD_FOR: TimeDelta = TimeDelta::minutes(10);

/// An image in an annotator's hands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The image.
    pub image: ImageId,
    /// SHA-256 of its bytes: what its renditions are named by.
    pub hash: ContentHash,
    /// Width in pixels, upright.
    pub width: i32,
    /// Height in pixels, upright.
    pub height: i32,
    /// 1 for a silent repeat, else 0.
    pub occurrence: i16,
    /// Which of the images handed to them it was.
    pub ordinal: i32,
}

/// Why an image was handed out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Served {
    /// The image.
    pub image: ImageId,
    /// Its place on the list.
    pub position: i32,
    /// 1 for a silent repeat, else 0.
    pub occurrence: i16,
    /// Why it was chosen.
    pub why: &'static str,
    /// With what probability, where chance had a part in it.
    pub probability: Option<f64>,
    /// Whether it is to be shown once more.
    pub to_repeat: bool,
}

/// What is stored with the judgement of an image that was handed out.
#[derive(Clone, Debug, PartialEq)]
pub struct Reservation {
    /// Why it was chosen.
    pub why: String,
    /// With what probability.
    pub probability: Option<f64>,
}

/// Whose, and in which round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Whose {
    /// The round.
    pub round: RoundId,
    /// The annotator.
    pub annotator: AnnotatorId,
}

/// What somebody holds at this moment, in the order in which it was handed out. Images that cannot be judged any more
/// are left out.
///
/// # Errors
/// When the database refuses.
pub async fn held(conn: &mut PgConnection, whose: Whose, now: DateTime<Utc>) -> sqlx::Result<Vec<Held>> {
    sqlx::query!(
        r#"SELECT h.image_id AS "image: ImageId", i.sha256, i.width, i.height, h.occurrence, h.ordinal
           FROM reservations h JOIN images i ON i.id = h.image_id
           WHERE h.round_id = $1 AND h.annotator_id = $2 AND h.state = 'held' AND h.expires_at > $3
             AND EXISTS (SELECT FROM judgeable_images j WHERE j.round_id = $1 AND j.image_id = h.image_id)
           ORDER BY h.ordinal"#,
        whose.round.0,
        whose.annotator.0,
        now
    )
    .try_map(|row| {
        Ok(Held {
            image: row.image,
            hash: ContentHash::try_from(row.sha256).map_err(|error| sqlx::Error::Decode(Box::new(error)))?,
            width: row.width,
            height: row.height,
            occurrence: row.occurrence,
            ordinal: row.ordinal,
        })
    })
    .fetch_all(conn)
    .await
}

/// How many images that can be judged somebody has in hand.
///
/// # Errors
/// When the database refuses.
pub async fn in_hand(conn: &mut PgConnection, whose: Whose, now: DateTime<Utc>) -> sqlx::Result<usize> {
    let count = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM reservations h
           WHERE h.round_id = $1 AND h.annotator_id = $2 AND h.state = 'held' AND h.expires_at > $3
             AND EXISTS (SELECT FROM judgeable_images j WHERE j.round_id = $1 AND j.image_id = h.image_id)"#,
        whose.round.0,
        whose.annotator.0,
        now
    );
    Ok(usize::try_from(count.fetch_one(conn).await?).unwrap_or_default())
}

/// An image that somebody was handed at any time, to be shown to them again.
///
/// # Errors
/// When the database refuses.
pub async fn seen(
    conn: &mut PgConnection,
    whose: Whose,
    image: ImageId,
    occurrence: i16,
) -> sqlx::Result<Option<Held>> {
    sqlx::query!(
        "SELECT i.sha256, i.width, i.height, h.ordinal FROM reservations h JOIN images i ON i.id = h.image_id
         WHERE h.round_id = $1 AND h.annotator_id = $2 AND h.image_id = $3 AND h.occurrence = $4",
        whose.round.0,
        whose.annotator.0,
        image.0,
        occurrence
    )
    .try_map(|row| {
        Ok(Held {
            image,
            hash: ContentHash::try_from(row.sha256).map_err(|error| sqlx::Error::Decode(Box::new(error)))?,
            width: row.width,
            height: row.height,
            occurrence,
            ordinal: row.ordinal,
        })
    })
    .fetch_optional(conn)
    .await
}

/// Keeps for longer what somebody holds.
///
/// # Errors
/// When the database refuses.
pub async fn renew(conn: &mut PgConnection, whose: Whose, now: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE reservations SET expires_at = $4
         WHERE round_id = $1 AND annotator_id = $2 AND state = 'held' AND expires_at > $3 AND expires_at < $5",
        whose.round.0,
        whose.annotator.0,
        now,
        now + HELD_FOR,
        // Not with every picture: half the time that is left is time enough.
        now + HELD_FOR / 2
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Hands an image out, for the first time or again.
///
/// # Errors
/// When the database refuses.
pub async fn hold(
    conn: &mut PgConnection,
    whose: Whose,
    served: Served,
    ordinal: i32,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO reservations (round_id, annotator_id, image_id, position, occurrence, served_why, served_probability,
                                   to_repeat, ordinal, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         ON CONFLICT (round_id, image_id, annotator_id, occurrence) DO UPDATE
         SET state = 'held', served_why = excluded.served_why, served_probability = excluded.served_probability,
             to_repeat = excluded.to_repeat, ordinal = excluded.ordinal, created_at = excluded.created_at,
             expires_at = excluded.expires_at",
        whose.round.0,
        whose.annotator.0,
        served.image.0,
        served.position,
        served.occurrence,
        served.why,
        served.probability,
        served.to_repeat,
        ordinal,
        now,
        now + HELD_FOR
    )
    .execute(conn)
    .await
    .map(drop)
}

/// The reservation of an image, live or lapsed.
///
/// # Errors
/// When the database refuses.
pub async fn find(
    conn: &mut PgConnection,
    whose: Whose,
    image: ImageId,
    occurrence: i16,
) -> sqlx::Result<Option<Reservation>> {
    sqlx::query_as!(
        Reservation,
        "SELECT served_why AS why, served_probability AS probability FROM reservations
         WHERE round_id = $1 AND annotator_id = $2 AND image_id = $3 AND occurrence = $4",
        whose.round.0,
        whose.annotator.0,
        image.0,
        occurrence
    )
    .fetch_optional(conn)
    .await
}

/// Says what became of a reservation: `answered`, `skipped`, or `held` again (undone) from `now` on.
///
/// # Errors
/// When the database refuses.
pub async fn set_state(
    conn: &mut PgConnection,
    whose: Whose,
    (image, occurrence): (ImageId, i16),
    state: &str,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE reservations
         SET state = $5, expires_at = CASE WHEN $5 = 'held' THEN $6 ELSE expires_at END
         WHERE round_id = $1 AND annotator_id = $2 AND image_id = $3 AND occurrence = $4",
        whose.round.0,
        whose.annotator.0,
        image.0,
        occurrence,
        state,
        now + HELD_FOR
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Gives an image that was skipped into its annotator's hands again.
///
/// # Errors
/// When the database refuses.
pub async fn unskip(
    conn: &mut PgConnection,
    whose: Whose,
    image: ImageId,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE reservations SET state = 'held', expires_at = $4
         WHERE round_id = $1 AND annotator_id = $2 AND image_id = $3 AND state = 'skipped'",
        whose.round.0,
        whose.annotator.0,
        image.0,
        now + HELD_FOR
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Whether an image of this hash was handed to somebody in a round, so that they may see its picture.
///
/// # Errors
/// When the database refuses.
pub async fn may_see(
    conn: &mut PgConnection,
    whose: Whose,
    image: ImageId,
) -> sqlx::Result<Option<ContentHash>> {
    let hash = sqlx::query_scalar!(
        "SELECT i.sha256 FROM images i
         WHERE i.id = $3 AND (
             EXISTS (SELECT FROM reservations r WHERE r.round_id = $1 AND r.annotator_id = $2 AND r.image_id = i.id)
             OR EXISTS (SELECT FROM guide_images g JOIN rounds r ON r.guide_id = g.guide_id
                        WHERE r.id = $1 AND g.image_id = i.id))",
        whose.round.0,
        whose.annotator.0,
        image.0
    )
    .fetch_optional(conn)
    .await?;
    hash.map(ContentHash::try_from).transpose().map_err(|error| sqlx::Error::Decode(Box::new(error)))
}
