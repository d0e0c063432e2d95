use sqlx::PgPool;
use tokio::time::{Duration, timeout};
use uuid::Uuid;

use super::*;
use crate::store::{images, model_versions, opening, scorings};

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
    assert_eq!(
        waiting(&mut *connection(&pool).await, made).await.unwrap(),
        2_345,
        "no image has its rows yet"
    );
    assert!(!activate(&mut *connection(&pool).await, made, None).await.unwrap());
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
    assert!(activate(&mut conn, made, None).await.unwrap());
    assert!(activate(&mut conn, made, None).await.unwrap());
    assert_eq!(state(&pool, before.id).await, "live", "clicked twice");
    add_images(&pool, 3).await;
    opening::open(&pool).await.unwrap();
    assert_eq!(waiting(&mut conn, before.id).await.unwrap(), 3);
    assert!(activate(&mut conn, before.id, None).await.unwrap());
    assert_eq!(active(&mut conn).await.unwrap(), Some(before));
    assert_eq!(count(&pool, "served_models WHERE until IS NULL").await, 2);
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
    let image: Uuid = sqlx::query_scalar("SELECT id FROM images LIMIT 1").fetch_one(&pool).await.unwrap();
    assert!(
        scorings::is_settled(&mut *connection(&pool).await, crate::domain::ImageId(image)).await.unwrap()
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
async fn what_is_hidden_while_a_generation_is_opened_is_hidden_in_it(pool: PgPool) {
    let before = catalog(&pool).await;
    add_images(&pool, 40).await;
    opening::open(&pool).await.unwrap();
    let image: Uuid = sqlx::query_scalar("SELECT id FROM images LIMIT 1").fetch_one(&pool).await.unwrap();
    let made =
        make(&mut *connection(&pool).await, model(&pool, "w2").await, before.quality_model).await.unwrap();

    let mut hiding = pool.begin().await.unwrap();
    let at = chrono::DateTime::UNIX_EPOCH;
    images::hide(&mut hiding, crate::domain::ImageId(image), (None, "blurred"), at).await.unwrap();
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

#[sqlx::test]
async fn numbers_that_moved_are_accepted_as_another_version_with_its_threshold(pool: PgPool) {
    let before = catalog(&pool).await;
    let mut conn = connection(&pool).await;
    sqlx::raw_sql(
        "INSERT INTO model_checks (model_id, image, expected, tolerance) SELECT id, 'dial', '0.25', 0.005 FROM models;
         INSERT INTO threshold_settings (model_id, value, objective, note) SELECT id, 0.125, 'f1', 'measured' FROM models WHERE name = 'w'",
    )
    .execute(&pool)
    .await
    .unwrap();
    assert_eq!(
        model_versions::accept(&mut conn, before.watch_model, None).await.unwrap(),
        None,
        "nothing moved"
    );
    model_versions::observe(&mut conn, before.watch_model, "dial", Some(0.5)).await.unwrap();
    let moved = model_versions::moved(&mut conn).await.unwrap();
    assert_eq!((moved.len(), moved[0].expected, moved[0].observed), (1, 0.25, 0.5));

    let made = model_versions::accept(&mut conn, before.watch_model, None).await.unwrap().unwrap();
    assert_eq!(
        model_versions::accept(&mut conn, before.watch_model, None).await.unwrap(),
        None,
        "once is enough"
    );
    let version = model(&pool, "w").await;
    let row: (i32, String, f64, f64) = sqlx::query_as(
        "SELECT m.version, m.title, c.expected::float8, t.value FROM models m JOIN model_checks c ON c.model_id = m.id
         JOIN threshold_settings t ON t.model_id = m.id WHERE m.id = $1",
    )
    .bind(version.0)
    .fetch_one(&pool)
    .await
    .unwrap();
    assert_eq!(row, (2, "The watcher, version 2".to_owned(), 0.5, 0.125));
    let opened = latest(&mut conn).await.unwrap().unwrap();
    assert_eq!((opened.id, opened.watch_model, opened.quality_model), (made, version, before.quality_model));
}
