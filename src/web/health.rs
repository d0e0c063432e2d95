//! Whether the service is alive, and whether it is ready: for whoever restarts it and whoever sends it traffic. And
//! its metrics.

use std::time::{Duration, Instant};

use actix_web::{
    Error, HttpResponse,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    middleware::Next,
    web::Data,
};
use serde::Serialize;

use super::{Site, error::WebError};
use crate::{
    config::Role,
    metrics::{self, Moment},
    store::{components, ledger, queue, viewpoint},
};

/// A part that takes longer than this is not ready.
const PATIENCE: Duration = Duration::from_secs(3);

/// `GET /healthz`: the process answers.
pub async fn alive() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; charset=utf-8").body("alive\n")
}

#[derive(Serialize)]
struct Readiness {
    ready: bool,
    database: &'static str,
    models: &'static str,
    store: &'static str,
}

/// `GET /readyz`: 200 when database, models and image store work, else 503; either way it says which do.
pub async fn ready(site: Data<Site>) -> HttpResponse {
    let database = within(async { sqlx::query_scalar!("SELECT 1").fetch_one(&site.pool).await.is_ok() });
    let models = within(async {
        matches!(components::problems(&site.pool, Role::Score).await, Ok(Some(problems)) if problems.is_empty())
    });
    let store = within(async { site.objects.probe().await.is_ok() });
    let (database, models, store) = tokio::join!(database, models, store);
    let word = |works| if works { "ok" } else { "failing" };
    let ready = database && models && store;
    let body = Readiness { ready, database: word(database), models: word(models), store: word(store) };
    if ready { HttpResponse::Ok().json(body) } else { HttpResponse::ServiceUnavailable().json(body) }
}

/// `GET /metrics`, in Prometheus's text format. The database's numbers are those of this moment.
///
/// # Errors
/// See [`WebError`].
pub async fn metrics(site: Data<Site>) -> Result<HttpResponse, WebError> {
    let mut conn = site.pool.acquire().await?;
    let view = viewpoint::active(&mut conn).await?;
    let ledger = ledger::totals(&mut conn, view.as_ref().map(|view| view.generation)).await?;
    let queue = queue::counts(&mut conn).await?;
    let idle = u32::try_from(site.pool.num_idle()).unwrap_or(u32::MAX);
    let moment = Moment { ledger, queue, connections: (site.pool.size(), idle) };
    let text = metrics::render(&moment).ok_or(WebError::NotFound)?;
    Ok(HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(text))
}

/// Counts a request and how long it took, by its route: never by its address, which names what was asked for.
///
/// # Errors
/// None of its own.
pub async fn measure(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let begun = Instant::now();
    let response = next.call(request).await?;
    let route = response.request().match_pattern().unwrap_or_else(|| "none".to_owned());
    metrics::request(route, response.status().as_u16(), begun.elapsed().as_secs_f64());
    Ok(response)
}

async fn within(check: impl Future<Output = bool>) -> bool {
    tokio::time::timeout(PATIENCE, check).await.unwrap_or(false)
}
