//! The form that opens a round.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Bytes, Data},
};
use askama::Template;

use super::{estimate::Estimate, fields::Fields, to};
use crate::{
    feedback::{FeedbackError, round},
    gallery::{
        frame::{Frame, Place},
        paging,
    },
    store::{
        answers_needed,
        guides::{self, Guide},
        viewpoint,
    },
    web::{Site, account::Account, error::WebError},
};

#[derive(Template)]
#[template(path = "round_new.html")]
struct NewPage {
    frame: Frame,
    guides: Vec<Guide>,
    fields: Fields,
    problem: Option<String>,
    estimate: Option<Estimate>,
    /// Answers that it takes to label an image.
    needed: i32,
}

impl NewPage {
    fn is_guide(&self, guide: &Guide) -> bool {
        self.fields.guide == Some(guide.id.0)
    }
}

/// `GET /rounds/new`: the address may name a filter, or images by `image=`; from a list in which none was selected
/// it leads back there.
///
/// # Errors
/// See [`WebError`].
pub async fn plan(
    site: Data<Site>,
    account: Account,
    request: HttpRequest,
) -> Result<HttpResponse, WebError> {
    let query = request.query_string().as_bytes();
    let fields = Fields::read(query);
    let picked_from = url::form_urlencoded::parse(query).find(|(name, _)| name == "picked_from");
    match picked_from.filter(|_| fields.images.is_empty()) {
        Some((_, list)) => Ok(paging::back(&site, &list, &[("lacks", "round")])),
        None => form(&site, &account, fields, None).await,
    }
}

async fn form(
    site: &Site,
    account: &Account,
    fields: Fields,
    problem: Option<String>,
) -> Result<HttpResponse, WebError> {
    let mut conn = site.pool.acquire().await?;
    let guides = guides::latest(&mut conn).await?;
    let needed = answers_needed::now(&mut conn).await?;
    let estimate = Estimate::of(&mut conn, &fields).await?;
    let status = if problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let frame = Frame::of(site, account, Place::Rounds, viewpoint::active(&mut conn).await?.as_ref());
    let page = NewPage { frame, guides, fields, problem, estimate, needed };
    Ok(HttpResponse::build(status).content_type("text/html; charset=utf-8").body(page.render()?))
}

/// `POST /rounds`.
///
/// # Errors
/// See [`WebError`].
pub async fn open(site: Data<Site>, account: Account, body: Bytes) -> Result<HttpResponse, WebError> {
    let fields = Fields::read(&body);
    let plan = match fields.plan(site.clock.now()) {
        Ok(plan) => plan,
        Err(problem) => return form(&site, &account, fields, Some(problem)).await,
    };
    let view = viewpoint::active(&mut *site.pool.acquire().await?).await?;
    let Some(view) = view else {
        let problem = "No model has scored any image yet: there is nothing to draw from.".to_owned();
        return form(&site, &account, fields, Some(problem)).await;
    };
    let chance = (&site.clock, &mut rand::rng());
    match round::open(&site.pool, chance, Some(account.id), &view, &plan).await {
        Ok(id) => Ok(to(&site, id)),
        Err(FeedbackError::Plan(problem)) => form(&site, &account, fields, Some(problem)).await,
        Err(error) => Err(error.into()),
    }
}
