//! The jobs page, and what can be tried again.

use chrono::TimeDelta;
use chronograde::{
    clock::Clock,
    domain::ImageId,
    jobs,
    store::{generations, ledger},
};
use reqwest::StatusCode;
use sqlx::PgPool;

use super::catalog::{Catalog, Picture, TestSite};

#[sqlx::test(migrations = "./migrations")]
async fn the_jobs_page_counts_what_there_is_and_tries_again_what_was_given_up(pool: PgPool) {
    jobs::migrate(&pool).await.unwrap();
    let mut catalog = Catalog::open(&pool, 0.5).await;
    catalog.add(Picture::scored(0, 5.0, 0.9)).await;
    let waiting = catalog.add(Picture::waiting(1)).await;
    let refused = catalog.add(Picture::waiting(2)).await;
    let models = generations::models(&mut pool.acquire().await.unwrap()).await.unwrap();
    jobs::reconcile(&pool, &models).await.unwrap();
    sqlx::query("UPDATE scorings SET state = 'failed', reason = 'a test', tries = 3 WHERE image_id = $1")
        .bind(refused)
        .execute(&pool)
        .await
        .unwrap();
    sqlx::query("UPDATE graphile_worker._private_jobs SET attempts = max_attempts, last_error = 'it broke' WHERE key = $1")
        .bind(format!("score:{}", ImageId(refused)))
        .execute(&pool)
        .await
        .unwrap();
    sqlx::raw_sql(
        "UPDATE graphile_worker._private_jobs SET locked_at = now(), locked_by = 'worker-1' WHERE attempts = 0;
         INSERT INTO components (role, process, problem, engine, seen_at) VALUES
             ('ingest', 'here:1', NULL, NULL, now()),
             ('score', 'there:2', 'no model file', 'ONNX Runtime, cpu', now() - interval '1 hour');
         INSERT INTO graphile_worker._private_workers (id, last_heartbeat_at) VALUES ('worker-1', now());
         INSERT INTO graphile_worker._private_workers (id, last_heartbeat_at, started_at)
         VALUES ('worker-2', now() - interval '5 minutes', now() - interval '1 hour')",
    )
    .execute(&pool)
    .await
    .unwrap();
    let site = TestSite::start(pool.clone(), "").await;
    let page = site.page("/jobs").await;
    assert!(page.one(".lead").starts_with("1 image waits to be scored. 1 image was scored"));
    assert!(page.one(".problem").starts_with("No process with the role “score” is running."));
    assert_eq!(page.all("section[aria-labelledby=kinds] tbody td"), ["Score an image", "0", "0", "1", "1"]);
    let models = page.all("section[aria-labelledby=models] tbody td");
    assert_eq!(models, ["w", "watch", "1", "1", "q", "quality", "1", "1"]);
    let workers = page.all("section[aria-labelledby=workers] tbody tr");
    assert!(workers[0].starts_with("worker-1") && workers[0].ends_with('1'), "{workers:?}");
    assert!(workers[1].contains("no sign of life"), "{workers:?}");
    let processes = page.all("section[aria-labelledby=processes] tbody tr");
    assert_eq!(processes.len(), 2, "{processes:?}");
    assert!(processes[0].starts_with("ingesthere:1") && processes[0].ends_with("nothing"), "{processes:?}");
    let health = site.page("/health").await;
    let parts = health.all("section[aria-labelledby=parts] tbody tr");
    assert!(parts[1].contains("ONNX Runtime, cpu") && parts[1].contains("gone"), "{parts:?}");
    assert!(health.all("section[aria-labelledby=facts] th").contains(&"PostgreSQL".to_owned()));
    assert!(processes[1].contains("gone") && processes[1].ends_with("no model file"), "{processes:?}");
    let refused_by = page.all("section[aria-labelledby=refused] tbody .reason");
    assert_eq!(refused_by, ["a test", "a test"], "one row per model");
    assert_eq!(page.attributes("#live", "data-events"), ["/live"]);
    let link = |section: &str| page.attributes(&format!("section[aria-labelledby={section}] a"), "href");
    assert_eq!(link("running"), [format!("/images/{waiting}")]);
    assert_eq!(link("given-up"), [format!("/images/{refused}")]);
    assert_eq!(page.one("section[aria-labelledby=given-up] .reason"), "it broke");

    assert_eq!(site.post("/jobs/retry").await, (StatusCode::SEE_OTHER, "/jobs?done=retry".to_owned()));
    let page = site.page("/jobs?done=retry").await;
    assert_eq!(page.one(".notice[role=status]"), "What was given up waits to be tried again.");
    assert_eq!(page.all("section[aria-labelledby=given-up]").len(), 0);
    assert_eq!(page.all("section[aria-labelledby=kinds] tbody td"), ["Score an image", "1", "0", "1", "0"]);
    assert_eq!(site.post("/jobs/retry").await.1, "/jobs?done=nothing");
}

#[sqlx::test(migrations = "./migrations")]
async fn a_refused_upload_is_sent_again_and_never_waits_for_a_look_at_a_folder(pool: PgPool) {
    let mut catalog = Catalog::open(&pool, 0.5).await;
    let dropped = catalog.sighting("dropped.jpg", "failed", Some("truncated")).await;
    let sent = catalog.sighting("sent.jpg", "failed", Some("truncated")).await;
    sqlx::query("UPDATE sightings SET root = 'upload' WHERE id = $1")
        .bind(sent)
        .execute(&pool)
        .await
        .unwrap();
    let site = TestSite::start(pool, "").await;
    let list = site.page("/arrivals?state=failed").await;
    let retries: Vec<String> = list.attributes(".actions form", "action");
    assert!(retries.contains(&format!("/arrivals/{dropped}/retry")), "{retries:?}");
    assert!(!retries.contains(&format!("/arrivals/{sent}/retry")), "{retries:?}");
    assert_eq!(list.attributes(".actions a", "href"), ["/upload"]);
    assert!(site.post(&format!("/arrivals/{sent}/retry")).await.1.contains("done=nothing&"));
    assert!(site.post("/arrivals/retry-all").await.1.ends_with("done=retry-all"));
    assert_eq!(site.page("/arrivals?state=failed").await.all("tbody .name"), ["sent.jpg"]);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_pause_between_two_imports_is_no_slowness(pool: PgPool) {
    jobs::migrate(&pool).await.unwrap();
    let mut catalog = Catalog::open(&pool, 0.5).await;
    for number in 0..11 {
        catalog.add(Picture::scored(number, 5.0, 0.9)).await;
    }
    catalog.add(Picture::waiting(11)).await;
    // One 50 seconds ago; ten within the five seconds since a folder was dropped.
    sqlx::raw_sql(
        "WITH numbered AS (SELECT id, row_number() OVER (ORDER BY id) AS number FROM images)
         UPDATE images i SET ingested_at = now() - CASE number WHEN 1 THEN interval '51 s' ELSE interval '6 s' END
         FROM numbered n WHERE n.id = i.id;
         ALTER TABLE quality_predictions DISABLE TRIGGER USER;
         WITH numbered AS (SELECT image_id, row_number() OVER (ORDER BY image_id) AS number FROM quality_predictions)
         UPDATE quality_predictions p
         SET created_at = now() - CASE number WHEN 1 THEN interval '50 s' ELSE (12 - number) * interval '0.5 s' END
         FROM numbered n WHERE n.image_id = p.image_id;
         ALTER TABLE watch_predictions DISABLE TRIGGER USER;
         UPDATE watch_predictions w SET created_at = p.created_at FROM quality_predictions p WHERE p.image_id = w.image_id",
    )
    .execute(&pool)
    .await
    .unwrap();
    let site = TestSite::start(pool, "").await;
    let lead = site.page("/jobs").await.one(".lead");
    // 11 in 1 + 5.5 seconds.
    assert!(lead.contains("11 images were scored within the last minute, 1.6 per second"), "{lead}");
}

#[sqlx::test(migrations = "./migrations")]
async fn an_image_counts_once_when_the_last_model_has_scored_it_and_also_by_a_watch_model_alone(
    pool: PgPool,
) {
    let mut catalog = Catalog::open(&pool, 0.5).await;
    for number in 0..2 {
        catalog.add(Picture::scored(number, 5.0, 0.9)).await;
    }
    // The quality model was done with both 20 s after they came in, the watch model with one 10 s later.
    sqlx::raw_sql(
        "UPDATE images SET ingested_at = now() - interval '50 s';
         ALTER TABLE quality_predictions DISABLE TRIGGER USER;
         UPDATE quality_predictions SET created_at = now() - interval '30 s';
         ALTER TABLE watch_predictions DISABLE TRIGGER USER;
         UPDATE watch_predictions SET created_at = now() - CASE WHEN image_id::text = (SELECT max(id::text) FROM images)
             THEN interval '20 s' ELSE interval '30 s' END",
    )
    .execute(&pool)
    .await
    .unwrap();
    let mut conn = pool.acquire().await.unwrap();
    let models = generations::active(&mut conn).await.unwrap().unwrap();
    let since = Clock::System.now() - TimeDelta::minutes(2);
    for models in [vec![models.watch_model, models.quality_model], vec![models.watch_model]] {
        let pace = ledger::pace(&mut conn, &models, since).await.unwrap().unwrap();
        assert_eq!((pace.scored, pace.busy_ms), (2, 30_000));
    }
    let pace = ledger::pace(&mut conn, &[models.quality_model], since).await.unwrap().unwrap();
    assert_eq!((pace.scored, pace.busy_ms), (2, 20_000));
}
