use sqlx::PgPool;
use tokio::time::{Duration, timeout};

use super::*;
use crate::{
    domain::{ImageId, Threshold},
    store::{catalog, events, images, model_versions, opening, retired, scorings, summary, thresholds},
};

mod moved;

const MODELS: &str = "INSERT INTO models (name, task, kind, fingerprint, preprocessing, manifest, sha256, title, default_threshold)
    VALUES ('w', 'watch', 'onnx', repeat('a', 64), 1, '{}', sha256('w'), 'The watcher', 0.5),
           ('w2', 'watch', 'onnx', repeat('c', 64), 1, '{}', sha256('w2'), NULL, 0.5),
           ('q', 'quality', 'onnx', repeat('b', 64), 1, '{}', sha256('q'), NULL, NULL),
           ('q2', 'quality', 'onnx', repeat('d', 64), 1, '{}', sha256('q2'), NULL, NULL)";

/// Models w, w2, q and q2; w and q serve.
async fn catalog(pool: &PgPool) -> Generation {
    sqlx::raw_sql(MODELS).execute(pool).await.unwrap();
    let (watch, quality) = (model(pool, "w").await, model(pool, "q").await);
    let generation = create_active(&mut *connection(pool).await, watch, quality).await.unwrap();
    opening::open(pool).await.unwrap();
    generation
}

async fn connection(pool: &PgPool) -> sqlx::pool::PoolConnection<sqlx::Postgres> {
    pool.acquire().await.unwrap()
}

async fn model(pool: &PgPool, name: &str) -> ModelId {
    sqlx::query_scalar("SELECT id FROM models WHERE name = $1 ORDER BY version DESC LIMIT 1")
        .bind(name)
        .fetch_one(pool)
        .await
        .map(ModelId)
        .unwrap()
}

async fn add_images(pool: &PgPool, count: i32) {
    sqlx::query(
        "INSERT INTO images (id, sha256, bytes, format, width, height, listing_key, audit)
         SELECT gen_random_uuid(), sha256(n::text::bytea), 1, 'jpeg', 10, 10, 'listing ' || n % 7, FALSE
         FROM generate_series(1, $1) n",
    )
    .bind(count)
    .execute(pool)
    .await
    .unwrap();
}

async fn count(pool: &PgPool, what: &str) -> i64 {
    sqlx::query_scalar(sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {what}")))
        .fetch_one(pool)
        .await
        .unwrap()
}

async fn all_scored(pool: &PgPool) {
    sqlx::raw_sql("UPDATE scorings SET state = 'done'").execute(pool).await.unwrap();
}

async fn make_and_open(pool: &PgPool, watch: ModelId, quality: ModelId) -> GenerationId {
    let made = make(&mut *connection(pool).await, watch, quality).await.unwrap();
    opening::open(pool).await.unwrap();
    made
}

async fn show(pool: &PgPool, generation: GenerationId) -> Activation {
    activate(&mut *connection(pool).await, generation, None).await.unwrap()
}

async fn waiting(pool: &PgPool, generation: GenerationId) -> i64 {
    coverage(&mut *connection(pool).await, generation).await.unwrap().waiting
}

async fn any_image(pool: &PgPool) -> ImageId {
    sqlx::query_scalar("SELECT id FROM images ORDER BY id LIMIT 1")
        .fetch_one(pool)
        .await
        .map(ImageId)
        .unwrap()
}

/// Some images are given up by a model.
async fn given_up(pool: &PgPool, name: &str, images: i32) {
    sqlx::query(
        "UPDATE scorings SET state = 'failed', reason = 'no picture'
         WHERE model_id = (SELECT id FROM models WHERE name = $1)
           AND image_id IN (SELECT id FROM images ORDER BY id LIMIT $2)",
    )
    .bind(name)
    .bind(images)
    .execute(pool)
    .await
    .unwrap();
}

async fn state(pool: &PgPool, generation: GenerationId) -> String {
    sqlx::query_scalar("SELECT state FROM generations WHERE id = $1")
        .bind(generation.0)
        .fetch_one(pool)
        .await
        .unwrap()
}

#[sqlx::test]
async fn a_generation_is_opened_in_pieces_with_every_image_once_and_not_active_before(pool: PgPool) {
    let before = catalog(&pool).await;
    add_images(&pool, 2_345).await;
    opening::open(&pool).await.unwrap();
    all_scored(&pool).await;
    let made =
        make(&mut *connection(&pool).await, model(&pool, "w2").await, before.quality_model).await.unwrap();
    assert_eq!(waiting(&pool, made).await, 2_345, "no image has its rows yet");
    assert_eq!(show(&pool, made).await, Activation::Waiting);
    opening::open(&pool).await.unwrap();
    assert_eq!(count(&pool, &format!("catalog WHERE generation_id = {made}")).await, 2_345);
    assert_eq!(count(&pool, &format!("listings WHERE generation_id = {made}")).await, 7);
    assert_eq!(
        count(&pool, "scorings WHERE state = 'pending'").await,
        2_345,
        "the quality model is not asked again"
    );
    all_scored(&pool).await;
    assert_eq!(activate_filled(&pool).await.unwrap(), Some(made));
}

#[sqlx::test]
async fn one_goes_back_at_once_though_images_wait_and_a_second_click_throws_no_way_back_away(pool: PgPool) {
    let before = catalog(&pool).await;
    let made = make_and_open(&pool, model(&pool, "w2").await, before.quality_model).await;
    let mut conn = connection(&pool).await;
    assert_eq!(show(&pool, made).await, Activation::Shown);
    assert_eq!(show(&pool, made).await, Activation::Shown);
    assert_eq!(state(&pool, before.id).await, "live", "clicked twice");
    add_images(&pool, 3).await;
    opening::open(&pool).await.unwrap();
    assert_eq!(waiting(&pool, before.id).await, 3);
    assert_eq!(show(&pool, before.id).await, Activation::Shown);
    assert_eq!(active(&mut conn).await.unwrap(), Some(before));
    assert_eq!(count(&pool, "served_models WHERE until IS NULL").await, 2);
}

#[sqlx::test]
async fn the_pages_go_to_another_pair_also_after_the_clock_was_set_back(pool: PgPool) {
    let before = catalog(&pool).await;
    sqlx::raw_sql("UPDATE served_models SET since = now() + interval '1 hour'").execute(&pool).await.unwrap();
    let made = make_and_open(&pool, model(&pool, "w2").await, before.quality_model).await;
    assert_eq!(show(&pool, made).await, Activation::Shown);
    assert_eq!(count(&pool, "served_models WHERE until = since").await, 1);
}

#[sqlx::test]
async fn two_models_are_brought_in_one_after_the_other(pool: PgPool) {
    catalog(&pool).await;
    add_images(&pool, 2).await;
    let mut conn = connection(&pool).await;
    let watch = model(&pool, "w2").await;
    let first = latest(&mut conn).await.unwrap().unwrap();
    let one = make_and_open(&pool, watch, first.quality_model).await;
    let second = latest(&mut conn).await.unwrap().unwrap();
    assert_eq!((second.id, second.watch_model), (one, watch));
    let two = make_and_open(&pool, second.watch_model, model(&pool, "q2").await).await;
    assert_eq!((state(&pool, one).await.as_str(), state(&pool, two).await.as_str()), ("retired", "filling"));
    all_scored(&pool).await;
    assert_eq!(activate_filled(&pool).await.unwrap(), Some(two));
}

#[sqlx::test]
async fn images_wait_for_no_model_that_was_given_up(pool: PgPool) {
    let before = catalog(&pool).await;
    add_images(&pool, 5).await;
    opening::open(&pool).await.unwrap();
    all_scored(&pool).await;
    let made = make_and_open(&pool, model(&pool, "w2").await, before.quality_model).await;
    assert_eq!(count(&pool, "scorings WHERE state = 'pending'").await, 5);
    assert!(give_up(&mut *connection(&pool).await, made).await.unwrap());
    assert_eq!(count(&pool, "scorings WHERE state = 'pending'").await, 0);
    let image = any_image(&pool).await;
    assert!(scorings::is_settled(&mut *connection(&pool).await, image).await.unwrap());
    assert_eq!(show(&pool, made).await, Activation::Retired);
}

#[sqlx::test]
async fn a_pair_that_was_given_up_goes_on_from_the_scores_that_it_had_made(pool: PgPool) {
    let before = catalog(&pool).await;
    add_images(&pool, 5).await;
    opening::open(&pool).await.unwrap();
    all_scored(&pool).await;
    let watch = model(&pool, "w2").await;
    let made = make_and_open(&pool, watch, before.quality_model).await;
    assert_eq!(state(&pool, made).await, "filling");
    let scored = any_image(&pool).await;
    sqlx::query("INSERT INTO watch_predictions (image_id, model_id, confidence, positives) VALUES ($1, $2, 0.25, '{}')")
        .bind(scored.0)
        .bind(watch.0)
        .execute(&pool)
        .await
        .unwrap();
    let mut conn = connection(&pool).await;
    scorings::done(&mut conn, scored, &[watch]).await.unwrap();
    assert!(give_up(&mut conn, made).await.unwrap());
    assert_eq!(state(&pool, made).await, "retired");
    let again = make_and_open(&pool, watch, before.quality_model).await;
    assert_ne!(again, made);
    assert_eq!(coverage(&mut conn, again).await.unwrap(), Coverage { waiting: 4, failed: 0 });
    assert_eq!(
        count(&pool, &format!("catalog WHERE generation_id = {again} AND watch_confidence = 0.25")).await,
        1
    );
}

#[sqlx::test]
async fn a_generation_that_is_held_is_not_run_and_not_shown(pool: PgPool) {
    let before = catalog(&pool).await;
    let watch = model(&pool, "w2").await;
    let made = make_and_open(&pool, watch, before.quality_model).await;
    let mut conn = connection(&pool).await;
    assert!(models(&mut conn).await.unwrap().contains(&watch));
    assert!(pause(&mut conn, made, true).await.unwrap() && !pause(&mut conn, made, true).await.unwrap());
    assert_eq!(models(&mut conn).await.unwrap(), [before.watch_model, before.quality_model]);
    assert_eq!(activate_filled(&pool).await.unwrap(), None, "though no image waits for it");
    assert!(pause(&mut conn, made, false).await.unwrap());
    assert_eq!(activate_filled(&pool).await.unwrap(), Some(made));
    assert!(!pause(&mut conn, made, true).await.unwrap(), "what the pages show is not held");
}

#[sqlx::test]
async fn a_pair_that_is_held_keeps_nobody_waiting_who_asked_for_an_images_scores(pool: PgPool) {
    let before = catalog(&pool).await;
    add_images(&pool, 1).await;
    opening::open(&pool).await.unwrap();
    let (image, mut conn) = (any_image(&pool).await, connection(&pool).await);
    assert!(!scorings::is_settled(&mut conn, image).await.unwrap());
    scorings::done(&mut conn, image, &[before.watch_model]).await.unwrap();
    assert!(!scorings::is_settled(&mut conn, image).await.unwrap(), "the other model has to look at it");
    scorings::failed(&mut conn, image, before.quality_model, "no picture").await.unwrap();
    let made = make_and_open(&pool, model(&pool, "w2").await, before.quality_model).await;
    assert!(pause(&mut conn, made, true).await.unwrap());
    assert_eq!(count(&pool, "scorings WHERE state = 'pending'").await, 1);
    assert!(scorings::is_settled(&mut conn, image).await.unwrap());
    let gone = ImageId(uuid::Uuid::nil());
    assert!(scorings::is_settled(&mut conn, gone).await.unwrap());
}

#[sqlx::test]
async fn a_pair_that_is_asked_for_again_goes_on_though_it_was_held(pool: PgPool) {
    let before = catalog(&pool).await;
    let watch = model(&pool, "w2").await;
    let made = make_and_open(&pool, watch, before.quality_model).await;
    assert!(pause(&mut *connection(&pool).await, made, true).await.unwrap());
    assert_eq!(make_and_open(&pool, watch, before.quality_model).await, made);
    assert_eq!(activate_filled(&pool).await.unwrap(), Some(made));
}

#[sqlx::test]
async fn the_pages_do_not_switch_by_themselves_to_a_pair_with_which_more_images_fail(pool: PgPool) {
    let before = catalog(&pool).await;
    add_images(&pool, 5).await;
    opening::open(&pool).await.unwrap();
    all_scored(&pool).await;
    given_up(&pool, "w", 1).await;
    let made = make_and_open(&pool, model(&pool, "w2").await, before.quality_model).await;
    let mut conn = connection(&pool).await;
    given_up(&pool, "w2", 2).await;
    assert_eq!(coverage(&mut conn, made).await.unwrap(), Coverage { waiting: 3, failed: 2 });
    assert_eq!(held_back(&mut conn).await.unwrap(), None, "images wait for it");
    sqlx::raw_sql("UPDATE scorings SET state = 'done' WHERE state = 'pending'").execute(&pool).await.unwrap();
    assert_eq!(activate_filled(&pool).await.unwrap(), None);
    let told = HeldBack { generation: made, failed: 2, failed_now: 1 };
    assert_eq!(held_back(&mut conn).await.unwrap(), Some(told));
    assert_eq!(show(&pool, made).await, Activation::Shown, "a person may");
    assert_eq!(held_back(&mut conn).await.unwrap(), None);
}

#[sqlx::test]
async fn the_pages_switch_to_a_pair_with_which_as_many_images_fail_as_before(pool: PgPool) {
    let before = catalog(&pool).await;
    add_images(&pool, 5).await;
    opening::open(&pool).await.unwrap();
    all_scored(&pool).await;
    given_up(&pool, "w", 1).await;
    given_up(&pool, "q", 2).await;
    let made = make_and_open(&pool, model(&pool, "w2").await, before.quality_model).await;
    sqlx::raw_sql("UPDATE scorings SET state = 'done' WHERE state = 'pending'").execute(&pool).await.unwrap();
    assert_eq!(
        coverage(&mut *connection(&pool).await, made).await.unwrap(),
        Coverage { waiting: 0, failed: 2 }
    );
    assert_eq!(activate_filled(&pool).await.unwrap(), Some(made));
    assert_eq!(count(&pool, "events WHERE kind = 'models.activate' AND actor IS NULL").await, 1);
}

#[sqlx::test]
async fn rows_of_pairs_that_are_kept_up_no_more_are_left_alone_and_deleted_piece_by_piece(pool: PgPool) {
    let before = catalog(&pool).await;
    add_images(&pool, 2_500).await;
    opening::open(&pool).await.unwrap();
    all_scored(&pool).await;
    let given_up = make_and_open(&pool, model(&pool, "w2").await, before.quality_model).await;
    let mut conn = connection(&pool).await;
    assert!(give_up(&mut conn, given_up).await.unwrap());
    summary::fold(&mut conn).await.unwrap();
    catalog::refresh_scores(&mut conn, any_image(&pool).await, 7.0).await.unwrap();
    assert_eq!(count(&pool, "catalog WHERE sharpness = 7").await, 1, "what nobody sees is not written");

    assert_eq!(retired::clear(&pool, 10_000).await.unwrap(), 0, "somebody may be reading it still");
    sqlx::raw_sql("UPDATE active_generation SET since = now() - interval '11 minutes'")
        .execute(&pool)
        .await
        .unwrap();
    assert_eq!(retired::clear(&pool, 1_500).await.unwrap(), 2_007, "two pieces, with the seven listings");
    assert_eq!(retired::clear(&pool, 10_000).await.unwrap(), 500);
    assert_eq!(retired::clear(&pool, 10_000).await.unwrap(), 0);
    summary::fold(&mut conn).await.unwrap();
    for table in ["catalog", "listings", "catalog_summary", "catalog_deltas"] {
        assert_eq!(count(&pool, &format!("{table} WHERE generation_id = {given_up}")).await, 0, "{table}");
        let kept = count(&pool, &format!("{table} WHERE generation_id = {}", before.id)).await;
        assert!(kept > 0 || table == "catalog_deltas", "{table}");
    }
    assert_eq!(summary::counts(&mut conn, before.id).await.unwrap().images, 2_500);
}

#[sqlx::test]
async fn what_is_hidden_while_a_generation_is_opened_is_hidden_in_it(pool: PgPool) {
    let before = catalog(&pool).await;
    add_images(&pool, 40).await;
    opening::open(&pool).await.unwrap();
    let image = any_image(&pool).await;
    let made =
        make(&mut *connection(&pool).await, model(&pool, "w2").await, before.quality_model).await.unwrap();

    let mut hiding = pool.begin().await.unwrap();
    let at = chrono::DateTime::UNIX_EPOCH;
    images::hide(&mut hiding, image, (None, "blurred"), at).await.unwrap();
    let opening = tokio::spawn({
        let pool = pool.clone();
        async move { opening::open(&pool).await }
    });
    let mut opening = std::pin::pin!(opening);
    assert!(timeout(Duration::from_millis(200), &mut opening).await.is_err(), "it waits for whoever hides");
    hiding.commit().await.unwrap();
    opening.await.unwrap().unwrap();
    assert_eq!(count(&pool, &format!("catalog WHERE generation_id = {made} AND hidden")).await, 1);
}

#[sqlx::test]
async fn any_number_of_listings_is_recounted_at_once(pool: PgPool) {
    let keys: Vec<String> = (0..30_000).map(|number| format!("listing {number}")).collect();
    crate::store::catalog::refresh_listings(&mut *connection(&pool).await, &keys).await.unwrap();
}
