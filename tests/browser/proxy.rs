//! Under a path of another host, behind a real nginx with the configuration that the project ships.

use std::{
    net::TcpListener,
    path::Path,
    process::{Command, Stdio},
};

use sqlx::PgPool;

use super::{
    browser::{Browser, Ended, Kind},
    service::Service,
    walk,
};

/// nginx with `deploy/nginx.conf`, its two addresses changed.
fn nginx(folder: &Path, listen: u16, upstream: &str) -> Option<Ended> {
    let shipped = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/nginx.conf")).unwrap();
    let changed = shipped
        .replace("server 127.0.0.1:8080;", &format!("server {upstream};"))
        .replace("listen 80;", &format!("listen 127.0.0.1:{listen};"));
    assert_eq!(changed.matches(&listen.to_string()).count(), 1);
    let folder = folder.display();
    let whole = format!(
        "pid {folder}/pid; error_log {folder}/error.log; daemon off; master_process off; events {{}}
         http {{ access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
                fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
                {changed} }}"
    );
    let file = format!("{folder}/nginx.conf");
    std::fs::write(&file, whole).unwrap();
    let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default());
    let started = Command::new("nginx")
        .env("PATH", path)
        .args(["-c", &file])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    match started {
        Ok(child) => Some(Ended(child)),
        Err(_) => {
            assert!(std::env::var_os("CI").is_none(), "nginx is missing: scripts/setup test installs it");
            eprintln!(
                "SKIPPED: there is no nginx (`make test` installs it); the sub-path is untried behind a proxy"
            );
            None
        }
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn everything_works_behind_nginx_under_a_path(pool: PgPool) {
    let Some(browser) = Browser::open(Kind::DESKTOP).await else { return };
    let folder = tempfile::tempdir().unwrap();
    let listen = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let public = format!("http://127.0.0.1:{listen}/watches");
    let service = Service::start_with(
        &pool,
        &[
            ("CHRONOGRADE_BASE_PATH", "/watches"),
            ("CHRONOGRADE_PUBLIC_URL", &public),
            ("CHRONOGRADE_TRUSTED_PROXIES", "127.0.0.1"),
        ],
    );
    assert_eq!(service.address, public, "the log and the links name the address that people use");
    let Some(_nginx) = nginx(folder.path(), listen, &service.listening) else { return };
    walk::set_up(&browser, &service).await;
    walk::drop_pictures(&service, 0..2);
    // Also the events that keep the page up to date come through.
    browser.read(".sentence.images", "2 images = 2 scored").await;
    for link in ["nav a[href='/watches/top']", ".card .plate", "nav a[href='/watches/people']"] {
        browser.follow(link).await;
        let at = browser.driver.current_url().await.unwrap().to_string();
        assert!(at.starts_with(&public), "{link} leads to {at}");
    }
    let broken = "return [...document.images].filter(image => image.complete && !image.naturalWidth).length
                  + [...document.styleSheets].filter(sheet => !sheet.cssRules.length).length";
    assert_eq!(browser.script(broken).await, 0);
    browser.follow(".account button").await;
    browser.read("h1", "Sign in").await;
    browser.close().await;
}
