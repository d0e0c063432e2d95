//! One's own page: name, password, signed-in browsers.

use actix_session::Session;
use actix_web::{
    HttpResponse,
    http::StatusCode,
    web::{Data, Form},
};
use askama::Template;
use serde::Deserialize;

use super::{PasswordError, checked_name, sign_in};
use crate::{
    config::Secret,
    gallery::{
        frame::{Frame, Place},
        html_with,
    },
    store::{annotators, events, sessions, viewpoint},
    web::{Site, account::Account, error::WebError, query::Query, session},
};

/// What the address may say.
#[derive(Debug, Deserialize)]
pub struct Parameters {
    done: Option<String>,
}

/// The form of the name.
#[derive(Deserialize)]
pub struct NewName {
    name: String,
}

/// The form of the password.
#[derive(Deserialize)]
pub struct NewPassword {
    present: Secret,
    password: Secret,
    repeated: Secret,
}

#[derive(Template)]
#[template(path = "profile.html")]
struct Page {
    frame: Frame,
    account: Account,
    done: Option<&'static str>,
    problem: Option<String>,
}

/// `GET /profile`.
///
/// # Errors
/// See [`WebError`].
pub async fn show(
    site: Data<Site>,
    account: Account,
    parameters: Query<Parameters>,
) -> Result<HttpResponse, WebError> {
    let done = match parameters.done.as_deref() {
        Some("name") => Some("Your name is changed."),
        Some("password") => Some("Your password is changed, and every other browser is signed out."),
        _ => None,
    };
    page(&site, account, done, None).await
}

/// `POST /profile/name`.
///
/// # Errors
/// See [`WebError`].
pub async fn rename(
    site: Data<Site>,
    account: Account,
    form: Form<NewName>,
) -> Result<HttpResponse, WebError> {
    let name = match checked_name(&form.name) {
        Ok(name) => name,
        Err(problem) => return page(&site, account, None, Some(problem)).await,
    };
    let mut tx = site.pool.begin().await?;
    if !annotators::rename(&mut tx, account.id, &name).await? {
        tx.rollback().await?;
        let problem = format!("There is somebody called {name} already.");
        return page(&site, account, None, Some(problem)).await;
    }
    events::record(&mut tx, Some(account.id), "annotator.rename", Some(&format!("annotator:{}", account.id)))
        .await?;
    tx.commit().await?;
    Ok(back(&site, "name"))
}

/// `POST /profile/password`.
///
/// # Errors
/// See [`WebError`].
pub async fn change_password(
    site: Data<Site>,
    account: Account,
    session: Session,
    form: Form<NewPassword>,
) -> Result<HttpResponse, WebError> {
    let refuse = |problem: String| page(&site, account.clone(), None, Some(problem));
    if form.password.reveal() != form.repeated.reveal() {
        return refuse("The two new passwords differ.".to_owned()).await;
    }
    if site.throttle.count(&account.name, None).is_err() {
        return Err(WebError::TooMany);
    }
    let known = annotators::credentials(&mut *site.pool.acquire().await?, &account.name).await?;
    let hash = known.and_then(|known| known.password_hash);
    if !site.passwords.verify(form.present.reveal(), hash).await.map_err(WebError::internal)? {
        return refuse("The present password is another one.".to_owned()).await;
    }
    let hash = match site.passwords.hash(form.password.reveal()).await {
        Ok(hash) => hash,
        Err(PasswordError::Unfit(problem)) => return refuse(problem).await,
        Err(other) => return Err(WebError::internal(other)),
    };
    let mut tx = site.pool.begin().await?;
    annotators::set_password(&mut tx, account.id, &hash).await?;
    sessions::close_all(&mut tx, account.id).await?;
    events::record(&mut tx, Some(account.id), "password.set", None).await?;
    tx.commit().await?;
    session::open(&session, account.id)?;
    Ok(back(&site, "password"))
}

/// `POST /profile/sign-out-everywhere`.
///
/// # Errors
/// See [`WebError`].
pub async fn sign_out_everywhere(site: Data<Site>, account: Account) -> Result<HttpResponse, WebError> {
    let mut tx = site.pool.begin().await?;
    sessions::close_all(&mut tx, account.id).await?;
    events::record(&mut tx, Some(account.id), "session.close-all", None).await?;
    tx.commit().await?;
    Ok(sign_in::to(&site, "/sign-in?done=everywhere"))
}

fn back(site: &Site, done: &str) -> HttpResponse {
    site.see_other(&format!("/profile?done={done}"))
}

async fn page(
    site: &Site,
    account: Account,
    done: Option<&'static str>,
    problem: Option<String>,
) -> Result<HttpResponse, WebError> {
    let status = if problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let view = viewpoint::active(&mut *site.pool.acquire().await?).await?;
    let frame = Frame::of(site, &account, Place::Profile, view.as_ref());
    let page = Page { frame, account, done, problem };
    html_with(status, &page)
}
