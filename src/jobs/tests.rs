use sqlx::PgPool;

use super::*;

/// Images that wait for a model which nothing else asks.
async fn waiting_images(pool: &PgPool, count: i32) -> ModelId {
    migrate(pool).await.unwrap();
    let model = sqlx::query_scalar(
        "WITH images AS (
             INSERT INTO images (id, sha256, bytes, format, width, height, audit)
             SELECT gen_random_uuid(), sha256(n::text::bytea), 1, 'jpeg', 10, 10, FALSE FROM generate_series(1, $1) n RETURNING id),
         model AS (
             INSERT INTO models (name, task, kind, fingerprint, preprocessing, manifest, sha256)
             VALUES ('q', 'quality', 'onnx', repeat('b', 64), 1, '{}', sha256('q')) RETURNING id),
         scorings AS (
             INSERT INTO scorings (image_id, model_id) SELECT images.id, model.id FROM images, model)
         SELECT id FROM model",
    );
    model.bind(count).fetch_one(pool).await.map(ModelId).unwrap()
}

/// The jobs in the order in which they are taken: what for, and how many of them.
async fn queue(pool: &PgPool) -> Vec<(String, i64)> {
    sqlx::query_as(
        "SELECT task_identifier, count(*) FROM graphile_worker.jobs GROUP BY priority, task_identifier ORDER BY priority",
    )
    .fetch_all(pool)
    .await
    .unwrap()
}

fn scores(count: i64) -> (String, i64) {
    ("score_image".to_owned(), count)
}

#[sqlx::test]
async fn more_images_than_one_look_takes_are_looked_for_again_before_the_last_of_them_are_scored(
    pool: PgPool,
) {
    let model = waiting_images(&pool, 25).await;
    let refill = || ("refill".to_owned(), 1);
    assert_eq!(add_waiting(&pool, &[model], 10, 3).await.unwrap(), 10);
    assert_eq!(queue(&pool).await, [scores(7), refill(), scores(3)]);
    assert_eq!(add_waiting(&pool, &[model], 10, 3).await.unwrap(), 10);
    assert_eq!(queue(&pool).await, [scores(14), refill(), scores(6)]);
    sqlx::raw_sql("DELETE FROM graphile_worker._private_jobs WHERE key = 'refill'")
        .execute(&pool)
        .await
        .unwrap();
    assert_eq!(add_waiting(&pool, &[model], 10, 3).await.unwrap(), 5);
    assert_eq!(queue(&pool).await, [scores(19), scores(6)], "there are no more");
    assert_eq!(add_waiting(&pool, &[model], 10, 3).await.unwrap(), 0);
    assert_eq!(add_waiting(&pool, &[ModelId(4711)], 10, 3).await.unwrap(), 0, "nobody runs it");
}
