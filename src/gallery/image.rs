//! One image: large, with everything that is known of it.

pub mod actions;
mod file;
mod history;
mod place;
mod said;

use actix_web::{
    HttpResponse,
    web::{Data, Path},
};
use askama::Template;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use uuid::Uuid;

use self::{
    file::{Fact, Sighted},
    history::Deed,
    place::Standing,
    said::{Asked, Quality, Watch},
};
use super::{
    card::fitted,
    frame::{Frame, Place},
    html,
    measured::Measured,
    words,
};
use crate::{
    decode::VIEWER_PX,
    domain::ImageId,
    feedback::pages::panel::Panel,
    store::{
        image_page::{self, Facts, Judgement},
        image_views, viewpoint,
    },
    web::{Site, account::Account, error::WebError, query::Query},
};

/// What the address may say.
#[derive(Debug, Default, Deserialize)]
pub struct Parameters {
    /// The query of the list that one came from.
    #[serde(rename = "in")]
    list: Option<String>,
    /// What a button has just done.
    done: Option<String>,
}

/// The large picture.
struct Picture {
    src: String,
    /// At its full size: its page, and the picture alone.
    full: String,
    full_src: String,
    width_px: u32,
    height_px: u32,
}

#[derive(Template)]
#[template(path = "image.html")]
struct Page {
    frame: Frame,
    id: Uuid,
    name: String,
    picture: Picture,
    standing: Standing,
    /// The query of the buttons' addresses: the list that one came from.
    query: String,
    done: Option<&'static str>,
    hidden: Option<String>,
    /// Whether it was hidden just now.
    is_news: bool,
    /// Why the original cannot be had.
    gone: Option<&'static str>,
    quality: Result<Quality, String>,
    watch: Result<Watch, String>,
    percentile: Option<String>,
    people: Panel,
    signals: Vec<Measured>,
    facts: Vec<Fact>,
    asked: Vec<Asked>,
    sightings: Vec<Sighted>,
    deeds: Vec<Deed>,
}

/// `GET /images/{id}`.
///
/// # Errors
/// See [`WebError`].
pub async fn show(
    site: Data<Site>,
    account: Account,
    id: Path<Uuid>,
    parameters: Query<Parameters>,
) -> Result<HttpResponse, WebError> {
    let id = ImageId(id.into_inner());
    let mut conn = site.pool.acquire().await?;
    let facts = image_page::facts(&mut conn, id).await?.ok_or(WebError::NotFound)?;
    // A vote of theirs from now on is not blind.
    image_views::record(&mut conn, account.id, id, site.clock.now()).await?;
    let view = viewpoint::active(&mut conn).await?;
    let judgement = match &view {
        Some(view) => image_page::judgement(&mut conn, view, id).await?.unwrap_or_default(),
        None => Judgement::default(),
    };
    let opinions = image_page::opinions(&mut conn, id).await?;
    let seen = image_page::sightings(&mut conn, id).await?;
    let deeds = history::of(&mut conn, id).await?;
    let standing = match &view {
        Some(view) => place::standing(&site, &mut conn, view, parameters.list.as_deref(), id).await?,
        None => Standing::default(),
    };
    let percentile = match view.as_ref().filter(|_| facts.hidden_at.is_none()) {
        Some(view) => said::percentile(&mut conn, view, &opinions).await?,
        None => None,
    };
    let now = site.clock.now();
    let name = facts
        .filename
        .rsplit('/')
        .next()
        .filter(|name| !name.is_empty())
        .unwrap_or("An image without a file");
    html(&Page {
        frame: Frame::of(&site, &account, Place::Image, view.as_ref()),
        id: id.0,
        name: name.to_owned(),
        picture: picture(&site, &facts, &query(&parameters)),
        standing,
        query: query(&parameters),
        done: done(parameters.done.as_deref()),
        is_news: parameters.done.as_deref() == Some("hidden"),
        gone: file::gone(&facts, &seen),
        hidden: facts.hidden_at.map(|at| hidden(&facts, at, now)),
        quality: said::quality(view.as_ref(), &opinions),
        watch: said::watch(view.as_ref(), &opinions, &judgement),
        percentile,
        people: Panel::read(&mut conn, account.id, id).await?,
        signals: facts.signals.clone().map_or_else(Vec::new, said::signals),
        asked: opinions.iter().map(|opinion| said::asked(opinion, view.as_ref())).collect(),
        facts: file::known(&site, &facts),
        sightings: seen.into_iter().map(file::sighted).collect(),
        deeds,
    })
}

/// `GET /images/{id}/full`: the picture at its own size, without a script.
///
/// # Errors
/// See [`WebError`].
pub async fn full(
    site: Data<Site>,
    account: Account,
    id: Path<Uuid>,
    parameters: Query<Parameters>,
) -> Result<HttpResponse, WebError> {
    let query = query(&parameters);
    let mut conn = site.pool.acquire().await?;
    let facts = image_page::facts(&mut conn, ImageId(*id)).await?.ok_or(WebError::NotFound)?;
    html(&Full {
        frame: Frame::of(&site, &account, Place::Image, viewpoint::active(&mut conn).await?.as_ref()),
        back: site.url(&format!("/images/{id}{query}")),
        name: facts.filename.rsplit('/').next().unwrap_or_default().to_owned(),
        picture: picture(&site, &facts, &query),
        width_px: facts.width,
        height_px: facts.height,
    })
}

#[derive(Template)]
#[template(path = "image_full.html")]
struct Full {
    frame: Frame,
    back: String,
    name: String,
    picture: Picture,
    width_px: i32,
    height_px: i32,
}

/// The query that keeps the list in the addresses of the buttons.
fn query(parameters: &Parameters) -> String {
    parameters.list.as_ref().map_or_else(String::new, |list| {
        format!("?{}", url::form_urlencoded::Serializer::new(String::new()).append_pair("in", list).finish())
    })
}

fn done(done: Option<&str>) -> Option<&'static str> {
    match done? {
        "restored" => Some("Galleries show this image again."),
        "queued" => Some("The image is scored again in a moment by every model that lacks a score for it."),
        "scored" => Some(
            "There is nothing to score: every model that is served has a score for these bytes, and would give the same.",
        ),
        _ => None,
    }
}

fn picture(site: &Site, facts: &Facts, query: &str) -> Picture {
    let (width_px, height_px) = fitted(facts.width, facts.height, VIEWER_PX);
    Picture {
        src: site.picture(VIEWER_PX, facts.hash),
        full: site.url(&format!("/images/{}/full{query}", facts.id)),
        full_src: site.url(&format!("/media/full/{}.jpg", facts.hash)),
        width_px,
        height_px,
    }
}

fn hidden(facts: &Facts, at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let why = facts.hidden_why.as_deref().map_or_else(String::new, |why| format!(": {why}"));
    format!("Galleries leave this image out since {}{why}.", words::ago(now, at))
}
