//! The door: sign in and sign out.

use actix_session::Session;
use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web::{Data, Form},
};
use askama::Template;
use serde::Deserialize;

use crate::{
    config::Secret,
    gallery::{frame::Frame, html_with},
    store::{annotators, events, sessions},
    web::{Site, account::Account, error::WebError, query::Query, session},
};

/// What the address may say.
#[derive(Debug, Deserialize)]
pub struct Parameters {
    /// Where to go afterwards: a path below the base path.
    next: Option<String>,
    /// What was done before.
    done: Option<String>,
}

/// The form.
#[derive(Deserialize)]
pub struct Attempt {
    name: String,
    password: Secret,
    #[serde(default)]
    next: String,
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct Page {
    frame: Frame,
    name: String,
    next: String,
    done: Option<&'static str>,
    problem: Option<String>,
    is_set_up: bool,
}

/// What the page says besides the form.
struct Said {
    done: Option<&'static str>,
    problem: Option<String>,
}

impl Said {
    const fn problem(problem: String) -> Self {
        Self { done: None, problem: Some(problem) }
    }
}

/// `GET /sign-in`.
///
/// # Errors
/// See [`WebError`].
pub async fn show(site: Data<Site>, parameters: Query<Parameters>) -> Result<HttpResponse, WebError> {
    let Query(Parameters { next, done }) = parameters;
    let done = (done.as_deref() == Some("everywhere")).then_some("You are signed out in every browser.");
    page(&site, StatusCode::OK, (String::new(), next.unwrap_or_default()), Said { done, problem: None }).await
}

/// `POST /sign-in`.
///
/// # Errors
/// See [`WebError`].
pub async fn submit(
    site: Data<Site>,
    request: HttpRequest,
    session: Session,
    attempt: Form<Attempt>,
) -> Result<HttpResponse, WebError> {
    let Attempt { name, password, next } = attempt.into_inner();
    let client = site.proxies.client(&request);
    if let Err(wait) = site.throttle.count(name.trim(), client) {
        let seconds = wait.as_secs() + 1;
        let problem = format!("Too many tries. Please wait {seconds} seconds, then try again.");
        let mut answer =
            page(&site, StatusCode::TOO_MANY_REQUESTS, (name, next), Said::problem(problem)).await?;
        answer.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        return Ok(answer);
    }
    let known = annotators::credentials(&mut *site.pool.acquire().await?, name.trim()).await?;
    let hash =
        known.as_ref().filter(|known| !known.is_disabled).and_then(|known| known.password_hash.clone());
    let is_right = site.passwords.verify(password.reveal(), hash).await.map_err(WebError::internal)?;
    let Some(known) = known.filter(|_| is_right) else {
        tracing::info!(client = ?client, "a sign-in was refused");
        let problem = "Name and password do not belong together.".to_owned();
        return page(&site, StatusCode::UNPROCESSABLE_ENTITY, (name, next), Said::problem(problem)).await;
    };
    let mut conn = site.pool.acquire().await?;
    events::record(&mut conn, Some(known.id), "session.open", None).await?;
    sessions::sweep(&mut conn, site.clock.now()).await?;
    session::open(&session, known.id)?;
    Ok(to(&site, &next))
}

/// `POST /sign-out`.
///
/// # Errors
/// See [`WebError`].
pub async fn sign_out(
    site: Data<Site>,
    account: Account,
    request: HttpRequest,
) -> Result<HttpResponse, WebError> {
    events::record(&mut *site.pool.acquire().await?, Some(account.id), "session.close", None).await?;
    session::close(&request);
    Ok(to(&site, "/sign-in"))
}

async fn page(
    site: &Site,
    status: StatusCode,
    (name, next): (String, String),
    Said { done, problem }: Said,
) -> Result<HttpResponse, WebError> {
    let is_set_up = annotators::is_set_up(&mut *site.pool.acquire().await?).await?;
    let frame = Frame::outside(site);
    let page = Page { frame, name, next, done, problem, is_set_up };
    html_with(status, &page)
}

/// To a page of ours, whatever the form says.
pub(super) fn to(site: &Site, path: &str) -> HttpResponse {
    // `//elsewhere` and `/\elsewhere` would lead to another host, and so would tabs in between, which browsers leave out.
    let is_odd = |c: char| c == '\\' || c.is_control();
    let is_ours = path.starts_with('/') && !path.starts_with("//") && !path.contains(is_odd);
    let path = if is_ours { path } else { "/" };
    site.see_other(path)
}
