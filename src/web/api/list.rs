//! `GET /api/v1/images`: a ranked list, a page at a time.

use actix_web::{HttpResponse, web::Data};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::description::Problem;
use crate::{
    store::{
        rankings::{self, Cursor, Key, Order, Place, Ranked, Ranking, Sort, Spread, Watch},
        viewpoint::{self, Viewpoint},
    },
    web::{Site, error::WebError, query::Query},
};

/// Images in one answer, where the request does not say.
const USUAL_LIMIT: u16 = 100;

/// Most images in one answer.
const MOST: u16 = 1000;

/// The parameters of `GET /api/v1/images`.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Parameters {
    /// What images are ranked by; only those that have it are listed.
    #[serde(default)]
    #[param(inline, required = false)]
    sort: Sort,
    /// Which end comes first.
    #[serde(default)]
    #[param(inline, required = false)]
    order: Order,
    /// Which labels are listed.
    #[serde(default)]
    #[param(inline, required = false)]
    watch: Watch,
    /// Least value of the sort key: a number; for `newest` a moment (RFC 3339) or a day.
    min: Option<String>,
    /// Largest value of the sort key, likewise; a day counts whole.
    max: Option<String>,
    /// Part of a file name, a folder or a listing.
    q: Option<String>,
    /// One listing only.
    listing: Option<String>,
    /// Of each listing only the image that ranks first: `true` or `false`.
    #[serde(default, deserialize_with = "flag")]
    #[param(value_type = Option<String>, pattern = "^(1|true|yes|0|false|no)?$")]
    one_per_listing: bool,
    /// The hidden images and no others, instead of those that are not hidden: `true` or `false`.
    #[serde(default, deserialize_with = "flag")]
    #[param(value_type = Option<String>, pattern = "^(1|true|yes|0|false|no)?$")]
    hidden: bool,
    /// At least so many votes that count.
    #[serde(default)]
    #[param(required = false)]
    votes: u16,
    /// At least this standard deviation of the votes: images about which people differ.
    #[param(minimum = 0, maximum = 4.5)]
    spread: Option<f64>,
    /// For `sort=random`: which sample.
    #[param(value_type = Option<i64>, minimum = 0, maximum = 4294967295_i64)]
    seed: Option<u32>,
    /// `next` of the page before.
    after: Option<String>,
    /// Most images in the answer.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u16>,
}

/// An image in a list.
#[derive(Debug, Serialize, ToSchema)]
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

#[derive(Debug, Serialize, ToSchema)]
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
#[utoipa::path(
    get, path = "/api/v1/images", operation_id = "images", tag = "catalog",
    summary = "A ranked list of images, a page at a time",
    params(Parameters),
    responses(
        (status = 200, description = "A page of the list", body = List),
        (status = "4XX", description = "What is wrong, in words", body = Problem, content_type = "application/problem+json"),
        (status = "5XX", description = "The service cannot answer now", body = Problem, content_type = "application/problem+json"),
    ),
    security(("token" = []), ("session" = [])),
)]
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
    let page =
        rankings::page(&mut conn, &view, &ranking, &after.map_or(Place::Start, Place::After), limit).await?;
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
        let after: Option<Cursor> = given(&self.after).map(str::parse).transpose().map_err(wrong("after"))?;
        if after.is_some_and(|after| (after.sort, after.order) != (self.sort, self.order)) {
            let words = "after belongs to a list of another sort or order: repeat those of the first request";
            return Err(WebError::Parameter(words.to_owned()));
        }
        let bound = |name, text: &str| {
            Key::bound(name, self.sort, text).map_err(|error| WebError::Parameter(error.to_string()))
        };
        let ranking = Ranking {
            sort: self.sort,
            order: self.order,
            watch: self.watch,
            min: given(&self.min).map(|text| bound("min", text)).transpose()?,
            max: given(&self.max).map(|text| bound("max", text)).transpose()?,
            text: given(&self.q).map(str::to_owned),
            listing: given(&self.listing).map(str::to_owned),
            one_per_listing: self.one_per_listing,
            hidden: self.hidden,
            votes: self.votes,
            spread: self.spread.map(spread).transpose()?,
            seed: if self.sort == Sort::Random { self.seed.unwrap_or_default() } else { 0 },
        };
        Ok((ranking, after))
    }
}

fn spread(std: f64) -> Result<Spread, WebError> {
    let words = || format!("spread must be a standard deviation from 0 to {}, got {std}", Spread::MAX);
    Spread::new(std).ok_or_else(|| WebError::Parameter(words()))
}

/// A form sends a field that is left empty as an empty text.
fn given(text: &Option<String>) -> Option<&str> {
    text.as_deref().filter(|text| !text.is_empty())
}

fn wrong<E: std::fmt::Display>(name: &'static str) -> impl Fn(E) -> WebError {
    move |error| WebError::Parameter(format!("{name}: {error}"))
}

/// `1`, `true` and `yes` switch on; `0`, `false`, `no` and nothing switch off.
fn flag<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    let text = String::deserialize(deserializer)?;
    match &*text {
        "1" | "true" | "yes" => Ok(true),
        "" | "0" | "false" | "no" => Ok(false),
        other => Err(serde::de::Error::custom(format!(
            "one_per_listing and hidden must be true or false, got {other:?}"
        ))),
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
