use sqlx::{AssertSqlSafe, Execute, PgPool};

use super::*;
use crate::{
    domain::{GenerationId, ModelId, Threshold},
    store::viewpoint,
};

/// A generation with `images` images, whose scores are spread evenly and every tenth of which belongs to a
/// listing with the nine before it.
async fn catalog(pool: &PgPool, images: i32) -> Viewpoint {
    sqlx::raw_sql(
        "INSERT INTO models (name, task, kind, fingerprint, preprocessing, manifest, sha256, default_threshold)
         VALUES ('w', 'watch', 'onnx', repeat('a', 64), 1, '{}', sha256('w'), 0.5),
                ('q', 'quality', 'onnx', repeat('b', 64), 1, '{}', sha256('q'), NULL);
         INSERT INTO generations (watch_model, quality_model, state)
         SELECT w.id, q.id, 'live' FROM models w, models q WHERE w.name = 'w' AND q.name = 'q';
         INSERT INTO active_generation (generation_id) SELECT id FROM generations;",
    )
    .execute(pool)
    .await
    .unwrap();
    sqlx::query(
        "WITH made AS (
             INSERT INTO images (id, sha256, bytes, format, width, height, audit)
             SELECT gen_random_uuid(), sha256(n::text::bytea), n, 'jpeg', 10, 10, false FROM generate_series(1, $1) n
             RETURNING id, bytes AS n)
         INSERT INTO catalog (generation_id, image_id, watch_confidence, quality_mean, quality_std, human_mean,
                              votes, listing_key, sharpness, width, height, ingested_at, filename)
         SELECT g.id, made.id, (n % 1000) / 1000.0, 1 + (n * 7 % 8999) / 1000.0, 1, 1 + (n % 89) / 10.0, 1,
                (n / 10)::text, n % 500, 10, 10, to_timestamp(n), 'folder/100%_' || n || '.jpg'
         FROM made, generations g",
    )
    .bind(images)
    .execute(pool)
    .await
    .unwrap();
    sqlx::raw_sql("ANALYZE catalog; ANALYZE images").execute(pool).await.unwrap();
    viewpoint::active(&mut pool.acquire().await.unwrap()).await.unwrap().unwrap()
}

async fn plan(pool: &PgPool, mut sql: QueryBuilder<Postgres>) -> String {
    let mut query = sql.build();
    let arguments = query.take_arguments().unwrap().unwrap();
    let text = query.sql().as_str().to_owned();
    let lines: Vec<String> = sqlx::query_scalar_with(AssertSqlSafe(format!("EXPLAIN {text}")), arguments)
        .fetch_all(pool)
        .await
        .unwrap();
    lines.join("\n")
}

#[sqlx::test(migrations = "./migrations")]
async fn every_sort_and_order_is_answered_from_the_index_of_its_key(pool: PgPool) {
    let view = catalog(&pool, 30_000).await;
    for sort in Sort::ALL {
        for order in Order::ALL {
            for watch in Watch::ALL {
                let ranking = Ranking { sort, order, watch, ..Ranking::default() };
                let key = if sort == Sort::Newest {
                    Key::Time(DateTime::from_timestamp(15_000, 0).unwrap())
                } else {
                    Key::Number(0.5)
                };
                let cursor = Cursor {
                    generation: view.generation,
                    sort,
                    order,
                    key,
                    image: Uuid::from_u128(1 << 120),
                };
                for after in [None, Some(&cursor)] {
                    let plan = plan(&pool, select(&view, &ranking, after, 21)).await;
                    assert!(
                        plan.contains(&format!("catalog_{}", sort.column()))
                            && !plan.contains("Seq Scan on catalog"),
                        "{sort:?} {order:?} {watch:?} after {after:?}:\n{plan}"
                    );
                }
            }
        }
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn one_per_listing_is_answered_from_the_listing_index(pool: PgPool) {
    let view = catalog(&pool, 30_000).await;
    let ranking = Ranking { one_per_listing: true, ..Ranking::default() };
    let plan = plan(&pool, select(&view, &ranking, None, 21)).await;
    assert!(plan.contains("catalog_quality_mean") && plan.contains("catalog_listing_key"), "{plan}");
}

#[sqlx::test(migrations = "./migrations")]
async fn totals_stop_at_ten_thousand_and_say_so(pool: PgPool) {
    let view = catalog(&pool, 10_001).await;
    let mut conn = pool.acquire().await.unwrap();
    let all = total(&mut conn, &view, &Ranking::default()).await.unwrap();
    assert_eq!(all, Total { count: 10_000, is_exact: false });
    let few = Ranking { listing: Some("7".to_owned()), ..Ranking::default() };
    assert_eq!(total(&mut conn, &view, &few).await.unwrap(), Total { count: 10, is_exact: true });
    assert_eq!(shares_below(&mut conn, &view, &[5.0]).await.unwrap(), None);
}

#[sqlx::test(migrations = "./migrations")]
async fn signs_of_a_pattern_are_searched_for_literally(pool: PgPool) {
    let view = catalog(&pool, 30).await;
    let mut conn = pool.acquire().await.unwrap();
    for (text, found) in [("100%_7.", 1), ("100__7", 0), ("%", 30), ("FOLDER/", 30), ("\\", 0)] {
        let ranking = Ranking { text: Some(text.to_owned()), ..Ranking::default() };
        assert_eq!(total(&mut conn, &view, &ranking).await.unwrap().count, found, "{text}");
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn of_a_listing_the_best_that_passes_the_filters_is_shown(pool: PgPool) {
    let view = catalog(&pool, 95).await;
    let mut conn = pool.acquire().await.unwrap();
    let all = page(&mut conn, &view, &Ranking::default(), None, 1000).await.unwrap().images;
    for watch in [Watch::Any, Watch::No] {
        for max in [None, Some(Key::Number(1.3))] {
            let ranking = Ranking { watch, max, one_per_listing: true, ..Ranking::default() };
            let shown = page(&mut conn, &view, &ranking, None, 1000).await.unwrap().images;
            let passes = |image: &&Ranked| max.is_none() || image.quality_mean.unwrap() <= 1.3;
            let mut seen = std::collections::HashSet::new();
            let first = |image: &&Ranked| seen.insert(image.listing_key.clone());
            let expected: Vec<_> = all.iter().filter(passes).filter(first).map(|image| image.id).collect();
            assert!(!expected.is_empty());
            assert_eq!(shown.iter().map(|image| image.id).collect::<Vec<_>>(), expected, "{watch:?} {max:?}");
        }
    }
}

#[test]
fn shares_below_count_strictly_lower_values() {
    let near = |value: f64, expected: f64| assert!((value - expected).abs() < 1e-12);
    near(share_below(&[1.0, 2.0, 2.0, 3.0], 2.0), 0.25);
    near(share_below(&[], 2.0), 0.0);
}

#[sqlx::test(migrations = "./migrations")]
async fn the_latest_threshold_that_was_set_holds_and_before_it_the_manifests(pool: PgPool) {
    let before = catalog(&pool, 1).await;
    assert_eq!(before.threshold, Some(Threshold::new(0.5).unwrap()));
    assert!(!before.threshold_is_measured);
    sqlx::raw_sql(
        "INSERT INTO threshold_settings (model_id, value, objective) SELECT id, 0.2, 'f1' FROM models WHERE name = 'w';
         INSERT INTO threshold_settings (model_id, value, objective) SELECT id, 0.3, 'f1' FROM models WHERE name = 'w';",
    )
    .execute(&pool)
    .await
    .unwrap();
    let mut conn = pool.acquire().await.unwrap();
    let after = viewpoint::active(&mut conn).await.unwrap().unwrap();
    assert_eq!(after.threshold, Some(Threshold::new(0.3).unwrap()));
    assert!(after.threshold_is_measured);
    assert_eq!(viewpoint::of(&mut conn, GenerationId(99)).await.unwrap(), None);
    assert_ne!(after.watch_model, ModelId(0));
}
