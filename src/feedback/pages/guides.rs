//! Guides: what annotators read before they judge, in versions.

use actix_web::{
    HttpResponse,
    http::StatusCode,
    web::{Data, Form},
};
use askama::Template;
use serde::Deserialize;
use uuid::Uuid;

use crate::{
    domain::ImageId,
    gallery::{
        frame::{Frame, Place},
        html, words,
    },
    store::{
        events,
        guides::{self, Example, Guide},
        image_page, viewpoint,
    },
    web::{Site, account::Account, error::WebError},
};

/// Scores that an example is asked for.
const ANCHORS: [i16; 3] = [1, 5, 10];

/// A new version.
#[derive(Debug, Deserialize)]
pub struct NewVersion {
    name: String,
    body: String,
    #[serde(default)]
    example_1: String,
    #[serde(default)]
    example_5: String,
    #[serde(default)]
    example_10: String,
}

/// An example in the form: the score that it stands for, and the image, if there is one.
struct Anchor {
    score: i16,
    image: String,
    src: Option<String>,
}

/// A guide with its examples.
struct Entry {
    guide: Guide,
    anchors: Vec<Anchor>,
}

#[derive(Template)]
#[template(path = "guides.html")]
struct Page {
    frame: Frame,
    entries: Vec<Entry>,
    problem: Option<String>,
}

/// `GET /guides`.
///
/// # Errors
/// See [`WebError`].
pub async fn show(site: Data<Site>, account: Account) -> Result<HttpResponse, WebError> {
    html(&page(&site, &account, None).await?)
}

async fn page(site: &Site, account: &Account, problem: Option<String>) -> Result<Page, WebError> {
    let mut conn = site.pool.acquire().await?;
    let mut entries = vec![];
    for guide in guides::latest(&mut conn).await? {
        let examples = guides::examples(&mut conn, guide.id).await?;
        let mut anchors = vec![];
        for score in ANCHORS {
            let image =
                examples.iter().find(|example| example.score == Some(score)).map(|example| example.image);
            let src = match image {
                Some(image) => image_page::facts(&mut conn, ImageId(image)).await?,
                None => None,
            };
            let src = src.map(|facts| site.url(&format!("/media/320/{}.jpg", facts.hash)));
            anchors.push(Anchor {
                score,
                image: image.map(|image| image.to_string()).unwrap_or_default(),
                src,
            });
        }
        entries.push(Entry { guide, anchors });
    }
    let view = viewpoint::active(&mut conn).await?;
    Ok(Page { frame: Frame::of(site, account, Place::Guides, view.as_ref()), entries, problem })
}

/// `POST /guides`: the next version of the guide of this name.
///
/// # Errors
/// See [`WebError`].
pub async fn add(
    site: Data<Site>,
    account: Account,
    new: Form<NewVersion>,
) -> Result<HttpResponse, WebError> {
    let (name, body) = (new.name.trim(), new.body.trim().replace("\r\n", "\n"));
    let written = [&new.example_1, &new.example_5, &new.example_10];
    let mut problem =
        (name.is_empty() || body.is_empty()).then(|| "A guide needs a name and a text.".to_owned());
    let mut examples = vec![];
    let mut tx = site.pool.begin().await?;
    for (score, text) in ANCHORS.into_iter().zip(written) {
        if text.trim().is_empty() {
            continue;
        }
        match named(text) {
            Some(image) if image_page::facts(&mut tx, ImageId(image)).await?.is_some() => {
                examples.push(Example { image, score: Some(score), is_watch: None, caption: None });
            }
            _ => {
                problem = Some(format!(
                    "The example for {score} is no image of the catalog: give the address of its page."
                ))
            }
        }
    }
    if problem.is_some() {
        drop(tx);
        let page = page(&site, &account, problem).await?;
        return Ok(HttpResponse::build(StatusCode::UNPROCESSABLE_ENTITY)
            .content_type("text/html; charset=utf-8")
            .body(page.render()?));
    }
    let id = guides::add(&mut tx, name, &body, &examples, Some(account.id)).await?;
    events::record(&mut tx, Some(account.id), "guide.write", Some(&format!("guide:{id}"))).await?;
    tx.commit().await?;
    Ok(site.see_other("/guides"))
}

/// The image that a text names: its identifier, or the address of its page.
fn named(text: &str) -> Option<Uuid> {
    let last = text.trim().trim_end_matches('/').rsplit('/').next()?;
    last.split(['?', '#']).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_is_named_by_its_identifier_or_its_address() {
        let id = Uuid::from_u128(7);
        for text in
            [format!("{id}"), format!(" https://host/base/images/{id}?next=1 "), format!("/images/{id}/")]
        {
            assert_eq!(named(&text), Some(id), "{text}");
        }
        assert_eq!(named("a picture"), None);
    }
}
