//! Home: is everything in, is everything scored, what needs attention, and the pictures.

use actix_web::{HttpResponse, web::Data};
use askama::Template;

use super::{
    arrivals::Row,
    attention::{self, Matter},
    card::Card,
    filling,
    frame::{Frame, Place},
    html, pace, ranking, words,
};
use crate::{
    domain::Role,
    store::{
        arrivals::{self, Behind},
        ledger::{self, Ledger, Pace},
        progress,
        rankings::Ranking,
        viewpoint,
    },
    web::{Site, account::Account, error::WebError},
};

/// Latest arrivals on the page.
const ARRIVALS: i64 = 10;

/// Best images on the page.
const BEST: u16 = 6;

/// One of the tiles.
struct Tile {
    number: String,
    name: &'static str,
    href: String,
}

#[derive(Template)]
#[template(path = "home.html")]
struct Page {
    frame: Frame,
    upload_dir: String,
    limit: String,
    is_empty: bool,
    paths: String,
    images: String,
    tiles: Vec<Tile>,
    progress: Option<String>,
    scored: i64,
    wanted: i64,
    filling: Option<filling::Progress>,
    matters: Vec<Matter>,
    best: Vec<Card>,
    arrivals: Vec<Row>,
}

#[derive(Template)]
#[template(path = "home_annotator.html")]
struct Desk {
    frame: Frame,
    desks: Vec<progress::Desk>,
}

/// `GET /`: what there is to do for an annotator, the state of the catalog for everybody else.
///
/// # Errors
/// See [`WebError`].
pub async fn show(site: Data<Site>, account: Account) -> Result<HttpResponse, WebError> {
    match account.role {
        Role::Annotator => {
            let mut conn = site.pool.acquire().await?;
            let desks = progress::desks(&mut conn, account.id, site.clock.now()).await?;
            html(&Desk { frame: Frame::of(&site, &account, Place::Home, None), desks })
        }
        Role::Manager | Role::Admin => catalog(&site, &account).await,
    }
}

async fn catalog(site: &Site, account: &Account) -> Result<HttpResponse, WebError> {
    let mut conn = site.pool.acquire().await?;
    let now = site.clock.now();
    let view = viewpoint::active(&mut conn).await?;
    let ledger = ledger::totals(&mut conn, view.as_ref().map(|view| view.generation)).await?;
    let pace = match &view {
        Some(view) if ledger.pending > 0 => {
            ledger::pace(&mut conn, &[view.watch_model, view.quality_model], now - pace::OVER).await?
        }
        _ => None,
    };
    let best = match &view {
        Some(view) => ranking::first_cards(site, &mut conn, view, &Ranking::default(), BEST).await?,
        None => vec![],
    };
    let mut matters = attention::matters(site, &mut conn, view.as_ref(), &ledger).await?;
    matters.extend(attention::of_models(site, account.role));
    let filling = filling::progress(site, &mut conn, (account.role, view.as_ref()), now).await?;
    let newest = arrivals::newest(&mut conn, Behind::START, ARRIVALS).await?;
    html(&Page {
        frame: Frame::of(site, account, Place::Home, view.as_ref()),
        upload_dir: site.upload_dir.display().to_string(),
        limit: words::bytes(i64::try_from(site.uploads.limit_bytes()).unwrap_or(i64::MAX)),
        is_empty: ledger.total == 0,
        paths: paths_in_words(&ledger),
        images: images_in_words(&ledger),
        tiles: tiles(site, &ledger),
        progress: progress(&ledger, pace),
        scored: ledger.scored + ledger.unscorable,
        wanted: ledger.images,
        filling,
        matters,
        best,
        arrivals: super::arrivals::rows(site, &mut conn, &newest, now).await?,
    })
}

/// *412 files seen = 401 imported + 7 duplicates + 3 failed + 1 settling*, the empty states left out.
fn paths_in_words(ledger: &Ledger) -> String {
    let parts = [
        (ledger.imported, "imported", "imported"),
        (ledger.duplicate, "duplicate", "duplicates"),
        (ledger.failed, "failed", "failed"),
        (ledger.ignored, "ignored", "ignored"),
        (ledger.missing, "missing", "missing"),
        (ledger.settling, "settling", "settling"),
    ];
    sum(words::counted(ledger.total, "file seen", "files seen"), &parts)
}

/// *401 images = 398 scored + 3 waiting*.
fn images_in_words(ledger: &Ledger) -> String {
    let parts = [
        (ledger.scored, "scored", "scored"),
        (ledger.pending, "waiting", "waiting"),
        (ledger.unscorable, "given up", "given up"),
    ];
    sum(words::counted(ledger.images, "image", "images"), &parts)
}

fn sum(whole: String, parts: &[(i64, &str, &str)]) -> String {
    let shown: Vec<String> = parts
        .iter()
        .filter(|(number, ..)| *number > 0)
        .map(|(number, one, many)| words::counted(*number, one, many))
        .collect();
    if shown.is_empty() { whole } else { format!("{whole} = {}", shown.join(" + ")) }
}

fn tiles(site: &Site, ledger: &Ledger) -> Vec<Tile> {
    let tile = |number, name, path| Tile { number: words::count(number), name, href: site.url(path) };
    vec![
        tile(ledger.total, "files seen", "/arrivals"),
        tile(ledger.images, "images", "/ranking?sort=newest"),
        tile(ledger.scored, "scored", "/ranking"),
        tile(ledger.pending, "waiting", "/jobs"),
        tile(ledger.failed + ledger.unscorable, "failed", "/arrivals?state=failed"),
    ]
}

/// How far scoring is, how fast, and how long it will take; none when nothing waits.
fn progress(ledger: &Ledger, pace: Option<Pace>) -> Option<String> {
    if ledger.pending == 0 {
        return None;
    }
    let waiting = format!("{} to be scored", words::counted(ledger.pending, "image waits", "images wait"));
    let Some(pace) = pace else {
        return Some(format!("{waiting}. None was scored within the last minute."));
    };
    let rate =
        pace::per_second(pace).map_or_else(String::new, |rate| format!(", at {rate} images per second"));
    Some(format!("{waiting}{rate}: {}.", pace::left(pace, ledger.pending)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sentences_add_up_and_leave_empty_states_out() {
        let ledger = Ledger {
            total: 412,
            imported: 401,
            duplicate: 7,
            failed: 3,
            settling: 1,
            images: 401,
            scored: 398,
            pending: 3,
            ..Ledger::default()
        };
        assert_eq!(
            paths_in_words(&ledger),
            "412 files seen = 401 imported + 7 duplicates + 3 failed + 1 settling"
        );
        assert_eq!(images_in_words(&ledger), "401 images = 398 scored + 3 waiting");
    }

    #[test]
    fn nothing_is_said_of_progress_when_nothing_waits() {
        assert_eq!(progress(&Ledger::default(), None), None);
    }
}
