//! Rounds, judging and corrections, as a browser without scripts and a script see them.

use chronograde::{domain::Role, store::answers_needed};
use reqwest::{Client, StatusCode, header};
use serde_json::Value;
use sqlx::PgPool;
use uuid::Uuid;

use super::catalog::{Catalog, Html, Picture, TestSite};

const ROUND: &[(&str, &str)] = &[("title", "Autumn"), ("guide", "1"), ("judgements", "2"), ("sample", "")];

async fn catalog(pool: &PgPool) -> (TestSite, Vec<Uuid>) {
    let mut catalog = Catalog::open(pool, 0.5).await;
    let mut images = vec![];
    for number in 0..6 {
        images.push(
            catalog
                .add(Picture::scored(number, 4.0 + f64::from(number), 0.2 + 0.1 * f64::from(number)))
                .await,
        );
    }
    let site = TestSite::start(pool.clone(), "").await;
    site.page("/rounds/new").await;
    (site, images)
}

async fn open(site: &TestSite, more: &[(&str, &str)]) -> String {
    let form = [ROUND, more].concat();
    let answer = site.submit(site.client(), "/rounds", &form).await;
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    let round = answer.headers()[header::LOCATION].to_str().unwrap().to_owned();
    round.strip_prefix("/rounds/").unwrap().to_owned()
}

async fn page_as(site: &TestSite, client: &Client, path: &str) -> Html {
    site.page_of(client.get(site.url(path)).send().await.unwrap()).await
}

fn hidden(page: &Html) -> Vec<(&'static str, String)> {
    ["image", "occurrence", "key"]
        .map(|name| (name, page.attributes(&format!("#judge input[name={name}]"), "value").remove(0)))
        .to_vec()
}

/// Presses a button of the judging form.
async fn press(site: &TestSite, client: &Client, round: &str, page: &Html, said: (&str, &str)) -> StatusCode {
    let fields = hidden(page);
    let mut form: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    form.push(said);
    site.submit(client, &format!("/score/{round}"), &form).await.status()
}

async fn number(pool: &PgPool, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(pool).await.unwrap()
}

#[sqlx::test(migrations = "./migrations")]
async fn a_whole_round_is_judged_by_plain_forms_and_closes(pool: PgPool) {
    let (site, _) = catalog(&pool).await;
    let round = open(&site, &[]).await;
    for (name, score) in [("Anna", "3"), ("Ben", "8")] {
        let client = site.sign_in(name, Role::Annotator).await;
        let home = page_as(&site, &client, "/").await;
        assert_eq!(home.all(".desks .big"), ["Autumn"]);
        for _ in 0..6 {
            let page = page_as(&site, &client, &format!("/score/{round}")).await;
            assert_eq!(page.all(".press").len(), 10);
            assert_eq!(press(&site, &client, &round, &page, ("score", score)).await, StatusCode::SEE_OTHER);
        }
        let end = page_as(&site, &client, &format!("/score/{round}")).await;
        assert!(!end.one("#end-title").is_empty(), "a friendly page");
        assert_eq!(end.all("#judge input").len(), 0);
        assert_eq!((end.one("#done"), end.one("#left")), ("6".to_owned(), "0".to_owned()), "closed or not");
    }
    assert_eq!(number(&pool, "SELECT count(*) FROM catalog WHERE votes = 2 AND human_mean = 5.5").await, 6);
    let page = site.page(&format!("/rounds/{round}")).await;
    assert_eq!(page.all(".tiles b"), ["12", "0", "6", "0"]);
    assert_eq!(page.all("section[aria-labelledby=who] tbody tr").len(), 2);
    assert!(page.all(".facts dd")[0].starts_with("closed"));
    assert_eq!(page.all("[aria-labelledby=images] .flips span"), ["5.5 of 2 votes"; 6]);
    assert_eq!(page.attributes("[aria-labelledby=results] a", "href"), ["/people-against-model", "/export"]);
    assert_eq!(
        page.all(".doing button"),
        [""; 0],
        "nothing lacks a judgement: there is nothing to reopen it for"
    );
    assert_eq!(site.post(&format!("/rounds/{round}/reopen")).await.0, StatusCode::SEE_OTHER);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_round_that_can_label_nothing_says_so_and_shows_no_vote_before_its_time(pool: PgPool) {
    let (site, _) = catalog(&pool).await;
    let form = site.page("/rounds/new?judgements=1&asks=watch&sample=4&watch=yes").await;
    assert!(form.all(".asked").iter().any(|hint| hint.contains("It takes 2 people to label an image.")));
    // Two of six lie above the threshold; nobody was timed yet.
    assert!(
        form.one(".estimate").starts_with(
            "2 images match. A round of 2 is 2 judgements: about 10 seconds of judging in all, at 5.0 seconds each (a usual pace)."
        ),
        "{}",
        form.one(".estimate")
    );
    let kept = form.attributes("[name=judgements], [name=sample]", "value");
    assert_eq!(kept, ["4", "1"], "counting again empties no field");

    let round = open(&site, &[("asks", "watch"), ("judgements", "1")]).await;
    let page = site.page(&format!("/rounds/{round}")).await;
    assert!(page.one(".notice").starts_with("It takes 2 people to label an image, and this round asks 1:"));
    assert_eq!(page.attributes("[aria-labelledby=results] a", "href"), ["/evaluation", "/export"]);
    let anna = site.sign_in("Anna", Role::Annotator).await;
    let score = page_as(&site, &anna, &format!("/score/{round}")).await;
    press(&site, &anna, &round, &score, ("watch", "yes")).await;
    let said = site.page(&format!("/rounds/{round}")).await.all("[aria-labelledby=images] .flips span");
    assert_eq!(said.iter().filter(|said| *said == "watch: 1 yes").count(), 1, "{said:?}");
    assert_eq!(said.iter().filter(|said| *said == "0 of 1").count(), 5, "{said:?}");

    // With two people needed of each, the first answer stays hidden from whoever is second.
    let round = open(&site, &[("asks", "watch")]).await;
    assert_eq!(site.page(&format!("/rounds/{round}")).await.all(".notice").len(), 0);
    let score = page_as(&site, &anna, &format!("/score/{round}")).await;
    press(&site, &anna, &round, &score, ("watch", "yes")).await;
    let said =
        site.page(&format!("/rounds/{round}?from=0")).await.all("[aria-labelledby=images] .flips span");
    assert_eq!(said.iter().filter(|said| *said == "1 of 2").count(), 1, "{said:?}");
    let beyond = site.page(&format!("/rounds/{round}?from=60")).await;
    assert_eq!(beyond.one("[aria-labelledby=images] .nothing"), "There are none here.");
}

#[sqlx::test(migrations = "./migrations")]
async fn how_many_answers_make_a_label_is_a_setting_that_counts_anew(pool: PgPool) {
    let (site, _) = catalog(&pool).await;
    let round = open(&site, &[("asks", "watch")]).await;
    let anna = site.sign_in("Anna", Role::Annotator).await;
    let score = page_as(&site, &anna, &format!("/score/{round}")).await;
    press(&site, &anna, &round, &score, ("watch", "no")).await;
    let labelled = "SELECT count(*) FROM catalog WHERE verdict IS NOT NULL";
    assert_eq!(number(&pool, labelled).await, 0);
    for (needed, labels, rows) in [(2, 0, 0), (1, 1, 1), (1, 1, 1), (2, 0, 2)] {
        answers_needed::keep(&pool, needed).await.unwrap();
        assert_eq!(number(&pool, labelled).await, labels, "{needed} needed");
        assert_eq!(number(&pool, "SELECT count(*) FROM settings").await, rows);
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn a_blind_page_shows_neither_names_nor_scores_nor_pictures_of_others(pool: PgPool) {
    let (site, images) = catalog(&pool).await;
    let round = open(&site, &[]).await;
    let anna = site.sign_in("Anna", Role::Annotator).await;
    let page = page_as(&site, &anna, &format!("/score/{round}")).await;
    let source = page.source();
    assert!(!source.contains("picture-") && !source.contains("confidence"), "{source}");
    let seen = page.attributes("#picture", "data-image").remove(0);
    assert!(images.iter().any(|image| image.to_string() == seen));
    // Only what was handed out may be seen, and only through this door.
    let status =
        async |client: &Client, path: String| client.get(site.url(&path)).send().await.unwrap().status();
    let held: Value = serde_json::from_str(&page.attributes("#judging", "data-held")[0]).unwrap();
    let held: Vec<&str> =
        held.as_array().unwrap().iter().map(|item| item["image"].as_str().unwrap()).collect();
    assert_eq!(held.len(), 4, "one is shown, three are preloaded");
    let other = images.iter().map(Uuid::to_string).find(|image| !held.contains(&image.as_str())).unwrap();
    assert_eq!(
        status(&anna, format!("/score/{round}/pictures/{other}/320.jpg")).await,
        StatusCode::NOT_FOUND
    );
    assert_eq!(status(&anna, format!("/images/{seen}")).await, StatusCode::FORBIDDEN);
    assert_eq!(status(&anna, "/rounds".to_owned()).await, StatusCode::FORBIDDEN);
    // An image that was never handed to Ben cannot be judged by him.
    let ben = site.sign_in("Ben", Role::Annotator).await;
    assert_eq!(press(&site, &ben, &round, &page, ("score", "5")).await, StatusCode::CONFLICT);
}

#[sqlx::test(migrations = "./migrations")]
async fn the_script_is_told_what_comes_next_and_a_foreign_outbox_is_refused(pool: PgPool) {
    let (site, _) = catalog(&pool).await;
    let round = open(&site, &[("asks", "both")]).await;
    let anna = site.sign_in("Anna", Role::Annotator).await;
    let page = page_as(&site, &anna, &format!("/score/{round}")).await;
    let who = page.attributes("#judging", "data-annotator").remove(0);
    let fields = hidden(&page);
    let say = async |client: &Client, more: &[(&str, &str)]| {
        let mut form: Vec<(&str, &str)> =
            fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        form.extend_from_slice(more);
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = client
            .post(site.url(&format!("/score/{round}")))
            .header("sec-fetch-site", "same-origin")
            .header(header::ACCEPT, "application/json")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        request.body(body).send().await.unwrap()
    };
    let both = [
        ("score", "10"),
        ("watch", "yes"),
        ("seconds", "1.25"),
        ("pixels", "1400"),
        ("annotator", who.as_str()),
    ];
    let ben = site.sign_in("Ben", Role::Annotator).await;
    assert_eq!(say(&ben, &both).await.status(), StatusCode::FORBIDDEN);
    assert_eq!(say(site.visitor(), &both).await.status(), StatusCode::UNAUTHORIZED);
    let refused = say(&anna, &[("score", "10")]).await;
    assert_eq!(refused.status(), StatusCode::CONFLICT);
    let problem: Value = refused.json().await.unwrap();
    assert_eq!(problem["problem"], "This round asks for a score from 1 to 10 and whether there is a watch.");
    for _ in 0..3 {
        let answer: Value = say(&anna, &both).await.json().await.unwrap();
        assert_eq!(answer["held"].as_array().unwrap().len(), 4);
    }
    let stored: (i16, f64, i32, bool) =
        sqlx::query_as("SELECT score, seconds, pixels_shown, saw_model FROM votes")
            .fetch_one(&pool)
            .await
            .unwrap();
    assert_eq!(stored, (10, 1.25, 1400, false));
    assert_eq!(number(&pool, "SELECT count(*) FROM corrections WHERE is_watch").await, 1);
}

#[sqlx::test(migrations = "./migrations")]
async fn back_shows_the_earlier_vote_and_undo_takes_it_back(pool: PgPool) {
    let (site, _) = catalog(&pool).await;
    let round = open(&site, &[]).await;
    let anna = site.sign_in("Anna", Role::Annotator).await;
    let page = page_as(&site, &anna, &format!("/score/{round}")).await;
    press(&site, &anna, &round, &page, ("score", "7")).await;
    let next = page_as(&site, &anna, &format!("/score/{round}")).await;
    assert_eq!(next.one("#said"), "7");
    let back = next.attributes("#back", "href").remove(0);
    let earlier = page_as(&site, &anna, &back).await;
    assert_eq!(earlier.all(".press[aria-pressed=true]"), ["7"]);
    assert_eq!(earlier.all("#back").len(), 0, "nothing was judged before that one");
    press(&site, &anna, &round, &earlier, ("score", "9")).await;
    assert_eq!(number(&pool, "SELECT count(*) FROM votes").await, 2);
    let key = page_as(&site, &anna, &format!("/score/{round}"))
        .await
        .attributes(".chip input[name=key]", "value")
        .remove(0);
    let undone = site.submit(&anna, &format!("/score/{round}/undo"), &[("key", key.as_str())]).await;
    assert_eq!(undone.status(), StatusCode::SEE_OTHER);
    assert_eq!(number(&pool, "SELECT count(*) FROM votes WHERE superseded_at IS NULL").await, 0);
    let mine = page_as(&site, &anna, "/progress").await;
    assert_eq!(mine.all(".tiles b")[..2], ["0", "0"]);
}

#[sqlx::test(migrations = "./migrations")]
async fn doubtful_saves_what_was_changed_undoes_it_and_shows_no_audit_image(pool: PgPool) {
    let (site, images) = catalog(&pool).await;
    // One of the six is in the audit set.
    sqlx::query("UPDATE images SET audit = true WHERE id = $1").bind(images[2]).execute(&pool).await.unwrap();
    let page = site.page("/doubtful").await;
    let cells = page.attributes(".doubt input[name=image]", "value");
    assert_eq!(cells.len(), 5);
    assert!(cells.iter().all(|cell| !cell.contains(&images[2].to_string())));
    let parts: Vec<Vec<&str>> = cells.iter().map(|cell| cell.split(' ').collect()).collect();
    let choices: Vec<String> = parts.iter().map(|part| format!("watch-{}", part[0])).collect();
    let mut form: Vec<(&str, &str)> = cells.iter().map(|cell| ("image", cell.as_str())).collect();
    for (index, part) in parts.iter().enumerate() {
        let turned = if part[2] == "yes" { "no" } else { "yes" };
        form.push((choices[index].as_str(), if index == 0 { turned } else { part[2] }));
    }
    let untouched = site.submit(site.client(), "/doubtful", &form[..5]).await;
    let untouched = site.page(untouched.headers()[header::LOCATION].to_str().unwrap()).await;
    assert_eq!(untouched.one(".notice"), "Nothing was changed, so nothing was saved.");
    let saved = site.submit(site.client(), "/doubtful", &form).await;
    let address = saved.headers()[header::LOCATION].to_str().unwrap().to_owned();
    assert_eq!(number(&pool, "SELECT count(*) FROM catalog WHERE verdict IS NOT NULL").await, 1);
    site.submit(site.client(), "/doubtful", &form).await;
    assert_eq!(number(&pool, "SELECT count(*) FROM corrections").await, 1, "a retry is stored once");
    let page = site.page(&address).await;
    assert!(page.one(".notice span").starts_with("1 verdict saved"));
    let keys = page.attributes("input[name=saved]", "value").remove(0);
    site.submit(site.client(), "/doubtful/undo", &[("saved", keys.as_str())]).await;
    assert_eq!(number(&pool, "SELECT count(*) FROM catalog WHERE verdict IS NOT NULL").await, 0);
    assert_eq!(number(&pool, "SELECT count(*) FROM events WHERE kind = 'image.verdict-withdrawn'").await, 1);
    form.push(("rest", "1"));
    let fresh: Vec<String> = site.page("/doubtful").await.attributes(".doubt input[name=image]", "value");
    let rest: Vec<(&str, &str)> =
        fresh.iter().map(|cell| ("image", cell.as_str())).chain([("rest", "1")]).collect();
    site.submit(site.client(), "/doubtful", &rest).await;
    assert_eq!(number(&pool, "SELECT count(*) FROM catalog WHERE verdict IS NOT NULL").await, 5);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_verdict_on_an_image_holds_at_once_everywhere(pool: PgPool) {
    let (site, images) = catalog(&pool).await;
    let low = images[0];
    let answer = site.submit(site.client(), &format!("/images/{low}/verdict"), &[("watch", "yes")]).await;
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    let top = site.page("/top?watch=yes").await;
    assert!(top.attributes(".plate", "href").iter().any(|href| href.contains(&low.to_string())));
    let history = site.page(&format!("/images/{low}")).await;
    assert!(history.source().contains("said that there is a watch"));
    // Every model has scored it: to ask again is nothing that was done.
    site.post(&format!("/images/{low}/rescore")).await;
    assert_eq!(number(&pool, "SELECT count(*) FROM events WHERE kind = 'image.rescore'").await, 0);
    let missing = format!("/images/{}/verdict", Uuid::nil());
    assert_eq!(
        site.submit(site.client(), &missing, &[("watch", "yes")]).await.status(),
        StatusCode::NOT_FOUND
    );
}

#[sqlx::test(migrations = "./migrations")]
async fn a_guides_new_version_and_a_mistake_in_a_round_are_said_in_words(pool: PgPool) {
    let (site, images) = catalog(&pool).await;
    let example = site.url(&format!("/images/{}", images[0]));
    let form = [
        ("name", "Judging photographs"),
        ("body", "Be fair.\r\n\r\nBe quick."),
        ("example_1", example.as_str()),
    ];
    assert_eq!(site.submit(site.client(), "/guides", &form).await.status(), StatusCode::SEE_OTHER);
    let page = site.page("/guides").await;
    assert!(page.all("h2")[0].ends_with("version 2"));
    assert_eq!(page.all(".anchors img").len(), 1);
    let wrong = [("name", "Judging photographs"), ("body", "x"), ("example_5", "nonsense")];
    let answer = site.submit(site.client(), "/guides", &wrong).await;
    assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let nothing = [ROUND, &[("text", "no such name")]].concat();
    let answer = site.submit(site.client(), "/rounds", &nothing).await;
    assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let page = site.page_of(answer).await;
    assert!(page.one(".problem").starts_with("No image fits"));
    assert_eq!(page.attributes("input[name=title]", "value"), ["Autumn"], "what was typed stays");
}

#[sqlx::test(migrations = "./migrations")]
async fn raters_can_be_excluded_and_count_again(pool: PgPool) {
    let (site, _) = catalog(&pool).await;
    let round = open(&site, &[]).await;
    let anna = site.sign_in("Anna", Role::Annotator).await;
    let page = page_as(&site, &anna, &format!("/score/{round}")).await;
    press(&site, &anna, &round, &page, ("score", "7")).await;
    let raters = site.page("/raters").await;
    assert_eq!(raters.all("tbody tr").len(), 1);
    let exclude = raters.attributes(".exclude form", "action").remove(0);
    site.submit(site.client(), &exclude, &[("why", "one key only")]).await;
    assert_eq!(number(&pool, "SELECT count(*) FROM catalog WHERE votes > 0").await, 0);
    let raters = site.page("/raters").await;
    assert!(raters.all("tbody td")[0].contains("one key only"));
    let include = raters.attributes(".actions form", "action").remove(0);
    site.submit(site.client(), &include, &[]).await;
    assert_eq!(number(&pool, "SELECT count(*) FROM catalog WHERE votes > 0").await, 1);
}
