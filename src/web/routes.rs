//! The one route table: every address, who may use it, and what answers.

use std::{collections::HashSet, iter::successors};

use actix_session::SessionMiddleware;
use actix_web::{
    FromRequest, Handler, HttpRequest, HttpResponse, Resource, Responder, Route,
    guard::{Any, Get, Head},
    http::{Method, header},
    middleware::from_fn,
    web::{self, ServiceConfig},
};

use super::{
    Site,
    access::{self, Access},
    api, assets, health, live,
    session::{self, Sessions},
};
use crate::{
    feedback::pages::{doubtful, guides, progress, raters, rounds, score},
    gallery::{
        arrivals, bulk, export, health as gallery_health, home, image, jobs, listings, media,
        models as gallery_models, ranking, upload,
    },
    learning::{agreement, evaluation, threshold},
    people::{directory, link, profile, sign_in},
};

/// One line of the table.
pub struct Entry {
    /// How it is asked; `GET` stands for `HEAD` too.
    pub method: Method,
    /// Its address below the base path; parts in braces vary.
    pub path: &'static str,
    /// Who may use it.
    pub access: Access,
    route: Route,
}

/// The table.
#[rustfmt::skip]
pub fn table() -> Vec<Entry> {
    use Access::{Admin, Annotator, Machine, Manager, Open, Public};
    vec![
        // getting in
        get("/sign-in", Public, sign_in::show),
        post("/sign-in", Public, sign_in::submit),
        post("/sign-out", Annotator, sign_in::sign_out),
        get("/link/{token}", Public, link::show),
        post("/link/{token}", Public, link::submit),
        get("/profile", Annotator, profile::show),
        post("/profile/name", Annotator, profile::rename),
        post("/profile/password", Annotator, profile::change_password),
        post("/profile/sign-out-everywhere", Annotator, profile::sign_out_everywhere),
        get("/export", Manager, export::show),
        get("/export/{file}", Manager, export::file),
        get("/models", Admin, gallery_models::show),
        post("/models/check", Admin, gallery_models::check),
        post("/models/activate", Admin, gallery_models::bring_in),
        post("/models/pull", Admin, gallery_models::pull),
        post("/models/stop", Admin, gallery_models::stop),
        post("/models/add", Admin, gallery_models::add),
        post("/models/{generation}/activate", Admin, gallery_models::activate),
        post("/models/{generation}/give-up", Admin, gallery_models::give_up),
        post("/models/{generation}/pause", Admin, gallery_models::pause),
        post("/models/{generation}/resume", Admin, gallery_models::resume),
        post("/models/moved/{model}/accept", Admin, gallery_models::accept),
        get("/health", Admin, gallery_health::show),
        get("/people", Admin, directory::show),
        post("/people", Admin, directory::invite),
        post("/people/{id}/link", Admin, directory::new_link),
        post("/people/{id}/role", Admin, directory::set_role),
        post("/people/{id}/disable", Admin, directory::disable),
        post("/people/{id}/enable", Admin, directory::enable),
        // the catalog
        get("/", Annotator, home::show),
        get("", Annotator, home::show),
        get("/live", Manager, live::events),
        get("/top", Manager, ranking::top),
        get("/bottom", Manager, ranking::bottom),
        get("/ranking", Manager, ranking::whole),
        get("/listings", Manager, listings::show),
        get("/listings/{key:.+}", Manager, listings::one),
        post("/images/hide", Manager, bulk::hide),
        get("/images/{id}", Manager, image::show),
        get("/images/{id}/original", Manager, media::original),
        get("/images/{id}/full", Manager, image::full),
        post("/images/{id}/rescore", Manager, image::actions::rescore),
        post("/images/{id}/hide", Manager, image::actions::hide),
        post("/images/{id}/restore", Manager, image::actions::restore),
        get("/media/full/{hash}.jpg", Manager, media::full),
        get("/media/{long_px}/{hash}.jpg", Manager, media::rendition),
        // judging
        get("/score", Annotator, score::list),
        get("/score/{round}", Annotator, score::show),
        post("/score/{round}", Annotator, score::submit),
        post("/score/{round}/next", Annotator, score::next),
        post("/score/{round}/undo", Annotator, score::undo),
        get("/score/{round}/pictures/{image}/{size}.jpg", Annotator, score::picture),
        get("/progress", Annotator, progress::show),
        get("/doubtful", Manager, doubtful::show),
        post("/doubtful", Manager, doubtful::save),
        post("/doubtful/undo", Manager, doubtful::undo),
        post("/images/{id}/verdict", Manager, doubtful::verdict_on_image),
        get("/rounds", Manager, rounds::list),
        post("/rounds", Manager, rounds::open),
        get("/rounds/new", Manager, rounds::plan),
        get("/rounds/{id}", Manager, rounds::show),
        post("/rounds/{id}/close", Manager, rounds::close),
        post("/rounds/{id}/reopen", Manager, rounds::reopen),
        get("/guides", Manager, guides::show),
        post("/guides", Manager, guides::add),
        get("/raters", Manager, raters::show),
        post("/raters/{id}/exclude", Manager, raters::exclude),
        post("/raters/{id}/include", Manager, raters::include),
        // learning
        get("/threshold", Manager, threshold::show),
        post("/threshold", Manager, threshold::apply),
        post("/threshold/{id}/roll-back", Manager, threshold::roll_back),
        get("/evaluation", Manager, evaluation::show),
        get("/evaluation/images", Manager, evaluation::cell),
        get("/people-against-model", Manager, agreement::show),
        // files
        get("/arrivals", Manager, arrivals::show),
        post("/arrivals/retry-all", Manager, arrivals::retry_all),
        post("/arrivals/retry-reason", Manager, arrivals::retry_reason),
        post("/arrivals/ignore-all", Manager, arrivals::ignore_all),
        post("/arrivals/ignore-reason", Manager, arrivals::ignore_reason),
        post("/arrivals/{id}/unignore", Manager, arrivals::unignore),
        post("/arrivals/{id}/retry", Manager, arrivals::retry),
        post("/arrivals/{id}/ignore", Manager, arrivals::ignore),
        get("/upload", Manager, upload::show),
        post("/upload", Manager, upload::submit),
        get("/jobs", Manager, jobs::show),
        post("/jobs/retry", Manager, jobs::retry),
        // programs
        get("/static/{hash}/{name}", Open, assets::show),
        get("/healthz", Open, health::alive),
        get("/readyz", Open, health::ready),
        get("/metrics", Machine, health::metrics),
        get("/api/v1/openapi.json", Public, api::openapi),
        get("/api/v1/ledger", Manager, api::ledger),
        get("/api/v1/images", Manager, api::images),
        post("/api/v1/images", Manager, api::upload),
        get("/api/v1/images/{id}", Manager, api::image),
    ]
}

impl Entry {
    /// The route, with the session of whoever asks where it matters.
    fn with(self, sessions: &SessionMiddleware<Sessions>) -> Route {
        if self.access == Access::Open { self.route } else { self.route.wrap(sessions.clone()) }
    }

    fn methods(&self) -> &'static [&'static str] {
        if self.method == Method::GET { &["GET", "HEAD"] } else { &["POST"] }
    }
}

/// Puts the table into the server.
pub fn configure(site: &Site, cfg: &mut ServiceConfig) {
    let sessions = session::middleware(site);
    let mut table = table();
    let pages: HashSet<&str> =
        table.iter().filter(|entry| entry.method == Method::GET).map(|entry| entry.path).collect();
    while let Some(first) = table.first().map(|entry| entry.path) {
        let (here, others): (Vec<_>, Vec<_>) = table.into_iter().partition(|entry| entry.path == first);
        table = others;
        let allowed: Vec<&str> = here.iter().flat_map(Entry::methods).copied().collect();
        let (allowed, below) = (allowed.join(", "), parts_below_page(first, &pages));
        let refuse = move |request: HttpRequest| {
            let refusal = refusal(&request, &allowed, below);
            async move { refusal }
        };
        let routes = here.into_iter().map(|entry| entry.with(&sessions));
        cfg.service(routes.fold(web::resource(first), Resource::route).default_service(web::to(refuse)));
    }
}

/// How many parts of its path a button's address has below the page that it belongs to; none of a page.
fn parts_below_page(path: &str, pages: &HashSet<&str>) -> usize {
    let is_below = |path: &&str| !path.is_empty() && !pages.contains(path);
    successors(Some(path), |path| Some(parent(path))).take_while(is_below).count()
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

/// The answer to a method that is not in the table. Who looks at a button's address, as after a press that was refused, is led to its
/// page.
fn refusal(request: &HttpRequest, allowed: &str, parts_below_page: usize) -> HttpResponse {
    if parts_below_page > 0 && [Method::GET, Method::HEAD].contains(request.method()) {
        let page = (0..parts_below_page).fold(request.path(), |path, _| parent(path));
        let page = if page.is_empty() { "/" } else { page };
        return HttpResponse::SeeOther().insert_header((header::LOCATION, page)).finish();
    }
    HttpResponse::MethodNotAllowed().insert_header((header::ALLOW, allowed)).finish()
}

/// For requests that change nothing.
fn get<F, Args>(path: &'static str, access: Access, handler: F) -> Entry
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    entry(Method::GET, path, access, web::route().guard(Any(Get()).or(Head())).to(handler))
}

/// For requests that change something.
fn post<F, Args>(path: &'static str, access: Access, handler: F) -> Entry
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    entry(Method::POST, path, access, web::post().to(handler))
}

fn entry(method: Method, path: &'static str, access: Access, route: Route) -> Entry {
    let route = route.wrap(from_fn(move |request, next| access::admit(access, request, next)));
    Entry { method, path, access, route }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buttons_address_lies_so_many_parts_below_its_page_also_where_there_is_none() {
        let pages = HashSet::from(["/models", "/images/{id}"]);
        for (path, parts) in [
            ("/models", 0),
            ("/models/pull", 1),
            ("/models/moved/{model}/accept", 3),
            ("/images/{id}/hide", 1),
        ] {
            assert_eq!(parts_below_page(path, &pages), parts, "{path}");
        }
        assert_eq!(parts_below_page("/images/hide", &pages), 2);
        assert_eq!(parts_below_page("", &pages), 0);
    }
}
