//! Export: the images of a list, and what people said about them, as files.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{ContentDisposition, DispositionParam, DispositionType},
    web::{Data, Path},
};
use askama::Template;

use super::{
    frame::{Frame, Place},
    html, remarks,
};
use crate::{
    export::{Export, Table, stream},
    store::{
        rankings::{Ranking, Sort, Total},
        viewpoint,
    },
    web::{
        Site,
        account::{Account, Caller},
        error::WebError,
    },
};

/// A file that can be had.
struct Offer {
    name: &'static str,
    href: String,
    what: &'static str,
}

#[derive(Template)]
#[template(path = "export.html")]
struct Page {
    frame: Frame,
    notice: Option<String>,
    /// How many images the list has, if anything was scored yet.
    images: Option<String>,
    list: String,
    query: String,
    offers: Vec<Offer>,
    /// The same list by arrival, where the present one leaves out what lacks its sort key.
    by_arrival: Option<String>,
}

/// `GET /export`: what can be had of the list that the address names, which is said as in the ranking's.
///
/// # Errors
/// See [`WebError`].
pub async fn show(
    site: Data<Site>,
    account: Account,
    request: HttpRequest,
) -> Result<HttpResponse, WebError> {
    let asked = Ranking::strictly(request.query_string());
    let notice = asked.as_ref().err().map(|error| format!("{error}."));
    let ranking = asked.unwrap_or_default();
    let mut conn = site.pool.acquire().await?;
    let view = viewpoint::active(&mut conn).await?;
    let images = match &view {
        Some(view) => Some(images(site.counts.of(&mut conn, view, &ranking).await?.total)),
        None => None,
    };
    let offer = |export: Export| Offer {
        name: export.file_name(),
        href: remarks::list(&site, &format!("/export/{}", export.file_name()), &ranking),
        what: in_words(export),
    };
    html(&Page {
        frame: Frame::of(&site, &account, Place::Export, view.as_ref()),
        notice,
        images,
        list: remarks::list(&site, "/ranking", &ranking),
        query: ranking.to_string(),
        by_arrival: (ranking.sort != Sort::Newest).then(|| {
            // Bounds are of the sort key: those of another one would say nothing.
            let list = Ranking { sort: Sort::Newest, min: None, max: None, seed: 0, ..ranking.clone() };
            remarks::list(&site, "/export", &list)
        }),
        offers: Export::ALL.into_iter().map(offer).collect(),
    })
}

/// `GET /export/{file}`: one of them, as it is read from the database. A script shows a token.
///
/// # Errors
/// See [`WebError`]. When the database fails in the middle the answer breaks off, which a browser reports.
pub async fn file(
    site: Data<Site>,
    _caller: Caller,
    name: Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, WebError> {
    let export: Export = name.parse().map_err(|_| WebError::NotFound)?;
    let ranking = Ranking::strictly(request.query_string())
        .map_err(|error| WebError::Parameter(format!("{error}.")))?;
    let text = stream(&site.pool, ranking, export).await?;
    let disposition = ContentDisposition {
        disposition: DispositionType::Attachment,
        parameters: vec![DispositionParam::Filename(format!("chronograde-{}", export.file_name()))],
    };
    Ok(HttpResponse::Ok().content_type(export.media_type()).insert_header(disposition).streaming(text))
}

fn images(total: Total) -> String {
    let noun = if total.count == 1 && total.is_exact { "image is" } else { "images are" };
    format!("{} {noun}", remarks::in_words(total))
}

const fn in_words(export: Export) -> &'static str {
    match export {
        Export::Csv(Table::Images) => {
            "One row per image: label, confidence, the ten bins, and people's ten counts."
        }
        Export::JsonLines(Table::Images) => "The same, one JSON object a line.",
        Export::Csv(Table::Votes) => {
            "One row per vote: who (by number), in which round, what was visible, and the model's ten bins."
        }
        Export::JsonLines(Table::Votes) => "The same, one JSON object a line.",
        Export::Csv(Table::Corrections) => "One row per answer to “Is there a watch?”, and per verdict.",
        Export::JsonLines(Table::Corrections) => "The same, one JSON object a line.",
        Export::Ava => {
            "Counts of votes 1 to 10 in the layout of the AVA dataset; images without votes are left out."
        }
        Export::Nima => "The same counts, as trainers of NIMA read them.",
    }
}
