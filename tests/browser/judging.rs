//! A round of judging as an annotator lives it: keys, phone, no scripts, no network, a closed tab.

use serde_json::{Value, json};
use sqlx::PgPool;
use thirtyfour::Key;

use super::{
    browser::{Browser, Kind},
    service::Service,
    walk::{drop_pictures, set_up},
};

/// Pictures of the round.
const PICTURES: u32 = 8;

/// A service with scored pictures and an open round, and the browser on its start page.
async fn round(pool: &PgPool, browser: &Browser, asks: &str) -> Service {
    round_of(pool, browser, (PICTURES, &format!("asks={asks}"))).await
}

/// The same with so many pictures, and a plan of which the address says more.
async fn round_of(pool: &PgPool, browser: &Browser, (pictures, plan): (u32, &str)) -> Service {
    let service = Service::start(pool);
    set_up(browser, &service).await;
    drop_pictures(&service, 0..pictures);
    while !browser.text().await.contains(&format!("{pictures} images = {pictures} scored")) {
        browser.driver.refresh().await.unwrap();
    }
    browser.driver.goto(service.url(&format!("/rounds/new?{plan}&sample=&judgements=1"))).await.unwrap();
    browser.type_into("title", "Autumn").await;
    browser.follow("main button.primary").await;
    browser.read("h1", "Autumn").await;
    service
}

/// Opens the score page, and closes the guide that it shows the first time.
async fn begin(browser: &Browser, service: &Service) {
    browser.driver.goto(service.url("/score/1")).await.unwrap();
    browser.see("#help:modal").await;
    browser.press(Key::Enter).await;
    browser.see("#stage[data-painted]").await;
}

/// Presses a key and waits until another picture, or the end, is painted.
async fn judge(browser: &Browser, key: &str) {
    let painted = browser.see("#stage[data-painted]").await.attr("data-painted").await.unwrap().unwrap();
    browser.press(key).await;
    browser
        .see(&format!(
            "#stage[data-painted]:not([data-painted='{painted}']), #end:not([hidden], [data-waits])"
        ))
        .await;
}

async fn is_offline(browser: &Browser, offline: bool) {
    network(browser, offline, 0).await;
}

/// Cuts the network, or makes each answer later by `latency_ms`.
async fn network(browser: &Browser, offline: bool, latency_ms: u32) {
    let conditions = json!({ "offline": offline, "latency": latency_ms, "downloadThroughput": -1, "uploadThroughput": -1 });
    browser.driver.cdp().send_raw("Network.enable", json!({})).await.unwrap();
    browser.driver.cdp().send_raw("Network.emulateNetworkConditions", conditions).await.unwrap();
}

/// Waits until these votes hold.
async fn have(pool: &PgPool, wanted: &[i16]) {
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
    while scores(pool).await != wanted {
        assert!(tokio::time::Instant::now() < deadline, "{:?} instead of {wanted:?}", scores(pool).await);
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

async fn scores(pool: &PgPool) -> Vec<i16> {
    sqlx::query_scalar("SELECT score FROM votes WHERE superseded_at IS NULL ORDER BY id")
        .fetch_all(pool)
        .await
        .unwrap()
}

#[sqlx::test(migrations = "./migrations")]
async fn a_whole_round_by_keyboard_with_a_step_back(pool: PgPool) {
    let Some(browser) = Browser::open(Kind::DESKTOP).await else { return };
    let service = round(&pool, &browser, "quality").await;
    begin(&browser, &service).await;
    assert_eq!(browser.barriers().await, Vec::<String>::new());
    for key in ["7", "3", "0"] {
        judge(&browser, key).await;
    }
    browser.read("#chip b", "10").await;
    judge(&browser, &Key::Backspace.value().to_string()).await;
    assert_eq!(browser.see(".press[aria-pressed=true]").await.text().await.unwrap(), "10");
    // The same key again changes nothing; another one does.
    judge(&browser, "0").await;
    judge(&browser, &Key::Backspace.value().to_string()).await;
    judge(&browser, "9").await;
    for key in ["1", "2", "4", "5", "6"] {
        judge(&browser, key).await;
    }
    browser.read("#end-title", "This round is closed").await;
    have(&pool, &[7, 3, 9, 1, 2, 4, 5, 6]).await;
    let all: i64 = sqlx::query_scalar("SELECT count(*) FROM votes").fetch_one(&pool).await.unwrap();
    assert_eq!(all, 9, "the 10 is kept, superseded by the 9");
    // What a closed round does not take back is not shown as taken back.
    browser.see("#chip button:nth-of-type(2)").await.click().await.unwrap();
    browser.read("#outbox", "The round is closed: what you said in it cannot be changed any more.").await;
    browser.read("#end-title", "This round is closed").await;
    assert_eq!(scores(&pool).await.len(), 8);
    browser.close().await;
}

#[sqlx::test(migrations = "./migrations")]
async fn backspace_goes_back_beyond_a_reload(pool: PgPool) {
    let Some(browser) = Browser::open(Kind::DESKTOP).await else { return };
    let service = round(&pool, &browser, "quality").await;
    begin(&browser, &service).await;
    for key in ["7", "3", "5"] {
        judge(&browser, key).await;
    }
    have(&pool, &[7, 3, 5]).await;
    browser.driver.refresh().await.unwrap();
    browser.read("#chip b", "5").await;
    judge(&browser, "4").await;
    let back = Key::Backspace.value().to_string();
    for said in ["4", "5", "3", "7"] {
        judge(&browser, &back).await;
        assert_eq!(browser.see(".press[aria-pressed=true]").await.text().await.unwrap(), said);
    }
    judge(&browser, "8").await;
    have(&pool, &[3, 5, 4, 8]).await;
    browser.close().await;
}

/// Notes for each key when the next picture was on the screen, and whether it was asked for only then.
const STOPWATCH: &str = "
    const stage = document.getElementById('stage'), picture = document.getElementById('picture');
    let pressed = 0, last = stage.dataset.painted;
    window.painted = [];
    addEventListener('keydown', () => { pressed = performance.now(); }, true);
    new MutationObserver(() => {
        const now = stage.dataset.painted, key = pressed;
        if (!now || now === last) return;
        last = now;
        const asked = performance.getEntriesByName(picture.src).map((entry) => entry.startTime);
        // The second frame begins after the first is on the screen.
        requestAnimationFrame(() => requestAnimationFrame(() =>
            window.painted.push([performance.now() - key, Math.min(...asked) > key])));
    }).observe(stage, { attributeFilter: ['data-painted'] });";

/// How many pictures the browser has.
const LOADED: &str = "return performance.getEntriesByType('resource')
    .filter((entry) => entry.name.includes('/pictures/') && entry.name.endsWith('/1600.jpg') && entry.responseEnd > 0).length";

#[sqlx::test(migrations = "./migrations")]
async fn with_a_slow_network_the_next_picture_is_there_before_the_key(pool: PgPool) {
    let Some(browser) = Browser::open(Kind::DESKTOP).await else { return };
    let service = round_of(&pool, &browser, (40, "asks=quality")).await;
    begin(&browser, &service).await;
    network(&browser, false, 40).await;
    browser.script(STOPWATCH).await;
    for judged in 0..39 {
        // Nobody judges faster than pictures come; more than the next one need not be there.
        while browser.script(LOADED).await.as_u64().unwrap() < judged + 2 {}
        judge(&browser, "6").await;
    }
    let painted = browser.script("return window.painted").await;
    let painted: Vec<(f64, bool)> = serde_json::from_value(painted).unwrap();
    let mut times_ms: Vec<f64> = painted.iter().map(|(ms, _)| *ms).collect();
    times_ms.sort_by(f64::total_cmp);
    // A figure, not a bar: the machine may be busy.
    let (median, p95) = (times_ms[times_ms.len() / 2], times_ms[times_ms.len() * 95 / 100]);
    println!("key to next picture painted, 40 ms of latency: median {median:.0} ms, p95 {p95:.0} ms");
    assert!(painted.len() >= 38, "{painted:?}");
    assert!(painted.iter().all(|(_, late)| !late), "a picture was asked for after the key: {painted:?}");
    browser.close().await;
}

#[sqlx::test(migrations = "./migrations")]
async fn beside_the_picture_stands_what_others_say_only_where_the_round_is_not_blind(pool: PgPool) {
    let Some(browser) = Browser::open(Kind::DESKTOP).await else { return };
    let service = round_of(&pool, &browser, (3, "asks=quality&sees=all")).await;
    begin(&browser, &service).await;
    for _ in 0..2 {
        let beside = browser.see("#beside:not([hidden])").await.text().await.unwrap();
        assert!(beside.starts_with("Model: quality ") && beside.ends_with("People: none yet."), "{beside}");
        judge(&browser, "6").await;
    }
    let saw: bool =
        sqlx::query_scalar("SELECT bool_and(saw_model) FROM votes").fetch_one(&pool).await.unwrap();
    assert!(saw, "a vote says what its annotator could see");
    browser.close().await;
}

#[sqlx::test(migrations = "./migrations")]
async fn votes_wait_while_the_network_is_cut_and_outlive_the_tab(pool: PgPool) {
    let Some(browser) = Browser::open(Kind::DESKTOP).await else { return };
    let service = round(&pool, &browser, "quality").await;
    begin(&browser, &service).await;
    judge(&browser, "7").await;
    is_offline(&browser, true).await;
    judge(&browser, "3").await;
    judge(&browser, "4").await;
    browser.read("#outbox", "2 judgements wait here").await;
    is_offline(&browser, false).await;
    have(&pool, &[7, 3, 4]).await;
    browser.see("#outbox[hidden]").await;
    // Cut again, and the tab is closed while votes wait.
    is_offline(&browser, true).await;
    judge(&browser, "5").await;
    browser.read("#outbox", "1 judgement").await;
    let old = browser.driver.window().await.unwrap();
    let new = browser.driver.new_tab().await.unwrap();
    browser.driver.switch_to_window(old).await.unwrap();
    browser.driver.close_window().await.unwrap();
    browser.driver.switch_to_window(new).await.unwrap();
    browser.driver.goto(service.url("/score")).await.unwrap();
    browser.see("#stage[data-painted]").await;
    // Each once, in order.
    have(&pool, &[7, 3, 4, 5]).await;
    browser.close().await;
}

#[sqlx::test(migrations = "./migrations")]
async fn votes_outlive_a_session_that_has_ended(pool: PgPool) {
    let Some(browser) = Browser::open(Kind::DESKTOP).await else { return };
    let service = round(&pool, &browser, "quality").await;
    begin(&browser, &service).await;
    sqlx::raw_sql("DELETE FROM sessions").execute(&pool).await.unwrap();
    judge(&browser, "6").await;
    browser.read("#outbox", "You are signed out. 1 judgement").await;
    browser.follow("#outbox a").await;
    browser.type_into("name", "Ada").await;
    browser.type_into("password", super::walk::PASSWORD).await;
    browser.follow("main button").await;
    browser.see("#stage[data-painted]").await;
    have(&pool, &[6]).await;
    browser.close().await;
}

#[sqlx::test(migrations = "./migrations")]
async fn both_questions_on_a_phone_with_buttons_for_a_thumb(pool: PgPool) {
    let Some(browser) = Browser::open(Kind::PHONE).await else { return };
    let service = round(&pool, &browser, "both").await;
    begin(&browser, &service).await;
    assert_eq!(browser.overflow_px().await, 0);
    assert_eq!(browser.barriers().await, Vec::<String>::new());
    let small = browser
        .script(
            "return [...document.querySelectorAll('.press')].filter(one => {
                 const box = one.getBoundingClientRect();
                 return box.width < 48 || box.height < 48 || box.bottom > innerHeight;
             }).length",
        )
        .await;
    assert_eq!(small, Value::from(0), "every button is large enough and on the screen");
    let rows = "return new Set([...document.querySelectorAll('.ten .press')].map(one => one.getBoundingClientRect().top)).size";
    assert_eq!(browser.script(rows).await, Value::from(2), "two rows of five");
    // A phone has two pixels for one of the page: the picture keeps its size on the page.
    let phone = json!({ "width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": true });
    browser.driver.cdp().send_raw("Emulation.setDeviceMetricsOverride", phone).await.unwrap();
    browser.script("dispatchEvent(new Event('resize'))").await;
    let size = "const of = document.getElementById('picture'), stage = document.getElementById('stage');
                return Math.abs(of.clientWidth - Math.min(of.naturalWidth, stage.clientWidth,
                    stage.clientHeight * of.naturalWidth / of.naturalHeight)) < 1.5";
    assert_eq!(browser.script(size).await, Value::from(true));
    let before = browser.see("#stage").await.attr("data-painted").await.unwrap();
    browser.see(".ten .press:nth-of-type(8) input").await.click().await.unwrap();
    assert_eq!(
        browser.see("#stage").await.attr("data-painted").await.unwrap(),
        before,
        "one answer is missing"
    );
    browser.see(".two input[value=no]").await.click().await.unwrap();
    browser.read("#said, #chip b", "8 · no watch").await;
    browser.see("#stage[data-painted]").await;
    have(&pool, &[8]).await;
    browser.close().await;
}

#[sqlx::test(migrations = "./migrations")]
async fn a_whole_round_without_scripts(pool: PgPool) {
    let Some(browser) = Browser::open(Kind::WITHOUT_SCRIPTS).await else { return };
    let service = round(&pool, &browser, "quality").await;
    browser.driver.goto(service.url("/score/1")).await.unwrap();
    for score in 1..=PICTURES {
        browser.follow(&format!(".press[value='{score}']")).await;
    }
    browser.read("#end-title", "This round is closed").await;
    assert_eq!(scores(&pool).await, [1, 2, 3, 4, 5, 6, 7, 8]);
    browser.close().await;
}
