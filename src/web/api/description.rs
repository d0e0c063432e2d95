//! The API as an OpenAPI document, made from the handlers themselves.

use actix_web::{HttpResponse, web::Data};
use serde::Serialize;
use utoipa::{
    Modify, OpenApi, ToSchema,
    openapi::{
        Server,
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

use super::{image, list, upload};
use crate::web::{Site, session};

/// What went wrong (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
pub struct Problem {
    /// Always `about:blank`: the status says what kind it is.
    pub r#type: String,
    /// What went wrong, the same for every request of its kind.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What went wrong here, and the way out.
    pub detail: String,
    /// The row of the ledger, where a file was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ledger: Option<i64>,
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "chronograde",
        description = "A catalog of watch photographs: what the models said, and what people said.",
    ),
    paths(super::ledger, list::images, image::image, upload::upload),
    components(schemas(Problem)),
    modifiers(&Doors),
)]
struct Description;

/// How one gets in.
struct Doors;

impl Modify for Doors {
    fn modify(&self, description: &mut utoipa::openapi::OpenApi) {
        let components = description.components.get_or_insert_default();
        let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        components.add_security_scheme("token", SecurityScheme::Http(token));
        let cookie = ApiKey::Cookie(ApiKeyValue::new(session::COOKIE));
        components.add_security_scheme("session", SecurityScheme::ApiKey(cookie));
    }
}

/// The document of a service that people reach at `address`.
pub fn document(address: &str) -> utoipa::openapi::OpenApi {
    let mut document = Description::openapi();
    document.servers = Some(vec![Server::new(address)]);
    document
}

/// `GET /api/v1/openapi.json`.
pub async fn show(site: Data<Site>) -> HttpResponse {
    HttpResponse::Ok().json(document(&site.public_address))
}
