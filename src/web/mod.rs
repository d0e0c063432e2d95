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

use std::{io, net::TcpListener, path::PathBuf};

use actix_web::{
    App, HttpServer, Resource, Route,
    dev::Server,
    guard::{Any, Get, Head},
    middleware::{Compress, from_fn},
    web::{self, Data, ServiceConfig, post},
};
use sqlx::PgPool;
use tracing_actix_web::TracingLogger;

use crate::{
    clock::Clock,
    config::Settings,
    decode::Decoders,
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
    /// The decoders of this process, for the viewer's renditions.
    pub decoders: Decoders,
}

impl Site {
    /// A site with these settings.
    pub fn new(
        pool: PgPool,
        objects: Objects,
        decoders: Decoders,
        settings: &Settings,
        clock: Clock,
    ) -> Self {
        let upload_dir = settings.upload_dir();
        Self {
            pool,
            objects,
            clock,
            base_path: normal_base_path(&settings.base_path),
            upload_dir: upload_dir.canonicalize().unwrap_or(upload_dir),
            decoders,
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
    cfg.service(at("/", read().to(home::show)))
        .service(at("", read().to(home::show)))
        .service(at("/top", read().to(ranking::top)))
        .service(at("/bottom", read().to(ranking::bottom)))
        .service(at("/images/{id}", read().to(image::show)))
        .service(at("/images/{id}/original", read().to(media::original)))
        .service(at("/images/{id}/rescore", post().to(arrivals::rescore)))
        .service(at("/arrivals", read().to(arrivals::show)))
        .service(at("/arrivals/retry-all", post().to(arrivals::retry_all)))
        .service(at("/arrivals/{id}/retry", post().to(arrivals::retry)))
        .service(at("/arrivals/{id}/ignore", post().to(arrivals::ignore)))
        .service(at("/media/{long_px}/{hash}.jpg", read().to(media::rendition)))
        .service(at("/static/{hash}/{name}", read().to(assets::show)))
        .service(at("/healthz", read().to(health::alive)))
        .service(at("/readyz", read().to(health::ready)))
        .service(at("/api/v1/ledger", read().to(api::ledger)))
        .service(at("/api/v1/images", read().to(api::images)))
        .service(at("/api/v1/images/{id}", read().to(api::image)));
}

fn at(path: &str, route: Route) -> Resource {
    web::resource(path.to_owned()).route(route)
}

/// For requests that change nothing.
fn read() -> Route {
    web::route().guard(Any(Get()).or(Head()))
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
