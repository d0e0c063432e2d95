//! The web server: one route table, and what every answer has in common.
//!
//! A page is a view struct, its template and its handler together, in [`crate::gallery`]; here is what they
//! share: [`Site`], the [error table](error), the guards and headers, health and the API.

pub mod api;
pub mod assets;
pub mod bearer;
pub mod error;
pub mod guard;
pub mod headers;
pub mod health;

use std::{io, net::TcpListener, path::PathBuf, sync::Arc};

use actix_web::{
    App, HttpServer,
    dev::Server,
    middleware::{Compress, from_fn},
    web::{self, Data, ServiceConfig, get, post},
};
use sqlx::PgPool;
use tokio::sync::Semaphore;
use tracing_actix_web::TracingLogger;

use crate::{
    clock::Clock,
    config::Settings,
    decode::{Budget, Limits},
    gallery::{arrivals, home, image, media, ranking},
    objects::Objects,
};

/// What every handler works with.
#[derive(Clone, Debug)]
pub struct Site {
    /// The database.
    pub pool: PgPool,
    /// Renditions and stored originals.
    pub objects: Objects,
    /// The time.
    pub clock: Clock,
    /// The path under which everything is served: empty, or `/` and a name, without a slash at the end.
    pub base_path: String,
    /// Where pictures are dropped; the empty catalog names it.
    pub upload_dir: PathBuf,
    /// What is too large to be decoded for the viewer.
    pub limits: Limits,
    /// Memory that the decoders of the viewer's renditions share.
    pub budget: Budget,
    /// How many of them may run at the same time.
    pub decoders: Arc<Semaphore>,
}

impl Site {
    /// A site with these settings.
    pub fn new(pool: PgPool, objects: Objects, settings: &Settings, clock: Clock) -> Self {
        let upload_dir = settings.upload_dir();
        Self {
            pool,
            objects,
            clock,
            base_path: normal_base_path(&settings.base_path),
            upload_dir: upload_dir.canonicalize().unwrap_or(upload_dir),
            limits: settings.limits(),
            budget: Budget::new(settings.decode_budget_mib * 1024 * 1024),
            decoders: Arc::new(Semaphore::new(settings.decode_threads.get())),
        }
    }

    /// The address of one of our own pages.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base_path)
    }
}

/// `watches/` and `/watches` are the same place; `/` is none.
fn normal_base_path(text: &str) -> String {
    let path = text.trim().trim_matches('/');
    if path.is_empty() { String::new() } else { format!("/{path}") }
}

/// The server, listening and ready to be awaited; its handle stops it. Signals are the caller's business.
///
/// # Errors
/// When the listener cannot be used.
pub fn server(site: Site, listener: TcpListener) -> io::Result<Server> {
    let site = Data::new(site);
    let server = HttpServer::new(move || {
        App::new()
            .app_data(site.clone())
            .app_data(error::query_config())
            .app_data(error::form_config())
            .app_data(error::path_config())
            .wrap(from_fn(guard::admit))
            .wrap(from_fn(error::render))
            .wrap(from_fn(headers::secure))
            .wrap(Compress::default())
            .wrap(TracingLogger::default())
            .service(web::scope(&site.base_path).configure(routes))
    });
    Ok(server.listen(listener)?.disable_signals().shutdown_timeout(5).run())
}

/// The one route table.
pub fn routes(cfg: &mut ServiceConfig) {
    cfg.route("/", get().to(home::show))
        .route("", get().to(home::show))
        .route("/top", get().to(ranking::top))
        .route("/bottom", get().to(ranking::bottom))
        .route("/images/{id}", get().to(image::show))
        .route("/images/{id}/original", get().to(media::original))
        .route("/images/{id}/rescore", post().to(arrivals::rescore))
        .route("/arrivals", get().to(arrivals::show))
        .route("/arrivals/retry-all", post().to(arrivals::retry_all))
        .route("/arrivals/{id}/retry", post().to(arrivals::retry))
        .route("/arrivals/{id}/ignore", post().to(arrivals::ignore))
        .route("/media/{long_px}/{hash}.jpg", get().to(media::rendition))
        .route("/static/{hash}/{name}", get().to(assets::show))
        .route("/healthz", get().to(health::alive))
        .route("/readyz", get().to(health::ready))
        .route("/api/v1/ledger", get().to(api::ledger))
        .route("/api/v1/images", get().to(api::images))
        .route("/api/v1/images/{id}", get().to(api::image));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_path_has_a_slash_in_front_and_none_behind() {
        for (given, normal) in [("", ""), ("/", ""), ("/watches", "/watches"), ("a/b/", "/a/b")] {
            assert_eq!(normal_base_path(given), normal);
        }
    }
}
