//! Models as the database knows them: one row per manifest and fingerprint.

use std::collections::HashMap;

use serde_json::{Value, json};
use sqlx::PgConnection;

use crate::{
    domain::{ContentHash, ModelId, Task, Threshold},
    score::GoldenCheck,
};

/// What is recorded of a model when it is first served.
#[derive(Clone, Debug)]
pub struct NewModel {
    /// The manifest's name.
    pub name: String,
    /// What it answers.
    pub task: Task,
    /// Hash of everything that decides its numbers.
    pub fingerprint: ContentHash,
    /// The preprocessing code's own version.
    pub preprocessing: u32,
    /// Its manifest's tables.
    pub manifest: Value,
    /// Version and build of the ONNX Runtime that it is computed with.
    pub onnxruntime: String,
    /// SHA-256 of the file.
    pub sha256: Option<ContentHash>,
    /// What pages call it.
    pub title: String,
    /// What a watch model was asked.
    pub question: Option<String>,
    /// Labels of the classes that count as a watch, in the manifest's order.
    pub positives: Vec<String>,
    /// The cut-off that the manifest brings.
    pub default_threshold: Option<Threshold>,
    /// What that cut-off was measured on.
    pub threshold_measured_on: Option<String>,
    /// Number of values in the features output.
    pub features_dimension: Option<usize>,
}

/// Records a model, or finds the row that it has already, of its latest version.
///
/// # Errors
/// When the database refuses.
pub async fn register(conn: &mut PgConnection, model: &NewModel) -> sqlx::Result<ModelId> {
    let kind = if model.sha256.is_some() { "onnx" } else { "ensemble" };
    sqlx::query_scalar!(
        r#"INSERT INTO models (name, task, kind, fingerprint, preprocessing, manifest, sha256, title, question,
                               positives, default_threshold, threshold_measured_on, embedding_dim, onnxruntime_version, version)
           SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, coalesce(max(version), 1)
           FROM models WHERE name = $1 AND fingerprint = $4
           ON CONFLICT (name, fingerprint, version) DO UPDATE
           SET title = CASE models.version WHEN 1 THEN excluded.title ELSE models.title END
           RETURNING id AS "id: ModelId""#,
        model.name,
        model.task.as_str(),
        kind,
        model.fingerprint.to_string(),
        i32::try_from(model.preprocessing).unwrap_or(i32::MAX),
        model.manifest,
        model.sha256.as_ref().map(|hash| hash.as_bytes().as_slice()),
        model.title,
        model.question,
        &model.positives,
        model.default_threshold.map(Threshold::get),
        model.threshold_measured_on,
        model.features_dimension.and_then(|values| i32::try_from(values).ok()),
        model.onnxruntime,
    )
    .fetch_one(conn)
    .await
}

/// Records which models an ensemble averages, with their weights, and the labels of its positive classes.
///
/// # Errors
/// When the database refuses.
pub async fn set_members(
    conn: &mut PgConnection,
    ensemble: ModelId,
    members: &[(ModelId, f64)],
    positives: &[String],
) -> sqlx::Result<()> {
    let (ids, weights): (Vec<i64>, Vec<f64>) =
        members.iter().map(|(member, weight)| (member.0, *weight)).unzip();
    sqlx::query!(
        "WITH former AS (DELETE FROM model_members WHERE ensemble = $1 AND member <> ALL ($2)),
              labels AS (UPDATE models SET positives = $4 WHERE id = $1 AND positives IS DISTINCT FROM $4)
         INSERT INTO model_members (ensemble, member, weight)
         SELECT $1, member, weight FROM unnest($2::bigint[], $3::float8[]) AS given (member, weight)
         ON CONFLICT (ensemble, member) DO UPDATE SET weight = excluded.weight",
        ensemble.0,
        &ids,
        &weights,
        positives
    )
    .execute(conn)
    .await
    .map(drop)
}

/// A model's identity: what must agree between the database and the manifest on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The row.
    pub id: ModelId,
    /// The manifest's name.
    pub name: String,
    /// Hash of everything that decides its numbers.
    pub fingerprint: String,
}

/// The identity of a recorded model.
///
/// # Errors
/// When there is no such row, or the database refuses.
pub async fn identity(conn: &mut PgConnection, id: ModelId) -> sqlx::Result<Identity> {
    sqlx::query_as!(
        Identity,
        r#"SELECT id AS "id: ModelId", name, fingerprint FROM models WHERE id = $1"#,
        id.0
    )
    .fetch_one(conn)
    .await
}

/// Where a model stands with the catalog.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// The pages show what it says.
    Serves,
    /// It scores every image in the background.
    Scoring,
    /// The same, but held.
    Held,
    /// It served before, and is kept up.
    KeptUp,
}

impl Standing {
    /// In words.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Serves => "serves",
            Self::Scoring => "scoring",
            Self::Held => "held",
            Self::KeptUp => "kept up",
        }
    }
}

/// Where the models that are kept up stand, by name; the best of several pairs or versions.
///
/// # Errors
/// When the database refuses.
pub async fn standings(conn: &mut PgConnection) -> sqlx::Result<Vec<(String, Standing)>> {
    let rows = sqlx::query!(
        r#"SELECT m.name, bool_or(a.generation_id IS NOT NULL) AS "serves!",
                  bool_or(g.state = 'filling' AND g.paused_at IS NULL) AS "scores!", bool_or(g.paused_at IS NOT NULL) AS "held!"
           FROM models m JOIN generations g ON m.id IN (g.watch_model, g.quality_model) AND g.state <> 'retired'
           LEFT JOIN active_generation a ON a.generation_id = g.id
           GROUP BY m.name ORDER BY m.name"#
    );
    let rows = rows.fetch_all(conn).await?.into_iter().map(|row| {
        let standing = match (row.serves, row.scores, row.held) {
            (true, ..) => Standing::Serves,
            (_, true, _) => Standing::Scoring,
            (.., true) => Standing::Held,
            _ => Standing::KeptUp,
        };
        (row.name, standing)
    });
    Ok(rows.collect())
}

/// What the model said about each golden picture that it ever had, when its numbers were recorded.
///
/// # Errors
/// When the database refuses.
pub async fn recorded_checks(conn: &mut PgConnection, id: ModelId) -> sqlx::Result<HashMap<String, f64>> {
    let rows = sqlx::query!(
        r#"SELECT image, expected::double precision AS "expected!" FROM model_checks WHERE model_id = $1"#,
        id.0
    );
    Ok(rows.fetch_all(conn).await?.into_iter().map(|row| (row.image, row.expected)).collect())
}

/// The latest version of a model that says the same about its golden picture; none if all said something else, or were not asked.
///
/// # Errors
/// When the database refuses.
pub async fn version_that_says(
    conn: &mut PgConnection,
    id: ModelId,
    check: &GoldenCheck,
) -> sqlx::Result<Option<ModelId>> {
    sqlx::query_scalar!(
        r#"SELECT o.id AS "id: ModelId" FROM models m
           JOIN models o ON o.name = m.name AND o.fingerprint = m.fingerprint
           JOIN model_checks k ON k.model_id = o.id AND k.image = $2
           WHERE m.id = $1 AND abs(k.expected::double precision - $3) <= $4
           ORDER BY o.version DESC LIMIT 1"#,
        id.0,
        check.image,
        check.observed,
        check.tolerance
    )
    .fetch_optional(conn)
    .await
}

/// What the model said about this golden picture when it was first asked; records this answer if it is the first.
///
/// # Errors
/// When the database refuses.
pub async fn record_check(conn: &mut PgConnection, id: ModelId, check: &GoldenCheck) -> sqlx::Result<f64> {
    sqlx::query!(
        "INSERT INTO model_checks (model_id, image, expected, tolerance) VALUES ($1, $2, $3, $4)
         ON CONFLICT (model_id, image) DO NOTHING",
        id.0,
        check.image,
        json!(check.expected.unwrap_or(check.observed)),
        check.tolerance
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query_scalar!(
        r#"SELECT expected::double precision AS "expected!" FROM model_checks WHERE model_id = $1 AND image = $2"#,
        id.0,
        check.image
    )
    .fetch_one(conn)
    .await
}
