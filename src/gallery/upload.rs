//! Upload: pictures from the browser, by the same way as those from the API.

use actix_multipart::Multipart;
use actix_web::{HttpResponse, web::Data};
use askama::Template;
use futures_util::TryStreamExt;

use super::{
    frame::{Frame, Place},
    html, words,
};
use crate::{
    ingest::{
        import::Told,
        upload::{Outcome, Taken},
    },
    store::{events, viewpoint},
    web::{Site, account::Account, api, error::WebError},
};

/// What became of one file.
struct Line {
    name: String,
    state: &'static str,
    text: String,
    page: Option<String>,
}

#[derive(Template)]
#[template(path = "upload.html")]
struct Page {
    frame: Frame,
    limit: String,
    lines: Vec<Line>,
}

/// `GET /upload`.
///
/// # Errors
/// See [`WebError`].
pub async fn show(site: Data<Site>, account: Account) -> Result<HttpResponse, WebError> {
    page(&site, &account, vec![]).await
}

/// `POST /upload`: the plain form, with as many files as one likes.
///
/// # Errors
/// See [`WebError`].
pub async fn submit(
    site: Data<Site>,
    account: Account,
    mut form: Multipart,
) -> Result<HttpResponse, WebError> {
    let mut lines = Vec::new();
    while let Some(mut field) = form.try_next().await.map_err(api::broken_form)? {
        let (name, file) = api::receive(&site, &mut field).await?;
        // A form without a choice sends one field without a name and without bytes.
        if name.is_empty() {
            continue;
        }
        let taken = site.uploads.take(&name, file, Told::default()).await?;
        lines.push(line(&site, name, taken));
    }
    if !lines.is_empty() {
        events::record(&mut *site.pool.acquire().await?, Some(account.id), "image.upload", None).await?;
    }
    page(&site, &account, lines).await
}

fn line(site: &Site, name: String, taken: Taken) -> Line {
    let page = |id| Some(site.url(&format!("/images/{id}")));
    let (state, text, page) = match taken.outcome {
        Outcome::New(id) => ("imported", "new: it is scored in a moment".to_owned(), page(id)),
        Outcome::Known(id) => ("duplicate", "the catalog has it already".to_owned(), page(id)),
        Outcome::Refused { reason, .. } => ("failed", reason, None),
    };
    Line { name, state, text, page }
}

async fn page(site: &Site, account: &Account, lines: Vec<Line>) -> Result<HttpResponse, WebError> {
    let view = viewpoint::active(&mut *site.pool.acquire().await?).await?;
    let limit = i64::try_from(site.uploads.limit_bytes()).unwrap_or(i64::MAX);
    let frame = Frame::of(site, account, Place::Upload, view.as_ref());
    html(&Page { frame, limit: words::bytes(limit), lines })
}
