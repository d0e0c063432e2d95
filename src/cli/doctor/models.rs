//! The models: their files, and whether they still say what they said.

use std::collections::HashMap;

use sqlx::PgConnection;

use super::Finding;
use crate::{
    config::Settings,
    domain::Task,
    score::{Catalogue, Model, Runtime},
    store::{
        generations,
        models::{self, Identity},
    },
};

/// The models that a database says are served.
#[derive(Debug, Default)]
pub(super) struct Serving(Vec<(Identity, HashMap<String, f64>)>);

impl Serving {
    /// Those of the active generation, each with its recorded golden answers.
    pub(super) async fn of(conn: &mut PgConnection) -> sqlx::Result<Self> {
        let Some(active) = generations::active(conn).await? else { return Ok(Self::default()) };
        let mut serving = Vec::new();
        for id in [active.watch_model, active.quality_model] {
            let identity = models::identity(conn, id).await?;
            serving.push((identity, models::recorded_checks(conn, id).await?));
        }
        Ok(Self(serving))
    }
}

/// Loads each model that is or would be served, which compares its checksum and its golden answer.
pub(super) async fn findings(settings: &Settings, serving: Serving) -> Vec<Finding> {
    let catalogue = match Catalogue::read(&settings.models) {
        Ok(catalogue) => catalogue,
        Err(error) => return vec![Finding::error("models", error)],
    };
    // Without the library there is nothing to ask; its own finding says so.
    let Ok(runtime) = Runtime::load(&settings.libraries()) else {
        return vec![Finding::warning("models", "not tried, since ONNX Runtime cannot be used")];
    };
    let mut findings: Vec<Finding> = catalogue
        .refused()
        .iter()
        .map(|refused| Finding::warning("manifests", refused.to_string()))
        .collect();
    for (index, task) in [Task::Watch, Task::Quality].into_iter().enumerate() {
        let check = match task {
            Task::Watch => "watch model",
            Task::Quality => "quality model",
        };
        let recorded = serving.0.get(index);
        let name = match (recorded, catalogue.default_for(task)) {
            (Some((identity, _)), _) => identity.name.clone(),
            (None, Ok(manifest)) => manifest.name.clone(),
            (None, Err(error)) => {
                findings.push(Finding::error(check, error));
                continue;
            }
        };
        findings.push(match Model::load(&catalogue, &name, runtime, settings.engine()).await {
            Ok(model) => of_model(check, &model, recorded),
            Err(error) => Finding::error(check, error),
        });
    }
    findings
}

fn of_model(
    check: &'static str,
    model: &Model,
    recorded: Option<&(Identity, HashMap<String, f64>)>,
) -> Finding {
    let name = &model.manifest().name;
    let Some((identity, golden)) = recorded else {
        return Finding::ok(
            check,
            format!("{name}: checksum and golden picture are right; no catalog was scored by it yet"),
        );
    };
    if identity.fingerprint != model.fingerprint().to_string() {
        let text =
            format!("{name} is not the one that scored this catalog: put the former file and manifest back");
        return Finding::problem(check, text);
    }
    match golden.get(&model.golden().image).map(|golden| model.check_recorded(*golden)) {
        Some(Err(error)) => Finding::error(check, error),
        _ => Finding::ok(check, format!("{name}: checksum, golden picture and fingerprint are right")),
    }
}
