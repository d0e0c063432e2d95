//! The images behind one cell of the confusion matrix.

use actix_web::{HttpResponse, web::Data};
use askama::Template;
use serde::Deserialize;

use super::{Set, mistakes::Picture};
use crate::{
    domain::ImageId,
    gallery::{
        frame::{Frame, Place},
        html, words,
    },
    store::{
        labelled,
        labels::{self, Labelled},
        viewpoint,
    },
    web::{Site, account::Account, error::WebError, query::Query},
};

/// Images on a page.
const ON_A_PAGE: usize = 60;

/// What the address says.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Parameters {
    people: Option<bool>,
    model: Option<bool>,
    #[serde(default)]
    of: Set,
    #[serde(default)]
    page: usize,
}

#[derive(Template)]
#[template(path = "evaluation_cell.html")]
struct Page {
    frame: Frame,
    title: &'static str,
    lead: String,
    pictures: Vec<Picture>,
    previous: Option<String>,
    next: Option<String>,
}

/// `GET /evaluation/images`: those that people and model label so, where the model is most confident first.
///
/// # Errors
/// See [`WebError`].
pub async fn show(
    site: Data<Site>,
    account: Account,
    parameters: Query<Parameters>,
) -> Result<HttpResponse, WebError> {
    let mut conn = site.pool.acquire().await?;
    let view = viewpoint::active(&mut conn).await?.ok_or(WebError::NotFound)?;
    let threshold = view.threshold.ok_or(WebError::NotFound)?;
    let Parameters { people, model, of, page } = *parameters;
    // What somebody looks for first: watches that were missed.
    let (people, model) = (people.unwrap_or(true), model.unwrap_or(false));
    let images = of.of(&labels::all(&mut conn, &view).await?);
    let within =
        |image: &&Labelled| image.watch == people && (image.confidence.get() > threshold.get()) == model;
    let mut images: Vec<&Labelled> = images.iter().filter(within).collect();
    // What the model is surest of comes first: the worst mistakes, or the clearest cases.
    images.sort_by(|one, other| {
        let ascending = one.confidence.get().total_cmp(&other.confidence.get());
        if model { ascending.reverse() } else { ascending }
    });
    let shown: Vec<&Labelled> =
        images.iter().copied().skip(page.saturating_mul(ON_A_PAGE)).take(ON_A_PAGE).collect();
    let ids: Vec<ImageId> = shown.iter().map(|image| image.image).collect();
    let faces = labelled::faces(&mut conn, &view, &ids).await?;
    let leaf = |page: usize| {
        let set = of.as_str();
        site.url(&format!("/evaluation/images?people={people}&model={model}&of={set}&page={page}"))
    };
    html(&Page {
        title: title(people, model),
        lead: format!(
            "{} {}. The model’s surest come first; the threshold is {}.",
            words::counted(words::len(&images), "labelled image", "labelled images"),
            if of == Set::Audit { "of the audit set" } else { "in all" },
            words::probability(threshold.get())
        ),
        pictures: faces
            .into_iter()
            .zip(&shown)
            .map(|(face, image)| Picture::of(&site, face, image.confidence.get(), image.watch))
            .collect(),
        previous: page.checked_sub(1).map(leaf),
        next: (page.saturating_add(1).saturating_mul(ON_A_PAGE) < images.len()).then(|| leaf(page + 1)),
        frame: Frame::of(&site, &account, Place::Evaluation, Some(&view)),
    })
}

const fn title(people: bool, model: bool) -> &'static str {
    match (people, model) {
        (true, true) => "Watches that are found",
        (true, false) => "Watches that are missed",
        (false, true) => "False alarms",
        (false, false) => "Other pictures, left alone",
    }
}
