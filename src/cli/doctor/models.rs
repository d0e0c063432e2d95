//! The models: their files, and whether they still say what they said.

use std::collections::HashMap;

use sqlx::PgConnection;

use super::Finding;
use crate::{
    config::{Role, Settings},
    domain::Task,
    score::{Catalogue, LoadError, Model, Runtime},
    store::{
        components, generations,
        models::{self, Identity},
    },
};

/// The models that a database says are served.
#[derive(Debug, Default)]
pub(super) struct Serving {
    models: Vec<(Identity, HashMap<String, f64>)>,
    /// Whether a process that runs on this machine has them all in its memory.
    is_running: bool,
}

impl Serving {
    /// Those of the active generation, each with its recorded golden answers.
    pub(super) async fn of(conn: &mut PgConnection) -> sqlx::Result<Self> {
        let Some(active) = generations::active(conn).await? else { return Ok(Self::default()) };
        let mut served = Vec::new();
        for id in [active.watch_model, active.quality_model] {
            let identity = models::identity(&mut *conn, id).await?;
            served.push((identity, models::recorded_checks(&mut *conn, id).await?));
        }
        Ok(Self { models: served, is_running: components::is_well_here(conn, Role::Score).await? })
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
    let refused = catalogue.refused().iter().map(ToString::to_string);
    let clashes = catalogue.clashes().into_iter().map(|clash| clash.to_string());
    let mut findings: Vec<Finding> =
        refused.chain(clashes).map(|text| Finding::warning("manifests", text)).collect();
    for (index, task) in [Task::Watch, Task::Quality].into_iter().enumerate() {
        let check = match task {
            Task::Watch => "watch model",
            Task::Quality => "quality model",
        };
        let recorded = serving.models.get(index);
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
            Err(error) => of_refused(check, error, recorded.is_some() && serving.is_running),
        });
    }
    findings
}

/// Of one that cannot be loaded a service that runs may have everything in its memory.
fn of_refused(check: &'static str, error: LoadError, is_in_memory: bool) -> Finding {
    match error {
        LoadError::Absent { model, absent, way_out } if is_in_memory => {
            let gone = absent.join(" and ");
            let text = format!(
                "{model} serves from memory, and cannot after the next start: the weights of {gone} are not here any more; {way_out}, or \
                 activate another model (`chronograde models activate NAME`)"
            );
            Finding::problem(check, text)
        }
        error => Finding::error(check, error),
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        score::{
            EngineSettings,
            tests::{models, runtime},
        },
        store::components::Condition,
    };

    #[sqlx::test(migrations = "./migrations")]
    async fn a_model_serves_from_the_memory_of_this_machine_only(pool: sqlx::PgPool) {
        sqlx::raw_sql(
            "INSERT INTO models (name, task, kind, fingerprint, preprocessing, manifest, sha256)
             VALUES ('w', 'watch', 'onnx', repeat('a', 64), 1, '{}', sha256('w')),
                    ('q', 'quality', 'onnx', repeat('b', 64), 1, '{}', sha256('q'));
             INSERT INTO generations (watch_model, quality_model, state)
             SELECT w.id, q.id, 'live' FROM models w, models q WHERE w.task = 'watch' AND q.task = 'quality';
             INSERT INTO active_generation (generation_id) SELECT id FROM generations;
             INSERT INTO components (role, process, seen_at) VALUES ('score', 'elsewhere:1', now())",
        )
        .execute(&pool)
        .await
        .unwrap();
        let is_running = async || Serving::of(&mut pool.acquire().await.unwrap()).await.unwrap().is_running;
        assert!(!is_running().await, "another machine's memory");
        let report = async |problem: Option<&str>| {
            let condition = Condition { problem: problem.map(str::to_owned), ..Condition::default() };
            components::report(&pool, Role::Score, &condition).await.unwrap();
        };
        report(None).await;
        assert!(is_running().await);
        report(Some("no model")).await;
        assert!(!is_running().await);
    }

    #[tokio::test]
    async fn weights_that_are_gone_while_the_model_serves_are_told_of_before_the_next_start() {
        let catalogue = Catalogue::read(&models()).unwrap();
        let refused = async || {
            let name = "mobilenet_v2_imagenet_uint8";
            Model::load(&catalogue, name, runtime(), EngineSettings::default()).await.unwrap_err()
        };
        let Finding { verdict, text, .. } = of_refused("watch model", refused().await, true);
        assert_eq!(verdict, super::super::Verdict::Problem);
        assert!(text.contains("serves from memory, and cannot after the next start"), "{text}");
        let way_out = catalogue.way_to_bring(&["mobilenet_v2_imagenet_uint8".to_owned()]);
        assert!(text.contains(&way_out) && text.contains("models activate"), "{text}");
        let text = of_refused("watch model", refused().await, false).text;
        assert!(text.contains("is not served") && text.contains(&way_out), "{text}");
    }
}
