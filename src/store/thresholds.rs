//! The cut-offs of the watch models: a model's latest row holds, and a roll-back is a new row.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;

use crate::{
    calibration::Objective,
    domain::{AnnotatorId, ModelId, Threshold},
};

/// A cut-off that was set.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// Orders the history.
    pub id: i64,
    /// The cut-off.
    pub value: f64,
    /// What it was chosen for, or manual, or rollback.
    pub objective: String,
    /// Why, by its author.
    pub note: Option<String>,
    /// Who set it.
    pub author: Option<String>,
    /// When.
    pub at: DateTime<Utc>,
}

/// A cut-off to be set.
#[derive(Clone, Debug)]
pub struct Change<'a> {
    /// Whose.
    pub model: ModelId,
    /// The cut-off.
    pub value: Threshold,
    /// What it was chosen for, or manual, or rollback.
    pub objective: &'a str,
    /// Labels, metrics and intervals that it rests on.
    pub evidence: &'a Value,
    /// Why.
    pub note: &'a str,
    /// Who sets it.
    pub author: Option<AnnotatorId>,
}

/// What was ever set for a model, the latest first, at most 100; the first holds.
///
/// # Errors
/// When the database refuses.
pub async fn history(conn: &mut PgConnection, model: ModelId) -> sqlx::Result<Vec<Setting>> {
    sqlx::query_as!(
        Setting,
        r#"SELECT t.id, t.value, t.objective, t.note, a.name AS "author?", t.at
           FROM threshold_settings t LEFT JOIN annotators a ON a.id = t.author
           WHERE t.model_id = $1 ORDER BY t.id DESC LIMIT 100"#,
        model.0
    )
    .fetch_all(conn)
    .await
}

/// Sets a cut-off, unless somebody else did since `seen` (the latest setting that the author saw) was the latest: of two
/// that decide at the same moment one hears that the other was first. Answers whether it was set.
///
/// # Errors
/// When the database refuses.
pub async fn apply(conn: &mut PgConnection, seen: Option<i64>, change: &Change<'_>) -> sqlx::Result<bool> {
    sqlx::query!("SELECT pg_advisory_xact_lock(hashtextextended('threshold', $1))", change.model.0)
        .execute(&mut *conn)
        .await?;
    let applied = sqlx::query!(
        "INSERT INTO threshold_settings (model_id, value, objective, evidence, note, author)
         SELECT $1, $2, $3, $4, $5, $6
         WHERE (SELECT max(id) FROM threshold_settings WHERE model_id = $1) IS NOT DISTINCT FROM $7",
        change.model.0,
        change.value.get(),
        change.objective,
        change.evidence,
        change.note,
        change.author.map(|author| author.0),
        seen
    )
    .execute(conn)
    .await?;
    Ok(applied.rows_affected() == 1)
}

/// The cut-off of a former setting of this model.
///
/// # Errors
/// When the database refuses.
pub async fn of(conn: &mut PgConnection, model: ModelId, id: i64) -> sqlx::Result<Option<f64>> {
    sqlx::query_scalar!("SELECT value FROM threshold_settings WHERE model_id = $1 AND id = $2", model.0, id)
        .fetch_optional(conn)
        .await
}

/// How often the audit set was looked at before a decision: how many settings rest on a proposal, or passed one over.
///
/// # Errors
/// When the database refuses.
pub async fn looks(conn: &mut PgConnection, model: ModelId) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM threshold_settings
           WHERE model_id = $1 AND (evidence ? 'audit' OR evidence -> 'passed_over' ? 'audit')"#,
        model.0
    )
    .fetch_one(conn)
    .await
}

/// What the latest setting was chosen for; `None` for one that was set by hand, rolled back, or came with the model.
///
/// # Errors
/// When the database refuses.
pub async fn objective(conn: &mut PgConnection, model: ModelId) -> sqlx::Result<Option<Objective>> {
    let objective = sqlx::query_scalar!(
        "SELECT evidence -> 'objective' AS objective FROM threshold_settings WHERE model_id = $1 ORDER BY id DESC LIMIT 1",
        model.0
    )
    .fetch_optional(conn)
    .await?;
    Ok(objective.flatten().and_then(|objective| serde_json::from_value(objective).ok()))
}

/// What tells, cheaply, that labels or settings have changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    correction: Option<i64>,
    import: Option<i64>,
    setting: Option<i64>,
    threshold: Option<i64>,
    excluded: i64,
}

/// The mark of this moment: the latest correction, import and settings, and how many annotators are excluded.
///
/// # Errors
/// When the database refuses.
pub async fn mark(conn: &mut PgConnection, model: ModelId) -> sqlx::Result<Mark> {
    sqlx::query_as!(
        Mark,
        r#"SELECT (SELECT max(id) FROM corrections) AS correction, (SELECT max(id) FROM label_imports) AS import,
                  (SELECT max(id) FROM settings) AS setting,
                  (SELECT max(id) FROM threshold_settings WHERE model_id = $1) AS threshold,
                  (SELECT count(*) FROM annotators WHERE excluded_at IS NOT NULL) AS "excluded!""#,
        model.0
    )
    .fetch_one(conn)
    .await
}
