//! Whether the service is alive, and whether it is ready: for whoever restarts it and whoever sends it traffic.

use std::time::Duration;

use actix_web::{HttpResponse, web::Data};
use serde::Serialize;

use super::Site;
use crate::{config::Role, store::components};

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

async fn within(check: impl Future<Output = bool>) -> bool {
    tokio::time::timeout(PATIENCE, check).await.unwrap_or(false)
}
