//! Stage 5: the pages that show the catalog. One file per page: its view struct, its template, its handler.
//!
//! Pages work without a script. They see rows, never tensors, and every number on them says how sure it is.

pub mod arrivals;
mod attention;
pub mod bulk;
pub mod card;
pub mod counted;
mod disks;
pub mod export;
mod filling;
mod form;
pub mod frame;
pub mod health;
pub mod home;
pub mod image;
pub mod jobs;
pub mod listings;
mod measured;
pub mod media;
pub mod models;
mod pace;
pub mod paging;
mod plots;
pub mod ranking;
mod remarks;
pub mod upload;
pub mod words;

use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;

use crate::web::error::WebError;

/// A page as an answer.
pub(crate) fn html(page: &impl Template) -> Result<HttpResponse, WebError> {
    html_with(StatusCode::OK, page)
}

/// The same with another status.
pub(crate) fn html_with(status: StatusCode, page: &impl Template) -> Result<HttpResponse, WebError> {
    Ok(HttpResponse::build(status).content_type("text/html; charset=utf-8").body(page.render()?))
}
