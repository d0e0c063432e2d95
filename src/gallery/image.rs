//! One image: large, with everything that is known of it.

pub mod actions;
mod file;
mod history;
mod place;

use actix_web::{
    HttpResponse,
    web::{Data, Path},
};
use askama::Template;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use sqlx::PgConnection;
use uuid::Uuid;

use self::{
    file::{Fact, Sighted},
    history::Deed,
    place::Standing,
};
use super::{
    card::{fitted, yes_or_no},
    frame::{Frame, Place},
    html,
    measured::{self, Measured},
    plots::{self, Evidence, Histogram},
    words,
};
use crate::{
    decode::{Signals, VIEWER_PX},
    domain::{ImageId, ModelId},
    feedback::pages::panel::Panel,
    store::{
        image_page::{self, Facts, Judgement, Opinion},
        image_views, summary,
        viewpoint::{self, Viewpoint},
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

/// What the quality model said.
struct Quality {
    mean: String,
    std: String,
    histogram: Histogram,
}

/// What the watch model said, and what holds.
struct Watch {
    label: &'static str,
    by_people: bool,
    model_label: &'static str,
    confidence: String,
    threshold: Option<String>,
    evidence: Evidence,
}

impl Watch {
    /// Whether people and model say different things.
    fn is_disputed(&self) -> bool {
        self.by_people && self.label != self.model_label
    }
}

/// A model that was asked, in a row.
struct Asked {
    title: String,
    task: String,
    version: String,
    said: String,
    when: String,
    is_active: bool,
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
        Some(view) => percentile(&mut conn, view, &opinions).await?,
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
        quality: quality(view.as_ref(), &opinions),
        watch: watch(view.as_ref(), &opinions, &judgement),
        percentile,
        people: Panel::read(&mut conn, account.id, id).await?,
        signals: facts.signals.clone().map_or_else(Vec::new, signals),
        asked: opinions.iter().map(|opinion| asked(opinion, view.as_ref())).collect(),
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

/// *above 83 % of all*, by quality.
async fn percentile(
    conn: &mut PgConnection,
    view: &Viewpoint,
    opinions: &[Opinion],
) -> Result<Option<String>, WebError> {
    let opinion = opinions.iter().find(|opinion| opinion.model == view.quality_model);
    let Some(mean) = opinion.and_then(|opinion| opinion.mean) else { return Ok(None) };
    Ok(words::reached(summary::means(conn, view.generation).await?.share_below(mean)))
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

/// The active model's opinion on a task, or why there is none.
fn active(opinions: &[Opinion], model: Option<ModelId>) -> Result<&Opinion, String> {
    let opinion = opinions.iter().find(|opinion| Some(opinion.model) == model);
    match opinion {
        Some(opinion) if opinion.state == "failed" => {
            let reason = opinion.reason.as_deref().unwrap_or_default();
            Err(format!("“{}” gave up on this image: {reason}", opinion.title))
        }
        Some(opinion) => Ok(opinion),
        None => Err("Not scored yet: the image waits for a model.".to_owned()),
    }
}

fn quality(view: Option<&Viewpoint>, opinions: &[Opinion]) -> Result<Quality, String> {
    let opinion = active(opinions, view.map(|view| view.quality_model))?;
    let (Some(mean), Some(std)) = (opinion.mean, opinion.std) else {
        return Err("Not scored yet: the image waits for its turn.".to_owned());
    };
    Ok(Quality {
        mean: format!("{mean:.2}"),
        std: format!("{std:.2}"),
        histogram: plots::histogram(&opinion.bins, mean, std),
    })
}

fn watch(view: Option<&Viewpoint>, opinions: &[Opinion], judgement: &Judgement) -> Result<Watch, String> {
    let opinion = active(opinions, view.map(|view| view.watch_model))?;
    let Some(confidence) = opinion.confidence else {
        return Err("Not scored yet: the image waits for its turn.".to_owned());
    };
    let threshold = view.and_then(|view| view.threshold).map(f64::from);
    Ok(Watch {
        label: yes_or_no(judgement.watch),
        by_people: judgement.verdict.is_some(),
        model_label: yes_or_no(threshold.map(|threshold| confidence > threshold)),
        confidence: words::probability(confidence),
        threshold: threshold.map(words::cut_off),
        evidence: plots::evidence(&opinion.labels, &opinion.positives, confidence, threshold),
    })
}

fn signals(stored: serde_json::Value) -> Vec<Measured> {
    serde_json::from_value::<Signals>(stored).map_or_else(|_| vec![], |signals| measured::in_words(&signals))
}

fn asked(opinion: &Opinion, view: Option<&Viewpoint>) -> Asked {
    let said = match (opinion.confidence, opinion.mean, opinion.std) {
        (Some(confidence), ..) => format!("watch confidence {}", words::probability(confidence)),
        (None, Some(mean), Some(std)) => format!("quality {mean:.2} ± {std:.2}"),
        _ if opinion.state == "failed" => opinion.reason.clone().unwrap_or_default(),
        _ => "waiting".to_owned(),
    };
    let is_active = view.is_some_and(|view| [view.watch_model, view.quality_model].contains(&opinion.model));
    Asked {
        title: opinion.title.clone(),
        task: opinion.task.clone(),
        version: opinion.fingerprint.chars().take(12).collect(),
        said,
        when: words::moment(opinion.at),
        is_active,
    }
}
