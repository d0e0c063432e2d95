//! The cut-offs of the watch models: a model's latest row holds, and a roll-back is a new row.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::{Connection, PgConnection};

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
    /// What it was chosen for, or manual, rollback, or manifest.
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
    lock(&mut *conn, change.model).await?;
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

/// Of two who set a model's cut-off one comes second.
async fn lock(conn: &mut PgConnection, model: ModelId) -> sqlx::Result<()> {
    sqlx::query!("SELECT pg_advisory_xact_lock(hashtextextended('threshold', $1))", model.0)
        .execute(conn)
        .await
        .map(drop)
}

/// Takes over the cut-off that a model's manifest brings by now, and what it was measured on. If that is news it stands in the
/// history and holds, unless somebody has set a cut-off for this model: then theirs does.
///
/// # Errors
/// When the database refuses.
pub async fn follow_manifest(
    conn: &mut PgConnection,
    model: ModelId,
    (value, measured_on): (Threshold, Option<&str>),
) -> sqlx::Result<()> {
    let mut tx = conn.begin().await?;
    lock(&mut tx, model).await?;
    let before = sqlx::query!(
        r#"SELECT name, default_threshold AS value, threshold_measured_on AS measured_on,
                  EXISTS (SELECT FROM threshold_settings WHERE model_id = $1) AS "has_history!"
           FROM models WHERE id = $1 AND (default_threshold, threshold_measured_on) IS DISTINCT FROM ($2::float8, $3::text)"#,
        model.0,
        value.get(),
        measured_on
    );
    let Some(before) = before.fetch_optional(&mut *tx).await? else { return tx.commit().await };
    if let Some(value) = before.value.filter(|_| !before.has_history) {
        // The history begins with what held so far: one can go back to it.
        bring(&mut tx, model, (value, before.measured_on.as_deref())).await?;
    }
    bring(&mut tx, model, (value.get(), measured_on)).await?;
    sqlx::query!(
        "UPDATE models SET default_threshold = $2, threshold_measured_on = $3 WHERE id = $1",
        model.0,
        value.get(),
        measured_on
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    tracing::info!(
        model = before.name,
        before = before.value,
        now = value.get(),
        "the manifest brings another threshold"
    );
    Ok(())
}

/// Writes what a manifest brings into the history, unless somebody has set a cut-off for this model.
async fn bring(
    conn: &mut PgConnection,
    model: ModelId,
    (value, measured_on): (f64, Option<&str>),
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO threshold_settings (model_id, value, objective, note)
         SELECT $1, $2, 'manifest', coalesce('measured on ' || $3::text, 'not measured')
         WHERE NOT EXISTS (SELECT FROM threshold_settings WHERE model_id = $1 AND objective <> 'manifest')",
        model.0,
        value,
        measured_on
    )
    .execute(conn)
    .await
    .map(drop)
}

/// The cut-off that holds for a watch model.
#[derive(Clone, Debug, PartialEq)]
pub struct InUse {
    /// The manifest's name.
    pub name: String,
    /// The cut-off.
    pub value: f64,
    /// Whether somebody set it; else the manifest brings it.
    pub is_set: bool,
    /// What the manifest's was measured on.
    pub measured_on: Option<String>,
}

impl InUse {
    /// Whether it was measured for this model on labelled pictures, or set by people.
    pub const fn is_measured(&self) -> bool {
        self.is_set || self.measured_on.is_some()
    }
}

/// The cut-offs that hold, by the manifest's name: of models that are kept up, and of others for which somebody set one. Of several versions of a model the
/// one that serves counts, else one that is kept up, else the one whose was set last.
///
/// # Errors
/// When the database refuses.
pub async fn in_use(conn: &mut PgConnection) -> sqlx::Result<HashMap<String, InUse>> {
    let rows = sqlx::query_as!(
        InUse,
        r#"SELECT DISTINCT ON (m.name) m.name, coalesce(set.value, m.default_threshold) AS "value!",
                  coalesce(set.objective <> 'manifest', FALSE) AS "is_set!", m.threshold_measured_on AS measured_on
           FROM models m
           LEFT JOIN LATERAL (SELECT id, value, objective FROM threshold_settings
                              WHERE model_id = m.id ORDER BY id DESC LIMIT 1) set ON TRUE
           LEFT JOIN LATERAL (SELECT bool_or(a.generation_id IS NOT NULL) AS serves FROM generations g
                              LEFT JOIN active_generation a ON a.generation_id = g.id
                              WHERE g.watch_model = m.id AND g.state <> 'retired') kept ON TRUE
           WHERE m.task = 'watch' AND coalesce(set.value, m.default_threshold) IS NOT NULL
             AND (kept.serves IS NOT NULL OR set.objective <> 'manifest')
           ORDER BY m.name, kept.serves DESC NULLS LAST, set.id DESC NULLS LAST"#
    );
    let in_use = rows.fetch_all(conn).await?;
    Ok(in_use.into_iter().map(|in_use| (in_use.name.clone(), in_use)).collect())
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
