//! Generations: which pair of models the catalog's rows belong to.

use sqlx::PgConnection;

use super::{catalog, scorings};
use crate::domain::{GenerationId, ModelId};

/// One pair of served models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Generation {
    /// The row.
    pub id: GenerationId,
    /// Answers whether there is a watch.
    pub watch_model: ModelId,
    /// Answers how good the picture looks.
    pub quality_model: ModelId,
}

/// The generation whose rows the pages read; none in a database that no scorer has seen yet.
///
/// # Errors
/// When the database refuses.
pub async fn active(conn: &mut PgConnection) -> sqlx::Result<Option<Generation>> {
    sqlx::query_as!(
        Generation,
        r#"SELECT g.id AS "id: GenerationId", g.watch_model AS "watch_model: ModelId",
                  g.quality_model AS "quality_model: ModelId"
           FROM active_generation a JOIN generations g ON g.id = a.generation_id"#
    )
    .fetch_optional(conn)
    .await
}

/// Keeps generations from being opened until the transaction ends, so that an image that comes in meanwhile
/// is either in the new generation's first count or sees the new generation itself.
///
/// # Errors
/// When the database refuses.
pub async fn hold(conn: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!("LOCK TABLE active_generation IN ROW SHARE MODE").execute(conn).await.map(drop)
}

/// Opens a generation with every image that is there, and points the pages at it. Where another process was
/// faster, its generation is the answer.
///
/// # Errors
/// When the database refuses.
pub async fn create_active(
    conn: &mut PgConnection,
    watch_model: ModelId,
    quality_model: ModelId,
) -> sqlx::Result<Generation> {
    sqlx::query!("LOCK TABLE active_generation IN EXCLUSIVE MODE").execute(&mut *conn).await?;
    if let Some(generation) = active(conn).await? {
        return Ok(generation);
    }
    let id = sqlx::query_scalar!(
        r#"INSERT INTO generations (watch_model, quality_model, state, activated_at)
           VALUES ($1, $2, 'live', now()) RETURNING id AS "id: GenerationId""#,
        watch_model.0,
        quality_model.0
    )
    .fetch_one(&mut *conn)
    .await?;
    sqlx::query!("INSERT INTO active_generation (generation_id) VALUES ($1)", id.0)
        .execute(&mut *conn)
        .await?;
    for model in [watch_model, quality_model] {
        sqlx::query!("INSERT INTO served_models (model_id) VALUES ($1)", model.0).execute(&mut *conn).await?;
    }
    scorings::request_all(conn).await?;
    catalog::open_all(conn).await?;
    Ok(Generation { id, watch_model, quality_model })
}
