//! Arrivals: search, trying again by reason, and taking back that a file is ignored.

use reqwest::StatusCode;
use sqlx::PgPool;

use super::catalog::{Catalog, Picture, TestSite};

async fn state(pool: &PgPool, id: i64) -> (String, Option<String>) {
    sqlx::query_as("SELECT state, reason FROM sightings WHERE id = $1")
        .bind(id)
        .fetch_one(pool)
        .await
        .unwrap()
}

async fn set_root(pool: &PgPool, id: i64, root: &str) {
    sqlx::query("UPDATE sightings SET root = $2 WHERE id = $1")
        .bind(id)
        .bind(root)
        .execute(pool)
        .await
        .unwrap();
}

#[sqlx::test(migrations = "./migrations")]
async fn a_search_takes_signs_as_they_are_and_is_kept_over_tabs_and_pages(pool: PgPool) {
    let mut catalog = Catalog::open(&pool, 0.5).await;
    for number in 0..60 {
        catalog.sighting(&format!("Spring_{number}.jpg"), "failed", Some("truncated")).await;
        catalog.sighting(&format!("autumn/{number}.jpg"), "settling", None).await;
    }
    let site = TestSite::start(pool, "/watches").await;
    let page = site.page("/watches/arrivals?state=failed&q=spring_").await;
    assert_eq!(page.all("tbody .name").len(), 50);
    assert_eq!(page.attributes("input[name=q]", "value"), ["spring_"]);
    assert!(page.attributes(".tabs a", "href").iter().all(|href| href.ends_with("q=spring_")));
    let next = page.attributes("a[rel=next]", "href").pop().unwrap();
    let rest = site.page(&next).await;
    assert_eq!(rest.all("tbody .name").len(), 10);
    assert!(rest.attributes("a[rel=next]", "href").is_empty());
    assert_eq!(site.page("/watches/arrivals?q=AUTUMN%2F7.").await.all("tbody .name"), ["autumn/7.jpg"]);
    let nothing = site.page("/watches/arrivals?q=%25").await;
    assert_eq!(nothing.one(".nothing"), "Nothing here has “%” in its name.");
}

#[sqlx::test(migrations = "./migrations")]
async fn all_that_failed_for_one_reason_is_tried_again_but_for_uploads(pool: PgPool) {
    let mut catalog = Catalog::open(&pool, 0.5).await;
    let truncated = catalog.sighting("a.jpg", "failed", Some("truncated")).await;
    catalog.sighting("b.jpg", "failed", Some("truncated")).await;
    let other = catalog.sighting("c.jpg", "failed", Some("not an image")).await;
    let sent = catalog.sighting("sent.jpg", "failed", Some("truncated")).await;
    set_root(&pool, sent, "upload").await;
    let site = TestSite::start(pool.clone(), "").await;
    let page = site.page("/arrivals?state=failed").await;
    assert_eq!(page.all(".reasons-of b"), ["3", "1"]);
    assert_eq!(page.all(".reasons-of .reason"), ["truncated", "not an image"]);
    let press = || site.submit(site.client(), "/arrivals/retry-reason", &[("reason", "truncated")]);
    let answer = press().await;
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    assert_eq!(answer.headers()["location"], "/arrivals?state=failed&done=retry-reason");
    assert_eq!(state(&pool, truncated).await, ("settling".to_owned(), None));
    assert_eq!(state(&pool, other).await.0, "failed");
    assert_eq!(state(&pool, sent).await, ("failed".to_owned(), Some("truncated".to_owned())));
    assert_eq!(press().await.headers()["location"], "/arrivals?state=failed&done=nothing");
    // What cannot be tried again can be set aside together all the same.
    let ignore = site.submit(site.client(), "/arrivals/ignore-reason", &[("reason", "truncated")]).await;
    assert_eq!(ignore.headers()["location"], "/arrivals?state=failed&done=ignore-reason");
    assert_eq!(state(&pool, sent).await.0, "ignored");
    assert_eq!(state(&pool, other).await.0, "failed");
    site.post("/arrivals/ignore-all").await;
    assert_eq!(state(&pool, other).await.0, "ignored");
}

#[sqlx::test(migrations = "./migrations")]
async fn a_file_that_never_was_an_image_and_is_gone_is_no_matter_and_can_be_set_aside(pool: PgPool) {
    let mut catalog = Catalog::open(&pool, 0.5).await;
    catalog.add(Picture::scored(0, 5.0, 0.9)).await;
    let junk = catalog.sighting("junk.txt", "missing", Some("the file is not there any more")).await;
    let site = TestSite::start(pool.clone(), "").await;
    let says = async || site.page("/").await.all(".attention li").join(" ");
    assert!(!says().await.contains("not where it was"), "{}", says().await);
    let offered = site.page("/arrivals?state=missing").await.attributes(".actions form", "action");
    assert_eq!(offered, [format!("/arrivals/{junk}/ignore")]);
    site.post(&format!("/arrivals/{junk}/ignore")).await;
    assert_eq!(state(&pool, junk).await.0, "ignored");
    sqlx::raw_sql("UPDATE sightings SET state = 'missing', reason = 'gone' WHERE image_id IS NOT NULL")
        .execute(&pool)
        .await
        .unwrap();
    assert!(says().await.contains("1 file is not where it was."), "{}", says().await);
}

#[sqlx::test(migrations = "./migrations")]
async fn what_was_set_aside_is_looked_at_again_or_is_failed_as_before(pool: PgPool) {
    let mut catalog = Catalog::open(&pool, 0.5).await;
    let site = TestSite::start(pool.clone(), "").await;
    let watched = site.upload_dir().display().to_string();
    let [dropped, sent] = [
        catalog.sighting("dropped.jpg", "failed", Some("truncated")).await,
        catalog.sighting("sent.jpg", "failed", Some("truncated")).await,
    ];
    let link = catalog.sighting("link", "ignored", Some("a link")).await;
    let elsewhere = catalog.sighting("pipe", "ignored", Some("a pipe")).await;
    for (id, root) in [(dropped, &*watched), (sent, "upload"), (link, &*watched)] {
        set_root(&pool, id, root).await;
    }
    for id in [dropped, sent] {
        site.post(&format!("/arrivals/{id}/ignore")).await;
        assert_eq!(state(&pool, id).await.0, "ignored");
    }
    let mut offered = site.page("/arrivals?state=ignored").await.attributes(".actions form", "action");
    offered.sort();
    assert_eq!(offered, [dropped, sent, link].map(|id| format!("/arrivals/{id}/unignore")));
    for id in [dropped, sent, link] {
        let (status, to) = site.post(&format!("/arrivals/{id}/unignore")).await;
        let back = format!("/arrivals?state=ignored&done=unignore&of={id}");
        assert_eq!((status, to), (StatusCode::SEE_OTHER, back));
    }
    assert!(site.post(&format!("/arrivals/{elsewhere}/unignore")).await.1.contains("done=nothing&"));
    assert_eq!(state(&pool, dropped).await, ("settling".to_owned(), None));
    assert_eq!(state(&pool, link).await, ("settling".to_owned(), None));
    assert_eq!(state(&pool, sent).await, ("failed".to_owned(), Some("truncated".to_owned())));
    assert_eq!(state(&pool, elsewhere).await.0, "ignored");
}

#[sqlx::test(migrations = "./migrations")]
async fn a_duplicate_says_whose_bytes_it_has_and_a_button_what_it_was_pressed_for(pool: PgPool) {
    let mut catalog = Catalog::open(&pool, 0.5).await;
    let image = catalog.add(Picture::scored(0, 5.0, 0.9)).await;
    let copy = catalog.sighting("copy.jpg", "duplicate", None).await;
    let broken = catalog.sighting("broken.jpg", "failed", Some("truncated")).await;
    sqlx::query("UPDATE sightings SET image_id = $1 WHERE id = $2")
        .bind(image)
        .bind(copy)
        .execute(&pool)
        .await
        .unwrap();
    let site = TestSite::start(pool.clone(), "").await;
    let page = site.page("/arrivals?state=duplicate").await;
    assert_eq!(page.one("td.reason"), "same bytes as picture-0.jpg");
    assert_eq!(page.attributes("td.reason a", "href"), [format!("/images/{image}")]);
    let (_, to) = site.post(&format!("/arrivals/{broken}/retry")).await;
    let said = site.page(&to).await.one("[role=status]");
    assert!(said.starts_with("broken.jpg is tried again") && said.contains("reload the page"), "{said}");
    assert_eq!(site.page("/arrivals?state=missing").await.one(".nothing"), "No file is missing.");
}
