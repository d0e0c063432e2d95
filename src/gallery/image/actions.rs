//! The buttons of the image page. Each leads back to it, and is in the history.

use actix_web::{
    HttpResponse,
    web::{Data, Form, Path},
};
use serde::Deserialize;
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use super::Parameters;
use crate::{
    domain::{AnnotatorId, ImageId},
    jobs,
    store::{events, image_page, images, scorings},
    web::{Site, account::Caller, error::WebError, query::Query},
};

/// Longest reason, in characters.
const REASON_CHARS: usize = 500;

/// The form that hides.
#[derive(Deserialize)]
pub struct Hiding {
    why: String,
}

/// `POST /images/{id}/hide`.
///
/// # Errors
/// See [`WebError`].
pub async fn hide(
    site: Data<Site>,
    caller: Caller,
    id: Path<Uuid>,
    parameters: Query<Parameters>,
    form: Form<Hiding>,
) -> Result<HttpResponse, WebError> {
    let image = ImageId(*id);
    let mut tx = site.pool.begin().await?;
    hide_one(&site, &mut tx, caller.annotator, (image, form.why.trim())).await?;
    tx.commit().await?;
    Ok(back(&site, image, &parameters, "hidden"))
}

/// Hides an image with a reason, and notes who did it; one that is hidden already stays so with its first reason.
///
/// # Errors
/// [`WebError::Parameter`] without a reason, [`WebError::NotFound`] without such an image.
pub async fn hide_one(
    site: &Site,
    conn: &mut PgConnection,
    who: Option<AnnotatorId>,
    (image, why): (ImageId, &str),
) -> Result<(), WebError> {
    if why.is_empty() || why.chars().count() > REASON_CHARS || why.contains('\0') {
        let words = format!("say why, in at most {REASON_CHARS} characters: others will want to know");
        return Err(WebError::Parameter(words));
    }
    image_page::facts(conn, image).await?.ok_or(WebError::NotFound)?;
    if images::hide(conn, image, (who, why), site.clock.now()).await? {
        let subject = format!("image:{image}");
        let what = ("image.hide", Some(subject.as_str()));
        events::record_with(conn, who, what, &json!({ "why": why })).await?;
    }
    Ok(())
}

/// `POST /images/{id}/restore`.
///
/// # Errors
/// See [`WebError`].
pub async fn restore(
    site: Data<Site>,
    caller: Caller,
    id: Path<Uuid>,
    parameters: Query<Parameters>,
) -> Result<HttpResponse, WebError> {
    let image = ImageId(*id);
    let mut tx = site.pool.begin().await?;
    image_page::facts(&mut tx, image).await?.ok_or(WebError::NotFound)?;
    if images::restore(&mut tx, image).await? {
        events::record(&mut tx, caller.annotator, "image.restore", Some(&format!("image:{id}"))).await?;
    }
    tx.commit().await?;
    Ok(back(&site, image, &parameters, "restored"))
}

/// `POST /images/{id}/rescore`: every served model that lacks a score for the image, or gave up on it, is asked again.
///
/// # Errors
/// See [`WebError`].
pub async fn rescore(
    site: Data<Site>,
    caller: Caller,
    id: Path<Uuid>,
    parameters: Query<Parameters>,
) -> Result<HttpResponse, WebError> {
    let image = ImageId(*id);
    let mut tx = site.pool.begin().await?;
    image_page::facts(&mut tx, image).await?.ok_or(WebError::NotFound)?;
    jobs::request_scoring(&mut tx, image).await?;
    let is_scored = scorings::is_settled(&mut tx, image).await?;
    if !is_scored {
        events::record(&mut tx, caller.annotator, "image.rescore", Some(&format!("image:{id}"))).await?;
    }
    tx.commit().await?;
    Ok(back(&site, image, &parameters, if is_scored { "scored" } else { "queued" }))
}

/// Back to the page, in the list that one came from, so that reloading it does nothing twice.
fn back(site: &Site, image: ImageId, parameters: &Parameters, done: &str) -> HttpResponse {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    if let Some(list) = &parameters.list {
        query.append_pair("in", list);
    }
    let query = query.append_pair("done", done).finish();
    site.see_other(&format!("/images/{image}?{query}"))
}
