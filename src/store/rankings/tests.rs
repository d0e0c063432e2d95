use chrono::DateTime;
use sqlx::{AssertSqlSafe, Execute, PgPool, Postgres, QueryBuilder};

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
             SELECT md5(n::text)::uuid, sha256(n::text::bytea), n, 'jpeg', 10, 10, false FROM generate_series(1, $1) n
             RETURNING id, bytes AS n)
         INSERT INTO catalog (generation_id, image_id, watch_confidence, quality_mean, quality_std, human_mean,
                              human_rank, human_std, votes, listing_key, sharpness, width, height, ingested_at, filename)
         SELECT g.id, made.id, (n % 1000) / 1000.0, 1 + (n * 7 % 8999) / 1000.0, 1, 1 + (n % 89) / 10.0, 1 + (n % 89) / 10.0,
                n % 9 / 2.0, 1 + n % 12,
                (n / 10)::text, n % 500, 10, 10, to_timestamp(n), 'folder/100%_' || n || '.jpg'
         FROM made, generations g",
    )
    .bind(images)
    .execute(pool)
    .await
    .unwrap();
    sqlx::raw_sql("ANALYZE images").execute(pool).await.unwrap();
    // Not in one message, which would be one transaction.
    sqlx::raw_sql("VACUUM ANALYZE catalog").execute(pool).await.unwrap();
    viewpoint::active(&mut pool.acquire().await.unwrap()).await.unwrap().unwrap()
}

async fn plan(conn: &mut PgConnection, mut sql: QueryBuilder<Postgres>) -> String {
    let mut query = sql.build();
    let arguments = query.take_arguments().unwrap().unwrap();
    let text = query.sql().as_str().to_owned();
    let lines: Vec<String> = sqlx::query_scalar_with(AssertSqlSafe(format!("EXPLAIN {text}")), arguments)
        .fetch_all(conn)
        .await
        .unwrap();
    lines.join("\n")
}

/// Every combination of order, label, bounds, search, listing, one per listing and hidden, for one sort key.
fn every_list(sort: Sort) -> Vec<Ranking> {
    let key = |number: f64| match sort {
        Sort::Newest => Key::Time(DateTime::from_timestamp(number as i64 * 3_000, 0).unwrap()),
        _ => Key::Number(number),
    };
    let mut lists = vec![];
    for order in Order::ALL {
        for watch in Watch::ALL {
            for (min, max) in [
                (None, None),
                (Some(key(2.0)), None),
                (None, Some(key(6.0))),
                (Some(key(2.0)), Some(key(6.0))),
            ] {
                for text in [None, Some("_12345.".to_owned())] {
                    for listing in [None, Some("1234".to_owned())] {
                        for (one_per_listing, hidden) in
                            [(false, false), (true, false), (false, true), (true, true)]
                        {
                            let (text, listing) = (text.clone(), listing.clone());
                            lists.push(Ranking {
                                sort,
                                order,
                                watch,
                                min,
                                max,
                                text,
                                listing,
                                one_per_listing,
                                hidden,
                                votes: 0,
                                spread: None,
                                seed: 7,
                            });
                        }
                    }
                }
            }
        }
    }
    lists
}

/// Every combination of a sort key's order and labels with what votes can be asked for.
fn every_list_by_votes(sort: Sort) -> Vec<Ranking> {
    let mut lists = vec![];
    for order in Order::ALL {
        for watch in Watch::ALL {
            for (votes, spread) in [(12, None), (0, Spread::new(4.0)), (12, Spread::new(4.0))] {
                lists.push(Ranking { sort, order, watch, votes, spread, seed: 7, ..Ranking::default() });
            }
        }
    }
    lists
}

/// What a plan must be: one scan of an index that leads to few rows, and nothing that reads or sorts the catalog.
fn complaint(plan: &str, ranking: &Ranking) -> Option<&'static str> {
    let key = format!("catalog_{}", ranking.sort.column());
    let few =
        ["catalog_names", "catalog_listing_key", "catalog_hidden"].iter().any(|index| plan.contains(index));
    let is_narrow = ranking.text.is_some() || ranking.listing.is_some() || ranking.hidden;
    let is_of_votes = ranking.votes > 0 || ranking.spread.is_some();
    let is_voted = is_of_votes && plan.contains("catalog_human_rank");
    let is_band = ranking.watch == Watch::Doubtful && plan.contains("catalog_watch_confidence");
    if plan.contains("Seq Scan on catalog") || plan.contains("Parallel") {
        Some("reads the whole table")
    } else if ranking.sort == Sort::Random {
        let sampled = plan.contains("catalog_sample") || (is_narrow && few) || is_voted;
        (!sampled).then_some("draws without the index of hashes")
    } else if plan.contains(&key) && !plan.contains("Sort Key") {
        None
    } else {
        // A search, a listing, the hidden, the doubtful or the judged images may be few enough to be sorted.
        (!(is_narrow && few || is_band || is_voted)).then_some("does not come from the index of the sort key")
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn every_sort_and_filter_is_answered_from_an_index_and_sorts_no_table(pool: PgPool) {
    let view = catalog(&pool, 30_000).await;
    let mut conn = pool.acquire().await.unwrap();
    // People have judged one of five hundred.
    let few = "UPDATE catalog SET human_mean = NULL, human_rank = NULL, human_std = NULL, votes = 0
               WHERE sharpness <> 0";
    for statement in [few, "REINDEX INDEX catalog_human_rank", "VACUUM ANALYZE catalog"] {
        sqlx::raw_sql(statement).execute(&mut *conn).await.unwrap();
    }
    let mut tried = 0;
    for sort in Sort::ALL {
        let key = match sort {
            Sort::Newest => Key::Time(DateTime::from_timestamp(15_000, 0).unwrap()),
            _ => Key::Number(4.0),
        };
        for ranking in every_list(sort).into_iter().chain(every_list_by_votes(sort)) {
            let order = ranking.order;
            let image = Uuid::from_u128(1 << 120);
            let cursor = Cursor { generation: view.generation, sort, order, key, image };
            let walks = [
                Walk::onwards(&ranking, None),
                Walk::onwards(&ranking, Some(&cursor)),
                Walk::back(&ranking, &cursor),
            ];
            for walk in walks {
                let plan = plan(&mut conn, sql::select(&view, &ranking, walk, 41)).await;
                if let Some(complaint) = complaint(&plan, &ranking) {
                    panic!("{complaint}: {ranking:?} {walk:?}\n{plan}");
                }
                tried += 1;
            }
        }
    }
    assert_eq!(tried, 6 * (2 * 4 * 4 * 2 * 2 * 4 + 2 * 4 * 3) * 3);
}

#[sqlx::test(migrations = "./migrations")]
async fn one_per_listing_is_answered_from_the_listing_index(pool: PgPool) {
    let view = catalog(&pool, 30_000).await;
    let ranking = Ranking { one_per_listing: true, ..Ranking::default() };
    let mut conn = pool.acquire().await.unwrap();
    let plan = plan(&mut conn, sql::select(&view, &ranking, Walk::onwards(&ranking, None), 21)).await;
    assert!(plan.contains("catalog_quality_mean") && plan.contains("catalog_listing_key"), "{plan}");
}

#[sqlx::test(migrations = "./migrations")]
async fn a_search_leaves_no_plan_behind_that_another_text_would_be_given(pool: PgPool) {
    let view = catalog(&pool, 60).await;
    let mut conn = pool.acquire().await.unwrap();
    for (query, is_kept) in [("q=_4", false), ("q=_5&watch=yes", false), ("", true)] {
        let ranking: Ranking = query.parse().unwrap();
        page(&mut conn, &view, &ranking, &Place::Start, 20).await.unwrap();
        total(&mut conn, &view, &ranking).await.unwrap();
        let plans: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM pg_prepared_statements
             WHERE statement ~ 'ORDER BY c.quality_mean|ILIKE' AND statement !~ 'pg_prepared_statements'",
        )
        .fetch_one(&mut *conn)
        .await
        .unwrap();
        assert_eq!(plans > 0, is_kept, "{query}: {plans}");
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn an_image_is_in_a_list_exactly_when_nothing_keeps_it_out(pool: PgPool) {
    let view = catalog(&pool, 60).await;
    let mut conn = pool.acquire().await.unwrap();
    sqlx::raw_sql(
        "UPDATE catalog SET hidden = sharpness::int % 7 = 0;
         UPDATE catalog SET quality_mean = NULL, quality_std = NULL WHERE sharpness::int % 5 = 0;
         UPDATE catalog SET human_mean = NULL, human_rank = NULL, human_std = NULL, votes = 0, verdict = TRUE WHERE sharpness::int % 3 = 0;
         UPDATE catalog SET listing_key = NULL WHERE sharpness::int % 11 = 0;",
    )
    .execute(&mut *conn)
    .await
    .unwrap();
    let all: Vec<Uuid> = sqlx::query_scalar("SELECT image_id FROM catalog ORDER BY sharpness")
        .fetch_all(&mut *conn)
        .await
        .unwrap();
    let (mut inside, mut outside) = (0, std::collections::HashSet::new());
    for sort in Sort::ALL {
        for mut ranking in every_list(sort).into_iter().step_by(3).chain(every_list_by_votes(sort)) {
            ranking.text = ranking.text.map(|_| "_4".to_owned());
            ranking.listing = ranking.listing.map(|_| "4".to_owned());
            let listed = page(&mut conn, &view, &ranking, &Place::Start, 1000).await.unwrap().images;
            for image in all.iter().step_by(5) {
                let reasons = absent(&mut conn, &view, &ranking, ImageId(*image)).await.unwrap();
                let is_listed = listed.iter().any(|listed| listed.id == *image);
                assert_eq!(reasons.is_empty(), is_listed, "{ranking:?}: {reasons:?}");
                inside += usize::from(is_listed);
                outside.extend(reasons.iter().map(std::mem::discriminant));
            }
        }
    }
    assert!(inside > 50, "only {inside} were inside");
    // A sample of sixty leaves none out, and all are in the catalog.
    assert_eq!(outside.len(), 11, "{outside:?}");
    let unknown = absent(&mut conn, &view, &Ranking::default(), ImageId(Uuid::nil())).await.unwrap();
    assert_eq!(unknown, [Reason::Unknown]);
}

#[sqlx::test(migrations = "./migrations")]
async fn neighbours_and_pages_walk_the_same_list_in_both_directions(pool: PgPool) {
    let view = catalog(&pool, 95).await;
    let mut conn = pool.acquire().await.unwrap();
    for query in ["", "order=asc&one_per_listing=yes", "sort=newest&watch=no", "sort=random&seed=3", "q=_4"] {
        let ranking: Ranking = query.parse().unwrap();
        let all = page(&mut conn, &view, &ranking, &Place::Start, 1000).await.unwrap().images;
        let ids: Vec<Uuid> = all.iter().map(|image| image.id).collect();
        assert!(ids.len() > 3, "{query}");
        for (index, id) in ids.iter().enumerate() {
            let beside = neighbours(&mut conn, &view, &ranking, ImageId(*id)).await.unwrap();
            let at = |index: Option<usize>| index.and_then(|index| ids.get(index)).map(|id| ImageId(*id));
            let expected = Neighbours { previous: at(index.checked_sub(1)), next: at(Some(index + 1)) };
            assert_eq!(beside, expected, "{query} {index}");
            let cursor = all[index].cursor(&view, &ranking).unwrap();
            let ahead = ahead(&mut conn, &view, &ranking, &cursor).await.unwrap();
            assert_eq!(ahead, Some(index as i64), "{query}");
        }
        let mut walked = vec![];
        let mut pages = vec![page(&mut conn, &view, &ranking, &Place::Start, 4).await.unwrap()];
        while let Some(next) = pages.last().unwrap().next {
            pages.push(page(&mut conn, &view, &ranking, &Place::After(next), 4).await.unwrap());
        }
        pages.iter().for_each(|page| walked.extend(page.images.iter().map(|image| image.id)));
        assert_eq!(walked, ids, "{query}");
        assert_eq!(pages[0].previous, None);
        for pair in pages.windows(2) {
            let back = Place::Before(pair[1].previous.unwrap());
            assert_eq!(page(&mut conn, &view, &ranking, &back, 4).await.unwrap(), pair[0], "{query}");
        }
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn a_sample_is_stable_spread_over_the_catalog_and_in_rank_order(pool: PgPool) {
    let view = catalog(&pool, 3_000).await;
    let mut conn = pool.acquire().await.unwrap();
    let mut drawn = std::collections::HashSet::new();
    for seed in 0..20 {
        let ranking = Ranking { sort: Sort::Random, seed, ..Ranking::default() };
        let sample = page(&mut conn, &view, &ranking, &Place::Start, 1000).await.unwrap().images;
        let again = page(&mut conn, &view, &ranking, &Place::Start, 1000).await.unwrap().images;
        assert_eq!(sample, again);
        assert_eq!(sample.len(), usize::try_from(SAMPLE).unwrap());
        assert!(sample.is_sorted_by(|one, other| one.quality_mean >= other.quality_mean));
        let mean = sample.iter().filter_map(|image| image.quality_mean).sum::<f64>() / 100.0;
        // Means are spread evenly from 1 to 10: the mean of 100 has a standard error of 0.26.
        assert!((mean - 5.5).abs() < 1.3, "seed {seed}: {mean}");
        drawn.extend(sample.into_iter().map(|image| image.id));
        assert_eq!(total(&mut conn, &view, &ranking).await.unwrap(), Total { count: SAMPLE, is_exact: true });
    }
    assert!(drawn.len() > 1_000, "{} different images in 20 samples", drawn.len());
}

#[sqlx::test(migrations = "./migrations")]
async fn totals_stop_at_ten_thousand_and_say_so(pool: PgPool) {
    let view = catalog(&pool, 10_001).await;
    let mut conn = pool.acquire().await.unwrap();
    let all = total(&mut conn, &view, &Ranking::default()).await.unwrap();
    assert_eq!(all, Total { count: 10_000, is_exact: false });
    let few = Ranking { listing: Some("7".to_owned()), ..Ranking::default() };
    assert_eq!(total(&mut conn, &view, &few).await.unwrap(), Total { count: 10, is_exact: true });
}

#[sqlx::test(migrations = "./migrations")]
async fn how_many_bear_a_label_is_exact_in_a_short_list_and_a_lower_bound_in_a_long_one(pool: PgPool) {
    let view = catalog(&pool, 10_101).await;
    let mut conn = pool.acquire().await.unwrap();
    for query in ["", "listing=7", "max=5", "watch=yes&min=3", "q=7", "hidden=yes"] {
        let ranking: Ranking = query.parse().unwrap();
        for (watch, is_watch) in [(Watch::Yes, true), (Watch::No, false)] {
            let those = Ranking { watch, ..ranking.clone() };
            let counted = total(&mut conn, &view, &those).await.unwrap();
            let told = labelled(&mut conn, &view, &ranking, is_watch).await.unwrap();
            if query.is_empty() {
                assert!(!told.is_exact && told.count <= counted.count, "{told:?} {counted:?}");
                assert!(told.count > counted.count - 300, "{told:?} {counted:?}");
            } else {
                assert_eq!(told, counted, "{query}");
            }
        }
    }
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
    let all = page(&mut conn, &view, &Ranking::default(), &Place::Start, 1000).await.unwrap().images;
    for watch in [Watch::Any, Watch::No] {
        for max in [None, Some(Key::Number(1.3))] {
            let ranking = Ranking { watch, max, one_per_listing: true, ..Ranking::default() };
            let shown = page(&mut conn, &view, &ranking, &Place::Start, 1000).await.unwrap().images;
            let passes = |image: &&Ranked| max.is_none() || image.quality_mean.unwrap() <= 1.3;
            let mut seen = std::collections::HashSet::new();
            let first = |image: &&Ranked| seen.insert(image.listing_key.clone());
            let expected: Vec<_> = all.iter().filter(passes).filter(first).map(|image| image.id).collect();
            assert!(!expected.is_empty());
            assert_eq!(shown.iter().map(|image| image.id).collect::<Vec<_>>(), expected, "{watch:?} {max:?}");
        }
    }
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

#[sqlx::test(migrations = "./migrations")]
async fn the_summaries_call_a_list_long_only_when_a_count_would(pool: PgPool) {
    let view = catalog(&pool, 25_000).await;
    let mut conn = pool.acquire().await.unwrap();
    let total_of = async |conn: &mut PgConnection, query: &str| {
        let ranking: Ranking = query.parse().unwrap();
        let counted: i64 = sql::count(&view, &ranking, Walk::onwards(&ranking, None), COUNTED + 1)
            .build_query_scalar()
            .fetch_one(&mut *conn)
            .await
            .unwrap();
        let long = totals::is_surely_long(conn, &view, &ranking).await.unwrap();
        assert_eq!(total(conn, &view, &ranking).await.unwrap(), Total::counted(counted), "{query}");
        (long, counted)
    };
    assert_eq!(total_of(&mut conn, "watch=yes").await, (true, 10_001));
    assert_eq!(total_of(&mut conn, "watch=no&sort=watch").await, (true, 10_001));
    assert_eq!(total_of(&mut conn, "watch=no&max=9").await, (false, 10_001));
    assert_eq!(total_of(&mut conn, "one_per_listing=yes").await, (false, 2_501));
    // People decide nearly all of them the other way: the summaries no longer tell, and the count does.
    sqlx::raw_sql("UPDATE catalog SET verdict = watch_confidence <= 0.5 WHERE sharpness > 20")
        .execute(&mut *conn)
        .await
        .unwrap();
    let (long, counted) = total_of(&mut conn, "watch=yes").await;
    assert!(!long && counted > 1_000, "{counted}");
}
