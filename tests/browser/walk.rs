//! First start, sign-in, the first pictures, every page.

use chronograde::web::routes;
use sqlx::PgPool;
use thirtyfour::Key;

use super::{
    browser::{Browser, Kind},
    pictures,
    service::Service,
};

pub const PASSWORD: &str = "a watch in the picture";

/// Every page that an admin can open without saying which image or round: those of the route table, and some more.
fn pages() -> Vec<String> {
    let is_page = |path: &str| {
        !path.is_empty()
            && !path.contains('{')
            && !["/live", "/healthz", "/readyz", "/metrics"].contains(&path)
            && !path.starts_with("/api/")
    };
    let table = routes::table().into_iter().filter(|entry| entry.method == "GET" && is_page(entry.path));
    let more = ["/top?watch=yes", "/arrivals?state=failed", "/nowhere"];
    table.map(|entry| entry.path.to_owned()).chain(more.map(str::to_owned)).collect()
}

pub async fn set_up(browser: &Browser, service: &Service) {
    browser.driver.goto(&service.set_up).await.unwrap();
    browser.type_into("name", "Ada").await;
    browser.type_into("password", PASSWORD).await;
    browser.type_into("repeated", PASSWORD).await;
    browser.follow("main button").await;
    browser.see(".account").await;
}

pub fn drop_pictures(service: &Service, numbers: std::ops::Range<u32>) {
    for number in numbers {
        std::fs::write(service.upload_dir().join(format!("{number}_1.png")), pictures::png(number)).unwrap();
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn from_the_first_start_to_the_first_picture_without_a_reload(pool: PgPool) {
    let Some(browser) = Browser::open(Kind::DESKTOP).await else { return };
    let service = Service::start(&pool);
    browser.driver.goto(service.url("/top")).await.unwrap();
    browser.read("h1", "Sign in").await;
    set_up(&browser, &service).await;
    browser.read(".path code", &service.upload_dir().display().to_string()).await;
    drop_pictures(&service, 0..3);
    browser.read(".sentence.images", "3 images = 3 scored").await;
    browser.follow("nav a[href='/top']").await;
    browser.see(".card .scores").await;
    browser.follow(".card .plate").await;
    browser.see(".histogram").await;
    browser.follow(".account button").await;
    browser.read("h1", "Sign in").await;
    browser.close().await;
}

#[sqlx::test(migrations = "./migrations")]
async fn everything_can_be_reached_with_the_keyboard_alone(pool: PgPool) {
    let Some(browser) = Browser::open(Kind::DESKTOP).await else { return };
    let service = Service::start(&pool);
    set_up(&browser, &service).await;
    drop_pictures(&service, 0..2);
    browser.read(".sentence.images", "2 images = 2 scored").await;
    browser.press(Key::Tab).await;
    let skip = browser.script("return document.activeElement.className").await;
    assert_eq!(skip, "skip", "the first stop is the way past the navigation");
    browser.tab_to("nav a[href='/top']").await;
    browser.press(Key::Enter).await;
    browser.see(".grid").await;
    browser.tab_to(".plate").await;
    let outline = browser.script("return getComputedStyle(document.activeElement).outlineStyle").await;
    assert_ne!(outline, "none", "the focus is to be seen");
    browser.press(Key::Enter).await;
    browser.see(".histogram").await;
    browser.close().await;
}

#[sqlx::test(migrations = "./migrations")]
async fn every_page_works_without_scripts(pool: PgPool) {
    let Some(browser) = Browser::open(Kind::WITHOUT_SCRIPTS).await else { return };
    let service = Service::start(&pool);
    set_up(&browser, &service).await;
    drop_pictures(&service, 0..2);
    while !browser.text().await.contains("2 images = 2 scored") {
        browser.driver.refresh().await.unwrap();
    }
    for page in pages() {
        browser.driver.goto(service.url(&page)).await.unwrap();
        browser.see("h1").await;
    }
    browser.close().await;
}

#[sqlx::test(migrations = "./migrations")]
async fn no_page_has_a_barrier_or_is_wider_than_a_phone(pool: PgPool) {
    let Some(phone) = Browser::open(Kind::PHONE).await else { return };
    let Some(desktop) = Browser::open(Kind::DESKTOP).await else { return };
    let service = Service::start(&pool);
    set_up(&phone, &service).await;
    drop_pictures(&service, 0..3);
    std::fs::write(
        service.upload_dir().join("a rather long name of a file that is no picture at all.jpg"),
        b"words",
    )
    .unwrap();
    phone.read(".sentence.images", "3 images = 3 scored").await;
    phone.driver.goto(service.url("/top")).await.unwrap();
    let image = phone.see(".plate").await.attr("href").await.unwrap().unwrap();
    desktop.driver.goto(service.url("/sign-in")).await.unwrap();
    assert_eq!(desktop.barriers().await, Vec::<String>::new(), "sign-in");
    desktop.type_into("name", "Ada").await;
    desktop.type_into("password", PASSWORD).await;
    desktop.follow("main button").await;
    for page in pages().into_iter().chain([image]) {
        for browser in [&phone, &desktop] {
            browser.driver.goto(service.url(&page)).await.unwrap();
            browser.see("h1").await;
            assert_eq!(browser.barriers().await, Vec::<String>::new(), "{page}");
            assert_eq!(browser.overflow_px().await, 0, "{page} is wider than the window");
        }
    }
    phone.close().await;
    desktop.close().await;
}

#[sqlx::test(migrations = "./migrations")]
async fn pictures_are_uploaded_by_dropping_them_and_by_the_plain_form(pool: PgPool) {
    let Some(browser) = Browser::open(Kind::DESKTOP).await else { return };
    let service = Service::start(&pool);
    set_up(&browser, &service).await;
    browser.driver.goto(service.url("/upload")).await.unwrap();
    // Three files are dropped: a picture, the same once more, and words.
    let drop = format!(
        "const bytes = Uint8Array.from({:?}); const held = new DataTransfer();
         for (const name of ['68428_1.png', 'copy.png']) held.items.add(new File([bytes], name, {{ type: 'image/png' }}));
         held.items.add(new File(['words'], 'words.jpg', {{ type: 'image/jpeg' }}));
         document.getElementById('upload').dispatchEvent(new DragEvent('drop', {{ bubbles: true, dataTransfer: held }}));",
        pictures::png(1)
    );
    browser.script(&drop).await;
    browser.read("#said", "Done. 1 new, 1 known, 1 not taken.").await;
    browser.read("#sent", "not an image").await;
    assert_eq!(browser.barriers().await, Vec::<String>::new());
    // A file is chosen.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("chosen.png");
    std::fs::write(&file, pictures::png(2)).unwrap();
    browser.see("[name=file]").await.send_keys(file.to_str().unwrap()).await.unwrap();
    browser.read("#said", "Done. 2 new, 1 known, 1 not taken.").await;
    browser.follow("#sent a.name").await;
    browser.see("main h1").await;

    let Some(plain) = Browser::open(Kind::WITHOUT_SCRIPTS).await else { return };
    plain.driver.goto(service.url("/sign-in?next=/upload")).await.unwrap();
    plain.type_into("name", "Ada").await;
    plain.type_into("password", PASSWORD).await;
    plain.follow("main button").await;
    plain.see("[name=file]").await.send_keys(file.to_str().unwrap()).await.unwrap();
    plain.follow("#upload button").await;
    plain.read("#sent", "the catalog has it already").await;
    plain.close().await;
    browser.close().await;
}

#[sqlx::test(migrations = "./migrations")]
async fn an_image_is_found_enlarged_hidden_and_shown_again(pool: PgPool) {
    let Some(browser) = Browser::open(Kind::DESKTOP).await else { return };
    let service = Service::start(&pool);
    set_up(&browser, &service).await;
    drop_pictures(&service, 0..4);
    browser.read(".sentence.images", "4 images = 4 scored").await;
    browser.driver.goto(service.url("/top")).await.unwrap();
    browser.follow(".card:nth-child(2) .plate").await;
    let name = browser.see("h1").await.text().await.unwrap();
    // The list leads on and back again, by key.
    for (key, rank) in [(Key::Right, "number 3"), (Key::Left, "number 2")] {
        browser.press(key).await;
        browser.read(".neighbours .list", rank).await;
    }
    browser.press("z").await;
    browser.see("#stage.own-size").await;
    let is_own_size = "const picture = document.querySelector('#stage img');
                       return picture.complete && picture.naturalWidth === 640 && picture.clientWidth === 640";
    while browser.script(is_own_size).await != true {}
    browser.press(Key::Escape).await;
    browser.see("#stage:not(.own-size)").await;
    browser.see(".hide summary").await.click().await.unwrap();
    browser.type_into("why", "a test picture").await;
    browser.follow(".hide form button").await;
    browser.read(".panel", "Galleries leave this image out").await;
    browser.driver.goto(service.url("/top")).await.unwrap();
    browser.see(".grid").await;
    assert!(!browser.text().await.contains(&name));
    browser.driver.back().await.unwrap();
    browser.follow("form[action*=restore] button").await;
    browser.driver.goto(service.url("/top")).await.unwrap();
    browser.read(".grid", &name).await;
    browser.close().await;
}
