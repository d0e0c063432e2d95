//! The API: the same numbers as the pages, as JSON, and the [description] of it for programs.

pub mod description;
mod image;
mod list;
mod upload;

use actix_web::{HttpResponse, web::Data};

pub use self::{
    description::show as openapi,
    image::image,
    list::{Parameters, images},
    upload::{broken as broken_form, receive, upload},
};
use super::{Site, error::WebError};
use crate::store::{ledger, viewpoint};

/// `GET /api/v1/ledger`.
///
/// # Errors
/// See [`WebError`].
#[utoipa::path(
    get, path = "/api/v1/ledger", operation_id = "ledger", tag = "catalog",
    summary = "Every path ever seen by its state, and every image by how far scoring is",
    responses(
        (status = 200, description = "The totals; they add up", body = ledger::Ledger),
        (status = "4XX", description = "What is wrong, in words", body = description::Problem, content_type = "application/problem+json"),
        (status = "5XX", description = "The service cannot answer now", body = description::Problem, content_type = "application/problem+json"),
    ),
    security(("token" = []), ("session" = [])),
)]
pub async fn ledger(site: Data<Site>) -> Result<HttpResponse, WebError> {
    let mut conn = site.pool.acquire().await?;
    let view = viewpoint::active(&mut conn).await?;
    Ok(HttpResponse::Ok().json(ledger::totals(&mut conn, view.as_ref().map(|view| view.generation)).await?))
}
