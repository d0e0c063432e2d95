//! Models whose numbers moved though manifest and file stayed: what their golden picture gets now, and the versions that accept it.

use sqlx::PgConnection;

use super::{generations, generations::Generation};
use crate::domain::{AnnotatorId, GenerationId, ModelId};

/// A model of a generation that is kept up, whose answer for the golden picture moved.
#[derive(Clone, Debug, PartialEq)]
pub struct Moved {
    /// The model.
    pub model: ModelId,
    /// The manifest's name.
    pub name: String,
    /// What pages call it.
    pub title: String,
    /// What it answers: watch or quality.
    pub task: String,
    /// The golden picture's name.
    pub image: String,
    /// What it said when its numbers were recorded: a confidence, or a quality mean.
    pub expected: f64,
    /// What it said at the last start.
    pub observed: f64,
    /// How far the two may lie apart.
    pub tolerance: f64,
}

/// Records what a model says about its golden picture at this start: `moved_to` where that is beyond the tolerance.
///
/// # Errors
/// When the database refuses.
pub async fn observe(
    conn: &mut PgConnection,
    model: ModelId,
    image: &str,
    moved_to: Option<f64>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE model_checks SET moved_to = $3 WHERE model_id = $1 AND image = $2 AND moved_to IS DISTINCT FROM $3",
        model.0,
        image,
        moved_to
    )
    .execute(conn)
    .await
    .map(drop)
}

/// The models that are to be run and cannot, for their numbers moved; not those of which another version runs.
///
/// # Errors
/// When the database refuses.
pub async fn moved(conn: &mut PgConnection) -> sqlx::Result<Vec<Moved>> {
    sqlx::query_as!(
        Moved,
        r#"WITH kept AS (
               SELECT m.*, EXISTS (SELECT FROM model_checks c WHERE c.model_id = m.id AND c.moved_to IS NOT NULL) AS has_moved
               FROM models m
               WHERE EXISTS (SELECT FROM generations g WHERE g.state <> 'retired' AND m.id IN (g.watch_model, g.quality_model)))
           SELECT m.id AS "model!: ModelId", m.name AS "name!", coalesce(m.title, m.name) AS "title!", m.task AS "task!", c.image,
                  c.expected::double precision AS "expected!", c.moved_to AS "observed!", c.tolerance
           FROM kept m JOIN model_checks c ON c.model_id = m.id AND c.moved_to IS NOT NULL
           WHERE NOT EXISTS (SELECT FROM kept o
                             WHERE o.name = m.name AND o.fingerprint = m.fingerprint AND o.id <> m.id AND NOT o.has_moved)
           ORDER BY m.task DESC, m.id"#
    )
    .fetch_all(conn)
    .await
}

/// Accepts what a model says now as another version of it, with the former one's threshold, and opens a generation in which
/// every image is scored by it; none if the model's numbers have not moved, or were accepted already.
///
/// # Errors
/// When the database refuses.
pub async fn accept(
    conn: &mut PgConnection,
    model: ModelId,
    author: Option<AnnotatorId>,
) -> sqlx::Result<Option<GenerationId>> {
    // Of two that accept at the same moment one comes second, and finds it done.
    sqlx::query!("SELECT id FROM models WHERE id = $1 FOR UPDATE", model.0)
        .fetch_optional(&mut *conn)
        .await?;
    if !moved(&mut *conn).await?.iter().any(|moved| moved.model == model) {
        return Ok(None);
    }
    let Some(pair) = newest_pair_of(&mut *conn, model).await? else { return Ok(None) };
    let version = next_version(&mut *conn, model, author).await?;
    let or_version = |of| if of == model { version } else { of };
    let made = generations::make(conn, or_version(pair.watch_model), or_version(pair.quality_model));
    made.await.map(Some)
}

/// The pair in which a model serves: the active one, else the latest.
async fn newest_pair_of(conn: &mut PgConnection, model: ModelId) -> sqlx::Result<Option<Generation>> {
    sqlx::query_as!(
        Generation,
        r#"SELECT g.id AS "id: GenerationId", g.watch_model AS "watch_model: ModelId",
                  g.quality_model AS "quality_model: ModelId"
           FROM generations g LEFT JOIN active_generation a ON a.generation_id = g.id
           WHERE $1 IN (g.watch_model, g.quality_model) AND g.state <> 'retired'
           ORDER BY a.generation_id IS NULL, g.id DESC LIMIT 1"#,
        model.0
    )
    .fetch_optional(conn)
    .await
}

/// Another row of the same manifest and file, which expects what the model says now, and has its threshold.
async fn next_version(
    conn: &mut PgConnection,
    model: ModelId,
    author: Option<AnnotatorId>,
) -> sqlx::Result<ModelId> {
    let version = sqlx::query_scalar!(
        r#"INSERT INTO models (name, task, kind, fingerprint, preprocessing, manifest, sha256, title, question, positives,
                               default_threshold, threshold_measured_on, embedding_dim, version)
           SELECT m.name, m.task, m.kind, m.fingerprint, m.preprocessing, m.manifest, m.sha256,
                  format('%s, version %s', coalesce(first.title, m.name), last.version + 1), m.question, m.positives,
                  m.default_threshold, m.threshold_measured_on, m.embedding_dim, last.version + 1
           FROM models m
           JOIN models first ON first.name = m.name AND first.fingerprint = m.fingerprint AND first.version = 1
           CROSS JOIN LATERAL (
               SELECT max(version) AS version FROM models WHERE name = m.name AND fingerprint = m.fingerprint) last
           WHERE m.id = $1 RETURNING id AS "id: ModelId""#,
        model.0
    )
    .fetch_one(&mut *conn)
    .await?;
    sqlx::query!(
        "INSERT INTO model_checks (model_id, image, expected, tolerance)
         SELECT $2, image, to_jsonb(moved_to), tolerance FROM model_checks WHERE model_id = $1 AND moved_to IS NOT NULL",
        model.0,
        version.0
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "INSERT INTO threshold_settings (model_id, value, objective, note, author)
         SELECT $2, value, 'manual', 'carried over from the version before, whose numbers moved', $3
         FROM threshold_settings WHERE model_id = $1 ORDER BY id DESC LIMIT 1",
        model.0,
        version.0,
        author.map(|author| author.0)
    )
    .execute(conn)
    .await?;
    Ok(version)
}
