//! What the pages read from: a generation, its two models and the threshold that holds.

use sqlx::PgConnection;

use crate::domain::{GenerationId, ModelId, Threshold};

/// One generation as the pages see it.
#[derive(Clone, Debug, PartialEq)]
pub struct Viewpoint {
    /// Whose rows of the catalog are read.
    pub generation: GenerationId,
    /// Answers whether there is a watch.
    pub watch_model: ModelId,
    /// What pages call it.
    pub watch_title: String,
    /// What it was asked: "watch", or "watch or clock".
    pub question: String,
    /// Answers how good the picture looks.
    pub quality_model: ModelId,
    /// What pages call it.
    pub quality_title: String,
    /// The cut-off that holds: the latest that was set, else the manifest's own. Without one no image has a
    /// label of the model's.
    pub threshold: Option<Threshold>,
    /// Whether that cut-off was measured for this model on labelled pictures, or set by people.
    pub threshold_is_measured: bool,
}

/// The active generation; none in a database that no scorer has seen yet.
///
/// # Errors
/// When the database refuses.
pub async fn active(conn: &mut PgConnection) -> sqlx::Result<Option<Viewpoint>> {
    read(conn, None).await
}

/// A generation that a paging cursor names, while its rows are still kept up.
///
/// # Errors
/// When the database refuses.
pub async fn of(conn: &mut PgConnection, generation: GenerationId) -> sqlx::Result<Option<Viewpoint>> {
    read(conn, Some(generation)).await
}

/// A generation that is kept up: the active one unless another is named.
async fn read(conn: &mut PgConnection, generation: Option<GenerationId>) -> sqlx::Result<Option<Viewpoint>> {
    let row = sqlx::query!(
        r#"SELECT g.id AS "generation: GenerationId",
                  w.id AS "watch_model: ModelId", coalesce(w.title, w.name) AS "watch_title!",
                  coalesce(w.question, 'watch') AS "question!",
                  q.id AS "quality_model: ModelId", coalesce(q.title, q.name) AS "quality_title!",
                  coalesce(set.value, w.default_threshold) AS threshold,
                  (coalesce(set.objective <> 'manifest', FALSE) OR w.threshold_measured_on IS NOT NULL) AS "threshold_is_measured!"
           FROM generations g
           JOIN models w ON w.id = g.watch_model
           JOIN models q ON q.id = g.quality_model
           LEFT JOIN LATERAL (
               SELECT value, objective FROM threshold_settings WHERE model_id = w.id ORDER BY id DESC LIMIT 1) set ON true
           WHERE g.id = coalesce($1, (SELECT generation_id FROM active_generation)) AND g.state <> 'retired'"#,
        generation.map(|id| id.0)
    )
    .fetch_optional(conn)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let threshold = row.threshold.map(Threshold::new).transpose();
    Ok(Some(Viewpoint {
        generation: row.generation,
        watch_model: row.watch_model,
        watch_title: row.watch_title,
        question: row.question,
        quality_model: row.quality_model,
        quality_title: row.quality_title,
        threshold: threshold.map_err(|error| sqlx::Error::Decode(Box::new(error)))?,
        threshold_is_measured: row.threshold_is_measured,
    }))
}
