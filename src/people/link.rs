//! One-time links: the first admin, an invitation, a new password.

use actix_session::Session;
use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Form, Path},
};
use askama::Template;
use serde::Deserialize;
use sqlx::PgConnection;

use super::{PasswordError, checked_name, sign_in};
use crate::{
    config::Secret,
    domain::{AnnotatorId, Role, Token},
    gallery::{frame::Frame, html_with},
    store::{
        annotators, events,
        links::{self, Link},
        sessions,
    },
    web::{Site, error::WebError, session},
};

/// The form.
#[derive(Deserialize)]
pub struct Choice {
    #[serde(default)]
    name: String,
    password: Secret,
    repeated: Secret,
}

#[derive(Template)]
#[template(path = "link.html")]
struct Page {
    frame: Frame,
    token: String,
    link: Link,
    name: String,
    problem: Option<String>,
}

/// `GET /link/{token}`.
///
/// # Errors
/// See [`WebError`].
pub async fn show(site: Data<Site>, token: Path<String>) -> Result<HttpResponse, WebError> {
    let token = Token::presented(&token);
    let found = links::find(&mut *site.pool.acquire().await?, &token, site.clock.now()).await?;
    page(&site, &token, found.ok_or(WebError::SpentLink)?, String::new(), None)
}

/// `POST /link/{token}`: takes the password, uses the link up, and signs in.
///
/// # Errors
/// See [`WebError`].
pub async fn submit(
    site: Data<Site>,
    request: HttpRequest,
    token: Path<String>,
    session: Session,
    choice: Form<Choice>,
) -> Result<HttpResponse, WebError> {
    let token = Token::presented(&token);
    // By the link, so that a stranger who tries others keeps nobody out; by the address, whoever tries many.
    if site.throttle.count(&hex::encode(token.digest()), site.proxies.client(&request)).is_err() {
        return Err(WebError::TooMany);
    }
    let now = site.clock.now();
    let link =
        links::find(&mut *site.pool.acquire().await?, &token, now).await?.ok_or(WebError::SpentLink)?;
    let checked = checked(&site, &link, &choice).await?;
    let (name, hash) = match checked {
        Ok(checked) => checked,
        Err(problem) => return page(&site, &token, link, choice.into_inner().name, Some(problem)),
    };
    let mut tx = site.pool.begin().await?;
    if !links::consume(&mut tx, &token, now).await? {
        return Err(WebError::SpentLink);
    }
    let Some(id) = take(&mut tx, &site, &link, &name, &hash).await? else {
        tx.rollback().await?;
        let problem = format!("There is somebody called {name} already. Choose another name.");
        return page(&site, &token, link, name, Some(problem));
    };
    events::record(&mut tx, Some(id), "password.set", None).await?;
    tx.commit().await?;
    session::open(&session, id)?;
    Ok(sign_in::to(&site, "/"))
}

/// The name and the password's hash, or what is wrong with them.
async fn checked(
    site: &Site,
    link: &Link,
    choice: &Choice,
) -> Result<Result<(String, String), String>, WebError> {
    if choice.password.reveal() != choice.repeated.reveal() {
        return Ok(Err("The two passwords differ.".to_owned()));
    }
    let name = match link {
        Link::Password { name, .. } => Ok(name.clone()),
        Link::SetUp => checked_name(&choice.name),
    };
    let name = match name {
        Ok(name) => name,
        Err(problem) => return Ok(Err(problem)),
    };
    match site.passwords.hash(choice.password.reveal()).await {
        Ok(hash) => Ok(Ok((name, hash))),
        Err(PasswordError::Unfit(problem)) => Ok(Err(problem)),
        Err(other) => Err(WebError::internal(other)),
    }
}

/// Does what the link is for; none when the name is taken.
async fn take(
    conn: &mut PgConnection,
    site: &Site,
    link: &Link,
    name: &str,
    hash: &str,
) -> Result<Option<AnnotatorId>, WebError> {
    let now = site.clock.now();
    match link {
        Link::SetUp => {
            if annotators::is_set_up(conn).await? {
                return Err(WebError::SpentLink);
            }
            let id = AnnotatorId::new(now);
            let is_added = annotators::add(conn, id, name, Role::Admin, Some(hash)).await?;
            links::end_setup(conn, now).await?;
            Ok(is_added.then_some(id))
        }
        Link::Password { id, .. } => {
            annotators::set_password(conn, *id, hash).await?;
            // Whoever made the new password necessary is signed out.
            sessions::close_all(conn, *id).await?;
            Ok(Some(*id))
        }
    }
}

fn page(
    site: &Site,
    token: &Token,
    link: Link,
    name: String,
    problem: Option<String>,
) -> Result<HttpResponse, WebError> {
    let status = if problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let page = Page { frame: Frame::outside(site), token: token.reveal().to_owned(), link, name, problem };
    html_with(status, &page)
}
