use std::{fs, path::Path};

use super::*;
use crate::{
    score::tests::models as folder,
    score::{EngineSettings, Libraries},
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
    let begun = begin(&pool, &Loader::new(&theirs).unwrap()).await.unwrap().unwrap();
    assert!(begin(&pool, &Loader::new(&ours).unwrap()).await.unwrap().is_none());
    let again = begin(&pool, &Loader::new(&theirs).unwrap()).await.unwrap().unwrap();
    let ids = |loaded: &Loaded| loaded.models.iter().map(|served| served.id).collect::<Vec<_>>();
    assert_eq!(ids(&again), ids(&begun));

    // Asked for their watch model, which this process has not, it runs the other one.
    let loaded = load(&pool, &ours).await.unwrap();
    assert_eq!(ids(&loaded), ids(&begun)[1..]);
    assert!(loaded.urgent[0].to_string().contains("tiny-watch-bgr"), "{:?}", loaded.urgent);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_database_that_fails_makes_no_model_a_missing_one(pool: PgPool) {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path(), "tiny-watch");
    assert_eq!(load(&pool, &settings).await.unwrap().models.len(), 2);
    sqlx::raw_sql(
        "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the disk is full'; END $$;
         CREATE TRIGGER fail BEFORE INSERT ON model_checks FOR EACH ROW
         WHEN (NEW.tolerance > 0.007) EXECUTE FUNCTION fail()",
    )
    .execute(&pool)
    .await
    .unwrap();
    // Only the quality model's tolerance is that large.
    let refusal = load(&pool, &settings).await.unwrap_err();
    assert!(matches!(refusal, ServingError::Database(_)), "{refusal}");
}
