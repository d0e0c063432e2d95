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
        chronograde::store::catalog::refresh_listings(&mut conn, &[key]).await.unwrap();
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
    let back = site.page(&page.attributes("a[rel=prev]", "href").remove(0)).await;
    assert_eq!(back.images(), walked[40..80]);
    assert!(back.one(".showing").starts_with("Showing 41 to 80 of 100 scored images."));
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
    let folded = found("one_per_listing=yes").await;
    assert_eq!(folded.images().len(), 25);
    assert!(folded.one(".showing").ends_with("75 more of the same listings."), "{}", folded.one(".showing"));
    let none = found("q=zzz&votes=3").await;
    assert_eq!(none.one(".showing"), "There are no images that match.");
    assert_eq!(none.attributes(".nothing a", "href"), ["/ranking"]);
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
    assert_eq!(page.one(".problem"), "“Quality from” must be a number: it is left out.");
    assert_eq!(page.attributes("input[name=q]", "value"), ["picture"], "the other filters hold");
    let left = site.page("/ranking?sort=newest&min=3&q=picture").await;
    assert!(
        left.one(".problem").starts_with("The bound of the former sort does not fit: “Arrived from” must be")
    );
    assert_eq!(left.attributes("input[name=q]", "value"), ["picture"]);
    let reversed = site.page("/ranking?sort=newest&min=2026-11-28&max=2026-11-27").await;
    assert!(reversed.one(".problem").ends_with("no image can lie between them."));
    assert_eq!(reversed.attributes("input[name=min]", "value"), ["2026-11-28"], "a day comes back as a day");
    for address in ["/ranking?q=%00", "/listings?q=%00"] {
        assert_eq!(site.status(address).await, StatusCode::BAD_REQUEST, "{address}");
    }
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
    assert!(!all.all(".scores").iter().any(|line| line.contains("people")), "nobody has said anything");
    sqlx::raw_sql("UPDATE catalog SET verdict = true WHERE listing_key = 'L2'").execute(&pool).await.unwrap();
    let judged = site.page("/listings?q=L2&by=key&order=asc").await.all(".scores");
    assert!(judged[0].contains("watch yes (people) ·") && !judged[1].contains("people"), "{judged:?}");
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
        chronograde::store::catalog::refresh_listings(&mut conn, &[key.to_string()]).await.unwrap();
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

#[sqlx::test(migrations = "./migrations")]
async fn images_are_selected_in_a_list_to_be_judged_or_hidden_together(pool: PgPool) {
    let site = hundred(&pool).await;
    let plain = site.page("/ranking?q=picture-1").await;
    assert_eq!(plain.attributes(".card input[name=image]", "value").len(), 0);
    let link = plain.attributes(".filters .send a", "href");
    let link = link.iter().find(|href| href.contains("pick=yes")).unwrap();
    let picking = site.page(link).await;
    let boxes = picking.attributes(".card input[name=image]", "value");
    assert_eq!(boxes.len(), 11, "picture-1 and picture-10 to -19");
    assert_eq!(picking.attributes(".picking", "action"), ["/rounds/new"]);
    let plan = site.page(&format!("/rounds/new?asks=watch&why=&image={}&image={}", boxes[0], boxes[1])).await;
    assert!(plan.source().contains("2 images"), "the round is about what was selected");

    let hide = picking.attributes(".with-picked button[formaction]", "formaction").remove(0);
    let form = |why| [("image", boxes[0].as_str()), ("image", boxes[3].as_str()), ("why", why)];
    let refused = site.submit(site.client(), &hide, &form(" ")).await;
    assert_eq!(refused.status(), StatusCode::SEE_OTHER);
    let again = site.page(refused.headers()["location"].to_str().unwrap()).await;
    assert!(again.one("[role=alert]").starts_with("Nothing was hidden yet: say why."));
    let mut kept = again.attributes(".card input[checked]", "value");
    kept.sort_unstable();
    let mut ticked = [boxes[0].clone(), boxes[3].clone()];
    ticked.sort_unstable();
    assert_eq!(kept, ticked, "what was selected stays so");
    let refused = site.submit(site.client(), &hide, &[("why", "twice the same")]).await;
    let again = site.page(refused.headers()["location"].to_str().unwrap()).await;
    assert!(again.one("[role=alert]").starts_with("Nothing was hidden: no image is selected."));
    assert_eq!(again.attributes(".with-picked input[name=why]", "value"), ["twice the same"]);
    assert_eq!(again.attributes(".with-picked input[required]", "name"), ["why"]);
    assert_eq!(again.attributes(".with-picked button", "formaction").len(), 1);
    assert_eq!(again.all(".with-picked button")[0], "Hide", "Enter presses the first button");
    assert_eq!(again.attributes(".with-picked button[formnovalidate]", "value"), ["quality", "watch"]);
    let from = again.attributes("input[name=picked_from]", "value").remove(0);
    let nothing = site.get(&format!("/rounds/new?picked_from={from}&asks=quality&why=")).await;
    let again = site.page(nothing.headers()["location"].to_str().unwrap()).await;
    assert!(again.one("[role=alert]").starts_with("No image is selected."));
    assert_eq!(again.attributes("input[name=q]", "value"), ["picture-1"]);
    assert_eq!(site.page("/ranking?hidden=yes&sort=newest").await.images().len(), 0, "all or none");
    let hidden = site.submit(site.client(), &hide, &form("twice the same")).await;
    assert_eq!(hidden.status(), StatusCode::SEE_OTHER);
    let back = site.page(hidden.headers()["location"].to_str().unwrap()).await;
    assert_eq!(back.one(".notice[role=status]"), "2 images are hidden.");
    assert_eq!(back.attributes(".card input[name=image]", "value").len(), 9, "the list that one came from");
    let events: i64 = sqlx::query_scalar("SELECT count(*) FROM events WHERE kind = 'image.hide'")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(events, 2);
}

#[sqlx::test(migrations = "./migrations")]
async fn people_s_ranking_says_how_sure_it_is_and_lists_are_narrowed_by_votes(pool: PgPool) {
    let site = hundred(&pool).await;
    // A single ten, twelve votes about which people differ, and twelve about which they do not.
    sqlx::raw_sql(
        "INSERT INTO human_pool (mean, within_variance, between_variance) VALUES (5, 2, 1);
         UPDATE catalog SET votes = 1, human_mean = 10, human_std = 0, human_rank = 5 + 5.0 / 3
         WHERE filename LIKE '%picture-1.jpg';
         UPDATE catalog SET votes = 12, human_mean = 8, human_std = 2.5, human_rank = 5 + 3 * 12.0 / 14
         WHERE filename LIKE '%picture-2.jpg';
         UPDATE catalog SET votes = 12, human_mean = 6, human_std = 0.5, human_rank = 5 + 1 * 12.0 / 14
         WHERE filename LIKE '%picture-3.jpg';",
    )
    .execute(&pool)
    .await
    .unwrap();
    let people = site.page("/ranking?sort=human").await;
    assert_eq!(people.all(".name"), ["picture-2.jpg", "picture-1.jpg", "picture-3.jpg"]);
    let said = people.all(".people");
    // Variance (20 · 2 + 12 · 2.5²) / 31, divided by 12 votes; Student's t with 31 degrees of freedom is 2.04.
    assert_eq!(said[0], "people 8.00 (12 votes; 95\u{202f}%: 6.9 to 9.1)");
    assert_eq!(said[1], "people 10.00 (1 vote)", "one vote says nothing about how sure it is");
    let names = async |query: &str| site.page(&format!("/ranking?{query}")).await.all(".name");
    assert_eq!(names("votes=12&order=asc&sort=human").await, ["picture-3.jpg", "picture-2.jpg"]);
    assert_eq!(names("votes=2&spread=2").await, ["picture-2.jpg"]);
    assert_eq!(site.page("/ranking?votes=12").await.attributes("input[name=votes]", "value"), ["12"]);
}
