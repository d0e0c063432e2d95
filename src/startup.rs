//! Builds the whole service and runs it: the same for `serve`, for tests and for benches.

use std::{
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use actix_web::dev::Server;
use sqlx::{Connection, PgPool, postgres::PgPoolOptions};
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{
    clock::Clock,
    cluster::{ClusterError, Database},
    config::{Role, Secret, Settings},
    decode::Decoders,
    demo,
    ingest::{Ingest, IngestError},
    jobs::{self, JobError},
    metrics,
    objects::{ObjectError, Objects},
    people::setup::{self, SetUp},
    scorer::Scorer,
    shutdown,
    store::{MIGRATOR, answers_needed, components, summary},
    web::{self, Parts, Site, SiteError},
};

/// Why the service did not start. Each sentence names what to change.
#[derive(Debug, thiserror::Error)]
pub enum StartupError {
    /// The address is taken, or not ours.
    #[error("cannot listen on {address}: choose another with --listen or CHRONOGRADE_LISTEN")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// A folder cannot be made.
    #[error("cannot make the folder {path}: set {setting} to one that this user may write")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The setting that names it.
        setting: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// No database.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// The database answers, but not as it should.
    #[error("the database refused a connection or a migration")]
    Database(#[from] sqlx::Error),
    /// A migration failed.
    #[error("the database's tables could not be brought up to date")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// The job queue could not be prepared.
    #[error(transparent)]
    Queue(#[from] JobError),
    /// The upload directory cannot be watched at all.
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// The folder of renditions cannot be used.
    #[error(transparent)]
    Objects(#[from] ObjectError),
    /// The pages cannot be served.
    #[error(transparent)]
    Site(#[from] SiteError),
    /// The web server ended by itself.
    #[error("the web server failed")]
    Web(#[source] std::io::Error),
    /// The metrics could not be set up.
    #[error("the metrics could not be set up")]
    Metrics(#[source] metrics_exporter_prometheus::BuildError),
    /// A role ended by a mistake of ours.
    #[error("a part of the service ended unexpectedly")]
    Panicked(#[source] JoinError),
}

/// The service, connected and listening, but not running yet.
pub struct Application {
    database: Database,
    pool: PgPool,
    roles: Vec<Role>,
    settings: Arc<Settings>,
    objects: Objects,
    listener: Option<TcpListener>,
    clock: Clock,
}

impl Application {
    /// Opens the database, brings its tables up to date, and binds the address. With port 0 the system
    /// chooses one; [`Application::address`] tells which.
    ///
    /// # Errors
    /// A sentence that names the setting to change.
    pub async fn build(settings: Settings, roles: &[Role], clock: Clock) -> Result<Self, StartupError> {
        let listener = roles.contains(&Role::Web).then(|| listen(settings.listen)).transpose()?;
        make_folder(&settings.data_dir, "CHRONOGRADE_DATA_DIR")?;
        make_folder(&settings.upload_dir(), "CHRONOGRADE_UPLOAD_DIR")?;
        let url = settings.database_url.as_ref().map(Secret::reveal);
        let database = Database::open(url, &settings.data_dir).await?;
        let pool = connect(&database, &settings).await?;
        migrate(&pool).await?;
        if listener.is_some() {
            answers_needed::keep(&pool, settings.corrections_needed).await?;
        }
        let objects = Objects::local(&settings.store_dir())?;
        let settings = Arc::new(settings);
        Ok(Self { database, pool, roles: roles.to_vec(), settings, objects, listener, clock })
    }

    /// Where the pages are served; none without the web role.
    pub fn address(&self) -> Option<SocketAddr> {
        self.listener.as_ref().and_then(|listener| listener.local_addr().ok())
    }

    /// Where people reach the pages; none without the web role.
    pub fn public_address(&self) -> Option<String> {
        self.address().map(|address| self.settings.public_address(address))
    }

    /// How the first admin is made; none when there is one, or without the web role.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn set_up(&self) -> Result<Option<SetUp>, StartupError> {
        if self.listener.is_none() {
            return Ok(None);
        }
        Ok(setup::link(&self.pool, &self.settings, &self.clock).await?)
    }

    /// Runs every role until `stop` is cancelled, then finishes what is in hand and closes the database.
    ///
    /// # Errors
    /// When a role ends by itself.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), StartupError> {
        let mut roles = Roles::new();
        let decoders = self.settings.decoders();
        if let Some(listener) = self.listener.take() {
            self.serve_pages(&mut roles, listener, decoders.clone(), &stop).await?;
        }
        if self.settings.demo {
            tokio::spawn(demo::judge(self.pool.clone(), self.clock.clone(), stop.clone()));
        }
        if self.roles.contains(&Role::Ingest) {
            let ingest =
                Ingest::new(self.pool.clone(), self.objects.clone(), &self.settings, self.clock.clone())?;
            let stop = stop.clone();
            roles.spawn(async move {
                ingest.run(stop).await;
                Ok(())
            });
        }
        if self.roles.contains(&Role::Score) {
            let (objects, settings) = (self.objects, self.settings);
            let scorer = Scorer { pool: self.pool.clone(), objects, decoders, settings };
            let stop = stop.clone();
            roles.spawn(async move {
                scorer.run(stop).await;
                Ok(())
            });
        }
        let ended = finish(roles, &stop).await;
        // A database that is away keeps nobody from stopping: what this process said grows old by itself.
        let _ = tokio::time::timeout(FAREWELL, components::withdraw(&self.pool)).await;
        self.pool.close().await;
        self.database.close().await?;
        ended
    }

    /// Starts the role that serves the pages, and what belongs to it.
    async fn serve_pages(
        &self,
        roles: &mut Roles,
        listener: TcpListener,
        decoders: Decoders,
        stop: &CancellationToken,
    ) -> Result<(), StartupError> {
        let parts = Parts {
            pool: self.pool.clone(),
            objects: self.objects.clone(),
            decoders,
            clock: self.clock.clone(),
            stop: stop.clone(),
        };
        metrics::install().map_err(StartupError::Metrics)?;
        let address = listener.local_addr().map_err(StartupError::Web)?;
        let site = Site::open(parts, &self.settings, address).await?;
        let server = web::server(site, listener).map_err(StartupError::Web)?;
        roles.spawn(serve(server, stop.clone()));
        let public_address = self.settings.public_address(address);
        roles.spawn(tell_address(self.pool.clone(), (public_address, address), stop.clone()));
        let folding = summary::keep_folded(self.pool.clone(), stop.clone());
        roles.spawn(async move {
            folding.await;
            Ok(())
        });
        Ok(())
    }
}

/// What runs, each part until the signal.
type Roles = JoinSet<Result<(), StartupError>>;

/// Answers requests until `stop` is cancelled, then finishes those in hand.
async fn serve(mut server: Server, stop: CancellationToken) -> Result<(), StartupError> {
    let handle = server.handle();
    let served = tokio::select! {
        served = &mut server => served,
        () = stop.cancelled() => tokio::join!(server, handle.stop(true)).0,
    };
    served.map_err(StartupError::Web)
}

/// How often a process that serves pages says where.
const TELL: Duration = Duration::from_secs(10);

/// Says where the pages are, until `stop` is cancelled: commands hand out links to them.
async fn tell_address(
    pool: PgPool,
    (public_address, listens_at): (String, SocketAddr),
    stop: CancellationToken,
) -> Result<(), StartupError> {
    let listens_at = listens_at.to_string();
    loop {
        // While the database is away, whoever serves a page says so.
        let _ = components::report_pages(&pool, &public_address, &listens_at).await;
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(TELL) => {}
        }
    }
}

/// How long a process that ends tries to take back what it said of itself.
const FAREWELL: Duration = Duration::from_secs(2);

/// Waits for the roles. One that ends by itself ends the others; after the signal they have a while to finish.
async fn finish(mut roles: Roles, stop: &CancellationToken) -> Result<(), StartupError> {
    let mut outcome = Ok(());
    tokio::select! {
        () = stop.cancelled() => {}
        Some(ended) = roles.join_next() => outcome = ended.unwrap_or_else(|panic| Err(StartupError::Panicked(panic))),
    }
    stop.cancel();
    let all_ended = async {
        while let Some(ended) = roles.join_next().await {
            let ended = ended.unwrap_or_else(|panic| Err(StartupError::Panicked(panic)));
            outcome = std::mem::replace(&mut outcome, Ok(())).and(ended);
        }
    };
    if tokio::time::timeout(shutdown::GRACE, all_ended).await.is_err() {
        tracing::warn!("stopped before everything in hand was finished; it is taken up at the next start");
    }
    outcome
}

fn listen(address: SocketAddr) -> Result<TcpListener, StartupError> {
    TcpListener::bind(address).map_err(|source| StartupError::Listen { address, source })
}

fn make_folder(path: &Path, setting: &'static str) -> Result<(), StartupError> {
    std::fs::create_dir_all(path).map_err(|source| StartupError::Folder {
        path: path.to_owned(),
        setting,
        source,
    })
}

/// A connection that lay idle for longer is asked whether it still lives before it is used.
const TRUSTED: Duration = Duration::from_secs(1);

/// A pool of connections to the opened database.
///
/// # Errors
/// When the server does not answer.
pub async fn connect(database: &Database, settings: &Settings) -> Result<PgPool, StartupError> {
    database.wait().await?;
    let pool = PgPoolOptions::new()
        .max_connections(settings.database_connections)
        .acquire_timeout(Duration::from_secs(10))
        .test_before_acquire(false)
        .before_acquire(|conn, used| {
            Box::pin(async move {
                // A server that went away is noticed; a connection that was in use just now needs no question.
                if used.idle_for > TRUSTED {
                    conn.ping().await?;
                }
                Ok(true)
            })
        })
        .connect_with(database.connect_options()?)
        .await?;
    Ok(pool)
}

/// Brings the tables, ours and the queue's, up to date.
///
/// # Errors
/// When a migration fails; the database stays as it was.
pub async fn migrate(pool: &PgPool) -> Result<(), StartupError> {
    MIGRATOR.run(pool).await?;
    jobs::migrate(pool).await?;
    Ok(())
}
