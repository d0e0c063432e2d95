//! The people who may sign in: for admins.

use actix_web::{
    HttpResponse,
    http::StatusCode,
    web::{Data, Form, Path},
};
use askama::Template;
use serde::Deserialize;
use sqlx::PgConnection;

use super::checked_name;
use crate::{
    domain::{AnnotatorId, Role, Token},
    gallery::{
        frame::{Frame, Place},
        html_with, words,
    },
    store::{
        annotators::{self, Annotator},
        events, links, sessions, viewpoint,
    },
    web::{Site, account::Account, error::WebError},
};

/// The form of an invitation.
#[derive(Deserialize)]
pub struct Invitation {
    name: String,
    role: Role,
}

/// The form of a new role.
#[derive(Deserialize)]
pub struct NewRole {
    role: Role,
}

/// Somebody, as the page shows them.
struct Person {
    id: AnnotatorId,
    name: String,
    role: Role,
    state: String,
    seen: String,
    sessions: i64,
    is_me: bool,
    is_disabled: bool,
    has_password: bool,
}

/// A link to be handed on: shown once.
struct Handout {
    name: String,
    address: String,
}

#[derive(Template)]
#[template(path = "people.html")]
struct Page {
    frame: Frame,
    people: Vec<Person>,
    roles: &'static [Role],
    handout: Option<Handout>,
    problem: Option<String>,
    invited: String,
}

/// What the page says besides the list.
#[derive(Default)]
struct Said {
    handout: Option<Handout>,
    problem: Option<String>,
    invited: String,
}

/// `GET /people`.
///
/// # Errors
/// See [`WebError`].
pub async fn show(site: Data<Site>, account: Account) -> Result<HttpResponse, WebError> {
    page(&site, &account, Said::default()).await
}

/// `POST /people`: adds somebody, and shows the link with which they choose a password.
///
/// # Errors
/// See [`WebError`].
pub async fn invite(
    site: Data<Site>,
    account: Account,
    form: Form<Invitation>,
) -> Result<HttpResponse, WebError> {
    let Invitation { name, role } = form.into_inner();
    let refuse = |problem, invited| Said { problem: Some(problem), invited, ..Said::default() };
    let name = match checked_name(&name) {
        Ok(name) => name,
        Err(problem) => return page(&site, &account, refuse(problem, name)).await,
    };
    let mut tx = site.pool.begin().await?;
    let id = AnnotatorId::new(site.clock.now());
    if !annotators::add(&mut tx, id, &name, role, None).await? {
        tx.rollback().await?;
        let problem = format!("There is somebody called {name} already.");
        return page(&site, &account, refuse(problem, name)).await;
    }
    let address = hand_out(&mut tx, &site, id, account.id).await?;
    events::record(&mut tx, Some(account.id), "annotator.invite", Some(&format!("annotator:{id}"))).await?;
    tx.commit().await?;
    page(&site, &account, Said { handout: Some(Handout { name, address }), ..Said::default() }).await
}

/// `POST /people/{id}/link`: a new link to choose a password, in the place of older ones.
///
/// # Errors
/// See [`WebError`].
pub async fn new_link(
    site: Data<Site>,
    account: Account,
    id: Path<AnnotatorId>,
) -> Result<HttpResponse, WebError> {
    let mut tx = site.pool.begin().await?;
    let Annotator { name, disabled_at, .. } = named(&mut tx, *id).await?;
    if disabled_at.is_some() {
        let problem = format!("{name} is disabled, and a link would not let them in: enable them first.");
        return page(&site, &account, Said { problem: Some(problem), ..Said::default() }).await;
    }
    let address = hand_out(&mut tx, &site, *id, account.id).await?;
    events::record(&mut tx, Some(account.id), "annotator.reset", Some(&format!("annotator:{id}"))).await?;
    tx.commit().await?;
    page(&site, &account, Said { handout: Some(Handout { name, address }), ..Said::default() }).await
}

/// `POST /people/{id}/role`.
///
/// # Errors
/// See [`WebError`].
pub async fn set_role(
    site: Data<Site>,
    account: Account,
    id: Path<AnnotatorId>,
    form: Form<NewRole>,
) -> Result<HttpResponse, WebError> {
    let mut tx = site.pool.begin().await?;
    if form.role != Role::Admin && annotators::is_last_admin(&mut tx, *id).await? {
        return page(&site, &account, last_admin()).await;
    }
    if !annotators::set_role(&mut tx, *id, form.role).await? {
        return Err(WebError::NotFound);
    }
    events::record(&mut tx, Some(account.id), "annotator.role", Some(&format!("annotator:{id}"))).await?;
    tx.commit().await?;
    Ok(site.see_other("/people"))
}

/// `POST /people/{id}/disable`: they are signed out and may not sign in; what they said stays.
///
/// # Errors
/// See [`WebError`].
pub async fn disable(
    site: Data<Site>,
    account: Account,
    id: Path<AnnotatorId>,
) -> Result<HttpResponse, WebError> {
    let mut tx = site.pool.begin().await?;
    if annotators::is_last_admin(&mut tx, *id).await? {
        return page(&site, &account, last_admin()).await;
    }
    if !annotators::set_disabled(&mut tx, *id, Some(site.clock.now())).await? {
        return Err(WebError::NotFound);
    }
    sessions::close_all(&mut tx, *id).await?;
    events::record(&mut tx, Some(account.id), "annotator.disable", Some(&format!("annotator:{id}"))).await?;
    tx.commit().await?;
    Ok(site.see_other("/people"))
}

/// `POST /people/{id}/enable`.
///
/// # Errors
/// See [`WebError`].
pub async fn enable(
    site: Data<Site>,
    account: Account,
    id: Path<AnnotatorId>,
) -> Result<HttpResponse, WebError> {
    let mut tx = site.pool.begin().await?;
    if !annotators::set_disabled(&mut tx, *id, None).await? {
        return Err(WebError::NotFound);
    }
    events::record(&mut tx, Some(account.id), "annotator.enable", Some(&format!("annotator:{id}"))).await?;
    tx.commit().await?;
    Ok(site.see_other("/people"))
}

fn last_admin() -> Said {
    let problem =
        "This is the last admin: somebody must be able to administer the service. Make another one first.";
    Said { problem: Some(problem.to_owned()), ..Said::default() }
}

async fn named(conn: &mut PgConnection, id: AnnotatorId) -> Result<Annotator, WebError> {
    let everybody = annotators::list(conn).await?;
    everybody.into_iter().find(|somebody| somebody.id == id).ok_or(WebError::NotFound)
}

/// Makes a link and answers its whole address.
async fn hand_out(
    conn: &mut PgConnection,
    site: &Site,
    id: AnnotatorId,
    by: AnnotatorId,
) -> Result<String, WebError> {
    let token = Token::generate(&mut rand::rng());
    links::add_password(conn, &token, id, Some(by), site.clock.now()).await?;
    Ok(format!("{}/link/{}", site.public_address, token.reveal()))
}

async fn page(site: &Site, account: &Account, said: Said) -> Result<HttpResponse, WebError> {
    let now = site.clock.now();
    let mut conn = site.pool.acquire().await?;
    let everybody = annotators::list(&mut conn).await?;
    let person = |somebody: Annotator| Person {
        state: state(&somebody),
        seen: somebody.last_seen_at.map_or_else(|| "never".to_owned(), |seen| words::ago(now, seen)),
        sessions: somebody.sessions,
        is_me: somebody.id == account.id,
        is_disabled: somebody.disabled_at.is_some(),
        has_password: somebody.has_password,
        id: somebody.id,
        name: somebody.name,
        role: somebody.role,
    };
    let status = if said.problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let page = Page {
        frame: Frame::of(site, account, Place::People, viewpoint::active(&mut conn).await?.as_ref()),
        people: everybody.into_iter().map(person).collect(),
        roles: Role::ALL,
        handout: said.handout,
        problem: said.problem,
        invited: said.invited,
    };
    html_with(status, &page)
}

/// How they stand, and how long their link stays good.
fn state(somebody: &Annotator) -> String {
    let state = match somebody {
        Annotator { disabled_at: Some(_), .. } => return "disabled".to_owned(),
        Annotator { has_password: false, .. } => "invited",
        Annotator { excluded_at: Some(_), .. } => "excluded from evaluation",
        _ => "active",
    };
    match somebody.link_until {
        Some(until) => format!("{state}, link good until {}", words::moment(until)),
        None if !somebody.has_password => format!("{state}, no valid link"),
        None => state.to_owned(),
    }
}
