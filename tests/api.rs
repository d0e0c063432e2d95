//! The API's contract: tokens, problems, and lists that neither repeat nor skip.

#![expect(clippy::unwrap_used, reason = "a test may break")]

mod catalog;
#[path = "api/upload.rs"]
mod upload;

use std::{collections::HashSet, io::Write};

use catalog::{Catalog, Picture, TestSite};
use chrono::{DateTime, Utc};
use chronograde::domain::Role;
use reqwest::{Response, StatusCode};
use serde_json::Value;
use sqlx::PgPool;

async fn list(site: &TestSite, query: &str) -> Value {
    let answer = site.api(&format!("/api/v1/images?{query}")).await;
    assert_eq!(answer.status(), StatusCode::OK, "{query}");
    answer.json().await.unwrap()
}

fn ids(list: &Value) -> Vec<String> {
    list["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

async fn problem(answer: Response, status: StatusCode) -> Value {
    assert_eq!(answer.status(), status);
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body["status"], status.as_u16());
    assert!(!body["title"].as_str().unwrap().is_empty() && !body["detail"].as_str().unwrap().is_empty());
    body
}

/// 137 images with many equal keys, and one in five without a human mean.
async fn images(pool: &PgPool) -> Vec<uuid::Uuid> {
    let mut catalog = Catalog::open(pool, 0.5).await;
    let mut ids = vec![];
    for number in 0..137 {
        let (mean, confidence) = (3.0 + f64::from(number % 7), f64::from(number % 11) / 10.0);
        let listing = Some(format!("L{}", number / 4));
        ids.push(catalog.add(Picture { listing, ..Picture::scored(number, mean, confidence) }).await);
    }
    sqlx::raw_sql(
        "UPDATE catalog SET sharpness = floor(quality_mean) * 10,
                human_mean = CASE WHEN substr(filename, 9, 1) = '1' THEN NULL ELSE floor(quality_mean) END,
                human_rank = CASE WHEN substr(filename, 9, 1) = '1' THEN NULL ELSE floor(quality_mean) END,
                human_std = CASE WHEN substr(filename, 9, 1) = '1' THEN NULL ELSE 0 END,
                votes = CASE WHEN substr(filename, 9, 1) = '1' THEN 0 ELSE 1 END",
    )
    .execute(pool)
    .await
    .unwrap();
    ids
}

#[sqlx::test(migrations = "./migrations")]
async fn without_a_managers_token_nothing_is_told(pool: PgPool) {
    let site = TestSite::start(pool.clone(), "").await;
    for path in ["/api/v1/ledger", "/api/v1/images", "/api/v1/images/00000000-0000-0000-0000-000000000000"] {
        let answer = site.visitor().get(site.url(path)).send().await.unwrap();
        assert_eq!(answer.headers()["www-authenticate"], "Bearer");
        problem(answer, StatusCode::UNAUTHORIZED).await;
    }
    let with = |token: &str| site.visitor().get(site.url("/api/v1/ledger")).bearer_auth(token).send();
    problem(with("cg_unknown").await.unwrap(), StatusCode::UNAUTHORIZED).await;
    let annotator = site.token(Role::Annotator).await;
    problem(with(&annotator).await.unwrap(), StatusCode::FORBIDDEN).await;
    let manager = site.token(Role::Manager).await;
    assert_eq!(with(&manager).await.unwrap().status(), StatusCode::OK);
    let used: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM api_tokens WHERE name = 'manager' AND last_used_at IS NOT NULL",
    )
    .fetch_one(&pool)
    .await
    .unwrap();
    assert_eq!(used, 1);
    let kept: Vec<Vec<u8>> =
        sqlx::query_scalar("SELECT sha256 FROM api_tokens").fetch_all(&pool).await.unwrap();
    assert!(kept.iter().all(|hash| hash.len() == 32 && hash != manager.as_bytes()));
    sqlx::raw_sql("UPDATE api_tokens SET revoked_at = now()").execute(&pool).await.unwrap();
    problem(with(&manager).await.unwrap(), StatusCode::UNAUTHORIZED).await;
}

#[sqlx::test(migrations = "./migrations")]
async fn the_ledger_has_the_ten_numbers_and_adds_up(pool: PgPool) {
    let mut catalog = Catalog::open(&pool, 0.5).await;
    catalog.add(Picture::scored(0, 5.0, 0.9)).await;
    catalog.add(Picture::waiting(1)).await;
    catalog.sighting("broken.jpg", "failed", Some("truncated")).await;
    let site = TestSite::start(pool, "").await;
    let body: Value = site.api("/api/v1/ledger").await.json().await.unwrap();
    let expected = serde_json::json!({ "total": 3, "settling": 0, "imported": 2, "duplicate": 0, "failed": 1,
        "ignored": 0, "missing": 0, "images": 2, "scored": 1, "pending": 1 });
    assert_eq!(body, expected);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_walk_through_any_list_meets_each_image_once_and_in_order(pool: PgPool) {
    let all = images(&pool).await;
    let site = TestSite::start(pool, "").await;
    for (sort, key) in [
        ("quality", "quality_mean"),
        ("watch", "watch_confidence"),
        ("human", "human_mean"),
        ("newest", "ingested_at"),
        ("sharpness", "quality_mean"),
    ] {
        for order in ["asc", "desc"] {
            for limit in [1, 10, 1000] {
                if limit == 1 && sort != "quality" {
                    continue;
                }
                let query = format!("sort={sort}&order={order}&limit={limit}");
                let (mut after, mut walked) = (String::new(), vec![]);
                let total = loop {
                    let page = list(&site, &format!("{query}{after}")).await;
                    walked.extend(page["items"].as_array().unwrap().clone());
                    match page["next"].as_str() {
                        Some(next) => after = format!("&after={next}"),
                        None => break page["total"].as_u64().unwrap(),
                    }
                };
                let distinct: HashSet<_> = walked.iter().map(|item| item["id"].to_string()).collect();
                assert_eq!(
                    (walked.len(), distinct.len()),
                    (usize::try_from(total).unwrap(), walked.len()),
                    "{query}"
                );
                if sort != "human" {
                    assert_eq!(walked.len(), all.len());
                }
                let comparable = |item: &Value| {
                    let number = item[key].as_f64().unwrap_or_default();
                    // Not as text: a time of full milliseconds is written with fewer digits.
                    let time = item[key].as_str().map(|time| time.parse::<DateTime<Utc>>().unwrap());
                    (number, time, item["id"].to_string())
                };
                let in_order = |one: &Value, next: &Value| match order {
                    "asc" => comparable(one) < comparable(next),
                    _ => comparable(one) > comparable(next),
                };
                assert!(walked.is_sorted_by(in_order), "{query}");
            }
        }
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn filters_bound_the_list_and_the_total(pool: PgPool) {
    images(&pool).await;
    let site = TestSite::start(pool, "").await;
    let total = async |query: &str| list(&site, query).await["total"].as_i64().unwrap();
    assert_eq!(total("").await, 137);
    assert_eq!(total("watch=yes").await + total("watch=no").await, 137);
    let watches = list(&site, "watch=yes&limit=1000").await;
    let items = watches["items"].as_array().unwrap();
    assert!(
        items.iter().all(|item| item["watch"] == true && item["watch_confidence"].as_f64().unwrap() > 0.5)
    );
    let doubtful = list(&site, "watch=doubtful&limit=1000").await;
    let near = |item: &Value| (0.25..=0.75).contains(&item["watch_confidence"].as_f64().unwrap());
    assert!(doubtful["items"].as_array().unwrap().iter().all(near));
    assert!(doubtful["total"].as_i64().unwrap() > 0);
    assert_eq!(total("min=9").await, total("min=9&max=9").await);
    assert_eq!(total("min=4&max=3").await, 0);
    assert_eq!(total("q=PICTURE-13").await, 8, "13 and 130 to 136");
    assert_eq!(total("listing=L3").await, 4);
    assert_eq!(total("one_per_listing=true").await, 35);
    let best = list(&site, "one_per_listing=1&listing=L0").await;
    assert_eq!(ids(&best), ids(&list(&site, "listing=L0&limit=1").await));
    assert_eq!(total("sort=newest&min=2000-01-01&max=2000-01-02T00:00:00Z").await, 0);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_wrong_parameter_is_a_problem_in_words(pool: PgPool) {
    images(&pool).await;
    let site = TestSite::start(pool, "").await;
    let next = list(&site, "limit=5").await["next"].as_str().unwrap().to_owned();
    for (query, word) in [
        ("sort=beauty", "beauty"),
        ("limit=0", "limit"),
        ("limit=1001", "1000"),
        ("limit=many", "invalid"),
        ("min=low", "min"),
        ("min=NaN", "min"),
        ("sort=newest&max=yesterday", "max"),
        ("after=nonsense", "after"),
        ("colour=red", "colour"),
        ("one_per_listing=perhaps", "one_per_listing"),
        (&format!("sort=watch&after={next}"), "after"),
    ] {
        let answer = site.api(&format!("/api/v1/images?{query}")).await;
        let body = problem(answer, StatusCode::BAD_REQUEST).await;
        assert!(body["detail"].as_str().unwrap().contains(word), "{query}: {body}");
    }
    problem(site.api("/api/v1/nothing").await, StatusCode::NOT_FOUND).await;
    problem(site.api("/api/v1/images/none").await, StatusCode::NOT_FOUND).await;
}

#[sqlx::test(migrations = "./migrations")]
async fn a_list_goes_on_in_its_generation_until_that_is_retired(pool: PgPool) {
    images(&pool).await;
    let site = TestSite::start(pool.clone(), "").await;
    let whole = ids(&list(&site, "limit=1000").await);
    let first = list(&site, "limit=100").await;
    let after = first["next"].as_str().unwrap();
    // Another pair of models becomes the active one, with nothing scored yet.
    sqlx::raw_sql(
        "INSERT INTO models (name, task, kind, fingerprint, preprocessing, manifest, sha256)
         VALUES ('q2', 'quality', 'onnx', repeat('c', 64), 1, '{}', sha256('q2'));
         INSERT INTO generations (watch_model, quality_model, state)
         SELECT w.id, q.id, 'live' FROM models w, models q WHERE w.task = 'watch' AND q.name = 'q2';
         UPDATE active_generation SET generation_id = (SELECT max(id) FROM generations);",
    )
    .execute(&pool)
    .await
    .unwrap();
    assert_eq!(list(&site, "").await["total"], 0);
    let rest = list(&site, &format!("after={after}")).await;
    assert_eq!(ids(&rest), whole[100..]);
    sqlx::raw_sql("UPDATE generations SET state = 'retired' WHERE id = (SELECT min(id) FROM generations)")
        .execute(&pool)
        .await
        .unwrap();
    problem(site.api(&format!("/api/v1/images?after={after}")).await, StatusCode::GONE).await;
}

#[sqlx::test(migrations = "./migrations")]
async fn an_image_is_told_with_all_that_its_models_said(pool: PgPool) {
    let mut catalog = Catalog::open(&pool, 0.5).await;
    let id = catalog.add(Picture::scored(0, 5.5, 0.6)).await;
    let site = TestSite::start(pool, "").await;
    let body: Value = site.api(&format!("/api/v1/images/{id}")).await.json().await.unwrap();
    assert_eq!(body["filename"], "picture-0.jpg");
    assert_eq!((&body["watch"], &body["watch_confidence"]), (&true.into(), &0.6.into()));
    assert_eq!(body["quality_distribution"].as_array().unwrap().len(), 10);
    assert_eq!(body["predictions"].as_array().unwrap().len(), 2);
    let listed = list(&site, "").await;
    let item = &listed["items"][0];
    for name in [
        "id",
        "filename",
        "listing",
        "width",
        "height",
        "watch",
        "watch_confidence",
        "quality_mean",
        "quality_std",
        "human_mean",
        "votes",
        "ingested_at",
    ] {
        assert_eq!(item[name], body[name], "{name}");
    }
    assert_eq!(item.as_object().unwrap().len(), 12);
    let names: Vec<_> = listed.as_object().unwrap().keys().collect();
    assert_eq!(names, ["items", "next", "total", "total_is_exact", "unscored"]);
}

/// Requests made up by schemathesis from the API's own description: no server error, nothing that the description
/// does not promise, no nonsense that is taken.
#[sqlx::test(migrations = "./migrations")]
async fn the_api_does_what_its_description_says(pool: PgPool) {
    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/.runtime/schemathesis/bin/schemathesis");
    if !std::path::Path::new(program).exists() {
        let words = "SKIPPED: schemathesis is not installed (`make test` installs it); the API's description is unchecked";
        writeln!(std::io::stderr(), "{words}").unwrap();
        return;
    }
    chronograde::jobs::migrate(&pool).await.unwrap();
    let known = images(&pool).await[0];
    let site = TestSite::start(pool, "").await;
    let work = tempfile::tempdir().unwrap();
    let config = format!("[parameters]\nid = \"{known}\"\n");
    std::fs::write(work.path().join("schemathesis.toml"), config).unwrap();
    let run = tokio::process::Command::new(program)
        .args(["run", &site.url("/api/v1/openapi.json"), "--url", &site.url("")])
        .args(["--header", &format!("Authorization: Bearer {}", site.token(Role::Manager).await)])
        // What a bound or a cursor may be depends on the other parameters, which a schema cannot say.
        .args([
            "--checks",
            "all",
            "--exclude-checks",
            "positive_data_acceptance",
            "--seed",
            "20",
            "--max-examples",
            "40",
            "--no-color",
        ])
        .current_dir(work.path())
        .output()
        .await
        .unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stdout));
}
