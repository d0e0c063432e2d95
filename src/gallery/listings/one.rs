//! One listing, its photos ranked.

use actix_web::{
    HttpResponse,
    web::{Data, Path},
};
use askama::Template;

use crate::{
    gallery::{
        card::Card,
        frame::{self, Frame},
        html, ranking, remarks, words,
    },
    store::{
        rankings::{self, Place, Ranking, Sort},
        summary,
        viewpoint::{self, Viewpoint},
    },
    web::{Site, account::Account, error::WebError},
};

/// Photos of one listing on its page.
const PHOTOS: u16 = 60;

#[derive(Template)]
#[template(path = "listing.html")]
struct One {
    frame: Frame,
    key: String,
    sentence: String,
    cards: Vec<Card>,
    whole: String,
    others: Vec<(String, String)>,
}

/// `GET /listings/{key}`: one listing, its photos ranked.
///
/// # Errors
/// See [`WebError`].
pub async fn one(site: Data<Site>, account: Account, key: Path<String>) -> Result<HttpResponse, WebError> {
    let key = key.into_inner();
    let mut conn = site.pool.acquire().await?;
    let view = viewpoint::active(&mut conn).await?.ok_or(WebError::NotFound)?;
    let ranked = Ranking { listing: Some(key.clone()), ..Ranking::default() };
    let page = rankings::page(&mut conn, &view, &ranked, &Place::Start, PHOTOS).await?;
    let means = summary::means(&mut conn, view.generation).await?;
    let cards = ranking::cards(&site, &mut conn, &means, &ranked, (Some(1), &page.images)).await?;
    let (sentence, others) = around(&site, &mut conn, &view, &ranked, cards.len()).await?;
    html(&One {
        frame: Frame::of(&site, &account, frame::Place::Listings, Some(&view)),
        sentence,
        cards,
        whole: remarks::list(&site, "/ranking", &ranked),
        others,
        key,
    })
}

/// How many photos there are, and those that the ranking of them does not show: hidden, or not scored.
async fn around(
    site: &Site,
    conn: &mut sqlx::PgConnection,
    view: &Viewpoint,
    ranked: &Ranking,
    shown: usize,
) -> Result<(String, Vec<(String, String)>), WebError> {
    let all = Ranking { sort: Sort::Newest, ..ranked.clone() };
    let hidden = Ranking { hidden: true, ..all.clone() };
    let total = rankings::total(conn, view, &all).await?;
    let scored = rankings::total(conn, view, ranked).await?;
    let out = rankings::total(conn, view, &hidden).await?;
    if total.count + out.count == 0 {
        return Err(WebError::NotFound);
    }
    let mut others = vec![];
    if total.count > scored.count {
        let count = words::count(total.count - scored.count);
        others.push((format!("{count} not scored yet"), remarks::list(site, "/ranking", &all)));
    }
    if out.count > 0 {
        let text = format!("{} hidden", remarks::in_words(out));
        others.push((text, remarks::list(site, "/ranking", &hidden)));
    }
    let photos = words::counted(total.count, "photo", "photos");
    let best = if shown > 1 { ", best first" } else { "" };
    Ok((format!("{photos}, {} of them scored{best}.", words::count(scored.count)), others))
}
