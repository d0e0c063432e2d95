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
