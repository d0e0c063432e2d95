//! The feedback loop's end as a manager lives it: the slider, the galleries, and the way back.

use serde_json::json;
use sqlx::PgPool;

use super::{
    browser::{Browser, Kind},
    service::Service,
    walk::{drop_pictures, set_up},
};

/// Pictures of the catalog.
const PICTURES: u32 = 6;

/// Moves the slider to `cut`, waits until the page says what it would change, and applies it with a note.
async fn apply(browser: &Browser, service: &Service, (cut, shown): (f64, &str)) {
    browser.driver.goto(service.url("/threshold")).await.unwrap();
    let before = browser.see("#what-if .sentence").await.text().await.unwrap();
    let moved = format!(
        "const slider = document.querySelector('#cut [type=range]');
         slider.value = {cut};
         slider.dispatchEvent(new Event('input', {{ bubbles: true }}));"
    );
    browser.script(&moved).await;
    // The present cut-off cannot be applied: the field comes with the answer to another one.
    browser.see("#what-if [name=note]").await;
    assert_ne!(
        browser.see("#what-if .sentence").await.text().await.unwrap(),
        before,
        "figures follow at once"
    );
    browser.type_into("note", &format!("tried {shown}")).await;
    browser.follow("#what-if form button.primary").await;
    browser.read(".heading .lead b", shown).await;
}

async fn watches(browser: &Browser, service: &Service) -> String {
    browser.driver.goto(service.url("/ranking?watch=yes")).await.unwrap();
    browser.see(".showing span").await.text().await.unwrap()
}

#[sqlx::test(migrations = "./migrations")]
async fn a_cut_off_is_tried_by_the_slider_applied_seen_in_the_galleries_and_rolled_back(pool: PgPool) {
    let Some(browser) = Browser::open(Kind::DESKTOP).await else { return };
    let service = Service::start(&pool);
    set_up(&browser, &service).await;
    drop_pictures(&service, 0..PICTURES);
    browser.read(".sentence.images", &format!("{PICTURES} images = {PICTURES} scored")).await;

    // Nothing lies above 1, and everything above 0.
    apply(&browser, &service, (1.0, "1")).await;
    assert_eq!(watches(&browser, &service).await, "There are no images with a watch.");
    apply(&browser, &service, (0.0, "0")).await;
    let all = format!("Showing {PICTURES} of {PICTURES} images with a watch.");
    assert_eq!(watches(&browser, &service).await, all);

    browser.driver.goto(service.url("/threshold")).await.unwrap();
    browser.follow("form[action*=roll-back] button").await;
    browser.read(".heading .lead b", "1").await;
    assert_eq!(watches(&browser, &service).await, "There are no images with a watch.");
    let history: Vec<f64> = sqlx::query_scalar("SELECT value FROM threshold_settings ORDER BY id")
        .fetch_all(&pool)
        .await
        .unwrap();
    assert_eq!(json!(history), json!([1.0, 0.0, 1.0]), "a roll-back is a new row");
    browser.close().await;
}
