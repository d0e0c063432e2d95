//! The whole ranking and the listings.

use reqwest::StatusCode;
use sqlx::PgPool;

use super::catalog::{Catalog, Html, Picture, TestSite};

/// 100 scored images, four to a listing; one in four shows a watch.
async fn hundred(pool: &PgPool) -> TestSite {
    let mut catalog = Catalog::open(pool, 0.5).await;
    for number in 0..100 {
        let mean = 2.0 + f64::from(number * 37 % 100) / 14.0;
        let confidence = if number % 8 < 2 { 0.9 } else { 0.1 };
        let listing = Some(format!("L{}", number / 4));
        catalog.add(Picture { listing, ..Picture::scored(number, mean, confidence) }).await;
    }
    let keys: Vec<String> = (0..25).map(|number| format!("L{number}")).collect();
    let mut conn = pool.acquire().await.unwrap();
    for key in keys {
        chronograde::store::catalog::refresh_listing(&mut conn, &key).await.unwrap();
    }
    TestSite::start(pool.clone(), "").await
}

fn means(page: &Html) -> Vec<f64> {
    page.all(".quality b").iter().map(|mean| mean.parse().unwrap()).collect()
}

async fn hide(pool: &PgPool, image: &str) {
    sqlx::query(
        "WITH i AS (UPDATE images SET hidden_at = now() WHERE id = $1::uuid)
                 UPDATE catalog SET hidden = TRUE WHERE image_id = $1::uuid",
    )
    .bind(image)
    .execute(pool)
    .await
    .unwrap();
}

#[sqlx::test(migrations = "./migrations")]
async fn the_whole_ranking_is_walked_to_its_end_and_back(pool: PgPool) {
    let site = hundred(&pool).await;
    let mut page = site.page("/ranking").await;
    assert!(page.one(".showing").starts_with("Showing 40 of 100 scored images."), "{}", page.one(".showing"));
    assert_eq!(page.attributes("a[rel=prev]", "href").len(), 0);
    let (mut walked, mut ranks) = (vec![], vec![]);
    loop {
        walked.extend(page.images());
        ranks.extend(page.all(".rank"));
        match page.attributes("a[rel=next]", "href").first() {
            Some(next) => page = site.page(next).await,
            None => break,
        }
    }
    assert_eq!(ranks, (1..=100).map(|rank| rank.to_string()).collect::<Vec<_>>());
    let back = page.attributes("a[rel=prev]", "href").remove(0);
    assert_eq!(site.page(&back).await.images(), walked[40..80]);
    walked.sort_unstable();
    walked.dedup();
    assert_eq!(walked.len(), 100);
}

#[sqlx::test(migrations = "./migrations")]
async fn search_bounds_label_and_one_per_listing_are_in_the_address(pool: PgPool) {
    let site = hundred(&pool).await;
    let found = |query: &'static str| {
        let site = &site;
        async move { site.page(&format!("/ranking?{query}")).await }
    };
    assert_eq!(found("q=picture-7.").await.all(".name"), ["picture-7.jpg"]);
    let low = means(&found("max=3&order=asc&min=2.5").await);
    assert!(low.len() > 3 && low.iter().all(|mean| (2.5..=3.0).contains(mean)) && low.is_sorted(), "{low:?}");
    let watches = found("watch=yes&sort=watch").await;
    assert!(watches.one(".showing").starts_with("Showing 26 of 26 images with a watch."));
    let below = watches.attributes(".showing a", "href");
    assert_eq!(below[0], "/ranking?sort=watch&watch=no");
    assert_eq!(found("one_per_listing=yes").await.images().len(), 25);
    let filled = found("q=picture-7&min=3&one_per_listing=yes").await;
    assert_eq!(filled.attributes("input[name=q]", "value"), ["picture-7"]);
    assert_eq!(filled.attributes("input[name=min]", "value"), ["3"]);
    assert_eq!(filled.attributes("input[name=one_per_listing]", "checked").len(), 1);
    let card = filled.attributes(".plate", "href").remove(0);
    assert!(card.ends_with("?in=min%3D3%26q%3Dpicture-7%26one_per_listing%3Dyes"), "{card}");
    assert_eq!(site.status(&card).await, StatusCode::OK);
}

#[sqlx::test(migrations = "./migrations")]
async fn what_is_no_list_is_named_and_the_form_stays(pool: PgPool) {
    let site = hundred(&pool).await;
    let answer = site.get("/ranking?min=good&q=picture").await;
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    let page = site.page_of(answer).await;
    assert!(page.one(".problem").starts_with("min must be a number."));
    assert_eq!(page.all("form.filters").len(), 1);
    // A place of another order is the beginning of this one, as the form sends it.
    let next = site.page("/ranking").await.attributes("a[rel=next]", "href").remove(0);
    let other = site.page(&format!("{next}&order=asc")).await;
    assert_eq!(other.images(), site.page("/ranking?order=asc").await.images());
}

#[sqlx::test(migrations = "./migrations")]
async fn every_hidden_picture_is_found_and_counted(pool: PgPool) {
    let site = hundred(&pool).await;
    let image = site.page("/top").await.images().remove(0);
    hide(&pool, &image).await;
    let top = site.page("/top").await;
    assert!(!top.images().contains(&image));
    assert!(top.one(".showing").contains("1 hidden"));
    let to = top.attributes(".showing a", "href").into_iter().find(|href| href.contains("hidden")).unwrap();
    let hidden = site.page(&to).await;
    assert_eq!(hidden.images(), [image]);
    assert!(hidden.one(".showing").starts_with("Showing 1 of 1 hidden images."));
}

#[sqlx::test(migrations = "./migrations")]
async fn a_sample_is_the_same_at_every_look_and_another_with_another_seed(pool: PgPool) {
    let site = hundred(&pool).await;
    for number in 100..160 {
        Catalog::of(&pool).add(Picture::scored(number, 5.0, 0.1)).await;
    }
    let page = site.page("/ranking?sort=random&seed=1").await;
    assert!(page.one(".showing").starts_with("Showing 40 of 100 scored images, drawn at random."));
    let shown = means(&page);
    assert!(shown.is_sorted_by(|one, next| one >= next));
    assert_eq!(site.page("/ranking?sort=random&seed=1").await.images(), page.images());
    assert_ne!(site.page("/ranking?sort=random&seed=2").await.images(), page.images());
}

#[sqlx::test(migrations = "./migrations")]
async fn listings_without_a_good_photo_are_listed_with_the_reason(pool: PgPool) {
    let site = hundred(&pool).await;
    let all = site.page("/listings").await;
    assert_eq!(all.one(".lead"), "25 listings, each with its best photo.");
    assert_eq!(all.all(".card").len(), 25);
    let best = means(&all);
    assert!(best.is_sorted_by(|one, next| one >= next), "{best:?}");
    let low = site.page("/listings?show=low&below=8").await;
    let expected = best.iter().filter(|mean| **mean < 8.0).count();
    assert!(expected > 3 && low.one(".lead").starts_with(&format!("{expected} listings have no good photo")));
    // Sharpness 12 and a short side of 1000 px: every one of these pictures is blurred.
    assert!(low.all(".why").iter().all(|why| why.contains("probably blurred")));
    // Of each eight images the first two show a watch: every other listing has none.
    let without = site.page("/listings?show=no-watch").await;
    assert!(
        without.one(".lead").starts_with("12 listings have no photo that shows a watch"),
        "{}",
        without.one(".lead")
    );
    assert_eq!(
        site.page("/listings?q=L2&by=key").await.all(".key a"),
        ["L2", "L20", "L21", "L22", "L23", "L24"]
    );
    assert_eq!(site.status("/listings?show=ugly").await, StatusCode::BAD_REQUEST);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_listing_of_any_key_has_a_page_with_its_photos_ranked(pool: PgPool) {
    let keys = ["a/b c", "100% ?#&+", "ü \"<b>", "%2F", "../x"];
    let mut catalog = Catalog::open(&pool, 0.5).await;
    for (number, key) in keys.iter().enumerate() {
        for photo in 0..2 {
            let number = i32::try_from(number * 2 + photo).unwrap();
            let listing = Some((*key).to_owned());
            catalog
                .add(Picture { listing, ..Picture::scored(number, 4.0 + f64::from(number % 3), 0.9) })
                .await;
        }
        let mut conn = pool.acquire().await.unwrap();
        chronograde::store::catalog::refresh_listing(&mut conn, key).await.unwrap();
    }
    let site = TestSite::start(pool, "").await;
    let pages = site.page("/listings").await.attributes(".key a", "href");
    assert_eq!(pages.len(), keys.len());
    let mut found = vec![];
    for page in pages {
        let page = site.page(&page).await;
        found.push(page.one("h1").trim_start_matches("Listing ").to_owned());
        assert_eq!(page.images().len(), 2);
        assert_eq!(page.one(".lead"), "2 photos, 2 of them scored, best first.");
    }
    found.sort_unstable();
    let mut expected = keys.map(str::to_owned);
    expected.sort_unstable();
    assert_eq!(found, expected);
    assert_eq!(site.status("/listings/unknown").await, StatusCode::NOT_FOUND);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_page_weighs_at_most_60_kb_without_pictures(pool: PgPool) {
    let mut catalog = Catalog::open(&pool, 0.5).await;
    for number in 0..45 {
        let name = format!("a folder of watches/from the year 2026/{number:040}.jpg");
        let hash = chronograde::domain::ContentHash::of(name.as_bytes());
        let listing = Some(format!("{number:030}"));
        catalog.add(Picture { name, hash, listing, ..Picture::scored(number, 5.0, 0.9) }).await;
    }
    let site = TestSite::start(pool, "").await;
    for path in ["/ranking?q=watches&one_per_listing=yes&min=1&max=10&watch=yes", "/top", "/listings", "/"] {
        let page = site.get(path).await.text().await.unwrap();
        let style = Html::from(page.clone()).attributes("link[rel=stylesheet]", "href").remove(0);
        let asked = site.client().get(site.url(&style)).header("accept-encoding", "gzip");
        let style = asked.send().await.unwrap().bytes().await.unwrap();
        assert!(page.len() + style.len() <= 60_000, "{path}: {} + {} bytes", page.len(), style.len());
    }
}
