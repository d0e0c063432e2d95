//! What if, apply, roll back.

use chrono::TimeDelta;
use chronograde::{clock::Clock, learning::offers::Offers, store::viewpoint};
use reqwest::{StatusCode, header};
use sqlx::PgPool;

use super::catalog::{Catalog, Picture, TestSite};

/// Forty images whose confidence rises; people say that there is a watch from 0.3 on. The threshold is 0.5.
async fn labelled(pool: &PgPool) -> Catalog {
    let mut catalog = Catalog::open(pool, 0.5).await;
    for number in 0..40_i32 {
        let confidence = f64::from(number) / 40.0;
        let id = catalog.add(Picture::scored(number, 5.0, confidence)).await;
        if number % 2 == 0 {
            sqlx::query("UPDATE catalog SET verdict = $2 WHERE image_id = $1")
                .bind(id)
                .bind(confidence > 0.3)
                .execute(pool)
                .await
                .unwrap();
        }
    }
    sqlx::raw_sql("UPDATE images SET audit = FALSE").execute(pool).await.unwrap();
    catalog
}

/// The watch model that serves, as the forms of the page name it.
async fn model(pool: &PgPool) -> String {
    let view = viewpoint::active(&mut pool.acquire().await.unwrap()).await.unwrap().unwrap();
    view.watch_model.to_string()
}

async fn history(pool: &PgPool) -> Vec<(f64, String)> {
    let history = sqlx::query_as("SELECT value, objective FROM threshold_settings ORDER BY id");
    history.fetch_all(pool).await.unwrap()
}

async fn watches(site: &TestSite) -> String {
    site.page("/top?watch=yes").await.one(".showing")
}

#[sqlx::test(migrations = "./migrations")]
async fn a_threshold_is_tried_applied_and_rolled_back(pool: PgPool) {
    labelled(&pool).await;
    let site = TestSite::start(pool.clone(), "").await;
    let before = watches(&site).await;
    let proposal = site.page("/threshold?goal=f1").await;
    assert!(proposal.one("[aria-labelledby=best] .sentence").starts_with("0.32 is best"));
    // Without JavaScript the form asks for a cut-off by address.
    let what_if = site.page("/threshold?cut=0.305&goal=&least=").await;
    let flips = "At 0.305, 4 images that nobody labelled would become a watch. 4 images that people labelled keep their label.";
    assert_eq!(what_if.one("#what-if .sentence"), flips);
    assert_eq!(what_if.all(".flips li").len(), 8);
    assert_eq!(what_if.all(".matrix table td"), ["", "13", "0", "0", "7"]);

    let cut = proposal.attributes("#what-if input[name=cut]", "value").remove(0);
    let model = proposal.attributes("#what-if input[name=model]", "value").remove(0);
    let apply = |note: &'static str, seen: &'static str| {
        let (site, cut, model) = (&site, cut.as_str(), model.as_str());
        async move {
            let form = [("model", model), ("cut", cut), ("goal", "f1"), ("note", note), ("seen", seen)];
            let form: Vec<_> = form.into_iter().filter(|(_, value)| !value.is_empty()).collect();
            site.submit(site.client(), "/threshold", &form).await
        }
    };
    assert_eq!(apply("", "").await.status(), StatusCode::BAD_REQUEST, "a reason is needed");
    let applied = apply("the labels say so", "").await;
    assert_eq!(applied.headers()[header::LOCATION], "/threshold?done=set");
    assert_ne!(watches(&site).await, before, "every page uses it at once");
    let evidence: serde_json::Value =
        sqlx::query_scalar("SELECT evidence FROM threshold_settings").fetch_one(&pool).await.unwrap();
    assert_eq!(evidence["tuned_on"], serde_json::json!([20, 13]), "{evidence}");

    // Somebody who saw the page before is told, and nothing is overwritten.
    let late = apply("mine", "").await;
    assert_eq!(late.headers()[header::LOCATION], "/threshold?done=overtaken");

    let first: i64 =
        sqlx::query_scalar("SELECT max(id) FROM threshold_settings").fetch_one(&pool).await.unwrap();
    let seen = first.to_string();
    let form = [("model", model.as_str()), ("cut", "0.9"), ("note", "too far"), ("seen", seen.as_str())];
    site.submit(site.client(), "/threshold", &form).await;
    let page = site.page("/threshold").await;
    let seen = page.attributes("form[action*=roll-back] [name=seen]", "value").pop().unwrap();
    let back = page.attributes("form[action*=roll-back]", "action").pop().unwrap();
    let rolled = site.submit(site.client(), &back, &[("model", &model), ("seen", &seen)]).await;
    assert_eq!(rolled.headers()[header::LOCATION], "/threshold?done=set");
    let chosen: f64 = cut.parse().unwrap();
    let expected = [(chosen, "f1"), (0.9, "manual"), (chosen, "rollback")];
    assert_eq!(
        history(&pool).await,
        expected.map(|(value, objective)| (value, objective.to_owned())),
        "a roll-back is a new row"
    );
}

#[sqlx::test(migrations = "./migrations")]
async fn a_cut_off_that_was_moved_by_hand_is_not_credited_to_the_goal(pool: PgPool) {
    labelled(&pool).await;
    let site = TestSite::start(pool.clone(), "").await;
    let model = model(&pool).await;
    let form = [("model", model.as_str()), ("cut", "0.7"), ("goal", "f1"), ("note", "dragged")];
    let set = site.submit(site.client(), "/threshold", &form).await;
    assert_eq!(set.headers()[header::LOCATION], "/threshold?done=set");
    assert_eq!(history(&pool).await, [(0.7, "manual".to_owned())]);
    let evidence: serde_json::Value =
        sqlx::query_scalar("SELECT evidence FROM threshold_settings").fetch_one(&pool).await.unwrap();
    let passed_over = evidence["passed_over"]["best"]["threshold"].as_f64().unwrap();
    assert!((0.3..0.35).contains(&passed_over), "{evidence}");
    assert_eq!(evidence["everything"]["precision"], 1.0, "at 0.7: {evidence}");

    // A goal or a value that nobody offers is refused, and asking for one proposes nothing.
    for goal in [[("goal", "zzz"), ("least", "")], [("goal", "recall"), ("least", "99")]] {
        let form =
            [[("model", model.as_str()), ("cut", "0.2")], goal, [("note", "x"), ("seen", "1")]].concat();
        let refused = site.submit(site.client(), "/threshold", &form).await;
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    }
    let page = site.page("/threshold?goal=recall&least=99").await;
    assert_eq!(
        page.one("[aria-labelledby=best] .notice"),
        "No proposal: a recall or precision lies between 0 and 1, such as 0.95"
    );
    let page = site.page("/threshold?goal=recall&least=0.9").await;
    assert_eq!(page.all("[aria-labelledby=best] .facts dd")[0], "a recall of at least 0.9");
}

#[sqlx::test(migrations = "./migrations")]
async fn a_cut_off_for_a_model_that_no_longer_serves_is_not_set_for_the_next_one(pool: PgPool) {
    labelled(&pool).await;
    let site = TestSite::start(pool.clone(), "").await;
    let page = site.page("/threshold?cut=0.012").await;
    let shown = page.attributes("#what-if input[name=model]", "value").remove(0);
    // The pages switch while somebody looks at the page: neither model has a setting.
    sqlx::raw_sql(
        "INSERT INTO models (name, task, kind, fingerprint, preprocessing, manifest, sha256, default_threshold)
         SELECT 'w-next', task, kind, repeat('f', 64), preprocessing, manifest, sha256, default_threshold
         FROM models WHERE task = 'watch';
         UPDATE generations SET watch_model = (SELECT id FROM models WHERE name = 'w-next')",
    )
    .execute(&pool)
    .await
    .unwrap();
    assert_ne!(shown, model(&pool).await);
    let form = [("model", shown.as_str()), ("cut", "0.012"), ("note", "as the page says")];
    let late = site.submit(site.client(), "/threshold", &form).await;
    assert_eq!(late.headers()[header::LOCATION], "/threshold?done=overtaken");
    assert_eq!(history(&pool).await, []);
}

#[sqlx::test(migrations = "./migrations")]
async fn of_many_who_apply_at_once_one_is_first_and_the_others_hear_of_it(pool: PgPool) {
    labelled(&pool).await;
    let site = TestSite::start(pool.clone(), "").await;
    let model = model(&pool).await;
    let form = [("model", model.as_str()), ("cut", "0.4"), ("note", "now")];
    let sent = (0..6).map(|_| site.submit(site.client(), "/threshold", &form));
    let answers = futures_util::future::join_all(sent).await;
    let set =
        answers.iter().filter(|answer| answer.headers()[header::LOCATION] == "/threshold?done=set").count();
    let rows: i64 =
        sqlx::query_scalar("SELECT count(*) FROM threshold_settings").fetch_one(&pool).await.unwrap();
    assert_eq!((set, rows), (1, 1));
}

#[sqlx::test(migrations = "./migrations")]
async fn audit_images_never_tune_and_one_class_is_refused_in_words(pool: PgPool) {
    labelled(&pool).await;
    let site = TestSite::start(pool.clone(), "").await;
    // Every image without a watch is in the audit set: what is left to choose from is of one class.
    sqlx::raw_sql(
        "UPDATE images SET audit = TRUE WHERE id IN (SELECT image_id FROM catalog WHERE NOT verdict)",
    )
    .execute(&pool)
    .await
    .unwrap();
    let page = site.page("/threshold?goal=f1").await;
    assert_eq!(
        page.one("[aria-labelledby=best] .notice"),
        "No proposal: all 13 labelled images are watches: a threshold separates two classes, so label some of the other one too"
    );
    assert!(page.one(".lead").contains("13 labelled images outside the audit set, 0 in it"));
}

/// What Home says of labels that speak for another threshold, as soon as it is worked out.
async fn offered(site: &TestSite) -> String {
    loop {
        let matters = site.page("/").await.all(".attention li");
        if let Some(offer) =
            matters.into_iter().find(|matter| matter.starts_with("People’s labels speak for"))
        {
            return offer;
        }
    }
}

/// A hundred and twenty labelled images with slips; the best threshold is about 0.4, the one in use 0.8.
async fn miscalibrated(pool: &PgPool) {
    let mut catalog = Catalog::open(pool, 0.8).await;
    for number in 0..120_i32 {
        let confidence = f64::from(number) / 120.0;
        let id = catalog.add(Picture::scored(number, 5.0, confidence)).await;
        sqlx::query("UPDATE catalog SET verdict = $2 WHERE image_id = $1")
            .bind(id)
            .bind((confidence > 0.4) != (number % 17 == 0))
            .execute(pool)
            .await
            .unwrap();
    }
    sqlx::raw_sql("UPDATE images SET audit = FALSE").execute(pool).await.unwrap();
}

#[sqlx::test(migrations = "./migrations")]
async fn the_offer_is_worked_out_anew_when_it_is_old_and_not_at_each_look(pool: PgPool) {
    miscalibrated(&pool).await;
    let clock = Clock::manual(Clock::System.now());
    let offers = Offers::new(clock.clone());
    let mut conn = pool.acquire().await.unwrap();
    let view = viewpoint::active(&mut conn).await.unwrap().unwrap();
    assert_eq!(offers.look(&pool, &mut conn, &view).await.unwrap(), None, "nobody waits for it");
    let first = loop {
        if let Some(offer) = offers.look(&pool, &mut conn, &view).await.unwrap() {
            break offer;
        }
    };
    // Labels change without a correction, as after an exclusion that is taken back: the latest offer holds for a while.
    sqlx::raw_sql("UPDATE catalog SET verdict = watch_confidence > 0.6").execute(&pool).await.unwrap();
    for _ in 0..20 {
        assert_eq!(offers.look(&pool, &mut conn, &view).await.unwrap(), Some(first));
    }
    clock.advance(TimeDelta::minutes(16));
    let second = loop {
        let offer = offers.look(&pool, &mut conn, &view).await.unwrap().unwrap();
        if offer != first {
            break offer;
        }
    };
    assert!(first.proposed.get() < 0.5 && second.proposed.get() > 0.55, "{first:?} {second:?}");
}

#[sqlx::test(migrations = "./migrations")]
async fn home_offers_a_threshold_that_is_certainly_better_until_it_is_applied(pool: PgPool) {
    miscalibrated(&pool).await;
    let site = TestSite::start(pool.clone(), "").await;
    let patience = std::time::Duration::from_secs(60);
    let offer = tokio::time::timeout(patience, offered(&site)).await.unwrap();
    assert!(offer.starts_with("People’s labels speak for a threshold of 0.4"), "{offer}");
    assert!(offer.contains(" instead of 0.80 for “w”: F1 rises by 0."), "{offer}");
    assert!(offer.contains(" (95 % interval 0."), "{offer}");
    let link = site.page("/").await.attributes(".attention a[href*=threshold]", "href").remove(0);
    assert_eq!(link, "/threshold?goal=f1");
    let proposal = site.page(&link).await;
    let cut = proposal.attributes("input[name=cut][type=hidden]", "value").remove(0);
    let model = model(&pool).await;
    let form = [("model", model.as_str()), ("cut", cut.as_str()), ("goal", "f1"), ("note", "as Home says")];
    site.submit(site.client(), "/threshold", &form).await;
    let matters = site.page("/").await.all(".attention li");
    assert!(!matters.iter().any(|matter| matter.contains("speak for")), "{matters:?}");

    // Annotators hear nothing of it.
    let client = site.sign_in("Ann", chronograde::domain::Role::Annotator).await;
    let home = site.page_of(client.get(site.url("/")).send().await.unwrap()).await;
    assert_eq!(home.all(".attention").len(), 0);
}
