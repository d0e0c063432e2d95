//! Health: whether every part runs, what it computes with, and how much room is left.

use actix_web::{HttpResponse, web::Data};
use askama::Template;
use chrono::{DateTime, TimeDelta, Utc};

use super::{
    attention::{self, Matter},
    disks::{self, Room},
    frame::{Frame, Place},
    html, words,
};
use crate::{
    store::{
        components::{self, Report},
        ledger, server, viewpoint,
    },
    web::{Site, account::Account, error::WebError},
};

/// Processes that are listed.
const ROWS: i64 = 20;

/// A process that reported nothing for so long is gone: its reports come every few seconds.
const GONE: TimeDelta = TimeDelta::minutes(1);

/// A running part of the service.
struct Part {
    role: String,
    process: String,
    engine: String,
    heard: String,
    problem: String,
    is_gone: bool,
}

impl Part {
    fn new(report: Report, now: DateTime<Utc>) -> Self {
        Self {
            role: report.role,
            process: report.process,
            engine: report.engine.unwrap_or_default(),
            heard: words::ago(now, report.seen_at),
            problem: report.problem.or(report.warning).unwrap_or_default(),
            is_gone: now - report.seen_at > GONE,
        }
    }
}

#[derive(Template)]
#[template(path = "health.html")]
struct Page {
    frame: Frame,
    matters: Vec<Matter>,
    parts: Vec<Part>,
    models: Option<(String, String)>,
    facts: Vec<(&'static str, String)>,
}

/// `GET /health`.
///
/// # Errors
/// See [`WebError`].
pub async fn show(site: Data<Site>, account: Account) -> Result<HttpResponse, WebError> {
    let mut conn = site.pool.acquire().await?;
    let now = site.clock.now();
    let view = viewpoint::active(&mut conn).await?;
    let ledger = ledger::totals(&mut conn, view.as_ref().map(|view| view.generation)).await?;
    let database = server::facts(&mut conn).await?;
    let parts = components::latest(&mut conn, ROWS).await?;
    let [data, uploads] = disks::rooms([site.data_dir.as_path(), site.upload_dir.as_path()]).await;
    let facts = vec![
        ("chronograde", env!("CARGO_PKG_VERSION").to_owned()),
        ("Images", words::count(ledger.images)),
        ("PostgreSQL", database.version),
        ("Size of the database", words::bytes(database.bytes)),
        ("Room for data", in_words(data)),
        ("Room for uploads", in_words(uploads)),
    ];
    html(&Page {
        frame: Frame::of(&site, &account, Place::Health, view.as_ref()),
        matters: attention::matters(&site, &mut conn, view.as_ref(), &ledger).await?,
        parts: parts.into_iter().map(|report| Part::new(report, now)).collect(),
        models: view.map(|view| (view.watch_title, view.quality_title)),
        facts,
    })
}

fn in_words(room: Option<Room>) -> String {
    room.map_or_else(
        || "its folder does not answer".to_owned(),
        |room| format!("{} left", words::bytes(i64::try_from(room.free_bytes).unwrap_or(i64::MAX))),
    )
}
