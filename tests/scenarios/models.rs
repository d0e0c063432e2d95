//! Models whose numbers moved, and models that are away.

use std::{fs, path::Path};

use chronograde::{
    serving,
    store::{MIGRATOR, generations},
};
use sqlx::PgPool;

use super::{app::TestApp, models_with_another, pictures};

/// What a version of `starter-watch` said about its golden picture is recorded as another number: as if ONNX Runtime or the processor
/// were another one now.
async fn moves(app: &TestApp, version: i32, by: f64) {
    let moved = sqlx::query(
        "UPDATE model_checks SET expected = to_jsonb(expected::float8 + $2)
         WHERE model_id = (SELECT id FROM models WHERE name = 'starter-watch' AND version = $1)",
    );
    let moved = moved.bind(version).bind(by).execute(&app.pool).await.unwrap();
    assert_eq!(moved.rows_affected(), 1);
}

/// One image that both models of the pair have scored.
async fn one_image(app: &mut TestApp) {
    app.drop_file("a.png", &pictures::dial(1));
    app.look().await;
    app.score().await;
}

/// What waits is scored, and the pages show the pair that was filled by that.
async fn fill(app: &TestApp) {
    app.score().await;
    assert!(generations::activate_filled(&app.pool).await.unwrap().is_some());
}

/// The folder of models of an app in which `starter-watch-b` serves, and `starter-watch` is kept up.
async fn another_serves(pool: PgPool) -> (TestApp, tempfile::TempDir) {
    let models = models_with_another();
    let mut app = TestApp::with_models(pool, models.path().to_owned()).await;
    one_image(&mut app).await;
    assert_eq!(app.activate("starter-watch-b"), (false, 1));
    fill(&app).await;
    (app, models)
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn with_the_former_library_back_the_version_before_serves_again_and_nothing_is_scored_twice(
    pool: PgPool,
) {
    let mut app = TestApp::new(pool).await;
    one_image(&mut app).await;
    moves(&app, 1, 0.02).await;
    assert!(app.pipeline().await.is_err());
    app.says(&["--json", "models", "accept", "starter-watch"]);
    fill(&app).await;

    moves(&app, 1, -0.02).await;
    moves(&app, 2, 0.02).await;
    let refusal = app.pipeline().await.unwrap_err().to_string();
    assert!(refusal.contains("chronograde models accept starter-watch"), "{refusal}");
    let accepted = app.says(&["--json", "models", "accept", "starter-watch"]);
    assert_eq!(accepted["version"], 1, "it says so already");
    fill(&app).await;
    assert_eq!(
        app.count(
            "served_models s JOIN models m ON m.id = s.model_id WHERE s.until IS NULL AND m.version = 1"
        )
        .await,
        2
    );
    assert_eq!((app.count("watch_predictions").await, app.count("models").await), (2, 3));
    let loaded = app.loaded().await;
    assert_eq!((loaded.models.len(), loaded.problems.len()), (2, 0));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn an_earlier_model_whose_numbers_moved_is_brought_in_as_another_version_if_one_says_so(pool: PgPool) {
    let (app, _models) = another_serves(pool).await;
    moves(&app, 1, 0.02).await;
    let loaded = app.loaded().await;
    assert_eq!((loaded.models.len(), loaded.problems.len()), (2, 0), "nobody has to decide about it");

    let refusal = app.refuses(&["models", "activate", "starter-watch"]);
    assert!(refusal.contains("models activate starter-watch --accept-moved"), "{refusal}");
    let refusal = app.refuses(&["models", "accept", "starter-watch"]);
    assert!(refusal.contains("models activate starter-watch --accept-moved"), "{refusal}");
    assert_eq!(app.count("generations WHERE state = 'filling'").await, 0);
    let line = app.says(&["--json", "models", "activate", "starter-watch", "--accept-moved"]);
    assert_eq!((line["serves"].as_bool(), line["waiting"].as_u64()), (Some(false), Some(1)));
    fill(&app).await;
    assert_eq!(
        app.count(
            "served_models s JOIN models m ON m.id = s.model_id WHERE s.until IS NULL AND m.version = 2"
        )
        .await,
        1
    );
    assert_eq!(app.activate("starter-watch"), (true, 0), "the version that says so now is the one");
    assert_eq!(app.count("events WHERE kind = 'models.bring_in'").await, 2);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_model_that_is_away_is_tried_by_itself_until_it_is_back(pool: PgPool) {
    let (app, models) = another_serves(pool).await;
    let manifest = models.path().join("starter-watch.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    let write = |text: &str| fs::write::<&Path, _>(&manifest, text).unwrap();

    fs::remove_file(&manifest).unwrap();
    let loaded = app.loaded().await;
    assert_eq!((loaded.models.len(), loaded.problems.len(), loaded.missing.len()), (2, 1, 1));
    assert!(!serving::one_is_back(&app.settings, &loaded.missing).await);
    write(&text.replace("filter = \"bilinear\"", "filter = \"nearest\""));
    assert!(!serving::one_is_back(&app.settings, &loaded.missing).await, "it is another one");
    write(&text);
    assert!(serving::one_is_back(&app.settings, &loaded.missing).await);
    assert_eq!(app.loaded().await.models.len(), 3);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_threshold_that_is_written_into_the_manifest_is_listed_and_used_from_the_next_start_on(
    pool: PgPool,
) {
    let models = models_with_another();
    let mut app = TestApp::with_models(pool, models.path().to_owned()).await;
    one_image(&mut app).await;
    let manifest = models.path().join("starter-watch.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    let listed = || {
        let lines = app.lines(&["--json", "models", "list"]);
        let line = lines.into_iter().find(|line| line["name"] == "starter-watch").unwrap();
        (line["threshold"].as_f64().unwrap(), line["threshold_measured_on"].as_str().map(str::to_owned))
    };
    let before = listed();
    let (head, _) = text.split_once("[threshold]").unwrap();
    let (_, golden) = text.split_once("[golden]").unwrap_or((&text, ""));
    let golden = if golden.is_empty() { String::new() } else { format!("[golden]{golden}") };
    let threshold = "[threshold]\ndefault = 0.625\nmeasured_on = \"400 of our own\"\n";
    fs::write(&manifest, format!("{head}{threshold}{golden}")).unwrap();
    assert_eq!(listed(), before, "what is in use");
    app.loaded().await;
    assert_eq!(listed(), (0.625, Some("400 of our own".to_owned())));
}
