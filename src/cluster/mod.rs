//! The database without set-up: a private PostgreSQL cluster in the data directory.
//!
//! Every command opens a [`Database`]. With an address (`DATABASE_URL`) that is all there is to it. Without one,
//! the cluster of the data directory is found running or started with the machine's own PostgreSQL, reached
//! through a socket that only its user and root can open. Each `Database` holds a shared lock on `users.lock`; the
//! last one out gets the exclusive lock and stops the server. If a process is killed, the kernel drops its
//! lock; a server without users is used again by the next command.
//!
//! In the data directory's `postgres` folder (or in `/var/lib/chronograde`, see `place.rs`):
//!
//! | file | |
//! | --- | --- |
//! | `pgdata` | the cluster |
//! | `users.lock` | shared by those who use the server |
//! | `server.lock` | held by the server's processes, see `server.rs` |
//! | `postgresql.conf`, `pg_hba.conf`, `pg_ident.conf` | written at every start |
//! | `server.log` | of the server's present life; `server.log.1` of the one before |

mod binaries;
mod error;
mod place;
mod server;
mod settings;

use std::{
    fs::{File, TryLockError},
    path::Path,
    time::Duration,
};

use sqlx::{ConnectOptions, Connection, PgConnection, postgres::PgConnectOptions};
use tokio::{task::JoinHandle, time::Instant};

pub use self::{
    binaries::{client_program, server_programs},
    error::ClusterError,
    settings::Durability,
};
use self::{place::Place, server::Server};

/// Time between two tries to get in while the last one out stops the server.
const LOOK: Duration = Duration::from_millis(40);
/// A server that is away for longer is not waited for.
const PATIENCE: Duration = Duration::from_secs(10);
/// What takes longer is worth a word to whoever waits.
const SOON: Duration = Duration::from_secs(1);
/// Time between two tries to reach a server that is away.
const AGAIN: Duration = Duration::from_millis(500);
/// Time between two looks whether the server still lives.
const WATCH: Duration = Duration::from_secs(1);

/// A database that is up for as long as this value lives.
#[derive(Debug)]
pub struct Database {
    url: String,
    private: Option<Private>,
}

/// What holds the private server up. The keeper stands first: it ends before the membership does.
#[derive(Debug)]
struct Private {
    keeper: Keeper,
    membership: Membership,
}

impl Database {
    /// With `url`, that server, without a look at it. Without, the private cluster of `data_dir`, found or started.
    ///
    /// # Errors
    /// There is no PostgreSQL on the machine, the cluster is of another version or of another user, or the server
    /// does not start. Each error is a sentence with the way out.
    pub async fn open(url: Option<&str>, data_dir: &Path) -> Result<Self, ClusterError> {
        match url {
            Some(url) => Ok(Self { url: url.to_owned(), private: None }),
            None => Self::private(data_dir, Durability::Full).await,
        }
    }

    /// The private cluster of `data_dir`, found or started; a server that runs already keeps its durability.
    ///
    /// # Errors
    /// As [`Database::open`].
    pub async fn private(data_dir: &Path, durability: Durability) -> Result<Self, ClusterError> {
        let server = Server { place: Place::of(data_dir)?, durability };
        let membership = Membership::join(server.clone()).await?;
        server.ready().await?;
        let url = server.url();
        Ok(Self { url, private: Some(Private { keeper: Keeper::watch(server), membership }) })
    }

    /// Removes the private cluster of `data_dir` and all that is in it; `false`, and nothing happens, while
    /// somebody uses it.
    ///
    /// # Errors
    /// The server does not stop, or a file cannot be removed.
    pub async fn discard(data_dir: &Path) -> Result<bool, ClusterError> {
        let server = Server { place: Place::of(data_dir)?, durability: Durability::ThrowAway };
        let Some(_alone) = server.place.try_lock("users.lock")? else { return Ok(false) };
        let place = server.place.clone();
        finish(move || server.stop()).await?;
        place.remove()?;
        Ok(true)
    }

    /// The address, as `DATABASE_URL` has it. It may contain a password.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// How to connect.
    ///
    /// # Errors
    /// `DATABASE_URL` is not an address.
    pub fn connect_options(&self) -> Result<PgConnectOptions, ClusterError> {
        Ok(self.url.parse()?)
    }

    /// Connects once, as whoever wants to know whether the server can be reached.
    ///
    /// # Errors
    /// It does not let us in, or does not answer within `patience`.
    pub async fn meet(&self, patience: Duration) -> Result<PgConnection, ClusterError> {
        let options = self.connect_options()?;
        let place = place_of(&options);
        let (why, may_pass) = match tokio::time::timeout(patience, options.connect()).await {
            Ok(Ok(conn)) => return Ok(conn),
            Ok(Err(error)) => (format!("does not let us in: {error}"), may_pass(&error)),
            Err(_) => ("does not answer".to_owned(), true),
        };
        Err(ClusterError::Away { place, why, may_pass })
    }

    /// Waits a while for the server of `DATABASE_URL`, and says so if it is not there at once; ours is up.
    ///
    /// # Errors
    /// As [`Database::meet`].
    pub async fn wait(&self) -> Result<(), ClusterError> {
        if self.private.is_some() {
            return Ok(());
        }
        let until = Instant::now() + PATIENCE;
        let mut met = self.meet(SOON).await;
        if matches!(met, Err(ClusterError::Away { may_pass: true, .. })) {
            tracing::info!("waiting for the database at {}", place_of(&self.connect_options()?));
        }
        while matches!(met, Err(ClusterError::Away { may_pass: true, .. })) && Instant::now() < until {
            tokio::time::sleep(AGAIN).await;
            met = self.meet(until.saturating_duration_since(Instant::now()).max(SOON)).await;
        }
        Ok(met?.close().await?)
    }

    /// Leaves. If nobody else uses the private server, stops it, and waits until it has written everything.
    ///
    /// # Errors
    /// The server could not be told to stop, or takes minutes.
    pub async fn close(mut self) -> Result<(), ClusterError> {
        let Some(Private { keeper, membership }) = self.private.take() else { return Ok(()) };
        drop(keeper);
        finish(|| membership.leave()).await
    }
}

/// Host and port, for people.
fn place_of(options: &PgConnectOptions) -> String {
    format!("{}:{}", options.get_host(), options.get_port())
}

/// Whether a server that is starting, or a network that is away, may be the reason.
fn may_pass(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) => true,
        // "the database system is starting up"
        sqlx::Error::Database(error) => error.code().as_deref() == Some("57P03"),
        _ => false,
    }
}

/// Whether `data_dir` has a private cluster; looks, and makes nothing.
pub fn is_made(data_dir: &Path) -> bool {
    place::is_made(data_dir)
}

/// Runs what blocks where it may.
async fn finish(
    stop: impl FnOnce() -> Result<(), ClusterError> + Send + 'static,
) -> Result<(), ClusterError> {
    let stopped = tokio::task::spawn_blocking(stop).await;
    stopped.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}

/// Starts the server again when it was killed (by the kernel, as a rule, when memory is short).
#[derive(Debug)]
struct Keeper(JoinHandle<()>);

impl Keeper {
    fn watch(server: Server) -> Self {
        Self(tokio::spawn(async move {
            loop {
                tokio::time::sleep(WATCH).await;
                if server.is_alive() {
                    continue;
                }
                tracing::warn!("the database server has gone; starting it again");
                if let Err(error) = server.ready().await {
                    tracing::error!("{error}");
                }
            }
        }))
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// One user's share of the server.
#[derive(Debug)]
struct Membership {
    server: Server,
    /// Locked shared while the membership lasts.
    lock: File,
    left: bool,
}

impl Membership {
    /// Waits until nobody is stopping the server, and keeps it from being stopped.
    async fn join(server: Server) -> Result<Self, ClusterError> {
        let lock = server.place.open_lock("users.lock")?;
        loop {
            match lock.try_lock_shared() {
                Ok(()) => return Ok(Self { server, lock, left: false }),
                Err(TryLockError::WouldBlock) => tokio::time::sleep(LOOK).await,
                Err(TryLockError::Error(error)) => {
                    return Err(ClusterError::io("lock", server.place.file("users.lock"))(error));
                }
            }
        }
    }

    /// Stops the server if nobody else is in.
    fn leave(mut self) -> Result<(), ClusterError> {
        self.stop_if_last()
    }

    fn stop_if_last(&mut self) -> Result<(), ClusterError> {
        if std::mem::replace(&mut self.left, true) {
            return Ok(());
        }
        // The kernel gives up the shared lock before it tries for the exclusive one. So of two who leave at the
        // same time, at least one finds itself alone.
        match self.lock.try_lock() {
            Ok(()) => self.server.stop(),
            Err(TryLockError::WouldBlock) => Ok(()),
            Err(TryLockError::Error(error)) => {
                Err(ClusterError::io("lock", self.server.place.file("users.lock"))(error))
            }
        }
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        if let Err(error) = self.stop_if_last() {
            tracing::warn!("{error}");
        }
    }
}
