//! Pages and API as a browser and a script see them: a real server, a real database, HTML read by selector.

#![expect(clippy::unwrap_used, reason = "a test may break")]

#[path = "pages/agreement.rs"]
mod agreement;
#[path = "pages/arrivals.rs"]
mod arrivals;
mod catalog;
#[path = "pages/evaluation.rs"]
mod evaluation;
#[path = "pages/export.rs"]
mod export;
#[path = "pages/jobs.rs"]
mod jobs;
#[path = "pages/judging.rs"]
mod judging;
#[path = "pages/models.rs"]
mod models;
#[path = "pages/models_folder.rs"]
mod models_folder;
#[path = "pages/people.rs"]
mod people;
#[path = "pages/rankings.rs"]
mod rankings;
#[path = "pages/raters.rs"]
mod raters;
#[path = "pages/threshold.rs"]
mod threshold;

use catalog::{Catalog, Picture, TestSite};
use chronograde::{
    decode::{GRID_PX, VIEWER_PX},
    domain::{ContentHash, Role},
};
use reqwest::{StatusCode, header};
use serde_json::Value;
use sqlx::PgPool;

const PAGES: [&str; 8] = [
    "/",
    "/ranking?q=x",
    "/listings",
    "/top",
    "/bottom?watch=yes",
    "/arrivals",
    "/arrivals?state=failed",
    "/nowhere",
];

#[sqlx::test(migrations = "./migrations")]
async fn an_empty_catalog_says_where_to_drop_pictures(pool: PgPool) {
    let site = TestSite::start(pool, "").await;
    let home = site.page("/").await;
    assert_eq!(home.one("h1"), "No pictures yet");
    assert_eq!(home.attributes(".welcome a", "href"), ["/upload"]);
    assert_eq!(home.one(".path code"), site.upload_dir().display().to_string());
    let top = site.page("/top").await;
    assert!(top.one(".showing").starts_with("No image has been scored yet"));
    assert_eq!(top.one(".nothing code"), site.upload_dir().display().to_string());
    assert_eq!(top.attributes(".nothing a", "href"), ["/upload", "/"]);
}

#[sqlx::test(migrations = "./migrations")]
async fn the_home_page_adds_up(pool: PgPool) {
    let mut catalog = Catalog::open(&pool, 0.5).await;
    for number in 0..5 {
        catalog.add(Picture::scored(number, 5.0, 0.9)).await;
    }
    catalog.add(Picture::waiting(5)).await;
    catalog.sighting("copy.jpg", "duplicate", None).await;
    catalog.sighting("broken.jpg", "failed", Some("truncated: the file ends too early")).await;
    catalog.sighting("new.jpg", "settling", None).await;
    let site = TestSite::start(pool, "").await;
    let home = site.page("/").await;
    assert_eq!(
        home.one(".sentence.paths"),
        "9 files seen = 6 imported + 1 duplicate + 1 failed + 1 settling"
    );
    assert_eq!(home.one(".sentence.images"), "6 images = 5 scored + 1 waiting");
    assert_eq!(home.all(".tiles b"), ["9", "6", "5", "1", "1"]);
    assert_eq!(home.all(".tiles a").len(), 5, "each leads to what it counts");
    assert!(home.one(".progress p").starts_with("1 image waits to be scored"));
    assert_eq!(home.all(".latest li").len(), 9);
    assert!(home.all(".attention li").iter().any(|matter| matter.starts_with("1 file could not be taken.")));
}

#[sqlx::test(migrations = "./migrations")]
async fn an_open_page_hears_of_a_change(pool: PgPool) {
    let mut catalog = Catalog::open(&pool, 0.5).await;
    let site = TestSite::start(pool, "").await;
    let asked = site.client().get(site.url("/live")).header("accept-encoding", "gzip");
    let mut events = asked.send().await.unwrap();
    assert_eq!(events.headers()["content-type"], "text/event-stream");
    assert_eq!(events.headers()["content-encoding"], "identity", "an event must not wait in a compressor");
    let first = events.chunk().await.unwrap().unwrap();
    catalog.sighting("new.jpg", "settling", None).await;
    let second = events.chunk().await.unwrap().unwrap();
    assert!(first.starts_with(b"event: change\ndata: ") && second.starts_with(b"event: change\ndata: "));
    assert_ne!(first, second);
}

#[sqlx::test(migrations = "./migrations")]
async fn what_stands_in_the_way_is_said_in_words_and_first(pool: PgPool) {
    let mut catalog = Catalog::open(&pool, 0.5).await;
    catalog.sighting("broken.jpg", "failed", Some("truncated")).await;
    sqlx::raw_sql(
        "INSERT INTO roots (root, state) VALUES ('/photos', 'empty');
         INSERT INTO components (role, process, problem, seen_at) VALUES
             ('score', 'here:1', 'the model starter-watch has no file', now()), ('ingest', 'here:1', NULL, now());",
    )
    .execute(&pool)
    .await
    .unwrap();
    let site = TestSite::start(pool, "").await;
    let home = site.page("/").await;
    let urgent = home.all(".attention .urgent");
    assert_eq!(urgent[0], "Images are not being scored: the model starter-watch has no file.");
    assert!(urgent[1].starts_with("The folder /photos is empty, though files were seen in it."));
    let rest = home.all(".attention li");
    assert_eq!(rest.len(), 5, "and the threshold, the failed file, and the networks that could be fetched");
    let offer = rest.last().unwrap();
    assert!(offer.contains("“ResNet50 (ImageNet)” (103\u{202f}MB)"), "{offer}");
    assert!(
        offer.contains("The file of “aesthetic quality (NIMA MobileNet)” has no licence beside it"),
        "{offer}"
    );
    assert!(offer.contains("until one that was fetched is activated"), "{offer}");
    assert!(home.attributes(".attention li a", "href").contains(&"/models#folder".to_owned()));
    let manager = site.sign_in("maria", Role::Manager).await;
    let home = site.page_of(manager.get(site.url("/")).send().await.unwrap()).await;
    assert_eq!(home.all(".attention li").len(), 4, "only who may fetch them is asked to");
}

#[sqlx::test(migrations = "./migrations")]
async fn top_and_bottom_are_the_two_ends_and_ties_keep_their_order(pool: PgPool) {
    let mut catalog = Catalog::open(&pool, 0.5).await;
    for number in 0..30 {
        // Five images share each mean.
        catalog.add(Picture::scored(number, 4.0 + f64::from(number / 5), 0.9)).await;
    }
    let site = TestSite::start(pool, "").await;
    let (top, bottom) = (site.page("/top").await, site.page("/bottom").await);
    let means: Vec<String> = top.all(".quality b");
    assert_eq!(means.len(), 20);
    assert!(means.is_sorted_by(|one, next| one >= next), "{means:?}");
    assert_eq!((means[0].as_str(), bottom.all(".quality b")[0].as_str()), ("9.00", "4.00"));
    assert_eq!(site.page("/top").await.all(".name"), top.all(".name"));
    // Reversed, the ties too.
    let whole = |page: &catalog::Html| page.images();
    let (best, worst) = (whole(&top), whole(&bottom));
    assert_eq!(best[10..], worst.iter().rev().take(10).cloned().collect::<Vec<_>>());
    assert!(top.one(".showing").starts_with("Showing 20 of 30 scored images."));
    assert_eq!(top.all(".percentile")[0], "above 83\u{202f}% of all");
}

#[sqlx::test(migrations = "./migrations")]
async fn a_confidence_equal_to_the_threshold_is_no_watch_and_people_overrule_it(pool: PgPool) {
    let mut catalog = Catalog::open(&pool, 0.01).await;
    let equal = catalog.add(Picture::scored(0, 5.0, 0.01)).await;
    let above = catalog.add(Picture::scored(1, 6.0, 0.01_f64.next_up())).await;
    let corrected = catalog.add(Picture::scored(2, 7.0, 0.0)).await;
    sqlx::query("UPDATE catalog SET verdict = true WHERE image_id = $1")
        .bind(corrected)
        .execute(&pool)
        .await
        .unwrap();
    let site = TestSite::start(pool, "").await;
    let yes = site.page("/top?watch=yes").await;
    assert_eq!(yes.images(), [corrected.to_string(), above.to_string()]);
    assert!(
        yes.one(".showing")
            .contains("1 without a watch: at or below the threshold of 0.01, or people say so"),
        "{}",
        yes.one(".showing")
    );
    assert_eq!(site.page("/top?watch=no").await.images(), [equal.to_string()]);
    let image = site.page(&format!("/images/{corrected}")).await;
    assert!(image.one("section[aria-labelledby=watch] .figure").starts_with("yes people say so; confidence"));
    assert!(image.one("section[aria-labelledby=watch] .notice").starts_with("The model says no"));
}

#[sqlx::test(migrations = "./migrations")]
async fn the_image_page_shows_what_is_known(pool: PgPool) {
    let mut catalog = Catalog::open(&pool, 0.5).await;
    let id = catalog.add(Picture::scored(0, 5.5, 0.6)).await;
    let site = TestSite::start(pool, "").await;
    let page = site.page(&format!("/images/{id}")).await;
    assert_eq!(page.one("h1"), "picture-0.jpg");
    assert_eq!(page.all(".histogram .bin").len(), 10);
    assert_eq!(page.all(".bins dd").len(), 10);
    let evidence = page.all(".evidence .class");
    assert_eq!(evidence, ["digital watch", "analog clock", "together"]);
    assert_eq!(page.all(".evidence .threshold").len(), 3);
    assert!(page.all(".facts .poor dt").contains(&"Sharpness".to_owned()));
    assert_eq!(page.all("section[aria-labelledby=models] tbody tr").len(), 2);
    assert_eq!(page.all("section[aria-labelledby=history] tbody tr").len(), 1);
    assert_eq!(page.attributes(".stage img", "width"), ["1600"]);
    assert_eq!(site.status(&format!("/images/{}", uuid::Uuid::nil())).await, StatusCode::NOT_FOUND);
    assert_eq!(site.status("/images/none").await, StatusCode::NOT_FOUND);
}

#[sqlx::test(migrations = "./migrations")]
async fn an_image_that_waits_or_was_given_up_says_so(pool: PgPool) {
    let mut catalog = Catalog::open(&pool, 0.5).await;
    let waiting = catalog.add(Picture::waiting(0)).await;
    let refused = catalog.add(Picture::waiting(1)).await;
    sqlx::query(
        "UPDATE scorings SET state = 'failed', reason = 'not a number', tries = 1 WHERE image_id = $1",
    )
    .bind(refused)
    .execute(&pool)
    .await
    .unwrap();
    chronograde::jobs::migrate(&pool).await.unwrap();
    let site = TestSite::start(pool.clone(), "").await;
    let page = site.page(&format!("/images/{waiting}")).await;
    assert!(page.one("section[aria-labelledby=quality] .nothing").starts_with("Not scored yet"));
    let showing = site.page("/top").await.one(".showing");
    assert!(showing.ends_with("1 waiting to be scored; 1 that a model gave up on."), "{showing}");
    let listed = site.page("/arrivals?state=unscorable").await;
    assert_eq!(listed.all("tbody tr").len(), 2, "one row per model");
    assert_eq!(site.post(&format!("/images/{refused}/rescore")).await.0, StatusCode::SEE_OTHER);
    let pending: i64 =
        sqlx::query_scalar("SELECT count(*) FROM scorings WHERE image_id = $1 AND state = 'pending'")
            .bind(refused)
            .fetch_one(&pool)
            .await
            .unwrap();
    assert_eq!(pending, 2);
}

#[sqlx::test(migrations = "./migrations")]
async fn failures_are_listed_with_their_reason_and_tried_again_or_set_aside(pool: PgPool) {
    let mut catalog = Catalog::open(&pool, 0.5).await;
    let mut failed = vec![];
    for number in 0..4 {
        failed.push(catalog.sighting(&format!("broken-{number}.jpg"), "failed", Some("truncated")).await);
    }
    let site = TestSite::start(pool.clone(), "").await;
    let page = site.page("/arrivals?state=failed").await;
    assert_eq!(page.all("tbody .file").len(), 4);
    assert_eq!(page.all("tbody .reason")[0], "truncated");
    assert!(page.one(".tabs [aria-current]").starts_with("Failed"));
    let state = async |id: i64| -> String {
        sqlx::query_scalar("SELECT state FROM sightings WHERE id = $1")
            .bind(id)
            .fetch_one(&pool)
            .await
            .unwrap()
    };
    let (status, location) = site.post(&format!("/arrivals/{}/retry", failed[0])).await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    assert_eq!(location, format!("/arrivals?state=failed&done=retry&of={}", failed[0]));
    assert_eq!(state(failed[0]).await, "settling");
    site.post(&format!("/arrivals/{}/ignore", failed[1])).await;
    assert_eq!(state(failed[1]).await, "ignored");
    assert!(site.post(&format!("/arrivals/{}/ignore", failed[1])).await.1.contains("done=nothing&"));
    site.post("/arrivals/retry-all").await;
    assert_eq!([state(failed[2]).await, state(failed[3]).await], ["settling", "settling"]);
    let events: i64 = sqlx::query_scalar("SELECT count(*) FROM events WHERE kind <> 'session.open'")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(events, 3);
}

#[sqlx::test(migrations = "./migrations")]
async fn the_ledger_is_paged_without_repeating_or_skipping(pool: PgPool) {
    let mut catalog = Catalog::open(&pool, 0.5).await;
    for number in 0..120 {
        catalog.sighting(&format!("broken-{number}.jpg"), "failed", Some("truncated")).await;
    }
    let site = TestSite::start(pool, "").await;
    for list in ["/arrivals", "/arrivals?state=failed"] {
        let (mut path, mut seen) = (list.to_owned(), vec![]);
        loop {
            let page = site.page(&path).await;
            seen.extend(page.all("tbody .name"));
            match page.attributes("a[rel=next]", "href").pop() {
                Some(next) => path = next,
                None => break,
            }
        }
        let distinct: std::collections::HashSet<_> = seen.iter().collect();
        assert_eq!((seen.len(), distinct.len()), (120, 120), "{list}");
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn forms_of_other_sites_are_refused(pool: PgPool) {
    let mut catalog = Catalog::open(&pool, 0.5).await;
    let failed = catalog.sighting("broken.jpg", "failed", Some("truncated")).await;
    let site = TestSite::start(pool.clone(), "").await;
    let form = |name: &'static str, value: &'static str| {
        site.client().post(site.url(&format!("/arrivals/{failed}/retry"))).header(name, value).send()
    };
    for (name, value) in [
        ("origin", "http://evil.example"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("accept", "*/*"),
    ] {
        assert_eq!(form(name, value).await.unwrap().status(), StatusCode::FORBIDDEN, "{name}: {value}");
    }
    let untouched: String = sqlx::query_scalar("SELECT state FROM sightings").fetch_one(&pool).await.unwrap();
    assert_eq!(untouched, "failed");
}

#[sqlx::test(migrations = "./migrations")]
async fn every_page_is_locked_down_and_has_nothing_inline(pool: PgPool) {
    let mut catalog = Catalog::open(&pool, 0.5).await;
    let named = Picture { name: "<script>alert(1)</script>.jpg".to_owned(), ..Picture::scored(0, 5.0, 0.9) };
    let id = catalog.add(named).await;
    let site = TestSite::start(pool, "").await;
    let image = format!("/images/{id}");
    for path in PAGES.into_iter().chain([image.as_str()]) {
        let answer = site.get(path).await;
        let policy = answer.headers()["content-security-policy"].to_str().unwrap().to_owned();
        assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"), "{path}");
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
        assert!(answer.headers()["content-type"].to_str().unwrap().starts_with("text/html"), "{path}");
        let page = site.page_of(answer).await;
        for inline in
            ["style", "[style]", "script:not([src])", "[onclick]", "[onload]", "a[href^='javascript']"]
        {
            assert_eq!(page.all(inline), Vec::<String>::new(), "{path} has {inline}");
        }
        assert_eq!(page.all("h1").len(), 1, "{path}");
        assert_eq!(page.attributes("html", "lang"), ["en"]);
        assert_eq!(page.attributes("a.skip", "href"), ["#main"]);
        assert!(page.attributes("img:not([alt])", "src").is_empty(), "{path}");
        assert!(page.attributes("img:not([width])", "src").is_empty(), "{path}");
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn assets_are_kept_for_ever_under_an_address_that_names_their_content(pool: PgPool) {
    let site = TestSite::start(pool, "").await;
    let page = site.page("/").await;
    let assets = page
        .attributes("link[href], script[src]", "href")
        .into_iter()
        .chain(page.attributes("script", "src"));
    let mut count = 0;
    for asset in assets {
        let answer = site.get(&asset).await;
        assert_eq!(answer.status(), StatusCode::OK, "{asset}");
        assert!(answer.headers()["cache-control"].to_str().unwrap().contains("immutable"));
        count += 1;
    }
    assert_eq!(count, 3);
    assert_eq!(site.status("/static/0000000000000000/chronograde.css").await, StatusCode::NOT_FOUND);
}

#[sqlx::test(migrations = "./migrations")]
async fn everything_works_under_a_sub_path(pool: PgPool) {
    let mut catalog = Catalog::open(&pool, 0.5).await;
    catalog.add(Picture::scored(0, 5.0, 0.9)).await;
    catalog.sighting("broken.jpg", "failed", Some("truncated")).await;
    let site = TestSite::start(pool, "/watches").await;
    for path in PAGES {
        let page = site.page(&format!("/watches{path}")).await;
        for (selector, name) in [("[href]", "href"), ("[src]", "src"), ("form", "action")] {
            for address in page.attributes(selector, name) {
                assert!(address.starts_with("/watches/") || address == "#main", "{path} has {address}");
            }
        }
    }
    assert_eq!(site.status("/top").await, StatusCode::NOT_FOUND);
    assert_eq!(site.status("/watches/healthz").await, StatusCode::OK);
    let problem = site.visitor().get(site.url("/watches/api/v1/ledger")).send().await.unwrap();
    assert_eq!(problem.headers()["content-type"], "application/problem+json");
}

#[sqlx::test(migrations = "./migrations")]
async fn pictures_are_made_once_kept_and_recognised(pool: PgPool) {
    let mut catalog = Catalog::open(&pool, 0.5).await;
    let site = TestSite::start(pool.clone(), "").await;
    let bytes = catalog::png(2000, 1000);
    let root = site.upload_dir().display().to_string();
    std::fs::write(site.upload_dir().join("Uhr – 1.png"), &bytes).unwrap();
    let hash = ContentHash::of(&bytes);
    let picture = Picture { name: "Uhr – 1.png".to_owned(), root, hash, ..Picture::scored(0, 5.0, 0.9) };
    let id = catalog.add(picture).await;
    let path = format!("/media/1600/{hash}.jpg");
    let answer = site.get(&path).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["content-type"], "image/jpeg");
    assert!(answer.headers()["cache-control"].to_str().unwrap().contains("immutable"));
    let tag = answer.headers()["etag"].clone();
    let shown = answer.bytes().await.unwrap();
    let size = chronograde::decode::probe(&shown, &chronograde::decode::Limits::default()).unwrap();
    assert_eq!((size.width, size.height), (1600, 800));
    assert!(site.objects().rendition(VIEWER_PX, &hash).await.unwrap().is_some(), "it is stored");
    let again = site.client().get(site.url(&path)).header(header::IF_NONE_MATCH, tag).send().await.unwrap();
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(site.status(&format!("/media/1601/{hash}.jpg")).await, StatusCode::NOT_FOUND);
    assert_eq!(
        site.status(&format!("/media/320/{}.jpg", ContentHash::of(b"?"))).await,
        StatusCode::NOT_FOUND
    );

    let original = site.get(&format!("/images/{id}/original")).await;
    let name = original.headers()["content-disposition"].to_str().unwrap().to_owned();
    assert!(
        name.starts_with("attachment; ") && name.contains("filename*=UTF-8''Uhr%20%E2%80%93%201.png"),
        "{name}"
    );
    assert_eq!(original.bytes().await.unwrap(), bytes);
    std::fs::remove_file(site.upload_dir().join("Uhr – 1.png")).unwrap();
    assert_eq!(site.status(&format!("/images/{id}/original")).await, StatusCode::GONE);
    assert_eq!(site.status(&path).await, StatusCode::OK, "what was stored stays");

    let full = format!("/media/full/{hash}.jpg");
    assert_eq!(site.status(&full).await, StatusCode::GONE, "it cannot be made, and there is no small one");
    site.objects().put_rendition(GRID_PX, &hash, b"small".to_vec()).await.unwrap();
    let small = site.get(&full).await;
    assert_eq!(
        (small.status(), &small.headers()["cache-control"]),
        (StatusCode::OK, &"no-store".parse().unwrap())
    );
    assert_eq!(small.bytes().await.unwrap(), "small", "better than a broken picture");
}

#[sqlx::test(migrations = "./migrations")]
async fn readiness_says_which_part_fails(pool: PgPool) {
    let site = TestSite::start(pool.clone(), "").await;
    assert_eq!(site.status("/healthz").await, StatusCode::OK);
    let answer = site.get("/readyz").await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    let body: Value = answer.json().await.unwrap();
    assert_eq!(
        (&body["database"], &body["models"], &body["store"]),
        (&"ok".into(), &"failing".into(), &"ok".into())
    );
    sqlx::raw_sql("INSERT INTO components (role, process, seen_at) VALUES ('score', 'here:1', now())")
        .execute(&pool)
        .await
        .unwrap();
    assert_eq!(site.status("/readyz").await, StatusCode::OK);
}

#[sqlx::test(migrations = "./migrations")]
async fn with_the_database_away_pages_say_so_in_words(pool: PgPool) {
    let site = TestSite::start(pool.clone(), "").await;
    pool.close().await;
    let answer = site.get("/").await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    let page = site.page_of(answer).await;
    assert_eq!(page.one("h1"), "The database does not answer");
    assert_eq!(site.status("/healthz").await, StatusCode::OK);
}

#[sqlx::test(migrations = "./migrations")]
async fn what_only_reads_answers_head_and_nothing_else(pool: PgPool) {
    let site = TestSite::start(pool, "").await;
    for path in ["/", "/top", "/healthz"] {
        let head = site.client().head(site.url(path)).send().await.unwrap();
        assert_eq!(head.status(), StatusCode::OK, "{path}");
        assert!(head.bytes().await.unwrap().is_empty());
        assert_eq!(site.post(path).await.0, StatusCode::METHOD_NOT_ALLOWED, "{path}");
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn who_looks_at_the_address_of_a_button_is_led_to_the_page_that_it_belongs_to(pool: PgPool) {
    let buttons = [
        ("/models/pull", "/models"),
        ("/models/moved/7/accept?x=y", "/models"),
        ("/images/0198/hide", "/images/0198"),
        ("/score/3/next", "/score/3"),
        ("/threshold/5/roll-back", "/threshold"),
        ("/images/hide", ""),
        ("/sign-out", ""),
    ];
    for base_path in ["", "/watches"] {
        let site = TestSite::start(pool.clone(), base_path).await;
        for (button, page) in buttons {
            let address = site.url(&format!("{base_path}{button}"));
            let page = format!("{base_path}{page}");
            let page = if page.is_empty() { "/" } else { &page };
            for ask in [site.client().get(&address), site.client().head(&address)] {
                let answer = ask.send().await.unwrap();
                assert_eq!(answer.status(), StatusCode::SEE_OTHER, "{address}");
                assert_eq!(answer.headers()["location"], page, "{address}");
            }
        }
        let put = site.client().put(site.url(&format!("{base_path}/models/pull")));
        let refused = put.header("sec-fetch-site", "same-origin").send().await.unwrap();
        assert_eq!(refused.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(refused.headers()["allow"], "POST");
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn metrics_are_told_to_programs_of_this_machine_and_to_bearers_of_an_admins_token(pool: PgPool) {
    chronograde::jobs::migrate(&pool).await.unwrap();
    let mut catalog = Catalog::open(&pool, 0.5).await;
    catalog.add(Picture::scored(0, 5.0, 0.9)).await;
    catalog.sighting("broken.jpg", "failed", Some("truncated")).await;
    let site = TestSite::start(pool, "").await;
    site.page("/top").await;
    let text = site.visitor().get(site.url("/metrics")).send().await.unwrap().text().await.unwrap();
    for line in [
        "chronograde_ledger_paths{state=\"failed\"} 1",
        "chronograde_catalog_images{state=\"scored\"} 1",
        "chronograde_jobs{state=\"waiting\"} 0",
        "# TYPE chronograde_http_request_seconds histogram",
    ] {
        assert!(text.lines().any(|other| other == line), "{line} in {text}");
    }
    assert!(text.contains("chronograde_http_requests_total{route=\"/top\",status=\"200\"}"), "{text}");
    // A page whose name was made to point to this machine.
    let ask = || site.visitor().get(site.url("/metrics")).header("host", "evil.example");
    assert_eq!(ask().send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
    let token = site.token(chronograde::domain::Role::Admin).await;
    assert_eq!(ask().bearer_auth(token).send().await.unwrap().status(), StatusCode::OK);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_hidden_image_leaves_every_list_says_why_and_comes_back(pool: PgPool) {
    let mut catalog = Catalog::open(&pool, 0.5).await;
    let listing = Some("7".to_owned());
    let best = catalog.add(Picture { listing: listing.clone(), ..Picture::scored(0, 7.0, 0.9) }).await;
    let other = catalog.add(Picture { listing, ..Picture::scored(1, 5.0, 0.9) }).await;
    let site = TestSite::start(pool.clone(), "").await;
    let listed = async || site.page("/top").await.attributes(".plate", "href").len();
    assert_eq!(listed().await, 2);
    let nothing = site.submit(site.client(), &format!("/images/{best}/hide"), &[("why", "  ")]).await;
    assert_eq!(nothing.status(), StatusCode::BAD_REQUEST, "without a reason nothing is hidden");
    let done = site.submit(site.client(), &format!("/images/{best}/hide"), &[("why", "a stock photo")]).await;
    assert_eq!(done.headers()[header::LOCATION], format!("/images/{best}?done=hidden"));
    assert_eq!(listed().await, 1);
    let of_listing: (i32, uuid::Uuid) =
        sqlx::query_as("SELECT images, best_image FROM listings").fetch_one(&pool).await.unwrap();
    assert_eq!(of_listing, (1, other), "the listing's best photo is one that is shown");
    let page = site.page(&format!("/images/{best}")).await;
    assert!(page.all(".notice").iter().any(|notice| notice.ends_with(": a stock photo.")));
    assert!(page.all(".absence li").contains(&"Somebody hid it.".to_owned()));
    assert_eq!(page.all("[aria-labelledby=deeds] tbody td")[..2], ["admin", "hid it: a stock photo"]);
    site.submit(site.client(), &format!("/images/{best}/restore"), &[]).await;
    assert_eq!(listed().await, 2);
    let nobody = site.submit(site.visitor(), &format!("/images/{best}/hide"), &[("why", "x")]).await;
    assert_eq!(nobody.status(), StatusCode::UNAUTHORIZED);
}

#[sqlx::test(migrations = "./migrations")]
async fn an_image_page_leads_through_the_list_that_one_came_from(pool: PgPool) {
    let mut catalog = Catalog::open(&pool, 0.5).await;
    let mut ids = vec![];
    for number in 0..30 {
        let confidence = if number % 2 == 0 { 0.9 } else { 0.1 };
        ids.push(catalog.add(Picture::scored(number, 3.0 + f64::from(number) / 10.0, confidence)).await);
    }
    let site = TestSite::start(pool, "").await;
    // The watches, the worst first: 0, 2, 4 …
    let page = site.page(&format!("/images/{}?in=watch%3Dyes%26order%3Dasc", ids[2])).await;
    let beside = |rel: &str| page.attributes(&format!("a[rel={rel}]"), "href").pop().unwrap();
    assert!(beside("prev").starts_with(&format!("/images/{}?in=", ids[0])));
    assert!(beside("next").starts_with(&format!("/images/{}?in=", ids[4])));
    assert_eq!(page.one(".neighbours .list"), "number 2 of 15");
    assert_eq!(page.all(".absence li"), ["27 images have a higher quality."]);
    let next = site.page(&beside("next")).await;
    assert!(next.attributes("a[rel=prev]", "href")[0].starts_with(&format!("/images/{}?in=", ids[2])));
    // One that the list does not have says so, and still leads on.
    let absent = site.page(&format!("/images/{}?in=watch%3Dyes%26order%3Dasc", ids[3])).await;
    assert!(
        absent.all(".absence li")[0]
            .starts_with("The list is of another watch label: with a confidence of 0.10")
    );
    assert!(absent.attributes("a[rel=next]", "href")[0].starts_with(&format!("/images/{}?in=", ids[4])));
    // The picture at its own size leads back to where one came from, with the list.
    let full = page.attributes("#zoom", "href").remove(0);
    let back = site.page(&full).await.attributes(".heading a", "href").remove(0);
    assert_eq!(back, format!("/images/{}?in=watch%3Dyes%26order%3Dasc", ids[2]));
    assert_eq!(page.attributes(".masthead [aria-current]", "href"), ["/top"], "it belongs to the catalog");
    assert_eq!(page.attributes(".siblings [aria-current]", "href"), [""; 0], "and is none of its lists");
    // Nonsense in the address is the usual list.
    assert_eq!(site.status(&format!("/images/{}?in=sort%3Dcolour", ids[3])).await, StatusCode::OK);
}

#[sqlx::test(migrations = "./migrations")]
async fn the_home_page_tells_of_stored_originals_that_are_not_there(pool: PgPool) {
    let mut catalog = Catalog::open(&pool, 0.5).await;
    let site = TestSite::start(pool.clone(), "").await;
    let mut keys = vec![];
    for number in 0..2_u8 {
        let id = catalog.add(Picture::scored(i32::from(number), 5.0, 0.9)).await;
        keys.push(site.objects().put_original(&ContentHash::of(&[number]), vec![number]).await.unwrap());
        let store = sqlx::query("UPDATE images SET stored_key = $2 WHERE id = $1")
            .bind(id)
            .bind(&keys[usize::from(number)]);
        store.execute(&pool).await.unwrap();
    }
    let said = |home: catalog::Html| {
        home.all(".attention li").into_iter().find(|matter| matter.contains("stored originals"))
    };
    assert_eq!(said(site.page("/").await), None);
    std::fs::remove_file(site.data_dir().join("store").join(&keys[1])).unwrap();
    assert!(said(site.page("/").await).unwrap().starts_with("1 of 2 stored originals"));
}

#[sqlx::test(migrations = "./migrations")]
async fn an_image_whose_original_is_missing_says_so_where_it_would_be_downloaded(pool: PgPool) {
    let mut catalog = Catalog::open(&pool, 0.5).await;
    let listing = Some("68428".to_owned());
    let id = catalog.add(Picture { listing, ..Picture::scored(0, 5.0, 0.9) }).await;
    let site = TestSite::start(pool.clone(), "").await;
    let page = site.page(&format!("/images/{id}")).await;
    assert_eq!(page.attributes("a[download]", "href"), [format!("/images/{id}/original")]);
    assert_eq!(page.attributes(".facts a", "href"), ["/listings/68428"]);
    sqlx::query("UPDATE sightings SET state = 'missing' WHERE image_id = $1")
        .bind(id)
        .execute(&pool)
        .await
        .unwrap();
    let page = site.page(&format!("/images/{id}")).await;
    assert_eq!(page.attributes("a[download]", "href"), [""; 0]);
    assert!(page.one("header .reason").starts_with("The original is missing"));
    let gone = site.get(&format!("/images/{id}/original")).await;
    assert_eq!(gone.status(), StatusCode::GONE);
    assert_eq!(
        site.page_of(gone).await.attributes(".lone a", "href"),
        [format!("/images/{id}"), "/".to_owned()]
    );
}
