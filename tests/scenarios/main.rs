//! What a user does and what becomes of it, on a real PostgreSQL with real networks.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod app;
mod ingestion;
mod memory;
mod models;
mod pictures;

use std::fs;

use app::{JOBS, TestApp, repository};
use chronograde::{
    jobs,
    pipeline::{MAX_TRIES, Outcome, PipelineError},
    store::{MIGRATOR, generations},
};
use sqlx::PgPool;

#[sqlx::test(migrator = "MIGRATOR")]
async fn dropped_files_are_scored_and_ranked(pool: PgPool) {
    let mut app = TestApp::new(pool).await;
    fs::create_dir(app.upload("2026")).unwrap();
    app.drop_file("poor.png", &pictures::poor_dial(1));
    app.drop_file("2026/sharp.png", &pictures::dial(2));
    app.look().await;
    app.score().await;

    assert_eq!(app.ledger().await, [("imported".to_owned(), 2)].into());
    assert_eq!(app.ranking().await, ["2026/sharp.png", "poor.png"]);
    assert_eq!(app.count("watch_predictions").await, 2);
    assert_eq!(app.count("quality_predictions").await, 2);
    assert_eq!(app.count("embeddings").await, 4);
    assert_eq!(app.count("images WHERE signals IS NOT NULL AND phash IS NOT NULL").await, 2);
    app.assert_queue_is_empty().await;
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn the_same_bytes_under_another_name_are_no_second_image(pool: PgPool) {
    let mut app = TestApp::new(pool).await;
    app.drop_file("a.png", &pictures::dial(1));
    app.look().await;
    app.drop_file("b.png", &pictures::dial(1));
    app.look().await;
    app.score().await;

    assert_eq!(app.ledger().await, [("imported".to_owned(), 1), ("duplicate".to_owned(), 1)].into());
    assert_eq!(app.ranking().await, ["a.png"], "a copy takes no picture from its place");
    app.assert_queue_is_empty().await;

    std::fs::remove_file(app.upload("a.png")).unwrap();
    app.look().await;
    assert_eq!(app.ranking().await, ["b.png"], "a name that is gone is not shown");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_moved_file_stays_the_image_that_it_was_and_is_not_scored_again(pool: PgPool) {
    let mut app = TestApp::new(pool).await;
    app.drop_file("old.png", &pictures::dial(1));
    app.look().await;
    app.score().await;
    let before: Vec<uuid::Uuid> =
        sqlx::query_scalar("SELECT id FROM images").fetch_all(&app.pool).await.unwrap();

    fs::create_dir(app.upload("sold")).unwrap();
    fs::rename(app.upload("old.png"), app.upload("sold/new.png")).unwrap();
    app.look().await;
    app.assert_queue_is_empty_after_scoring().await;

    let after: Vec<uuid::Uuid> =
        sqlx::query_scalar("SELECT id FROM images").fetch_all(&app.pool).await.unwrap();
    assert_eq!(before, after);
    assert_eq!(app.ledger().await, [("imported".to_owned(), 1)].into());
    assert_eq!(app.count("sightings WHERE superseded_at IS NOT NULL AND moved_to IS NOT NULL").await, 1);
    assert_eq!(app.ranking().await, ["sold/new.png"]);
    assert_eq!(app.count("watch_predictions").await, 1);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_truncated_file_ends_as_failed_with_a_reason_and_is_taken_once_it_is_whole(pool: PgPool) {
    let mut app = TestApp::new(pool).await;
    let whole = pictures::dial(1);
    app.drop_file("cut.png", &whole[..whole.len() / 2]);
    app.look().await;
    app.score().await;

    assert_eq!(app.ledger().await, [("failed".to_owned(), 1)].into());
    assert_eq!(app.count("images").await, 0);
    assert_eq!(app.count("sightings WHERE reason LIKE '%truncated%' OR reason LIKE '%cut off%'").await, 1);
    app.assert_queue_is_empty().await;

    app.drop_file("cut.png", &whole);
    app.look().await;
    app.score().await;
    assert_eq!(app.ranking().await, ["cut.png"]);
    app.assert_queue_is_empty().await;
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn with_its_model_missing_an_image_waits_and_loses_no_try(pool: PgPool) {
    let models = tempfile::tempdir().unwrap();
    for name in
        ["starter-watch.toml", "starter-watch-labels.txt", "starter-quality.toml", "starter-quality.onnx"]
    {
        fs::copy(repository().join("models").join(name), models.path().join(name)).unwrap();
    }
    let mut app = TestApp::with_models(pool, models.path().to_owned()).await;
    app.drop_file("a.png", &pictures::dial(1));
    app.look().await;
    let refusal = app.pipeline().await.unwrap_err().to_string();
    assert!(refusal.contains("starter-watch"), "{refusal}");
    assert_eq!(app.ledger().await, [("imported".to_owned(), 1)].into());

    fs::copy(repository().join("models/starter-watch.onnx"), models.path().join("starter-watch.onnx"))
        .unwrap();
    app.score().await;
    assert_eq!(app.ranking().await, ["a.png"]);
    assert_eq!(app.count("scorings WHERE tries > 0").await, 0);

    // The generation is there now, and a model goes missing again.
    fs::remove_file(models.path().join("starter-quality.onnx")).unwrap();
    app.drop_file("b.png", &pictures::dial(2));
    app.look().await;
    let loaded = app.loaded().await;
    assert_eq!((loaded.models.len(), loaded.missing().count()), (1, 1));
    let (urgent, lesser) = app.refusals().await;
    assert!(urgent[0].contains("starter-quality") && lesser.is_empty(), "{urgent:?} {lesser:?}");
    let waiting = app.waiting().await;
    assert_eq!(app.pipeline().await.unwrap().process(waiting[0]).await.unwrap(), Outcome::Scored);
    assert_eq!(app.count("watch_predictions").await, 2, "the other model goes on");
    assert_eq!(app.count("scorings WHERE state = 'pending' AND tries = 0").await, 1);
    fs::copy(repository().join("models/starter-quality.onnx"), models.path().join("starter-quality.onnx"))
        .unwrap();
    app.score().await;
    assert_eq!(app.ranking().await.len(), 2);
    app.assert_queue_is_empty().await;
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn an_image_that_lacks_its_rows_and_its_job_is_found_again(pool: PgPool) {
    let mut app = TestApp::new(pool).await;
    app.pipeline().await.unwrap();
    app.drop_file("a.png", &pictures::dial(1));
    app.look().await;
    assert_eq!(app.count(JOBS).await, 1, "taking a file adds its job");
    for lost in ["scorings", "catalog", "graphile_worker._private_jobs"] {
        sqlx::query(sqlx::AssertSqlSafe(format!("DELETE FROM {lost}"))).execute(&app.pool).await.unwrap();
    }
    let models = app.pipeline().await.unwrap().model_ids();
    assert_eq!(jobs::reconcile(&app.pool, &models).await.unwrap(), 1);
    assert_eq!(jobs::reconcile(&app.pool, &models).await.unwrap(), 0, "one live job is enough");
    app.score().await;
    assert_eq!(app.ranking().await, ["a.png"]);
    app.assert_queue_is_empty().await;
}

/// The project's models, and `starter-watch-b`, which sees the same pictures otherwise.
fn models_with_another() -> tempfile::TempDir {
    let models = tempfile::tempdir().unwrap();
    let entries = fs::read_dir(repository().join("models")).unwrap().map(Result::unwrap);
    for entry in entries.filter(|entry| entry.file_type().unwrap().is_file()) {
        fs::copy(entry.path(), models.path().join(entry.file_name())).unwrap();
    }
    let manifest = fs::read_to_string(models.path().join("starter-watch.toml")).unwrap();
    let other =
        manifest.replace("default = true\n", "").replace("filter = \"bilinear\"", "filter = \"lanczos\"");
    assert!(other.contains("lanczos") && !other.contains("default = true"));
    fs::write(models.path().join("starter-watch-b.toml"), other).unwrap();
    models
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn another_model_serves_once_it_has_scored_every_image_whatever_is_killed_and_one_goes_back_at_once(
    pool: PgPool,
) {
    let models = models_with_another();
    let mut app = TestApp::with_models(pool, models.path().to_owned()).await;
    for number in 0..60 {
        app.drop_file(&format!("{number}.png"), &pictures::dial(number));
    }
    app.look().await;
    app.score().await;
    let (before, confidences) = (app.ranking().await, app.confidences().await);
    assert_eq!(app.activate("starter-watch-b"), (false, 60));
    assert_eq!(app.ranking().await, before, "the pages go on with the model that they had");

    let scorer = app.start_scorer();
    app.wait_for("watch_predictions", 61).await;
    scorer.kill();
    let done = app.count("watch_predictions").await;
    assert!((61..120).contains(&done), "killed too late to prove anything: {done} of 120 were made");
    let activated = generations::activate_filled(&app.pool).await.unwrap();
    assert_eq!(
        (activated, app.confidences().await == confidences),
        (None, true),
        "not before all are scored"
    );
    // What comes in meanwhile is scored by both.
    app.drop_file("late.png", &pictures::dial(77));
    app.look().await;
    let _scorer = app.start_scorer();
    app.wait_for("watch_predictions", 122).await;
    app.wait_until_empty(JOBS).await;
    assert_eq!(app.count("quality_predictions").await, 61, "the other model is not asked again");

    let activated = generations::activate_filled(&app.pool).await.unwrap();
    assert!(activated.is_some());
    assert_eq!(app.ranking().await.len(), 61);
    let after = app.confidences().await;
    assert!(confidences.iter().any(|(name, confidence)| (after[name] - confidence).abs() > 1e-6));
    assert_eq!(app.count("served_models WHERE until IS NULL").await, 2);

    assert_eq!(app.activate("starter-watch"), (true, 0), "the former one was kept up");
    let back = app.confidences().await;
    assert!(back.len() == 61 && confidences.iter().all(|(name, confidence)| back[name] == *confidence));
    assert_eq!(app.activate("starter-watch-b"), (true, 0));
    assert_eq!(app.confidences().await, after);
}

/// ONNX Runtime, or the processor, is another one: here what the golden picture got before is altered instead.
#[sqlx::test(migrator = "MIGRATOR")]
async fn numbers_that_moved_stop_scoring_until_they_are_accepted_and_every_image_is_scored_anew(
    pool: PgPool,
) {
    let mut app = TestApp::new(pool).await;
    app.drop_file("a.png", &pictures::dial(1));
    app.look().await;
    app.score().await;
    let before = app.confidences().await;
    sqlx::raw_sql(
        "UPDATE model_checks SET expected = to_jsonb(expected::float8 + 0.02)
         WHERE model_id = (SELECT id FROM models WHERE name = 'starter-watch')",
    )
    .execute(&app.pool)
    .await
    .unwrap();
    let refusal = app.refusals().await.0.remove(0);
    assert!(
        refusal.contains("starter-watch") && refusal.contains("chronograde models accept starter-watch"),
        "{refusal}"
    );
    app.drop_file("b.png", &pictures::dial(2));
    app.look().await;
    assert_eq!(app.ranking().await, ["a.png"], "the new one waits");

    let accepted = app.says(&["--json", "models", "accept", "starter-watch"]);
    assert!(
        (accepted["was"].as_f64().unwrap() - accepted["is"].as_f64().unwrap() - 0.02).abs() < 1e-6,
        "{accepted}"
    );
    let served = app.pipeline().await.unwrap().model_ids();
    assert_eq!(served.len(), 2, "the former version does not run");
    assert!(app.refusals().await.1.is_empty(), "and nobody has to decide about it");
    let scorer = app.start_scorer();
    app.wait_for("watch_predictions", 3).await;
    app.wait_until_empty(JOBS).await;
    drop(scorer);
    assert!(generations::activate_filled(&app.pool).await.unwrap().is_some());
    let after = app.confidences().await;
    assert_eq!((after.len(), after["a.png"]), (2, before["a.png"]), "nothing but the record was altered");
    assert_eq!(app.count("watch_predictions").await, 3, "what the former version said stays");
    let loaded = app.loaded().await;
    assert_eq!((loaded.models.len(), loaded.missing().count()), (2, 0));
    assert!(app.refusals().await.1.is_empty());
    assert_eq!(app.count("events WHERE kind IN ('models.accept', 'models.activate')").await, 2);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_model_whose_manifest_decides_other_numbers_is_refused_and_another_one_takes_its_place(
    pool: PgPool,
) {
    let models = models_with_another();
    let mut app = TestApp::with_models(pool, models.path().to_owned()).await;
    app.drop_file("a.png", &pictures::dial(1));
    app.look().await;
    app.score().await;

    let manifest = models.path().join("starter-quality.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    let changed = text.replace("filter = \"lanczos\"", "filter = \"bilinear\"");
    fs::write(&manifest, &changed).unwrap();
    let refusal = app.refusals().await.0.remove(0);
    assert!(refusal.contains("starter-quality") && refusal.contains("changed"), "{refusal}");
    app.drop_file("late.png", &pictures::dial(2));
    app.look().await;

    // The way out that it names.
    assert!(refusal.contains("a name of its own") && refusal.contains("models activate"), "{refusal}");
    let renamed = models.path().join("starter-quality-b.toml");
    fs::write(renamed, changed.replace("default = true\n", "")).unwrap();
    assert_eq!(app.activate("starter-quality-b"), (false, 2));
    let pipeline = app.pipeline().await.unwrap();
    jobs::reconcile(&app.pool, &pipeline.model_ids()).await.unwrap();
    for image in app.waiting().await {
        assert_eq!(pipeline.process(image).await.unwrap(), Outcome::Scored);
    }
    assert!(generations::activate_filled(&app.pool).await.unwrap().is_some());
    assert_eq!(app.ranking().await.len(), 2, "the pages show what the new one says");
    let (urgent, lesser) = app.refusals().await;
    assert_eq!((app.loaded().await.models.len(), urgent.len(), lesser.len()), (2, 0, 1));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn an_output_that_is_no_number_is_a_failed_score_and_holds_nothing_up(pool: PgPool) {
    let models = tempfile::tempdir().unwrap();
    for name in ["tiny-nan.onnx", "tiny-labels.txt", "tiny-quality.toml", "tiny-quality.onnx"] {
        fs::copy(repository().join("tests/models").join(name), models.path().join(name)).unwrap();
    }
    let manifest = fs::read_to_string(repository().join("tests/models/tiny-watch-nan.toml")).unwrap();
    fs::write(models.path().join("tiny-watch-nan.toml"), format!("default = true\n{manifest}")).unwrap();
    let mut app = TestApp::with_models(pool, models.path().to_owned()).await;
    // The tiny network takes roots of what stands below 0: a dark picture has none.
    app.drop_file("dark.png", &pictures::dark(1));
    app.look().await;
    app.score().await;
    assert_eq!(app.count("scorings WHERE state = 'failed' AND tries = 1 AND reason <> ''").await, 1);
    assert_eq!(app.count("catalog WHERE watch_confidence IS NULL AND quality_mean IS NOT NULL").await, 1);
    app.assert_queue_is_empty().await;
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_file_that_cannot_be_read_is_given_up_after_its_tries(pool: PgPool) {
    let mut app = TestApp::new(pool).await;
    app.drop_file("a.png", &pictures::dial(1));
    app.look().await;
    let pipeline = app.pipeline().await.unwrap();
    jobs::reconcile(&app.pool, &pipeline.model_ids()).await.unwrap();
    let image = sqlx::query_scalar("SELECT id FROM images").fetch_one(&app.pool).await.unwrap();
    // A folder where the file was: reading fails, and not because the file is gone.
    fs::remove_file(app.upload("a.png")).unwrap();
    fs::create_dir(app.upload("a.png")).unwrap();
    for _ in 1..MAX_TRIES {
        assert!(matches!(pipeline.process(image).await, Err(PipelineError::Image(_))));
    }
    assert_eq!(pipeline.process(image).await.unwrap(), Outcome::GivenUp);
    assert_eq!(app.count("scorings WHERE state = 'failed' AND tries = 8").await, 2);
    assert_eq!(pipeline.process(image).await.unwrap(), Outcome::NothingToDo);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_scorer_that_is_killed_in_the_middle_leaves_every_image_to_be_scored_exactly_once(pool: PgPool) {
    let mut app = TestApp::new(pool).await;
    for number in 0..80 {
        app.drop_file(&format!("{number}.png"), &pictures::dial(number));
    }
    app.look().await;
    // What is said of the last image cannot be stored before the scorer is killed.
    sqlx::raw_sql(
        "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             IF NEW.image_id = (SELECT id FROM images ORDER BY id DESC LIMIT 1) THEN PERFORM pg_advisory_xact_lock_shared(80); END IF;
             RETURN NEW;
         END $$;
         CREATE TRIGGER wait BEFORE INSERT ON quality_predictions FOR EACH ROW EXECUTE FUNCTION wait()",
    )
    .execute(&app.pool)
    .await
    .unwrap();
    let mut held = app.pool.begin().await.unwrap();
    sqlx::query("SELECT pg_advisory_xact_lock(80)").execute(&mut *held).await.unwrap();
    let scorer = app.start_scorer();
    app.wait_for("quality_predictions", 1).await;
    scorer.kill();
    let done = app.count("quality_predictions").await;
    assert!((1..80).contains(&done), "killed in the middle: {done} of 80 were scored");
    held.rollback().await.unwrap();

    let _scorer = app.start_scorer();
    app.wait_for("scorings WHERE state = 'done'", 160).await;
    assert_eq!(app.count("watch_predictions").await, 80);
    assert_eq!(app.count("quality_predictions").await, 80);
    assert_eq!(app.count("scorings WHERE tries > 0").await, 0);
    assert_eq!(app.ranking().await.len(), 80);
    app.wait_until_empty(JOBS).await;
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn two_scorers_share_the_work_and_no_image_has_two_predictions_of_a_model(pool: PgPool) {
    let mut app = TestApp::new(pool).await;
    let _scorers = [app.start_scorer(), app.start_scorer()];
    app.wait_for("components WHERE role = 'score' AND problem IS NULL", 2).await;
    for number in 0..60 {
        app.drop_file(&format!("{number}.png"), &pictures::dial(number));
    }
    app.look().await;
    app.wait_for("scorings WHERE state = 'done'", 120).await;
    assert_eq!(app.count("watch_predictions").await, 60);
    assert_eq!(app.count("quality_predictions").await, 60);
    assert_eq!(app.count("generations").await, 1);
    app.wait_until_empty(JOBS).await;
}
