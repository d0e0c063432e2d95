use std::{fs, path::Path, time::Duration};

use sqlx::{PgConnection, postgres::PgPoolOptions};

use super::*;
use crate::{
    domain::Threshold,
    score::tests::models as folder,
    score::{EngineSettings, Libraries},
    store::{thresholds, viewpoint},
};

async fn tiny(name: &str) -> Model {
    let runtime = Runtime::load(&Libraries::default()).unwrap();
    Model::load(&Catalogue::read(&folder()).unwrap(), name, runtime, EngineSettings::default()).await.unwrap()
}

#[sqlx::test(migrations = "./migrations")]
async fn an_ensemble_is_recorded_with_its_members_and_their_labels(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let id = record(&mut conn, tiny("tiny-ensemble").await).await.unwrap().id;
    let again = record(&mut conn, tiny("tiny-ensemble").await).await.unwrap().id;
    assert_eq!(id, again);
    let labels: Vec<String> = sqlx::query_scalar("SELECT unnest(positives) FROM models WHERE id = $1")
        .bind(id.0)
        .fetch_all(&pool)
        .await
        .unwrap();
    let ensemble = tiny("tiny-ensemble").await;
    let picture = image::RgbImage::new(8, 8);
    let prediction = ensemble.score(ensemble.tensors(&picture)).await.unwrap();
    let crate::score::Answer::Watch(score) = prediction.answer else { panic!("no watch answer") };
    let named: Vec<String> = score.positives.into_iter().map(|(label, _)| label).collect();
    assert!(!labels.is_empty());
    assert_eq!(labels, named, "labels and values are in one order");
    let members: Vec<(String, f64)> = sqlx::query_as(
        "SELECT m.name, weight FROM model_members JOIN models m ON m.id = member WHERE ensemble = $1 ORDER BY weight DESC",
    )
    .bind(id.0)
    .fetch_all(&pool)
    .await
    .unwrap();
    assert_eq!(members, [("tiny-watch".to_owned(), 3.0), ("tiny-watch-bgr".to_owned(), 1.0)]);
    let kinds: Vec<String> =
        sqlx::query_scalar("SELECT kind FROM models ORDER BY name").fetch_all(&pool).await.unwrap();
    assert_eq!(kinds, ["ensemble", "onnx", "onnx"]);
}

#[sqlx::test(migrations = "./migrations")]
async fn an_ensemble_that_was_recorded_without_labels_gets_them(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    record(&mut conn, tiny("tiny-ensemble").await).await.unwrap();
    sqlx::query("UPDATE models SET positives = '{}' WHERE kind = 'ensemble'").execute(&pool).await.unwrap();
    record(&mut conn, tiny("tiny-ensemble").await).await.unwrap();
    let without: i64 = sqlx::query_scalar("SELECT count(*) FROM models WHERE positives = '{}'")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(without, 0);
}

/// Settings whose models folder has the tiny quality model and this watch model, both as defaults.
fn settings(models: &Path, watch: &str) -> Settings {
    for entry in fs::read_dir(folder()).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        if !name.ends_with(".toml") {
            fs::copy(entry.path(), models.join(name)).unwrap();
        }
    }
    for name in [watch, "tiny-quality"].map(|name| format!("{name}.toml")) {
        let text = fs::read_to_string(folder().join(&name)).unwrap().replace("default = true\n", "");
        fs::write(models.join(name), format!("default = true\n{text}")).unwrap();
    }
    Settings { models: models.to_owned(), ..Settings::default() }
}

#[sqlx::test(migrations = "./migrations")]
async fn where_another_process_was_faster_with_other_defaults_its_models_are_run(pool: PgPool) {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let ours = settings(folders[0].path(), "tiny-watch");
    let theirs = settings(folders[1].path(), "tiny-watch-bgr");
    // Opening models takes no connection, and recording them takes one.
    let narrow = PgPoolOptions::new().max_connections(1).acquire_timeout(Duration::from_secs(5));
    let narrow = narrow.connect_with((*pool.connect_options()).clone()).await.unwrap();
    let first = load(&narrow, &theirs, &[]).await.unwrap();
    begin(&pool, &mut Loader::new(&ours, &[]).unwrap()).await.unwrap();
    assert!(first.is_wanted(&pool).await.unwrap());

    // Asked for their watch model, which this process has not, it runs the other one.
    let loaded = load(&pool, &ours, &[]).await.unwrap();
    assert_eq!(ids(&loaded), ids(&first)[1..]);
    let refusals = loaded.refusals(&pool).await.unwrap();
    assert!(refusals.urgent[0].to_string().contains("tiny-watch-bgr"), "{refusals:?}");
}

fn ids(loaded: &Loaded) -> Vec<ModelId> {
    loaded.models.iter().map(|served| served.id).collect()
}

/// The models that are open while these run.
fn open(loaded: &Loaded) -> Vec<Arc<Model>> {
    loaded.models.iter().map(|served| Arc::clone(&served.model)).collect()
}

/// Whether a model that ran, at this place of `before`, is the very one that runs now.
fn goes_on(before: &Loaded, at: usize, now: &Loaded) -> bool {
    now.models.iter().any(|served| Arc::ptr_eq(&served.model, &before.models[at].model))
}

#[sqlx::test(migrations = "./migrations")]
async fn models_that_run_go_on_as_they_are_and_those_that_nothing_asks_for_end(pool: PgPool) {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path(), "tiny-watch");
    let first = load(&pool, &settings, &[]).await.unwrap();
    let bgr = fs::read_to_string(self::folder().join("tiny-watch-bgr.toml")).unwrap();
    fs::write(folder.path().join("tiny-watch-bgr.toml"), bgr).unwrap();
    let mut conn = pool.acquire().await.unwrap();
    let another = record(&mut conn, tiny("tiny-watch-bgr").await).await.unwrap().id;
    let pair = generations::make(&mut conn, another, first.models[1].id).await.unwrap();
    assert!(!first.is_wanted(&pool).await.unwrap());

    let second = load(&pool, &settings, &open(&first)).await.unwrap();
    assert_eq!(second.models.len(), 3);
    assert!(goes_on(&first, 0, &second) && goes_on(&first, 1, &second));
    let third = second.models.iter().find(|served| served.id == another).unwrap();
    let given_up = Arc::downgrade(&third.model);
    assert!(generations::give_up(&mut conn, pair).await.unwrap());
    let last = load(&pool, &settings, &open(&second)).await.unwrap();
    assert!(goes_on(&first, 0, &last) && goes_on(&first, 1, &last));
    drop(second);
    assert!(given_up.upgrade().is_none(), "its engine is gone");
}

#[sqlx::test(migrations = "./migrations")]
async fn a_model_that_runs_is_opened_anew_or_refused_where_folder_or_database_changed(pool: PgPool) {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path(), "tiny-watch");
    let before = load(&pool, &settings, &[]).await.unwrap();
    let again = async || load(&pool, &settings, &open(&before)).await.unwrap();
    let refused = async || again().await.refused.swap_remove(0).error;
    let manifest = folder.path().join("tiny-watch.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, format!("title = \"another title\"\n{text}")).unwrap();
    let now = again().await;
    assert_eq!((now.models.len(), goes_on(&before, 0, &now), goes_on(&before, 1, &now)), (2, false, true));

    fs::write(&manifest, text.replace("filter = \"bilinear\"", "filter = \"nearest\"")).unwrap();
    assert!(matches!(refused().await, ServingError::Changed { .. }));
    fs::write(&manifest, &text).unwrap();
    assert!(goes_on(&before, 0, &again().await));

    let weights = folder.path().join("tiny-means.onnx");
    let bytes = fs::read(&weights).unwrap();
    fs::write(&weights, "none").unwrap();
    assert!(matches!(refused().await, ServingError::Load(_)));
    fs::remove_file(&weights).unwrap();
    assert!(goes_on(&before, 0, &again().await), "it computes with what is in memory");
    let anew = load(&pool, &settings, &[]).await.unwrap();
    assert_eq!(ids(&anew), ids(&before)[1..], "it cannot be opened any more");
    assert!(anew.one_that_is_back(&settings).await.is_none());
    fs::write(&weights, bytes).unwrap();

    sqlx::query("UPDATE model_checks SET expected = to_jsonb(expected::float8 + 0.1) WHERE model_id = $1")
        .bind(before.models[0].id.0)
        .execute(&pool)
        .await
        .unwrap();
    assert!(matches!(refused().await, ServingError::Moved { .. }));
}

#[sqlx::test(migrations = "./migrations")]
async fn a_model_that_is_back_is_opened_once(pool: PgPool) {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path(), "tiny-watch");
    let manifest = folder.path().join("tiny-watch.toml");
    load(&pool, &settings, &[]).await.unwrap();
    let text = fs::read_to_string(&manifest).unwrap();
    fs::remove_file(&manifest).unwrap();
    let without = load(&pool, &settings, &[]).await.unwrap();
    assert!(without.one_that_is_back(&settings).await.is_none());
    fs::write(&manifest, text).unwrap();
    let back = without.one_that_is_back(&settings).await.unwrap();
    let loaded = load(&pool, &settings, &[Arc::clone(&back)]).await.unwrap();
    assert!(loaded.models.iter().any(|served| Arc::ptr_eq(&served.model, &back)));
}

#[sqlx::test(migrations = "./migrations")]
async fn what_the_pages_show_decides_what_is_urgent_and_not_what_is_run(pool: PgPool) {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path(), "tiny-watch");
    let first = load(&pool, &settings, &[]).await.unwrap();
    let mut conn = pool.acquire().await.unwrap();
    let another = record(&mut conn, tiny("tiny-watch-bgr").await).await.unwrap().id;
    let pair = generations::make(&mut conn, another, first.models[1].id).await.unwrap();
    // This process has not got that one.
    let loaded = load(&pool, &settings, &open(&first)).await.unwrap();
    let told = async || {
        let refusals = loaded.refusals(&pool).await.unwrap();
        (refusals.urgent.len(), refusals.lesser.len())
    };
    assert_eq!((loaded.models.len(), told().await), (2, (0, 1)));
    let shown = generations::activate(&mut conn, pair, None).await.unwrap();
    assert_eq!(shown, generations::Activation::Shown);
    assert!(loaded.is_wanted(&pool).await.unwrap(), "the worker goes on");
    assert_eq!(told().await, (1, 0));
}

#[sqlx::test(migrations = "./migrations")]
async fn a_database_that_fails_makes_no_model_a_missing_one(pool: PgPool) {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path(), "tiny-watch");
    assert_eq!(load(&pool, &settings, &[]).await.unwrap().models.len(), 2);
    sqlx::raw_sql(
        "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the disk is full'; END $$;
         CREATE TRIGGER fail BEFORE INSERT ON model_checks FOR EACH ROW
         WHEN (NEW.tolerance > 0.007) EXECUTE FUNCTION fail()",
    )
    .execute(&pool)
    .await
    .unwrap();
    // Only the quality model's tolerance is that large.
    let refusal = load(&pool, &settings, &[]).await.unwrap_err();
    assert!(matches!(refusal, ServingError::Database(_)), "{refusal}");
}

/// How many connections to this database wait for an advisory lock.
async fn waiting(pool: &PgPool) -> i64 {
    sqlx::query_scalar(
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
         AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
    )
    .fetch_one(pool)
    .await
    .unwrap()
}

#[sqlx::test(migrations = "./migrations")]
async fn two_who_accept_moved_numbers_at_the_same_moment_make_one_version(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let former = record(&mut conn, tiny("tiny-watch").await).await.unwrap().id;
    let quality = record(&mut conn, tiny("tiny-quality").await).await.unwrap().id;
    let active = generations::create_active(&mut conn, former, quality).await.unwrap();
    sqlx::query("UPDATE model_checks SET expected = to_jsonb(expected::float8 + 0.1) WHERE model_id = $1")
        .bind(former.0)
        .execute(&pool)
        .await
        .unwrap();
    drop(conn);
    let settings = Settings { models: folder(), ..Settings::default() };
    let mut held = pool.begin().await.unwrap();
    generations::hold(&mut held).await.unwrap();
    let ask = || {
        let (pool, workshop) = (pool.clone(), Workshop::new(&settings));
        tokio::spawn(async move {
            let ask = Ask { name: "tiny-watch", by: None, accepts_moved: true };
            workshop.bring_in(&pool, ask).await.unwrap().generation
        })
    };
    let asked = [ask(), ask()];
    while waiting(&pool).await < 2 {
        tokio::task::yield_now().await;
    }
    held.commit().await.unwrap();
    let [one, other] = asked;
    let (one, other) = (one.await.unwrap(), other.await.unwrap());
    assert!(one == other && one != active.id);
    let versions: i64 =
        sqlx::query_scalar("SELECT max(version)::bigint FROM models").fetch_one(&pool).await.unwrap();
    assert_eq!(versions, 2);
}

/// A folder with the tiny models of both tasks, which a service has by default; `change` makes another text of the watch model's manifest.
fn defaults() -> (tempfile::TempDir, impl Fn(&str, &str)) {
    let here = tempfile::tempdir().unwrap();
    for name in
        ["tiny-watch.toml", "tiny-means.onnx", "tiny-labels.txt", "tiny-quality.toml", "tiny-quality.onnx"]
    {
        std::fs::copy(folder().join(name), here.path().join(name)).unwrap();
    }
    let manifest = here.path().join("tiny-watch.toml");
    let text = std::fs::read_to_string(&manifest).unwrap();
    let threshold = text.find("[threshold]").unwrap();
    let says = move |value: &str, more: &str| {
        let text = format!("{}[threshold]\ndefault = {value}\n{more}\n", &text[..threshold]);
        std::fs::write(&manifest, text).unwrap();
    };
    (here, says)
}

#[sqlx::test(migrations = "./migrations")]
async fn a_threshold_that_the_manifest_brings_later_holds_until_somebody_sets_one(pool: PgPool) {
    let (models, manifest_says) = defaults();
    let settings = Settings { models: models.path().to_owned(), ..Settings::default() };
    let mut conn = pool.acquire().await.unwrap();
    let holds = async |conn: &mut PgConnection| {
        load(&pool, &settings, &[]).await.unwrap();
        let view = viewpoint::active(&mut *conn).await.unwrap().unwrap();
        let history = thresholds::history(&mut *conn, view.watch_model).await.unwrap();
        let of = history.iter().map(|setting| (setting.objective.clone(), setting.note.clone().unwrap()));
        let in_use = thresholds::in_use(conn).await.unwrap().into_values().next().unwrap();
        assert_eq!(
            (Some(in_use.value), in_use.is_measured()),
            (view.threshold.map(f64::from), view.threshold_is_measured)
        );
        (in_use.value, in_use.is_measured(), of.collect::<Vec<_>>())
    };
    manifest_says("0.5", "");
    assert_eq!(holds(&mut conn).await, (0.5, false, vec![]));
    let mut history = vec![
        ("manifest".to_owned(), "measured on 400 labelled pictures".to_owned()),
        ("manifest".to_owned(), "not measured".to_owned()),
    ];
    manifest_says("0.25", "measured_on = \"400 labelled pictures\"");
    assert_eq!(holds(&mut conn).await, (0.25, true, history.clone()));
    assert_eq!(holds(&mut conn).await, (0.25, true, history.clone()), "once");
    manifest_says("0.375", "");
    history.insert(0, ("manifest".to_owned(), "not measured".to_owned()));
    assert_eq!(holds(&mut conn).await, (0.375, false, history.clone()));

    let view = viewpoint::active(&mut conn).await.unwrap().unwrap();
    let seen = thresholds::history(&mut conn, view.watch_model).await.unwrap()[0].id;
    let value = Threshold::new(0.125).unwrap();
    let change = thresholds::Change {
        model: view.watch_model,
        value,
        objective: "manual",
        evidence: &serde_json::json!({}),
        note: "as agreed",
        author: None,
    };
    assert!(thresholds::apply(&mut conn, Some(seen), &change).await.unwrap());
    history.insert(0, ("manual".to_owned(), "as agreed".to_owned()));
    manifest_says("0.75", "measured_on = \"other pictures\"");
    assert_eq!(holds(&mut conn).await, (0.125, true, history));
}

#[sqlx::test(migrations = "./migrations")]
async fn a_model_is_recorded_with_its_manifest_and_the_library_that_computed_it(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let model = tiny("tiny-ensemble").await;
    let library = model.runtime().version();
    record(&mut conn, model).await.unwrap();
    let rows: Vec<(serde_json::Value, String)> =
        sqlx::query_as("SELECT manifest, onnxruntime_version FROM models ORDER BY name")
            .fetch_all(&pool)
            .await
            .unwrap();
    assert!(!library.is_empty() && rows.iter().all(|(_, recorded)| recorded == library), "{rows:?}");
    let (ensemble, member) = (&rows[0].0, &rows[1].0);
    assert_eq!(ensemble["members"][0], serde_json::json!({ "name": "tiny-watch", "weight": 3.0 }));
    assert_eq!((member["name"].as_str(), member["input"]["width"].as_i64()), (Some("tiny-watch"), Some(4)));
    assert_eq!(member["output"]["activation"], "softmax");
    let manifest = Catalogue::read(&folder()).unwrap().get("tiny-watch").unwrap().clone();
    assert_eq!(member["sha256"], serde_json::json!(manifest.network().unwrap().sha256));
    assert_eq!(member["threshold"]["default"], 0.5);
    assert!(!rows[1].0.to_string().contains(folder().to_str().unwrap()), "no path of this machine: {member}");
}
