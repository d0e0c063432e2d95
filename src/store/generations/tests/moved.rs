//! Models whose numbers moved.

use super::*;

/// What every model says about its golden picture is recorded.
async fn recorded(pool: &PgPool) {
    sqlx::raw_sql(
        "INSERT INTO model_checks (model_id, image, expected, tolerance) SELECT id, 'dial', '0.25', 0.005 FROM models",
    )
    .execute(pool)
    .await
    .unwrap();
}

/// A model says something else about its golden picture from now on, or again what it said.
async fn says(pool: &PgPool, model: ModelId, moved_to: Option<f64>) {
    let moved_to = moved_to.map(|moved_to| (moved_to, "another library"));
    model_versions::observe(&mut *connection(pool).await, model, "dial", moved_to).await.unwrap();
}

async fn accept(pool: &PgPool, model: ModelId) -> Option<GenerationId> {
    accept_beside(pool, model).await.map(|accepted| accepted.generation)
}

/// The same, with what became of another pair that was being filled.
async fn accept_beside(pool: &PgPool, model: ModelId) -> Option<model_versions::Accepted> {
    let mut tx = pool.begin().await.unwrap();
    let accepted = model_versions::accept(&mut tx, model, None).await.unwrap();
    tx.commit().await.unwrap();
    accepted
}

/// The models about which somebody has to decide.
async fn undecided(pool: &PgPool) -> Vec<ModelId> {
    let moved = model_versions::moved(&mut *connection(pool).await).await.unwrap();
    moved.into_iter().map(|moved| moved.model).collect()
}

#[sqlx::test]
async fn numbers_that_moved_are_accepted_as_another_version_with_its_threshold(pool: PgPool) {
    let before = catalog(&pool).await;
    let mut conn = connection(&pool).await;
    recorded(&pool).await;
    sqlx::raw_sql(
        "INSERT INTO threshold_settings (model_id, value, objective, note) SELECT id, 0.125, 'f1', 'measured' FROM models WHERE name = 'w'",
    )
    .execute(&pool)
    .await
    .unwrap();
    assert_eq!(
        model_versions::accept(&mut conn, before.watch_model, None).await.unwrap(),
        None,
        "nothing moved"
    );
    says(&pool, before.watch_model, Some(0.5)).await;
    let moved = model_versions::moved(&mut conn).await.unwrap();
    assert_eq!((moved.len(), moved[0].expected, moved[0].observed), (1, 0.25, 0.5));

    let accepted = model_versions::accept(&mut conn, before.watch_model, None).await.unwrap().unwrap();
    let made = accepted.generation;
    assert_eq!(accepted.given_up, None, "nothing else was being filled");
    assert_eq!(
        model_versions::accept(&mut conn, before.watch_model, None).await.unwrap(),
        None,
        "once is enough"
    );
    let version = model(&pool, "w").await;
    let row: (i32, String, f64, f64, String) = sqlx::query_as(
        "SELECT m.version, m.title, c.expected::float8, t.value, m.onnxruntime_version FROM models m JOIN model_checks c ON c.model_id = m.id
         JOIN threshold_settings t ON t.model_id = m.id WHERE m.id = $1",
    )
    .bind(version.0)
    .fetch_one(&pool)
    .await
    .unwrap();
    assert_eq!(row, (2, "The watcher, version 2".to_owned(), 0.5, 0.125, "another library".to_owned()));
    let opened = latest(&mut conn).await.unwrap().unwrap();
    assert_eq!((opened.id, opened.watch_model, opened.quality_model), (made, version, before.quality_model));
}

#[sqlx::test]
async fn two_models_that_both_moved_are_accepted_one_after_the_other_and_filled_as_one_pair(pool: PgPool) {
    let before = catalog(&pool).await;
    add_images(&pool, 2).await;
    opening::open(&pool).await.unwrap();
    all_scored(&pool).await;
    recorded(&pool).await;
    says(&pool, before.watch_model, Some(0.5)).await;
    says(&pool, before.quality_model, Some(0.75)).await;
    assert_eq!(undecided(&pool).await, [before.watch_model, before.quality_model]);
    let one = accept(&pool, before.watch_model).await.unwrap();
    assert_eq!(undecided(&pool).await, [before.quality_model]);
    let both = accept(&pool, before.quality_model).await.unwrap();
    assert!(undecided(&pool).await.is_empty());
    opening::open(&pool).await.unwrap();
    assert_eq!((state(&pool, one).await.as_str(), state(&pool, both).await.as_str()), ("retired", "filling"));
    let pair = latest(&mut *connection(&pool).await).await.unwrap().unwrap();
    assert_eq!((pair.watch_model, pair.quality_model), (model(&pool, "w").await, model(&pool, "q").await));
    assert!(pair.watch_model != before.watch_model && pair.quality_model != before.quality_model);
    all_scored(&pool).await;
    assert_eq!(activate_filled(&pool).await.unwrap(), Some(both));
    assert_eq!(state(&pool, before.id).await, "retired", "it would score nothing any more");
    let run = models(&mut *connection(&pool).await).await.unwrap();
    assert_eq!(run, [pair.watch_model, pair.quality_model]);
}

#[sqlx::test]
async fn numbers_of_a_pair_that_is_only_kept_up_are_not_accepted_and_one_cannot_go_back_to_it(pool: PgPool) {
    let before = catalog(&pool).await;
    recorded(&pool).await;
    let made = make_and_open(&pool, model(&pool, "w2").await, before.quality_model).await;
    assert_eq!(show(&pool, made).await, Activation::Shown);
    says(&pool, before.watch_model, Some(0.5)).await;
    assert!(undecided(&pool).await.is_empty());
    assert_eq!(accept(&pool, before.watch_model).await, None);
    assert_eq!(show(&pool, before.id).await, Activation::Moved);
    assert_eq!(active(&mut *connection(&pool).await).await.unwrap().unwrap().id, made);
    let mut conn = connection(&pool).await;
    assert_eq!(model_versions::moved_in(&mut conn, before.id).await.unwrap(), ["The watcher"]);
    assert!(model_versions::has_moved(&mut conn, "w").await.unwrap());

    says(&pool, before.watch_model, None).await;
    assert_eq!(show(&pool, before.id).await, Activation::Shown, "the former library is back");
}

#[sqlx::test]
async fn with_the_former_library_back_one_goes_on_with_the_version_that_says_so(pool: PgPool) {
    let before = catalog(&pool).await;
    add_images(&pool, 3).await;
    opening::open(&pool).await.unwrap();
    all_scored(&pool).await;
    recorded(&pool).await;
    says(&pool, before.watch_model, Some(0.5)).await;
    let made = accept(&pool, before.watch_model).await.unwrap();
    let second = model(&pool, "w").await;

    // While it is being filled: the pair that the pages show is the one that says so.
    says(&pool, before.watch_model, None).await;
    says(&pool, second, Some(0.2501)).await;
    assert_eq!(undecided(&pool).await, [second]);
    assert_eq!(accept(&pool, second).await, Some(before.id));
    assert_eq!(state(&pool, made).await, "retired");

    // Once the pages show it: the version before is brought in anew, and lacks no scores.
    says(&pool, before.watch_model, Some(0.5)).await;
    let made = accept(&pool, before.watch_model).await.unwrap();
    assert_eq!(model(&pool, "w").await, second, "it says so already");
    opening::open(&pool).await.unwrap();
    all_scored(&pool).await;
    assert_eq!(activate_filled(&pool).await.unwrap(), Some(made));
    says(&pool, second, Some(0.2501)).await;
    let moved = model_versions::moved(&mut *connection(&pool).await).await.unwrap();
    assert_eq!((moved[0].version, moved[0].number), (Some(before.watch_model), Some(1)));
    let back = accept(&pool, second).await.unwrap();
    assert!(undecided(&pool).await.is_empty());
    opening::open(&pool).await.unwrap();
    assert_eq!(waiting(&pool, back).await, 0);
    assert_eq!(activate_filled(&pool).await.unwrap(), Some(back));
    let shown = active(&mut *connection(&pool).await).await.unwrap().unwrap();
    assert_eq!((shown.watch_model, shown.quality_model), (before.watch_model, before.quality_model));
}

#[sqlx::test]
async fn a_version_that_was_accepted_and_is_held_goes_on_when_it_is_accepted_again(pool: PgPool) {
    let before = catalog(&pool).await;
    recorded(&pool).await;
    says(&pool, before.watch_model, Some(0.5)).await;
    let made = accept(&pool, before.watch_model).await.unwrap();
    let mut conn = connection(&pool).await;
    assert!(pause(&mut conn, made, true).await.unwrap());
    assert_eq!(undecided(&pool).await, [before.watch_model], "nothing is scored while it is held");
    assert_eq!(accept(&pool, before.watch_model).await, Some(made));
    assert!(models(&mut conn).await.unwrap().contains(&model(&pool, "w").await));
}

#[sqlx::test]
async fn what_a_model_said_about_another_golden_picture_no_longer_matters(pool: PgPool) {
    let before = catalog(&pool).await;
    recorded(&pool).await;
    says(&pool, before.watch_model, Some(0.5)).await;
    sqlx::query("INSERT INTO model_checks (model_id, image, expected, tolerance) VALUES ($1, 'a new one', '0.5', 0.005)")
        .bind(before.watch_model.0)
        .execute(&pool)
        .await
        .unwrap();
    model_versions::observe(&mut *connection(&pool).await, before.watch_model, "a new one", None)
        .await
        .unwrap();
    assert!(undecided(&pool).await.is_empty());
}

#[sqlx::test]
async fn numbers_are_accepted_while_images_come_in_and_neither_waits_for_the_other_for_ever(pool: PgPool) {
    let before = catalog(&pool).await;
    add_images(&pool, 1).await;
    recorded(&pool).await;
    says(&pool, before.watch_model, Some(0.5)).await;
    let image = any_image(&pool).await;
    let mut arriving = pool.begin().await.unwrap();
    hold(&mut arriving).await.unwrap();
    let accepting = tokio::spawn({
        let pool = pool.clone();
        async move { accept(&pool, before.watch_model).await }
    });
    let mut accepting = std::pin::pin!(accepting);
    assert!(timeout(Duration::from_millis(200), &mut accepting).await.is_err(), "it waits for the image");
    let requested = timeout(Duration::from_millis(500), scorings::request(&mut arriving, image)).await;
    assert!(requested.expect("the image waits for it").unwrap());
    arriving.commit().await.unwrap();
    assert!(accepting.await.unwrap().is_some());
}

#[sqlx::test]
async fn a_manifests_own_threshold_goes_to_another_version_with_the_manifest_and_not_as_somebodys_setting(
    pool: PgPool,
) {
    let before = catalog(&pool).await;
    recorded(&pool).await;
    let threshold = Threshold::new(0.25).unwrap();
    let mut conn = connection(&pool).await;
    thresholds::follow_manifest(&mut conn, before.watch_model, (threshold, None)).await.unwrap();
    says(&pool, before.watch_model, Some(0.5)).await;
    accept(&pool, before.watch_model).await.unwrap();
    let version = model(&pool, "w").await;
    assert_eq!(thresholds::history(&mut conn, version).await.unwrap(), []);
    assert_eq!(
        count(&pool, &format!("models WHERE id = {} AND default_threshold = 0.25", version.0)).await,
        1
    );
}

#[sqlx::test]
async fn a_candidate_that_gives_way_to_accepted_numbers_is_told_of_and_the_version_joins_the_pair_that_moved(
    pool: PgPool,
) {
    let before = catalog(&pool).await;
    recorded(&pool).await;
    let candidate = make_and_open(&pool, model(&pool, "w2").await, model(&pool, "q2").await).await;
    says(&pool, before.watch_model, Some(0.5)).await;
    let accepted = accept_beside(&pool, before.watch_model).await.unwrap();
    assert_eq!(accepted.given_up, Some(candidate));
    assert_eq!(state(&pool, candidate).await, "retired");
    let pair = latest(&mut *connection(&pool).await).await.unwrap().unwrap();
    assert_eq!((pair.id, pair.watch_model), (accepted.generation, model(&pool, "w").await));
    assert_eq!(pair.quality_model, before.quality_model, "the candidate's other model was not asked for");
    let recorded = events::of(&mut *connection(&pool).await, &candidate.to_string()).await.unwrap();
    assert_eq!(recorded.iter().map(|event| event.kind.as_str()).collect::<Vec<_>>(), ["models.give_up"]);
}

#[sqlx::test]
async fn a_candidate_that_is_paired_with_what_moved_is_filled_on_with_the_version(pool: PgPool) {
    let before = catalog(&pool).await;
    recorded(&pool).await;
    let quality = model(&pool, "q2").await;
    let candidate = make_and_open(&pool, before.watch_model, quality).await;
    says(&pool, before.watch_model, Some(0.5)).await;
    let accepted = accept_beside(&pool, before.watch_model).await.unwrap();
    assert_eq!(accepted.given_up, None);
    let pair = latest(&mut *connection(&pool).await).await.unwrap().unwrap();
    assert_eq!((pair.watch_model, pair.quality_model), (model(&pool, "w").await, quality));
    assert_eq!(state(&pool, candidate).await, "retired", "it goes on as the other one");
    assert_eq!(count(&pool, "events").await, 0);
}

#[sqlx::test]
async fn a_version_that_is_held_with_another_candidate_goes_on_with_it(pool: PgPool) {
    let before = catalog(&pool).await;
    recorded(&pool).await;
    says(&pool, before.watch_model, Some(0.5)).await;
    accept(&pool, before.watch_model).await.unwrap();
    let version = model(&pool, "w").await;
    let both = make_and_open(&pool, version, model(&pool, "q2").await).await;
    assert!(pause(&mut *connection(&pool).await, both, true).await.unwrap());
    let accepted = accept_beside(&pool, before.watch_model).await.unwrap();
    assert_eq!(accepted, model_versions::Accepted { generation: both, given_up: None });
}
