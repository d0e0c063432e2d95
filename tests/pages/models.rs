//! The Models page: what another pair of models would change, and when the pages show it.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering},
};

use chronograde::{
    domain::{GenerationId, ImageId, ModelId, Role},
    jobs,
    store::{generations, opening, viewpoint},
};
use futures_util::future::join_all;
use reqwest::StatusCode;
use sqlx::PgPool;
use tokio::time::{Duration, timeout};
use uuid::Uuid;

use super::catalog::{Catalog, Picture, TestSite};

/// Thirty watches by a pair that serves, and another pair that has scored nothing; both generations.
async fn thirty_watches_and_another_pair(pool: &PgPool) -> (GenerationId, GenerationId) {
    let mut catalog = Catalog::open(pool, 0.5).await;
    for number in 0..30_i32 {
        catalog.add(Picture::scored(number, 2.0 + f64::from(number) / 10.0, 0.9)).await;
    }
    sqlx::query(
        "INSERT INTO models (name, title, task, kind, fingerprint, preprocessing, manifest, sha256, default_threshold)
         VALUES ('w2', 'another', 'watch', 'onnx', repeat('c', 64), 1, '{}', sha256('w2'), 0.5)",
    )
    .execute(pool)
    .await
    .unwrap();
    let other: i64 =
        sqlx::query_scalar("SELECT id FROM models WHERE name = 'w2'").fetch_one(pool).await.unwrap();
    let mut tx = pool.begin().await.unwrap();
    let before = viewpoint::active(&mut tx).await.unwrap().unwrap();
    let generation = generations::make(&mut tx, ModelId(other), before.quality_model).await.unwrap();
    tx.commit().await.unwrap();
    opening::open(pool).await.unwrap();
    (before.generation, generation)
}

/// The other pair finds watches in ten of the images, and ranks none of them otherwise.
async fn the_other_pair_scores(pool: &PgPool) {
    sqlx::raw_sql(
        "INSERT INTO watch_predictions (image_id, model_id, confidence, positives)
         SELECT c.image_id, m.id, CASE WHEN c.quality_mean < 3 THEN 0.8 ELSE 0.1 END, '{}'
         FROM catalog c JOIN active_generation a ON a.generation_id = c.generation_id, models m WHERE m.name = 'w2';
         UPDATE scorings SET state = 'done';
         UPDATE catalog c SET watch_confidence = w.confidence FROM generations g, watch_predictions w
         WHERE g.id = c.generation_id AND w.model_id = g.watch_model AND w.image_id = c.image_id",
    )
    .execute(pool)
    .await
    .unwrap();
}

#[sqlx::test(migrations = "./migrations")]
async fn another_pair_is_compared_and_shown_when_no_image_waits_for_it(pool: PgPool) {
    let (before, generation) = thirty_watches_and_another_pair(&pool).await;
    let site = TestSite::start(pool.clone(), "").await;
    let page = site.page("/models").await;
    let rows = page.all("section[aria-labelledby=pairs] tbody tr");
    assert!(
        rows[0].contains("the pages show it") && rows[1].contains("has scored 0 of 30 images"),
        "{rows:?}"
    );
    assert_eq!(page.all("section[aria-labelledby=pairs] button"), ["Hold it", "Give it up"]);
    assert_eq!(
        page.attributes("section[aria-labelledby=pairs] button", "aria-label"),
        ["Hold it: another and q", "Give it up: another and q"]
    );
    assert_eq!(page.all("section[aria-labelledby=pairs] details summary"), ["Give it up …"], "in two steps");
    site.post(&format!("/models/{generation}/pause")).await;
    let page = site.page("/models").await;
    let held = page.all("section[aria-labelledby=pairs] tbody tr");
    assert!(held[1].contains("has scored 0 of 30 images; held"), "{held:?}");
    assert_eq!(page.all("section[aria-labelledby=pairs] button"), ["Go on", "Give it up"]);
    site.post(&format!("/models/{generation}/resume")).await;
    let (status, leads_to) = site.post(&format!("/models/{generation}/activate")).await;
    assert_eq!((status, &*leads_to), (StatusCode::SEE_OTHER, "/models?done=waiting"));
    let page = site.page(&leads_to).await;
    assert_eq!(page.all("section[aria-labelledby=pairs] tbody tr"), rows, "images wait for it");
    assert!(page.one("[role=status]").contains("Images wait for that pair"));

    the_other_pair_scores(&pool).await;
    let page = site.page("/models").await;
    let figures = page.all("section[aria-labelledby=report-1] td");
    assert_eq!(
        figures,
        [
            "0 newly a watch, 20 no longer, of 30 images; thresholds 0.5 → 0.5",
            "not defined: too few images, or all alike",
            "1.000",
            "10 enter, 20 leave",
            "0 enter, 10 leave"
        ]
    );
    assert_eq!(page.all("section[aria-labelledby=report-1] .movers .card").len(), 12);
    let report = "section[aria-labelledby=report-1]";
    assert_eq!(
        page.all(&format!("{report} h3")),
        ["They enter the top 20", "They leave the top 20", "They leave the bottom 20", "The biggest movers"]
    );
    let places = page.all(&format!("{report} .ends b"));
    assert_eq!(places.len(), 10 + 20 + 10);
    assert_eq!(places[..2], ["number 21 → number 1", "number 22 → number 2"]);
    assert_eq!(places[10], "number 1 → no watch");
    assert_eq!(places[30], "11 from the bottom → no watch");

    site.post(&format!("/models/{generation}/activate")).await;
    let rows = site.page("/models").await.all("section[aria-labelledby=pairs] tbody tr");
    assert!(rows[0].starts_with("another") && rows[0].contains("the pages show it"), "{rows:?}");
    assert!(rows[1].contains("one can go back at once"), "{rows:?}");
    assert_eq!(site.page("/top?watch=yes").await.images().len(), 10);
    site.post(&format!("/models/{before}/activate")).await;
    assert_eq!(site.page("/top?watch=yes").await.images().len(), 20);
    assert_eq!(site.post("/models/4711/activate").await.0, StatusCode::NOT_FOUND);
}

#[sqlx::test(migrations = "./migrations")]
async fn while_a_pair_is_filled_nothing_leaves_for_want_of_a_score_and_what_is_hidden_counts_nowhere(
    pool: PgPool,
) {
    let _pair = thirty_watches_and_another_pair(&pool).await;
    the_other_pair_scores(&pool).await;
    // The other pair says of each watch what the present one says, has scored 25 of them, and one of those is hidden.
    sqlx::raw_sql(
        "UPDATE catalog SET watch_confidence = 0.9 WHERE watch_confidence IS NOT NULL;
         UPDATE catalog SET watch_confidence = NULL, quality_mean = NULL, quality_std = NULL
         WHERE generation_id <> (SELECT generation_id FROM active_generation) AND image_id IN (
             SELECT image_id FROM catalog WHERE generation_id = (SELECT generation_id FROM active_generation)
             ORDER BY quality_mean DESC LIMIT 5);
         UPDATE catalog SET hidden = true WHERE image_id IN (SELECT image_id FROM catalog ORDER BY quality_mean LIMIT 1)",
    )
    .execute(&pool)
    .await
    .unwrap();
    let site = TestSite::start(pool, "").await;
    let figures = site.page("/models").await.all("section[aria-labelledby=report-1] td");
    assert_eq!(figures[0], "0 newly a watch, 0 no longer, of 24 images; thresholds 0.5 → 0.5");
    assert_eq!(figures[2..], ["1.000", "0 enter, 0 leave", "0 enter, 0 leave"]);
}

#[sqlx::test(migrations = "./migrations")]
async fn labels_change_by_the_threshold_of_each_model_and_never_against_people(pool: PgPool) {
    let _pair = thirty_watches_and_another_pair(&pool).await;
    the_other_pair_scores(&pool).await;
    // Of ten that the other model says 0.8 of, people say no of one, and yes of one of the twenty that it says 0.1 of.
    sqlx::raw_sql(
        "UPDATE catalog SET verdict = FALSE WHERE quality_mean = (SELECT min(quality_mean) FROM catalog);
         UPDATE catalog SET verdict = TRUE WHERE quality_mean = (SELECT max(quality_mean) FROM catalog)",
    )
    .execute(&pool)
    .await
    .unwrap();
    let site = TestSite::start(pool.clone(), "").await;
    let labels = async |change: &'static str| {
        sqlx::raw_sql(change).execute(&pool).await.unwrap();
        site.page("/models").await.all("section[aria-labelledby=report-1] td").remove(0)
    };
    assert_eq!(labels("").await, "0 newly a watch, 19 no longer, of 30 images; thresholds 0.5 → 0.5");
    assert_eq!(
        labels("UPDATE models SET default_threshold = 0.95 WHERE name = 'w'; UPDATE models SET default_threshold = 0.05 WHERE name = 'w2'").await,
        "28 newly a watch, 0 no longer, of 30 images; thresholds 0.95 → 0.05"
    );
    assert_eq!(
        labels("UPDATE models SET default_threshold = NULL WHERE name = 'w2'").await,
        "no threshold: the confidence of “another” gives no label"
    );
}

#[sqlx::test(migrations = "./migrations")]
async fn pairs_of_models_with_the_same_title_are_told_apart(pool: PgPool) {
    let _pair = thirty_watches_and_another_pair(&pool).await;
    sqlx::raw_sql("UPDATE models SET title = 'another' WHERE name = 'w'").execute(&pool).await.unwrap();
    let site = TestSite::start(pool, "").await;
    let named = site.page("/models").await.all("section[aria-labelledby=pairs] td[data-name=Models]");
    assert_eq!(named, ["another (w) and q", "another (w2) and q"]);
    assert!(site.page("/").await.one(".filling").contains("another (w2) and q have scored 0 of 30"));
}

#[sqlx::test(migrations = "./migrations")]
async fn home_tells_of_a_pair_that_is_filled_or_held_until_it_is_done(pool: PgPool) {
    let (_, generation) = thirty_watches_and_another_pair(&pool).await;
    let site = TestSite::start(pool.clone(), "").await;
    let home = site.page("/").await;
    assert!(
        home.one(".filling")
            .starts_with("0 of 30 Other models are brought in: another and q have scored 0 of 30 images"),
        "{}",
        home.one(".filling")
    );
    let matters = home.all(".attention li").join(" ");
    assert!(!matters.contains("brought in"), "nobody has to do anything: {matters}");
    assert_eq!(home.attributes(".filling a", "href"), ["/models"]);
    assert_eq!(home.attributes(".filling progress", "max"), ["30"]);
    assert!(home.attributes(".filling", "role").is_empty(), "one count is announced, not two");
    let manager = site.sign_in("manager", Role::Manager).await;
    let seen = site.page_of(manager.get(site.url("/")).send().await.unwrap()).await;
    assert!(!seen.one(".filling").is_empty() && seen.all(".filling a").is_empty(), "no page of a manager's");

    site.post(&format!("/models/{generation}/pause")).await;
    assert!(site.page("/").await.one(".filling").contains("held: an admin can let them go on."));
    the_other_pair_scores(&pool).await;
    assert!(site.page("/").await.one(".filling").contains("scored 30 of 30 images, and are held"));
    site.post(&format!("/models/{generation}/activate")).await;
    assert!(site.page("/").await.all(".filling").is_empty());
}

#[sqlx::test(migrations = "./migrations")]
async fn home_tells_of_a_pair_also_while_there_is_no_image_to_score(pool: PgPool) {
    let mut catalog = Catalog::open(&pool, 0.5).await;
    catalog.sighting("broken.jpg", "failed", Some("truncated")).await;
    sqlx::raw_sql(
        "INSERT INTO models (name, task, kind, fingerprint, preprocessing, manifest, sha256)
         VALUES ('w2', 'watch', 'onnx', repeat('c', 64), 1, '{}', sha256('w2'));
         INSERT INTO generations (watch_model, quality_model, state)
         SELECT w.id, q.id, 'filling' FROM models w, models q WHERE w.name = 'w2' AND q.name = 'q'",
    )
    .execute(&pool)
    .await
    .unwrap();
    let site = TestSite::start(pool.clone(), "").await;
    let home = site.page("/").await;
    assert!(home.one(".filling").contains("w2 and q are being prepared"), "{}", home.one(".filling"));
    assert!(home.all(".filling progress").is_empty(), "it would have no end");
    assert!(
        site.page("/models").await.all("section[aria-labelledby=pairs] tbody tr")[1]
            .contains("being prepared")
    );
}

#[sqlx::test(migrations = "./migrations")]
async fn the_page_says_what_the_buttons_of_a_pair_do(pool: PgPool) {
    let (_, generation) = thirty_watches_and_another_pair(&pool).await;
    let site = TestSite::start(pool.clone(), "").await;
    let said = async || {
        let page = site.page("/models").await;
        let notes = page.all("section[aria-labelledby=pairs] > .quiet").join(" ");
        (page.all("section[aria-labelledby=pairs] button"), notes)
    };
    let (_, note) = said().await;
    assert!(note.contains("“Hold it” stops after the images that are in hand"), "{note}");
    let give_up = site.page("/models").await.one("section[aria-labelledby=pairs] details p");
    assert!(give_up.contains("Scores that were made stay"), "{give_up}");
    site.post(&format!("/models/{generation}/pause")).await;
    assert!(said().await.1.contains("“Go on” scores the images that wait"));
    the_other_pair_scores(&pool).await;
    let (buttons, note) = said().await;
    assert_eq!(buttons, ["Show this pair", "Give it up"], "to go on would be the same");
    assert!(note.contains("“Show this pair” has them switch now"), "{note}");
    sqlx::raw_sql(
        "WITH failed AS (
             UPDATE scorings SET state = 'failed', reason = 'the output is no number'
             WHERE (image_id, model_id) IN (SELECT image_id, model_id FROM scorings
                                            WHERE model_id = (SELECT id FROM models WHERE name = 'w2') LIMIT 1)
             RETURNING image_id)
         UPDATE catalog c SET watch_confidence = NULL FROM failed
         WHERE c.image_id = failed.image_id AND c.generation_id <> (SELECT generation_id FROM active_generation)",
    )
    .execute(&pool)
    .await
    .unwrap();
    let (buttons, note) = said().await;
    assert_eq!(buttons, ["Show this pair", "Go on", "Give it up"]);
    assert!(note.contains("images that failed have no score there") && note.contains("“Go on”"), "{note}");
    site.post(&format!("/models/{generation}/activate")).await;
    let (buttons, note) = said().await;
    assert_eq!(buttons, ["Show this pair"]);
    assert!(note.contains("goes back at once"), "{note}");
}

#[sqlx::test(migrations = "./migrations")]
async fn numbers_that_moved_are_told_and_accepted_by_a_button(pool: PgPool) {
    let mut catalog = Catalog::open(&pool, 0.5).await;
    catalog.add(Picture::scored(1, 5.0, 0.9)).await;
    sqlx::raw_sql(
        "INSERT INTO model_checks (model_id, image, expected, tolerance, moved_to)
         SELECT id, 'drawn dial 1', '0.25', 0.005, 0.375 FROM models WHERE name = 'w'",
    )
    .execute(&pool)
    .await
    .unwrap();
    let site = TestSite::start(pool.clone(), "").await;
    let page = site.page("/models").await;
    let told = page.all("section[aria-labelledby=moved] p").join(" ");
    assert!(told.contains("was 0.2500 and is 0.3750 now") && told.contains("images wait"), "{told}");
    let accept = page.attributes("section[aria-labelledby=moved] form", "action").remove(0);
    assert_eq!(site.post(&accept).await.0, StatusCode::SEE_OTHER);
    let page = site.page("/models").await;
    assert!(page.all("section[aria-labelledby=moved]").is_empty(), "it is decided");
    assert!(page.all("section[aria-labelledby=pairs] tbody tr")[1].contains("w, version 2"));
    site.post(&accept).await;
    let versions: i64 =
        sqlx::query_scalar("SELECT count(*) FROM models WHERE name = 'w'").fetch_one(&pool).await.unwrap();
    assert_eq!(versions, 2, "accepted once");
}

#[sqlx::test(migrations = "./migrations")]
async fn one_cannot_go_back_to_a_pair_whose_numbers_moved_and_is_told_why(pool: PgPool) {
    let (before, after) = thirty_watches_and_another_pair(&pool).await;
    the_other_pair_scores(&pool).await;
    let site = TestSite::start(pool.clone(), "").await;
    site.post(&format!("/models/{after}/activate")).await;
    sqlx::raw_sql(
        "INSERT INTO model_checks (model_id, image, expected, tolerance, moved_to)
         SELECT id, 'drawn dial 1', '0.25', 0.005, 0.375 FROM models WHERE name = 'w'",
    )
    .execute(&pool)
    .await
    .unwrap();
    let page = site.page("/models").await;
    assert!(page.all("section[aria-labelledby=moved]").is_empty(), "nobody has to decide about it");
    let rows = page.all("section[aria-labelledby=pairs] tbody tr");
    assert!(rows[1].contains("one cannot go back: the numbers of w moved"), "{rows:?}");
    assert!(page.all("section[aria-labelledby=pairs] tbody button").is_empty());
    let (_, leads_to) = site.post(&format!("/models/{before}/activate")).await;
    assert!(site.page(&leads_to).await.one("[role=status]").contains("numbers of that pair moved"));
}

#[sqlx::test(migrations = "./migrations")]
async fn images_that_fail_with_another_pair_are_told_of_listed_and_left_to_a_person(pool: PgPool) {
    let (_, generation) = thirty_watches_and_another_pair(&pool).await;
    the_other_pair_scores(&pool).await;
    sqlx::raw_sql(
        "UPDATE scorings SET state = 'failed', reason = 'the output is no number'
         WHERE model_id = (SELECT id FROM models WHERE name = 'w2')
           AND image_id IN (SELECT image_id FROM catalog WHERE quality_mean < 2.15);
         UPDATE catalog SET watch_confidence = NULL WHERE quality_mean < 2.15
           AND generation_id <> (SELECT generation_id FROM active_generation)",
    )
    .execute(&pool)
    .await
    .unwrap();
    assert_eq!(generations::activate_filled(&pool).await.unwrap(), None);
    let site = TestSite::start(pool.clone(), "").await;
    let page = site.page("/models").await;
    let rows = page.all("section[aria-labelledby=pairs] tbody tr");
    assert!(
        rows[1].contains("has scored 28 of 30 images; the pages do not switch by themselves")
            && rows[1].contains("2 failed"),
        "{rows:?}"
    );
    assert!(page.one("section[aria-labelledby=report-1] .sentence").ends_with("2 failed."));
    let list = page.attributes("section[aria-labelledby=pairs] tbody td a", "href").remove(0);
    let listed = site.page(&list).await.all("table.rows tbody tr");
    assert_eq!(listed.len(), 2);
    assert!(listed[0].contains("another") && listed[0].contains("the output is no number"), "{listed:?}");
    assert!(
        site.page("/arrivals?state=unscorable").await.all("table.rows").is_empty(),
        "the present pair scored them"
    );
    let home = site.page("/").await.all("main").join(" ");
    assert!(home.contains("2 images failed with them, and only 0 with the present ones"), "{home}");
    site.post(&format!("/models/{generation}/activate")).await;
    let rows = site.page("/models").await.all("section[aria-labelledby=pairs] tbody tr");
    assert!(rows[0].starts_with("another") && rows[0].contains("2 failed"), "{rows:?}");
}

/// An image comes in, and waits to be scored.
async fn arrives(pool: &PgPool) {
    let mut tx = pool.begin().await.unwrap();
    let image: Uuid = sqlx::query_scalar(
        "INSERT INTO images (id, sha256, bytes, format, width, height, listing_key, audit)
         SELECT id, sha256(id::text::bytea), 1, 'jpeg', 10, 10, 'an offer', FALSE FROM gen_random_uuid() AS id RETURNING id",
    )
    .fetch_one(&mut *tx)
    .await
    .unwrap();
    jobs::request_scoring(&mut tx, ImageId(image)).await.unwrap();
    tx.commit().await.unwrap();
}

#[sqlx::test(migrations = "./migrations")]
async fn pages_go_on_while_one_switches_and_switches_back_and_images_come_in(pool: PgPool) {
    let (before, after) = thirty_watches_and_another_pair(&pool).await;
    the_other_pair_scores(&pool).await;
    jobs::migrate(&pool).await.unwrap();
    let site = TestSite::start(pool.clone(), "").await;
    site.post(&format!("/models/{after}/activate")).await;
    let is_over = AtomicBool::new(false);
    let reader = async || {
        let mut seen = BTreeMap::<usize, usize>::new();
        while !is_over.load(Ordering::Relaxed) {
            let answer = site.get("/top?watch=yes").await;
            assert_eq!(answer.status(), StatusCode::OK);
            *seen.entry(site.page_of(answer).await.images().len()).or_default() += 1;
        }
        seen
    };
    let arrivals = async {
        let mut arrived = 0;
        while !is_over.load(Ordering::Relaxed) {
            arrives(&pool).await;
            arrived += 1;
        }
        arrived
    };
    let switching = async {
        for turn in 0..21 {
            let to = if turn % 2 == 0 { before } else { after };
            assert_eq!(site.post(&format!("/models/{to}/activate")).await.0, StatusCode::SEE_OTHER);
            // As long as it takes to look at a page of either pair.
            site.page("/top?watch=yes").await;
        }
        is_over.store(true, Ordering::Relaxed);
    };
    let (first, second, third, arrived, ()) = tokio::join!(reader(), reader(), reader(), arrivals, switching);
    for seen in [&first, &second, &third] {
        assert!(seen.keys().all(|images| [10, 20].contains(images)), "a page mixed two pairs: {seen:?}");
    }
    let seen = |images| [&first, &second, &third].iter().filter_map(|seen| seen.get(&images)).sum::<usize>();
    assert!(seen(10) > 0 && seen(20) > 0, "both pairs were seen: {first:?} {second:?} {third:?}");
    let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM catalog").fetch_one(&pool).await.unwrap();
    assert!(arrived > 0 && rows == 2 * (30 + arrived), "{arrived} came in, and there are {rows} rows");
    assert_eq!(site.page("/top?watch=yes").await.images().len(), 20, "back at the first pair");
}

#[sqlx::test(migrations = "./migrations")]
async fn tabs_that_wait_for_a_comparison_leave_the_connections_to_other_pages(pool: PgPool) {
    let _pair = thirty_watches_and_another_pair(&pool).await;
    let site = TestSite::start(pool.clone(), "").await;
    // The first comparison waits for the table that it reads, and the other tabs for the comparison.
    let mut slow = pool.begin().await.unwrap();
    sqlx::raw_sql("LOCK TABLE catalog IN ACCESS EXCLUSIVE MODE").execute(&mut *slow).await.unwrap();
    let tabs = join_all((0..6).map(|_| site.status("/models")));
    let others = async {
        let waits = "SELECT count(*) FROM pg_locks WHERE relation = 'catalog'::regclass AND NOT granted";
        while sqlx::query_scalar::<_, i64>(waits).fetch_one(&pool).await.unwrap() == 0 {
            tokio::task::yield_now().await;
        }
        for _ in 0..50 {
            let answered = timeout(Duration::from_secs(10), site.status("/people")).await;
            assert_eq!(answered.expect("a connection is free"), StatusCode::OK);
        }
        slow.commit().await.unwrap();
    };
    let (tabs, ()) = tokio::join!(tabs, others);
    assert_eq!(tabs, [StatusCode::OK; 6]);
}
