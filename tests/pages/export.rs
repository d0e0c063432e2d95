//! The Export page: what a list gives, and to whom.

use chronograde::domain::Role;
use reqwest::StatusCode;
use sqlx::PgPool;

use super::catalog::{Catalog, Picture, TestSite};

#[sqlx::test(migrations = "./migrations")]
async fn a_list_is_had_as_files_in_its_own_order_by_managers_only(pool: PgPool) {
    let mut catalog = Catalog::open(&pool, 0.5).await;
    // More than are read at once.
    for number in 0..620_i32 {
        let confidence = if number % 2 == 0 { 0.9 } else { 0.1 };
        catalog.add(Picture::scored(number, 1.0 + f64::from(number) / 100.0, confidence)).await;
    }
    let site = TestSite::start(pool.clone(), "/under").await;
    let page = site.page("/under/export?watch=yes").await;
    assert!(page.one(".lead").starts_with("310 images are in this list."), "{}", page.one(".lead"));
    let links = page.attributes("tbody a", "href");
    assert_eq!(links[0], "/under/export/images.csv?watch=yes");
    assert_eq!(links.len(), 8);

    let answer = site.get("/under/export/images.jsonl?watch=yes&order=asc").await;
    assert_eq!(answer.headers()["content-type"], "application/jsonl; charset=utf-8");
    assert_eq!(answer.headers()["content-disposition"], "attachment; filename=\"chronograde-images.jsonl\"");
    let rows: Vec<serde_json::Value> =
        answer.text().await.unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let means: Vec<f64> = rows.iter().map(|row| row["quality_mean"].as_f64().unwrap()).collect();
    assert!(means.len() == 310 && means.is_sorted(), "{}", means.len());
    assert!(rows.iter().all(|row| row["watch"] == true && row["watch_confidence"] == 0.9));

    let table = site.get("/under/export/images.csv").await.text().await.unwrap();
    assert_eq!(csv::Reader::from_reader(table.as_bytes()).records().map(Result::unwrap).count(), 620);
    assert_eq!(site.get("/under/export/AVA.txt").await.text().await.unwrap(), "", "nobody has voted");
    assert_eq!(site.get("/under/export/nima.json").await.text().await.unwrap(), "[\n]\n");
    for (path, status) in [
        ("/under/export/images.xls", StatusCode::NOT_FOUND),
        ("/under/export/images.csv?min=much", StatusCode::BAD_REQUEST),
        ("/under/export/..%2Fimages.csv", StatusCode::NOT_FOUND),
    ] {
        assert_eq!(site.get(path).await.status(), status, "{path}");
    }
    let answer = site.api("/under/export/nima.json").await;
    assert_eq!(
        (answer.status(), answer.text().await.unwrap()),
        (StatusCode::OK, "[\n]\n".to_owned()),
        "with a token"
    );
    let annotator = site.sign_in_under("/under", "Ann", Role::Annotator).await;
    let refused = annotator.get(site.url("/under/export/images.csv")).send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
}
