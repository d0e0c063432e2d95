//! The web server: what every answer has in common.
//!
//! A page is a view struct, its template and its handler together, in [`crate::gallery`]; here is what they
//! share: [`Site`], the [route table](routes) with [who may use what](access), the [error table](error), sessions,
//! headers, health and the API.

pub mod access;
pub mod account;
pub mod api;
pub mod assets;
pub mod error;
pub mod guard;
pub mod headers;
pub mod health;
pub mod live;
pub mod proxies;
pub mod query;
pub mod routes;
pub mod session;

use std::{
    fmt::Display,
    io,
    net::{SocketAddr, TcpListener},
    path::PathBuf,
};

use actix_web::{
    App, HttpResponse, HttpServer,
    dev::Server,
    http::header,
    middleware::{Compress, from_fn},
    web::{self, Data},
};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use tracing_actix_web::TracingLogger;

use self::{live::Live, proxies::TrustedProxies};
use crate::{
    clock::Clock,
    config::{Settings, normal_path},
    decode::Decoders,
    gallery::{counted::Counts, models::Comparisons},
    ingest::{IngestError, upload::Uploads},
    learning::offers::Offers,
    objects::Objects,
    people::{Passwords, Throttle},
    score::Catalogue,
    serving::{Operations, Workshop},
    store::secrets,
};

/// What the site shares with the rest of the process.
#[derive(Clone, Debug)]
pub struct Parts {
    /// The database.
    pub pool: PgPool,
    /// Renditions and stored originals.
    pub objects: Objects,
    /// The decoders of this process.
    pub decoders: Decoders,
    /// The time.
    pub clock: Clock,
    /// Ends the connections that are open for long.
    pub stop: CancellationToken,
}

/// Why the pages cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum SiteError {
    /// The database refused.
    #[error("the database refused what the pages need")]
    Database(#[from] sqlx::Error),
    /// Uploads cannot be received.
    #[error(transparent)]
    Uploads(#[from] IngestError),
}

/// What every handler works with.
#[derive(Clone)]
pub struct Site {
    /// The database.
    pub pool: PgPool,
    /// Renditions and stored originals.
    pub objects: Objects,
    /// The time.
    pub clock: Clock,
    /// The path under which everything is served: empty, or `/` and a name, without a slash at the end.
    pub base_path: String,
    /// Where people reach the pages, without a slash at the end: for links that are handed on.
    pub public_address: String,
    /// Whose word on where a request comes from is believed.
    pub proxies: TrustedProxies,
    /// Signs the session cookies; all web processes share it.
    pub cookie_key: Vec<u8>,
    /// Hashes and checks passwords.
    pub passwords: Passwords,
    /// Counts tries at the door.
    pub throttle: Throttle,
    /// The way in for pictures that are uploaded.
    pub uploads: Uploads,
    /// Tells open pages of changes.
    pub live: Live,
    /// The threshold that the labels speak for.
    pub offers: Offers,
    /// Counts of the lists that were looked at last.
    pub counts: Counts,
    /// How other pairs of models compare with the one that the pages show.
    pub comparisons: Comparisons,
    /// The models folder of this machine.
    pub workshop: Workshop,
    /// The operations on its models.
    pub operations: Operations,
    /// Whether the pictures are drawn ones.
    pub is_demo: bool,
    /// Where the service writes.
    pub data_dir: PathBuf,
    /// Where pictures are dropped; the empty catalog names it.
    pub upload_dir: PathBuf,
    /// The decoders of this process, for the viewer's renditions.
    pub decoders: Decoders,
    /// The models, where more of them may be offered: not offline, nor where this process cannot read them.
    pub models: Option<Catalogue>,
}

impl Site {
    /// A site with these settings, reached at `address`.
    ///
    /// # Errors
    /// When the database refuses, or a setting of the uploads cannot be used.
    pub async fn open(parts: Parts, settings: &Settings, address: SocketAddr) -> Result<Self, SiteError> {
        let Parts { pool, objects, decoders, clock, stop } = parts;
        let upload_dir = settings.upload_dir();
        let cookie_key = secrets::shared(&mut *pool.acquire().await?, "cookies").await?;
        Ok(Self {
            counts: Counts::new(pool.clone()),
            comparisons: Comparisons::default(),
            workshop: Workshop::new(settings),
            operations: Operations::default(),
            live: Live::new(pool.clone(), stop),
            offers: Offers::new(clock.clone()),
            uploads: Uploads::open(
                pool.clone(),
                objects.clone(),
                decoders.clone(),
                (settings, clock.clone()),
            )?,
            pool,
            objects,
            clock,
            base_path: normal_path(&settings.base_path),
            public_address: settings.public_address(address),
            proxies: settings.trusted_proxies.clone(),
            cookie_key,
            passwords: Passwords::default(),
            throttle: Throttle::default(),
            is_demo: settings.demo,
            data_dir: settings.data_dir.clone(),
            upload_dir: upload_dir.canonicalize().unwrap_or(upload_dir),
            decoders,
            models: if settings.offline { None } else { Catalogue::read(&settings.models).ok() },
        })
    }

    /// Whether people reach the pages through TLS, so that a cookie must never travel without.
    pub fn is_secure(&self) -> bool {
        self.public_address.starts_with("https:")
    }

    /// The address of one of our own pages.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base_path)
    }

    /// The address of a picture, `long_px` on its longer side, by the SHA-256 of the original's bytes in hexadecimal digits.
    pub fn picture(&self, long_px: u32, hash: impl Display) -> String {
        self.url(&format!("/media/{long_px}/{hash}.jpg"))
    }

    /// Sends a browser on to one of our own pages once its form was taken, so that reloading does nothing twice.
    pub fn see_other(&self, path: &str) -> HttpResponse {
        HttpResponse::SeeOther().insert_header((header::LOCATION, self.url(path))).finish()
    }
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
            .app_data(error::form_config())
            .app_data(error::path_config())
            .wrap(from_fn(guard::admit))
            .wrap(from_fn(error::render))
            .wrap(from_fn(headers::secure))
            .wrap(Compress::default())
            .wrap(from_fn(health::measure))
            .wrap(TracingLogger::default())
            .service(web::scope(&site.base_path).configure(|cfg| routes::configure(&site, cfg)))
    });
    // Without this the last part of a page waits until a browser has acknowledged the first: 40 ms.
    Ok(server.tcp_nodelay(true).listen(listener)?.disable_signals().shutdown_timeout(5).run())
}
