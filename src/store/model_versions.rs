//! Models whose numbers moved though manifest and file stayed: what their golden picture gets now, and the versions that accept it.

use sqlx::PgConnection;

use super::{events, generations};
use crate::domain::{AnnotatorId, GenerationId, ModelId, Task};

/// A model that serves or is being brought in, whose answer for the golden picture moved, and about which somebody has to decide.
#[derive(Clone, Debug, PartialEq)]
pub struct Moved {
    /// The model.
    pub model: ModelId,
    /// The manifest's name.
    pub name: String,
    /// What pages call it.
    pub title: String,
    /// What it answers.
    pub task: Task,
    /// The golden picture's name.
    pub image: String,
    /// What it said when its numbers were recorded: a confidence, or a quality mean.
    pub expected: f64,
    /// What it said at the last start.
    pub observed: f64,
    /// How far the two may lie apart.
    pub tolerance: f64,
    /// Another version that says so already: the one before, where the former library was put back.
    pub version: Option<ModelId>,
    /// Its number.
    pub number: Option<i32>,
}

/// Numbers that were accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The pair that has the version that says them.
    pub generation: GenerationId,
    /// Another pair, which was being filled, and was given up for it.
    pub given_up: Option<GenerationId>,
}

/// Records what a model says about its golden picture at this start where that is beyond the tolerance, and the ONNX Runtime (version
/// and build) that says so. What it said about a picture that its manifest had before no longer matters.
///
/// # Errors
/// When the database refuses.
pub async fn observe(
    conn: &mut PgConnection,
    model: ModelId,
    image: &str,
    moved_to: Option<(f64, &str)>,
) -> sqlx::Result<()> {
    let (value, with) = moved_to.unzip();
    sqlx::query!(
        "UPDATE model_checks SET moved_to = now.moved_to, moved_with = now.moved_with
         FROM (SELECT image, CASE WHEN image = $2 THEN $3::float8 END AS moved_to, CASE WHEN image = $2 THEN $4::text END AS moved_with
               FROM model_checks WHERE model_id = $1) now
         WHERE model_checks.model_id = $1 AND model_checks.image = now.image
           AND (model_checks.moved_to, model_checks.moved_with) IS DISTINCT FROM (now.moved_to, now.moved_with)",
        model.0,
        image,
        value,
        with
    )
    .execute(conn)
    .await
    .map(drop)
}

/// The models of the active pair and of the one that is being filled that cannot be run, for their numbers moved; not those that
/// another version is being brought in for.
///
/// # Errors
/// When the database refuses.
pub async fn moved(conn: &mut PgConnection) -> sqlx::Result<Vec<Moved>> {
    sqlx::query_as!(
        Moved,
        r#"WITH wanted AS (
               SELECT served.model, g.state = 'filling' AND g.paused_at IS NULL AS comes_in
               FROM generations g CROSS JOIN LATERAL (VALUES (g.watch_model), (g.quality_model)) AS served (model)
               WHERE g.state = 'filling' OR g.id IN (SELECT generation_id FROM active_generation))
           SELECT m.id AS "model!: ModelId", m.name, coalesce(m.title, m.name) AS "title!", m.task AS "task: Task", c.image,
                  c.expected::double precision AS "expected!", c.moved_to AS "observed!", c.tolerance,
                  said.id AS "version?: ModelId", said.version AS "number?"
           FROM models m
           JOIN model_checks c ON c.model_id = m.id AND c.moved_to IS NOT NULL
           LEFT JOIN LATERAL (
               SELECT o.id, o.version FROM models o JOIN model_checks k ON k.model_id = o.id AND k.image = c.image
               WHERE o.name = m.name AND o.fingerprint = m.fingerprint AND o.id <> m.id
                 AND abs(k.expected::double precision - c.moved_to) <= c.tolerance
               ORDER BY o.version DESC LIMIT 1) said ON TRUE
           WHERE m.id IN (SELECT model FROM wanted) AND NOT EXISTS (
               SELECT FROM wanted w JOIN models o ON o.id = w.model
               WHERE w.comes_in AND o.id <> m.id AND o.name = m.name AND o.fingerprint = m.fingerprint)
           ORDER BY m.task DESC, m.id"#
    )
    .fetch_all(conn)
    .await
}

/// What those models of a generation are called whose numbers moved, and that the pages do not show anyway: why one cannot go to it.
///
/// # Errors
/// When the database refuses.
pub async fn moved_in(conn: &mut PgConnection, generation: GenerationId) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        r#"SELECT coalesce(m.title, m.name) AS "title!" FROM generations g
           JOIN models m ON m.id IN (g.watch_model, g.quality_model)
           WHERE g.id = $1 AND EXISTS (SELECT FROM model_checks c WHERE c.model_id = m.id AND c.moved_to IS NOT NULL)
             AND NOT EXISTS (SELECT FROM active_generation a JOIN generations now ON now.id = a.generation_id
                             WHERE m.id IN (now.watch_model, now.quality_model))
           ORDER BY m.task DESC"#,
        generation.0
    )
    .fetch_all(conn)
    .await
}

/// Whether the numbers of a model of this name moved, whatever became of it.
///
/// # Errors
/// When the database refuses.
pub async fn has_moved(conn: &mut PgConnection, name: &str) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM models m JOIN model_checks c ON c.model_id = m.id
                          WHERE m.name = $1 AND c.moved_to IS NOT NULL) AS "has!""#,
        name
    )
    .fetch_one(conn)
    .await
}

/// Accepts what a model says now: by the version that says so already, else by another one, with the former one's threshold. It takes
/// the model's place in the pair that is being filled if that has a version of the model, else in the active one, and every image that
/// it lacks is scored by it. Another pair that is being filled is given up, as by [`generations::give_up`], which is recorded.
/// None if the model's numbers have not moved, were accepted already, or are not asked for.
///
/// # Errors
/// When the database refuses.
pub async fn accept(
    conn: &mut PgConnection,
    model: ModelId,
    author: Option<AnnotatorId>,
) -> sqlx::Result<Option<Accepted>> {
    // Of two that accept at the same moment one comes second, and finds it done. Before any row is locked, since who holds
    // generations waits for rows.
    generations::keep_out(&mut *conn).await?;
    let moved = moved(&mut *conn).await?.into_iter().find(|moved| moved.model == model);
    let pair = generations::of_version(&mut *conn, model).await?;
    let (Some(moved), Some(pair)) = (moved, pair) else { return Ok(None) };
    // The active pair itself, unless another one is being filled.
    let latest = generations::latest(&mut *conn).await?.filter(|latest| latest.id != pair.id);
    let version = match moved.version {
        Some(version) => {
            observe(&mut *conn, version, &moved.image, None).await?;
            version
        }
        None => next_version(&mut *conn, model, author).await?,
    };
    let (watch, quality) = match moved.task {
        Task::Watch => (version, pair.quality_model),
        Task::Quality => (pair.watch_model, version),
    };
    let generation = generations::make(&mut *conn, watch, quality).await?;
    let given_up = latest.map(|latest| latest.id).filter(|latest| *latest != generation);
    if let Some(given_up) = given_up {
        events::record(&mut *conn, author, "models.give_up", Some(&given_up.to_string())).await?;
    }
    if moved.version.is_some() {
        // Its pair may be kept up, or shown, and need no filling; else it is shown when it is filled.
        let _ = generations::activate(conn, generation, author).await?;
    }
    Ok(Some(Accepted { generation, given_up }))
}

/// Another row of the same manifest and file, which expects what the model says now, and has its threshold: the manifest's with the row,
/// else the one that somebody set.
///
/// # Errors
/// When the database refuses.
pub async fn next_version(
    conn: &mut PgConnection,
    model: ModelId,
    author: Option<AnnotatorId>,
) -> sqlx::Result<ModelId> {
    let version = sqlx::query_scalar!(
        r#"INSERT INTO models (name, task, kind, fingerprint, preprocessing, manifest, sha256, title, question, positives,
                               default_threshold, threshold_measured_on, embedding_dim, onnxruntime_version, version)
           SELECT m.name, m.task, m.kind, m.fingerprint, m.preprocessing, m.manifest, m.sha256,
                  format('%s, version %s', coalesce(first.title, m.name), last.version + 1), m.question, m.positives,
                  m.default_threshold, m.threshold_measured_on, m.embedding_dim,
                  (SELECT moved_with FROM model_checks WHERE model_id = m.id AND moved_to IS NOT NULL LIMIT 1), last.version + 1
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
         FROM threshold_settings WHERE model_id = $1 AND objective <> 'manifest' ORDER BY id DESC LIMIT 1",
        model.0,
        version.0,
        author.map(|author| author.0)
    )
    .execute(conn)
    .await?;
    Ok(version)
}
