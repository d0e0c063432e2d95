//! The API's reading half: the same numbers as the pages, as JSON.

use actix_web::{
    HttpResponse,
    web::{Data, Path, Query},
};
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Site, error::WebError};
use crate::{
    domain::ImageId,
    store::{
        image_page, ledger,
        rankings::{self, Cursor, Key, Order, Ranked, Ranking, Sort, Watch},
        viewpoint::{self, Viewpoint},
    },
};

/// Images in one answer, where the request does not say.
const USUAL_LIMIT: u16 = 100;

/// Most images in one answer.
const MOST: u16 = 1000;

/// `GET /api/v1/ledger`.
///
/// # Errors
/// See [`WebError`].
pub async fn ledger(site: Data<Site>) -> Result<HttpResponse, WebError> {
    let mut conn = site.pool.acquire().await?;
    let view = viewpoint::active(&mut conn).await?;
    Ok(HttpResponse::Ok().json(ledger::totals(&mut conn, view.as_ref()).await?))
}

/// The parameters of `GET /api/v1/images`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    #[serde(default)]
    sort: Sort,
    #[serde(default)]
    order: Order,
    #[serde(default)]
    watch: Watch,
    min: Option<String>,
    max: Option<String>,
    q: Option<String>,
    listing: Option<String>,
    #[serde(default, deserialize_with = "flag")]
    one_per_listing: bool,
    after: Option<String>,
    limit: Option<u16>,
}

/// An image in a list.
#[derive(Debug, Serialize)]
struct Item {
    id: Uuid,
    filename: String,
    listing: Option<String>,
    width: i32,
    height: i32,
    watch: Option<bool>,
    watch_confidence: Option<f64>,
    quality_mean: Option<f64>,
    quality_std: Option<f64>,
    human_mean: Option<f64>,
    votes: i32,
    ingested_at: DateTime<Utc>,
}

#[derive(Debug, Serialize)]
struct List {
    items: Vec<Item>,
    next: Option<String>,
    total: i64,
    total_is_exact: bool,
    unscored: i64,
}

/// `GET /api/v1/images`.
///
/// # Errors
/// See [`WebError`].
pub async fn images(site: Data<Site>, parameters: Query<Parameters>) -> Result<HttpResponse, WebError> {
    let mut conn = site.pool.acquire().await?;
    let (ranking, after) = parameters.ranking()?;
    let limit = parameters.limit.unwrap_or(USUAL_LIMIT);
    if !(1..=MOST).contains(&limit) {
        return Err(WebError::Parameter(format!("limit must lie between 1 and {MOST}, got {limit}")));
    }
    let Some(view) = view_of(&mut conn, after.as_ref()).await? else {
        let nothing = List { items: vec![], next: None, total: 0, total_is_exact: true, unscored: 0 };
        return Ok(HttpResponse::Ok().json(nothing));
    };
    let page = rankings::page(&mut conn, &view, &ranking, after.as_ref(), limit).await?;
    let total = rankings::total(&mut conn, &view, &ranking).await?;
    let unscored = rankings::unscored(&mut conn, &view).await?;
    Ok(HttpResponse::Ok().json(List {
        items: page.images.into_iter().map(Item::from).collect(),
        next: page.next.map(|cursor| cursor.to_string()),
        total: total.count,
        total_is_exact: total.is_exact,
        unscored: unscored.count,
    }))
}

/// The generation of the cursor; without a cursor the active one.
async fn view_of(conn: &mut PgConnection, after: Option<&Cursor>) -> Result<Option<Viewpoint>, WebError> {
    match after {
        None => Ok(viewpoint::active(conn).await?),
        Some(cursor) => match viewpoint::of(conn, cursor.generation).await? {
            Some(view) => Ok(Some(view)),
            None => Err(WebError::StaleCursor),
        },
    }
}

impl Parameters {
    fn ranking(&self) -> Result<(Ranking, Option<Cursor>), WebError> {
        let after: Option<Cursor> =
            self.after.as_deref().map(str::parse).transpose().map_err(wrong("after"))?;
        if after.is_some_and(|after| (after.sort, after.order) != (self.sort, self.order)) {
            let words = "after belongs to a list of another sort or order: repeat those of the first request";
            return Err(WebError::Parameter(words.to_owned()));
        }
        let ranking = Ranking {
            sort: self.sort,
            order: self.order,
            watch: self.watch,
            min: self.min.as_deref().map(|text| bound("min", self.sort, text)).transpose()?,
            max: self.max.as_deref().map(|text| bound("max", self.sort, text)).transpose()?,
            text: self.q.clone().filter(|text| !text.is_empty()),
            listing: self.listing.clone(),
            one_per_listing: self.one_per_listing,
        };
        Ok((ranking, after))
    }
}

fn wrong<E: std::fmt::Display>(name: &'static str) -> impl Fn(E) -> WebError {
    move |error| WebError::Parameter(format!("{name}: {error}"))
}

/// A bound of the sort key: a number, or for `newest` a moment (RFC 3339) or a day (UTC).
fn bound(name: &'static str, sort: Sort, text: &str) -> Result<Key, WebError> {
    if sort == Sort::Newest {
        let day = |text: &str| text.parse::<NaiveDate>().map(|day| day.and_time(NaiveTime::MIN).and_utc());
        let moment = text.parse::<DateTime<Utc>>().or_else(|_| day(text)).ok();
        // What PostgreSQL's timestamps can hold, with room to spare.
        let kept = moment.filter(|moment| (0..253_402_300_800).contains(&moment.timestamp()));
        let words =
            || WebError::Parameter(format!("{name} must be a moment such as 2026-01-31T12:00:00Z, or a day"));
        return kept.map(Key::Time).ok_or_else(words);
    }
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
    number.map(Key::Number).ok_or_else(|| WebError::Parameter(format!("{name} must be a number")))
}

/// `1`, `true` and `yes` switch on; `0`, `false`, `no` and nothing switch off.
fn flag<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    let text = String::deserialize(deserializer)?;
    match &*text {
        "1" | "true" | "yes" => Ok(true),
        "" | "0" | "false" | "no" => Ok(false),
        other => {
            Err(serde::de::Error::custom(format!("one_per_listing must be true or false, got {other:?}")))
        }
    }
}

impl From<Ranked> for Item {
    fn from(ranked: Ranked) -> Self {
        Self {
            id: ranked.id,
            filename: ranked.filename,
            listing: ranked.listing_key,
            width: ranked.width,
            height: ranked.height,
            watch: ranked.watch,
            watch_confidence: ranked.watch_confidence,
            quality_mean: ranked.quality_mean,
            quality_std: ranked.quality_std,
            human_mean: ranked.human_mean,
            votes: ranked.votes,
            ingested_at: ranked.ingested_at,
        }
    }
}

/// What one model said about the image.
#[derive(Debug, Serialize)]
struct Prediction {
    model: String,
    fingerprint: String,
    task: String,
    state: String,
    reason: Option<String>,
    watch_confidence: Option<f64>,
    positives: serde_json::Map<String, Value>,
    quality_mean: Option<f64>,
    quality_std: Option<f64>,
    quality_distribution: Option<Vec<f64>>,
    at: DateTime<Utc>,
}

#[derive(Debug, Serialize)]
struct Whole {
    id: Uuid,
    sha256: String,
    filename: String,
    listing: Option<String>,
    bytes: i64,
    format: String,
    width: i32,
    height: i32,
    taken_at: Option<DateTime<Utc>>,
    ingested_at: DateTime<Utc>,
    hidden: bool,
    watch: Option<bool>,
    verdict: Option<bool>,
    watch_confidence: Option<f64>,
    quality_mean: Option<f64>,
    quality_std: Option<f64>,
    quality_distribution: Option<Vec<f64>>,
    human_mean: Option<f64>,
    votes: i32,
    signals: Option<Value>,
    predictions: Vec<Prediction>,
}

/// `GET /api/v1/images/{id}`.
///
/// # Errors
/// See [`WebError`].
pub async fn image(site: Data<Site>, id: Path<Uuid>) -> Result<HttpResponse, WebError> {
    let id = ImageId(id.into_inner());
    let mut conn = site.pool.acquire().await?;
    let facts = image_page::facts(&mut conn, id).await?.ok_or(WebError::NotFound)?;
    let view = viewpoint::active(&mut conn).await?;
    let judgement = match &view {
        Some(view) => image_page::judgement(&mut conn, view, id).await?.unwrap_or_default(),
        None => image_page::Judgement::default(),
    };
    let opinions = image_page::opinions(&mut conn, id).await?;
    let of = |model| opinions.iter().find(|opinion| Some(opinion.model) == model);
    let watch = of(view.as_ref().map(|view| view.watch_model));
    let quality = of(view.as_ref().map(|view| view.quality_model));
    Ok(HttpResponse::Ok().json(Whole {
        id: id.0,
        sha256: facts.hash.to_string(),
        filename: facts.filename,
        listing: facts.listing_key,
        bytes: facts.bytes,
        format: facts.format,
        width: facts.width,
        height: facts.height,
        taken_at: facts.taken_at,
        ingested_at: facts.ingested_at,
        hidden: facts.hidden_at.is_some(),
        watch: judgement.watch,
        verdict: judgement.verdict,
        watch_confidence: watch.and_then(|opinion| opinion.confidence),
        quality_mean: quality.and_then(|opinion| opinion.mean),
        quality_std: quality.and_then(|opinion| opinion.std),
        quality_distribution: quality.and_then(|opinion| bins(&opinion.bins)),
        human_mean: judgement.human_mean,
        votes: judgement.votes,
        signals: facts.signals,
        predictions: opinions.into_iter().map(Prediction::from).collect(),
    }))
}

fn bins(bins: &[f64]) -> Option<Vec<f64>> {
    (!bins.is_empty()).then(|| bins.to_vec())
}

impl From<image_page::Opinion> for Prediction {
    fn from(opinion: image_page::Opinion) -> Self {
        let positives =
            opinion.labels.into_iter().zip(opinion.positives.iter().map(|value| Value::from(*value)));
        Self {
            model: opinion.title,
            fingerprint: opinion.fingerprint,
            task: opinion.task,
            state: opinion.state,
            reason: opinion.reason,
            watch_confidence: opinion.confidence,
            positives: positives.collect(),
            quality_mean: opinion.mean,
            quality_std: opinion.std,
            quality_distribution: bins(&opinion.bins),
            at: opinion.at,
        }
    }
}
