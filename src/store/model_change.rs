//! What another pair of models would change: two generations' rows beside each other.

mod ends;
mod labels;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

pub use self::{
    ends::{Places, enter_or_leave},
    labels::{Relabelled, relabelled},
};
use super::{
    ledger::{self, Ledger},
    model_names, model_versions,
};
use crate::domain::{GenerationId, GenerationState, ModelId};

/// Images that a correlation is worked out from at most; of more an even part is drawn.
const COMPARED: i64 = 50_000;

/// A generation that is kept up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The generation.
    pub id: GenerationId,
    /// Its watch model and its quality model.
    pub models: [ModelId; 2],
    /// What the watch model is called, so that it can be told apart from the others that are kept up.
    pub watch_model: String,
    /// What the quality model is called, likewise.
    pub quality_model: String,
    /// Filling or live.
    pub state: GenerationState,
    /// Whether the pages show it.
    pub is_active: bool,
    /// Whether every image has its row in it.
    pub is_open: bool,
    /// Whether it is held while it is being filled.
    pub is_paused: bool,
    /// Since when it stands there: is shown, kept up after another one, held, or being filled.
    pub since: DateTime<Utc>,
    /// Images of the catalog.
    pub images: i64,
    /// Those that both models have scored.
    pub scored: i64,
    /// Those that wait for one of its models.
    pub waiting: i64,
    /// Those that one of its models gave up on, and that wait for neither.
    pub failed: i64,
    /// Images that a model of the active generation gave up on.
    pub failed_now: i64,
    /// What those of its models are called whose numbers moved, so that one cannot go to it.
    pub moved: Vec<String>,
}

impl Kept {
    /// What the pair is called.
    pub fn name(&self) -> String {
        format!("{} and {}", self.watch_model, self.quality_model)
    }

    /// Whether its images are still being scored, or wait for somebody to have the pages show it.
    pub fn is_filling(&self) -> bool {
        self.state == GenerationState::Filling
    }

    /// Whether it is filled: no image waits for it, and the pages do not show it yet.
    pub fn is_filled(&self) -> bool {
        self.is_filling() && self.is_open && self.waiting == 0
    }

    /// Whether it is filled, and the pages stay where they are nevertheless: they would lose scores. See
    /// [`held_back`](super::generations::held_back).
    pub fn is_held_back(&self) -> bool {
        self.is_filled() && !self.is_paused && self.fails_more()
    }

    /// Whether its models gave up on more images than those of the active generation.
    pub const fn fails_more(&self) -> bool {
        self.failed > self.failed_now
    }

    /// Whether somebody may have the pages show it.
    pub fn can_be_shown(&self) -> bool {
        !self.is_active && self.moved.is_empty() && (self.state == GenerationState::Live || self.is_filled())
    }
}

#[cfg(test)]
impl Kept {
    /// W and Q, which are being filled, and have scored so many of the images.
    pub fn being_filled(images: i64, scored: i64) -> Self {
        Self {
            id: GenerationId(2),
            models: [ModelId(3), ModelId(4)],
            watch_model: "W".to_owned(),
            quality_model: "Q".to_owned(),
            state: GenerationState::Filling,
            is_active: false,
            is_open: true,
            is_paused: false,
            since: DateTime::UNIX_EPOCH,
            images,
            scored,
            waiting: images - scored,
            failed: 0,
            failed_now: 0,
            moved: vec![],
        }
    }
}

/// The generations that are kept up, the active one first. No image is counted for them, as for the ledger's totals.
///
/// # Errors
/// When the database refuses.
pub async fn kept(conn: &mut PgConnection) -> sqlx::Result<Vec<Kept>> {
    let rows = sqlx::query!(
        r#"SELECT g.id AS "id: GenerationId", g.watch_model AS "watch_model: ModelId", g.quality_model AS "quality_model: ModelId",
                  g.state AS "state: GenerationState", a.generation_id = g.id AS "is_active!",
                  g.opened_at IS NOT NULL AS "is_open!", g.paused_at IS NOT NULL AS "is_paused!",
                  CASE WHEN g.state = 'filling' THEN coalesce(g.paused_at, g.created_at) ELSE a.since END AS "since!"
           FROM generations g CROSS JOIN active_generation a
           WHERE g.state <> 'retired' ORDER BY a.generation_id <> g.id, g.id DESC"#
    );
    let rows = rows.fetch_all(&mut *conn).await?;
    let models = rows.iter().flat_map(|row| [row.watch_model, row.quality_model]);
    let names = model_names::of(&mut *conn, models).await?;
    let mut kept: Vec<Kept> = Vec::new();
    for row in rows {
        let Ledger { images, scored, pending, unscorable, .. } =
            ledger::totals(&mut *conn, Some(row.id)).await?;
        kept.push(Kept {
            id: row.id,
            models: [row.watch_model, row.quality_model],
            watch_model: names[&row.watch_model].clone(),
            quality_model: names[&row.quality_model].clone(),
            state: row.state,
            is_active: row.is_active,
            is_open: row.is_open,
            is_paused: row.is_paused,
            since: row.since,
            images,
            scored,
            waiting: pending,
            failed: unscorable,
            failed_now: kept.first().map_or(unscorable, |active| active.failed),
            moved: model_versions::moved_in(&mut *conn, row.id).await?,
        });
    }
    Ok(kept)
}

/// What both generations say about one image.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    /// Confidence of the first and of the second.
    pub confidence: (f64, f64),
    /// Quality mean of the first and of the second.
    pub quality: (f64, f64),
}

/// Images that both have scored and that are not hidden: all of them, or an even part.
///
/// # Errors
/// When the database refuses.
pub async fn pairs(conn: &mut PgConnection, of: GenerationId, with: GenerationId) -> sqlx::Result<Vec<Pair>> {
    let rows = sqlx::query!(
        r#"SELECT a.watch_confidence AS "watch_a!", b.watch_confidence AS "watch_b!",
                  a.quality_mean AS "quality_a!", b.quality_mean AS "quality_b!"
           FROM (SELECT * FROM catalog WHERE generation_id = $2 AND NOT hidden AND watch_confidence IS NOT NULL AND quality_mean IS NOT NULL
                 ORDER BY uuid_hash_extended(image_id, 0) LIMIT $3) b
           JOIN catalog a ON a.generation_id = $1 AND a.image_id = b.image_id
           WHERE a.watch_confidence IS NOT NULL AND a.quality_mean IS NOT NULL"#,
        of.0,
        with.0,
        COMPARED
    );
    let rows = rows.fetch_all(conn).await?;
    let pair = |(confidence, quality)| Pair { confidence, quality };
    Ok(rows
        .into_iter()
        .map(|row| pair(((row.watch_a, row.watch_b), (row.quality_a, row.quality_b))))
        .collect())
}

/// An image that another pair of models sees otherwise.
#[derive(Clone, Debug, PartialEq)]
pub struct Mover {
    /// The image.
    pub image: Uuid,
    /// SHA-256 of its bytes: what its renditions are named by.
    pub sha256: Vec<u8>,
    /// Path of its newest sighting.
    pub filename: String,
    /// Quality mean of the first and of the second.
    pub quality: (f64, f64),
    /// Confidence of the first and of the second.
    pub confidence: (f64, f64),
}

/// The `most` images about which two generations differ most, by a tenth of the scale of quality and of confidence alike.
///
/// # Errors
/// When the database refuses.
pub async fn movers(
    conn: &mut PgConnection,
    of: GenerationId,
    with: GenerationId,
    most: i64,
) -> sqlx::Result<Vec<Mover>> {
    let rows = sqlx::query!(
        r#"SELECT i.id, i.sha256, b.filename, a.quality_mean AS "quality_a!", b.quality_mean AS "quality_b!",
                  a.watch_confidence AS "watch_a!", b.watch_confidence AS "watch_b!"
           FROM catalog a JOIN catalog b ON b.generation_id = $2 AND b.image_id = a.image_id
           JOIN images i ON i.id = a.image_id
           WHERE a.generation_id = $1 AND NOT b.hidden
             AND a.quality_mean IS NOT NULL AND b.quality_mean IS NOT NULL
             AND a.watch_confidence IS NOT NULL AND b.watch_confidence IS NOT NULL
           ORDER BY greatest(abs(a.quality_mean - b.quality_mean) / 9, abs(a.watch_confidence - b.watch_confidence)) DESC, i.id
           LIMIT $3"#,
        of.0,
        with.0,
        most
    );
    let rows = rows.fetch_all(conn).await?;
    let mover =
        |image, sha256, filename, quality, confidence| Mover { image, sha256, filename, quality, confidence };
    Ok(rows
        .into_iter()
        .map(|row| {
            let (quality, confidence) = ((row.quality_a, row.quality_b), (row.watch_a, row.watch_b));
            mover(row.id, row.sha256, row.filename, quality, confidence)
        })
        .collect())
}
