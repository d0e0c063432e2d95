//! Models whose numbers moved, and models that are away.

use std::{fs, path::Path};

use chronograde::{
    config::Role,
    domain::ImageId,
    jobs,
    pipeline::{MAX_TRIES, Outcome, Pipeline, PipelineError},
    store::{MIGRATOR, catalog, components, generations, scorings},
};
use sqlx::PgPool;

use super::{
    app::{Serving, TestApp, repository},
    models_with_another, pictures,
};

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
    assert_eq!(app.refusals().await.0.len(), 1);
    app.says(&["--json", "models", "accept", "starter-watch"]);
    fill(&app).await;

    moves(&app, 1, -0.02).await;
    moves(&app, 2, 0.02).await;
    let refusal = app.refusals().await.0.remove(0);
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
    assert_eq!((app.loaded().await.models.len(), app.refusals().await.1.len()), (2, 0));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn who_activates_a_model_is_told_which_one_is_given_up_for_it(pool: PgPool) {
    let models = models_with_another();
    let mut app = TestApp::with_models(pool, models.path().to_owned()).await;
    one_image(&mut app).await;
    assert_eq!(app.activate("starter-watch-b"), (false, 1));
    let back = app.says(&["--json", "models", "activate", "starter-watch"]);
    assert!(back["serves"] == true && back["gave_up"].is_string(), "{back}");
    assert_eq!(app.count("events WHERE kind = 'models.give_up'").await, 1);
    let again = app.says(&["--json", "models", "activate", "starter-watch"]);
    assert!(again["serves"] == true && again["gave_up"].is_null(), "{again}");
    assert_eq!(app.count("events WHERE kind = 'models.activate'").await, 0, "it served all the time");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn an_earlier_model_whose_numbers_moved_is_brought_in_as_another_version_if_one_says_so(pool: PgPool) {
    let (app, _models) = another_serves(pool).await;
    moves(&app, 1, 0.02).await;
    assert_eq!(app.loaded().await.models.len(), 2);
    assert!(app.refusals().await.1.is_empty(), "nobody has to decide about it");

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
async fn a_manifest_that_cannot_be_read_stops_its_own_model_and_no_other(pool: PgPool) {
    let (app, models) = another_serves(pool).await;
    let manifest = models.path().join("starter-watch.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(models.path().join("broken.toml"), "task = \"beauty\"").unwrap();
    fs::write(models.path().join("second.toml"), &text).unwrap();
    assert!(text.contains("default = true"), "two are the default of one task");
    assert_eq!((app.loaded().await.models.len(), app.refusals().await.1.len()), (3, 0));

    fs::write::<&Path, _>(&manifest, "no manifest").unwrap();
    let loaded = app.loaded().await;
    assert_eq!((loaded.models.len(), loaded.missing().count()), (2, 1));
    let problem = app.refusals().await.1.remove(0);
    assert!(problem.contains("starter-watch.toml: line 1"), "{problem}");
    assert!(loaded.one_that_is_back(&app.settings).await.is_none());
    fs::write::<&Path, _>(&manifest, text).unwrap();
    assert!(loaded.one_that_is_back(&app.settings).await.is_some());
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_model_that_is_away_is_tried_by_itself_until_it_is_back(pool: PgPool) {
    let (app, models) = another_serves(pool).await;
    let manifest = models.path().join("starter-watch.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    let write = |text: &str| fs::write::<&Path, _>(&manifest, text).unwrap();

    fs::remove_file(&manifest).unwrap();
    let loaded = app.loaded().await;
    assert_eq!((loaded.models.len(), loaded.missing().count()), (2, 1));
    assert_eq!(app.refusals().await.1.len(), 1);
    assert!(loaded.one_that_is_back(&app.settings).await.is_none());
    write(&text.replace("filter = \"bilinear\"", "filter = \"nearest\""));
    assert!(loaded.one_that_is_back(&app.settings).await.is_none(), "it is another one");
    write(&text);
    assert!(loaded.one_that_is_back(&app.settings).await.is_some());
    assert_eq!(app.loaded().await.models.len(), 3);
}

/// An app with the tiny models of the tests, of which `watch` is the default, with a black golden picture, as `tiny-watch-broken` needs.
async fn tiny(pool: PgPool, watch: &str) -> (TestApp, tempfile::TempDir) {
    let models = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(repository().join("tests/models")).unwrap().map(Result::unwrap) {
        fs::copy(entry.path(), models.path().join(entry.file_name())).unwrap();
    }
    fs::write(models.path().join("black.png"), pictures::dark(0)).unwrap();
    let rewrite = |name: &str, change: fn(String) -> String| {
        let path = models.path().join(format!("{name}.toml"));
        fs::write(&path, change(fs::read_to_string(&path).unwrap())).unwrap();
    };
    rewrite("tiny-watch", |text| text.replace("default = true\n", ""));
    rewrite("tiny-watch-broken", |text| format!("{text}\n[golden]\nimage = \"black.png\"\n"));
    rewrite(watch, |text| format!("default = true\n{text}"));
    (TestApp::with_models(pool, models.path().to_owned()).await, models)
}

/// Takes in a picture; the image that it is.
async fn arrives(app: &mut TestApp, name: &str, bytes: &[u8]) -> ImageId {
    app.drop_file(name, bytes);
    app.look().await;
    let image = "SELECT image_id FROM sightings WHERE path_text = $1 AND superseded_at IS NULL";
    sqlx::query_scalar(image).bind(name).fetch_one(&app.pool).await.unwrap()
}

/// The models that are to be run, with every image marked as waiting for what it lacks.
async fn opened(app: &TestApp) -> Pipeline {
    let pipeline = app.pipeline().await.unwrap();
    jobs::reconcile(&app.pool, &pipeline.model_ids()).await.unwrap();
    pipeline
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_picture_that_another_model_fails_at_is_given_up_by_it_and_holds_nothing_else_up(pool: PgPool) {
    let (mut app, _models) = tiny(pool, "tiny-watch").await;
    one_image(&mut app).await;
    assert_eq!(app.activate("tiny-watch-broken"), (false, 1));
    let pipeline = opened(&app).await;
    // The tiny network fails at pictures that are bright on the whole.
    let dark = arrives(&mut app, "dark.png", &pictures::dark(1)).await;
    let bright = arrives(&mut app, "bright.png", &pictures::dial(2)).await;
    assert_eq!(pipeline.process(dark).await.unwrap(), Outcome::Scored);
    assert_eq!(app.count("watch_predictions").await, 3, "by both models");
    for _ in 1..MAX_TRIES {
        let failed = pipeline.process(bright).await;
        assert!(
            matches!(&failed, Err(PipelineError::Image(reason)) if reason.contains("network")),
            "{failed:?}"
        );
        assert_eq!(app.ranking().await.len(), 3, "the pair that the pages show has scored it");
    }
    assert_eq!(pipeline.process(bright).await.unwrap(), Outcome::GivenUp);
    assert_eq!(app.count("scorings WHERE state = 'failed' AND tries = 8").await, 1);
    assert_eq!(pipeline.trouble.reason(), None);
    assert_eq!(pipeline.model_ids().len(), 3, "it goes on with other pictures");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn another_model_that_no_longer_runs_is_set_aside_and_costs_no_image_a_try(pool: PgPool) {
    let (mut app, _models) = tiny(pool, "tiny-watch").await;
    one_image(&mut app).await;
    assert_eq!(app.activate("tiny-watch-down"), (false, 1));
    let pipeline = opened(&app).await;
    let dark = arrives(&mut app, "dark.png", &pictures::dark(1)).await;
    assert_eq!(pipeline.process(dark).await.unwrap(), Outcome::Scored);
    assert_eq!(app.ranking().await.len(), 2);
    assert_eq!(pipeline.trouble.reason(), None, "the worker goes on");
    assert!(pipeline.trouble.aside()[0].contains("tiny-watch-down"), "{:?}", pipeline.trouble.aside());
    assert_eq!(pipeline.model_ids().len(), 2);
    assert_eq!(pipeline.process(dark).await.unwrap(), Outcome::NothingToDo);
    assert_eq!(app.count("scorings WHERE state = 'pending' AND tries = 0").await, 2, "both wait for it");
    assert_eq!(opened(&app).await.model_ids().len(), 3, "it is tried again when the models are loaded anew");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_model_that_the_pages_show_and_that_no_longer_runs_is_the_services_trouble(pool: PgPool) {
    let (mut app, _models) = tiny(pool, "tiny-watch-down").await;
    let pipeline = opened(&app).await;
    let dark = arrives(&mut app, "dark.png", &pictures::dark(1)).await;
    let failed = pipeline.process(dark).await;
    let Err(PipelineError::Service(reason)) = failed else { panic!("{failed:?}") };
    assert!(reason.to_string().contains("tiny-watch-down"), "{reason}");
    assert_eq!(app.count("quality_predictions").await, 1, "what the other model said is kept");
    assert_eq!(app.count("scorings WHERE state = 'pending' AND tries = 0").await, 1);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_scorer_goes_on_without_a_model_that_is_away_says_so_and_takes_it_up_again(pool: PgPool) {
    let models = models_with_another();
    let mut app = TestApp::with_models(pool, models.path().to_owned()).await;
    one_image(&mut app).await;
    let weights = models.path().join("starter-quality.onnx");
    fs::rename(&weights, models.path().join("away")).unwrap();
    let _scorer = app.start_scorer();
    arrives(&mut app, "b.png", &pictures::dial(2)).await;
    app.wait_for("watch_predictions", 2).await;
    app.wait_for("components WHERE role = 'score' AND problem LIKE '%starter-quality%'", 1).await;
    assert_eq!(app.count("quality_predictions").await, 1);

    fs::rename(models.path().join("away"), &weights).unwrap();
    app.wait_for("quality_predictions", 2).await;
    app.wait_for("components WHERE role = 'score' AND problem IS NULL", 1).await;
    assert_eq!(app.count("scorings WHERE tries > 0").await, 0);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_a_refused_model_held_up_is_over_when_another_one_took_its_place(pool: PgPool) {
    let (mut app, models) = tiny(pool, "tiny-watch").await;
    one_image(&mut app).await;
    fs::remove_file(models.path().join("tiny-watch.toml")).unwrap();
    let _scorer = app.start_scorer();
    app.wait_for("components WHERE role = 'score' AND problem LIKE '%tiny-watch%'", 1).await;
    assert_eq!(app.activate("tiny-watch-bgr"), (false, 1));
    app.wait_for("components WHERE role = 'score' AND problem IS NULL AND warning LIKE '%tiny-watch%'", 1)
        .await;
    assert_eq!(app.count("watch_predictions").await, 2, "the pages switched");
}

/// Holds the models of the pair that is being filled back, or lets them go on.
async fn holds(app: &TestApp, pauses: bool) {
    let mut conn = app.pool.acquire().await.unwrap();
    let pair = generations::latest(&mut conn).await.unwrap().unwrap().id;
    assert!(generations::pause(&mut conn, pair, pauses).await.unwrap());
}

/// A scorer that runs the models that the pages show, while another one is held, with two images.
async fn beside_one_that_is_held(pool: PgPool) -> (TestApp, tempfile::TempDir, Serving) {
    let (mut app, models) = tiny(pool, "tiny-watch").await;
    one_image(&mut app).await;
    assert_eq!(app.activate("tiny-watch-bgr"), (false, 1));
    holds(&app, true).await;
    let scorer = app.start_scorer();
    arrives(&mut app, "b.png", &pictures::dial(2)).await;
    app.wait_for("watch_predictions", 2).await;
    (app, models, scorer)
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn while_another_model_is_opened_the_others_go_on_scoring(pool: PgPool) {
    let (mut app, _models, _scorer) = beside_one_that_is_held(pool).await;

    // Who opens models from here on waits to write down what they say about their golden pictures.
    let mut opening = app.pool.begin().await.unwrap();
    sqlx::raw_sql("LOCK TABLE model_checks IN SHARE MODE").execute(&mut *opening).await.unwrap();
    holds(&app, false).await;
    app.wait_for("pg_locks WHERE relation = 'model_checks'::regclass AND NOT granted", 1).await;
    arrives(&mut app, "c.png", &pictures::dial(3)).await;
    app.wait_for("watch_predictions", 3).await;
    app.wait_for("quality_predictions", 3).await;
    assert_eq!(app.count("graphile_worker._private_workers").await, 1);

    opening.commit().await.unwrap();
    app.wait_for("watch_predictions", 6).await;
    assert_eq!(app.count("quality_predictions").await, 3);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn while_the_folder_is_away_the_models_that_run_go_on_and_others_are_opened_when_it_is_back(
    pool: PgPool,
) {
    let (mut app, models, _scorer) = beside_one_that_is_held(pool).await;

    let away = models.path().with_extension("away");
    fs::rename(models.path(), &away).unwrap();
    holds(&app, false).await;
    app.wait_for(
        "components WHERE role = 'score' AND problem IS NULL AND warning LIKE '%could not be opened%'",
        1,
    )
    .await;
    arrives(&mut app, "c.png", &pictures::dial(3)).await;
    app.wait_for("watch_predictions", 3).await;
    fs::rename(&away, models.path()).unwrap();
    app.wait_for("watch_predictions", 6).await;
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_trouble_of_the_database_costs_no_model_that_runs_though_its_weights_are_gone(pool: PgPool) {
    let (mut app, models) = tiny(pool, "tiny-watch").await;
    one_image(&mut app).await;
    let _scorer = app.start_scorer();
    arrives(&mut app, "b.png", &pictures::dial(2)).await;
    app.wait_for("watch_predictions", 2).await;

    fs::remove_file(models.path().join("tiny-means.onnx")).unwrap();
    sqlx::raw_sql(
        "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the disk is full'; END $$;
         CREATE TRIGGER fail BEFORE INSERT ON watch_predictions FOR EACH ROW EXECUTE FUNCTION fail()",
    )
    .execute(&app.pool)
    .await
    .unwrap();
    arrives(&mut app, "c.png", &pictures::dial(3)).await;
    app.wait_for("components WHERE role = 'score' AND problem LIKE '%the disk is full%'", 1).await;
    sqlx::raw_sql("DROP TRIGGER fail ON watch_predictions").execute(&app.pool).await.unwrap();
    app.wait_for("watch_predictions", 3).await;
    app.wait_for("components WHERE role = 'score' AND problem IS NULL", 1).await;
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_a_pair_that_opens_asks_of_an_image_that_is_being_scored_is_done_by_the_same_job(pool: PgPool) {
    let (mut app, _models) = tiny(pool, "tiny-watch").await;
    one_image(&mut app).await;
    let image = arrives(&mut app, "b.png", &pictures::dial(2)).await;
    assert_eq!(app.activate("tiny-watch-bgr"), (false, 2));
    let pipeline = app.pipeline().await.unwrap();
    assert_eq!(pipeline.model_ids().len(), 3);
    let mut opening = app.pool.begin().await.unwrap();
    // Where the image lies is asked after which models lack it.
    sqlx::raw_sql("LOCK TABLE sightings").execute(&mut *opening).await.unwrap();
    let scoring = tokio::spawn(async move { pipeline.process(image).await });
    app.wait_for("pg_locks WHERE relation = 'sightings'::regclass AND NOT granted", 1).await;
    catalog::open(&mut opening, &[image]).await.unwrap();
    scorings::request_lacking(&mut opening, &[image]).await.unwrap();
    opening.commit().await.unwrap();
    assert_eq!(scoring.await.unwrap().unwrap(), Outcome::Scored);
    let scored = format!("scorings WHERE state = 'done' AND image_id = '{image}'");
    assert_eq!(app.count(&scored).await, 3);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_process_that_is_stopped_takes_its_problem_with_it_and_leaves_its_address(pool: PgPool) {
    let (app, models) = tiny(pool, "tiny-watch").await;
    fs::remove_file(models.path().join("tiny-quality.onnx")).unwrap();
    let service = app.start("web,ingest,score");
    app.wait_for("components WHERE role = 'score' AND problem LIKE '%tiny-quality%'", 1).await;
    app.wait_for("components", 3).await;
    let mut conn = app.pool.acquire().await.unwrap();
    let address = components::pages(&mut *conn).await.unwrap().unwrap().public_address;
    assert_eq!(components::latest(&mut conn, 10).await.unwrap().len(), 3);

    service.stop();
    assert_eq!(components::latest(&mut conn, 10).await.unwrap(), []);
    for role in [Role::Ingest, Role::Score] {
        assert_eq!(components::problems(&mut *conn, role).await.unwrap(), None, "nobody does it");
    }
    let pages = components::pages(&mut *conn).await.unwrap().unwrap();
    assert_eq!((pages.public_address, pages.listens_at, pages.is_alive), (address, None, false));
    // Another one, which spoke before it ended.
    sqlx::raw_sql(
        "INSERT INTO components (role, process, public_address, listens_at, seen_at)
         VALUES ('web', 'there:1', 'http://there', '192.0.2.1:80', now() - interval '30 s')",
    )
    .execute(&app.pool)
    .await
    .unwrap();
    let pages = components::pages(&mut *conn).await.unwrap().unwrap();
    assert_eq!((pages.public_address.as_str(), pages.is_alive), ("http://there", true));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_scorer_says_which_model_it_set_aside(pool: PgPool) {
    let (mut app, _models) = tiny(pool, "tiny-watch").await;
    one_image(&mut app).await;
    assert_eq!(app.activate("tiny-watch-down"), (false, 1));
    let _scorer = app.start_scorer();
    app.wait_for("watch_predictions", 2).await;
    arrives(&mut app, "dark.png", &pictures::dark(1)).await;
    app.wait_for(
        "components WHERE role = 'score' AND problem IS NULL AND warning LIKE '%tiny-watch-down%'",
        1,
    )
    .await;
    assert_eq!(app.ranking().await.len(), 2);
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
