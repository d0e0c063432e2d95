//! Top 20 and Bottom 20: both ends of the ranking by quality.

use actix_web::{
    HttpResponse,
    web::{Data, Query},
};
use askama::Template;
use serde::Deserialize;
use sqlx::PgConnection;

use super::{
    card::Card,
    frame::{Frame, Place},
    html, words,
};
use crate::{
    store::{
        rankings::{self, Order, Ranking, Total, Watch},
        viewpoint::{self, Viewpoint},
    },
    web::{Site, account::Account, error::WebError},
};

/// Images on a page.
const SHOWN: u16 = 20;

/// What the address may say.
#[derive(Debug, Deserialize)]
pub struct Parameters {
    #[serde(default)]
    watch: Watch,
}

/// One choice of the filter.
struct Choice {
    name: &'static str,
    href: String,
    is_chosen: bool,
}

/// A remark on what is not shown, and where it is.
struct Remark {
    text: String,
    href: Option<String>,
}

#[derive(Template)]
#[template(path = "ranking.html")]
struct Page {
    frame: Frame,
    title: &'static str,
    lead: &'static str,
    choices: Vec<Choice>,
    cards: Vec<Card>,
    showing: String,
    remarks: Vec<Remark>,
}

/// `GET /top`: the best first.
///
/// # Errors
/// See [`WebError`].
pub async fn top(
    site: Data<Site>,
    account: Account,
    parameters: Query<Parameters>,
) -> Result<HttpResponse, WebError> {
    show(&site, &account, Order::Desc, parameters.watch).await
}

/// `GET /bottom`: the worst first.
///
/// # Errors
/// See [`WebError`].
pub async fn bottom(
    site: Data<Site>,
    account: Account,
    parameters: Query<Parameters>,
) -> Result<HttpResponse, WebError> {
    show(&site, &account, Order::Asc, parameters.watch).await
}

async fn show(site: &Site, account: &Account, order: Order, watch: Watch) -> Result<HttpResponse, WebError> {
    let mut conn = site.pool.acquire().await?;
    let view = viewpoint::active(&mut conn).await?;
    let (place, path, title, lead) = match order {
        Order::Desc => (Place::Top, "/top", "Top 20", "The best by predicted quality, best first."),
        Order::Asc => {
            (Place::Bottom, "/bottom", "Bottom 20", "The lowest by predicted quality, lowest first.")
        }
    };
    let mut page = Page {
        frame: Frame::of(site, account, place, view.as_ref()),
        title,
        lead,
        choices: choices(site, path, watch),
        cards: vec![],
        showing: "No image has been scored yet.".to_owned(),
        remarks: vec![],
    };
    if let Some(view) = &view {
        let ranking = Ranking { order, watch, ..Ranking::default() };
        page.cards = cards(site, &mut conn, view, &ranking).await?;
        let total = rankings::total(&mut conn, view, &ranking).await?;
        page.showing = showing(page.cards.len(), total, watch);
        page.remarks = remarks_on_labels(site, &mut conn, view, &ranking, path).await?;
        page.remarks.extend(remarks_on_left_out(site, &mut conn, view).await?);
    }
    html(&page)
}

/// The first cards of a ranking, with their share of the catalog where that is quickly known.
pub(super) async fn cards(
    site: &Site,
    conn: &mut PgConnection,
    view: &Viewpoint,
    ranking: &Ranking,
) -> Result<Vec<Card>, WebError> {
    let images = rankings::page(conn, view, ranking, &rankings::Place::Start, SHOWN).await?.images;
    let means: Vec<f64> = images.iter().filter_map(|image| image.quality_mean).collect();
    let shares = rankings::shares_below(conn, view, &means).await?.unwrap_or_default();
    let card = |(index, image)| Card::new(site, index + 1, image, shares.get(index).copied());
    Ok(images.iter().enumerate().map(card).collect())
}

fn choices(site: &Site, path: &str, chosen: Watch) -> Vec<Choice> {
    [(Watch::Any, "All"), (Watch::Yes, "Watches"), (Watch::No, "No watch")]
        .into_iter()
        .map(|(watch, name)| {
            let query =
                if watch == Watch::Any { String::new() } else { format!("?watch={}", watch.as_str()) };
            Choice { name, href: site.url(&format!("{path}{query}")), is_chosen: watch == chosen }
        })
        .collect()
}

fn showing(shown: usize, total: Total, watch: Watch) -> String {
    let kind = match watch {
        Watch::Any => "scored images",
        Watch::Yes => "images with a watch",
        Watch::No => "images without a watch",
        Watch::Doubtful => "doubtful images",
    };
    match total.count {
        0 => format!("There are no {kind}."),
        _ => format!("Showing {shown} of {} {kind}.", in_words(total)),
    }
}

fn in_words(total: Total) -> String {
    let count = words::count(total.count);
    if total.is_exact { count } else { format!("more than {count}") }
}

/// What the filter leaves out, or how many of all have no watch.
async fn remarks_on_labels(
    site: &Site,
    conn: &mut PgConnection,
    view: &Viewpoint,
    ranking: &Ranking,
    path: &str,
) -> Result<Vec<Remark>, WebError> {
    let other = if ranking.watch == Watch::No { Watch::Yes } else { Watch::No };
    let total = rankings::total(conn, view, &Ranking { watch: other, ..ranking.clone() }).await?;
    if total.count == 0 {
        return Ok(vec![]);
    }
    let threshold = view.threshold.map(|threshold| words::probability(threshold.get())).unwrap_or_default();
    let side = match other {
        Watch::Yes => "above the watch threshold",
        _ => "at or below the watch threshold",
    };
    let text = format!("{} {side} of {threshold}", in_words(total));
    let href = Some(site.url(&format!("{path}?watch={}", other.as_str())));
    Ok(vec![Remark { text, href }])
}

/// What no filter would show, with the way to it.
async fn remarks_on_left_out(
    site: &Site,
    conn: &mut PgConnection,
    view: &Viewpoint,
) -> Result<Vec<Remark>, WebError> {
    let left_out = rankings::left_out(conn, view).await?;
    let unscored = rankings::unscored(conn, view).await?;
    let waiting = Total { count: unscored.count - left_out.unscorable.count, ..unscored };
    let remarks = [
        (left_out.hidden, "hidden", None),
        (waiting, "waiting to be scored", Some("/arrivals?state=imported")),
        (left_out.unscorable, "that a model gave up on", Some("/arrivals?state=unscorable")),
        (left_out.failed, "failed", Some("/arrivals?state=failed")),
    ];
    let remark = |(total, what, path): (Total, &str, Option<&str>)| Remark {
        text: format!("{} {what}", in_words(total)),
        href: path.map(|path| site.url(path)),
    };
    Ok(remarks.into_iter().filter(|(total, ..)| total.count > 0).map(remark).collect())
}
