//! An error as an answer: a page for browsers, a problem for programs.

use std::error::Error as StdError;

use actix_web::{
    Error, HttpMessage, HttpResponse,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    error::InternalError,
    http::{StatusCode, header},
    middleware::Next,
    web::Data,
};
use askama::Template;
use serde_json::json;

use super::{
    WebError,
    table::{AWAY, INTERNAL, METHOD, NOT_FOUND, PARAMETER, ROLE, TOKEN_ROLE},
};
use crate::{
    domain::Role,
    gallery::frame::Frame,
    web::{Site, account::Caller, api::description::Problem},
};

/// Gives every error its body, and logs those that are ours.
///
/// # Errors
/// None of its own.
pub async fn render(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let (path, site) = (request.path().to_owned(), request.app_data::<Data<Site>>().cloned());
    let response = match next.call(request).await {
        Ok(response) => response.map_into_boxed_body(),
        Err(error) => return Err(without_session(&path, site.as_ref(), error)),
    };
    let status = response.status();
    let is_error = status.is_client_error() || status.is_server_error();
    let has_body =
        response.headers().contains_key(header::CONTENT_TYPE) && response.response().error().is_none();
    if !is_error || has_body {
        return Ok(response);
    }
    let is_token =
        response.request().extensions().get::<Caller>().is_some_and(|caller| caller.token.is_some());
    let (title, text, ledger) = {
        let known = response.response().error().and_then(|error| error.as_error::<WebError>());
        if let Some(error) = known.filter(|_| status.is_server_error()) {
            tracing::error!(
                error = error as &dyn StdError,
                path = response.request().path(),
                "request failed"
            );
        }
        let ledger = match known {
            Some(WebError::Refused { ledger, .. }) => Some(*ledger),
            _ => None,
        };
        let (title, text) = match known {
            Some(WebError::Role) if is_token => (ROLE.1, TOKEN_ROLE.to_owned()),
            Some(error) => (error.row().1, error.text().to_owned()),
            None => of_status(status),
        };
        (title, text, ledger)
    };
    let account =
        response.request().extensions().get::<Caller>().map(|caller| (caller.name.clone(), caller.role));
    let asked = Asked { path: &path, site: site.as_ref().map(|site| site.as_ref()), account, ledger };
    let mut body = asked.body(status, title, &text);
    if let Some(allowed) = response.headers().get(header::ALLOW) {
        body.headers_mut().insert(header::ALLOW, allowed.clone());
    }
    Ok(response.into_response(body))
}

/// The only thing that fails before a handler is asked is the look-up of the session.
fn without_session(path: &str, site: Option<&Data<Site>>, error: Error) -> Error {
    tracing::error!(%error, path, "the session could not be read");
    let asked = Asked { path, site: site.map(|site| site.as_ref()), account: None, ledger: None };
    let body = asked.body(AWAY.0, AWAY.1, AWAY.2);
    InternalError::from_response(error, body).into()
}

/// What the framework itself refuses.
fn of_status(status: StatusCode) -> (&'static str, String) {
    let (_, title, text) = match status {
        StatusCode::NOT_FOUND => NOT_FOUND,
        StatusCode::METHOD_NOT_ALLOWED => METHOD,
        status if status.is_client_error() => PARAMETER,
        _ => INTERNAL,
    };
    (title, text.to_owned())
}

/// What a request was, as far as its answer depends on it.
struct Asked<'a> {
    path: &'a str,
    site: Option<&'a Site>,
    account: Option<(String, Role)>,
    ledger: Option<i64>,
}

impl Asked<'_> {
    fn body(self, status: StatusCode, title: &str, text: &str) -> HttpResponse {
        let base_path = self.site.map_or("", |site| &site.base_path);
        let is_api = self.path.strip_prefix(base_path).is_some_and(|path| path.starts_with("/api/"));
        let mut response = HttpResponse::build(status);
        if status == StatusCode::UNAUTHORIZED && is_api {
            response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
        }
        if is_api {
            let problem = Problem {
                r#type: "about:blank".to_owned(),
                title: title.to_owned(),
                status: status.as_u16(),
                detail: text.to_owned(),
                ledger: self.ledger,
            };
            return response.content_type("application/problem+json").body(json!(problem).to_string());
        }
        // An image's page is there also where its picture or its file is not.
        let image = self.path.strip_suffix("/original").or_else(|| self.path.strip_suffix("/full"));
        let image = image.filter(|_| status == StatusCode::GONE);
        let page = ErrorPage { frame: Frame::of_error(self.site, self.account), title, text, image };
        match page.render() {
            Ok(html) => response.content_type("text/html; charset=utf-8").body(html),
            Err(_) => response.content_type("text/plain; charset=utf-8").body(format!("{title}. {text}")),
        }
    }
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    frame: Frame,
    title: &'a str,
    text: &'a str,
    image: Option<&'a str>,
}
